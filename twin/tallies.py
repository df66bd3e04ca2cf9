"""What a sequencer counts in its attempts: click patterns in the gate, and darks at times when no photon is due."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..sequences.program import PS_PER_S, AttemptLoop
from .physics.bsm import PATTERNS
from .physics.parameters import DETECTORS

Int64 = npt.NDArray[np.int64]
_LIFETIMES = 20
"""After so many lifetimes of the excited state no photon is due any more: e^-20 is 2e-9."""


class Counted(NamedTuple):
    """Counts of a stretch of attempts.

    Attributes:
        patterns: attempts by click pattern, shape (16,).
        off_gate: clicks in the off-gate window by detector, shape (4,).
    """

    patterns: Int64
    off_gate: Int64

    def plus(self, other: Counted) -> Counted:
        """Both together."""
        return Counted(self.patterns + other.patterns, self.off_gate + other.off_gate)


def nothing_counted() -> Counted:
    """No attempt."""
    return Counted(np.zeros(PATTERNS, np.int64), np.zeros(len(DETECTORS), np.int64))


class OffGate(NamedTuple):
    """When off-gate clicks count: from ``start_ps`` to before ``stop_ps`` after the reference edge. Empty where a cycle is too short."""

    start_ps: int
    stop_ps: int

    @property
    def length_ps(self) -> int:
        """How long that is, ps."""
        return self.stop_ps - self.start_ps


def off_gate_of(loop: AttemptLoop, lifetime: float) -> OffGate:
    """The window of a loop: from 20 lifetimes after the gate, or after the later photon, until the cycle ends or the next gate opens.

    Args:
        loop: its gate and period.
        lifetime: of the excited state, s.
    """
    last_ps = loop.gate_start_ps + loop.gate_ps + max(0, *loop.late_ps)
    start_ps = last_ps + round(_LIFETIMES * lifetime * PS_PER_S)
    return OffGate(start_ps, max(start_ps, loop.attempt_ps + min(0, loop.gate_start_ps)))
