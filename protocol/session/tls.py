"""A line between two processes: TLS 1.3 over TCP, each end knowing the other by its one certificate.

The protocol does not need it: what has to be authentic is authenticated with one-time tags, and what has to be secret never leaves. TLS
keeps strangers from killing a session with one wrong byte.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from ...errors import ConfigError, SessionError
from .channel import LineClosed
from .messages import HEAD, length_of_rest
from .plan import SessionPlan


@dataclass(frozen=True)
class Identity:
    """Who I am on the line, and who the other end has to be.

    Args:
        certificate: PEM file of my certificate.
        key: PEM file of its private key.
        peer: PEM file of the certificate of the other party, the only one that is accepted.
    """

    certificate: Path
    key: Path
    peer: Path

    def context(self, *, server: bool) -> ssl.SSLContext:
        """Settings for one end.

        Raises:
            ConfigError: a file is missing or is no certificate or key.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False  # the peer is known by its certificate, wherever it stands
        context.verify_mode = ssl.CERT_REQUIRED
        path = self.certificate
        try:
            context.load_cert_chain(self.certificate, self.key)
            path = self.peer
            context.load_verify_locations(self.peer)
        except OSError as error:
            raise ConfigError(
                f"{path}: no certificate or key can be read here ({error.strerror or error}); eventready session certificate makes one"
            ) from error
        return context

    def require_peer(self, line: ssl.SSLSocket) -> None:
        """See that the other end has exactly the certificate that was agreed on.

        Raises:
            SessionError: it has another one.
        """
        expected = ssl.PEM_cert_to_DER_cert(self.peer.read_text(encoding="ascii"))
        if line.getpeercert(binary_form=True) != expected:
            raise SessionError(f"the other end shows another certificate than {self.peer}")


class TlsChannel:
    """One end of a line.

    Args:
        line: connected, its handshake done.
        plan: of the session; bounds what is read.
    """

    def __init__(self, line: ssl.SSLSocket, plan: SessionPlan) -> None:
        self._line = line
        self._plan = plan

    def send(self, raw: bytes) -> None:
        """Send one message."""
        try:
            self._line.sendall(raw)
        except OSError as error:
            raise _closed(error) from error

    def receive(self) -> bytes:
        """Wait for one message."""
        head = self._read(HEAD.size)
        return head + self._read(length_of_rest(head, self._plan))

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _read(self, size: int) -> bytes:
        buffer = bytearray(size)
        view = memoryview(buffer)
        while view:
            try:
                got = self._line.recv_into(view)
            except OSError as error:
                raise _closed(error) from error
            if got == 0:
                raise LineClosed("the other party hung up; begin again at both ends to go on")
            view = view[got:]
        return bytes(buffer)


class Listener:
    """Waits for the other party.

    Args:
        address: host and port; port 0 takes a free one.
        identity: who I am.
        patience_s: how long to wait for the other party, and for each of its messages.

    Raises:
        ConfigError: nothing can listen there.
    """

    def __init__(self, address: tuple[str, int], identity: Identity, patience_s: float) -> None:
        self._context = identity.context(server=True)
        self._identity = identity
        self._patience_s = patience_s
        try:
            self._socket = socket.create_server(address)
        except OSError as error:
            raise ConfigError(f"{address[0]}:{address[1]}: nothing can listen there ({error.strerror})") from error
        self._socket.settimeout(patience_s)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    def accept(self, plan: SessionPlan) -> TlsChannel:
        """Wait until the right party has called. Others are sent away.

        Raises:
            LineClosed: nobody came in time.
        """
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError as error:
                raise LineClosed("the other party did not call in time; begin again at both ends to go on") from error
            plain.settimeout(self._patience_s)
            try:
                line = self._context.wrap_socket(plain, server_side=True)
                self._identity.require_peer(line)
            except (OSError, SessionError):
                plain.close()  # a stranger, or somebody who only looked whether a port is open
                continue
            return TlsChannel(line, plan)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def call(address: tuple[str, int], identity: Identity, plan: SessionPlan, patience_s: float) -> TlsChannel:
    """Call the party that listens.

    Raises:
        LineClosed: nobody listens there, or whoever does hung up.
        SessionError: it is somebody else, or refuses this certificate.
        ConfigError: a certificate is missing.
    """
    context = identity.context(server=False)
    try:
        plain = socket.create_connection(address, timeout=patience_s)
    except OSError as error:
        raise LineClosed(f"{address[0]}:{address[1]}: nobody answers ({error.strerror or error}); is the other party listening?") from error
    try:
        line = context.wrap_socket(plain)
        identity.require_peer(line)
    except ssl.SSLError as error:
        plain.close()
        raise SessionError(f"{address[0]}:{address[1]}: the other end does not have the agreed certificate ({error.reason})") from error
    except OSError as error:
        plain.close()
        raise _closed(error) from error
    return TlsChannel(line, plan)


def _closed(error: OSError) -> LineClosed:
    return LineClosed(f"the line broke ({error.strerror or error}); begin again at both ends to go on")
