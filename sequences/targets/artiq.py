"""ARTIQ node with the entangler gateware: the attempt is a cycle in registers, what comes after a herald is a list of timed events."""

from __future__ import annotations

from types import MappingProxyType

from ..target import GateLimits, Kind, Limits, Target

_CLOCK_PS = 8_000
_OUTPUTS = tuple(f"out{k}" for k in range(4))

ARTIQ = Target(
    name="artiq",
    title="ARTIQ with the entangler gateware",
    ports=MappingProxyType(
        dict.fromkeys((*_OUTPUTS, *(f"ttl{k}" for k in range(16))), Kind.DIGITAL)
        | dict.fromkeys((f"dds{k}" for k in range(4)), Kind.RF)
        | dict.fromkeys((f"dac{k}" for k in range(8)), Kind.ANALOG)
        | dict.fromkeys((f"apd{k}" for k in range(4)), Kind.CLICK)
        | {"ref": Kind.REFERENCE}
    ),
    table=Limits(grid_ps=1_000, min_step_ps=_CLOCK_PS),
    cycle=Limits(grid_ps=_CLOCK_PS, min_step_ps=_CLOCK_PS, max_length_ps=1023 * _CLOCK_PS, max_pulses=1),
    cycle_ports=frozenset((*_OUTPUTS, "ref", *(f"apd{k}" for k in range(4)))),
    gate=GateLimits(grid_ps=1_000, min_start_ps=8_000, max_stop_ps=(2**14 - 2) * 1_000),
    patterns=4,
    instead=MappingProxyType(
        {"length": "pulse-streamer, with a coincidence unit for the heralds", "pulses": "pulse-streamer, which plays any number"}
    ),
)
"""Cycle: entangler-core (Oxford Ion Trap Group), ``core.py`` and ``phy.py``: 10-bit cycle length and outputs in steps of 8 ns, one pulse an
output, gates of 14 bits in steps of 1 ns. After the herald: events of the kernel on a grid of 1 ns; two events of one channel need a
coarse clock in between."""
