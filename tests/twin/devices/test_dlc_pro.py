"""The simulated DLC pro, byte by byte and over a plain socket: what it says, how it moves, and what it does to its beams."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.clock import SimClock
from eventready.errors import ConfigError
from eventready.twin.devices.dlc_pro import DlcProSimulator
from eventready.twin.physics.preset import load_preset
from eventready.twin.ports import BeamPort
from eventready.twin.world import World

PROMPT = b"\n> "
LOCKING = 0.3
IDLE, LOCKING_STATE, LOCKED, RELOCKING = 0, 4, 5, 9


class Client:
    """A socket that waits for what it expects."""

    def __init__(self, address: str) -> None:
        host, port = address.removeprefix("socket://").split(":")
        self._socket = socket.create_connection((host, int(port)), 2.0)
        self._seen = b""

    def until(self, end: bytes) -> bytes:
        while end not in self._seen:
            data = self._socket.recv(4096)
            if not data:
                raise EOFError(self._seen)
            self._seen += data
        at = self._seen.index(end)
        found, self._seen = self._seen[:at], self._seen[at + len(end) :]
        return found

    def send(self, text: str) -> None:
        self._socket.sendall(text.encode() + b"\n")

    def ask(self, text: str) -> str:
        self.send(text)
        return self.until(PROMPT).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def port() -> BeamPort:
    return BeamPort()


@pytest.fixture
def simulator(port: BeamPort, sim_clock: SimClock) -> Iterator[DlcProSimulator]:
    with DlcProSimulator(port, clock=sim_clock, locking_time=LOCKING) as simulator:
        yield simulator


@pytest.fixture
def connect(simulator: DlcProSimulator) -> Iterator[Callable[[str], Client]]:
    clients: list[Client] = []

    def to(channel: str) -> Client:
        clients.append(Client(simulator.address(channel)))
        return clients[-1]

    yield to
    for client in clients:
        client.close()


@pytest.fixture
def line(connect: Callable[[str], Client]) -> Client:
    client = connect("command")
    assert client.until(PROMPT).endswith(b"DeCoF Command Line\r")
    return client


def shine(line: Client) -> None:
    assert line.ask("(param-set! 'laser1:dl:cc:enabled #t)") == "0"


def state(line: Client) -> int:
    return int(line.ask("(param-ref 'laser1:dl:lock:state)"))


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ("(param-ref 'laser1:dl:cc:current-set)", "100.0"),
        ("(param-ref 'laser2:dl:cc:current-set)", "100.0"),
        ("(param-gsv 'laser1:dl:cc:current-set)", "100.0"),
        ("(param-ref 'interlock-open)", "#f"),
        ("(param-ref 'emission-button-enabled)", "#t"),
        ("(param-ref 'ul)", "3"),
        ("(param-ref 'system-type)", '"DLC pro"'),
        ("(param-ref 'laser1:dl:lock:state)", "9"),
        ("`(,(param-ref 'laser1:emission) ,(param-ref 'ul) ,(param-ref 'system-type))", '(#f 3 "DLC pro")'),
        ("(param-set! 'laser1:dl:cc:current-set 130.25)", "0"),
        ("(param-set! 'laser1:dl:cc:current-set 130)", "0"),
        ("(param-set! 'laser1:dl:cc:current-set #t)", "-5"),
        ("(param-set! 'laser1:dl:cc:enabled 1)", "-5"),
        ("(param-set! 'laser1:dl:cc:current-set 1e999)", "-6"),
        ("(param-set! 'laser1:emission #t)", "-3"),
        ('(param-set! \'system-label "a b")', "0"),
        ("(exec 'laser1:dl:lock:close)", "()"),
        ('(exec \'buzzer:play "A")', "()"),
        ('(exec \'change-ul 2 "maintenance")', "2"),
        ('(exec \'change-ul 1 "guess")', "3"),
        ("(param-ref 'laser1:emission)\r", "#f"),
    ],
)
def test_answers(line: Client, sent: str, answer: str) -> None:
    assert line.ask(sent) == answer


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "(param-ref 'laser3:emission)",
        "(param-ref laser1:emission)",
        "(param-set! 'nothing 1)",
        "(param-gsv 'laser1:emission)",
        "(param-disp 'laser3)",
        "(exec 'laser1:melt)",
        '(exec \'change-ul 9 "")',
        "(param-set! 'ul)",
        "hello",
        "((((",
        "\u00b5\u03bb",
    ],
)
def test_errors(line: Client, sent: str) -> None:
    assert line.ask(sent).startswith("Error: ")
    assert line.ask("(param-ref 'ul)") == "3"


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=80), st.from_regex(r"\((param-(ref|set!|gsv|disp)|exec|add) '[a-z0-9:-]{0,30}[^\n]{0,20}\)").map(str.encode)
    )
)
def test_whatever_is_sent_there_is_one_answer(request_bytes: bytes) -> None:
    simulator = DlcProSimulator(clock=SimClock())
    answer = simulator.decop.command(request_bytes.replace(b"\n", b""))
    assert answer.endswith(PROMPT)
    assert answer.count(PROMPT) == 1
    simulator.decop.monitor(request_bytes.replace(b"\n", b""))


def test_a_dump_has_a_line_for_every_parameter(line: Client) -> None:
    found = line.ask("(param-disp 'laser1)").splitlines()
    assert "laser1:dl:cc:current-set = 100.0" in found
    assert len(found) > 30


def test_light_needs_the_whole_chain(line: Client, simulator: DlcProSimulator, port: BeamPort) -> None:
    shine(line)
    links: list[tuple[Callable[[], None], Callable[[], None]]] = [
        (simulator.open_interlock, lambda: simulator.open_interlock(False)),
        (simulator.lock_key, lambda: simulator.lock_key(False)),
        *(
            (lambda name=name, bad=bad: simulator.panel(name, bad), lambda name=name, bad=bad: simulator.panel(name, not bad))
            for name, bad in (("emission-button-enabled", False), ("laser1:enabled", False), ("laser1:dl:cc:forced-off", True))
        ),
    ]
    for broken, mended in links:
        simulator.panel("emission-button-enabled", True)
        assert port.on
        assert line.ask("(param-ref 'laser1:emission)") == line.ask("(param-ref 'emission)") == "#t"
        broken()
        assert not port.on
        assert line.ask("(param-ref 'laser1:emission)") == line.ask("(param-ref 'laser1:dl:cc:emission)") == "#f"
        mended()


@pytest.mark.parametrize("which", ["interlock", "key"])
def test_after_the_interlock_or_the_key_the_button_must_be_pressed(
    line: Client, simulator: DlcProSimulator, port: BeamPort, which: str
) -> None:
    shine(line)
    turn = simulator.open_interlock if which == "interlock" else simulator.lock_key
    turn(True)
    assert not port.interlock_closed
    turn(False)
    assert not port.on
    simulator.panel("emission-button-enabled", True)
    assert port.on
    assert port.interlock_closed


def test_power_follows_the_current(line: Client, port: BeamPort) -> None:
    shine(line)
    powers = []
    for current in (20.0, 60.0, 100.0):
        line.ask(f"(param-set! 'laser1:dl:cc:current-set {current})")
        powers.append(port.power_w)
    assert powers == pytest.approx([0.0, 0.02, 0.06])


def test_actual_values_take_their_time(line: Client, sim_clock: SimClock) -> None:
    def get(name: str) -> float:
        return float(line.ask(f"(param-ref 'laser1:dl:{name})"))

    shine(line)
    sim_clock.sleep(0.02)
    assert get("cc:current-act") == pytest.approx(100 * (1 - 0.36788), rel=1e-3)
    line.ask("(param-set! 'laser1:dl:tc:temp-set 24.0)")
    assert get("tc:temp-act") == pytest.approx(20.0)
    assert line.ask("(param-ref 'laser1:dl:tc:ready)") == "#f"
    sim_clock.sleep(20.0)
    assert get("tc:temp-act") == pytest.approx(24.0, abs=0.01)
    assert line.ask("(param-ref 'laser1:dl:tc:ready)") == "#t"
    assert get("cc:current-act") == pytest.approx(100.0)
    assert line.ask("(param-ref 'uptime)") == "20"


def test_a_current_beyond_the_clip(line: Client, simulator: DlcProSimulator) -> None:
    assert line.ask("(param-set! 'laser1:dl:cc:current-set 250.0)") == "-6"
    assert line.ask("(param-ref 'laser1:dl:cc:current-set)") == "100.0"
    simulator.clips_silently = True
    assert line.ask("(param-set! 'laser1:dl:cc:current-set 250.0)") == "0"
    assert line.ask("(param-ref 'laser1:dl:cc:current-set)") == "200.0"


def test_the_lock_finds_its_line(line: Client, sim_clock: SimClock, port: BeamPort) -> None:
    shine(line)
    assert (state(line), port.shining) == (LOCKING_STATE, False)
    sim_clock.sleep(LOCKING)
    assert (state(line), port.shining) == (LOCKED, True)
    line.ask("(exec 'laser1:dl:lock:open)")
    assert (state(line), port.shining, port.on) == (IDLE, False, True)
    line.ask("(exec 'laser1:dl:lock:close)")
    assert state(line) == LOCKING_STATE
    line.ask("(param-set! 'laser1:dl:cc:enabled #f)")
    assert state(line) == RELOCKING
    sim_clock.sleep(10.0)
    assert state(line) == RELOCKING  # in the dark there is no line


@pytest.mark.parametrize(("drifted", "end"), [(False, LOCKED), (True, IDLE)])
def test_the_lock_is_lost(line: Client, simulator: DlcProSimulator, sim_clock: SimClock, port: BeamPort, drifted: bool, end: int) -> None:
    shine(line)
    sim_clock.sleep(LOCKING)
    simulator.lose_lock(drifted=drifted)
    assert (state(line), port.locked) == (RELOCKING, False)
    sim_clock.sleep(0.5 * LOCKING)
    line.ask("(param-set! 'laser1:dl:pc:voltage-set 71.0)")  # changes nothing about it
    assert state(line) == RELOCKING
    sim_clock.sleep(0.5 * LOCKING)
    assert (state(line), port.locked) == (end, end == LOCKED)


def test_read_only_users_set_nothing(line: Client) -> None:
    assert line.ask('(exec \'change-ul 4 "")') == "4"
    assert line.ask("(param-set! 'laser1:dl:cc:current-set 60.0)") == "-3"
    assert line.ask("(param-ref 'laser1:dl:cc:current-set)") == "100.0"


def test_what_is_saved_outlives_power_and_light_does_not(
    line: Client, connect: Callable[[str], Client], simulator: DlcProSimulator, port: BeamPort
) -> None:
    shine(line)
    line.ask("(param-set! 'laser1:dl:cc:current-set 77.0)")
    line.ask("(exec 'laser1:save)")
    line.ask("(param-set! 'laser1:dl:pc:voltage-set 11.0)")
    simulator.power_cycle()
    with pytest.raises((EOFError, ConnectionError)):
        line.ask("(param-ref 'ul)")
    again = connect("command")
    again.until(PROMPT)
    assert again.ask("(param-ref 'laser1:dl:cc:current-set)") == "77.0"
    assert again.ask("(param-ref 'laser1:dl:pc:voltage-set)") == "70.0"
    assert again.ask("(param-ref 'emission-button-enabled)") == "#f"
    assert not port.on
    simulator.panel("emission-button-enabled", True)
    assert not port.on


def test_the_monitoring_line_tells_what_changes(
    line: Client, connect: Callable[[str], Client], simulator: DlcProSimulator, sim_clock: SimClock
) -> None:
    shine(line)
    sim_clock.sleep(LOCKING)
    monitor = connect("monitoring")
    monitor.send("(add 'laser1:dl:lock:state)")
    first = monitor.until(b"\n").decode()
    assert re.fullmatch(r"\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z 'laser1:dl:lock:state 5\)", first)
    simulator.lose_lock(drifted=True)
    sim_clock.sleep(0.1)
    sim_clock.sleep(1.0)
    assert [monitor.until(b"\n").decode().split()[-1] for _ in range(2)] == ["9)", "0)"]
    monitor.send("(add 'nothing)")
    assert monitor.until(b"\n").decode().startswith("(Error: 4 (")
    monitor.send("(remove 'laser1:dl:lock:state)")
    monitor.send("(add 'ul)")
    assert "'ul 3)" in monitor.until(b"\n").decode()


def test_the_monitoring_line_keeps_interval_and_threshold(line: Client, connect: Callable[[str], Client], sim_clock: SimClock) -> None:
    monitor = connect("monitoring")
    monitor.send("(add 'laser1:dl:cc:current-set 1000 5.0)")
    monitor.until(b"\n")
    for current in (103.0, 110.0, 120.0):
        line.ask(f"(param-set! 'laser1:dl:cc:current-set {current})")
        sim_clock.sleep(0.6)
    sim_clock.sleep(2.0)
    assert monitor.until(b"\n").endswith(b"110.0)")  # 103 is too near, and 110 had to wait
    assert monitor.until(b"\n").endswith(b"120.0)")


def test_the_panel_knows_its_settings(simulator: DlcProSimulator) -> None:
    with pytest.raises(ConfigError, match="no setting"):
        simulator.panel("laser1:emission", True)


def test_an_unlocked_laser_takes_its_light_from_the_world(sim_clock: SimClock) -> None:
    world = World(load_preset("munich-physics"), seed=1, readout_window=20e-3)
    port: Any = world.port("Laser", "alice.trap")
    with DlcProSimulator(port, clock=sim_clock, locking_time=LOCKING) as simulator:
        simulator.panel("laser1:dl:cc:enabled", True)
        sim_clock.sleep(LOCKING)
        assert "trap" in world._shining[0]
        simulator.lose_lock(drifted=True)
        assert "trap" not in world._shining[0]
        simulator.heads["laser1"].drifted = False
        sim_clock.sleep(LOCKING)
        assert "trap" in world._shining[0]
