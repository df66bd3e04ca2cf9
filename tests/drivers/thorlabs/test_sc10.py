"""The SC10 driver: its bytes, what every shutter must do, and what it makes of every fault."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from eventready.clock import SimClock
from eventready.drivers.thorlabs import SC10
from eventready.errors import DeviceConnectionError, DeviceError, DeviceFault, DeviceProtocolError, InterlockOpen
from eventready.instruments import Position
from eventready.testing import ShutterConformance
from eventready.twin.devices import Channel, Fault, SC10Simulator, Simulator
from eventready.twin.devices.faults import ON_THE_WAY
from eventready.twin.devices.splitters import lines
from eventready.twin.ports import ShutterPort

TIMEOUT = 0.3
TRAVEL_PS = 5 * 10**9
OPENING = [b"interlock?", b"mode?", b"trig?", b"ens?", b"ens"]
CLOSING = [b"ens?", b"closed?", b"ens"]


class Blade:
    """Where the blade is in truth."""

    def __init__(self, simulator: SC10Simulator) -> None:
        self._simulator = simulator

    def position(self) -> Position:
        port, now_ps = self._simulator.port, self._simulator.clock.now_ps()
        return Position.MOVING if port.moving(now_ps) else Position.OPEN if port.is_open(now_ps) else Position.CLOSED

    def move_by_hand(self, is_open: bool) -> None:
        if self._simulator.enabled is not is_open:
            self._simulator.press_enable()


class FaultLine:
    def __init__(self, simulator: SC10Simulator) -> None:
        self._simulator = simulator

    def fail_next(self) -> None:
        self._simulator.faults.arm(Fault.DROP)

    def ignore_commands(self) -> None:
        self._simulator.port.stuck = True


@pytest.fixture
def simulator(sim_clock: SimClock) -> Iterator[SC10Simulator]:
    with SC10Simulator(ShutterPort(travel_ps=TRAVEL_PS), sim_clock) as simulator:
        simulator.faults.late = 1.5 * TIMEOUT
        yield simulator


@pytest.fixture
def truth(simulator: SC10Simulator) -> Blade:
    return Blade(simulator)


@pytest.fixture
def device(simulator: SC10Simulator, sim_clock: SimClock, close_instruments: None) -> SC10:
    return SC10("shutter", simulator.address(), timeout=TIMEOUT, clock=sim_clock)


class TestConformance(ShutterConformance):
    @pytest.fixture
    def device(self, simulator: SC10Simulator, sim_clock: SimClock, close_instruments: None) -> SC10:
        return SC10("shutter", simulator.address(), timeout=TIMEOUT, clock=sim_clock)

    @pytest.fixture
    def truth(self, simulator: SC10Simulator) -> Blade:
        return Blade(simulator)

    @pytest.fixture
    def fault_line(self, simulator: SC10Simulator) -> FaultLine:
        return FaultLine(simulator)


# -- bytes -----------------------------------------------------------------------------------------------------------------------------

GOLDEN = {
    # The exchanges of InstrumentKit's tests of the SC10.
    b"id?": b"id?\rbloopbloop SC10\r> ",
    b"ens?": b"ens?\r0\r> ",
    b"mode?": b"mode?\r1\r> ",
    b"mode=1": b"mode=1\r> ",
    b"trig?": b"trig?\r0\r> ",
    b"closed?": b"closed?\r1\r> ",
    b"interlock?": b"interlock?\r1\r> ",
    b"ens": b"ens\r> ",
}


class Recording(Simulator):
    """Answers with recorded bytes, and knows nothing of shutters."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self.answers = answers
        self.asked: list[bytes] = []
        super().__init__(None, serial=Channel(lines(b"\r"), self._answer, serial=True))

    def power_on(self) -> None:
        pass

    def _answer(self, request: bytes) -> bytes:
        self.asked.append(request)
        return self.answers.get(request, request + b"\rCommand error CMD_NOT_DEFINED\r> ")


@pytest.fixture
def recording() -> Iterator[Recording]:
    with Recording(dict(GOLDEN)) as recording:
        yield recording


@pytest.fixture
def recorded(recording: Recording, sim_clock: SimClock, close_instruments: None) -> SC10:
    shutter = SC10("shutter", recording.address(), timeout=TIMEOUT, clock=sim_clock)
    recording.asked.clear()
    return shutter


def test_recorded_answers_are_understood(recorded: SC10) -> None:
    assert recorded.get_idn() == {"vendor": "Thorlabs", "model": "SC10", "serial": None, "firmware": None}
    assert recorded.position() is Position.CLOSED
    assert recorded.mode() == "manual"
    assert recorded.interlock_tripped() is True


def test_opening_reads_before_it_toggles(recording: Recording, recorded: SC10) -> None:
    recording.answers[b"interlock?"] = b"interlock?\r0\r> "
    recorded.set_open(True)
    assert recording.asked == OPENING


def test_what_is_open_already_is_not_toggled(recording: Recording, recorded: SC10) -> None:
    recording.answers |= {b"interlock?": b"interlock?\r0\r> ", b"ens?": b"ens?\r1\r> "}
    recorded.set_open(True)
    assert recording.asked == OPENING[:-1]


def test_closing_is_short_and_reads_before_it_toggles(recording: Recording, recorded: SC10) -> None:
    recorded.set_open(False)
    assert recording.asked == [b"ens?"]
    recording.answers |= {b"ens?": b"ens?\r1\r> ", b"closed?": b"closed?\r0\r> "}
    recorded.set_open(False)
    assert recording.asked[1:] == CLOSING


def test_connecting_asks_and_changes_nothing(recording: Recording, sim_clock: SimClock, close_instruments: None) -> None:
    SC10("shutter", recording.address(), timeout=TIMEOUT, clock=sim_clock)
    made_up, identity = recording.asked
    assert re.fullmatch(rb"sync-[0-9a-f]{8}", made_up)
    assert identity == b"id?"


@pytest.mark.parametrize(
    ("command", "answer", "error"),
    [
        (b"closed?", b"closed?\r2\r> ", DeviceProtocolError),  # no such state
        (b"closed?", b"closed?\r\r> ", DeviceProtocolError),
        (b"closed?", b"closed?\r> ", DeviceProtocolError),  # echo and prompt, no value
        (b"closed?", b"closed?\r\xff1\r> ", DeviceProtocolError),
        (b"closed?", b"closed?\r1\r> closed?\r0\r> ", DeviceProtocolError),  # two answers: which one is it?
        (b"closed?", b"ens?\r1\r> ", DeviceProtocolError),  # the answer to something else
        (b"closed?", b"1\r> ", DeviceProtocolError),
        (b"closed?", b"closed?\r1\r>", DeviceProtocolError),  # the prompt is cut
        (b"closed?", b"closed?\rCommand error CMD_NOT_DEFINED\r> ", DeviceFault),
        (b"closed?", b"9" * 100_000, DeviceProtocolError),
        (b"ens?", b"ens?\rCommand error CMD_ARG_INVALID\r> ", DeviceFault),
    ],
)
def test_hostile_answers_are_errors_that_show_command_and_reply(
    recording: Recording, recorded: SC10, command: bytes, answer: bytes, error: type[DeviceError]
) -> None:
    recording.answers[command] = answer
    with pytest.raises(error) as caught:
        recorded.position()
    assert caught.value.device == "shutter"
    assert caught.value.command == command.decode()
    assert len(str(caught.value)) < 300
    recording.answers[command] = GOLDEN[command]
    assert recorded.position() is Position.CLOSED


def test_an_unknown_mode_and_an_answer_to_a_command_are_errors(recording: Recording, recorded: SC10) -> None:
    recording.answers |= {b"mode?": b"mode?\r6\r> ", b"ens": b"ens\r1\r> ", b"ens?": b"ens?\r1\r> "}
    with pytest.raises(DeviceProtocolError, match="mode"):
        recorded.mode()
    with pytest.raises(DeviceProtocolError, match="prompt"):
        recorded.set_open(False)


def test_something_else_at_the_address_is_refused_and_let_go(recording: Recording, close_instruments: None) -> None:
    recording.answers[b"id?"] = b"id?\rTHORLABS FW102C\r> "
    with pytest.raises(DeviceProtocolError, match="no SC10"):
        SC10("shutter", recording.address(), timeout=TIMEOUT)
    recording.answers[b"id?"] = GOLDEN[b"id?"]
    SC10("shutter", recording.address(), timeout=TIMEOUT)  # neither name nor port is taken


def test_nothing_at_the_address_is_an_error(close_instruments: None) -> None:
    with pytest.raises(DeviceConnectionError, match="cannot open"):
        SC10("shutter", "socket://127.0.0.1:1", timeout=TIMEOUT)


def test_it_says_once_that_it_has_never_met_hardware(
    simulator: SC10Simulator, close_instruments: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        shutter = SC10("shutter", simulator.address(), timeout=TIMEOUT)
        shutter.position()
        shutter.readiness()
    assert [record.levelname for record in caplog.records if "never met a real SC10" in record.getMessage()] == ["WARNING"]


# -- behaviour -------------------------------------------------------------------------------------------------------------------------


def test_identity(device: SC10) -> None:
    assert device.IDN() == {"vendor": "Thorlabs", "model": "SC10", "serial": None, "firmware": "1.07"}


def test_opening_sets_the_mode_in_which_open_means_open(device: SC10, simulator: SC10Simulator, truth: Blade) -> None:
    simulator.settings.update(mode=2, trig=1)
    assert device.mode() == "auto"
    reasons = device.readiness().reasons
    assert len(reasons) == 2
    assert "mode is 2" in reasons[0]
    assert "trig is 1" in reasons[1]
    device.open(True)
    assert (simulator.settings["mode"], simulator.settings["trig"]) == (1, 0)
    device.clock.sleep(10.0)
    assert device.position() is Position.OPEN is truth.position()


def test_a_shutter_that_opens_by_itself_is_never_called_closed(device: SC10, simulator: SC10Simulator, truth: Blade) -> None:
    simulator.settings["mode"] = 2  # auto: 100 ms open, 100 ms shut, and so on
    simulator.press_enable()
    said = set()
    for _ in range(20):
        device.clock.sleep(0.03)
        said.add((truth.position(), device.position()))
    assert (Position.CLOSED, Position.UNKNOWN) in said
    assert not any(reported is Position.CLOSED for _, reported in said)
    device.make_safe()
    assert truth.position() is Position.CLOSED


# -- faults ----------------------------------------------------------------------------------------------------------------------------


class Trial:
    """Gives a command to the driver under a fault and has the table judge what comes of it."""

    def __init__(self, device: SC10, simulator: SC10Simulator, truth: Blade, table: Any) -> None:
        self.device, self.simulator, self.truth, self._table = device, simulator, truth, table

    def move(self, fault: str, is_open: bool) -> None:
        wanted = Position.OPEN if is_open else Position.CLOSED
        self.prove(fault, lambda: self.device.open(is_open), done=lambda: self.truth.position() is wanted)

    def prove(self, fault: str, command: Callable[[], object], *, done: Callable[[], bool]) -> None:
        self._table.prove("SC10", fault, command, done=done, ask=self._ask, truth=self.truth.position, unknown=(Position.UNKNOWN,))

    def _ask(self) -> Position:
        self.device.clock.sleep(1.0)
        return self.device.position()


@pytest.fixture
def trial(device: SC10, simulator: SC10Simulator, truth: Blade, fault_table: Any) -> Trial:
    return Trial(device, simulator, truth, fault_table)


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("fault", ON_THE_WAY)
def test_faults_on_the_way_at_every_step(trial: Trial, fault: Fault, is_open: bool) -> None:
    for step in range(len(OPENING if is_open else CLOSING) + 1):  # the last one: the first look at the blade
        trial.device.open(not is_open)
        trial.simulator.faults.arm(fault, skip=step)
        trial.move(fault.value, is_open)
        trial.simulator.faults.clear()


@pytest.mark.parametrize("stale", [b"1\r> ", b"closed?\r1\r> ", b"closed?\r0\r> ", b"\r> ", b"> "])
def test_garbage_that_looks_like_an_answer(trial: Trial, stale: bytes) -> None:
    trial.simulator.faults.garbage = stale
    for is_open in (True, False):
        for step in range(7):
            trial.simulator.faults.arm(Fault.GARBAGE, skip=step)
            trial.move(Fault.GARBAGE.value, is_open)
            trial.simulator.faults.clear()


def test_a_setting_is_silently_clipped(trial: Trial) -> None:
    trial.simulator.settings["mode"] = 2
    trial.simulator.faults.clip("mode", 2, 5)
    trial.move(Fault.SILENT_CLIP.value, True)
    assert trial.truth.position() is Position.CLOSED


@pytest.mark.parametrize(("name", "value"), [("closed", 1), ("closed", 0), ("ens", 0), ("ens", 1), ("interlock", 1), ("mode", 3)])
@pytest.mark.parametrize("is_open", [True, False])
def test_a_value_is_stuck(trial: Trial, name: str, value: int, is_open: bool) -> None:
    trial.device.open(not is_open)
    trial.simulator.faults.freeze(name, value)
    trial.prove(
        f"{Fault.STUCK_READBACK.value} ({name}? = {value})",
        lambda: trial.device.open(is_open),
        done=lambda: trial.truth.position() is (Position.OPEN if is_open else Position.CLOSED),
    )


def test_a_second_client_is_sent_away_and_disturbs_nothing(trial: Trial, close_instruments: None) -> None:
    trial.device.open(True)
    trial.prove(
        Fault.SECOND_CLIENT.value,
        lambda: SC10("other", trial.simulator.address(), timeout=TIMEOUT, clock=trial.device.clock),
        done=lambda: False,
    )
    trial.move(Fault.SECOND_CLIENT.value, False)


def test_a_port_that_another_client_has_is_an_error(simulator: SC10Simulator, close_instruments: None) -> None:
    host, port = simulator.address().removeprefix("socket://").split(":")
    with socket.create_connection((host, int(port))), pytest.raises(DeviceConnectionError):
        SC10("shutter", simulator.address(), timeout=TIMEOUT)


def test_a_reopened_line_holds_nothing_stale(device: SC10, simulator: SC10Simulator, sim_clock: SimClock, truth: Blade) -> None:
    device.open(True)
    simulator.faults.arm(Fault.LATE)  # "open" is on its way ...
    with pytest.raises(DeviceConnectionError):
        device.position()
    device.close()
    simulator.press_enable()
    sim_clock.sleep(1.0)
    again = SC10("again", simulator.address(), timeout=3 * TIMEOUT, clock=sim_clock)  # ... and arrives here
    assert again.position() is Position.CLOSED is truth.position()


def test_a_half_sent_toggle_is_never_carried_out(device: SC10, simulator: SC10Simulator, truth: Blade) -> None:
    with pytest.raises(DeviceConnectionError), device.connection.exchange("ens") as line:
        line.write(b"ens")  # and there the cable is pulled
        line.read_until(b"\r> ")
    assert device.position() is Position.CLOSED
    assert simulator.enabled is False


def test_the_interlock_trips_while_it_is_open(trial: Trial) -> None:
    trial.device.open(True)
    trial.simulator.trip_interlock()
    trial.move("the interlock trips while open", True)
    assert trial.truth.position() is Position.CLOSED
    assert "the interlock is tripped" in trial.device.readiness().reasons
    with pytest.raises(InterlockOpen):
        trial.device.set_open(True)
    trial.simulator.trip_interlock(False)
    trial.move("the interlock trips while open", True)
    assert trial.truth.position() is Position.OPEN


@pytest.mark.parametrize("is_open", [True, False])
def test_the_echo_goes_missing(trial: Trial, is_open: bool) -> None:
    trial.device.open(not is_open)
    trial.simulator.echo = False
    trial.move("commands are not echoed", is_open)
    trial.simulator.echo = True
    trial.move("commands are echoed again", is_open)
    assert trial.truth.position() is (Position.OPEN if is_open else Position.CLOSED)


@pytest.mark.parametrize("is_open", [True, False])
def test_the_prompt_is_late(trial: Trial, is_open: bool) -> None:
    trial.simulator.faults.in_time = -2
    for step in range(len(OPENING if is_open else CLOSING) + 1):
        trial.device.open(not is_open)
        trial.simulator.faults.arm(Fault.LATE, skip=step)
        trial.move("the prompt is late", is_open)
        trial.simulator.faults.clear()


@pytest.mark.parametrize("command", ["ens", "ens?", "closed?", "interlock?", "mode?"])
def test_a_command_is_not_defined(trial: Trial, command: str) -> None:
    trial.simulator.undefined.add(command)
    trial.move("a command is not defined", True)


@pytest.mark.parametrize("undefined", ["closed?", "mode?", "interlock?"])
def test_it_closes_even_when_it_cannot_be_looked_at(device: SC10, simulator: SC10Simulator, truth: Blade, undefined: str) -> None:
    device.open(True)
    simulator.undefined.add(undefined)
    with suppress(DeviceFault):
        device.make_safe()
    device.clock.sleep(1.0)
    assert truth.position() is Position.CLOSED


@pytest.mark.parametrize("is_open", [True, False])
def test_the_blade_is_stuck(trial: Trial, is_open: bool) -> None:
    trial.device.open(not is_open)
    trial.simulator.port.stuck = True
    trial.move("the blade is stuck", is_open)
    with pytest.raises(DeviceFault):
        trial.device.make_safe()  # whether blade or sensor is stuck: nobody knows that it is dark
    trial.simulator.port.stuck = False
    trial.simulator.power_cycle()
    for wanted in (True, False):
        trial.move("the blade is free again", wanted)
        assert trial.truth.position() is (Position.OPEN if wanted else Position.CLOSED)


def test_a_command_during_movement_is_ignored(trial: Trial) -> None:
    trial.simulator.deaf_while_moving = True
    trial.device.set_open(True)
    trial.move("a command during movement is ignored", False)
    trial.move("a command during movement is ignored", False)
    assert trial.truth.position() is Position.CLOSED


def test_the_baud_rate_is_another_one(trial: Trial) -> None:
    trial.simulator.settings["baud"] = 1
    trial.move("the baud rate is another one", True)
    trial.simulator.line_baud = 1
    trial.move("the baud rate is the same again", True)
    assert trial.truth.position() is Position.OPEN
