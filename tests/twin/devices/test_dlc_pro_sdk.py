"""Toptica's own client against the simulated DLC pro: an independent witness of what the device says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from eventready.twin.devices.dlc_pro import DlcProSimulator

REASON = "needs Toptica's client: pip install toptica-lasersdk"
client_module = pytest.importorskip("toptica.lasersdk.client", reason=REASON)
model = pytest.importorskip("toptica.lasersdk.dlcpro.v3_3_3", reason=REASON)

PATIENCE = 5.0  # s


@pytest.fixture
def simulator() -> Iterator[DlcProSimulator]:
    with DlcProSimulator(locking_time=0.05) as simulator:
        yield simulator


@pytest.fixture
def connection(simulator: DlcProSimulator) -> Any:
    host, command = simulator.address("command").removeprefix("socket://").split(":")
    monitoring = int(simulator.address("monitoring").rpartition(":")[2])
    return client_module.NetworkConnection(host, int(command), monitoring, timeout=PATIENCE)


@pytest.fixture
def dlc(connection: Any) -> Iterator[Any]:
    with model.DLCpro(connection) as dlc:
        yield dlc


def wait_for(dlc: Any, seen: list[Any], wanted: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while wanted not in seen and time.monotonic() < deadline:
        dlc.run(timeout=0.05)
    assert wanted in seen


def test_types_are_those_of_the_model(dlc: Any) -> None:
    for read, kind in (
        (dlc.system_type, str),
        (dlc.serial_number, str),
        (dlc.fw_ver, str),
        (dlc.system_health_txt, str),
        (dlc.uptime, int),
        (dlc.ul, int),
        (dlc.system_health, int),
        (dlc.interlock_open, bool),
        (dlc.frontkey_locked, bool),
        (dlc.emission_button_enabled, bool),
        (dlc.emission, bool),
    ):
        assert type(read.get()) is kind


def test_every_parameter_of_a_head_is_in_the_model_with_its_type(dlc: Any, simulator: DlcProSimulator) -> None:
    names = [name for name in simulator.names() if name.startswith("laser")]
    assert len(names) > 60
    for name in names:
        at = dlc
        for part in name.split(":"):
            at = getattr(at, part.replace("-", "_"))
        value = at.get()
        assert value == simulator.value(name), name  # all at rest: nothing moves before there is light
        assert type(value) is type(simulator.value(name)), name


def test_a_laser_is_set_up_and_locks(dlc: Any, simulator: DlcProSimulator) -> None:
    head = dlc.laser1.dl
    head.cc.current_set.set(130.25)
    assert head.cc.current_set.get() == 130.25
    assert simulator.settings["laser1:dl:cc:current-set"] == 130.25
    head.lock.open()
    head.cc.enabled.set(True)
    assert dlc.laser1.emission.get() is True
    assert head.lock.state.get() == 0
    head.lock.close()
    deadline = time.monotonic() + PATIENCE
    while head.lock.state.get() != 5 and time.monotonic() < deadline:
        pass
    assert head.lock.state.get() == 5
    dlc.laser1.save()
    dlc.laser1.load()
    dlc.buzzer.play("A")


def test_refusals_reach_the_caller(dlc: Any) -> None:
    with pytest.raises(client_module.DecopError, match="-6"):
        dlc.laser1.dl.cc.current_set.set(1000.0)
    with pytest.raises(client_module.DecopError, match="Error"):
        dlc.laser1.amp.cc.current_set.get()  # there is no amplifier


def test_a_warning_is_told_and_no_error(connection: Any, simulator: DlcProSimulator) -> None:
    simulator.warning = 2
    with client_module.Client(connection) as client:
        assert client.set("laser1:dl:cc:current-set", 90.0) == 2
        assert client.get_set_value("laser1:dl:cc:current-set", float) == 90.0


def test_the_user_level(dlc: Any) -> None:
    levels = client_module.UserLevel
    assert dlc.change_ul(levels.MAINTENANCE, "wrong") is levels.NORMAL
    assert dlc.change_ul(levels.MAINTENANCE, "maintenance") is levels.MAINTENANCE
    assert dlc.change_ul(levels.READONLY, "") is levels.READONLY
    with pytest.raises(client_module.DecopError):
        dlc.laser1.dl.cc.enabled.set(True)


def test_a_lost_lock_is_pushed(dlc: Any, simulator: DlcProSimulator) -> None:
    seen: list[Any] = []
    simulator.locking_time = 0.5
    dlc.laser1.dl.lock.state.subscribe(lambda subscription, stamp, value: seen.append(value.get()))
    dlc.laser1.dl.cc.enabled.set(True)
    wait_for(dlc, seen, 5)
    simulator.lose_lock(drifted=True)
    wait_for(dlc, seen, 9)
    wait_for(dlc, seen, 0)
