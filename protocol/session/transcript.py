"""The messages of a session as files: whole or not there, whatever crashes, and on disk before they are sent."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ...errors import LogCorrupt
from ..authentication import Direction
from ..durable_file import sync_directory, write_atomic
from .messages import Kind


@dataclass(frozen=True)
class Ending:
    """How a session ended.

    Attributes:
        outcome: ``key``, ``aborted`` (a normal outcome) or ``dead`` (a fault or an attack; nothing of it can be used).
        reason: in words, for the party's own eyes.
    """

    outcome: str
    reason: str


class Transcript:
    """One party's messages of a session, sent and received. It holds nothing that did not go over the line, except how it ended.

    Args:
        folder: in the party's private folder; made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            sync_directory(folder.parent)

    def get(self, direction: Direction, kind: Kind) -> bytes | None:
        """A message, encoded, or None if it was neither sent nor received yet."""
        path = self._path(direction, kind)
        return path.read_bytes() if path.is_file() else None

    def has(self, direction: Direction, kind: Kind) -> bool:
        """Whether a message is there."""
        return self._path(direction, kind).is_file()

    def put(self, direction: Direction, kind: Kind, raw: bytes) -> None:
        """Keep a message; on return it is durable.

        Raises:
            LogCorrupt: there is one already. A message is never replaced.
        """
        path = self._path(direction, kind)
        if path.exists():
            raise LogCorrupt(f"{path}: a message is there already, and is never replaced")
        write_atomic(path, raw)

    @property
    def ending(self) -> Ending | None:
        """How it ended, or None.

        Raises:
            LogCorrupt: the file that says so is damaged.
        """
        path = self.folder / "ending.json"
        if not path.is_file():
            return None
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            return Ending(str(fields["outcome"]), str(fields["reason"]))
        except (ValueError, KeyError, TypeError) as error:
            raise LogCorrupt(f"{path}: this does not say how a session ended; it was changed or damaged") from error

    def end(self, ending: Ending) -> None:
        """Note durably how it ended; the first ending stands."""
        if self.ending is None:
            text = json.dumps({"outcome": ending.outcome, "reason": ending.reason}, indent=2)
            write_atomic(self.folder / "ending.json", (text + os.linesep).encode("utf-8"))

    def _path(self, direction: Direction, kind: Kind) -> Path:
        sender = "alice" if direction == Direction.ALICE_TO_BOB else "bob"
        return self.folder / f"{int(kind)}-{kind.name.lower()}-of-{sender}.msg"
