"""Whatever is described: the check says what is wrong and never fails itself; lowering and compiling refuse with a reason."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.errors import SequenceError
from eventready.sequences.check import check
from eventready.sequences.compile import compile
from eventready.sequences.digest import digest
from eventready.sequences.language import (
    HERALD,
    INPUT,
    OFF,
    ON,
    ROUND_TYPE,
    Apart,
    Basis,
    Block,
    Choose,
    Effect,
    Gate,
    Herald,
    Level,
    Pulse,
    Repeat,
    Seq,
    Tone,
    Until,
    Wait,
    ns,
)
from eventready.sequences.lowering import lower
from eventready.sequences.program import Action
from eventready.sequences.rewire import moved_to
from eventready.sequences.targets import TARGETS
from eventready.sequences.text_form import text_form
from eventready.sequences.wiring import Line, wire

times = st.sampled_from([-5 * ns, 0, 1, 8 * ns, 40 * ns, 100 * ns, 10**7, 10**13])
names = st.sampled_from(["alice.x", "alice.rf", "bob.y", "bsm.ref", "bsm.detector_ch", "bsm.detector_cv", "nobody", ""])
drives = st.sampled_from([ON, OFF, Level(0.5), Level(9.0), Tone(80e6, 0.0)])
effects = st.none() | st.builds(Effect, st.sampled_from(Action), times, st.none() | st.just(Basis(0.5)))
pulses = st.builds(Pulse, names, times, times, drives, effects)
gates = st.builds(Gate, names, times, times, st.none() | names)
fallbacks = st.sampled_from([None, 0, 1, 7])
blocks = st.builds(Block, st.sampled_from(["a", "b"]), times, st.lists(pulses, max_size=3), st.lists(gates, max_size=2), fallbacks)
heralds = st.lists(st.builds(Herald, st.just("h"), st.frozensets(names, max_size=2)), max_size=3)
symbols = st.sampled_from([INPUT, HERALD, ROUND_TYPE, "other"])
items = st.recursive(
    blocks | st.builds(Wait, st.sampled_from([INPUT, "w"]), times, st.booleans(), fallbacks),
    lambda inner: st.one_of(
        st.builds(Seq, st.lists(inner, max_size=3), fallbacks),
        st.builds(Repeat, inner, st.integers(-1, 3)),
        st.builds(Until, inner, heralds, st.integers(-1, 9), times),
        st.builds(Choose, symbols, st.dictionaries(st.sampled_from([0, 1, 2, "h", "key"]), inner, max_size=3), fallbacks),
        st.dictionaries(st.sampled_from(["alice", "bob", ""]), inner, max_size=2).map(Apart),
    ),
    max_leaves=8,
)
ports = st.sampled_from(["d.out0", "d.ttl1", "d.dds0", "d.apd0", "d.apd1", "d.ref", "d.dac0", "e.ch0", "e.ao1", "f.rf1", "g.x", "none"])
lines = st.lists(st.builds(Line, names, ports, times, times, times, drives, st.none() | drives, st.booleans(), times), max_size=6)
devices = st.dictionaries(st.sampled_from("defg"), st.sampled_from([*TARGETS, "nothing"]), max_size=4)


@settings(deadline=None, derandomize=True, max_examples=400)
@given(items, lines, devices)
def test_junk_gets_findings_and_no_crash(tree, wired, kinds):
    wiring = wire(wired, kinds)
    found = check(tree, wiring)
    assert all(str(one) for one in found)
    assert text_form(tree, wiring).isascii()
    assert len(digest(tree, wiring)) == 32
    for node in ("alice", "bob", "bsm"):
        with contextlib.suppress(SequenceError):
            lower(tree, node)
    for device, kind in kinds.items():
        if kind in TARGETS:
            with contextlib.suppress(SequenceError):
                compile(tree, wiring.of_device(device), TARGETS[kind])
    for target in TARGETS.values():
        check(tree, moved_to(wiring, target, tree))
