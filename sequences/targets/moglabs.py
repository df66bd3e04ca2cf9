"""MOGLabs agile RF synthesiser (ARF, XRF): one table a channel, with frequency, power, phase and duration."""

from __future__ import annotations

from types import MappingProxyType

from ..target import Kind, Limits, Target

US = 1_000_000

MOGLABS = Target(
    name="moglabs",
    title="MOGLabs agile RF",
    ports=MappingProxyType(dict.fromkeys((f"rf{k}" for k in range(1, 5)), Kind.RF)),
    table=Limits(grid_ps=US, min_step_ps=US, first_step_ps=3 * US, max_steps=8191),
    instead=MappingProxyType({"grid": "artiq, whose grid is 1 ns", "steps": "artiq"}),
)
"""Durations are whole microseconds from 1 on, the first entry lasts 2 us longer than its number, a table has 8191 entries."""
