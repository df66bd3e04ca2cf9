"""The twin's sequencer plays programs on the world: heralds, sections, latched inputs."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from eventready.clock import SimClock
from eventready.errors import DeviceFault, NotReady, SequenceError
from eventready.instruments import ExitReason
from eventready.sequences.program import Action, Arm, Program, Section, sections_by_name
from eventready.stations.assembly import programs
from eventready.stations.config import load_link
from eventready.testing import MockProgram
from eventready.twin.ports import Actor, SequencerPort
from eventready.twin.roles import TwinRandomSource, TwinSequencer

MakeLab = Callable[..., Any]
PROGRAMS = programs(load_link("munich"))
NODE = PROGRAMS["alice"]
US = 10**6


@pytest.fixture
def lab(make_lab: MakeLab) -> Any:
    return make_lab("munich-physics", seed=81)


@pytest.fixture
def bsm(lab: Any, close_instruments: None) -> TwinSequencer:
    sequencer = TwinSequencer("bsm", lab.bsm, SimClock(lab.now_ps))
    sequencer.load(PROGRAMS["bsm"])
    return sequencer


@pytest.fixture
def alice(lab: Any, close_instruments: None) -> TwinSequencer:
    sequencer = TwinSequencer("alice", lab.nodes[0], SimClock(lab.now_ps))
    sequencer.load(NODE)
    return sequencer


# -- attempts --------------------------------------------------------------------------------------------------------------------------


def test_a_herald_is_reported_with_its_time_and_the_clock_shows_it(bsm: TwinSequencer) -> None:
    before_ps, total = bsm.clock.now_ps(), 0
    for _ in range(20):
        result = bsm.run(10**9)
        total += result.attempts
        assert result.reason is ExitReason.HERALD
        assert result.pattern in (3, 12)
        assert result.time_ps == bsm.clock.now_ps() > before_ps
        assert result.latched is None
        before_ps = result.time_ps
    assert bsm.counters() == (total, total)


def test_a_limit_and_a_missing_particle_are_told_apart(lab: Any, bsm: TwinSequencer) -> None:
    start_ps = bsm.clock.now_ps()
    result = bsm.run(300)  # at 5e-7 an attempt
    assert (result.reason, result.attempts, result.time_ps) == (ExitReason.LIMIT, 300, start_ps + 2 * 4_040 * US)
    lab.beam("bob", "trap").set(bsm.clock.now_ps(), on=False)
    result = bsm.run(10**9)
    assert (result.reason, result.attempts, result.time_ps) == (ExitReason.NOT_READY, 200, start_ps + 3 * 4_040 * US)
    assert bsm.clock.now_ps() == result.time_ps


def test_a_missed_reference_vetoes_one_run(lab: Any, bsm: TwinSequencer) -> None:
    lab.bsm.missed_references = 1
    result = bsm.run(10**9)
    assert result.reason is ExitReason.VETOED
    assert "reference" in result.veto
    assert bsm.run(10**9).reason is ExitReason.HERALD


def test_the_next_run_begins_where_the_clock_is(bsm: TwinSequencer) -> None:
    bsm.clock.sleep(5.0)
    start_ps = bsm.clock.now_ps()
    assert bsm.run(10**9).time_ps > start_ps


# -- programs --------------------------------------------------------------------------------------------------------------------------


def test_nothing_is_played_before_a_program_is_loaded(close_instruments: None) -> None:
    empty = TwinSequencer("empty")
    for attempt in (lambda: empty.run(1), lambda: empty.play("readout", 0)):
        with pytest.raises(NotReady, match="no program"):
            attempt()


def test_a_program_of_another_kind_is_refused_and_nothing_is_loaded_then(bsm: TwinSequencer) -> None:
    with pytest.raises(SequenceError, match="not MockProgram"):
        bsm.load(MockProgram())
    assert bsm.program_digest() == ""
    with pytest.raises(NotReady):
        bsm.run(1)


def test_a_node_cannot_attempt_and_the_heralding_station_has_no_sections(alice: TwinSequencer, bsm: TwinSequencer) -> None:
    with pytest.raises(SequenceError, match="alice has no attempt loop"):
        alice.run(1)
    with pytest.raises(SequenceError, match="no section 'readout'"):
        bsm.play("readout", 0)


def test_a_new_program_starts_new_counts(bsm: TwinSequencer) -> None:
    bsm.run(100)
    assert bsm.counters() != (0, 0)
    bsm.load(PROGRAMS["bsm"])
    assert bsm.counters() == (0, 0)


# -- sections --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arm", [None, -1, 4])
def test_a_readout_needs_one_of_its_arms(alice: TwinSequencer, arm: int | None) -> None:
    with pytest.raises(SequenceError, match="'readout' needs one of its 4 arms"):
        alice.play("readout", arm)


def test_an_unknown_section_is_refused_with_those_that_there_are(alice: TwinSequencer) -> None:
    with pytest.raises(SequenceError, match=r"'redout'.*input, readout"):
        alice.play("redout", 0)


class Acts(SequencerPort):
    """Notes what is done to the particle."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Action, Arm | None, int]] = []

    def actor(self, action: Action) -> Actor:
        return lambda arm, at_ps: self.seen.append((action, arm, at_ps))


def test_a_section_acts_when_and_how_its_program_says(close_instruments: None) -> None:
    port = Acts()
    sequencer = TwinSequencer("alice", port, SimClock(1000))
    plain = Section("shuttle", Action.DISCONNECT, length_ps=70)
    sequencer.load(dataclasses.replace(NODE, sections=sections_by_name(*NODE.sections.values(), plain)))
    played = sequencer.play("readout", 2)
    assert (played.arm, played.start_ps, played.arm_time_ps, played.end_ps) == (2, 1000, 1000 + 20 * US, 1000 + 20 * US + 200_000)
    assert sequencer.clock.now_ps() == played.end_ps
    after = sequencer.play("shuttle")
    assert (after.arm, after.start_ps, after.end_ps) == (0, played.end_ps, played.end_ps + 70)
    assert port.seen == [
        (Action.ANALYSE, NODE.sections["readout"].arms[2], 1000 + 20 * US),
        (Action.DISCONNECT, None, played.end_ps),
    ]


def test_the_hardware_s_input_is_the_one_that_is_read_back(lab: Any, alice: TwinSequencer) -> None:
    qrng = TwinRandomSource("qrng", lab.world.random_port(0), alice.clock, latch_bits=2)
    found: Counter[int] = Counter()
    for _ in range(400):
        start_ps = alice.clock.now_ps()
        played = alice.play("input")
        assert (played.arm_time_ps, played.end_ps) == (start_ps + US, start_ps + US)
        assert qrng.read_latched() == (played.arm, played.arm_time_ps)
        found[played.arm] += 1
    assert set(found) == {0, 1, 2, 3}
    assert all(abs(count - 100) < 5 * 75**0.5 for count in found.values())  # false alarm: 6e-7 each
    with pytest.raises(NotReady):
        qrng.read_latched()


def test_nobody_chooses_for_the_hardware(alice: TwinSequencer) -> None:
    refused = 0
    for _ in range(50):
        try:
            played = alice.play("input", 1)
        except DeviceFault as error:
            assert "another branch" in str(error)
            refused += 1
        else:
            assert played.arm == 1
    assert refused > 20  # 3 of 4: false alarm 5e-7


def test_without_random_bits_there_is_one_input(close_instruments: None) -> None:
    sequencer = TwinSequencer("alone")
    sequencer.load(NODE)
    assert sequencer.play("input").arm == 0


def test_a_program_is_all_that_it_knows(close_instruments: None) -> None:
    sequencer = TwinSequencer("alone")
    sequencer.load(NODE)
    sequencer.load(Program("alice"))
    with pytest.raises(SequenceError):
        sequencer.play("readout", 0)
