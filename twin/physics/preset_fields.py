"""Which numbers a preset holds, by platform, and what is said of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .parameters import Platform, Side

TAGS = ("published", "derived", "measured", "recalled", "assumed")
"""How well a number is known: printed in a paper; computed from such numbers; measured on this model; quoted from memory of the
literature; chosen."""

NODE = {
    "efficiency": "fraction",
    "pumping": "fraction",
    "channel_transmission": "fraction",
    "fibre_rotation": "angle",
    "fibre_retardance": "angle",
    "second_photon": "fraction",
    "coherence_time": "time",
    "coherence_exponent": "number",
    "missed": "fraction",
    "false_bright": "fraction",
    "bright_counts": "number",
    "dark_counts": "number",
}
"""Fields of a node that are attributes of the same name in :class:`.parameters.NodeParameters`."""
RB_NODE = {"leak": "fraction", "dark_ionised": "fraction", "bright_survives": "fraction", "leak_survives": "fraction"}
"""The same, for Rb only."""

_NODE_WORLD = {
    "coil": "field per current",
    "trap_lifetime": "time",
    "load_mean": "time",
    "load_shape": "number",
    "pi_pulse_power": "power",
}
_RB_TRAP = {"trap_power": "power", "trap_depth": "number", "trap_escape": "fraction"}
_RB_FIDELITY = {"atom_photon_fidelity": "fraction", "fidelity_delay": "time"}
_RB_BOB = {"shutter_travel": "time", "shutter_transmission": "fraction", "filter_transmission": "fraction"}
_SR_NODE = {"ion_photon_fidelity": "fraction", "shuttle_transmission": "fraction"}
_BSM = {
    "transmission": "fraction",
    "mode_overlap": "fraction",
    "pbs_extinction": "fraction",
    "dark_rate": "frequency",
    "detector_efficiency": "fraction",
    "gate_start": "time",
    "gate_length": "time",
    "jitter": "time",
    "dead_time": "time",
}
_LINK = {"photon_lifetime": "time"}
_SR_LINK = {"recalibration_interval": "time", "recalibration_time": "time"}
BEAMS: dict[Side, int] = {"alice": 4, "bob": 2}
"""Readout beams of a Munich node, one a setting."""


def _beams(side: Side) -> dict[str, str]:
    return {f"beam.{k}.{what}": unit for k in range(BEAMS[side]) for what, unit in (("contrast", "fraction"), ("offset", "angle"))}


def _dotted(prefix: str, *tables: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}.{name}": dimension for table in tables for name, dimension in table.items()}


FIELDS: dict[Platform, dict[str, str]] = {
    "rb87": _dotted("node.alice", NODE, RB_NODE, _NODE_WORLD, _RB_TRAP, _RB_FIDELITY, _beams("alice"))
    | _dotted("node.bob", NODE, RB_NODE, _NODE_WORLD, _RB_TRAP, _RB_FIDELITY, _RB_BOB, _beams("bob"))
    | _dotted("bsm", _BSM)
    | _dotted("link", _LINK),
    "sr88": _dotted("node.alice", NODE, _NODE_WORLD, _SR_NODE)
    | _dotted("node.bob", NODE, _NODE_WORLD, _SR_NODE)
    | _dotted("bsm", _BSM)
    | _dotted("link", _LINK, _SR_LINK),
}
"""The fields of a preset and their dimension ("number" is a dimensionless one of any size), by platform. All are required."""

POSITIVE = {
    "coherence_time",
    "coherence_exponent",
    "trap_lifetime",
    "load_mean",
    "load_shape",
    "pi_pulse_power",
    "trap_power",
    "gate_length",
    "photon_lifetime",
    "recalibration_interval",
}
"""Last parts of the names of the fields that must not be 0."""


@dataclass(frozen=True)
class Field:
    """One number of a preset.

    Attributes:
        value: in SI units.
        unit: the unit it was written in.
        source: where it comes from, with the formula if it was derived.
        tag: one of :data:`TAGS`.
    """

    value: float
    unit: str
    source: str
    tag: str
