"""Measurements that a run makes now and then, between rounds: from ``attempting`` only, while nothing attempts and both parties wait.

When one is due depends on the clock alone, and none looks at an outcome: what a link does when tells nothing of its rounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One of them.

    Args:
        name: for the events.
        interval: from the start of one to the start of the next, s.
        act: does it; leaves everything as it was, and may take its time on the nodes' clocks.
    """

    name: str
    interval: float
    act: Callable[[], None]


class Schedule:
    """When each is due; the first one at once, since what comes later is compared with it.

    Args:
        measurements: may be none.
        now_s: when the run begins, s.

    Attributes:
        next_s: when the next one is due, s; infinity for never.
    """

    def __init__(self, measurements: Sequence[Measurement] = (), now_s: float = 0.0) -> None:
        self._due = [(measurement, now_s) for measurement in measurements]
        self._find_next()

    def take_due(self, now_s: float) -> list[Measurement]:
        """Those that are due; each counts as done."""
        found = [measurement for measurement, due_s in self._due if due_s <= now_s]
        self._due = [(measurement, now_s + measurement.interval if due_s <= now_s else due_s) for measurement, due_s in self._due]
        self._find_next()
        return found

    def _find_next(self) -> None:
        self.next_s = min((due_s for _, due_s in self._due), default=math.inf)
