from types import SimpleNamespace

import pytest
from qcodes.instrument import Instrument

from eventready import instruments
from eventready.drivers.thorlabs import SC10
from eventready.errors import ConfigError
from eventready.stations import catalogue
from eventready.stations.catalogue import DEVICES, TWIN_ROLES, Device, devices, rows_of
from eventready.stations.config_types import resolve_type
from eventready.stations.slots import INSTRUMENT_ROLE, SLOTS


def offer(monkeypatch, row):
    entry = SimpleNamespace(name="acme", value="acme.laser:ROW", load=lambda: row)
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [entry] if group == "eventready.devices" else [])


def test_every_role_that_a_link_asks_for_has_a_class_of_the_twin():
    wanted = {slot.role for nodes in SLOTS.values() for slots in nodes.values() for slot in slots.values()}
    assert {INSTRUMENT_ROLE.get(role, role) for role in wanted} <= set(TWIN_ROLES)
    for role, dotted in TWIN_ROLES.items():
        assert issubclass(resolve_type(dotted), getattr(instruments, role))


@pytest.mark.parametrize("row", DEVICES, ids=lambda row: row.driver)
def test_a_row_s_driver_plays_its_role_on_its_simulator(row, close_instruments):
    with resolve_type(row.simulator)() as simulator:
        heads = {part: {"setpoint_limits": [0.0, 0.1]} for part in row.parts}
        device = resolve_type(row.driver)("device", simulator.address(), **heads)
        for part in row.parts or (None,):
            assert isinstance(device.submodules[part] if part else device, getattr(instruments, row.role))
        assert set(device.instrument_modules) == set(row.parts), "a part that no row knows cannot be wired"


def test_a_row_is_found_by_its_driver_under_any_path_and_by_a_driver_made_from_it():
    class Mine(SC10):
        pass

    class SC11(Instrument):
        pass

    (row,) = rows_of(SC10)
    assert row.driver == "eventready.drivers.thorlabs.SC10"
    assert rows_of(resolve_type("eventready.drivers.thorlabs.sc10.SC10")) == rows_of(Mine) == (row,)
    SC11.__name__ = "SC10"
    assert rows_of(SC11) == rows_of(Instrument) == (), "the same name is not the same class"


def test_a_package_adds_rows(monkeypatch):
    row = Device("Laser", "acme.laser.AcmeLaser", None, "against the manual")
    offer(monkeypatch, row)
    assert devices() == (*DEVICES, row)


def test_a_package_that_cannot_be_imported_is_named(monkeypatch):
    def load():
        raise ImportError("no module named 'acme'")

    entry = SimpleNamespace(name="acme", value="acme.laser:ROW", load=load)
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [entry])
    with pytest.raises(ConfigError, match=r"the entry point 'acme' of 'acme\.laser:ROW' cannot be loaded: no module named 'acme'"):
        devices()


def test_a_package_that_offers_something_else_is_named(monkeypatch):
    offer(monkeypatch, "acme.laser.AcmeLaser")
    with pytest.raises(ConfigError, match=r"the entry point 'acme' of 'acme\.laser:ROW' is no"):
        devices()
