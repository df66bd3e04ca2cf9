"""The simulated SC10, seen by a plain socket: its bytes, its modes and its blade, and what it does to Bob's fibre."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from eventready.clock import PS_PER_S, SimClock
from eventready.twin.devices import SC10Simulator
from eventready.twin.ports import ShutterPort

TRAVEL = 5e-3


class Terminal:
    """Sends commands, returns what comes back up to the prompt."""

    def __init__(self, address: str) -> None:
        host, port = address.removeprefix("socket://").split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=5.0)

    def __call__(self, command: bytes) -> bytes:
        self._socket.sendall(command)
        reply = b""
        while not reply.endswith(b"\r> "):
            reply += self._socket.recv(1000)
        return reply

    def ask(self, command: str) -> str:
        return self(command.encode() + b"\r").decode().split("\r")[1]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def simulator(sim_clock: SimClock) -> Iterator[SC10Simulator]:
    with SC10Simulator(ShutterPort(travel_ps=round(TRAVEL * PS_PER_S)), sim_clock) as simulator:
        yield simulator


@pytest.fixture
def terminal(simulator: SC10Simulator) -> Iterator[Terminal]:
    terminal = Terminal(simulator.address())
    yield terminal
    terminal.close()


# -- bytes -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        # As a device is seen to answer in InstrumentKit's tests of the SC10.
        (b"id?\r", b"id?\rTHORLABS SC10 VERSION 1.07\r> "),
        (b"ens?\r", b"ens?\r0\r> "),
        (b"rep=10\r", b"rep=10\r> "),
        (b"mode?\r", b"mode?\r1\r> "),
        (b"mode=2\r", b"mode=2\r> "),
        (b"trig?\r", b"trig?\r0\r> "),
        (b"trig=1\r", b"trig=1\r> "),
        (b"xto?\r", b"xto?\r0\r> "),
        (b"xto=1\r", b"xto=1\r> "),
        (b"open=10\r", b"open=10\r> "),
        (b"shut=10\r", b"shut=10\r> "),
        (b"baud?\r", b"baud?\r0\r> "),
        (b"baud=1\r", b"baud=1\r> "),
        (b"closed?\r", b"closed?\r1\r> "),
        (b"interlock?\r", b"interlock?\r0\r> "),
        (b"default\r", b"default\r1\r> "),
        (b"savp\r", b"savp\r1\r> "),
        (b"save\r", b"save\r1\r> "),
        (b"resp\r", b"resp\r1\r> "),
        (b"ens\r", b"ens\r> "),
        # What is no command, or out of range.
        (b"sesame\r", b"sesame\rCommand error CMD_NOT_DEFINED\r> "),
        (b"sesame?\r", b"sesame?\rCommand error CMD_NOT_DEFINED\r> "),
        (b"ENS\r", b"ENS\rCommand error CMD_NOT_DEFINED\r> "),
        (b"ens=1\r", b"ens=1\rCommand error CMD_NOT_DEFINED\r> "),
        (b"mode=6\r", b"mode=6\rCommand error CMD_ARG_INVALID\r> "),
        (b"mode=0\r", b"mode=0\rCommand error CMD_ARG_INVALID\r> "),
        (b"rep=100\r", b"rep=100\rCommand error CMD_ARG_INVALID\r> "),
        (b"open=1000000\r", b"open=1000000\rCommand error CMD_NOT_DEFINED\r> "),
        (b"\xff\x00\r", b"\xff\x00\rCommand error CMD_NOT_DEFINED\r> "),
        (b"\r", b"\rCommand error CMD_NOT_DEFINED\r> "),
    ],
)
def test_bytes(terminal: Terminal, sent: bytes, answer: bytes) -> None:
    assert terminal(sent) == answer


@pytest.mark.parametrize(("name", "value"), [("mode", 5), ("rep", 99), ("open", 999999), ("shut", 1), ("trig", 1), ("xto", 1)])
def test_settings_are_kept(terminal: Terminal, name: str, value: int) -> None:
    terminal(f"{name}={value}\r".encode())
    assert terminal.ask(f"{name}?") == str(value)
    terminal(f"{name}=1000000\r".encode())
    assert terminal.ask(f"{name}?") == str(value)


def test_memory(terminal: Terminal, simulator: SC10Simulator) -> None:
    for command in (b"mode=4\r", b"rep=7\r", b"save\r"):
        terminal(command)
    simulator.power_cycle()
    assert (terminal.ask("mode?"), terminal.ask("rep?")) == ("4", "1")  # "save" keeps the mode only
    for command in (b"rep=7\r", b"savp\r", b"rep=8\r", b"resp\r"):
        terminal(command)
    assert terminal.ask("rep?") == "7"
    terminal(b"default\r")
    assert (terminal.ask("mode?"), terminal.ask("rep?")) == ("1", "1")


# -- the blade -------------------------------------------------------------------------------------------------------------------------


def test_ens_toggles_and_the_blade_takes_its_time(terminal: Terminal, simulator: SC10Simulator, sim_clock: SimClock) -> None:
    for enabled in ("1", "0", "1", "0"):
        terminal(b"ens\r")
        assert terminal.ask("ens?") == enabled
        assert terminal.ask("closed?") == "0"  # on its way it is not closed
        sim_clock.sleep(TRAVEL)
        assert terminal.ask("closed?") == ("0" if enabled == "1" else "1")
        assert simulator.port.is_open(sim_clock.now_ps()) is (enabled == "1")


def openings(simulator: SC10Simulator, clock: SimClock, duration: float) -> list[tuple[float, bool]]:
    """When the blade was sent, and where to, in ms."""
    sent: list[tuple[float, bool]] = []
    command = simulator.port.command

    def spy(is_open: bool, now_ps: int) -> None:
        sent.append((now_ps / 1e9, is_open))
        command(is_open, now_ps)

    simulator.port.command = spy  # type: ignore[method-assign]
    simulator.press_enable()
    clock.sleep(duration)
    return sent


@pytest.mark.parametrize(
    ("mode", "moves", "enabled_after"),
    [
        (1, [(0, True)], True),
        (2, [(0, True), (30, False), (50, True), (80, False), (100, True), (130, False), (150, True)], True),
        (3, [(0, True), (30, False)], False),
        (4, [(0, True), (30, False), (50, True), (80, False)], False),
        (5, [], True),
    ],
)
def test_modes(simulator: SC10Simulator, sim_clock: SimClock, mode: int, moves: list[tuple[float, bool]], enabled_after: bool) -> None:
    simulator.settings.update(mode=mode, open=30, shut=20, rep=2)
    assert openings(simulator, sim_clock, 0.155) == moves
    assert simulator.enabled is enabled_after


@pytest.mark.parametrize("mode", [2, 3, 4])
def test_disabling_ends_a_cycle_for_good(simulator: SC10Simulator, sim_clock: SimClock, mode: int) -> None:
    simulator.settings.update(mode=mode, open=30, shut=20, rep=9)
    openings(simulator, sim_clock, 0.01)
    simulator.press_enable()
    sim_clock.sleep(1.0)
    assert simulator.port.is_closed(sim_clock.now_ps())
    assert not simulator.enabled


def test_the_external_input(simulator: SC10Simulator, sim_clock: SimClock) -> None:
    def is_open_after(high: bool) -> bool:
        simulator.drive_input(high)
        sim_clock.sleep(1.0)
        return simulator.port.is_open(sim_clock.now_ps())

    simulator.settings["mode"] = 5
    assert not is_open_after(True)  # not enabled
    simulator.press_enable()
    assert [is_open_after(high) for high in (True, False, True)] == [True, False, True]  # a gate
    simulator.press_enable()
    simulator.settings.update(mode=1, trig=1)
    simulator.press_enable()
    assert [is_open_after(high) for high in (False, True, False)] == [False, True, True]  # a trigger


def test_power_and_interlock_close_it(terminal: Terminal, simulator: SC10Simulator, sim_clock: SimClock) -> None:
    closers: list[Callable[[], None]] = [simulator.power_cycle, simulator.trip_interlock]
    for close in closers:
        terminal(b"ens\r")
        sim_clock.sleep(TRAVEL)
        close()
        sim_clock.sleep(TRAVEL)
        assert (terminal.ask("closed?"), terminal.ask("ens?")) == ("1", "0")
    assert terminal.ask("interlock?") == "1"
    terminal(b"ens\r")
    assert terminal.ask("ens?") == "0"
    simulator.trip_interlock(False)
    assert (terminal.ask("interlock?"), terminal.ask("ens?")) == ("0", "0")


# -- faults of its own (the generic ones: test_framework.py) -----------------------------------------------------------------------------


def test_own_faults(terminal: Terminal, simulator: SC10Simulator, sim_clock: SimClock) -> None:
    simulator.undefined.add("closed?")
    assert terminal.ask("closed?") == "Command error CMD_NOT_DEFINED"
    simulator.undefined.clear()
    simulator.deaf_while_moving = True
    terminal(b"ens\r")
    assert terminal(b"ens\r") == b"ens\r> "
    assert terminal.ask("ens?") == "1"
    sim_clock.sleep(TRAVEL)
    simulator.port.stuck = True
    terminal(b"ens\r")
    sim_clock.sleep(1.0)
    assert (terminal.ask("ens?"), terminal.ask("closed?")) == ("0", "0")
    simulator.faults.freeze("closed", 1)
    assert terminal.ask("closed?") == "1"
    simulator.echo = False
    assert terminal(b"ens?\r") == b"0\r> "


def test_at_another_baud_rate_nothing_is_understood(simulator: SC10Simulator, terminal: Terminal) -> None:
    assert terminal(b"baud=1\r") == b"baud=1\r> "  # still at the old rate
    terminal._socket.sendall(b"ens\r")
    noise = terminal._socket.recv(1000)
    assert b"ens" not in noise
    assert not noise.isascii()
    assert not simulator.enabled
    simulator.line_baud = 1
    assert terminal.ask("baud?") == "1"


# -- on the world ------------------------------------------------------------------------------------------------------------------------


def test_the_serial_protocol_darkens_bobs_fibre_and_lights_it_again(make_lab: Any) -> None:
    alone = {"node.bob.shutter_transmission": 0.0, "bsm.dark_rate": 0.0, "node.alice.second_photon": 0.0}  # Alice alone never heralds
    lab = make_lab("munich-physics", seed=7, values=alone)
    clock = SimClock(lab.now_ps)

    def heralds() -> int:
        """Of ten runs of 1e8 attempts, those with a herald: 0.49e-6 herald when light passes, so that a run fails with exp(-49)."""
        clock.sleep(0.01)
        lab.now_ps = clock.now_ps()
        return sum(lab.herald(limit=10**8).heralded for _ in range(10))

    with SC10Simulator(lab.world.port("Shutter", "bob.shutter"), clock) as simulator:
        terminal = Terminal(simulator.address())
        counts = []
        for _ in range(4):
            counts.append(heralds())
            terminal(b"ens\r")
        terminal.close()
    assert counts == [0, 10, 0, 10]
