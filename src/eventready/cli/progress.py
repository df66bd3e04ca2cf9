"""Progress of a run on standard error: one line that is rewritten on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from ..protocol.estimate import Estimate
    from ..stations.monitor import Progress
    from ..stations.monitors.alarm import Alarm

_PLAIN_INTERVAL_S = 10.0


class StatusLine:
    """One line on standard error that is written over again and again, on a terminal."""

    def __init__(self) -> None:
        self.is_terminal = sys.stderr.isatty()
        self._width = 0

    def rewrite(self, line: str) -> None:
        """Put ``line`` in the place of the one before."""
        sys.stderr.write("\r" + line.ljust(self._width))
        self._width = len(line)
        sys.stderr.flush()

    def print_above(self, text: str) -> None:
        """A line of its own, which stays, in the place of what is there now."""
        print(("\r" if self.is_terminal else "") + text.ljust(self._width), file=sys.stderr, flush=True)

    def leave(self) -> None:
        """Let the line stand, and go on below it."""
        if self._width:
            sys.stderr.write("\n")


class ProgressLine:
    """Shows :class:`~eventready.stations.monitor.Progress`; use as a context manager."""

    def __init__(self) -> None:
        self._line = StatusLine()
        self._next = 0.0
        self._told = 0

    def __enter__(self) -> Self:
        return self

    def show(self, progress: Progress) -> None:
        """Show how far the run is, and above it what the monitors have raised since the last time."""
        line = describe(progress)
        for alarm in progress.alarms[self._told :]:
            self._line.print_above(describe_alarm(alarm))
        self._told = len(progress.alarms)
        if self._line.is_terminal:
            self._line.rewrite(line)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + _PLAIN_INTERVAL_S
            print(line, file=sys.stderr, flush=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._line.leave()


def describe(progress: Progress) -> str:
    """One line: rounds, rate, S, Q, simulated time, time to go."""
    share = progress.rounds / progress.goal
    parts = [
        f"{progress.rounds:,}/{progress.goal:,} rounds ({share:.0%})",
        f"{progress.rounds_per_s:,.0f}/s",
    ]
    if progress.chsh_s is not None:
        parts.append(f"S {_value(progress.chsh_s, '.3f')}")
    if progress.qber is not None:
        parts.append(f"Q {_value(progress.qber, '.2%')}")
    parts.append(f"experiment {duration(progress.simulated_s)}")
    if progress.eta_s is not None:
        parts.append(f"{duration(progress.eta_s)} to go")
    return "  ".join(parts)


def describe_alarm(alarm: Alarm) -> str:
    """One line: when, which monitor, what it saw."""
    sigma = f" ({alarm.sigma:+.1f} sigma)" if alarm.sigma is not None else ""
    return f"alarm at {duration(alarm.at_s)}: {alarm.node}, {alarm.monitor}: {alarm.text}{sigma}"


def _value(estimate: Estimate, form: str) -> str:
    # Where the few rounds so far all agree, the standard error is 0, but the interval is not.
    sigma = estimate.sigma or (estimate.high - estimate.low) / 4
    return f"{estimate.value:{form}} +- {sigma:{form}}"


def duration(seconds: float) -> str:
    """A duration as people say it: ``3.2 s``, ``5 min 10 s``, ``75 h 4 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
