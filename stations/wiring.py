"""From a checked configuration to open instruments, role by role."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from qcodes.instrument import Instrument
from qcodes.station import Station
from ruamel.yaml import YAML

from ..clock import Clock
from ..errors import ConfigError
from ..instruments import Aom, AomCalibration, Role, SinglePhotonDetector
from ..twin.world import World
from .catalogue import TWIN_ROLES
from .config import LinkConfig
from .config_types import resolve_type
from .config_wiring import aom_name
from .slots import INSTRUMENT_ROLE, SLOTS
from .windows import DetectorWindow

_SIMULATED = tuple(f"{__name__.partition('.')[0]}.{package}." for package in ("twin", "instruments.mock"))


@dataclass(frozen=True)
class Wired:
    """One instrument as it was opened.

    Args:
        instrument: its name, as in the link file.
        slots: where it is wired.
        hardware: ``"driver"``, ``"driver over loopback"`` or ``"twin role"``.
    """

    instrument: str
    slots: tuple[str, ...]
    hardware: str


@dataclass
class Wiring:
    """All instruments of a link.

    Args:
        station: holds them, for snapshots and measurement loops.
        roles: what fills each slot.
        wired: what was opened, in order.
    """

    station: Station
    roles: dict[str, Role | DetectorWindow] = field(default_factory=dict)
    wired: list[Wired] = field(default_factory=list)

    def close(self) -> None:
        """Close every instrument, the last one opened first, one failure not stopping the next; a failure is raised at the end."""
        with ExitStack() as stack:
            for name, instrument in self.station.components.items():
                stack.callback(self.station.remove_component, name)
                if isinstance(instrument, Instrument):
                    stack.callback(Instrument.remove_instance, instrument)  # its close() may raise before it gives the name free
                    stack.callback(instrument.close)


def open_instruments(config: LinkConfig, hardware: str, world: World | None, clocks: Mapping[str, Clock]) -> Wiring:
    """Open all instruments of a link in the order of its roles; if one fails, those already open are closed again.

    Args:
        config: of the link.
        hardware: ``twin``, ``wire`` or ``real``.
        world: what stands behind the twin's roles; None on real hardware.
        clocks: of the nodes.

    Raises:
        ConfigError: there is no driver for something on real hardware, a name is taken by an instrument that is open, or something does
            not play the role that it is wired to.
        DeviceError: an instrument could not be opened.
    """
    by_instrument: dict[str, list[str]] = {}
    for slot, instrument in config.link.roles.items():
        by_instrument.setdefault(instrument, []).append(slot)
    if hardware == "real":
        _require_drivers(config, by_instrument)
    _require_free_names(config, by_instrument, hardware)
    wiring = Wiring(Station(default=False))
    wiring.station.load_config(_station_file(config, by_instrument, hardware))
    try:
        for instrument, slots in by_instrument.items():
            _open(wiring, config, hardware, world, clocks, instrument, tuple(slots))
    except BaseException:
        wiring.close()
        raise
    return wiring


def _require_drivers(config: LinkConfig, by_instrument: Mapping[str, list[str]]) -> None:
    missing = [name for name in by_instrument if _is_simulated(resolve_type(_entry(config, name)["type"]))]
    if missing:
        raise ConfigError(
            f"--hardware real, but {len(missing)} of {len(by_instrument)} instruments are roles of the twin with no device behind them: "
            f"{', '.join(missing)}. Put a driver's class and its address into the Station file, or run with --hardware twin"
        )


def _is_simulated(driver: type) -> bool:
    """Whether a class, or one that it is made from, is the twin's or a mock, under whatever path the Station file names it."""
    return any(base.__module__.startswith(_SIMULATED) for base in driver.__mro__)


def _require_free_names(config: LinkConfig, by_instrument: Mapping[str, list[str]], hardware: str) -> None:
    names = [_opened_as(name, hardware)[0] for name in by_instrument] + [aom_name(slot) for slot in config.link.calibration]
    taken = [name for name in dict.fromkeys(names) if Instrument.exist(name)]
    if taken:
        raise ConfigError(
            f"instruments of the link {config.link.name!r} have names that are taken: {', '.join(taken)}. QCoDeS opens one instrument of a "
            "name; close those first (another link: its close())"
        )


def _opened_as(name: str, hardware: str) -> tuple[str, str]:
    """Under which name an instrument is opened, and which submodule of it is meant; the twin has no submodules."""
    if hardware != "real":
        return name.replace(".", "_"), ""
    top, _, submodule = name.partition(".")
    return top, submodule


def _station_file(config: LinkConfig, by_instrument: Mapping[str, list[str]], hardware: str) -> str:
    """One Station file with all that is to be opened; QCoDeS needs a while for every file."""
    entries = {}
    for name, slots in by_instrument.items():
        entry, twin = _entry(config, name), TWIN_ROLES[_role(config, slots[0])]
        if hardware != "real" and entry["type"] != twin:
            entry = {"type": twin}  # what the file says about another class's constructor means nothing to the twin's
        entries[_opened_as(name, hardware)[0]] = entry
    text = io.StringIO()
    YAML(typ="safe").dump({"instruments": entries}, text)
    return text.getvalue()


def _role(config: LinkConfig, slot: str) -> str:
    """The role that an instrument itself plays in a slot."""
    node, _, name = slot.partition(".")
    wanted = SLOTS[config.link.platform][node][name].role
    return INSTRUMENT_ROLE.get(wanted, wanted)


def _open(
    wiring: Wiring, config: LinkConfig, hardware: str, world: World | None, clocks: Mapping[str, Clock], name: str, slots: tuple[str, ...]
) -> None:
    node = slots[0].partition(".")[0]
    top, submodule = _opened_as(name, hardware)
    arguments: dict[str, Any] = {"clock": clocks[node]}
    if hardware != "real" and world is not None:
        role = _role(config, slots[0])
        arguments["port"] = world.port(role, *slots)
        if role == "RandomSource":
            arguments["latch_bits"] = getattr(config.link.random, node).setting_bits
    if top not in wiring.station.components:
        wiring.station.load_instrument(top, **arguments)
    instrument: Any = wiring.station.components[top]
    for part in submodule.split(".") if submodule else ():
        instrument = getattr(instrument, part)
    wiring.wired.append(Wired(name, slots, _hardware(hardware, world)))
    for index, full_slot in enumerate(slots):
        wiring.roles[full_slot] = _fit(config, full_slot, instrument, clocks, wiring, first=index == 0)


def _fit(
    config: LinkConfig, slot: str, instrument: object, clocks: Mapping[str, Clock], wiring: Wiring, *, first: bool
) -> Role | DetectorWindow:
    """The instrument as the slot sees it: through an AOM's calibration, or through a window."""
    calibration = config.link.calibration.get(slot)
    if calibration is not None:
        name = aom_name(slot)
        aom = Aom(name, instrument, AomCalibration(calibration.saturation_power, calibration.delay, calibration.rise_time))  # type: ignore[arg-type]
        wiring.station.add_component(aom, name)
        return aom
    if isinstance(instrument, SinglePhotonDetector) and not first:
        return DetectorWindow(instrument, clocks[slot.partition(".")[0]])
    if not isinstance(instrument, Role):
        raise ConfigError(f"{slot}: {instrument!r} plays no role of eventready.instruments")
    return instrument


def _hardware(hardware: str, world: World | None) -> str:
    if world is None:
        return "driver"
    return "twin role"


def _entry(config: LinkConfig, name: str) -> dict[str, Any]:
    top = name.partition(".")[0]
    for station in config.stations.values():
        if top in station.instruments:
            return station.instruments[top].model_dump(exclude_none=True, exclude_defaults=True)
    raise ConfigError(f"no Station file has an instrument {top!r}")
