"""What can go wrong with the physics of a link: every quantity that a drift or a fault may move, and how it moves.

The numbers are those of a lab's logbook (degrees of fibre rotation, milligauss, counts a second), not of the model; what they do to S
and Q comes out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from .parameters import LinkParameters, NodeParameters, Side
from .states import mode_overlap


class Quantity(NamedTuple):
    """One thing that can be moved.

    Attributes:
        dimension: of its value, as in :data:`eventready.units.UNITS`.
        neutral: the value that changes nothing.
        meaning: in words.
    """

    dimension: str
    neutral: float
    meaning: str


_NODES: tuple[Side, Side] = ("alice", "bob")
_SCALED = {
    "excitation": "factor on the probability that a pulse excites the atom: power or frequency of the excitation light",
    "channel_transmission": "factor on the transmission of the fibre: loss, a shutter half closed",
    "bright_counts": "factor on the mean fluorescence counts of a bright particle",
}
_ADDED = {
    "fibre_rotation": ("angle", "rotation of the fibre's polarisation, added"),
    "fibre_retardance": ("angle", "retardance of the fibre, added"),
    "leak": ("fraction", "atoms in m_F = 0, added: bad optical pumping (Rb)"),
    "bright_survives": ("fraction", "atoms that should be ionised and are not, added: weak readout or ionisation light (Rb)"),
    "missed": ("fraction", "trapped atoms read as dark, added"),
    "false_bright": ("fraction", "empty traps read as bright, added"),
    "field": ("magnetic flux density", "magnetic field along the quantisation axis, added"),
}
DARK_RATE = "bsm.dark_rate"
TRAP_LIFETIME = "trap_lifetime"
PHOTON_OFFSET = "bsm.photon_offset"

QUANTITIES: dict[str, Quantity] = {
    **{f"{node}.{name}": Quantity("fraction", 1.0, meaning) for node in _NODES for name, meaning in _SCALED.items()},
    **{f"{node}.{name}": Quantity(unit, 0.0, meaning) for node in _NODES for name, (unit, meaning) in _ADDED.items()},
    **{f"{node}.{TRAP_LIFETIME}": Quantity("fraction", 1.0, "factor on the mean time until a trap loses its particle") for node in _NODES},
    PHOTON_OFFSET: Quantity("time", 0.0, "by how much Bob's photons come late against Alice's: M falls by exp(-|offset|/lifetime)"),
    "bsm.photon_detuning": Quantity(
        "frequency", 0.0, "difference of the photons' frequencies: M falls by 1/(1 + (2 pi detuning lifetime)^2)"
    ),
    "bsm.imbalance": Quantity("fraction", 0.0, "added to the transmission of the beam splitter"),
    DARK_RATE: Quantity("frequency", 0.0, "dark counts or stray light, added, per detector"),
}
"""By name. Factors multiply, everything else is added to the calibrated value."""


def disturbed(calibrated: LinkParameters, values: Mapping[str, float], lifetime: float) -> LinkParameters:
    """The link with some quantities moved.

    Args:
        calibrated: as the preset has it.
        values: by name, in SI units; what is not named stays.
        lifetime: of the excited state, s.

    Returns:
        Parameters within their bounds: a probability that would leave 0 to 1 stops there. The dark rate is no part of them, since it
        depends on the gate, nor is the lifetime of a trap.
    """
    nodes = {side: _node(calibrated.node(side), side, values) for side in _NODES}
    overlap = mode_overlap(lifetime, values.get(PHOTON_OFFSET, 0.0), values.get("bsm.photon_detuning", 0.0))
    bsm = replace(
        calibrated.bsm,
        mode_overlap=calibrated.bsm.mode_overlap * overlap,
        transmission=_bounded(calibrated.bsm.transmission + values.get("bsm.imbalance", 0.0)),
    )
    return replace(calibrated, alice=nodes["alice"], bob=nodes["bob"], bsm=bsm)


def _node(node: NodeParameters, side: str, values: Mapping[str, float]) -> NodeParameters:
    moved: dict[str, Any] = {}
    for name in _SCALED:
        if (value := values.get(f"{side}.{name}")) is not None:
            scaled = getattr(node, name) * value
            moved[name] = scaled if name == "bright_counts" else _bounded(scaled)
    for name, (unit, _) in _ADDED.items():
        if (value := values.get(f"{side}.{name}")) is not None:
            added = getattr(node, name) + value
            moved[name] = _bounded(added) if unit == "fraction" else added
    return replace(node, **moved)


def _bounded(probability: float) -> float:
    return min(1.0, max(0.0, probability)) if math.isfinite(probability) else 0.0
