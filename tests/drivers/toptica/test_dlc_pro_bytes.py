"""The DLC pro driver: its bytes, against recorded answers and hostile ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from eventready.clock import SimClock
from eventready.drivers.toptica import DlcLaser, DlcPro
from eventready.errors import ConfigError, DeviceConnectionError, DeviceError, DeviceFault, DeviceProtocolError, InterlockOpen
from eventready.twin.devices import Channel, Simulator
from eventready.twin.devices.splitters import lines

PATIENCE = 2.0
"""Time-out where an answer is expected, s."""
TIMEOUT = 0.1
"""Time-out where none comes in time."""
LIMITS = (0.0, 0.15)
SWITCH_ON = [
    b"(param-ref 'interlock-open)",
    b"(param-ref 'frontkey-locked)",
    b"(param-ref 'emission-button-enabled)",
    b"(param-set! 'laser1:dl:cc:enabled #t)",
    b"(param-ref 'laser1:dl:cc:enabled)",
    *[b"(param-ref 'laser1:emission)", b"(param-ref 'laser1:dl:cc:emission)"] * 2,
]
SWITCH_OFF = [b"(param-set! 'laser1:dl:cc:enabled #f)", *SWITCH_ON[4:]]


def connect(recording: Simulator, clock: SimClock) -> DlcPro:
    return DlcPro("dlc", recording.address(), laser1={"setpoint_limits": LIMITS}, timeout=PATIENCE, clock=clock)


def only_laser(dlc: DlcPro) -> DlcLaser:
    laser = dlc.submodules["laser1"]
    assert isinstance(laser, DlcLaser)
    return laser


BANNER = b"Welcome\r\n\r\nDeCoF Command Line\r\n> "
GOLDEN = {
    # Answers as in the tests of QMI and as toptica-lasersdk 3.3.0 reads them.
    b"(param-ref 'laser1:type)": b'"DLpro"\n> ',
    b"(param-ref 'system-type)": b'"DLCpro"\n> ',
    b"(param-ref 'serial-number)": b'"DLC PRO_020480"\r\n> ',
    b"(param-ref 'fw-ver)": b'"3.2.0"\n> ',
    b"(param-ref 'laser1:dl:cc:current-set)": b"130.25\n> ",
    b"(param-ref 'laser1:dl:cc:current-act)": b"129.9871\n> ",
    b"(param-ref 'laser1:dl:tc:temp-act)": b"19.5\n> ",
    b"(param-ref 'laser1:dl:lock:state)": b"5\n> ",
    b"(param-ref 'laser1:dl:lock:lock-enabled)": b"#t\n> ",
    b"(param-ref 'interlock-open)": b"#f\n> ",
    b"(param-ref 'frontkey-locked)": b"#f\n> ",
    b"(param-ref 'emission-button-enabled)": b"#t\n> ",
    b"(param-ref 'laser1:emission)": b"#t\n> ",
    b"(param-ref 'laser1:dl:cc:emission)": b"#t\n> ",
    b"(param-ref 'laser1:dl:cc:enabled)": b"#t\n> ",
    b"(param-set! 'laser1:dl:cc:enabled #t)": b"0\n> ",
    b"(param-set! 'laser1:dl:cc:current-set 130.25)": b"0\n> ",
    b"(exec 'laser1:dl:lock:close)": b"()\n> ",
}


class Recording(Simulator):
    """Answers with recorded bytes, and knows nothing of lasers."""

    def __init__(self) -> None:
        self.answers = dict(GOLDEN)
        self.banner = BANNER
        self.asked: list[bytes] = []
        super().__init__(None, command=Channel(lines(b"\n"), self._answer, banner=lambda: self.banner))

    def power_on(self) -> None:
        pass

    def _answer(self, request: bytes) -> bytes:
        self.asked.append(request)
        return self.answers.get(request, b"Error: 4\n> ")


@pytest.fixture
def recording() -> Iterator[Recording]:
    with Recording() as recording:
        yield recording


@pytest.fixture
def recorded(recording: Recording, sim_clock: SimClock, close_instruments: None) -> DlcLaser:
    laser = only_laser(connect(recording, sim_clock))
    recording.asked.clear()
    return laser


def test_recorded_answers_are_understood(recorded: DlcLaser) -> None:
    dlc = recorded.root_instrument
    assert isinstance(dlc, DlcPro)
    assert dlc.get_idn() == {"vendor": "Toptica", "model": "DLCpro", "serial": "DLC PRO_020480", "firmware": "3.2.0"}
    assert recorded.power() == pytest.approx(0.13025)
    assert recorded.current() == pytest.approx(0.1299871)
    assert recorded.temperature() == pytest.approx(292.65)
    assert (recorded.locked(), recorded.interlock_closed(), recorded.emission()) == (True, True, True)


READY = (
    b"`(,(param-ref 'interlock-open) ,(param-ref 'frontkey-locked) ,(param-ref 'emission-button-enabled) ,(param-ref 'laser1:emission) "
    b",(param-ref 'laser1:dl:cc:emission) ,(param-ref 'laser1:dl:tc:ready) ,(param-ref 'laser1:dl:lock:state))"
)
"""One question for all: a quasi-quoted list, as QMI asks it."""


@pytest.mark.parametrize(
    ("answer", "reasons"),
    [
        (b"(#f #f #t #t #t #t 5)", ()),
        (b"(#t #f #t #f #f #f 9)", ("the interlock is open", "no emission", "not locked", "the temperature has not settled")),
        (b"(#f #f #t #t #t #t)", ("the answer must be a list of 7 values",)),
        (b"(#f #f #t #t #t #t 5 5)", ("the answer must be a list of 7 values",)),
        (b"#f #f #t #t #t #t 5", ("the answer must be a list of 7 values",)),
        (b"(#f #f #t #t #t 1 5)", ("the answer must be #t or #f",)),
        (b"(#f #f #t #t #f #t 5)", ("laser and current driver disagree",)),
        (b"Error: 4 invalid parameter", ("the device refuses the command",)),
    ],
)
def test_readiness_is_one_question(recording: Recording, recorded: DlcLaser, answer: bytes, reasons: tuple[str, ...]) -> None:
    recording.answers[READY] = answer + b"\n> "
    found = recorded.readiness()
    assert recording.asked == [READY]
    assert len(found.reasons) == len(reasons)
    assert all(reason in said for reason, said in zip(reasons, found.reasons, strict=True))
    assert recorded.emission() is True, "outside of that question, every value is asked for"


def test_what_is_sent(recording: Recording, recorded: DlcLaser) -> None:
    recorded.set_emission(True)
    assert recording.asked == SWITCH_ON
    recording.asked.clear()
    recorded.set_power(0.13025)
    assert recording.asked == [b"(param-set! 'laser1:dl:cc:current-set 130.25)", b"(param-ref 'laser1:dl:cc:current-set)"]
    recording.asked.clear()
    recorded.set_locking(True)
    assert recording.asked == [b"(exec 'laser1:dl:lock:close)", b"(param-ref 'laser1:dl:lock:lock-enabled)"]


def test_connecting_asks_and_changes_nothing(recording: Recording, sim_clock: SimClock, close_instruments: None) -> None:
    connect(recording, sim_clock)
    assert sorted(recording.asked) == sorted(
        b"(param-ref '%s)" % name for name in (b"system-type", b"serial-number", b"fw-ver", b"laser1:type")
    )


def test_an_open_interlock_is_found_in_each_of_its_three_places(recording: Recording, recorded: DlcLaser) -> None:
    for request, bad in ((SWITCH_ON[0], b"#t\n> "), (SWITCH_ON[1], b"#t\n> "), (SWITCH_ON[2], b"#f\n> ")):
        recording.answers[request] = bad
        with pytest.raises(InterlockOpen):
            recorded.set_emission(True)
        recording.answers[request] = GOLDEN[request]
    assert not any(b"param-set!" in request for request in recording.asked)


@pytest.mark.parametrize("state", range(10))
def test_only_one_state_is_locked(recording: Recording, recorded: DlcLaser, state: int) -> None:
    recording.answers[b"(param-ref 'laser1:dl:lock:state)"] = b"%d\n> " % state
    assert recorded.locked() is (state == 5)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"1\n> ", DeviceProtocolError),  # a number for a truth value
        (b"#T\n> ", DeviceProtocolError),
        (b'"#t"\n> ', DeviceProtocolError),
        (b"\n> ", DeviceProtocolError),
        (b"()\n> ", DeviceProtocolError),
        (b"\xff\xfe#t\n> ", DeviceProtocolError),
        ("µ\n> ".encode(), DeviceProtocolError),
        (b"#t\n> #f\n> ", DeviceProtocolError),  # two answers: which one is it?
        (b"#t\n>", DeviceProtocolError),  # the prompt is cut
        (b"#t" * 50_000, DeviceProtocolError),
        (b"Error: 4 invalid parameter\n> ", DeviceFault),
        (b"some output\nerror: 1\n> ", DeviceFault),
        (b"", DeviceConnectionError),
    ],
)
def test_hostile_answers_are_errors_that_show_command_and_reply(
    recording: Recording, recorded: DlcLaser, answer: bytes, error: type[DeviceError]
) -> None:
    recording.answers[b"(param-ref 'laser1:emission)"] = answer
    dlc = recorded.root_instrument
    assert isinstance(dlc, DlcPro)
    dlc.connection.timeout = PATIENCE if answer.endswith(b"> ") else TIMEOUT
    with pytest.raises(error) as caught:
        recorded.emission()
    dlc.connection.timeout = PATIENCE
    assert caught.value.device.startswith("dlc")
    assert caught.value.command == "(param-ref 'laser1:emission)"
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 300
    recording.answers[b"(param-ref 'laser1:emission)"] = b"#t\n> "
    assert recorded.emission() is True


@pytest.mark.parametrize("answer", [b"#t", b"nan", b"inf", b"1_0", b"0x10", b"130,25", b"-", b"130.25 mA"])
def test_what_is_no_number_is_refused(recording: Recording, recorded: DlcLaser, answer: bytes) -> None:
    recording.answers[b"(param-ref 'laser1:dl:cc:current-set)"] = answer + b"\n> "
    with pytest.raises(DeviceProtocolError, match="number"):
        recorded.power()


@pytest.mark.parametrize("answer", [b"5.0", b"#t", b"12"])
def test_what_is_no_lock_state_is_refused(recording: Recording, recorded: DlcLaser, answer: bytes) -> None:
    recording.answers[b"(param-ref 'laser1:dl:lock:state)"] = answer + b"\n> "
    with pytest.raises(DeviceProtocolError):
        recorded.locked()


@pytest.mark.parametrize(("answer", "error"), [(b"-3", DeviceFault), (b"Error: 3", DeviceFault), (b"#t", DeviceProtocolError)])
def test_a_setting_that_is_refused_is_an_error(recording: Recording, recorded: DlcLaser, answer: bytes, error: type[DeviceError]) -> None:
    recording.answers[b"(param-set! 'laser1:dl:cc:current-set 130.25)"] = answer + b"\n> "
    with pytest.raises(error, match=r"130\.25"):
        recorded.set_power(0.13025)


def test_output_before_the_status_is_no_harm(recording: Recording, recorded: DlcLaser) -> None:
    recording.answers[b"(param-set! 'laser1:dl:cc:current-set 130.25)"] = b"ramping\n0\n> "
    recorded.set_power(0.13025)


@pytest.mark.parametrize("banner", [b"SSH-2.0-x\r\n", b"220 ready\n> ", b"", b"x" * 10_000])
def test_something_else_at_the_address_is_refused_and_let_go(
    recording: Recording, sim_clock: SimClock, close_instruments: None, banner: bytes
) -> None:
    recording.banner = banner
    with pytest.raises(DeviceConnectionError):
        DlcPro("dlc", recording.address(), laser1={"setpoint_limits": LIMITS}, timeout=TIMEOUT, clock=sim_clock)
    recording.banner = BANNER
    connect(recording, sim_clock)  # the name is not taken


def test_a_head_that_is_not_there_is_an_error(recording: Recording, sim_clock: SimClock, close_instruments: None) -> None:
    with pytest.raises(DeviceFault, match="laser2:type"):
        DlcPro("dlc", recording.address(), laser2={"setpoint_limits": LIMITS}, timeout=PATIENCE, clock=sim_clock)


@pytest.mark.parametrize("heads", [{}, {"laser1": {"setpoint_limits": (0.1, 0.0)}}])
def test_a_wrong_configuration_reaches_no_device(recording: Recording, close_instruments: None, heads: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        DlcPro("dlc", recording.address(), timeout=PATIENCE, **heads)
    assert not recording.transcript


def test_switching_off_is_short(recording: Recording, recorded: DlcLaser) -> None:
    recording.answers |= {SWITCH_OFF[0]: b"0\n> ", **dict.fromkeys(SWITCH_OFF[1:], b"#f\n> ")}
    recorded.set_emission(False)
    assert recording.asked == SWITCH_OFF
