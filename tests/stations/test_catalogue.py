from types import SimpleNamespace

import pytest

from eventready import instruments
from eventready.errors import ConfigError
from eventready.stations import catalogue
from eventready.stations.catalogue import DEVICES, TWIN_ROLES, Device, devices
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


def test_every_row_names_a_driver_of_its_role():
    for device in DEVICES:
        assert issubclass(resolve_type(device.driver), getattr(instruments, device.role))
        assert device.verified


def test_a_package_adds_rows(monkeypatch):
    row = Device("Laser", "acme.laser.AcmeLaser", None, "against the manual")
    offer(monkeypatch, row)
    assert devices() == (*DEVICES, row)


def test_a_package_that_offers_something_else_is_named(monkeypatch):
    offer(monkeypatch, "acme.laser.AcmeLaser")
    with pytest.raises(ConfigError, match=r"the entry point 'acme' of 'acme\.laser:ROW' is no"):
        devices()
