"""The connection that drivers share: no answer is ever taken for the answer to another question, and every failure has a name."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvisa import ResourceManager
from pyvisa.resources import MessageBasedResource

from eventready.drivers.streams import open_stream
from eventready.drivers.transport import Connection, Exchange
from eventready.errors import ConfigError, DeviceConnectionError, DeviceError, DeviceProtocolError
from eventready.twin.devices import Channel, Fault, Simulator
from eventready.twin.devices.splitters import fixed_header, lines

TIMEOUT = 0.2


class Echo(Simulator):
    """Says what it is told; counts, when it is asked to; and has a channel for frames: length (one byte), payload."""

    def __init__(self) -> None:
        super().__init__(
            None,
            text=Channel(lines(b"\n"), self._answer),
            frames=Channel(fixed_header(1, lambda header: header[0]), lambda frame: frame),
            port=Channel(lines(b"\n"), self._answer, serial=True),
        )

    def power_on(self) -> None:
        self.count = 0

    def _answer(self, request: bytes) -> bytes:
        if request == b"count":
            self.count += 1
            return b"%d\n" % self.count
        return request + b"\n"


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as echo:
        yield echo


@pytest.fixture
def connect() -> Iterator[Callable[..., Connection]]:
    opened: list[Connection] = []

    def connect(address: str, **options: Any) -> Connection:
        opened.append(Connection("device", address, **{"timeout": TIMEOUT, "quiet": 0.01} | options))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


# -- addresses -----------------------------------------------------------------------------------------------------------------------------


def visa(address: str) -> str:
    host, port = address.removeprefix("socket://").split(":")
    return f"TCPIP::{host}::{port}::SOCKET@py"


@pytest.mark.parametrize("named", [str, visa])
def test_lines_and_frames_over_a_socket(echo: Echo, connect: Callable[..., Connection], named: Callable[[str], str]) -> None:
    text = connect(named(echo.address()))
    assert [text.ask("a"), text.ask(""), text.ask("b" * 1000)] == ["a", "", "b" * 1000]
    frames = connect(named(echo.address("frames")))
    for payload in (b"", b"\x00\n\xff", bytes(range(255))):
        with frames.exchange("frame") as line:
            line.write(bytes([len(payload)]) + payload)
            assert line.read_exactly(line.read_exactly(1)[0]) == payload


@pytest.mark.parametrize("named", [str, visa])
def test_a_late_answer_and_a_lost_connection(echo: Echo, connect: Callable[..., Connection], named: Callable[[str], str]) -> None:
    connection = connect(named(echo.address()))
    assert connection.ask("count") == "1"
    echo.faults.late = 1.5 * TIMEOUT
    echo.faults.arm(Fault.LATE)
    with pytest.raises(DeviceConnectionError, match="no answer"):
        connection.ask("count")
    assert connection.ask("count") == "3"
    echo.faults.arm(Fault.DISCONNECT)
    with pytest.raises(DeviceError):
        connection.ask("count")
    assert connection.ask("count") == "5"


class Bus(MessageBasedResource):
    """GPIB, USB or LXI: what is read without having been asked for is an error of the device's."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __del__(self) -> None: ...

    def clear(self) -> None:
        self.calls.append("clear")

    def close(self) -> None:
        self.calls.append("close")


def test_a_bus_that_knows_messages_is_cleared_and_never_read_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus()
    monkeypatch.setattr(ResourceManager, "open_resource", lambda *args, **kwargs: bus)
    stream = open_stream("GPIB0::5::INSTR@py", TIMEOUT)
    assert [stream.unasked(0.0), stream.unasked(0.05)] == [False, False]
    stream.close()
    assert bus.calls == ["clear", "close"]


def test_a_port_by_another_pyserial_url(connect: Callable[..., Connection]) -> None:
    connection = connect("loop://", baudrate=115200)
    assert [connection.ask("a"), connection.ask("b")] == ["a", "b"]
    with pytest.raises(DeviceConnectionError, match="no answer"), connection.exchange("nothing") as line:
        line.read_until(b"\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals; there, loop:// above stands for serial ports")
def test_a_serial_port(connect: Callable[..., Connection]) -> None:
    import pty
    import tty

    ours, theirs = pty.openpty()
    tty.setraw(theirs)

    def device() -> None:
        while (data := os.read(ours, 100)) != b"stop\n":
            os.write(ours, data)

    thread = threading.Thread(target=device)
    thread.start()
    connection = connect(os.ttyname(theirs), baudrate=9600)
    try:
        assert [connection.ask(str(k)) for k in range(5)] == list("01234")
        with pytest.raises(DeviceConnectionError, match="nobody else"):
            connect(os.ttyname(theirs)).ask("second")
    finally:
        with connection.exchange("stop") as line:
            line.write(b"stop\n")
        thread.join()
        connection.close()
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    "address", ["socket://", "socket://host", "socket://host:port", "socket://:5", "socket://h:99999", "nonsense://x", "ASRL3::INSTR"]
)
def test_an_impossible_address_is_a_mistake_in_the_configuration(address: str) -> None:
    with pytest.raises(ConfigError, match="address"):
        open_stream(address, TIMEOUT)


@pytest.mark.parametrize(
    "address", ["socket://127.0.0.1:1", "/dev/no-such-port", "TCPIP::127.0.0.1::1::SOCKET@py", "GPIB0::99::FOO@py", "USB::1@nothing"]
)
def test_nothing_at_the_address_is_a_connection_error(connect: Callable[..., Connection], address: str) -> None:
    connection = connect(address)
    for _ in range(2):
        with pytest.raises(DeviceConnectionError, match=r"^device: "):
            connection.ask("hello")


# -- errors --------------------------------------------------------------------------------------------------------------------------------


class Scripted:
    """A stream that has its answers ready: for each write the pieces that come back, an exception, or nothing."""

    def __init__(self, *answers: list[bytes | Exception]) -> None:
        self.answers = deque(answers)
        self.pending: deque[bytes | Exception] = deque()
        self.written: list[bytes] = []
        self.closed = 0

    def read(self, limit: int, stop: bytes, timeout: float) -> bytes:
        if not self.pending:
            return b""
        piece = self.pending.popleft()
        if isinstance(piece, Exception):
            raise piece
        self.pending.extendleft([piece[limit:]] if piece[limit:] else [])
        return piece[:limit]

    def unasked(self, within: float) -> bool:
        return bool(self.read(100, b"", within))

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.pending.extend(self.answers.popleft() if self.answers else [])

    def close(self) -> None:
        self.closed += 1
        raise OSError("even closing fails")


def scripted(connect: Callable[..., Connection], *streams: Scripted, **options: Any) -> Connection:
    left = deque(streams)
    return connect("fake", opener=lambda address, timeout, **settings: left.popleft(), **options)


@pytest.mark.parametrize(
    ("pieces", "error", "reply"),
    [
        ([], DeviceConnectionError, None),
        ([b"13"], DeviceProtocolError, "13"),  # broken off
        ([b"1\n3"], DeviceProtocolError, None),  # more than was asked for
        ([b"\xff\x00\n"], DeviceProtocolError, "\\xff\x00"),
        ([b"7" * 4000] * 5, DeviceProtocolError, "7" * 80 + "..."),
        ([b"7" * 10_001 + b"\n"], DeviceProtocolError, "7" * 80 + "..."),
        ([OSError("cable pulled")], DeviceConnectionError, None),
        ([b"1", ConnectionResetError("gone")], DeviceConnectionError, None),
    ],
)
def test_errors_carry_device_command_and_a_short_reply(
    connect: Callable[..., Connection], pieces: list[bytes | Exception], error: type[DeviceError], reply: str | None
) -> None:
    first, second = Scripted(pieces), Scripted([b"fine\n"])
    connection = scripted(connect, first, second, max_reply=10_000)
    with pytest.raises(error) as caught:
        connection.ask("value?")
    assert (caught.value.device, caught.value.command, caught.value.reply) == ("device", "value?", reply)
    assert connection.ask("value?") == "fine"  # on a new stream, since there is no way to resynchronise
    assert first.closed == 1


def test_bytes_of_fixed_length_never_appear_in_an_error(connect: Callable[..., Connection]) -> None:
    connection = scripted(connect, Scripted([b"SECRET"]), Scripted([b"SECRETS!"]))
    with pytest.raises(DeviceProtocolError, match="broke off after 6 bytes") as short, connection.exchange("bits") as line:
        line.write(b"\x04")
        line.read_exactly(8)
    with pytest.raises(DeviceProtocolError, match="more than it was asked") as long, connection.exchange("bits") as line:
        line.write(b"\x04")
        line.read_exactly(6)
    assert "SECRET" not in f"{short.value!r}{short.value}{long.value!r}{long.value}"


def test_the_end_of_an_answer_may_come_in_pieces(connect: Callable[..., Connection]) -> None:
    connection = scripted(connect, Scripted([b"a\r", b"\n", b"b\r", b"\r\n"]))
    with connection.exchange("both") as line:
        line.write(b"x")
        assert [line.read_until(b"\r\n"), line.read_until(b"\r\n")] == [b"a", b"b\r"]


def test_a_line_that_never_falls_silent_is_an_error(connect: Callable[..., Connection]) -> None:
    class Flood(Scripted):
        def read(self, limit: int, stop: bytes, timeout: float) -> bytes:
            return b"f" * limit

    flood = Flood()
    connection = scripted(connect, flood, max_reply=10_000)
    with pytest.raises(DeviceProtocolError, match="silent"):
        connection.ask("value?")
    assert flood.closed == 1
    with pytest.raises(DeviceProtocolError, match="beyond 10000 bytes"):
        scripted(connect, flood, max_reply=10_000, resync=lambda line: line.read_until(b"\n")).ask("value?")


def test_what_came_unasked_is_no_answer(connect: Callable[..., Connection]) -> None:
    first, second = Scripted([b"1\n"], [b"3\n"]), Scripted([b"2\n"])
    connection = scripted(connect, first, second)
    assert connection.ask("value?") == "1"
    first.pending.append(b"9\n")
    assert connection.ask("value?") == "2"
    assert first.written == [b"value?\n"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_question_leaves_nothing_behind(connect: Callable[..., Connection], interruption: type[BaseException]) -> None:
    first, second = Scripted([]), Scripted([b"2\n"])
    connection = scripted(connect, first, second)
    with pytest.raises(interruption), connection.exchange("value?") as line:
        line.write(b"value?\n")
        raise interruption
    first.pending.append(b"1\n")
    assert connection.ask("value?") == "2"


def test_a_closed_connection_stays_closed(connect: Callable[..., Connection]) -> None:
    stream = Scripted([b"1\n"])
    connection = scripted(connect, stream)
    connection.ask("value?")
    connection.close()
    connection.close()
    assert stream.closed == 1
    with pytest.raises(DeviceConnectionError, match="has been closed"):
        connection.ask("value?")


def test_a_failed_resync_is_an_error_and_is_tried_again_on_a_new_stream(connect: Callable[..., Connection]) -> None:
    def resync(line: Exchange) -> None:
        line.write(b"sync\n")
        line.read_until(b"sync\n")

    streams = Scripted([b"sync\n"], [b"1\n"], [], []), Scripted([]), Scripted([b"stale\nsync\n"], [b"2\n"])
    connection = scripted(connect, *streams, resync=resync)
    assert connection.ask("value?") == "1"
    for _ in range(3):  # no answer; no answer to the probe either; nor on a new stream
        with pytest.raises(DeviceConnectionError):
            connection.ask("value?")
    assert connection.ask("value?") == "2"
    assert [stream.written for stream in streams] == [
        [b"sync\n", b"value?\n", b"value?\n", b"sync\n"],
        [b"sync\n"],
        [b"sync\n", b"value?\n"],
    ]
    assert [stream.closed for stream in streams] == [1, 1, 0]


# -- whatever happens ----------------------------------------------------------------------------------------------------------------------


class Counter:
    """A device that answers ``value?`` with how many questions it has had, in order, and other words with themselves.

    Each answer may be lost, come only after some time-outs, be doubled, follow garbage, or take the connection down; it comes in pieces.
    """

    def __init__(self, script: Iterator[tuple[str, int]], *, serial: bool) -> None:
        self._script, self._serial = script, serial
        self.value = 0
        self._out: deque[list[Any]] = deque()

    def open(self, address: str, timeout: float, **settings: Any) -> Counter:
        if not self._serial:
            self._out.clear()
        return self

    def write(self, data: bytes) -> None:
        word = data.removesuffix(b"\n")
        if word == b"value?":
            self.value += 1
            word = b"%d" % self.value
        what, size = next(self._script, ("good", 3))
        pieces: dict[str, list[Any]] = {
            "good": [0, word + b"\n"],
            "late": [size, word + b"\n"],
            "double": [0, 2 * (word + b"\n")],
            "garbage": [0, b"\x80" * size + word + b"\n"],
            "down": [0, word[:size], ConnectionResetError("down")],
        }
        if what in pieces:
            self._out.append(pieces[what])

    def read(self, limit: int, stop: bytes, timeout: float) -> bytes:
        if not self._out:
            return b""
        head = self._out[0]
        if head[0]:
            head[0] -= 1
            return b""
        if not head[1] and len(head) > 2:
            self._out.popleft()
            raise head[2]
        piece, head[1] = head[1][: min(limit, 3)], head[1][min(limit, 3) :]
        if not head[1] and len(head) == 2:
            self._out.popleft()
        return bytes(piece)

    def unasked(self, within: float) -> bool:
        return bool(self.read(100, b"", within))

    def close(self) -> None:
        pass


SCRIPT = st.lists(st.tuples(st.sampled_from(["good", "good", "lost", "late", "double", "garbage", "down"]), st.integers(1, 4)), max_size=30)


@settings(max_examples=300, deadline=None)
@given(SCRIPT, st.booleans())
def test_every_answer_is_the_answer_to_its_question(script: list[tuple[str, int]], serial: bool) -> None:
    words = iter(range(10**6))

    def resync(line: Exchange) -> None:
        word = b"sync %d\n" % next(words)
        line.write(word)
        line.skip_past(word)

    counter = Counter(iter(script), serial=serial)
    connection = Connection("counter", "fake", opener=counter.open, resync=resync if serial else None)
    answers = 0
    for _ in range(3 + sum(1 + size for _, size in script)):  # each fault costs at most so many questions
        try:
            said = connection.ask("value?")
        except DeviceError:
            continue
        assert said == str(counter.value)
        answers += 1
    assert answers  # and when nothing goes wrong any more, there is one


# -- threads -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("questions", [200, pytest.param(4000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("channel", ["text", "port"])
def test_two_threads_never_get_each_others_answers(echo: Echo, connect: Callable[..., Connection], questions: int, channel: str) -> None:
    connection = connect(echo.address(channel), timeout=5.0)
    start = threading.Barrier(2)
    swapped: list[tuple[str, str]] = []

    def ask(name: str) -> None:
        start.wait()
        for k in range(questions // 2):
            question = f"{name} {k}"
            answer = connection.ask(question)
            if answer != question:
                swapped.append((question, answer))

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("alice", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert swapped == []
    assert b"".join(said.data for said in echo.transcript if said.direction == "in").count(b"\n") == questions


def test_an_exchange_of_several_words_is_not_interrupted(echo: Echo, connect: Callable[..., Connection]) -> None:
    connection = connect(echo.address(), timeout=5.0)
    other = threading.Thread(target=lambda: connection.ask("other"))
    with connection.exchange("two words") as line:
        line.write(b"one\n")
        other.start()
        assert line.read_line(b"\n") == "one"
        line.write(b"two\n")
        assert line.read_line(b"\n") == "two"
    other.join()
    assert b"".join(said.data for said in echo.transcript if said.direction == "in") == b"one\ntwo\nother\n"
