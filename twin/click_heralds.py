"""Level L2: heralds found by software in clicks, with the state of the hidden course behind them."""

from __future__ import annotations

import numpy as np

from ..sequences.program import AttemptLoop
from .clicks import ClickPhysics, Clicks, ClickTimings, Hidden
from .draws import Draws
from .pairs import Herald, StateTable
from .physics.bsm import herald_distribution
from .physics.parameters import LinkParameters

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
    """

    def __init__(
        self,
        parameters: LinkParameters,
        timings: ClickTimings,
        present: tuple[bool, bool],
        accepted: tuple[int, ...],
        loop: AttemptLoop,
    ) -> None:
        self._physics = ClickPhysics(parameters, timings, loop.attempt_ps, present)
        self.states = StateTable(parameters, [course.state for course in self._physics.courses])
        self._accepted = np.array(accepted, np.uint8)
        self._gate = (loop.gate_start_ps, loop.gate_start_ps + loop.gate_ps)
        most_heralds = sum(herald_distribution(parameters, present).probability[pattern] for pattern in accepted)
        self._at_once = int(min(_MOST, max(_FEWEST, 2 / max(most_heralds, 1e-12))))
        self._found: Herald | None = None

    def attempts_until_herald(self, draws: Draws, limit: int) -> int:
        """Draw clicks until an accepted pattern stands in a gate, or ``limit`` attempts have passed."""
        done = 0
        while done < limit:
            attempts = min(limit - done, self._at_once)
            clicks, hidden = self._physics.draw(draws.rng, attempts)
            numbers, patterns = gated_patterns(clicks, *self._gate)
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
