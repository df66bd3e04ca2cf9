"""What one port plays in one stretch: the edges at the port, delays taken off, on the device's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .language import ON, Drive
from .stretches import Stretch, Times
from .target import INPUTS, Kind, Limits, Target
from .wiring import Line, Wiring

Spans = tuple[tuple[int, int, Drive], ...]
"""Pulses as (start, end, drive), in ps at the atom; neighbours that play the same are one."""


@dataclass(frozen=True)
class Track:
    """The changes of one port in one stretch. Before the first one it idles.

    Args:
        line: which line.
        kind: what its port is.
        times_ps: of the changes at the port, increasing.
        values: what it changes to: places in ``drives``.
        drives: what it plays, idle first.
    """

    line: Line
    kind: Kind
    times_ps: Times
    values: npt.NDArray[np.int64]
    drives: tuple[Drive, ...]


def limits_of(stretch: Stretch, target: Target) -> Limits:
    """The limits that hold for a stretch."""
    return target.cycle if stretch.cycle and target.cycle is not None else target.table


def tracks(stretch: Stretch, wiring: Wiring, target: Target) -> list[Track]:
    """The tracks of all output ports that play something in a stretch, in the order of the target's ports."""
    found = []
    for line in sorted(wiring.lines.values(), key=lambda line: list(target.ports).index(line.channel)):
        kind = target.ports[line.channel]
        if kind not in INPUTS:
            track = _track(stretch, line, kind, limits_of(stretch, target).grid_ps)
            if track is not None:
                found.append(track)
    return found


def _track(stretch: Stretch, line: Line, kind: Kind, grid_ps: int) -> Track | None:
    drives: list[Drive] = [line.idle]
    starts, stops, values = [], [], []
    for placed in stretch.placed:
        mine = [(pulse.at_ps, pulse.end_ps, pulse.drive) for pulse in placed.block.pulses if pulse.line == line.name]
        mine += [(gate.at_ps, gate.end_ps, ON) for gate in placed.block.gates if gate.detector == line.name]
        for at_ps, end_ps, drive in mine:
            if drive not in drives:
                drives.append(drive)
            starts.append(placed.starts_ps + at_ps)
            stops.append(placed.starts_ps + end_ps)
            values.append(np.full(len(placed.starts_ps), drives.index(drive), dtype=np.int64))
    if not starts:
        return None
    start, stop, value = np.concatenate(starts), np.concatenate(stops), np.concatenate(values)
    order = np.argsort(start, kind="stable")
    start, stop, value = start[order], stop[order], value[order]
    times = np.stack([start, stop], axis=1).ravel()
    levels = np.stack([value, np.zeros_like(value)], axis=1).ravel()
    keep = np.ones(len(times), dtype=bool)
    keep[1:-1:2] = stop[:-1] != start[1:]  # where pulses touch, the line does not idle in between
    times, levels = times[keep], levels[keep]
    changed = np.diff(levels, prepend=0) != 0
    times = times[changed] - line.delay_ps
    return Track(line, kind, (times + grid_ps // 2) // grid_ps * grid_ps, levels[changed], tuple(drives))


def spans_at_atom(line: Line, times_ps: list[int], drives: list[Drive], length_ps: int) -> Spans:
    """The pulses that changes at a port make at the atom: the way back, for checking what has been compiled.

    Args:
        line: which line; it gives idle level and delay.
        times_ps: of the changes at the port.
        drives: what the port changes to.
        length_ps: of the table; what is still on then ends there.
    """
    found: list[tuple[int, int, Drive]] = []
    for index, (start, drive) in enumerate(zip(times_ps, drives, strict=True)):
        stop = times_ps[index + 1] if index + 1 < len(times_ps) else length_ps
        if drive != line.idle and stop > start:
            found.append((start + line.delay_ps, stop + line.delay_ps, drive))
    return tuple(found)
