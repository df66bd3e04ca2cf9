"""Presets: the numbers of a simulated link, each with its unit, its source and how far that source carries.

A preset file is YAML: ``name``, ``platform`` (rb87 or sr88), ``note``, and ``fields``, one entry a number::

    node.alice.leak: {value: 0.003, unit: "1", source: "assumption: ...", tag: assumed}

``base: munich-physics`` takes every field that the file does not name from that shipped preset.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...errors import ConfigError
from ...units import parse_quantity
from .. import presets
from ..yaml_file import Entry, YamlFile, suggest
from .parameters import DETECTORS, BsmParameters, LinkParameters, NodeParameters, Platform, Side
from .preset_fields import BEAMS, FIELDS, NODE, POSITIVE, RB_NODE, TAGS, Field
from .readout import readout_contrast
from .states import coherence


@dataclass(frozen=True, eq=False)
class Preset:
    """The calibrated state of a simulated link.

    Attributes:
        name: of the preset.
        platform: "rb87" or "sr88".
        note: what it is for, and what it is not for.
        fields: every number by its dotted name, read-only.
    """

    name: str
    platform: Platform
    note: str
    fields: Mapping[str, Field]

    def __getitem__(self, name: str) -> float:
        """Value of a field in SI units.

        Raises:
            ConfigError: there is no such field; the message suggests one.
        """
        if name not in self.fields:
            raise ConfigError(f"preset {self.name!r} has no field {name!r}{suggest(name, self.fields)}")
        return self.fields[name].value

    def with_values(self, values: Mapping[str, float | str]) -> Preset:
        """A copy with other values, tagged as assumed.

        This is another calibration, not a fault: with Rb a larger readout error at the same measured fidelity means a better
        source. To move one thing alone, use :func:`dataclasses.replace` on :meth:`link_parameters`.

        Args:
            values: by dotted name; a float in SI units, or a quantity such as ``"25 us"``.

        Raises:
            ConfigError: a field that does not exist, or a value out of range or of another dimension.
        """
        fields = dict(self.fields)
        for name, value in values.items():
            self[name]
            dimension = FIELDS[self.platform][name]
            number = _parse(value, dimension) if isinstance(value, str) else float(value)
            problem = _out_of_range(name, number, dimension)
            if problem:
                raise ConfigError(f"preset {self.name!r}: {name} = {value!r} {problem}")
            fields[name] = Field(number, fields[name].unit, "set by the caller", "assumed")
        return replace(self, fields=MappingProxyType(fields))

    def link_parameters(self) -> LinkParameters:
        """The physics of the calibrated link.

        Raises:
            ConfigError: a fidelity that the preset's own readout errors rule out.
        """
        dark = -math.expm1(-self["bsm.dark_rate"] * self["bsm.gate_length"])
        bsm = BsmParameters(
            transmission=self["bsm.transmission"],
            mode_overlap=self["bsm.mode_overlap"],
            pbs_extinction=self["bsm.pbs_extinction"],
            dark_probability=(dark,) * len(DETECTORS),
            detector_efficiency=(self["bsm.detector_efficiency"],) * len(DETECTORS),
        )
        return LinkParameters(self.platform, self._node("alice"), self._node("bob"), bsm)

    def _node(self, side: Side) -> NodeParameters:
        prefix = f"node.{side}."
        names = NODE | (RB_NODE if self.platform == "rb87" else {})
        values: dict[str, Any] = {name: self[prefix + name] for name in names}
        if self.platform == "sr88":
            # The fidelity of the state itself: F = <Psi| v |Psi><Psi| + (1 - v) 1/4 |Psi>.
            visibility = (self[prefix + "ion_photon_fidelity"] - 1 / 4) / (3 / 4)
            return NodeParameters(**values, visibility=self._possible(visibility, side))
        values["beam_contrast"] = tuple(self[f"{prefix}beam.{k}.contrast"] for k in range(BEAMS[side]))
        values["beam_offset"] = tuple(self[f"{prefix}beam.{k}.offset"] for k in range(BEAMS[side]))
        node = NodeParameters(**values)
        # The published fidelity bounds a measured contrast V, the missing part taken as white over 3 x 2 levels: F = 1/6 + 5/6 V.
        # What readout, dephasing and leak took from V acts again in every round, so the source itself is better by as much.
        contrast = (self[prefix + "atom_photon_fidelity"] - 1 / 6) / (5 / 6)
        lost = readout_contrast(node) * coherence(node, self[prefix + "fidelity_delay"]) * (1 - node.leak)
        return replace(node, visibility=self._possible(contrast / lost, side))

    def _possible(self, visibility: float, side: Side) -> float:
        if not 0 <= visibility <= 1:
            raise ConfigError(
                f"preset {self.name!r}: the photon fidelity of node.{side} asks for a source visibility of {visibility:.4f}, which is "
                "not between 0 and 1; lower the fidelity or the readout errors"
            )
        return visibility


def preset_names() -> tuple[str, ...]:
    """Names of the presets that ship with the package."""
    return tuple(sorted(Path(item.name).stem for item in files(presets).iterdir() if item.name.endswith(".yaml")))


def load_preset(name_or_path: str | Path) -> Preset:
    """Read a preset.

    Args:
        name_or_path: name of a shipped preset, or path of a YAML file (anything with a folder or a suffix).

    Raises:
        ConfigError: no such preset or file, or a wrong file: with file, line, field and a suggestion.
    """
    path = Path(name_or_path)
    if isinstance(name_or_path, Path) or path.suffix or len(path.parts) > 1:
        try:
            return _PresetFile(path.read_text(encoding="utf-8-sig"), str(path)).preset()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot read this preset: {error}; give the path of a file, or one of {_shipped()}") from error
    if name_or_path not in preset_names():
        raise ConfigError(f"there is no preset {name_or_path!r}{suggest(name_or_path, preset_names())}; shipped are {_shipped()}")
    return _shipped_preset(str(name_or_path))


@cache
def _shipped_preset(name: str) -> Preset:
    file = files(presets) / f"{name}.yaml"
    return _PresetFile(file.read_text(encoding="utf-8"), str(file)).preset()


class _PresetFile(YamlFile):
    """One file while it is read: text in, preset out."""

    def __init__(self, text: str, where: str) -> None:
        super().__init__(text, where, "a preset")

    def preset(self) -> Preset:
        top = self.mapping(self.top, "a preset", ("name", "platform", "note", "fields"), ("base",))
        name, note = self.text(top["name"], "name"), self.text(top["note"], "note")
        platform = self._platform(top["platform"])
        dimensions = FIELDS[platform]
        fields = dict(self._base(top["base"], platform).fields) if "base" in top else {}
        table = self.mapping(top["fields"], "fields", (), tuple(dimensions))
        fields |= {key: self._field(entry, key, dimensions[key]) for key, entry in table.items()}
        missing = [key for key in dimensions if key not in fields]
        if missing:
            self.fail(top["fields"], f"{len(missing)} fields are missing: {', '.join(missing[:5])}{' ...' if missing[5:] else ''}")
        return Preset(name, platform, note, MappingProxyType(fields))

    def _platform(self, entry: Entry) -> Platform:
        text = self.text(entry, "platform")
        for platform in FIELDS:
            if platform == text:
                return platform
        self.fail(entry, f"{text!r} is no platform{suggest(text, FIELDS)}; one of {', '.join(FIELDS)}")

    def _base(self, entry: Entry, platform: Platform) -> Preset:
        name = self.text(entry, "base")
        if name not in preset_names():
            self.fail(entry, f"{name!r} is no shipped preset to build on{suggest(name, preset_names())}")
        base = _shipped_preset(name)
        if base.platform != platform:
            self.fail(entry, f"{name!r} is a preset of {base.platform}, this file is one of {platform}")
        return base

    def _field(self, entry: Entry, key: str, dimension: str) -> Field:
        parts = self.mapping(entry, key, ("value", "unit", "source", "tag"), ())
        value, unit, source, tag = (self.text(parts[part], f"{part} of {key}") for part in ("value", "unit", "source", "tag"))
        if tag not in TAGS:
            self.fail(parts["tag"], f"{key}: {tag!r} is no tag{suggest(tag, TAGS)}; one of {', '.join(TAGS)}")
        try:
            number = _parse(value if unit == "1" else f"{value} {unit}", dimension)
        except ConfigError as error:
            self.fail(parts["value"], f"{key}: {error}")
        problem = _out_of_range(key, number, dimension)
        if problem:
            self.fail(parts["value"], f"{key}: {value} {unit} {problem}")
        return Field(number, unit, source, tag)


def _parse(text: str, dimension: str) -> float:
    # A count or an exponent has no unit, like a fraction; only its range is another.
    return parse_quantity(text, "fraction" if dimension == "number" else dimension)


def _out_of_range(name: str, value: float, dimension: str) -> str:
    if not math.isfinite(value):
        return "is not finite"
    if dimension == "fraction" and not 0 <= value <= 1:
        return "lies outside 0 to 1"
    if value < 0 and dimension != "angle":
        return "is negative"
    return "must be above 0" if value == 0 and name.rpartition(".")[2] in POSITIVE else ""


def _shipped() -> str:
    return ", ".join(preset_names())
