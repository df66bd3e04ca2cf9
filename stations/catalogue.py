"""The one table of devices: which driver plays which role, which simulator stands in for it, and how far it has been verified.

A driver, a simulator and their tests are added with one row here. Packages outside this one add rows through the entry-point group
``eventready.devices`` (each entry point is a :class:`Device`).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points

from ..errors import ConfigError


@dataclass(frozen=True)
class Device:
    """One row.

    Args:
        role: name of the role class in :mod:`eventready.instruments`.
        driver: dotted path of the class that plays the role. A Station file's ``type`` names it, or the instrument that it is a part of.
        simulator: dotted path of the device simulator; None where there is none yet.
        verified: how far the driver has been verified, in words.
    """

    role: str
    driver: str
    simulator: str | None
    verified: str


DEVICES: tuple[Device, ...] = (
    Device(
        "Laser", "eventready.drivers.toptica.DlcLaser", "eventready.twin.devices.DlcProSimulator", "simulator only, never a real DLC pro"
    ),
    Device("Shutter", "eventready.drivers.thorlabs.SC10", "eventready.twin.devices.SC10Simulator", "simulator only, never a real SC10"),
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
