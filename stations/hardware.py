"""What stands behind each instrument of a link: a driver, a driver over loopback to a simulated device, or a role of the twin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from ..errors import ConfigError
from ..twin.devices.simulator import Simulator
from ..twin.world import World
from .catalogue import TWIN_ROLES, rows_of
from .config import LinkConfig
from .config_types import resolve_type
from .slots import INSTRUMENT_ROLE, SLOTS

DRIVER, LOOPBACK, TWIN_ROLE = "driver", "driver over loopback", "twin role"
_SIMULATED = tuple(f"{__name__.partition('.')[0]}.{package}." for package in ("twin", "instruments.mock"))


@dataclass(frozen=True)
class Opening:
    """One instrument that is to be opened.

    Args:
        name: under which QCoDeS opens it.
        hardware: :data:`DRIVER`, :data:`LOOPBACK` or :data:`TWIN_ROLE`.
        entry: for a Station file; over loopback without an address.
        parts: where it is wired: slots by submodule, ``""`` for the instrument itself.
        simulator: class of the simulated device behind a driver over loopback.
        stands_for: over loopback, the driver in the Station file that a twin's role stands in for as it has no simulator; else empty.
    """

    name: str
    hardware: str
    entry: Mapping[str, Any]
    parts: Mapping[str, tuple[str, ...]]
    simulator: type[Simulator] | None = None
    stands_for: str = ""


def openings(config: LinkConfig, hardware: str) -> dict[str, Opening]:
    """What is to be opened for each instrument that the link file names, in the order of its roles.

    A driver's submodules share one opening; the twin has no submodules and opens something for each of them.

    Args:
        config: of the link.
        hardware: ``twin``, ``wire`` or ``real``.

    Raises:
        ConfigError: there is no driver for something on real hardware, or the catalogue is wrong.
    """
    by_instrument: dict[str, tuple[str, ...]] = {}
    for slot, target in config.link.roles.items():
        by_instrument[target] = (*by_instrument.get(target, ()), slot)
    if hardware == "real":
        _require_drivers(config, by_instrument)
    found: dict[str, Opening] = {}
    for target, slots in by_instrument.items():
        top = target.partition(".")[0]
        parts = {name.partition(".")[2]: its for name, its in by_instrument.items() if name.partition(".")[0] == top}
        found[target] = _opening(target, slots, parts, station_entry(config, top), hardware, role_of(config, slots[0]))
    return found


def role_of(config: LinkConfig, slot: str) -> str:
    """The role that an instrument itself plays in a slot."""
    node, _, name = slot.partition(".")
    wanted = SLOTS[config.link.platform][node][name].role
    return INSTRUMENT_ROLE.get(wanted, wanted)


def station_entry(config: LinkConfig, top: str) -> dict[str, Any]:
    """What the Station files say about an instrument."""
    for station in config.stations.values():
        if top in station.instruments:
            return station.instruments[top].model_dump(exclude_none=True, exclude_defaults=True)
    raise ConfigError(f"no Station file has an instrument {top!r}")


def simulated_device(config: LinkConfig, opening: Opening, world: World, clock: Clock) -> Simulator:
    """The device behind a driver over loopback, on the world's ports for the slots where the driver is wired; not started yet.

    Raises:
        ConfigError: the simulator cannot be made with these ports.
    """
    if opening.simulator is None:
        raise ConfigError(f"{opening.name}: there is no simulator behind a {opening.hardware}")
    ports = {part or "port": world.port(role_of(config, slots[0]), *slots) for part, slots in opening.parts.items()}
    try:
        return opening.simulator(**ports, clock=clock)  # type: ignore[arg-type]  # each simulator names its own ports
    except TypeError as error:
        wanted = ", ".join([*ports, "clock"])
        raise ConfigError(f"{opening.name}: {opening.simulator.__name__} cannot be called with {wanted} ({error}); see Device") from error


def _opening(
    target: str, slots: tuple[str, ...], parts: Mapping[str, tuple[str, ...]], entry: dict[str, Any], hardware: str, role: str
) -> Opening:
    top = target.partition(".")[0]
    if hardware == "real":
        return Opening(top, DRIVER, entry, parts)
    if hardware == "wire" and (simulator := _simulator_of(entry["type"], parts)) is not None:
        without_address = {key: value for key, value in entry.items() if key not in ("address", "port")}
        return Opening(top, LOOPBACK, without_address, parts, simulator)
    name, twin = target.replace(".", "_"), TWIN_ROLES[role]
    if entry["type"] == twin:
        return Opening(name, TWIN_ROLE, entry, {"": slots})
    # What the file says about another class's constructor means nothing to the twin's.
    return Opening(name, TWIN_ROLE, {"type": twin}, {"": slots}, stands_for=entry["type"] if hardware == "wire" else "")


def _simulator_of(dotted: str, parts: Iterable[str]) -> type[Simulator] | None:
    """The class that simulates a driver's device; None where there is none, or where it knows nothing of a part that is wired."""
    driver = resolve_type(dotted)
    if is_simulated(driver):
        return None
    rows = [row for row in rows_of(driver) if row.simulator is not None]
    known = {part for row in rows for part in row.parts or ("",)}
    if not rows or not {*parts} <= known:
        return None
    found = resolve_type(str(rows[0].simulator))
    if not issubclass(found, Simulator):
        raise ConfigError(f"{rows[0].simulator} is no eventready.twin.devices.Simulator; correct the row of {rows[0].driver}")
    return found


def is_simulated(driver: type) -> bool:
    """Whether a class, or one that it is made from, is the twin's or a mock, under whatever path the Station file names it."""
    return any(base.__module__.startswith(_SIMULATED) for base in driver.__mro__)


def _require_drivers(config: LinkConfig, by_instrument: Iterable[str]) -> None:
    names = list(by_instrument)
    missing = [name for name in names if is_simulated(resolve_type(station_entry(config, name.partition(".")[0])["type"]))]
    if missing:
        raise ConfigError(
            f"--hardware real, but {len(missing)} of {len(names)} instruments are roles of the twin with no device behind them: "
            f"{', '.join(missing)}. Put a driver's class and its address into the Station file, or run with --hardware twin"
        )
