"""A sequencer without outputs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ...clock import PS_PER_S
from ...errors import SequenceError
from ..sequencer import DETECTORS, PATTERNS, ExitReason, HeraldingSequencer, HeraldResult, HeraldTally, Played, Program, SequencerCounters
from .base import MockDevice


@dataclass(frozen=True)
class MockProgram:
    """The least that a sequencer can be loaded with."""

    digest: str = "mock"
    accepted_patterns: tuple[int, ...] = (0b0011, 0b1100)


@dataclass
class SequencerState:
    """What a mock sequencer will see.

    Args:
        patterns: of the next runs; None runs to the limit.
        missed_references: reference pulses that the next run will miss.
        arms: branches that the next choices will take.
        default_pattern: where no pattern is prescribed.
        singles: attempts in which detector k alone clicked, that the next tally will show beside those of the runs, by k.
        off_gate: off-gate clicks of detector k that the next tally will show.
    """

    patterns: deque[int | None] = field(default_factory=deque)
    missed_references: int = 0
    arms: deque[int] = field(default_factory=deque)
    default_pattern: int = 0
    singles: list[int] = field(default_factory=lambda: [0] * DETECTORS)
    off_gate: list[int] = field(default_factory=lambda: [0] * DETECTORS)


class MockHeraldingSequencer(MockDevice, HeraldingSequencer):
    """A sequencer that heralds on demand.

    With nothing prescribed, a run heralds with the first accepted pattern at its first attempt, and a choice takes branch 0.

    Args:
        name: of the instrument.
        sections: names that can be played.
        attempt: length of an attempt, s.
        section: length of a section, s.
        **kwargs: for :class:`~.base.MockDevice` and the role.
    """

    state: SequencerState

    def __init__(
        self,
        name: str,
        *,
        sections: Iterable[str] = ("readout",),
        attempt: float = 1e-6,
        section: float = 1e-5,
        **kwargs: Any,  # noqa: ANN401 - for the role
    ) -> None:
        super().__init__(name, **kwargs)
        self._sections = frozenset(sections)
        self._attempt, self._section = attempt, section
        self._total = SequencerCounters(0, 0)
        self._patterns = [0] * PATTERNS
        self.state = SequencerState()

    def _do_load(self, program: Program) -> None:
        self._told("load", program, default_pattern=min(program.accepted_patterns, default=0))
        self._total = SequencerCounters(0, 0)
        self._patterns = [0] * PATTERNS

    def _do_run(self, limit_attempts: int) -> HeraldResult:
        patterns = self.state.patterns
        pattern = patterns.popleft() if patterns else self.state.default_pattern
        attempts = limit_attempts if pattern is None else 1
        self.clock.sleep(attempts * self._attempt)
        reason = ExitReason.LIMIT if pattern is None else ExitReason.HERALD
        result = self._asked("run", HeraldResult(reason, pattern or 0, self.clock.now_ps(), attempts), limit_attempts)
        self._count(result)
        references = result.attempts - self.state.missed_references
        self.state.missed_references = 0
        modulus = 1 << self.counter_bits
        self._total = SequencerCounters((self._total.cycles + result.attempts) % modulus, (self._total.references + references) % modulus)
        return result

    def _do_play(self, section: str, arm: int | None) -> Played:
        if section not in self._sections:
            raise SequenceError(f"{self.full_name}: the program has no section {section!r}")
        arms = self.state.arms
        chosen = arm if arm is not None else arms.popleft() if arms else 0
        start_ps = self.clock.now_ps()
        end_ps = start_ps + round(self._section * PS_PER_S)
        self.clock.sleep(self._section)
        return self._asked("play", Played(chosen, start_ps, start_ps, end_ps), section, arm)

    def _do_counters(self) -> SequencerCounters:
        return self._asked("counters", self._total)

    def _do_tally(self) -> HeraldTally:
        patterns, self._patterns = self._patterns, [0] * PATTERNS
        for k, singles in enumerate(self.state.singles):
            patterns[1 << k] += singles
        patterns[0] -= sum(self.state.singles)
        tally = HeraldTally.of_patterns(patterns, self.state.off_gate, round(self._attempt * PS_PER_S) // 2)
        self.state.singles, self.state.off_gate = [0] * DETECTORS, [0] * DETECTORS
        return self._asked("tally", tally)

    def _count(self, result: HeraldResult) -> None:
        """A herald's last attempt showed its pattern; in the others nothing clicked."""
        heralded = result.reason is ExitReason.HERALD and result.attempts > 0
        self._patterns[result.pattern if heralded else 0] += heralded
        self._patterns[0] += result.attempts - heralded

    def _do_make_safe(self) -> None:
        self._told("make_safe")
