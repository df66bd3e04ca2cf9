"""Swabian Pulse Streamer 8/2: tables of steps for 8 digital and 2 analog ports."""

from __future__ import annotations

from types import MappingProxyType

from ..target import Kind, Limits, Target

DIGITAL = tuple(f"ch{k}" for k in range(8))
ANALOG = ("ao0", "ao1")
_NS = 1_000

PULSE_STREAMER = Target(
    name="pulse-streamer",
    title="Swabian Pulse Streamer 8/2",
    ports=MappingProxyType(dict.fromkeys(DIGITAL, Kind.DIGITAL) | dict.fromkeys(ANALOG, Kind.ANALOG)),
    table=Limits(grid_ps=_NS, min_step_ps=_NS, max_steps=2_000_000, exact_length=True),
    chooses=False,
    instead=MappingProxyType({"branch": "artiq, or the same pulse in every arm and a switch behind the port", "steps": "artiq"}),
)
"""Client 2.1.2: times in whole ns, at most 2e6 steps. It neither matches patterns nor branches; the shortest pulse of the hardware is not
published, so give each line the one that you measured."""
