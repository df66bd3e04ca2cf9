"""Time as a constructor argument.

Every driver, simulator and procedure takes a :class:`Clock`; nobody calls ``time.sleep``. In the lab that is
:class:`SystemClock`. In a simulation each node holds its own :class:`SimClock`, a cursor on one common time line: sleeping
moves the cursor at once, so that 75 hours of experiment pass in seconds, and the waits of two nodes overlap as they do in reality.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Protocol

PS_PER_S = 1_000_000_000_000


class Clock(Protocol):
    """What the rest of the package needs of time."""

    def now(self) -> float:
        """Seconds since the clock's start."""

    def now_ps(self) -> int:
        """Picoseconds since the clock's start, exact over years (a float of seconds is not)."""

    def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` (a negative value counts as zero)."""

    def sleep_until_ps(self, time_ps: int) -> None:
        """Wait until the clock shows ``time_ps``; not at all if that is past."""

    def call_at(self, seconds: float, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when the clock reaches ``seconds``; at once if that is past."""


class SystemClock:
    """Real, monotonic time. Callbacks run in a daemon thread of their own."""

    def __init__(self) -> None:
        self._start_ns = time.monotonic_ns()

    def now(self) -> float:
        """Seconds since this clock was made."""
        return (time.monotonic_ns() - self._start_ns) * 1e-9

    def now_ps(self) -> int:
        """Picoseconds since this clock was made (nanosecond resolution)."""
        return (time.monotonic_ns() - self._start_ns) * 1000

    def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of real time."""
        if seconds > 0:
            time.sleep(seconds)  # noqa: TID251 - the one place where real time passes

    def sleep_until_ps(self, time_ps: int) -> None:
        """Wait until ``time_ps``."""
        self.sleep((time_ps - self.now_ps()) / PS_PER_S)

    def call_at(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call ``callback`` from a timer thread when the clock reaches ``seconds``."""
        timer = threading.Timer(max(0.0, seconds - self.now()), callback)
        timer.daemon = True
        timer.start()


class SimClock:
    """A cursor on simulated time; moves only when told, and fires its callbacks on the way, in order of time.

    Args:
        start_ps: where the cursor starts, picoseconds.
    """

    def __init__(self, start_ps: int = 0) -> None:
        self._now_ps = start_ps
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._ticket = itertools.count()

    def now(self) -> float:
        """Seconds on the simulated time line."""
        return self._now_ps / PS_PER_S

    def now_ps(self) -> int:
        """Picoseconds on the simulated time line."""
        return self._now_ps

    def sleep(self, seconds: float) -> None:
        """Move the cursor forward by ``seconds``."""
        self.sleep_until_ps(self._now_ps + round(seconds * PS_PER_S))

    def sleep_until_ps(self, time_ps: int) -> None:
        """Move the cursor to ``time_ps`` if that lies ahead, firing what is due on the way; the past is left alone."""
        while self._due and self._due[0][0] <= time_ps:
            due_ps, _, callback = heapq.heappop(self._due)
            self._now_ps = max(self._now_ps, due_ps)
            callback()
        if time_ps > self._now_ps:
            self._now_ps = time_ps

    def call_at(self, seconds: float, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when the cursor passes ``seconds``; at once if it already has."""
        due_ps = round(seconds * PS_PER_S)
        if due_ps <= self._now_ps:
            callback()
        else:
            heapq.heappush(self._due, (due_ps, next(self._ticket), callback))
