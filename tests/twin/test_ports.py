"""Ports: what they remember, when they tell the world, and that a port without a world stands alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from eventready.sequences.program import Action, Arm, AttemptLoop
from eventready.twin.ports import (
    Attempted,
    BeamPort,
    DetectorPort,
    Latched,
    RandomPort,
    RotatorPort,
    SequencerPort,
    ShutterPort,
    TagPort,
)

LOOP = AttemptLoop(attempt_ps=10, attempts_per_burst=4, gap_ps=7, herald_ps=3, limit_attempts=100, gate_start_ps=0, gate_ps=1)


# -- beams -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", [False, True])
@pytest.mark.parametrize("locked", [False, True])
def test_a_beam_shines_when_it_is_on_and_locked(on: bool, locked: bool) -> None:
    port = BeamPort()
    port.set(0, on=on, locked=locked)
    assert port.shining is (on and locked)


def test_what_is_not_given_stays() -> None:
    port = BeamPort()
    port.set(0, on=True, power_w=0.5)
    port.set(1, locked=False)
    assert (port.on, port.power_w, port.locked) == (True, 0.5, False)
    port.set(2, on=False, power_w=0.0)
    assert (port.on, port.power_w, port.locked) == (False, 0.0, False)


def test_an_open_interlock_puts_the_light_out_until_somebody_lights_it_again() -> None:
    port = BeamPort()
    port.set(0, on=True)
    port.set(1, interlock_closed=False)
    assert not port.shining
    port.set(2, on=True)
    assert not port.on
    port.set(3, interlock_closed=True)
    assert not port.shining
    port.set(4, on=True)
    assert port.shining


# -- shutters --------------------------------------------------------------------------------------------------------------------------


def at(port: ShutterPort, now_ps: int) -> tuple[bool, bool, bool]:
    return port.is_open(now_ps), port.moving(now_ps), port.is_closed(now_ps)


OPEN, MOVING, CLOSED = (True, False, False), (False, True, False), (False, False, True)


def test_a_blade_takes_its_time_and_counts_as_shut_on_its_way() -> None:
    port = ShutterPort(travel_ps=100)
    assert at(port, 0) == CLOSED
    port.command(True, 50)
    assert [at(port, now) for now in (50, 149, 150)] == [MOVING, MOVING, OPEN]
    port.command(False, 200)
    assert [at(port, now) for now in (200, 299, 300)] == [MOVING, MOVING, CLOSED]


def test_a_command_given_twice_does_not_start_the_way_anew() -> None:
    port = ShutterPort(travel_ps=100)
    port.command(True, 0)
    port.command(True, 90)
    assert at(port, 100) == OPEN
    port.command(True, 200)
    assert at(port, 200) == OPEN


def test_a_blade_called_back_needs_its_time_again() -> None:
    port = ShutterPort(travel_ps=100)
    port.command(True, 0)
    port.command(False, 50)
    assert [at(port, now) for now in (100, 149, 150)] == [MOVING, MOVING, CLOSED]


def test_a_stuck_blade_stays_where_it_is() -> None:
    port = ShutterPort(travel_ps=100, stuck=True)
    port.command(True, 0)
    assert at(port, 1000) == CLOSED


# -- random bits -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_bits", [1, 2, 3, 8, 9])
def test_latched_bits_are_evenly_spread_over_their_width(n_bits: int) -> None:
    port = RandomPort(seed=np.random.SeedSequence(n_bits))
    found = Counter(port.latch(n_bits, now) for now in range(4096 * 4))
    assert set(found) <= set(range(1 << n_bits))
    assert stats.chisquare([found[value] for value in range(1 << n_bits)]).pvalue > 1e-6  # false alarm


def test_latches_come_back_in_order_with_their_times() -> None:
    port = RandomPort(seed=np.random.SeedSequence(1))
    bits = [port.latch(2, now) for now in (5, 6, 7)]
    assert list(port.latched) == [Latched(bit, now) for bit, now in zip(bits, (5, 6, 7), strict=True)]


def test_bits_are_never_handed_out_twice() -> None:
    port, whole = (RandomPort(seed=np.random.SeedSequence(3)) for _ in range(2))
    pieces = [port.read(8) for _ in range(1000)]
    assert len(set(pieces)) == 1000  # false alarm: 3e-14
    assert pieces[0] == whole.read(8)


def test_a_source_of_its_own_has_a_seed_of_its_own() -> None:
    assert RandomPort().read(16) != RandomPort().read(16)


def test_a_stuck_source_repeats_itself() -> None:
    port = RandomPort(stuck_at=0xA5)
    assert port.read(3) == b"\xa5\xa5\xa5"
    assert port.latch(4, 0) == 0x5


def test_no_bits_in_a_repr() -> None:
    port = RandomPort(stuck_at=None, seed=np.random.SeedSequence(987654321))
    port.latch(8, 1)
    assert "latched" not in repr(port)
    assert "987654321" not in repr(port)
    assert repr(Latched(173, 5)) == "Latched(bits=<secret>, time_ps=5)"


# -- tags ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "channels"), [(0b0011, [1, 2]), (0b1100, [3, 4]), (0b1001, [1, 4]), (0b0110, [2, 3]), (0b1111, [1, 2, 3, 4])]
)
def test_channels_count_from_1_in_the_order_of_the_pattern_s_bits(pattern: int, channels: list[int]) -> None:
    port = TagPort(running=True)
    port.click(77, pattern)
    clicks, _ = port.take(100)
    assert clicks.channels.tolist() == channels
    assert clicks.times_ps.tolist() == [77] * len(channels)
    assert (clicks.times_ps.dtype, clicks.channels.dtype) == (np.int64, np.int16)


def test_tags_are_taken_once_and_only_while_running() -> None:
    port = TagPort()
    port.click(1, 3)
    assert len(port.take(1)[0].times_ps) == 0
    port.set_running(True, 1)
    port.click(2, 3)
    assert port.take(2)[0].times_ps.tolist() == [2, 2]
    assert len(port.take(2)[0].times_ps) == 0


GATED = AttemptLoop(1_050_000, 100, 0, 400_000, 10_000, 5_000, 15_000)


def test_a_herald_has_its_reference_edge_and_its_clicks_in_the_gate() -> None:
    """Delays in the gate are exponential, cut where it closes: their mean within 5 standard errors (false alarm: 6e-7)."""
    port, lifetime_ps, heralds = TagPort(running=True, seed=np.random.SeedSequence(3)), 7_400.0, 4000
    for n in range(1, heralds + 1):
        port.herald(n * 10**6, 0b1010, GATED, lifetime_ps)
    (times, channels), losses = port.take((heralds + 1) * 10**6)
    assert losses == ()
    assert (np.diff(times) >= 0).all()
    references = times[channels == 0]
    assert references.tolist() == [n * 10**6 - 20_000 for n in range(1, heralds + 1)]
    cut = GATED.gate_ps / lifetime_ps
    mean = lifetime_ps * (1 - cut / np.expm1(cut))
    for channel in (2, 4):
        delays = times[channels == channel] - references
        assert ((delays >= 5_000) & (delays < 20_000)).all()
        assert np.mean(delays - 5_000) == pytest.approx(mean, abs=5 * lifetime_ps / heralds**0.5)
    assert set(channels.tolist()) == {0, 2, 4}


def test_a_tagger_that_sees_no_reference_edges_does_not_say_so() -> None:
    port = TagPort(running=True, references_lost=True)
    port.herald(10**6, 0b0011, GATED, 7_400.0)
    clicks, losses = port.take(10**6)
    assert (sorted(clicks.channels.tolist()), losses) == ([1, 2], ())


def test_what_a_detector_counts_elsewhere_is_tagged_in_its_window_while_the_tagger_runs() -> None:
    port = TagPort()
    port.counted(1, 0, 1e-3, 50)
    port.set_running(True, 0)
    port.counted(1, 10**9, 1e-3, 60)
    (times, channels), _ = port.take(3 * 10**9)
    assert channels.tolist() == [1] * 60
    assert ((times >= 10**9) & (times < 2 * 10**9)).all()
    assert len(set(times.tolist())) > 50


@pytest.mark.parametrize(
    ("runs", "overflows", "lost"),
    [
        ((0, 100), (20, 30), [(20, 30)]),
        ((0, 100), (20, 200), [(20, 100)]),
        ((50, 100), (20, 70), [(50, 70)]),
        ((50, 100), (0, 200), [(50, 100)]),
        ((50, 100), (0, 50), []),
        ((50, 100), (100, 200), []),
    ],
)
def test_tags_are_lost_where_an_overflow_meets_a_running_tagger(
    runs: tuple[int, int], overflows: tuple[int, int], lost: list[tuple[int, int]]
) -> None:
    port = TagPort()
    changes: list[tuple[int, Callable[[int], None]]] = [
        (runs[0], lambda now: port.set_running(True, now)),
        (runs[1], lambda now: port.set_running(False, now)),
        (overflows[0], lambda now: port.overflow(True, now)),
        (overflows[1], lambda now: port.overflow(False, now)),
    ]
    for time_ps, change in sorted(changes, key=lambda each: each[0]):
        change(time_ps)
    assert port.take(1000)[1] == tuple(lost)


def test_a_herald_that_was_drawn_before_the_overflow_struck_is_lost_all_the_same() -> None:
    """Attempts are sampled at their start; what befalls the tagger during them comes later on its clock."""
    port = TagPort(running=True)
    port.herald(10**9, 0b0011, GATED, 7_400.0)
    port.overflow(True, 5 * 10**8)
    clicks, losses = port.take(2 * 10**9)
    assert len(clicks.times_ps) == 0
    assert losses == ((5 * 10**8, 2 * 10**9),)


# -- alone -----------------------------------------------------------------------------------------------------------------------------


def test_a_missed_reference_is_told_once() -> None:
    port = SequencerPort(missed_references=2)
    assert [port.take_missed_references() for _ in range(2)] == [2, 0]


@pytest.mark.parametrize("limit", [1, 4, 5, 9])
def test_without_a_world_nothing_heralds_and_the_limit_is_reached(limit: int) -> None:
    assert SequencerPort().run(1000, LOOP, (3,), limit) == Attempted(False, False, 0, 1000 + LOOP.start_of_attempt_ps(limit), limit)


def test_without_a_world_nothing_is_seen_and_nothing_happens() -> None:
    detector = DetectorPort(dark_rate_hz=1e9)
    detector.set_on(True)
    assert detector.count(0, 1.0) == 0
    sequencer = SequencerPort(side=0)
    sequencer.act(Action.ANALYSE, Arm("a", 0.0), 0)
    assert sequencer.latch(2, 0) == 0
    RotatorPort().set(0.1)


# -- telling the world -----------------------------------------------------------------------------------------------------------------


class Told:
    """A world that notes what it is told."""

    def __init__(self) -> None:
        self.beams: list[tuple[str, int]] = []
        self.optics = 0

    def beam_changed(self, port: BeamPort, now_ps: int) -> None:
        self.beams.append((port.slot, now_ps))

    def optics_changed(self) -> None:
        self.optics += 1


def test_the_world_is_told_of_every_beam_with_its_time() -> None:
    told = Told()
    port = BeamPort("alice.trap", told)  # type: ignore[arg-type]
    port.set(1, on=True)
    port.set(2, locked=False)
    assert told.beams == [("alice.trap", 1), ("alice.trap", 2)]


@pytest.mark.parametrize(
    "change",
    [
        lambda told: ShutterPort("bob.shutter", told).command(True, 0),
        lambda told: DetectorPort("bsm.detector_ch", told).set_on(True),
        lambda told: DetectorPort("bsm.detector_ch", told).set_overloaded(True),
        lambda told: RotatorPort("bob.paddle", told).set(0.1),
    ],
)
def test_the_world_is_told_of_everything_in_the_photons_way(change: Callable[[Told], None]) -> None:
    told = Told()
    change(told)
    assert told.optics == 1
