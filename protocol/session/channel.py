"""Ways for two parties to exchange messages, and the loop that puts a machine on one."""

from __future__ import annotations

import queue
from typing import Protocol

from ...errors import SessionError
from .machine import Machine


class LineClosed(SessionError):
    """The other end is gone. Nothing is lost: the session goes on where it was when both meet again."""


class Channel(Protocol):
    """A line between two parties that keeps messages apart and in order. It need not be trusted."""

    def send(self, raw: bytes) -> None:
        """Send one message.

        Raises:
            LineClosed: the other end is gone.
        """

    def receive(self) -> bytes:
        """Wait for one message.

        Raises:
            LineClosed: the other end is gone.
        """

    def close(self) -> None:
        """Hang up; harmless when repeated."""


def converse(machine: Machine, channel: Channel) -> None:
    """Carry a session on until it ends, from wherever it stands.

    Raises:
        LineClosed: the other end is gone before the end.
        EventreadyError: as the machine does.
    """
    for raw in machine.sent():
        channel.send(raw)
    for raw in machine.advance():
        channel.send(raw)
    while machine.ending is None:
        for raw in machine.receive(channel.receive()):
            channel.send(raw)


class QueueChannel:
    """One end of a line between two threads; :meth:`pair` makes both.

    Args:
        out: where sent messages go.
        into: where received ones come from.
        patience_s: how long to wait for a message.
    """

    def __init__(self, out: queue.SimpleQueue[bytes | None], into: queue.SimpleQueue[bytes | None], patience_s: float) -> None:
        self._out = out
        self._into = into
        self._patience_s = patience_s
        self.log: list[bytes] = []
        """Everything that was sent from this end."""

    @classmethod
    def pair(cls, patience_s: float = 600.0) -> tuple[QueueChannel, QueueChannel]:
        """Both ends of a line."""
        there: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        back: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        return cls(there, back, patience_s), cls(back, there, patience_s)

    def send(self, raw: bytes) -> None:
        """Send one message."""
        self.log.append(raw)
        self._out.put(raw)

    def receive(self) -> bytes:
        """Wait for one message."""
        try:
            raw = self._into.get(timeout=self._patience_s)
        except queue.Empty:
            raw = None
        if raw is None:
            raise LineClosed("the other party hung up, or says nothing")
        return raw

    def close(self) -> None:
        """Hang up."""
        self._out.put(None)
