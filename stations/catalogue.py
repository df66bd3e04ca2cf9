"""The one table of devices: which driver plays which role, which simulator stands in for it, and how far it has been verified.

A driver, a simulator and their tests are added with one row here. Packages outside this one add rows through the entry-point group
``eventready.devices`` (each entry point is a :class:`Device`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points

from ..errors import ConfigError
from .config_source import suggest
from .config_types import resolve_type

_OURS, _SIM = "eventready.drivers.", "eventready.twin.devices."
_ONLY_SIM = "simulator only, never the real device"
_HEADS, _HEAD = ("laser1", "laser2"), {"laser1": {"setpoint_limits": [0.0, 1.0]}}


@dataclass(frozen=True)
class Device:
    """One row.

    A simulator is called with the clock of the node, and with a port of the simulated world: ``Simulator(port=..., clock=...)``, or, where
    the role is played by parts, with a port for each part that is wired, by its name.

    Args:
        role: name of the role class in :mod:`eventready.instruments`.
        driver: dotted path of the instrument's class, as a Station file's ``type`` names it.
        simulator: dotted path of the device simulator; None where there is none yet.
        verified: how far the driver has been verified, in words.
        parts: submodules of the instrument that play the role; empty where it does so itself.
        vendor: who makes the device.
        model: its name.
        transport: how one talks to it, in words.
        probe: what the driver's constructor cannot do without beside the address, for a look at a device that no Station file describes.
    """

    role: str
    driver: str
    simulator: str | None
    verified: str
    parts: tuple[str, ...] = ()
    vendor: str = ""
    model: str = ""
    transport: str = ""
    probe: Mapping[str, object] = field(default_factory=dict)


DEVICES: tuple[Device, ...] = (
    Device("Laser", f"{_OURS}toptica.DlcPro", f"{_SIM}DlcProSimulator", _ONLY_SIM, _HEADS, "Toptica", "DLC pro", "TCP, port 1998", _HEAD),
    Device("Shutter", f"{_OURS}thorlabs.SC10", f"{_SIM}SC10Simulator", _ONLY_SIM, (), "Thorlabs", "SC10", "serial, 9600 or 115200 baud"),
)

TWIN_ROLES: dict[str, str] = {
    "CurrentSource": "eventready.twin.roles.TwinCurrentSource",
    "HeraldingSequencer": "eventready.twin.roles.TwinSequencer",
    "Laser": "eventready.twin.roles.TwinLaser",
    "Polarimeter": "eventready.twin.roles.TwinPolarimeter",
    "RandomSource": "eventready.twin.roles.TwinRandomSource",
    "RfSource": "eventready.twin.roles.TwinRfSource",
    "Rotator": "eventready.twin.roles.TwinRotator",
    "Shutter": "eventready.twin.roles.TwinShutter",
    "SinglePhotonDetector": "eventready.twin.roles.TwinDetector",
    "TimeTagger": "eventready.twin.roles.TwinTagger",
}
"""What stands behind each role in ``--hardware twin``, and in ``wire`` where a device has no simulator."""


def devices() -> tuple[Device, ...]:
    """All rows, ours and those of installed packages.

    Raises:
        ConfigError: an installed package offers something else than a :class:`Device`.
    """
    rows = list(DEVICES)
    for entry in entry_points(group="eventready.devices"):
        try:
            row = entry.load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"the entry point {entry.name!r} of {entry.value!r} cannot be loaded: {error}; ask its author") from error
        if not isinstance(row, Device):
            raise ConfigError(
                f"the entry point {entry.name!r} of {entry.value!r} is no eventready.stations.catalogue.Device; ask its author"
            )
        rows.append(row)
    return tuple(rows)


def rows_of(driver: type) -> tuple[Device, ...]:
    """The rows that a class stands in, itself or by one that it is made from; under whatever path it was named.

    Raises:
        ConfigError: see :func:`devices`; or a row's driver cannot be imported.
    """
    names = {base.__name__ for base in driver.__mro__}
    near = [row for row in devices() if row.driver.rpartition(".")[2] in names]
    return tuple(row for row in near if issubclass(driver, resolve_type(row.driver)))


def driver_named(name: str) -> tuple[type, Mapping[str, object]]:
    """A driver by the name of its class, the model of its device, or its dotted path; case does not count in the first two.

    Returns:
        The class, and what its constructor cannot do without beside the address.

    Raises:
        ConfigError: there is no such driver, or it cannot be imported.
    """
    rows = devices()
    names = {short: row for row in rows for short in (row.model, row.driver.rpartition(".")[2]) if short}
    found = next((row for short, row in names.items() if short.casefold() == name.casefold()), None)
    if found is not None:
        return resolve_type(found.driver), found.probe
    if "." not in name:
        raise ConfigError(f"there is no driver {name!r}{suggest(name, names)} (or give the dotted path of a class; see eventready drivers)")
    driver = resolve_type(name)
    return driver, next((row.probe for row in rows_of(driver)), {})
