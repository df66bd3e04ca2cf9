"""The attempt loop of the heralding station, which both links share: only its numbers differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .program import AttemptLoop, Program, to_ps


@dataclass(frozen=True)
class AttemptTimings:
    """Timings of an attempt in seconds, at the atom, as the link file gives them.

    Args:
        attempt: period of the attempts.
        excitation: from the start of an attempt to the entangling pulse.
        gate_start: from the pulse, as it would arrive at the detectors, to the opening of their gate.
        gate: how long photons are accepted.
        attempts_per_burst: attempts between two coolings.
        attempt_limit: attempts without a herald after which the sequencer returns.
        burst_cooling: cooling and presence check after each burst.
    """

    attempt: float
    excitation: float
    gate_start: float
    gate: float
    attempts_per_burst: int
    attempt_limit: int
    burst_cooling: float


def herald_program(timings: AttemptTimings, longest_line: float, patterns: Sequence[int]) -> Program:
    """What the heralding station's sequencer is loaded with; ``longest_line`` is the longer one-way delay to it, s."""
    loop = AttemptLoop(
        attempt_ps=to_ps(timings.attempt),
        attempts_per_burst=timings.attempts_per_burst,
        gap_ps=to_ps(timings.burst_cooling),
        herald_ps=to_ps(timings.excitation + longest_line + timings.gate_start + timings.gate),
        limit_attempts=timings.attempt_limit,
        gate_start_ps=to_ps(timings.gate_start),
        gate_ps=to_ps(timings.gate),
    )
    return Program("bsm", loop=loop, accepted_patterns=tuple(patterns))
