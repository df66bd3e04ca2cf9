"""The DLC pro driver: what every laser must do, and what it makes of every fault."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from qcodes.utils import NumpyJSONEncoder

from eventready.clock import SimClock
from eventready.drivers.toptica import DlcLaser, DlcPro
from eventready.errors import DeviceConnectionError, DeviceFault
from eventready.testing import LaserConformance
from eventready.twin.devices import Fault, Simulator
from eventready.twin.devices.dlc_pro import DlcProSimulator
from eventready.twin.devices.faults import ON_THE_WAY

PATIENCE = 2.0
"""Time-out where an answer is expected, s."""
TIMEOUT = 0.1
"""Time-out where none comes in time."""
LIMITS = (0.0, 0.15)
LOCKING = 0.3
CURRENT = "laser1:dl:cc:current-set"
BUTTON = "emission-button-enabled"
STEPS = {True: 9, False: 6}
"""Exchanges in switching the light on, and off."""


def connect(simulator: Simulator, clock: SimClock, name: str = "dlc", **given: Any) -> DlcPro:
    return DlcPro(name, simulator.address(), laser1={"setpoint_limits": LIMITS, **given}, timeout=PATIENCE, clock=clock)


def only_laser(dlc: DlcPro) -> DlcLaser:
    laser = dlc.submodules["laser1"]
    assert isinstance(laser, DlcLaser)
    return laser


class Truth:
    """What the first head is and does in truth."""

    def __init__(self, simulator: DlcProSimulator) -> None:
        self._simulator = simulator

    def emission(self) -> bool:
        return self._simulator.heads["laser1"].port.on

    def locked(self) -> bool:
        return self._simulator.heads["laser1"].port.locked

    def setpoint(self) -> float:
        return float(self._simulator.settings[CURRENT]) * 1e-3

    def open_interlock(self) -> None:
        self._simulator.open_interlock()


class FaultLine:
    def __init__(self, simulator: DlcProSimulator, dlc: DlcPro) -> None:
        self._simulator, self._dlc = simulator, dlc

    def fail_next(self) -> None:
        self._dlc.connection.timeout = TIMEOUT
        self._simulator.faults.arm(Fault.DROP)

    def ignore_commands(self) -> None:
        self._simulator.deaf = True


@pytest.fixture
def simulator(sim_clock: SimClock) -> Iterator[DlcProSimulator]:
    with DlcProSimulator(clock=sim_clock, locking_time=LOCKING) as simulator:
        simulator.faults.late = 1.5 * TIMEOUT
        yield simulator


@pytest.fixture
def truth(simulator: DlcProSimulator) -> Truth:
    return Truth(simulator)


@pytest.fixture
def dlc(simulator: DlcProSimulator, sim_clock: SimClock, close_instruments: None) -> DlcPro:
    return connect(simulator, sim_clock)


@pytest.fixture
def laser(dlc: DlcPro) -> DlcLaser:
    return only_laser(dlc)


class TestConformance(LaserConformance):
    @pytest.fixture
    def device(self, laser: DlcLaser) -> DlcLaser:
        return laser

    @pytest.fixture
    def truth(self, simulator: DlcProSimulator) -> Truth:
        return Truth(simulator)

    @pytest.fixture
    def fault_line(self, simulator: DlcProSimulator, dlc: DlcPro) -> FaultLine:
        return FaultLine(simulator, dlc)


# -- behaviour -------------------------------------------------------------------------------------------------------------------------


def test_it_says_once_that_it_has_never_met_hardware(
    simulator: DlcProSimulator, sim_clock: SimClock, close_instruments: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        laser = only_laser(connect(simulator, sim_clock))
        laser.emission()
        laser.readiness()
    assert [record.levelname for record in caplog.records if "never met a real DLC pro" in record.getMessage()] == ["WARNING"]


def test_a_laser_is_ready_when_it_has_locked(laser: DlcLaser) -> None:
    laser.set_emission(True)
    assert laser.readiness().reasons == ("not locked",)
    laser.clock.sleep(LOCKING)
    assert laser.readiness().ok


def test_a_laser_without_a_lock_needs_none(simulator: DlcProSimulator, sim_clock: SimClock, close_instruments: None) -> None:
    laser = only_laser(connect(simulator, sim_clock, has_lock=False))
    laser.set_emission(True)
    assert (laser.locked(), laser.readiness().ok) == (None, True)


def test_the_heads_are_lasers_of_their_own(simulator: DlcProSimulator, sim_clock: SimClock, close_instruments: None) -> None:
    head = {"setpoint_limits": LIMITS}
    dlc = DlcPro("dlc", simulator.address(), laser1=head, laser2=head, timeout=PATIENCE, clock=sim_clock)
    assert list(dlc.submodules) == ["laser1", "laser2"]
    dlc.laser2.set_emission(True)
    dlc.laser2.set_power(0.08)
    assert [head.port.on for head in simulator.heads.values()] == [False, True]
    assert [simulator.settings[f"laser{k}:dl:cc:current-set"] for k in (1, 2)] == [100.0, 80.0]


def test_a_snapshot_of_the_whole_device_only_asks(dlc: DlcPro, simulator: DlcProSimulator) -> None:
    before = dict(simulator.settings)
    simulator.transcript.clear()
    json.dumps(dlc.snapshot(update=True), cls=NumpyJSONEncoder)
    assert simulator.settings == before
    asked = [said.data for said in simulator.transcript if said.direction == "in"]
    assert asked
    assert all(data.startswith(b"(param-ref '") for data in asked)


def test_locking_can_be_let_go_and_taken_up(laser: DlcLaser, truth: Truth) -> None:
    laser.set_emission(True)
    laser.clock.sleep(LOCKING)
    assert laser.locked() is truth.locked() is True
    laser.set_locking(False)
    assert laser.locked() is truth.locked() is False
    laser.set_locking(True)
    laser.clock.sleep(LOCKING)
    assert laser.locked() is truth.locked() is True


def test_the_current_that_flows_is_read_anew(laser: DlcLaser, simulator: DlcProSimulator) -> None:
    laser.set_emission(True)
    laser.clock.sleep(1.0)
    simulator.panel("laser1:dl:cc:feedforward-factor", -0.1)
    simulator.panel("laser1:dl:cc:feedforward-enabled", True)
    laser.clock.sleep(1.0)
    assert (laser.power(), laser.current()) == (pytest.approx(0.1), pytest.approx(0.093))


# -- faults ----------------------------------------------------------------------------------------------------------------------------


class Trial:
    """Gives a command to the driver under a fault and has the table judge what comes of it."""

    def __init__(self, laser: DlcLaser, simulator: DlcProSimulator, truth: Truth, table: Any) -> None:
        self.laser, self.simulator, self.truth, self._table = laser, simulator, truth, table
        dlc = laser.root_instrument
        assert isinstance(dlc, DlcPro)
        self.connection = dlc.connection

    def arm(self, fault: Fault, skip: int = 0) -> None:
        """Let a fault befall an answer, and do not wait for that long."""
        self.simulator.faults.arm(fault, skip=skip)
        self.connection.timeout = TIMEOUT

    def switch(self, fault: str, on: bool) -> None:
        self.prove(fault, lambda: self.laser.set_emission(on), done=lambda: self.truth.emission() is on)

    def set_power(self, fault: str, value: float) -> None:
        done = lambda: self.truth.setpoint() == pytest.approx(value)  # noqa: E731
        ask, truth = lambda: round(self.laser.power(), 9), lambda: round(self.truth.setpoint(), 9)
        self._table.prove("DLC pro", fault, lambda: self.laser.set_power(value), done=done, ask=ask, truth=truth)

    def prove(self, fault: str, command: Callable[[], object], *, done: Callable[[], bool]) -> None:
        self._table.prove("DLC pro", fault, command, done=done, ask=self.laser.emission, truth=self.truth.emission)

    def begin(self, on: bool) -> None:
        """Everything in order, and the light as it is wanted."""
        self.connection.timeout = PATIENCE
        self.simulator.faults.clear()
        self.simulator.panel(BUTTON, True)
        self.laser.set_emission(on)


@pytest.fixture
def trial(laser: DlcLaser, simulator: DlcProSimulator, truth: Truth, fault_table: Any) -> Trial:
    return Trial(laser, simulator, truth, fault_table)


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("fault", ON_THE_WAY)
def test_faults_on_the_way_at_every_step(trial: Trial, fault: Fault, on: bool) -> None:
    for step in range(STEPS[on] + 1):  # the last one: the first look at the light
        trial.begin(not on)
        trial.arm(fault, skip=step)
        trial.switch(fault.value, on)


@pytest.mark.parametrize("fault", ON_THE_WAY)
def test_faults_on_the_way_of_a_set_point(trial: Trial, fault: Fault) -> None:
    for step in range(3):
        trial.arm(fault, skip=step)
        trial.set_power(fault.value, 0.05 + 0.01 * step)


@pytest.mark.parametrize("stale", [b"#t\n> ", b"#f\n> ", b"0\n> ", b"\n> ", b"> "])
@pytest.mark.parametrize("on", [True, False])
def test_garbage_that_looks_like_an_answer(trial: Trial, stale: bytes, on: bool) -> None:
    for step in range(STEPS[on] + 1):
        trial.begin(not on)
        trial.simulator.faults.garbage = stale
        trial.arm(Fault.GARBAGE, skip=step)
        trial.switch(Fault.GARBAGE.value, on)


def test_a_set_point_is_silently_clipped(trial: Trial) -> None:
    trial.simulator.faults.clip(CURRENT, 0.0, 50.0)
    with pytest.raises(DeviceFault, match="setpoint"):
        trial.laser.set_power(0.09)
    trial.set_power(Fault.SILENT_CLIP.value, 0.08)


@pytest.mark.parametrize("silently", [True, False])
def test_the_current_clip(trial: Trial, silently: bool) -> None:
    trial.simulator.panel("laser1:dl:cc:current-clip", 90.0)
    trial.simulator.clips_silently = silently
    trial.set_power("the current clip is reached", 0.12)
    assert trial.truth.setpoint() <= 0.1


@pytest.mark.parametrize("name", ["laser1:emission", "laser1:dl:cc:emission", "laser1:dl:cc:enabled", "interlock-open", BUTTON])
@pytest.mark.parametrize("stuck", [True, False, 1])
@pytest.mark.parametrize("on", [True, False])
def test_a_flag_is_stuck(trial: Trial, name: str, stuck: object, on: bool) -> None:
    trial.begin(not on)
    trial.simulator.faults.freeze(name, stuck)
    trial.switch(Fault.STUCK_READBACK.value, on)


@pytest.mark.parametrize("other", ["interlock", "key", "button"])
def test_a_stuck_interlock_flag_lights_nothing(trial: Trial, other: str) -> None:
    for name, value in (("interlock-open", False), ("frontkey-locked", False), (BUTTON, True)):
        trial.simulator.faults.freeze(name, value)
    _break_chain(trial.simulator, other)
    with pytest.raises(DeviceFault):
        trial.laser.set_emission(True)
    trial.switch(Fault.STUCK_READBACK.value, True)


def test_a_second_client_is_sent_away_and_disturbs_nothing(sim_clock: SimClock, close_instruments: None, fault_table: Any) -> None:
    with DlcProSimulator(clock=sim_clock, command_lines=1) as simulator:
        trial = Trial(only_laser(connect(simulator, sim_clock)), simulator, Truth(simulator), fault_table)
        trial.begin(True)
        trial.prove(Fault.SECOND_CLIENT.value, lambda: connect(simulator, sim_clock, "other"), done=lambda: False)
        trial.switch(Fault.SECOND_CLIENT.value, False)


def test_what_a_second_client_does_is_seen(trial: Trial, simulator: DlcProSimulator, sim_clock: SimClock) -> None:
    trial.begin(True)
    other = only_laser(connect(simulator, sim_clock, "other"))
    other.set_power(0.06)
    other.set_emission(False)
    assert (trial.laser.power(), trial.laser.emission()) == (pytest.approx(0.06), False)
    trial.switch(Fault.SECOND_CLIENT.value, True)


def test_a_reopened_driver_inherits_nothing_stale(dlc: DlcPro, simulator: DlcProSimulator, sim_clock: SimClock) -> None:
    simulator.panel("laser1:dl:cc:enabled", True)
    simulator.faults.arm(Fault.LATE)  # "#t" is on its way ...
    dlc.connection.timeout = TIMEOUT
    with pytest.raises(DeviceConnectionError):
        only_laser(dlc).emission()
    dlc.close()
    simulator.panel("laser1:dl:cc:enabled", False)
    again = only_laser(connect(simulator, sim_clock))  # ... and finds nobody
    assert again.emission() is False


def _break_chain(simulator: DlcProSimulator, where: str) -> None:
    {"interlock": simulator.open_interlock, "key": simulator.lock_key, "button": lambda: simulator.panel(BUTTON, False)}[where]()


def _mend_chain(simulator: DlcProSimulator) -> None:
    simulator.open_interlock(False)
    simulator.lock_key(False)
    simulator.panel(BUTTON, True)


@pytest.mark.parametrize("where", ["interlock", "key", "button"])
def test_the_emission_chain_breaks(trial: Trial, where: str) -> None:
    trial.begin(True)
    _break_chain(trial.simulator, where)
    trial.switch(f"emission chain: {where}", True)
    assert trial.truth.emission() is False
    assert "the interlock is open" in trial.laser.readiness().reasons
    trial.laser.make_safe()
    _mend_chain(trial.simulator)
    assert trial.truth.emission() is False  # made safe means: it does not come back by itself
    trial.switch(f"emission chain: {where}, mended", True)
    assert trial.truth.emission() is True


def test_safe_behind_an_open_interlock_is_no_success_if_the_current_stays_enabled(trial: Trial) -> None:
    trial.begin(True)
    trial.simulator.open_interlock()
    trial.simulator.deaf = True
    with pytest.raises(DeviceFault, match="enabled"):
        trial.laser.make_safe()


def test_the_current_driver_is_forced_off(trial: Trial) -> None:
    trial.simulator.panel("laser1:dl:cc:forced-off", True)
    trial.switch("current driver forced off", True)
    with pytest.raises(DeviceFault, match="Forced off"):
        trial.laser.set_emission(True)


def test_the_user_level_is_read_only(trial: Trial) -> None:
    trial.simulator.decop.level = 4
    trial.switch("user level: read-only", True)
    trial.set_power("user level: read-only", 0.07)
    with pytest.raises(DeviceFault, match="user level"):
        trial.laser.set_power(0.07)


@pytest.mark.parametrize("name", ["laser1:dl:cc:enabled", "laser1:emission", "interlock-open", CURRENT])
def test_the_firmware_lacks_a_parameter(trial: Trial, name: str) -> None:
    trial.simulator.missing.add(name)
    with pytest.raises(DeviceFault, match=name):
        trial.laser.set_power(0.07) if name == CURRENT else trial.laser.set_emission(True)
    if name != CURRENT:
        trial.switch("unknown parameter", True)


def test_a_warning_is_logged_and_the_setting_is_made(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    trial.simulator.warning = 2
    with caplog.at_level(logging.WARNING):
        trial.set_power("positive status", 0.07)
    assert trial.truth.setpoint() == pytest.approx(0.07)
    assert any("warning 2" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("drifted", [True, False])
def test_the_lock_is_lost(trial: Trial, drifted: bool, fault_table: Any) -> None:
    laser, simulator, truth = trial.laser, trial.simulator, trial.truth

    def prove(fault: str, command: Callable[[], object], locked: bool) -> None:
        fault_table.prove("DLC pro", fault, command, done=lambda: truth.locked() is locked, ask=laser.locked, truth=truth.locked)

    trial.begin(True)
    laser.clock.sleep(LOCKING)
    assert laser.readiness().ok
    simulator.lose_lock(drifted=drifted)
    prove("lock lost", laser.readiness, False)
    assert laser.readiness().reasons == ("not locked",)
    laser.clock.sleep(LOCKING)
    prove("lock lost", laser.readiness, not drifted)
    simulator.heads["laser1"].drifted = False
    laser.set_locking(True)
    laser.clock.sleep(LOCKING)
    prove("lock lost, mended", laser.readiness, True)
    assert laser.readiness().ok


@pytest.mark.parametrize("in_time", [True, False])
def test_the_banner_comes_in_two_pieces(trial: Trial, in_time: bool) -> None:
    trial.begin(True)
    trial.arm(Fault.DROP)
    with pytest.raises(DeviceConnectionError):
        trial.laser.emission()
    trial.simulator.banner_pause = 3.0 * TIMEOUT
    trial.connection.timeout = PATIENCE if in_time else TIMEOUT
    trial.switch("banner in two pieces", False)
    assert trial.truth.emission() is not in_time
    trial.simulator.banner_pause = 0.0
    trial.switch("banner in two pieces", False)
    assert trial.truth.emission() is False


@pytest.mark.parametrize("late", [0.3 * TIMEOUT, 1.5 * TIMEOUT])
@pytest.mark.parametrize("on", [True, False])
def test_the_prompt_is_late(trial: Trial, on: bool, late: float) -> None:
    for step in range(STEPS[on] + 1):
        trial.begin(not on)
        trial.simulator.faults.in_time, trial.simulator.faults.late = -2, late
        trial.arm(Fault.LATE, skip=step)
        trial.switch("prompt late, glued to the next answer", on)


def test_a_reboot_closes_the_connection(trial: Trial) -> None:
    trial.begin(True)
    trial.simulator.power_cycle()
    trial.switch("reboot", True)
    assert trial.truth.emission() is False  # the front button waits to be pressed
    trial.begin(True)
    assert trial.truth.emission() is True


def test_a_string_is_not_ascii(dlc: DlcPro, simulator: DlcProSimulator) -> None:
    simulator.identity["system-type"] = "DLC pro \u00b5\u03bb"
    assert dlc.get_idn()["model"] == "DLC pro \u00b5\u03bb"
