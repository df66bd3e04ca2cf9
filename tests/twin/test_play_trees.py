"""Whatever can be played is played: random trees on worlds with random faults never crash, and their traces hold together."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.sequences.attempts import DETECTORS, REFERENCE
from eventready.sequences.language import (
    HERALD,
    INPUT,
    OFF,
    ON,
    Apart,
    Basis,
    Block,
    Choose,
    Effect,
    Gate,
    Herald,
    Item,
    Level,
    Pulse,
    Repeat,
    Seq,
    Tone,
    Until,
    Wait,
    us,
)
from eventready.sequences.program import Action, Arm
from eventready.sequences.tree import blocks as all_blocks
from eventready.sequences.tree import node_of
from eventready.twin.physics.preset import load_preset
from eventready.twin.play import Player
from eventready.twin.play_ready import make_ready
from eventready.twin.ports import BeamPort, DetectorPort, ShutterPort
from eventready.twin.trace import Trace, timeline
from eventready.twin.world import World

SIDES = ("alice", "bob")
CH, CV, DH, DV = DETECTORS
HERALDS = (Herald("psi+", frozenset({CH, CV})), Herald("psi+", frozenset({DH, DV})), Herald("psi-", frozenset({CH, DV})))
SLOTS = ("readout", "ionisation", "cooling", "repump", "trap", "qubit", "pump")
VALUES = {
    f"node.{side}.{name}": value
    for side in SIDES
    for name, value in {"trap_lifetime": 1e6, "load_mean": 0.5, "load_shape": 50.0, "efficiency": 0.1}.items()
}
EVENTS = ("shutter_closed", "shutter_open", "isolated_both", INPUT, "answered", "unanswered")

drives = st.sampled_from([ON, OFF, Level(0.0), Level(1.0), Tone(80e6, 0.0)])


@st.composite
def blocks(draw: st.DrawFn, node: str) -> Block:
    """A valid block: nothing overlaps, and every effect acts within it."""
    length, pulses = draw(st.integers(1, 8)) * us, []
    for slot in draw(st.lists(st.sampled_from(SLOTS), unique=True, max_size=3)):
        now_ps = 0
        for _ in range(draw(st.integers(1, 2))):
            start_ps = now_ps + draw(st.sampled_from([0, 1, us // 2]))
            width_ps = draw(st.sampled_from([1, us // 4, us]))
            if start_ps + width_ps > length:
                break
            now_ps = start_ps + width_ps
            action = draw(st.sampled_from([None, *Action]))
            late_ps = draw(st.sampled_from([0, width_ps, length - start_ps]))
            basis = Basis(draw(st.sampled_from([0.0, 0.4])), beam=draw(st.integers(0, 1)))
            does = None if action is None else Effect(action, late_ps, basis if action is Action.ANALYSE else None)
            pulses.append(Pulse(f"{node}.{slot}", start_ps, width_ps, draw(drives), does))
    gates = [Gate(f"{node}.detector", at_ps, length - at_ps) for at_ps in draw(st.lists(st.sampled_from([0, us // 3]), max_size=1))]
    return Block(draw(st.sampled_from(["a", "fluorescence"])), length, tuple(pulses), tuple(gates), draw(st.sampled_from([None, 0, 1])))


def waits() -> st.SearchStrategy[Item]:
    return st.builds(
        Wait, st.sampled_from(EVENTS), st.sampled_from([0, us, 10_000 * us]), st.booleans(), fallback=st.sampled_from([None, 0, 1])
    )


def items(node: str) -> st.SearchStrategy[Item]:
    """What a node does after a herald."""
    return st.recursive(
        blocks(node) | waits(),
        lambda inner: st.one_of(
            st.builds(Seq, st.lists(inner, max_size=4).map(tuple), st.sampled_from([None, 0, 1])),
            st.builds(Repeat, inner, st.integers(1, 3)),
            st.builds(Choose, st.just(HERALD), st.dictionaries(st.sampled_from(["psi+", "psi-"]), inner, min_size=1, max_size=2)),
            st.builds(Choose, st.just(INPUT), st.dictionaries(st.sampled_from([0, 1]), inner, min_size=1, max_size=2)),
        ),
        max_leaves=7,
    )


def read_out(node: str) -> st.SearchStrategy[Item]:
    """The same, with a look at the end."""
    light = tuple(Pulse(f"{node}.{slot}", 0, 2 * us) for slot in ("cooling", "repump"))
    look = Block("fluorescence", 3 * us, light, (Gate(f"{node}.detector", us, 2 * us),))
    return items(node).map(lambda item: Seq((item, look)))


@st.composite
def trees(draw: st.DrawFn) -> Item:
    """A round: perhaps a block before, attempts, and after a herald both together or apart, or one of them only."""
    excited = tuple(Pulse(f"{node}.excitation", 100, 50) for node in SIDES)
    gates = tuple(Gate(name, 200, 60_000, REFERENCE) for name in DETECTORS)
    attempt = Block("attempt", 10 * us, (*excited, Pulse(REFERENCE, 100, 50)), gates)
    until = Until(Seq((Repeat(attempt, 20), Block("cooling", 20 * us))), HERALDS, draw(st.sampled_from([3, 10**6, 10**6])), 5)
    parts = Apart(
        {
            node: draw(items(node) | read_out(node) | read_out(node))
            for node in draw(st.sampled_from([SIDES, SIDES, ("alice",), ("bob",), ()]))
        }
    )
    before = draw(st.lists(blocks("alice") | blocks("bob") | waits(), max_size=1))
    common = draw(st.lists(blocks("alice") | waits(), max_size=2))
    after = Seq((*common[:1], parts, *common[1:]), fallback=draw(st.sampled_from([0, 1])))
    return Seq((*before, until, after))


faults = st.lists(
    st.sampled_from(["bob.shutter", "alice.readout", "bob.cooling", "alice.detector", CH, "bob.trap", "bob.lost"]), max_size=2
)


def break_(world: World, slot: str, now_ps: int, how: bool) -> None:
    port = world.ports.get(slot)
    if isinstance(port, ShutterPort):
        port.stuck = True
    elif isinstance(port, DetectorPort):
        port.set_overloaded(True) if how else port.set_deaf(True)
    elif isinstance(port, BeamPort):
        port.set(now_ps, locked=False) if how else port.set(now_ps, interlock_closed=False)
    elif slot == "bob.lost":
        world.traps[1].empty(now_ps)


def answer(node: str, event: str, since_ps: int) -> int | None:
    return since_ps + us if event == "answered" else None


def watched(world: World, acted: list[tuple[int, Action, int]]) -> None:
    """Note every action on a particle, however it gets there."""
    actor = world.actor

    def watching(side: int, action: Action) -> Any:
        act = actor(side, action)

        def noted(arm: Arm | None, at_ps: int) -> None:
            acted.append((side, action, at_ps))
            act(arm, at_ps)

        return noted

    world.actor = watching  # type: ignore[method-assign]


@settings(deadline=None, derandomize=True, max_examples=120)
@given(tree=trees(), seed=st.integers(0, 3), broken=faults, how=st.booleans(), inputs=st.sampled_from([{}, {"alice": 0, "bob": 1}]))
def test_a_trace_holds_together(tree: Item, seed: int, broken: list[str], how: bool, inputs: dict[str, int]) -> None:
    shuttles = any(p.does is not None and p.does.action is Action.DISCONNECT for _, block in all_blocks(tree) for p in block.pulses)
    world = World(load_preset("oxford" if shuttles else "munich-physics").with_values(VALUES), seed=seed, readout_window=20e-3)
    player = Player(tree, world, thresholds=dict.fromkeys(SIDES, 1), answer=answer)
    needed = {"alice": 0, "bob": 1} | inputs
    now_ps = make_ready(tree, world, thresholds=dict.fromkeys(SIDES, 15), reads="no such block", poll=0.1)
    lit = {slot: port.on for slot, port in world.ports.items() if isinstance(port, BeamPort)}
    acted: list[tuple[int, Action, int]] = []
    watched(world, acted)
    for slot in broken:
        break_(world, slot, now_ps, how)
    trace = player.play(now_ps, needed)
    holds_together(trace, tree)
    # Every effect that came up acted exactly once, and at its time.
    noted = Counter((SIDES.index(name), at_ps) for name, node in trace.nodes.items() for one in node.steps for at_ps in one.acted_ps)
    assert noted == Counter((side, at_ps) for side, _, at_ps in acted)
    for side in (0, 1):
        times = [at_ps for who, _, at_ps in acted if who == side]
        assert times == sorted(times)
    deaf, alice = world.ports["alice.detector"], trace.nodes["alice"]
    assert isinstance(deaf, DetectorPort)
    if deaf.overloaded and trace.herald is not None and any(one.counts and one.start_ps >= trace.herald.time_ps for one in alice.steps):
        assert alice.fallback == "alice.detector is overloaded, its counts mean nothing"
    for slot, was in lit.items():
        port = world.ports[slot]
        assert isinstance(port, BeamPort)
        assert port.on == (was and port.interlock_closed), slot


def holds_together(trace: Trace, tree: Item) -> None:
    assert (trace.herald is None) == bool(trace.ended)
    for name, node in trace.nodes.items():
        now_ps = trace.start_ps
        for one in node.steps:
            assert one.start_ps == now_ps, "no gap, and never backwards"
            assert one.end_ps >= one.start_ps
            assert all(one.start_ps <= at_ps <= one.end_ps for at_ps in one.acted_ps)
            now_ps = one.end_ps
        assert trace.end_ps >= now_ps
        if trace.herald is None:
            assert node.outcome is None
        elif name in SIDES and any(one.start_ps >= trace.herald.time_ps for one in node.steps):
            assert node.outcome in (0, 1)
            counted = [
                one for one in node.steps if one.path.endswith("fluorescence") and one.counts and one.start_ps >= trace.herald.time_ps
            ]
            if not node.fallback:
                assert node.outcome == int(sum(count for _, count in counted[-1].counts) >= 1)
    assert timeline(trace).isascii()
    assert len(timeline(trace, reveal=True)) >= 10


def expected_effects(block: Block, node: str, start_ps: int) -> list[int]:
    return sorted(start_ps + p.at_ps + p.does.after_ps for p in block.pulses if p.does is not None and node_of(p.line) == node)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.lists(blocks("alice"), min_size=1, max_size=4), st.integers(0, 10**9))
def test_every_effect_of_a_block_acts_at_its_moment(found: list[Block], start_ps: int) -> None:
    world = World(load_preset("oxford"), seed=1, readout_window=20e-3)
    acted: list[tuple[int, Action, int]] = []
    watched(world, acted)
    world.port("SinglePhotonDetector", "alice.detector").set_on(True)  # type: ignore[union-attr]
    trace = Player(Seq(tuple(found)), world, thresholds={}).play(start_ps)
    wanted, now_ps = [], start_ps
    for block in found:
        wanted += expected_effects(block, "alice", now_ps)
        now_ps += block.length_ps
    assert [at_ps for _, _, at_ps in acted] == wanted
    assert trace.end_ps == now_ps
    assert trace.ended == "the sequence makes no attempts"


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_that_does_not_come_is_named(event: str) -> None:
    """A part that is nothing but a wait: the declared output, and why."""
    world = World(load_preset("munich-physics").with_values(VALUES), seed=1, readout_window=20e-3)
    gates = tuple(Gate(name, 20_000, 60_000, REFERENCE) for name in DETECTORS)
    attempt = Block("attempt", 10 * us, (*(Pulse(f"{node}.excitation", 100, 50) for node in SIDES), Pulse(REFERENCE, 100, 50)), gates)
    parts = {"alice": Seq((Wait(event, 3 * us, fallback=1),)), "bob": Wait("isolated_both", 3 * us, fallback=0)}
    tree = Seq((Until(attempt, HERALDS, 10**6), Apart(parts)))
    make_ready(tree, world, thresholds=dict.fromkeys(SIDES, 15), reads="no such block")
    trace = Player(tree, world, thresholds=dict.fromkeys(SIDES, 1), answer=answer).play(60 * 10**12)
    assert trace.nodes["alice"].outcome == 1
    assert trace.nodes["bob"].outcome == 0
    comes = event in ("isolated_both", INPUT, "answered")  # Alice has no shutter in Munich
    assert (trace.nodes["alice"].fallback == f"{event} did not come within 3 us") is not comes
