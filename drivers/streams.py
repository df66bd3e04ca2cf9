"""Bytes to and from a device: over TCP, a serial port or VISA, with one face and one kind of error (``OSError``).

No protocol and no lock are known here; see :mod:`.transport`.
"""

from __future__ import annotations

import socket
import time
from typing import Any, Protocol
from urllib.parse import urlsplit

import pyvisa
import serial
from pyvisa.constants import ResourceAttribute, StatusCode
from pyvisa.resources import MessageBasedResource, TCPIPSocket

from ..errors import ConfigError

_CHUNK = 4096  # bytes
_SLICE = 0.01  # s; how long a serial port waits at a stretch


class Stream(Protocol):
    """An open connection. Every method raises ``OSError`` where it is down."""

    def read(self, limit: int, stop: bytes, timeout: float) -> bytes:
        """Some bytes as soon as there are any, at most ``limit``; none where none came within ``timeout`` s.

        A stream that is not told how many have arrived waits for the last byte of ``stop``, or for all of ``limit`` if that is empty.
        """

    def unasked(self, within: float) -> bool:
        """Whether something comes within ``within`` s that nobody has asked for. It is thrown away."""

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""

    def close(self) -> None:
        """Give the connection back."""


def open_stream(address: str, timeout: float, **port_settings: Any) -> Stream:  # noqa: ANN401 - pyserial's own
    """Open what an address names.

    Args:
        address: ``socket://host:port``; a serial port or any other pyserial URL (``COM3``, ``/dev/ttyUSB0``, ``rfc2217://...``); or a
            VISA resource (``TCPIP::10.0.0.5::5025::SOCKET``), where ``@py`` at the end asks for pyvisa-py.
        timeout: for connecting and for sending, s of wall time.
        **port_settings: of a serial port, e.g. ``baudrate``; a network has none.

    Raises:
        ConfigError: there can be no such address.
        OSError: there is nothing, or it is taken.
    """
    if address.startswith("socket://"):
        return TcpStream(address, timeout)
    if "::" in address and "://" not in address:
        return VisaStream(address, timeout)
    return SerialStream(address, timeout, **port_settings)


class TcpStream:
    """A TCP connection.

    pyserial has ``socket://`` too, but connects with a time-out of its own and cannot tell how many bytes are there.
    """

    def __init__(self, address: str, timeout: float) -> None:
        self._socket = socket.create_connection(_host_and_port(address), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._timeout = timeout

    def read(self, limit: int, stop: bytes, timeout: float) -> bytes:
        """See :class:`Stream`."""
        self._socket.settimeout(timeout)
        try:
            data = self._socket.recv(limit)
        except (TimeoutError, BlockingIOError):
            return b""
        if not data:
            raise ConnectionResetError("the other side closed the connection")
        return data

    def unasked(self, within: float) -> bool:
        """See :class:`Stream`."""
        return bool(self.read(_CHUNK, b"", within))

    def write(self, data: bytes) -> None:
        """See :class:`Stream`."""
        self._socket.settimeout(self._timeout)
        self._socket.sendall(data)

    def close(self) -> None:
        """See :class:`Stream`."""
        self._socket.close()


class SerialStream:
    """A serial port, or another pyserial URL."""

    def __init__(self, address: str, timeout: float, **port_settings: Any) -> None:  # noqa: ANN401 - pyserial's own
        settings = {"exclusive": True, **port_settings}
        try:
            # The time-out stays what it is: on Windows pyserial sets up the whole port anew to change it.
            self._port = serial.serial_for_url(address, timeout=_SLICE, write_timeout=timeout, **settings)
        except ValueError as error:
            raise ConfigError(f"address {address!r} is none that pyserial knows: {error}") from error

    def read(self, limit: int, stop: bytes, timeout: float) -> bytes:
        """See :class:`Stream`."""
        deadline = time.monotonic() + timeout
        while True:
            waiting = self._port.in_waiting
            if waiting:
                return bytes(self._port.read(min(limit, waiting)))
            if time.monotonic() >= deadline:
                return b""
            first = self._port.read(1)
            if first:
                return bytes(first)

    def unasked(self, within: float) -> bool:
        """See :class:`Stream`."""
        return bool(self.read(_CHUNK, b"", within))

    def write(self, data: bytes) -> None:
        """See :class:`Stream`."""
        self._port.write(data)

    def close(self) -> None:
        """See :class:`Stream`."""
        self._port.close()


class VisaStream:
    """A message-based VISA resource: GPIB, USB, LXI, or a raw socket."""

    def __init__(self, address: str, timeout: float) -> None:
        name, at, backend = address.partition("@")
        if name.upper().startswith("ASRL"):
            raise ConfigError(f"address {address!r}: give a serial port by its own name, e.g. COM3 or /dev/ttyUSB0")
        try:
            resource = pyvisa.ResourceManager(at + backend).open_resource(name, open_timeout=round(timeout * 1e3))
        except Exception as error:  # pyvisa-py raises bare Exception where it cannot connect
            raise ConnectionError(str(error)) from error
        if not isinstance(resource, MessageBasedResource):
            resource.close()
            raise ConfigError(f"address {address!r} is no message-based VISA resource")
        self._resource = resource
        self._timeout = timeout
        self._set_timeout_ms: int | None = None
        self._set_stop: bytes | None = None

    def read(self, limit: int, stop: bytes, timeout: float) -> bytes:
        """See :class:`Stream`."""
        try:
            self._prepare(stop[-1:], timeout)
            with self._resource.ignore_warning(StatusCode.success_max_count_read):
                data, _ = self._resource.visalib.read(self._resource.session, limit)
        except pyvisa.errors.VisaIOError as error:
            if error.error_code == StatusCode.error_timeout:
                return b""
            raise ConnectionError(str(error)) from error
        return bytes(data)

    def unasked(self, within: float) -> bool:
        """See :class:`Stream`.

        On a bus that knows messages (GPIB, USB, LXI) one must not read what was not asked for: the device takes that for an error. It
        drops an old answer by itself when it is asked anew, or cleared, as here where there is time for it.
        """
        if isinstance(self._resource, TCPIPSocket):
            return bool(self.read(1, b"", within))
        if within > 0:
            try:
                self._resource.clear()
            except pyvisa.errors.VisaIOError as error:
                raise ConnectionError(str(error)) from error
        return False

    def write(self, data: bytes) -> None:
        """See :class:`Stream`."""
        try:
            self._prepare(b"", self._timeout)
            self._resource.write_raw(data)
        except pyvisa.errors.VisaIOError as error:
            raise ConnectionError(str(error)) from error

    def close(self) -> None:
        """See :class:`Stream`."""
        self._resource.close()

    def _prepare(self, stop: bytes, timeout: float) -> None:
        timeout_ms = round(timeout * 1e3)
        if timeout_ms != self._set_timeout_ms:
            self._resource.timeout = self._set_timeout_ms = timeout_ms
        if stop != self._set_stop:
            if stop:
                self._resource.set_visa_attribute(ResourceAttribute.termchar, stop[0])
            self._resource.set_visa_attribute(ResourceAttribute.termchar_enabled, bool(stop))
            self._set_stop = stop


def _host_and_port(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise ConfigError(f"address {address!r} is not of the form socket://host:port")
    return host, port
