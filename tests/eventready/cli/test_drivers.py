"""``eventready drivers`` and ``eventready probe``."""

import json
import re

import pytest
from qcodes.instrument import Instrument

from eventready.stations import catalogue
from eventready.stations.catalogue import DEVICES, Device
from eventready.twin.devices import DlcProSimulator, Fault, SC10Simulator


@pytest.fixture
def sc10():
    with SC10Simulator() as simulator:
        yield simulator


@pytest.fixture
def dlc():
    with DlcProSimulator() as simulator:
        yield simulator


def asked(simulator):
    return [said.data for said in simulator.transcript if said.direction == "in"]


# -- drivers -------------------------------------------------------------------------------------------------------------------------------


def test_the_table_has_every_row(eventready, monkeypatch):
    mine = Device("Laser", "acme.AcmeLaser", None, "in our lab, for a year", vendor="Acme")
    monkeypatch.setattr(catalogue, "devices", lambda: (*DEVICES, mine))
    code, out, _ = eventready("drivers")
    assert code == 0
    head, *lines = out.splitlines()
    assert head.split() == ["role", "vendor", "model", "transport", "simulator", "driver", "verified"]
    cells = [re.split(r" {2,}", line) for line in lines]
    assert [
        "Shutter",
        "Thorlabs",
        "SC10",
        "serial, 9600 or 115200 baud",
        "yes",
        "eventready.drivers.thorlabs.SC10",
        DEVICES[1].verified,
    ] in cells
    assert cells[-1] == ["Laser", "Acme", "-", "-", "no", "acme.AcmeLaser", "in our lab, for a year"]
    assert len(cells) == len(DEVICES) + 1


def test_the_table_as_json(eventready):
    code, out, _ = eventready("drivers", "--json")
    assert code == 0
    rows = json.loads(out)
    assert [row["driver"] for row in rows] == [row.driver for row in DEVICES]
    assert all(row[column] for row in rows for column in ("role", "vendor", "model", "transport", "verified"))


# -- probe ---------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SC10", "sc10", "eventready.drivers.thorlabs.SC10", "eventready.drivers.thorlabs.sc10.SC10"])
def test_a_shutter_is_looked_at_and_left_as_it_is(eventready, sc10, name):
    sc10.press_enable()
    code, out, err = eventready("probe", sc10.address(), "--driver", name)
    assert (code, err) == (0, "")
    assert "vendor Thorlabs, model SC10, firmware 1.07" in out
    assert "device (shutter): ready" in out
    assert re.search(r"^  position +open$", out, re.MULTILINE)
    assert sc10.enabled
    assert all(request.endswith(b"?\r") or request.startswith(b"sync-") for request in asked(sc10)), "only questions"
    assert not Instrument._all_instruments


def test_a_laser_is_looked_at_and_left_as_it_is(eventready, dlc):
    dlc.open_interlock()
    settings = dict(dlc.settings)
    code, out, err = eventready("probe", dlc.address(), "-d", "dlc PRO", "--init", "laser2={setpoint_limits: [0, 0.15]}", "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["identity"]["serial"] == "DLC PRO_012345"
    for head in ("laser1", "laser2"):
        assert report["parts"][head]["ready"] is False
        assert "the interlock is open" in report["parts"][head]["reasons"]
        assert report["parts"][head]["parameters"]["setpoint"] == {"value": 0.1, "unit": "A"}
    assert dlc.settings == settings
    assert all(request.startswith((b"(param-ref ", b"`(,(param-ref ")) for request in asked(dlc))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["ADDRESS", "-d", "SC20"], 2, "there is no driver 'SC20'; did you mean 'SC10'?"),
        (["ADDRESS", "-d", "eventready.drivers.thorlab.SC10"], 2, "there is no module 'eventready.drivers.thorlab'"),
        (["ADDRESS", "-d", "eventready.drivers.thorlabs.SC11"], 2, "has no class 'SC11'; did you mean 'SC10'?"),
        (["ADDRESS", "-d", "eventready.drivers.toptica.DlcLaser"], 2, "DlcLaser is no QCoDeS instrument"),
        (["ADDRESS", "-d", "eventready.twin.roles.TwinShutter"], 2, "TwinShutter cannot be called with address"),
        (["ADDRESS", "-d", "SC10", "--init", "colour=red"], 2, "SC10 cannot be called with address, colour"),
        (["ADDRESS", "-d", "SC10", "--init", "timeout"], 2, "write NAME=VALUE"),
        (["ADDRESS", "-d", "SC10", "--init", "timeout={"], 2, "not YAML"),
        (["ADDRESS"], 2, "Missing option '--driver'"),
        (["socket://nowhere", "-d", "SC10"], 2, "error: address 'socket://nowhere' is not of the form socket://host:port"),
        (["socket://127.0.0.1:1", "-d", "SC10"], 1, "error: probe: cannot open socket://127.0.0.1:1"),
        (["ADDRESS", "-d", "DLC pro"], 1, "error: probe: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_goes_wrong_is_said_in_words_with_the_exit_code(eventready, sc10, words, code, said):
    found, out, err = eventready("probe", *(sc10.address() if word == "ADDRESS" else word for word in words))
    assert found == code, err
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert not Instrument._all_instruments


def test_a_parameter_that_cannot_be_read_is_shown_and_is_no_success(eventready, sc10):
    sc10.undefined.add("mode?")
    code, out, err = eventready("probe", sc10.address(), "-d", "SC10")
    assert code == 1
    assert "not ready: probe: the device refuses the command" in out
    assert re.search(r"^  mode +error: probe: the device refuses the command", out, re.MULTILINE)
    assert re.search(r"^  position +closed$", out, re.MULTILINE)
    assert "1 of 4 parameters could not be read: mode" in err


def test_a_device_that_falls_silent_is_an_error_in_time(eventready, sc10):
    for _ in range(40):
        sc10.faults.arm(Fault.DROP)
    code, _, err = eventready("probe", sc10.address(), "-d", "SC10", "--init", "timeout=0.05")
    assert code == 1
    assert "no answer within 0.05 s" in err
