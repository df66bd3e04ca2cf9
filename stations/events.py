"""Every transition that is not part of an undisturbed round, and every alarm, one JSON line each, with its cause."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType

from .monitors.alarm import Alarm
from .states import State


class EventLog:
    """Append-only ``events.jsonl`` of one node.

    Args:
        path: the file; None notes nothing (a station used outside a run).
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            _cut_torn_line(path)
        self._file = path.open("a", encoding="utf-8") if path is not None else None

    def note(self, node: str, seconds: float, before: State, after: State, cause: str) -> None:
        """Note one transition at ``seconds`` on the node's clock."""
        if self._file is not None:
            line = {"t_s": round(seconds, 9), "node": node, "from": before, "to": after, "cause": cause}
            self._file.write(json.dumps(line) + "\n")

    def alarm(self, alarm: Alarm) -> None:
        """Note an alarm of one of the node's monitors."""
        if self._file is not None:
            line = {"t_s": round(alarm.at_s, 9), "node": alarm.node, "alarm": alarm.monitor, "since_s": round(alarm.since_s, 9)}
            sigma = {} if alarm.sigma is None else {"sigma": round(alarm.sigma, 1)}
            self._file.write(json.dumps({**line, **sigma, "cause": alarm.text}) + "\n")

    def flush(self) -> None:
        """Hand what has been noted to the operating system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def last_event_s(path: Path) -> float:
    """Time of the latest line in an ``events.jsonl``, s; 0 where there is none. The end of a line that a crash left is passed over."""
    if not path.exists():
        return 0.0
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return max((float(json.loads(line)["t_s"]) for line in whole.splitlines()), default=0.0)


def _cut_torn_line(path: Path) -> None:
    """Drop the end of a line that a crash left unfinished: what is written next must not run into it."""
    if path.exists():
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with path.open("r+b") as file:
                file.truncate(whole)
