"""What a device can play, as data: ports, time grid, limits."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .language import Digital, Drive, Level


class Kind(enum.StrEnum):
    """What a port is."""

    DIGITAL = "digital"
    ANALOG = "analog"
    RF = "RF"
    CLICK = "click input"
    """Clicks of a detector come in here; the device itself looks whether they fall into the gate."""
    REFERENCE = "reference input"
    """The pulse that gates count from comes in here."""


INPUTS = frozenset({Kind.CLICK, Kind.REFERENCE})


@dataclass(frozen=True)
class Limits:
    """Limits of one table, or of the cycle that a device repeats by itself.

    Args:
        grid_ps: of the edges.
        min_step_ps: shortest time between two edges of one port.
        first_step_ps: shortest time from the start to the first edge, unless it is at 0.
        last_step_ps: shortest time from the last edge to the end of a table that is started again.
        max_length_ps: longest table; None where only the number of steps counts.
        max_steps: of a table.
        max_pulses: on one port.
        exact_length: whether the length must be on the grid, too; otherwise it is rounded up.
    """

    grid_ps: int
    min_step_ps: int = 0
    first_step_ps: int = 0
    last_step_ps: int = 0
    max_length_ps: int | None = None
    max_steps: int | None = None
    max_pulses: int | None = None
    exact_length: bool = False


@dataclass(frozen=True)
class GateLimits:
    """Limits of the gates that a device keeps itself, which count from the reference pulse as the device sees it.

    Args:
        grid_ps: of opening and closing.
        min_start_ps: earliest opening after the reference pulse.
        max_stop_ps: latest closing.
    """

    grid_ps: int
    min_start_ps: int
    max_stop_ps: int


@dataclass(frozen=True)
class Target:
    """A kind of device.

    Args:
        name: as it is asked for.
        title: for people.
        ports: what each port is.
        table: limits of what runs through without a decision.
        cycle: limits of an attempt that the device repeats by itself; None where attempts are written out.
        cycle_ports: ports that it can play then.
        gate: limits of gates that it keeps itself; None where a gate is an output that has to be gated with the clicks outside.
        patterns: how many herald patterns it matches; 0 where that is done outside.
        chooses: whether it can play one of several arms; otherwise all arms must be the same at its ports.
        instead: what to use where this one is not enough, by rule of the finding.
    """

    name: str
    title: str
    ports: Mapping[str, Kind]
    table: Limits
    cycle: Limits | None = None
    cycle_ports: frozenset[str] = frozenset()
    gate: GateLimits | None = None
    patterns: int = 0
    chooses: bool = True
    instead: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def suits(drive: Drive, kind: Kind) -> bool:
    """Whether a port of that kind can play a drive. Off suits every port."""
    if isinstance(drive, Digital):
        return not drive.on or kind in (Kind.DIGITAL, Kind.REFERENCE)
    return kind is (Kind.ANALOG if isinstance(drive, Level) else Kind.RF)


def snap(time_ps: int, grid_ps: int) -> int:
    """The nearest time on the grid; the later one of two that are equally near, so that a pulse keeps its length."""
    return (time_ps + grid_ps // 2) // grid_ps * grid_ps
