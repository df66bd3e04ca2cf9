"""How your lab's CI can test its own driver and procedures, without a lab: ``pytest examples/test_my_lab.py``.

Installing eventready brings its fixtures (``mock_shutter``, ``sim_clock``, ``twin_link``, ...) to every pytest session.
"""
# ruff: noqa: D102, D103, S101

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from qcodes.instrument import Instrument

from eventready import load_run
from eventready.clock import SimClock
from eventready.errors import DeviceConnectionError, DeviceFault, DeviceProtocolError
from eventready.instruments import Position, Shutter
from eventready.stations.link import Link
from eventready.stations.procedures.isolation import ShutterIsolation
from eventready.testing import MockShutter, ShutterConformance

# -- a driver of your own: normally a file my_lab/flip_mount.py ----------------------------------------------------------------------------


class FlipMount(Shutter, Instrument):
    """A flip mount with end switches, on a serial line: ``POS IN``, ``POS OUT``, ``POS?``."""

    ANSWERS = {"OUT": Position.OPEN, "IN": Position.CLOSED, "BUSY": Position.MOVING}

    def __init__(self, name: str, ask: Callable[[str], str], **kwargs: Any) -> None:  # noqa: ANN401 - for QCoDeS
        self._ask = ask  # sends a command and returns the reply, e.g. over pyserial
        super().__init__(name, **kwargs)

    @property
    def confirmed(self) -> bool:
        return True  # the end switches say where the mount is

    def _do_set_open(self, is_open: bool) -> None:
        command = "POS OUT" if is_open else "POS IN"
        reply = self._ask(command)
        if reply != "OK":
            raise DeviceProtocolError(self.full_name, "refused; is the right device on this line?", command=command, reply=reply)

    def _do_position(self) -> Position:
        reply = self._ask("POS?")
        if reply not in self.ANSWERS:
            raise DeviceProtocolError(self.full_name, "no such position; is the right device on this line?", command="POS?", reply=reply)
        return self.ANSWERS[reply]


class FakeFlipMount:
    """Stands in for the device, written from its manual; can be told to misbehave, and to tell the truth."""

    def __init__(self) -> None:
        self.place = "IN"
        self._is_broken = self._is_stuck = False

    def ask(self, command: str) -> str:
        if self._is_broken:
            self._is_broken = False
            raise DeviceConnectionError("flip mount", "the line went dead")
        if command == "POS?":
            return self.place
        if not self._is_stuck:
            self.place = command.removeprefix("POS ")
        return "OK"

    def fail_next(self) -> None:
        self._is_broken = True

    def ignore_commands(self) -> None:
        self._is_stuck = True

    def position(self) -> Position:
        return Position.OPEN if self.place == "OUT" else Position.CLOSED

    def move_by_hand(self, is_open: bool) -> None:
        self.place = "OUT" if is_open else "IN"


# -- 1. your driver against the house's conformance tests ----------------------------------------------------------------------------------


class TestFlipMount(ShutterConformance):
    """Everything that a shutter must pass comes with the class; give it the device, a way to make it fail, and a look behind it."""

    @pytest.fixture
    def fault_line(self) -> FakeFlipMount:
        return FakeFlipMount()

    @pytest.fixture
    def truth(self, fault_line: FakeFlipMount) -> FakeFlipMount:
        return fault_line

    @pytest.fixture
    def device(self, fault_line: FakeFlipMount, sim_clock: SimClock) -> Iterator[FlipMount]:
        mount = FlipMount("flip_mount", fault_line.ask, clock=sim_clock)
        yield mount
        mount.close()


# -- 2. a procedure with a mock: scripted answers, no physics ------------------------------------------------------------------------------


def test_isolation_waits_for_the_blade(mock_shutter: MockShutter, sim_clock: SimClock) -> None:
    isolation = ShutterIsolation(mock_shutter, sim_clock, timeout=0.02)
    isolation.prepare()
    isolation.command()
    isolation.confirm()
    assert mock_shutter.position() is Position.CLOSED


def test_isolation_with_a_stuck_blade_is_a_fault(mock_shutter: MockShutter, sim_clock: SimClock) -> None:
    isolation = ShutterIsolation(mock_shutter, sim_clock, timeout=0.02)
    isolation.prepare()
    mock_shutter.ignore_commands()
    isolation.command()
    with pytest.raises(DeviceFault, match=r"not closed within 0\.02 s"):
        isolation.confirm()
    assert sim_clock.now() == pytest.approx(0.02)  # it waited, in simulated time


# -- 3. station code on the twin -----------------------------------------------------------------------------------------------------------


def test_twenty_rounds_on_the_twin(twin_link: Callable[..., Link], tmp_path: Path) -> None:
    link = twin_link("munich", seed=7)  # or the path of your own link file
    result = link.run(tmp_path / "run", rounds=20)
    assert result.rounds == 20
    assert list(load_run(tmp_path / "run", "alice")["index"]) == list(range(20))
    assert link.bob.shutter.position() is Position.CLOSED  # after a run everything is safe
    assert not link.bob.readout.emission()
