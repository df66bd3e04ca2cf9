"""Level L2: heralds found by software in clicks, with the state of the hidden course behind them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..sequences.program import AttemptLoop
from .clicks import ClickPhysics, Clicks, ClickTimings, Hidden
from .draws import Draws
from .pairs import Herald, StateTable
from .physics.bsm import PATTERNS, herald_distribution
from .physics.parameters import DETECTORS, LinkParameters
from .tallies import Counted, OffGate, nothing_counted

_FEWEST, _MOST = 1 << 10, 1 << 20
"""Attempts that are drawn at a time: about as many as a herald takes, for what lies behind it is thrown away."""


class ClickHeralds:
    """A source of heralds for the world, click by click.

    Args:
        parameters: of the link, its efficiencies those of all photons.
        timings: of photons and detectors.
        present: whether Alice's and Bob's atoms are there.
        accepted: click patterns that herald; exact matches only.
        loop: its period, and the gate in which a click counts.
        off_gate: when clicks count as darks.
    """

    def __init__(
        self,
        parameters: LinkParameters,
        timings: ClickTimings,
        present: tuple[bool, bool],
        accepted: tuple[int, ...],
        loop: AttemptLoop,
        off_gate: OffGate,
    ) -> None:
        self._physics = ClickPhysics(parameters, timings, loop.attempt_ps, present)
        self.states = StateTable(parameters, [course.state for course in self._physics.courses])
        self._accepted = np.array(accepted, np.uint8)
        self._gate = (loop.gate_start_ps, loop.gate_start_ps + loop.gate_ps)
        most_heralds = sum(herald_distribution(parameters, present).probability[pattern] for pattern in accepted)
        self._at_once = int(min(_MOST, max(_FEWEST, 2 / max(most_heralds, 1e-12))))
        self._found: Herald | None = None
        self._off_gate = off_gate
        self._drawn: list[_Drawn] = []
        self._counted = nothing_counted()

    def attempts_until_herald(self, draws: Draws, limit: int) -> int:
        """Draw clicks until an accepted pattern stands in a gate, or ``limit`` attempts have passed."""
        done = 0
        self._drawn.clear()
        while done < limit:
            attempts = min(limit - done, self._at_once)
            clicks, hidden = self._physics.draw(draws.rng, attempts)
            numbers, patterns = gated_patterns(clicks, *self._gate)
            dark = (clicks.delay_ps >= self._off_gate.start_ps) & (clicks.delay_ps < self._off_gate.stop_ps)
            self._drawn.append(_Drawn(done + numbers, patterns, done + clicks.attempt[dark], clicks.detector[dark]))
            heralds = np.flatnonzero(np.isin(patterns, self._accepted))
            if len(heralds):
                number = int(numbers[heralds[0]])
                self._found = Herald(int(patterns[heralds[0]]), _course_of(hidden, number))
                return done + number + 1
            done += attempts
        return limit + 1

    def herald(self, draws: Draws) -> Herald:
        """What heralded in the attempt that :meth:`attempts_until_herald` named last.

        Raises:
            ValueError: nothing has.
        """
        if self._found is None:
            raise ValueError("no attempt has heralded")
        return self._found

    def passed(self, attempts: int) -> None:
        """Count what clicked in the first ``attempts`` of those drawn last; what was drawn behind them never was."""
        clicking = 0
        for drawn in self._drawn:
            patterns = drawn.patterns[drawn.numbers < attempts]
            darks = drawn.dark_detectors[drawn.dark_numbers < attempts]
            clicking += len(patterns)
            self._counted = self._counted.plus(
                Counted(np.bincount(patterns, minlength=PATTERNS), np.bincount(darks, minlength=len(DETECTORS)))
            )
        self._drawn.clear()
        self._counted.patterns[0] += attempts - clicking

    def take_counted(self, rng: np.random.Generator) -> Counted:
        """Nothing is left to be drawn: the clicks have been."""
        del rng
        counted, self._counted = self._counted, nothing_counted()
        return counted


class _Drawn(NamedTuple):
    """Clicks of one draw: attempts with a click in the gate and their patterns, attempts with a dark click off it and its detector."""

    numbers: npt.NDArray[np.int64]
    patterns: npt.NDArray[np.uint8]
    dark_numbers: npt.NDArray[np.int64]
    dark_detectors: npt.NDArray[np.int8]


def gated_patterns(clicks: Clicks, start_ps: int, stop_ps: int) -> tuple[np.ndarray, np.ndarray]:
    """Click pattern of every attempt that has a click in its gate.

    Args:
        clicks: sorted by time.
        start_ps: first picosecond of the gate after the reference edge.
        stop_ps: first one after it.

    Returns:
        Numbers of the attempts, sorted (int64), and their patterns (uint8).
    """
    gated = (clicks.delay_ps >= start_ps) & (clicks.delay_ps < stop_ps)
    attempt, bits = clicks.attempt[gated], np.uint8(1) << clicks.detector[gated].astype(np.uint8)
    order = np.argsort(attempt, kind="stable")  # a late click of one attempt may stand behind an early one of the next
    numbers, first = np.unique(attempt[order], return_index=True)
    patterns = np.bitwise_or.reduceat(bits[order], first) if len(first) else bits
    return numbers, patterns


def _course_of(hidden: Hidden, attempt: int) -> int:
    """Course of an attempt; the first one, in which no photon arrived, where nothing is noted."""
    place = int(np.searchsorted(hidden.attempt, attempt))
    if place < len(hidden.attempt) and hidden.attempt[place] == attempt:
        return int(hidden.course[place])
    return 0
