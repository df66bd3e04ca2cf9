r"""The frame of every device simulator: what it listens on, what it says, what goes wrong, and a transcript of it all.

A simulator is built from its device's manual, never from the driver. It writes its channels, its state and :meth:`Simulator.power_on`;
faults on the wire, further clients and the transcript come from here::

    class Thermometer(Simulator):
        def __init__(self, clock=None):
            super().__init__(clock, command=Channel(lines(b"\n"), self.answer))

        def power_on(self): ...
        def answer(self, request: bytes) -> bytes: ...

    with Thermometer() as simulator:
        driver = ...(simulator.address())

It acts on the world through a port, on the clock of the node that the device belongs to, and only while a client waits for its answer: then
the node's own thread stands still, and the world is never touched by two at a time.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, NamedTuple, Self

from ...clock import Clock, SystemClock
from ...errors import ConfigError
from .faults import Fault, FaultPlan
from .server import Line, Server, Session
from .splitters import Splitter


@dataclass(frozen=True)
class Channel:
    """One thing that a client can connect to: a command line, a monitoring line, a stream of data.

    Args:
        split: where a request ends.
        answer: gives a request's complete answer, echo and prompt included; empty where the device is silent.
        banner: what a new client is greeted with; over a serial line, what is said at power-on.
        serial: it stands for a serial line. What is on its way outlives the connection: whoever opens the port next gets it. One client.
        clients: how many at a time; any number by default.
        busy: what a client too many is told before it is sent away.
    """

    split: Splitter
    answer: Callable[[bytes], bytes]
    banner: Callable[[], bytes] = bytes
    serial: bool = False
    clients: int | None = None
    busy: bytes = b""

    @property
    def room(self) -> int | None:
        """How many clients at a time; None for any number."""
        return 1 if self.serial else self.clients


class Said(NamedTuple):
    """A line of the transcript.

    Args:
        time_ps: on the simulator's clock.
        direction: seen from the device.
        channel: its name.
        data: the bytes.
    """

    time_ps: int
    direction: Literal["in", "out"]
    channel: str
    data: bytes


class Simulator(ABC):
    """A device that talks bytes.

    The state is made in :meth:`power_on`; what outlives a power cut, a subclass sets before it calls this constructor.

    Args:
        clock: that of the node; real time by default.
        **channels: by name; the first is the one that the driver's address means.
    """

    def __init__(self, clock: Clock | None = None, **channels: Channel) -> None:
        self.clock: Clock = SystemClock() if clock is None else clock
        self.lock = threading.RLock()
        """Held while a request is answered; hold it to look at, or change, more than one thing of the state at a time."""
        self.faults = FaultPlan()
        self._transcript: deque[Said] = deque(maxlen=100_000)
        self._channels = channels
        self._lines = {name: Line() for name, channel in channels.items() if channel.serial}
        self._addresses: dict[str, tuple[str, int]] = {}
        self._server: Server | None = None
        self.power_on()

    @abstractmethod
    def power_on(self) -> None:
        """Bring the state to what it is after switching on."""

    def start(self) -> str:
        """Listen on free ports of 127.0.0.1 until :meth:`stop`; returns the address for the driver."""
        if self._server is not None:
            raise ConfigError(f"{type(self).__name__} runs already, at {self.address()}")
        server = Server(
            f"{type(self).__name__} simulator",
            self.lock,
            accepted=self._greet,
            received=self._take_in,
            sending=lambda session, data: self._note("out", session, data),
            line=lambda channel: self._lines.get(channel) or Line(),
        )
        self._addresses = {name: server.listen(name) for name in self._channels}
        self._server = server
        server.start()
        return self.address()

    def stop(self) -> None:
        """End all connections and wait for the thread; stopping what stands still is no error."""
        with self.lock:
            server, self._server = self._server, None
        if server is not None:
            server.stop()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        self.stop()

    def address(self, channel: str | None = None) -> str:
        """Where a channel (by default the first) listens, as a driver takes it.

        Raises:
            ConfigError: it has not been started, or has no such channel.
        """
        name = next(iter(self._channels)) if channel is None else channel
        if name not in self._addresses:
            raise ConfigError(f"{type(self).__name__} has no channel {name!r} that listens; start() it first")
        host, port = self._addresses[name]
        return f"socket://{host}:{port}"

    @property
    def transcript(self) -> list[Said]:
        """What has been said, in order; of a long talk the end."""
        with self.lock:
            return list(self._transcript)

    def push(self, channel: str, data: bytes) -> None:
        """Send bytes to all clients of a channel without being asked; callable from any thread."""
        with self.lock:
            if self._server is not None:
                for session in self._server.sessions:
                    if session.channel == channel:
                        session.line.send(data)
                self._server.wake()

    def power_cycle(self) -> None:
        """Take power away and give it back: state and everything on its way are lost. A network connection ends, a serial line stays."""
        with self.lock:
            self.power_on()
            for line in self._lines.values():
                line.clear()
            for session in tuple(self._server.sessions) if self._server is not None else ():
                session.line.clear()
                channel = self._channels[session.channel]
                if channel.serial:
                    session.line.send(channel.banner())
                else:
                    session.closing = True
            if self._server is not None:
                self._server.wake()

    def _greet(self, session: Session) -> None:
        channel = self._channels[session.channel]
        server = self._server
        others = sum(other.channel == session.channel for other in server.sessions) - 1 if server is not None else 0
        if channel.room is not None and others >= channel.room:
            session.line = Line()
            session.line.send(channel.busy)
            session.closing = True
        elif not channel.serial:  # behind a serial line, nobody notices that a port is opened
            session.line.send(channel.banner())

    def _take_in(self, session: Session, data: bytes) -> None:
        self._note("in", session, data)
        if session.closing:
            return
        channel = self._channels[session.channel]
        session.line.inbox += data
        while (request := channel.split(session.line.inbox)) is not None:
            answer = channel.answer(request)
            if answer:
                self._deliver(session, answer)

    def _deliver(self, session: Session, answer: bytes) -> None:
        """Send an answer, with what befalls it on the way."""
        line, faults = session.line, self.faults
        answer, line.held = line.held + answer, b""
        match faults.next():
            case None:
                line.send(answer)
            case Fault.LATE:
                line.send(answer[: faults.in_time])
                line.send(answer[faults.in_time :], after=faults.late)
            case Fault.SPLIT:
                for k in range(len(answer)):
                    line.send(answer[k : k + 1], after=k * faults.gap)
            case Fault.COALESCE:
                line.held = answer
            case Fault.GARBAGE:
                line.send(faults.garbage + answer)
            case Fault.DISCONNECT:
                line.send(answer[: len(answer) // 2])
                session.closing = True
            case Fault.POWER_CYCLE:
                self.power_cycle()
            case _:  # dropped
                pass

    def _note(self, direction: Literal["in", "out"], session: Session, data: bytes) -> None:
        self._transcript.append(Said(self.clock.now_ps(), direction, session.channel, data))
