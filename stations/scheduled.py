"""Which measurements a link makes on a schedule, and who is told what they find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .config import LinkConfig
from .herald_station import HeraldStation
from .node_singles import node_clicks
from .party import Party
from .schedule import Measurement
from .slots import PARTIES
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
    monitors = config.link.monitors
    if monitors.node_singles_interval is None:
        return ()

    def node_singles() -> None:
        beams = {name: roles[f"{name}.excitation"] for name in PARTIES}
        found = node_clicks(bsm, parties, beams, monitors.node_singles_attempts)
        watch.node_singles(bsm.clock.now(), found)

    return (Measurement("clicks of each node alone", monitors.node_singles_interval, node_singles),)
