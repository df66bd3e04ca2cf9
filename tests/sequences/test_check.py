# ruff: noqa: E501 - one fault a line
"""The check finds what is wrong, all of it, where it is; and finds nothing in the links that come with the package."""

import dataclasses
import re
from types import SimpleNamespace

import pytest

from eventready.sequences.check import check
from eventready.sequences.language import (
    HERALD,
    INPUT,
    ROUND_TYPE,
    Apart,
    Block,
    Choose,
    Gate,
    Herald,
    Level,
    Pulse,
    Repeat,
    Seq,
    Tone,
    Until,
    Wait,
    ms,
    ns,
    us,
)
from eventready.sequences.rewire import moved_to
from eventready.sequences.targets import ARTIQ, MOGLABS, PULSE_STREAMER
from eventready.sequences.wiring import Line, wire
from eventready.stations.config import load_link
from eventready.stations.link_sequence import link_round, link_wiring

LINKS = {
    name: SimpleNamespace(tree=link_round(config), wiring=link_wiring(config))
    for name in ("munich", "oxford")
    for config in (load_link(name),)
}


def edit(item, kind, change, name=None):
    """The tree with ``change`` made to every item of a kind (and, for blocks, of a name)."""
    if isinstance(item, Seq):
        item = dataclasses.replace(item, items=[edit(each, kind, change, name) for each in item.items])
    elif isinstance(item, Repeat | Until):
        item = dataclasses.replace(item, body=edit(item.body, kind, change, name))
    elif isinstance(item, Choose):
        item = dataclasses.replace(item, arms={value: edit(arm, kind, change, name) for value, arm in item.arms.items()})
    elif isinstance(item, Apart):
        item = Apart({node: edit(each, kind, change, name) for node, each in item.parts.items()})
    return change(item) if isinstance(item, kind) and (name is None or item.name == name) else item


def pulse(line, /, **changes):
    """A change to the first pulse on a line."""

    def change(block):
        return dataclasses.replace(
            block, pulses=[dataclasses.replace(each, **changes) if each.line == line else each for each in block.pulses]
        )

    return change


def add(*pulses):
    return lambda block: dataclasses.replace(block, pulses=(*block.pulses, *pulses))


def input_arms(change):
    """A change to the arms of every choice on the input of Alice."""

    def apply(choice):
        mine = choice.symbol == INPUT and all("alice" in str(arm) for arm in choice.arms.values())
        return dataclasses.replace(choice, arms=change(dict(choice.arms))) if mine else choice

    return apply


def longer(arms):
    return {**arms, 1: dataclasses.replace(arms[1], length_ps=arms[1].length_ps + us)}


def visible(arms):
    return {**arms, 1: dataclasses.replace(arms[1], pulses=(*arms[1].pulses, Pulse("alice.repump", 10 * us, us)))}


def key_arm(arms):
    return {**arms, "key": arms[0]}


def round_type(item):
    return Choose(ROUND_TYPE, {"test": item, "key": item.arms[0]}) if item.symbol == INPUT else item


def heralds(*found):
    return lambda until: dataclasses.replace(until, heralds=found)


CH, CV = "bsm.detector_ch", "bsm.detector_cv"
FAULTS = {
    # ten kinds of mistakes that people make, each in the link where it hurts; then some more
    "short pulse": ("munich", Block, pulse("alice.excitation", width_ps=5 * ns), "attempt", "short", r"lasts 5 ns.*10 ns"),
    "overlap": ("munich", Block, add(Pulse("bob.pump", 3 * us, us)), "attempt", "overlap", r"bob.pump.*overlap from 3 us to 3\.6 us.*3\.6 us"),
    "unknown line": ("munich", Block, pulse("bob.pump", line="bob.pmup"), "attempt", "line", r"attempt/bob\.pmup.*no line.*bob\.pump"),
    "lead time": ("munich", Block, pulse("alice.pump", at_ps=480 * ns), "attempt", "lead", r"alice\.pump.*needs 20 ns more lead time"),
    "off the grid": ("munich", Block, pulse("alice.readout", at_ps=19_999_600), "readout", "grid", r"19\.4996 us, between 19\.499 us and 19\.5 us"),
    "cycle too long": ("oxford", Block, lambda b: dataclasses.replace(b, length_ps=9 * us), "attempt", "length", r"9 us.*8\.184 us.*pulse-streamer"),
    "no gate": ("oxford", Block, lambda b: dataclasses.replace(b, gates=b.gates[1:]), "attempt", "gate", r"detector_ch has no gate.*never matches"),
    "same pattern": ("oxford", Until, heralds(Herald("psi+", {CH, CV}), Herald("psi-", {CV, CH})), None, "herald", r"also heralds psi\+.*remove"),
    "no fallback": ("oxford", Seq, lambda s: dataclasses.replace(s, fallback=None), None, "fallback", r"alice/shuttle.*not defined"),
    "longer arm": ("munich", Choose, input_arms(longer), None, "leak", r"alice/input=0.*lasts 20\.2 us.*21\.2 us.*pad the arm by 1 us"),
    "visible line": ("munich", Choose, input_arms(visible), None, "leak", r"alice\.repump can be noticed.*plays 10 us to 11 us.*nothing at input 0"),
    "round type": ("oxford", Choose, round_type, None, "leak", r"hangs on the type of the round"),
    "key arm": ("oxford", Choose, input_arms(key_arm), None, "leak", r"input=key.*key input is the very arm"),
    "outside": ("munich", Block, pulse("alice.trap", width_ps=2 * ms), "empty_trap", "outside", r"0 ns to 2 ms.*0 to 1 ms"),
    "pause": ("munich", Block, add(Pulse("alice.pump", 3_650 * ns, 200 * ns)), "attempt", "pause", r"50 ns later.*100 ns"),
    "pulses": ("oxford", Block, add(Pulse("alice.pump", 700 * ns, 104 * ns)), "attempt", "pulses", r"2 pulses, but alice_artiq\.out0 plays 1"),
    "port in the cycle": ("oxford", Block, add(Pulse("alice.cooling", 700 * ns, 200 * ns)), "attempt", "port", r"alice_artiq\.ttl0 cannot be played"),
    "drive": ("munich", Block, pulse("alice.repump", drive=Level(0.5)), "fluorescence", "drive", r"analog level.*digital port"),
    "gate too early": ("oxford", Block, lambda b: dataclasses.replace(b, gates=[dataclasses.replace(g, at_ps=g.at_ps - 15 * ns) for g in b.gates]), "attempt", "gate", r"5 ns to 20 ns after the reference"),
    "gate after the cycle": ("oxford", Block, lambda b: dataclasses.replace(b, length_ps=620 * ns), "attempt", "gate", r"19\.903 ns after the end of the cycle"),
    "branch": ("munich", Choose, input_arms(lambda arms: {**arms, 1: pulse("alice.readout", at_ps=10 * us)(arms[1])}), None, "branch", r"cannot choose.*artiq"),
    "first entry": ("munich", Block, pulse("bob.cooling", at_ps=2 * us), "fluorescence", "lead", r"bob_rf\.rf1.*first step takes 3 us.*needs 1 us more lead time"),
    "unknown symbol": ("munich", Choose, lambda c: dataclasses.replace(c, symbol="wether"), None, "choice", r"nothing is called 'wether'"),
    "no patterns": ("munich", Until, heralds(), None, "herald", r"no pattern heralds"),
    "no arms": ("munich", Choose, lambda c: dataclasses.replace(c, arms={}), None, "choice", r"has no arms"),
    "fallback value": ("munich", Seq, lambda s: s if s.fallback is None else dataclasses.replace(s, fallback=2), None, "fallback", r"2 is no output"),
    "repeat": ("munich", Repeat, lambda r: dataclasses.replace(r, n=0), None, "count", r"repeats 0 times"),
    "limit": ("munich", Until, lambda u: dataclasses.replace(u, limit=0), None, "count", r"after 0 attempts"),
    "reference": ("oxford", Block, lambda b: dataclasses.replace(b, pulses=[p for p in b.pulses if "bsm" not in p.line]), "attempt", "reference", r"bsm\.reference, which has no pulse"),
    "empty pattern": ("munich", Until, heralds(Herald("x", ())), None, "herald", r"every attempt would herald"),
    "waiting in an arm": ("munich", Choose, input_arms(lambda arms: {**arms, 1: Seq([arms[1], Wait("x", us)])}), None, "leak", r"not fixed"),
    "no rest": ("munich", Block, pulse("bob.cooling", width_ps=195 * us), "cooling", "rest", r"0 ns before the next start, 1 us are needed"),
    "length on the grid": ("munich", Block, lambda b: dataclasses.replace(b, length_ps=b.length_ps + 1), "empty_trap", "grid", r"not on the 1 ns grid"),
}  # fmt: skip


@pytest.mark.parametrize("name", LINKS)
def test_nothing_is_found_in_the_links_that_come_with_the_package(name):
    assert check(LINKS[name].tree, LINKS[name].wiring) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault):
    name, kind, change, block, rule, text = FAULTS[fault]
    tree = edit(LINKS[name].tree, kind, change, block)
    assert tree != LINKS[name].tree
    found = check(tree, LINKS[name].wiring)
    assert [one for one in found if one.rule == rule], found
    pattern = re.compile(text)
    assert any(one.rule == rule and pattern.search(str(one)) for one in found), [str(one) for one in found]


TEN = (
    "short pulse",
    "overlap",
    "unknown line",
    "lead time",
    "off the grid",
    "no gate",
    "same pattern",
    "no fallback",
    "longer arm",
    "outside",
)


def test_ten_faults_at_once_are_ten_findings_and_more_are_not_invented():
    """Every kind of finding has its fault, and nobody stops at the first one."""
    rules = {FAULTS[fault][4] for fault in TEN}
    tree = LINKS["munich"].tree
    for fault in TEN:
        _, kind, change, block, *_ = FAULTS[fault]
        tree = edit(tree, kind, change, block)
    found = check(tree, LINKS["munich"].wiring)
    assert rules <= {one.rule for one in found}
    for fault in TEN:
        alone = check(edit(LINKS["munich"].tree, *FAULTS[fault][1:4]), LINKS["munich"].wiring)
        assert {one.rule for one in alone} == {FAULTS[fault][4]}, fault


def test_the_times_in_a_lead_finding_are_what_is_missing():
    """Moved later by what the finding says, the sequence is right."""
    wiring = wire([Line("a.x", "dev.ch0", delay_ps=300 * ns)], {"dev": "pulse-streamer"})
    early = Block("b", us, [Pulse("a.x", 280 * ns, 100 * ns)])
    (finding,) = check(early, wiring)
    assert "needs 20 ns more lead time" in str(finding)
    assert check(Block("b", us, [Pulse("a.x", 300 * ns, 100 * ns)]), wiring) == []


def test_munich_does_not_fit_the_entangler_and_its_finding_says_what_does():
    link = LINKS["munich"]
    found = check(link.tree, moved_to(link.wiring, ARTIQ, link.tree))
    long = [one for one in found if one.rule == "length"]
    assert len(long) == 3  # one a node
    for one in long:
        assert "lasts 19.2 us, longer than the 8.184 us" in one.message
        assert "pulse-streamer" in one.remedy
    assert {one.rule for one in found} == {"length", "grid"}


def test_oxford_fits_the_pulse_streamer_but_for_its_tones_and_the_fibre():
    link = LINKS["oxford"]
    found = check(link.tree, moved_to(link.wiring, PULSE_STREAMER, link.tree))
    assert found
    assert {one.place for one in found if one.rule == "port"} == {"wiring/alice.qubit", "wiring/bob.qubit"}
    assert {one.place.rpartition("/")[2] for one in found if one.rule != "port"} == {"bsm.reference"}  # 903 ps off the grid


@pytest.mark.parametrize(
    ("lines", "devices", "rule"),
    [
        ([Line("a.x", "dev.ch9")], {"dev": "pulse-streamer"}, "port"),
        ([Line("a.x", "dev.ch0"), Line("a.y", "dev.ch0")], {"dev": "pulse-streamer"}, "port"),
        ([Line("a.x", "dev.ch0")], {}, "device"),
        ([Line("a.x", "dev.ch0")], {"dev": "pulse-streemer"}, "device"),
        ([Line("a.x", "dev.ch0", delay_ps=-1)], {"dev": "pulse-streamer"}, "delay"),
    ],
)
def test_wrong_wiring(lines, devices, rule):
    assert rule in {one.rule for one in check(Block("b", us), wire(lines, devices))}


def test_too_many_steps():
    tree = Repeat(Block("b", us, [Pulse("a.x", 100 * ns, 100 * ns)]), 1_000_000)
    (finding,) = check(tree, wire([Line("a.x", "dev.ch0")]), PULSE_STREAMER)
    assert (finding.rule, "2000001 steps" in finding.message) == ("steps", True)
    tree = Repeat(Block("b", 10 * us, [Pulse("a.x", 3 * us, 2 * us, Tone(80e6, 0.0))]), 5_000)
    (finding,) = check(tree, wire([Line("a.x", "dev.rf1")]), MOGLABS)
    assert finding.rule == "steps"


def test_repeats_that_drift_off_the_grid():
    """The first one is on the grid, the second one is not."""
    tree = Repeat(Block("b", 1_000_500, [Pulse("a.x", 0, 100 * ns)]), 2)
    found = check(tree, wire([Line("a.x", "dev.ch0")]), PULSE_STREAMER)
    assert [one.rule for one in found] == ["grid"]
    assert check(tree, wire([Line("a.x", "dev.ch0", tolerance_ps=500)]), PULSE_STREAMER) == []


def test_patterns_that_one_device_must_see_whole():
    gates = [Gate(f"b.d{k}", 100 * ns, 15 * ns, "b.ref") for k in range(4)]
    block = Block("try", us, [Pulse("b.ref", 50 * ns, 8 * ns)], gates)
    pairs = [Herald("x", {f"b.d{i}", f"b.d{k}"}) for i in range(4) for k in range(i)]
    lines = [Line("b.ref", "one.ref"), *(Line(f"b.d{k}", f"one.apd{k}") for k in range(4))]
    found = check(Until(block, pairs, 10), wire(lines), ARTIQ)
    assert [one.rule for one in found] == ["patterns"]
    assert "6 herald patterns, but one matches 4" in found[0].message
    away = [*lines[:-1], Line("b.d3", "two.apd3"), Line("b.ref2", "two.ref")]
    assert {one.rule for one in check(Until(block, pairs[:3], 10), wire(away), ARTIQ)} >= {"reference"}


def test_a_choice_on_the_public_herald_may_show():
    arms = {"psi+": Block("a", 5 * us, [Pulse("a.x", us, us)]), "psi-": Block("a", 7 * us)}
    assert check(Choose(HERALD, arms), wire([Line("a.x", "dev.ttl0")]), ARTIQ) == []
    assert {one.rule for one in check(Choose(INPUT, dict(enumerate(arms.values()))), wire([Line("a.x", "dev.ttl0")]), ARTIQ)} == {"leak"}


def test_findings_are_found_once_each_and_say_place_and_remedy():
    tree = edit(LINKS["oxford"].tree, Seq, lambda item: dataclasses.replace(item, fallback=None))
    found = check(tree, LINKS["oxford"].wiring)
    assert len(set(found)) == len(found)
    assert all(one.place and one.message and one.remedy for one in found)
    leaves = ("shuttle", "isolated_both", "round_type", "rotate", "fluorescence", "scramble", "reconnect")
    assert all(any(leaf in one.place for one in found) for leaf in leaves)
