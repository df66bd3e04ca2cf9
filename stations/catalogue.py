"""The one table of devices: which driver plays which role, which simulator stands in for it, and how far it has been verified.

A driver, a simulator and their tests are added with one row here. Packages outside this one add rows through the entry-point group
``eventready.devices`` (each entry point is a :class:`Device`).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points

from ..errors import ConfigError
from .config_types import resolve_type

_DRIVERS, _SIMULATORS = "eventready.drivers", "eventready.twin.devices"
_SIMULATOR_ONLY = "simulator only, never the real device"


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
    """

    role: str
    driver: str
    simulator: str | None
    verified: str
    parts: tuple[str, ...] = ()


DEVICES: tuple[Device, ...] = (
    Device("Laser", f"{_DRIVERS}.toptica.DlcPro", f"{_SIMULATORS}.DlcProSimulator", _SIMULATOR_ONLY, ("laser1", "laser2")),
    Device("Shutter", f"{_DRIVERS}.thorlabs.SC10", f"{_SIMULATORS}.SC10Simulator", _SIMULATOR_ONLY),
)

TWIN_ROLES: dict[str, str] = {
    "HeraldingSequencer": "eventready.twin.roles.TwinSequencer",
    "Laser": "eventready.twin.roles.TwinLaser",
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
        row = entry.load()
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
