r"""One connection to one device, as all drivers share it: strictly one question, its answer, and nothing in between.

A device that speaks lines needs no more than this::

    self.connection = Connection(name, address, timeout=0.5)
    text = self.connection.ask("FREQ,1", end="\r\n")

Others spell the exchange out: an echo, a prompt, a fixed header and what it announces::

    with self.connection.exchange("status") as line:
        line.write(b"\x01")
        head = line.read_exactly(1)

The rule that matters: **a late answer never becomes the answer to the next question.** Whatever goes wrong in an exchange (no answer, a
wrong one, too much of it, Ctrl-C in the middle) leaves the connection out of step. Before the next question it is brought back into
step, by the driver's ``resync`` where the protocol allows one, else by opening it anew. One that broke is opened again the same way.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import DeviceConnectionError, DeviceProtocolError
from .streams import Stream, open_stream

_logger = logging.getLogger(__name__)
_CHUNK = 4096
_SHOWN = 80  # characters of a reply in an error


class Exchange:
    """One question and its answer; :meth:`Connection.exchange` makes it.

    Raises:
        DeviceConnectionError: (any method) no answer in time, or the connection broke.
        DeviceProtocolError: (any method) the answer is none that can be.
    """

    def __init__(self, device: str, stream: Stream, command: str, *, timeout: float, quiet: float, max_reply: int) -> None:
        self._device = device
        self._stream = stream
        self._command = command
        self._timeout = timeout
        self._quiet = quiet
        self._max_reply = max_reply
        self._buffer = bytearray()
        self._deadline = time.monotonic() + timeout
        self.broken = False
        """Whether the connection broke on the way."""

    def write(self, data: bytes) -> None:
        """Send ``data``; the time for the answer runs from here."""
        try:
            self._stream.write(data)
        except OSError as error:
            raise self._down(error) from error
        self._deadline = time.monotonic() + self._timeout

    def read_until(self, end: bytes) -> bytes:
        """Everything up to the next ``end``, without it."""
        searched = 0
        while (at := self._buffer.find(end, searched)) < 0 and len(self._buffer) <= self._max_reply:
            searched = max(0, len(self._buffer) - len(end) + 1)
            self._receive(_CHUNK, end, shown=True)
        if not 0 <= at <= self._max_reply:
            raise self.refuse(f"the answer goes on beyond {self._max_reply} bytes", bytes(self._buffer))
        reply = bytes(self._buffer[:at])
        del self._buffer[: at + len(end)]
        return reply

    def read_line(self, end: bytes) -> str:
        """As :meth:`read_until`, where the answer must be ASCII."""
        reply = self.read_until(end)
        if not reply.isascii():
            raise self.refuse("the answer is not ASCII text; check the baud rate", reply)
        return reply.decode("ascii")

    def read_exactly(self, size: int) -> bytes:
        """``size`` bytes. They never appear in an error: they may be random bits."""
        while len(self._buffer) < size:
            self._receive(size - len(self._buffer), b"", shown=False)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def skip_past(self, mark: bytes) -> None:
        """Throw away everything up to and including the next ``mark``, however much it is, while the time for the answer lasts."""
        while (at := self._buffer.find(mark)) < 0:
            del self._buffer[: max(0, len(self._buffer) - len(mark) + 1)]
            self._receive(_CHUNK, mark, shown=False)
        del self._buffer[: at + len(mark)]

    def drain(self) -> None:
        """Throw away what comes until the line has been silent for the connection's ``quiet`` time."""
        self._buffer.clear()
        deadline = time.monotonic() + self._timeout + self._quiet
        try:
            while self._stream.unasked(self._quiet):
                if time.monotonic() > deadline:
                    raise self.refuse("the line does not fall silent", None)
        except OSError as error:
            raise self._down(error) from error

    def refuse(self, message: str, reply: bytes | None) -> DeviceProtocolError:
        """The error to raise for an answer that cannot be, with device, command and the reply's beginning."""
        return DeviceProtocolError(self._device, message, command=self._command, reply=None if reply is None else _shown(reply))

    def finish(self) -> None:
        """See that nothing is left over: of two answers, the one that was read may have been the stale one."""
        try:
            more = bool(self._buffer) or self._stream.unasked(0.0)
        except OSError:  # the answer came in full; what broke the connection then is a matter for the next question
            self.broken, more = True, False
        if more:
            raise self.refuse("the device said more than it was asked for", None)

    def _receive(self, limit: int, stop: bytes, *, shown: bool) -> None:
        try:
            data = self._stream.read(limit, stop, max(0.0, self._deadline - time.monotonic()))
        except OSError as error:
            raise self._down(error) from error
        if data:
            self._buffer += data
        elif self._buffer:
            reply = bytes(self._buffer) if shown else None
            raise self.refuse(f"the answer broke off after {len(self._buffer)} bytes and {self._timeout:g} s", reply)
        else:
            message = f"no answer within {self._timeout:g} s; check power, cable, address and baud rate"
            raise DeviceConnectionError(self._device, message, command=self._command)

    def _down(self, error: OSError) -> DeviceConnectionError:
        self.broken = True
        return DeviceConnectionError(self._device, f"the connection broke: {error}; check power and cable", command=self._command)


class Connection:
    """A connection that is opened with the first question, and again after it broke.

    Args:
        device: name of the instrument, for errors.
        address: see :func:`.streams.open_stream`.
        timeout: how long an answer may take from the question to its end, s of wall time.
        resync: brings both sides into step: called after each opening and before the first question after a failure. It asks what only
            this call can have asked (a made-up word that the device echoes) and reads past everything that comes before the answer;
            the settings that the driver relies on can be checked there, too. By default the connection is opened anew instead, and drained.
        quiet: silence after which a drained line counts as empty, s. Without ``resync``, on a line that outlives its connection (a serial
            port): longer than the device's slowest answer.
        max_reply: longest answer that is accepted, bytes.
        opener: opens the stream; tests put their own here.
        **port_settings: of a serial port, e.g. ``baudrate=115200``.
    """

    def __init__(
        self,
        device: str,
        address: str,
        *,
        timeout: float = 1.0,
        resync: Callable[[Exchange], None] | None = None,
        quiet: float = 0.05,
        max_reply: int = 65536,
        opener: Callable[..., Stream] = open_stream,
        **port_settings: Any,  # noqa: ANN401 - pyserial's own
    ) -> None:
        self.device = device
        self.address = address
        self.timeout = timeout
        self.lock = threading.RLock()
        """Held during every exchange. Roles on this connection take it as theirs: ``super().__init__(name, lock=connection.lock)``."""
        self._resync = resync
        self._quiet = quiet
        self._max_reply = max_reply
        self._opener = opener
        self._port_settings = port_settings
        self._stream: Stream | None = None
        self._in_step = False
        self._closed = False

    def ask(self, command: str, *, end: str = "\n", until: str | None = None) -> str:
        """Send a line, return the line that answers.

        Args:
            command: ASCII.
            end: terminates the command.
            until: terminates the answer; ``end`` by default.

        Raises:
            DeviceConnectionError: no answer in time, or no connection.
            DeviceProtocolError: the answer is too long, broken off, or not ASCII.
        """
        with self.exchange(command) as line:
            line.write((command + end).encode("ascii"))
            return line.read_line((end if until is None else until).encode("ascii"))

    @contextmanager
    def exchange(self, command: str, *, timeout: float | None = None) -> Iterator[Exchange]:
        """One question and its answer; nobody else gets a word in between.

        Errors that the device reports in a well-formed answer are best raised after the ``with`` block: one that leaves it costs a resync.

        Args:
            command: as it shall appear in errors.
            timeout: for this answer, s of wall time; the connection's by default.

        Raises:
            DeviceConnectionError: the connection is closed, cannot be opened or be brought into step, or fails in the block.
            DeviceProtocolError: the device said more than was read.
        """
        with self.lock:
            exchange = self._exchange(self._stream_in_step(command), command, self.timeout if timeout is None else timeout)
            self._in_step = False
            try:
                yield exchange
                exchange.finish()
                self._in_step = True
            finally:
                if exchange.broken:
                    self._drop()

    def close(self) -> None:
        """Give the connection back for good; closing what is closed is no error."""
        with self.lock:
            self._closed = True
            self._drop()

    def _exchange(self, stream: Stream, command: str, timeout: float) -> Exchange:
        return Exchange(self.device, stream, command, timeout=timeout, quiet=self._quiet, max_reply=self._max_reply)

    def _stream_in_step(self, command: str) -> Stream:
        """The open stream, on which nothing is pending: what is there before the question cannot be its answer."""
        if self._closed:
            raise DeviceConnectionError(self.device, "the connection has been closed; make the instrument anew", command=command)
        if self._stream is not None and self._in_step and self._silent(self._stream):
            return self._stream
        return self._synchronised()

    def _silent(self, stream: Stream) -> bool:
        try:
            unasked = stream.unasked(0.0)
        except OSError as error:
            _logger.warning("%s: the connection was lost (%s); opening it again", self.device, error)
            self._drop()
            return False
        if unasked:
            _logger.warning("%s: the device spoke without being asked; getting back into step", self.device)
        return not unasked

    def _synchronised(self) -> Stream:
        if self._resync is None:
            self._drop()
        stream = self._stream = self._stream or self._open()
        exchange = self._exchange(stream, "resynchronise", self.timeout)
        self._in_step = False
        try:
            (self._resync or Exchange.drain)(exchange)
            exchange.finish()
            self._in_step = True
        finally:
            if not self._in_step:
                self._drop()
        return stream

    def _open(self) -> Stream:
        try:
            return self._opener(self.address, self.timeout, **self._port_settings)
        except OSError as error:
            message = f"cannot open {self.address} ({error}); check the address, and that nobody else has it open"
            raise DeviceConnectionError(self.device, message) from error

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        self._in_step = False
        if stream is not None:
            with suppress(OSError):  # it is given up, whatever closing says
                stream.close()


def _shown(reply: bytes) -> str:
    text = reply[: _SHOWN + 1].decode("ascii", "backslashreplace")
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
