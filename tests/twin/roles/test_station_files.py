"""The shipped Station files load in plain QCoDeS, with nothing of ours around them but the roles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from importlib.resources import as_file, files
from typing import Any

import pytest
from qcodes.station import Station
from ruamel.yaml import YAML

from eventready.instruments import Role
from eventready.twin import roles
from eventready.twin.devices import DlcProSimulator, SC10Simulator

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


DEVICES = {"DlcPro": DlcProSimulator, "SC10": SC10Simulator}


@pytest.mark.parametrize(("link", "name"), FILES)
def test_a_plain_station_loads_every_instrument(link: str, name: str, close_instruments: None) -> None:
    entries = YAML(typ="safe").load(resource(link, name).read_text(encoding="utf-8"))["instruments"]
    with as_file(resource(link, name)) as path:
        station = Station(config_file=str(path), default=False)
    with ExitStack() as stack:
        for instrument, entry in entries.items():
            kind = entry["type"].rpartition(".")[2]
            devices = {"address": stack.enter_context(DEVICES[kind]()).address()} if kind in DEVICES else {}
            opened = station.load_instrument(instrument, **devices)
            assert type(opened).__name__ == kind
            for part, limits in _limits(opened, entry.get("init", {})):
                assert part.__dict__[limits[0]] == limits[1]
            for part in opened.submodules.values() if kind == "DlcPro" else (opened,):
                assert isinstance(part, Role)
                part.readiness()
                part.make_safe()
        assert set(station.components) == set(entries)
        assert set(station.snapshot()["instruments"]) == set(entries)
        station.close_all_registered_instruments()


def _limits(opened: Any, init: dict[str, Any]) -> Iterator[tuple[Any, tuple[str, tuple[float, ...]]]]:
    """Every limit that a Station file sets, with the part that it is meant for."""
    for key, value in init.items():
        if isinstance(value, dict):
            yield from _limits(opened.submodules[key], value)
        elif key.endswith("_limits"):
            yield opened, (key, tuple(value))


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
