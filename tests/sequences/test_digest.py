"""Digests are equal if and only if descriptions are."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.sequences.digest import canonical, digest
from eventready.sequences.language import INPUT, OFF, ON, Apart, Block, Choose, Gate, Herald, Level, Pulse, Repeat, Seq, Tone, Until, Wait
from eventready.sequences.wiring import Line, wire
from eventready.stations.assembly import programs
from eventready.stations.config import copy_link, load_link

WIRING = wire([Line("a.x", "d.ch0")], {"d": "pulse-streamer"})

few = st.integers(0, 1)
drives = st.sampled_from([ON, OFF, Level(0), Level(-0.0), Level(1), Tone(1, 0), Tone(1.0, 0.0)])
pulses = st.builds(Pulse, st.just("a.x"), few, few, drives)
gates = st.builds(Gate, st.just("a.d"), few, few, st.sampled_from([None, "a.x"]))
blocks = st.builds(Block, st.sampled_from("ab"), few, st.lists(pulses, max_size=1), st.lists(gates, max_size=1), st.sampled_from([None, 0]))
items = st.recursive(
    blocks | st.builds(Wait, st.just("w"), few, st.booleans()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(Seq),
        st.builds(Repeat, inner, few),
        st.builds(Until, inner, st.just([Herald("h", {"a.d"})]), few),
        st.dictionaries(st.sampled_from([0, 1, "0"]), inner, max_size=2).map(lambda arms: Choose(INPUT, arms)),
        st.dictionaries(st.sampled_from(["alice", "bob"]), inner, max_size=2).map(Apart),
    ),
    max_leaves=3,
)


@settings(deadline=None, derandomize=True, max_examples=400)
@given(items, items)
def test_equal_if_and_only_if_the_trees_are(one, other):
    assert (digest(one, WIRING) == digest(other, WIRING)) is (one == other)


def test_the_order_of_what_happens_at_its_own_time_does_not_count():
    one, two = Pulse("a.x", 0, 1), Pulse("a.y", 0, 1)
    assert digest(Block("b", 5, [one, two]), WIRING) == digest(Block("b", 5, [two, one]), WIRING)
    assert digest(Seq([Block("a", 5), Block("b", 5)]), WIRING) != digest(Seq([Block("b", 5), Block("a", 5)]), WIRING)
    lines = [Line("a.x", "d.ch0"), Line("a.y", "d.ch1")]
    assert digest(Seq([]), wire(lines)) == digest(Seq([]), wire(lines[::-1]))


def test_inputs_and_words_stay_apart():
    assert digest(Choose(INPUT, {1: Seq([])}), WIRING) != digest(Choose(INPUT, {"1": Seq([])}), WIRING)
    assert canonical(Herald("h", {"b", "a"})) == {"kind": "Herald", "name": "h", "clicks": ["a", "b"]}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Line)])
def test_every_word_of_the_wiring_counts(field):
    line = Line("a.x", "d.ch0", 1, 2, 3, OFF, OFF, True, 4)
    other = {"name": "a.y", "port": "d.ch1", "idle": ON, "gap_state": ON, "visible": False}.get(field, 77)
    changed = dataclasses.replace(line, **{field: other})
    assert digest(Seq([]), wire([line])) != digest(Seq([]), wire([changed]))


def test_a_changed_delay_is_a_new_digest_in_every_node_s_program(tmp_path):
    """The header of every log has the program's digest."""
    copy_link("munich", tmp_path)
    path = tmp_path / "link.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('ch0, delay: "500 ns"', 'ch0, delay: "501 ns"', 1), encoding="utf-8")
    before, after = programs(load_link("munich")), programs(load_link(tmp_path))
    assert all(before[node].digest != after[node].digest for node in ("alice", "bob", "bsm"))
    assert all(dataclasses.replace(before[node], sequence="") == dataclasses.replace(after[node], sequence="") for node in before)
