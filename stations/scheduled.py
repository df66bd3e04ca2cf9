"""Which measurements a link makes on a schedule, and who is told what they find."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ..errors import DeviceError, NotReady
from .config import LinkConfig
from .herald_station import HeraldStation
from .monitors.polarimetry import FibreReading
from .node_singles import node_clicks
from .party import Party
from .procedures.polarimetry import FibrePolarimetry, ReferencePath
from .schedule import Measurement
from .slots import DETECTORS, PARTIES, reference_slots
from .watch import HeraldWatch


def measurements(
    config: LinkConfig, bsm: HeraldStation, parties: Mapping[str, Party], roles: Mapping[str, Any], watch: HeraldWatch
) -> tuple[Measurement, ...]:
    """Those that the link file asks for.

    Args:
        config: of the link.
        bsm: the heralding station.
        parties: Alice and Bob.
        roles: what fills each slot.
        watch: of the heralding station.
    """
    found, monitors = [], config.link.monitors
    if monitors.node_singles_interval is not None:
        act = partial(_measure_singles, config, bsm, parties, roles, watch)
        found.append(Measurement("clicks of each node alone", monitors.node_singles_interval, act))
    if monitors.polarimetry_interval is not None:
        act = partial(_measure_fibres, bsm, parties, fibres_of(config, bsm, parties, roles), watch)
        found.append(Measurement("reference light", monitors.polarimetry_interval, act))
    return tuple(found)


def fibres_of(
    config: LinkConfig, bsm: HeraldStation, parties: Mapping[str, Party], roles: Mapping[str, Any]
) -> dict[str, FibrePolarimetry]:
    """A procedure for each node whose fibre has light at its beginning and a polarimeter at its end."""
    detectors = [roles[f"bsm.detector_{name}"] for name in DETECTORS]
    found = {}
    for name, party in parties.items():
        light, plate, polarimeter = (roles.get(slot) for slot in reference_slots(name))
        if light is not None and plate is not None and polarimeter is not None:
            path = ReferencePath(light, plate, polarimeter, (party.clock, bsm.clock))
            found[name] = FibrePolarimetry(path, detectors, config.link.monitors.reference_power)
    return found


def _measure_singles(
    config: LinkConfig, bsm: HeraldStation, parties: Mapping[str, Party], roles: Mapping[str, Any], watch: HeraldWatch
) -> None:
    beams = {name: roles[f"{name}.excitation"] for name in PARTIES}
    found = node_clicks(bsm, parties, beams, config.link.monitors.node_singles_attempts)
    watch.node_singles(bsm.clock.now(), found)


def _measure_fibres(bsm: HeraldStation, parties: Mapping[str, Party], fibres: Mapping[str, FibrePolarimetry], watch: HeraldWatch) -> None:
    """A look that fails is told, and the run goes on, as it is a monitor; but not with light that cannot be put out."""
    for name, polarimetry in fibres.items():
        parties[name].clock.sleep_until_ps(bsm.clock.now_ps())
        reading: FibreReading | str
        try:
            reading = polarimetry.run()
        except (DeviceError, NotReady) as error:
            polarimetry.recover()
            reading = str(error)
        bsm.clock.sleep_until_ps(parties[name].clock.now_ps())
        watch.fibre(bsm.clock.now(), name, reading)
