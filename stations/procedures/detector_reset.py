"""Freeing a detector that has latched: bias off and on again, a few times, with longer and longer pauses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ...clock import Clock
from ...errors import DeviceFault

_ROUNDS = 2
"""Tries with fewer rounds than this between them are of one row: in the last round the detector may latch anew, in one before it worked."""


class Freeable(Protocol):
    """A detector, or a window on one."""

    def is_overloaded(self) -> bool:
        """Whether it is overloaded or has latched since it was reset."""

    def free(self, recovery_s: float) -> bool:
        """Bias off and on again; returns whether it is in order now."""


@dataclass
class _Row:
    """Tries that follow each other: how many, when the next one is due, and after how many rounds of the run the last one was."""

    tries: int = 0
    due_s: float = 0.0
    rounds: int = 0


class DetectorReset:
    """Try to free detectors that have latched. It looks at nothing but whether they have.

    The first try of a row comes at once, the second one ``pause`` after it, and each further pause is twice as long as the one before.
    A detector that has worked for a whole round since the last try begins a new row.

    Args:
        clock: the node's clock.
        detectors: by the name that is told.
        recovery: how long a detector is left without bias, s.
        pause: between the first two tries, s.
        tries: of one row; 0 for none.
    """

    def __init__(self, clock: Clock, detectors: Mapping[str, Freeable], *, recovery: float, pause: float, tries: int) -> None:
        self._clock = clock
        self._detectors = dict(detectors)
        self._recovery = recovery
        self._pause = pause
        self._tries = tries
        self._rows = {name: _Row() for name in detectors}

    def reasons(self) -> list[str]:
        """Which detectors have latched, in words; empty where none has."""
        return [f"{name}: overloaded or latched" for name, detector in self._detectors.items() if detector.is_overloaded()]

    def run(self, rounds: int, note: Callable[[str], None]) -> bool:
        """Take the tries that are due now.

        Args:
            rounds: of the run so far; it only counts whether they have become more.
            note: is told of every try and what became of it.

        Returns:
            Whether a detector came free.

        Raises:
            DeviceError: a detector cannot be asked, or the connection to it failed.
        """
        freed = [self._try(name, rounds, note) for name, detector in self._detectors.items() if detector.is_overloaded()]
        return any(freed)

    def _try(self, name: str, rounds: int, note: Callable[[str], None]) -> bool:
        row = self._rows[name]
        if rounds - row.rounds >= _ROUNDS:
            row = self._rows[name] = _Row()
        if row.tries >= self._tries or self._clock.now() < row.due_s:
            return False
        row.tries += 1
        row.rounds = rounds
        try:
            free = self._detectors[name].free(self._recovery)
            became = "in order again" if free else "latched again"
        except DeviceFault as error:
            free, became = False, str(error)
        row.due_s = self._clock.now() + self._pause * 2.0 ** (row.tries - 1)
        note(f"{name}: overloaded or latched; reset {row.tries} of {self._tries}: {became}")
        return free
