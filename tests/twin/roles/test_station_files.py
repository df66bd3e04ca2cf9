"""The shipped Station files load in plain QCoDeS, with nothing of ours around them but the roles."""

from __future__ import annotations

from importlib.resources import as_file, files

import pytest
from qcodes.station import Station
from ruamel.yaml import YAML

from eventready.instruments import Role
from eventready.twin import roles

FILES = [("munich", "lab1"), ("munich", "lab2"), ("oxford", "alice"), ("oxford", "bob"), ("oxford", "bsm")]


def resource(link: str, name: str):
    return files(f"eventready.station_configs.{link}") / f"{name}.yaml"


def test_these_are_all_the_station_files() -> None:
    found = {
        (link, item.name.removesuffix(".yaml"))
        for link in ("munich", "oxford")
        for item in files(f"eventready.station_configs.{link}").iterdir()
        if item.name.endswith(".yaml") and item.name != "link.yaml"
    }
    assert found == set(FILES)


@pytest.mark.parametrize(("link", "name"), FILES)
def test_a_plain_station_loads_every_instrument(link: str, name: str, close_instruments: None) -> None:
    entries = YAML(typ="safe").load(resource(link, name).read_text(encoding="utf-8"))["instruments"]
    with as_file(resource(link, name)) as path:
        station = Station(config_file=str(path), default=False)
    for instrument, entry in entries.items():
        opened = station.load_instrument(instrument)
        assert isinstance(opened, Role)
        assert type(opened) is getattr(roles, entry["type"].rpartition(".")[2])
        for limits, values in entry.get("init", {}).items():
            assert getattr(opened, limits) == tuple(values)
        opened.readiness()
        opened.make_safe()
    assert set(station.components) == set(entries)
    assert set(station.snapshot()["instruments"]) == set(entries)


def test_an_instrument_of_the_twin_says_what_it_is(close_instruments: None) -> None:
    for kind in (getattr(roles, name) for name in roles.__all__):
        assert kind(f"my_{kind.__name__.lower()}").get_idn() == {
            "vendor": "eventready",
            "model": kind.__name__,
            "serial": None,
            "firmware": None,
        }


def test_on_its_own_time_passes_at_once(close_instruments: None) -> None:
    detector = roles.TwinDetector("detector")
    detector.set_enabled(True)
    assert detector.count(3600.0) == 0
    assert detector.clock.now() == 3600.0
