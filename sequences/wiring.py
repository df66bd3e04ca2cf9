"""How lines and detectors are wired to devices: apart from the physics, so that one description serves every laboratory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .language import OFF, Drive
from .tree import node_of


@dataclass(frozen=True)
class Line:
    """One line, from a device's port to the atom; or a detector, whose gate is opened by a port, or whose clicks go into one.

    Args:
        name: ``node.slot``, as pulses and gates call it.
        port: ``device.channel``.
        delay_ps: from the edge at the port to its effect at the atom (cable, acousto-optic modulator, light path). For a port that is an
            input, from the detector or the atom to the edge at the port.
        min_on_ps: shortest pulse that the line can make.
        min_off_ps: shortest pause between two.
        idle: what it plays when nothing else is asked for.
        gap_state: what it plays between a herald and the next command; by default it idles.
        visible: whether its light or RF can be noticed outside the laboratory.
        tolerance_ps: how far an edge may be moved to fit the grid of the device.
    """

    name: str
    port: str
    delay_ps: int = 0
    min_on_ps: int = 0
    min_off_ps: int = 0
    idle: Drive = OFF
    gap_state: Drive | None = None
    visible: bool = True
    tolerance_ps: int = 0

    @property
    def device(self) -> str:
        """Name of the device."""
        return self.port.partition(".")[0]

    @property
    def channel(self) -> str:
        """Name of the port on its device."""
        return self.port.partition(".")[2]

    @property
    def gap(self) -> Drive:
        """What it plays between a herald and the next command."""
        return self.idle if self.gap_state is None else self.gap_state


@dataclass(frozen=True)
class Wiring:
    """All lines of a link, and what kind of device each of their devices is.

    Args:
        lines: by name.
        devices: name of the target (see :mod:`.targets`) of each device.
    """

    lines: Mapping[str, Line]
    devices: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", MappingProxyType(dict(self.lines)))
        object.__setattr__(self, "devices", MappingProxyType(dict(self.devices)))

    def of_device(self, device: str) -> Wiring:
        """The lines of one device."""
        return self._only(lambda line: line.device == device)

    def of_node(self, node: str) -> Wiring:
        """The lines of one node."""
        return self._only(lambda line: node_of(line.name) == node)

    def _only(self, keep: Callable[[Line], bool]) -> Wiring:
        lines = {name: line for name, line in self.lines.items() if keep(line)}
        used = {line.device for line in lines.values()}
        return Wiring(lines, {device: target for device, target in self.devices.items() if device in used})


def wire(lines: Iterable[Line], devices: Mapping[str, str] | None = None) -> Wiring:
    """A wiring out of its lines."""
    return Wiring({line.name: line for line in lines}, devices or {})
