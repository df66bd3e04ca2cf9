"""Sockets on 127.0.0.1 for a simulator: listeners, clients and what is still to be sent, in one background thread."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_CHUNK = 65536


class Parcel(NamedTuple):
    """Bytes, when they may leave (s of ``time.monotonic``), and whether some of them have left."""

    due: float
    data: bytes
    begun: bool = False


@dataclass
class Line:
    """What is on its way between device and client."""

    inbox: bytearray = field(default_factory=bytearray)
    outbox: deque[Parcel] = field(default_factory=deque)
    held: bytes = b""
    """An answer that a fault holds back."""

    def clear(self) -> None:
        """Lose everything."""
        self.inbox.clear()
        self.outbox.clear()
        self.held = b""

    def send(self, data: bytes, after: float = 0.0) -> None:
        """Put bytes in line; they leave in order, and these not before ``after`` s."""
        if data:
            self.outbox.append(Parcel(time.monotonic() + after, data))


class Session:
    """One client on one channel."""

    def __init__(self, connection: socket.socket, channel: str, line: Line) -> None:
        self.connection = connection
        self.channel = channel
        self.line = line
        self.closing = False
        """Whether the connection ends when all is sent."""
        self.events = _READ


class Server:
    """Listens for a simulator.

    Args:
        name: of the thread.
        lock: held during every callback.
        accepted: called with a new session.
        received: called with a session and bytes from it.
        sending: called with a session and bytes that are about to leave.
        line: returns the line of a new session by the name of its channel.
    """

    def __init__(
        self,
        name: str,
        lock: threading.RLock,
        *,
        accepted: Callable[[Session], None],
        received: Callable[[Session, bytes], None],
        sending: Callable[[Session, bytes], None],
        line: Callable[[str], Line],
    ) -> None:
        self._lock = lock
        self._accepted, self._received, self._sending, self._line = accepted, received, sending, line
        self.sessions: list[Session] = []
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._listeners: dict[str, socket.socket] = {}
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._selector.register(self._wake_in, _READ, lambda: self._wake_in.recv(4096))
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def listen(self, channel: str) -> tuple[str, int]:
        """Open a free port for a channel, before :meth:`start`; returns host and port."""
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        self._listeners[channel] = listener
        self._selector.register(listener, _READ, lambda: self._accept(channel))
        return "127.0.0.1", listener.getsockname()[1]

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def stop(self) -> None:
        """End all connections and the thread."""
        with self._lock:
            self._stopping = True
        self.wake()
        self._thread.join()
        for channel in (*self._listeners.values(), self._wake_in, self._wake_out):
            channel.close()
        self._selector.close()

    def wake(self) -> None:
        """Have the thread look at what is to be sent; for those who put something in line from another thread."""
        with suppress(BlockingIOError):  # enough calls to wake up are there already
            self._wake_out.send(b"w")

    def end(self, session: Session) -> None:
        """Close a connection at once."""
        if session in self.sessions:
            self.sessions.remove(session)
            self._selector.unregister(session.connection)
            session.connection.close()

    def read(self, session: Session) -> None:
        """Take in what a client has sent so far, or its end."""
        while session in self.sessions:
            try:
                data = session.connection.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.end(session)
                return
            self._received(session, data)
            if len(data) < _CHUNK:  # all that had arrived
                return

    def _run(self) -> None:
        try:
            while not self._stopping:
                for key, _ in self._selector.select(self._patience()):
                    with self._lock:
                        key.data()
                with self._lock:
                    for session in tuple(self.sessions):
                        self._flush(session)
        finally:
            with self._lock:
                for session in tuple(self.sessions):
                    self.end(session)

    def _patience(self) -> float | None:
        with self._lock:
            dues = [session.line.outbox[0].due for session in self.sessions if session.line.outbox and session.events == _READ]
        return max(0.0, min(dues) - time.monotonic()) if dues else None

    def _accept(self, channel: str) -> None:
        try:
            connection, _ = self._listeners[channel].accept()
        except OSError:  # it is gone already
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for other in tuple(self.sessions):  # a client that has just hung up does not count as another one
            self.read(other)
        session = Session(connection, channel, self._line(channel))
        self.sessions.append(session)
        self._selector.register(connection, _READ, lambda: self.read(session))
        self._accepted(session)

    def _flush(self, session: Session) -> None:
        blocked = False
        outbox = session.line.outbox
        while outbox and outbox[0].due <= time.monotonic():
            parcel = outbox.popleft()
            if not parcel.begun:  # before it leaves: the client's clock may go on as soon as it has it
                self._sending(session, parcel.data)
            try:
                count = session.connection.send(parcel.data)
            except BlockingIOError:
                count = 0
            except OSError:
                self.end(session)
                return
            if count < len(parcel.data):
                outbox.appendleft(Parcel(parcel.due, parcel.data[count:], begun=True))
                blocked = True
                break
        if session.closing and not outbox:
            self.end(session)
        elif session.events != (events := _READ | _WRITE if blocked else _READ):
            session.events = events
            self._selector.modify(session.connection, events, lambda: self.read(session))
