"""The twin from clicks upward: what photons do attempt by attempt, and the clicks that come of it.

Levels L2 and L3. The same hidden courses as in :func:`.physics.bsm.hidden_courses` are drawn one by one instead of summed: whose photons
reached which mode, then loss, the wrong port, the detector's jitter, dark counts, dead time. Nothing here knows of heralds: those are
found in the clicks, by software, and the atoms' state is that of the hidden course behind them. So wrong gates, wrong pattern maps, darks
and drifts do their harm by themselves.

Attempts in which nothing happens are skipped: the gaps between those with a photon are geometric, and darks are a Poisson process.
Limits: the second photon of a double emission comes at any time of the decay, and the time between two photons does not change how well
they interfere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ..sequences.program import PS_PER_S
from .physics.bsm import Course, Photons, hidden_courses, photon_numbers
from .physics.parameters import DETECTORS, BsmParameters, LinkParameters
from .physics.preset import Preset

Int64 = npt.NDArray[np.int64]
Int8 = npt.NDArray[np.int8]
Float64 = npt.NDArray[np.float64]
Time = TypeVar("Time", np.float64, np.int64)

_ARMS = 2
_NONE, _ALICE, _BOB, _PAIR, _DOUBLE = range(5)
_KINDS = (Photons.NONE, Photons.ALICE, Photons.BOB, Photons.PAIR, Photons.DOUBLE)


@dataclass(frozen=True)
class ClickTimings:
    """Times of photons and detectors, seconds.

    Args:
        lifetime: of the excited state.
        offsets: by how much the photons of Alice's and of Bob's atom come late against the reference edge.
        jitter: standard deviation of a click.
        dead_time: of a detector after a click; a click within it neither shows nor prolongs it.
        dark_rate: of each detector, 1/s, in the order of :data:`~.physics.parameters.DETECTORS`.
    """

    lifetime: float
    offsets: tuple[float, float]
    jitter: float
    dead_time: float
    dark_rate: tuple[float, ...]


class Clicks(NamedTuple):
    """Clicks of a stretch of attempts, sorted by time; all arrays have one entry a click.

    Attributes:
        attempt: number of the attempt in whose cycle the click fell, from 0 at the start of the stretch.
        delay_ps: after that attempt's reference edge, ps.
        detector: 0 to 3, in the order of :data:`~.physics.parameters.DETECTORS`.
    """

    attempt: Int64
    delay_ps: Int64
    detector: Int8


class Hidden(NamedTuple):
    """What nobody in the lab sees: the attempts in which a photon reached the detectors' modes, sorted; one entry an attempt.

    Attributes:
        attempt: its number.
        course: index into :attr:`ClickPhysics.courses`.
    """

    attempt: Int64
    course: Int64


def timings_of(preset: Preset) -> ClickTimings:
    """Those of a calibrated link, whose photons arrive with the reference edge."""
    return ClickTimings(
        preset["link.photon_lifetime"],
        (0.0, 0.0),
        preset["bsm.jitter"],
        preset["bsm.dead_time"],
        (preset["bsm.dark_rate"],) * len(DETECTORS),
    )


class ClickPhysics:
    """Draws clicks for one set of parameters.

    Args:
        parameters: of the link, its efficiencies those of all photons (:meth:`.optics.Optics.all_photons`); its dark probabilities are
            not used.
        timings: of photons and detectors.
        cycle_ps: from one reference edge to the next; clicks later than that belong to the next attempt.
        present: whether Alice's and Bob's atoms are there.

    Attributes:
        courses: every hidden course, with the state it leaves; the first one is that nothing arrived.
        hears: which detectors work; a deaf one shows no darks either.
    """

    def __init__(self, parameters: LinkParameters, timings: ClickTimings, cycle_ps: int, present: tuple[bool, bool] = (True, True)) -> None:
        self.courses: tuple[Course, ...] = tuple(hidden_courses(parameters, present))
        self._timings = timings
        self._cycle_ps = cycle_ps
        nodes = (parameters.alice, parameters.bob)
        numbers = [photon_numbers(node) if there else (1.0, 0.0, 0.0) for node, there in zip(nodes, present, strict=True)]
        self._arrives = [one + two for _, one, two in numbers]
        self._again = [two / (one + two) if one + two > 0 else 0.0 for _, one, two in numbers]
        self._of_kind = {kind: [k for k, course in enumerate(self.courses) if course.photons is kind] for kind in _KINDS}
        self._chance = {kind: _cumulative([self.courses[k] for k in members]) for kind, members in self._of_kind.items()}
        self._modes = np.array([(*course.modes, -1, -1)[:2] for course in self.courses], np.int8)
        self._arm = _arm_of_a_lone_photon(parameters.bsm)
        self._wrong_port = parameters.bsm.pbs_extinction
        self._efficiency = np.array(parameters.bsm.detector_efficiency)
        self.hears = tuple(efficiency > 0 for efficiency in parameters.bsm.detector_efficiency)

    def draw(self, rng: np.random.Generator, attempts: int) -> tuple[Clicks, Hidden]:
        """Clicks of ``attempts`` attempts in a row, and what is behind them.

        Args:
            rng: random stream.
            attempts: how many.
        """
        alice, bob = (_some(rng, attempts, chance) for chance in self._arrives)
        attempt = np.union1d(alice, bob)
        from_a, from_b = (np.isin(attempt, some, assume_unique=True) for some in (alice, bob))
        again = [there & (rng.random(len(attempt)) < chance) for there, chance in zip((from_a, from_b), self._again, strict=True)]
        kind = np.where(again[0] | again[1], _DOUBLE, from_a * _ALICE + from_b * _BOB)
        course = self._courses_of(rng, kind)
        photons = self._photons(rng, attempt, course, (from_a, from_b), again)
        clicks = self._detect(rng, attempts, *photons)
        return clicks, Hidden(attempt, course)

    def _courses_of(self, rng: np.random.Generator, kind: Int64) -> Int64:
        course = np.zeros(len(kind), np.int64)
        for code, photons in enumerate(_KINDS):
            here = np.flatnonzero(kind == code)
            if len(here):
                chosen = np.searchsorted(self._chance[photons], rng.random(len(here)), side="right")
                course[here] = np.array(self._of_kind[photons])[chosen]
        return course

    def _photons(
        self,
        rng: np.random.Generator,
        attempt: Int64,
        course: Int64,
        there: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
        again: list[npt.NDArray[np.bool_]],
    ) -> tuple[Int64, Float64, Int8]:
        """Attempt, time after the reference edge (s) and mode of every photon.

        Photons of a pair are alike: which of the two modes is whose does not matter, as both decay alike.
        """
        doubles = again[0] | again[1]
        modes = self._modes[course]
        parts: list[tuple[Int64, Float64, Int8]] = []
        for side in (0, 1):
            mine = there[side] & ~doubles
            second = mine & there[1 - side] & (side == 1)  # of a pair, Alice's photon is put in the first mode, Bob's in the second
            parts.append((attempt[mine], self._arrival(rng, side, int(mine.sum())), np.where(second, modes[:, 1], modes[:, 0])[mine]))
            for which in (there[side] & doubles, again[side]):
                n = int(which.sum())
                mode = 2 * (rng.random(n) >= self._arm[side]) + rng.integers(0, 2, n)
                parts.append((attempt[which], self._arrival(rng, side, n), mode.astype(np.int8)))
        return _joined(parts)

    def _arrival(self, rng: np.random.Generator, side: int, n: int) -> Float64:
        decay: Float64 = rng.exponential(self._timings.lifetime, n) + self._timings.offsets[side]
        return decay

    def _detect(self, rng: np.random.Generator, attempts: int, attempt: Int64, time: Float64, mode: Int8) -> Clicks:
        wrong = rng.random(len(mode)) < self._wrong_port
        detector = mode ^ wrong.astype(np.int8)
        seen = rng.random(len(mode)) < self._efficiency[detector]
        parts = [(attempt[seen], self._smeared(rng, time[seen]), detector[seen])]
        for number, rate in enumerate(self._timings.dark_rate):
            span_ps = attempts * self._cycle_ps
            n = rng.poisson(rate * span_ps / PS_PER_S) if self.hears[number] else 0
            at_ps = rng.integers(0, span_ps, n)
            parts.append((at_ps // self._cycle_ps, at_ps % self._cycle_ps, np.full(n, number, np.int8)))
        number_, delay_ps, detector = _joined(parts)
        return self._recovered(Clicks(number_, delay_ps, detector))

    def _smeared(self, rng: np.random.Generator, time: Float64) -> Int64:
        smeared: Int64 = np.rint((time + rng.normal(0.0, self._timings.jitter, len(time))) * PS_PER_S).astype(np.int64)
        return smeared

    def _recovered(self, clicks: Clicks) -> Clicks:
        """Sort by time, and drop what fell into a detector's dead time."""
        at_ps = clicks.attempt * self._cycle_ps + clicks.delay_ps
        order = np.lexsort((clicks.detector, at_ps))
        alive = surviving(at_ps[order], clicks.detector[order], round(self._timings.dead_time * PS_PER_S))
        kept = order[alive]
        return Clicks(clicks.attempt[kept], clicks.delay_ps[kept], clicks.detector[kept])


def surviving(times_ps: Int64, detector: Int8, dead_ps: int) -> npt.NDArray[np.bool_]:
    """Which clicks a detector with a dead time shows: those at least ``dead_ps`` after the last one that it showed.

    Args:
        times_ps: sorted, ps.
        detector: of each click.
        dead_ps: ps.
    """
    alive = np.ones(len(times_ps), bool)
    for number in np.unique(detector):
        rest = np.flatnonzero(detector == number)
        while len(rest) > 1:
            # A click that comes too soon after one that comes late enough is lost; with it gone, look again.
            soon = np.diff(times_ps[rest], prepend=times_ps[rest[0]] - dead_ps) < dead_ps
            lost = soon & ~np.roll(soon, 1)
            if not lost.any():
                break
            alive[rest[lost]] = False
            rest = rest[~lost]
    return alive


def _some(rng: np.random.Generator, attempts: int, chance: float) -> Int64:
    """The attempts in which something of probability ``chance`` happens, sorted: geometric gaps."""
    if chance <= 0:
        return np.zeros(0, np.int64)
    expected = attempts * chance
    found: list[Int64] = []
    last = -1
    while last < attempts:
        gaps = rng.geometric(chance, int(expected + 6 * math.sqrt(expected) + 16))
        numbers = last + np.cumsum(gaps)
        found.append(numbers)
        last = int(numbers[-1])
    together = np.concatenate(found)
    return together[: np.searchsorted(together, attempts)]


def _cumulative(courses: list[Course]) -> Float64:
    weights = np.cumsum([float(np.trace(course.state).real) for course in courses])
    if weights[-1] <= 0:
        return np.ones(len(courses))
    total: Float64 = weights / weights[-1]
    total[-1] = np.inf  # rounding must not leave a gap at the end
    return total


def _arm_of_a_lone_photon(bsm: BsmParameters) -> tuple[float, float]:
    """Chance that a photon of Alice, of Bob, leaves through the first arm."""
    return bsm.transmission, 1 - bsm.transmission


def _joined(parts: Sequence[tuple[Int64, npt.NDArray[Time], Int8]]) -> tuple[Int64, npt.NDArray[Time], Int8]:
    attempts, times, modes = zip(*parts, strict=True)
    return np.concatenate(attempts), np.concatenate(times), np.concatenate(modes)
