"""What a herald is in a stream of time tags: the rule to search by, and what a search gives. Plain data, cheap to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError

MAX_DETECTORS = 4
PATTERNS = 1 << MAX_DETECTORS

NO_CLICK = -(2**31)
"""Stands in ``clicks_ps`` where a detector did not click."""

HERALD_DTYPE = np.dtype(
    [
        ("reference_ps", "<i8"),
        ("cycle", "<i8"),
        ("clicks_ps", "<i4", (MAX_DETECTORS,)),
        ("pattern", "u1"),
    ]
)
"""A herald.

``reference_ps``: the reference edge of its cycle. ``cycle``: number of the cycle, which is the number of references before that edge.
``clicks_ps``: first click of each detector in its gate, from the reference edge on; :data:`NO_CLICK` where there is none.
``pattern``: bit k is set where detector k clicked.
"""

Heralds = NDArray[np.void]
"""Structured array of :data:`HERALD_DTYPE`, shape (n,), in order of time."""


@dataclass(frozen=True)
class GatedDetector:
    """A detector and when its clicks count.

    Args:
        channel: of the tagger.
        start_ps: opening of the gate after the reference edge; negative where photons come before it.
        length_ps: how long the gate is open. A click counts at ``start_ps <= offset < start_ps + length_ps``.
    """

    channel: int
    start_ps: int
    length_ps: int

    @property
    def end_ps(self) -> int:
        """First time after the reference edge at which the gate is closed again."""
        return self.start_ps + self.length_ps


@dataclass(frozen=True)
class HeraldRule:
    """Which clicks are a herald.

    Args:
        reference: channel of the edge that begins a cycle, and that gates are relative to.
        detectors: in the order of the bits of a click pattern (cH, cV, dH, dV); one to four.
        accepted: click patterns that herald, as bit masks. A pattern must be met exactly: one more click vetoes.

    Raises:
        ConfigError: a channel twice or not int16, a gate that is empty or beyond 2 ms, a pattern of no detector; every mistake is named.
    """

    reference: int
    detectors: tuple[GatedDetector, ...]
    accepted: tuple[int, ...]

    def __post_init__(self) -> None:
        problems = [*self._channel_problems(), *self._gate_problems(), *self._pattern_problems()]
        if problems:
            raise ConfigError("herald rule: " + "; ".join(problems))

    @property
    def delay_ps(self) -> int:
        """How long before its reference edge a cycle begins: 0, or what the most negative gate asks for."""
        return max(0, *(-detector.start_ps for detector in self.detectors))

    @property
    def end_ps(self) -> int:
        """When the last gate closes, after the reference edge."""
        return max(detector.end_ps for detector in self.detectors)

    def _channel_problems(self) -> list[str]:
        channels = [self.reference, *(detector.channel for detector in self.detectors)]
        problems = []
        if not 1 <= len(self.detectors) <= MAX_DETECTORS:
            problems.append(f"{len(self.detectors)} detectors; a click pattern has one to {MAX_DETECTORS}")
        if not all(_is_integer(channel) and -(2**15) <= channel < 2**15 for channel in channels):
            problems.append(f"channels {channels} must be integers of 16 bit")
        elif len(set(channels)) != len(channels):
            problems.append(f"channels {channels}: reference and detectors need one each")
        return problems

    def _gate_problems(self) -> list[str]:
        problems = []
        for detector in self.detectors:
            gate = f"gate of channel {detector.channel}"
            if not (_is_integer(detector.start_ps) and _is_integer(detector.length_ps)):
                problems.append(f"{gate} must be given in whole ps")
            elif detector.length_ps <= 0:
                problems.append(f"{gate} is {detector.length_ps} ps long; nothing can click in it")
            elif not (NO_CLICK < detector.start_ps and detector.end_ps < 2**31):
                problems.append(f"{gate} reaches from {detector.start_ps} to {detector.end_ps} ps; offsets are kept in 32 bit (2.1 ms)")
        return problems

    def _pattern_problems(self) -> list[str]:
        wrong = [pattern for pattern in self.accepted if not (_is_integer(pattern) and 0 < pattern < 1 << len(self.detectors))]
        if wrong:
            return [f"accepted patterns {wrong} have no click, or one of a detector that is not there"]
        return [] if self.accepted else ["no accepted pattern, so nothing could ever herald"]


@dataclass(frozen=True)
class HeraldCounters:
    """What monitors need, counted in the same pass.

    Every click of detector k is in ``singles[k]``, ``repeats[k]`` or ``outside[k]``. Where detectors of the Bell-state measurement also
    read out a particle, ``outside`` counts its fluorescence: it is then as secret as the outcome, and stays with that party.

    Attributes:
        references: reference edges.
        singles: cycles in whose gate the detector clicked.
        repeats: further clicks of the detector in the same gate.
        outside: clicks outside any gate, those before the first reference among them.
        patterns: ended cycles by click pattern, 16 numbers; with those that a loss touches. Their sum is the number of ended cycles.
        lost: cycles with an accepted pattern that did not herald because a loss touches them.
    """

    references: int
    singles: tuple[int, ...]
    repeats: tuple[int, ...]
    outside: tuple[int, ...]
    patterns: tuple[int, ...]
    lost: int


def _is_integer(value: Any) -> bool:  # noqa: ANN401 - what a configuration file may hold
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
