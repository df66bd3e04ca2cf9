"""The frame of the simulators, seen by plain sockets: what arrives, what is said, what goes wrong, and that nothing stays behind."""

from __future__ import annotations

import gc
import http.client
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.clock import SimClock
from eventready.errors import ConfigError
from eventready.twin.devices import Channel, Fault, FaultPlan, Simulator
from eventready.twin.devices.faults import ON_THE_WAY
from eventready.twin.devices.splitters import Splitter, fixed_header, lines, stream
from eventready.twin.devices.splitters import http as http_requests

# -- where a message ends ------------------------------------------------------------------------------------------------------------------


def split_all(split: Splitter, chunks: list[bytes]) -> list[bytes]:
    buffer, messages = bytearray(), []
    for chunk in chunks:
        buffer += chunk
        while (message := split(buffer)) is not None:
            messages.append(message)
    return messages


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks = []
    for size in sizes:
        chunks.append(data[:size])
        data = data[size:]
    return [*chunks, data]


CUTS = st.lists(st.integers(1, 7), max_size=40)
PAYLOADS = st.lists(st.binary(max_size=20), max_size=6)


@given(PAYLOADS, CUTS)
def test_lines_come_out_whole_however_they_arrive(payloads: list[bytes], sizes: list[int]) -> None:
    wanted = [payload.replace(b"\r", b"").replace(b"\n", b"") for payload in payloads]
    assert split_all(lines(b"\r\n", b"\n"), cut(b"\n".join([*wanted, b""]), sizes)) == wanted
    assert split_all(lines(b"\r"), cut(b"\r".join([*wanted, b"rest"]), sizes)) == wanted


@given(PAYLOADS, CUTS)
def test_frames_come_out_whole_however_they_arrive(payloads: list[bytes], sizes: list[int]) -> None:
    frames = [b"\x07" + len(payload).to_bytes(2, "little") + payload for payload in payloads]
    split = fixed_header(3, lambda header: int.from_bytes(header[1:], "little"))
    assert split_all(split, cut(b"".join(frames) + b"\x07\x05", sizes)) == frames


@given(PAYLOADS, CUTS)
def test_http_requests_come_out_whole_however_they_arrive(payloads: list[bytes], sizes: list[int]) -> None:
    requests = [b"POST / HTTP/1.1\r\ncontent-LENGTH: %d\r\n\r\n%b" % (len(payload), payload) for payload in payloads]
    requests.append(b"GET /x HTTP/1.1\r\nHost: y\r\n\r\n")
    assert split_all(http_requests, cut(b"".join(requests), sizes)) == requests


@given(st.lists(st.binary(max_size=50)))
def test_a_stream_loses_nothing(chunks: list[bytes]) -> None:
    assert b"".join(split_all(stream, chunks)) == b"".join(chunks)


@pytest.mark.parametrize(
    ("split", "junk"),
    [
        (lines(b"\r", limit=100), b"a" * 64),
        (fixed_header(4, lambda header: int.from_bytes(header, "big")), b"\xff" * 64),
        (http_requests, b"Content-Length: 999999999\r\n\r\n" + b"x" * 64),
        (http_requests, b"y" * 65536),
    ],
)
def test_junk_does_not_pile_up(split: Splitter, junk: bytes) -> None:
    buffer = bytearray()
    for _ in range(50):
        buffer += junk
        while split(buffer) is not None:
            pass
    assert len(buffer) < 2**21


# -- a device ------------------------------------------------------------------------------------------------------------------------------


class Device(Simulator):
    """Echoes lines, on a network and on a serial line; has frames and a monitoring line, and one setting."""

    def __init__(self, clock: SimClock | None = None) -> None:
        super().__init__(
            clock,
            network=Channel(lines(b"\n"), self._answer, banner=lambda: b"ready\n", clients=2, busy=b"busy\n"),
            serial=Channel(lines(b"\n"), self._answer, banner=lambda: b"booted\n", serial=True),
            monitor=Channel(stream, lambda request: b""),
            web=Channel(http_requests, self._page),
        )

    def power_on(self) -> None:
        self.value = 0.0

    def _answer(self, request: bytes) -> bytes:
        name, _, value = request.partition(b"=")
        if name == b"value" and value:
            self.value = self.faults.stored("value", float(value))
        if name == b"value":
            return b"%a\n" % self.faults.seen("value", self.value)
        return b"" if name == b"silent" else request + b"\n"

    def _page(self, request: bytes) -> bytes:
        body = request.split(b" ")[1]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Client:
    """A plain socket that waits for what it is told to expect."""

    def __init__(self, address: str) -> None:
        host, port = address.removeprefix("socket://").split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=5.0)

    def send(self, data: bytes) -> Client:
        self._socket.sendall(data)
        return self

    def receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (more := self._socket.recv(size - len(data))):
            data += more
        return data

    def nothing_comes(self, within: float = 0.05) -> bool:
        self._socket.settimeout(within)
        try:
            self._socket.recv(1)
            return False
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(5.0)

    def is_closed(self) -> bool:
        try:
            return self._socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def device() -> Iterator[Device]:
    with Device() as device:
        yield device


@pytest.fixture
def client(device: Device) -> Iterator[Callable[[str], Client]]:
    clients: list[Client] = []

    def connect(channel: str) -> Client:
        clients.append(Client(device.address(channel)))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()


def wait_until(true: Callable[[], bool]) -> None:
    """For what a client cannot see: that its bytes have arrived."""
    for _ in range(5000):
        if true():
            return
        threading.Event().wait(0.001)
    pytest.fail("it never came true")


def network(client: Callable[[str], Client]) -> Client:
    connected = client("network")
    assert connected.receive(6) == b"ready\n"
    return connected


def test_lines_are_answered_in_order_and_silence_is_an_answer(client: Callable[[str], Client]) -> None:
    assert network(client).send(b"a\nsilent\nb\nc").receive(4) == b"a\nb\n"


def test_http_for_a_real_client(device: Device) -> None:
    connection = http.client.HTTPConnection(device.address("web").removeprefix("socket://"), timeout=5.0)
    try:
        for path in ("/one", "/two"):
            connection.request("POST", path, body=b"{}")
            assert connection.getresponse().read() == path.encode()
    finally:
        connection.close()


def test_what_is_pushed_reaches_all_clients_of_its_channel_and_no_other(device: Device, client: Callable[[str], Client]) -> None:
    monitors, other = [client("monitor"), client("monitor")], network(client)
    for monitor in monitors:
        monitor.send(b"here")
    wait_until(lambda: [said.data for said in device.transcript].count(b"here") == 2)
    pusher = threading.Thread(target=lambda: device.push("monitor", b"event"))
    pusher.start()
    pusher.join()
    assert [monitor.receive(5) for monitor in monitors] == [b"event", b"event"]
    assert other.nothing_comes()


def test_the_transcript_has_time_direction_and_bytes() -> None:
    clock = SimClock(start_ps=7)
    with Device(clock) as device:
        client = Client(device.address("network"))
        client.receive(6)
        clock.sleep(1.0)
        client.send(b"hello\n").receive(6)
        client.close()
    assert [tuple(said) for said in device.transcript] == [
        (7, "out", "network", b"ready\n"),
        (10**12 + 7, "in", "network", b"hello\n"),
        (10**12 + 7, "out", "network", b"hello\n"),
    ]


def test_a_long_answer_to_a_slow_reader_arrives_whole(client: Callable[[str], Client], device: Device) -> None:
    slow = client("monitor")
    slow.send(b"here")
    wait_until(lambda: bool(device.transcript))
    data = bytes(range(256)) * 2**15  # 8 MiB: more than the buffers of a connection
    device.push("monitor", data)
    assert network(client).send(b"others are served\n").receive(18) == b"others are served\n"
    assert slow.receive(len(data)) == data


# -- the ten faults ------------------------------------------------------------------------------------------------------------------------


def test_an_answer_is_dropped(device: Device, client: Callable[[str], Client]) -> None:
    device.faults.arm(Fault.DROP, skip=1)
    assert network(client).send(b"a\nb\nc\n").receive(4) == b"a\nc\n"


@pytest.mark.parametrize(("in_time", "at_once", "then"), [(0, b"", b"hello\n"), (-2, b"hell", b"o\n")])
def test_an_answer_is_late(device: Device, client: Callable[[str], Client], in_time: int, at_once: bytes, then: bytes) -> None:
    device.faults.late, device.faults.in_time = 0.15, in_time
    device.faults.arm(Fault.LATE)
    waiting = network(client).send(b"hello\n")
    assert waiting.receive(len(at_once)) == at_once
    assert waiting.nothing_comes(0.05)
    assert waiting.send(b"next\n").receive(len(then) + 5) == then + b"next\n"  # the stale answer comes first


def test_an_answer_comes_in_single_bytes(device: Device, client: Callable[[str], Client]) -> None:
    device.faults.arm(Fault.SPLIT)
    assert network(client).send(b"hello\n").receive(6) == b"hello\n"
    assert [said.data for said in device.transcript if said.direction == "out"][1:] == [b"h", b"e", b"l", b"l", b"o", b"\n"]


def test_two_answers_come_in_one_piece(device: Device, client: Callable[[str], Client]) -> None:
    device.faults.arm(Fault.COALESCE)
    waiting = network(client).send(b"a\n")
    assert waiting.nothing_comes()
    assert waiting.send(b"b\n").receive(4) == b"a\nb\n"
    assert device.transcript[-1].data == b"a\nb\n"


def test_garbage_comes_first(device: Device, client: Callable[[str], Client]) -> None:
    device.faults.arm(Fault.GARBAGE)
    garbage = device.faults.garbage
    assert network(client).send(b"a\n").receive(len(garbage) + 2) == garbage + b"a\n"


@pytest.mark.parametrize("channel", ["network", "serial"])
def test_the_connection_breaks_in_the_middle(device: Device, client: Callable[[str], Client], channel: str) -> None:
    device.faults.arm(Fault.DISCONNECT)
    broken = network(client) if channel == "network" else client("serial")
    assert broken.send(b"hello\n").receive(100) == b"hel"
    again = network(client) if channel == "network" else client("serial")
    assert again.send(b"x\n").receive(2) == b"x\n"


def test_power_fails_behind_a_network(device: Device, client: Callable[[str], Client]) -> None:
    connected = network(client)
    assert connected.send(b"value=3\n").receive(4) == b"3.0\n"
    device.faults.arm(Fault.POWER_CYCLE)
    assert connected.send(b"a\n").is_closed()
    assert network(client).send(b"value\n").receive(4) == b"0.0\n"


def test_power_fails_behind_a_serial_line(device: Device, client: Callable[[str], Client]) -> None:
    device.faults.arm(Fault.POWER_CYCLE, skip=1)
    assert client("serial").send(b"value=3\na\nvalue\n").receive(7) == b"booted\n"
    assert [said.data for said in device.transcript if said.direction == "out"] == [b"booted\n"]  # all else on the way is lost


def test_a_setting_is_clipped_and_says_nothing(device: Device, client: Callable[[str], Client]) -> None:
    device.faults.clip("value", -1.0, 1.0)
    assert network(client).send(b"value=7\nvalue=-7\nvalue=0.5\n").receive(13) == b"1.0\n-1.0\n0.5\n"
    device.faults.clear()
    assert network(client).send(b"value=7\n").receive(4) == b"7.0\n"


def test_a_value_is_stuck(device: Device, client: Callable[[str], Client]) -> None:
    device.faults.freeze("value", 2.0)
    assert network(client).send(b"value=7\nvalue\n").receive(8) == b"2.0\n2.0\n"
    assert device.value == 7.0


def test_one_client_too_many_is_sent_away(device: Device, client: Callable[[str], Client]) -> None:
    first, _second, third = network(client), network(client), client("network")
    assert third.receive(100) == b"busy\n"
    assert first.send(b"a\n").receive(2) == b"a\n"
    first.close()
    assert network(client).send(b"b\n").receive(2) == b"b\n"  # one that has just hung up does not count


def test_a_serial_line_has_one_client_and_says_nothing_to_others(client: Callable[[str], Client]) -> None:
    first, second = client("serial"), client("serial")
    assert second.is_closed()
    assert first.send(b"a\n").receive(2) == b"a\n"


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in ON_THE_WAY])
def test_what_lasts_cannot_happen_to_one_answer(fault: Fault) -> None:
    with pytest.raises(ConfigError, match=fault.name):
        FaultPlan().arm(fault)


# -- what a line remembers, and what a network forgets -------------------------------------------------------------------------------------


def test_what_is_on_a_serial_line_outlives_the_port(device: Device, client: Callable[[str], Client]) -> None:
    device.faults.late = 0.1
    device.faults.arm(Fault.LATE)
    first = client("serial").send(b"old\nhalf a ")
    wait_until(lambda: bool(device.transcript))
    first.close()
    assert client("serial").send(b"word\n").receive(16) == b"old\nhalf a word\n"


def test_what_is_on_a_network_dies_with_the_connection(device: Device, client: Callable[[str], Client]) -> None:
    device.faults.late = 0.05
    device.faults.arm(Fault.LATE)
    network(client).send(b"old\nhalf a ").close()
    again = network(client)
    assert again.nothing_comes(0.1)
    assert again.send(b"word\n").receive(5) == b"word\n"


# -- beginning and end ---------------------------------------------------------------------------------------------------------------------


def test_stopping_leaves_no_thread_and_no_socket() -> None:
    before = threading.active_count()
    device = Device()
    with pytest.raises(ConfigError, match="start"):
        device.address()
    assert device.start() == device.address("network")
    with pytest.raises(ConfigError, match="runs already"):
        device.start()
    with pytest.raises(ConfigError, match="no channel"):
        device.address("radio")
    connected = Client(device.address())
    connected.receive(6)
    device.push("monitor", b"nobody listens")
    device.stop()
    device.stop()
    device.push("monitor", b"and now nobody talks")
    device.power_cycle()
    assert connected.is_closed()
    connected.close()
    assert threading.active_count() == before
    with pytest.raises(OSError):
        Client(device.address())
    with device:  # and once more
        again = Client(device.address())
        assert again.receive(6) == b"ready\n"
        again.close()
    del device
    gc.collect()  # a socket left open would be a ResourceWarning here, and warnings are errors
