"""What if the lines were wired to another kind of device? A wiring for it, port by port."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .language import Item, Level, Tone
from .stretches import cut
from .target import Kind, Target
from .tree import blocks
from .wiring import Line, Wiring

NO_PORT = "none"
"""Channel of a line that found no free port; the check says so."""


def moved_to(wiring: Wiring, target: Target, tree: Item) -> Wiring:
    """The same lines on devices of another kind, each on the first free port that suits it; delays and the rest stay.

    Args:
        wiring: as it is.
        target: what every device is to be.
        tree: tells which lines are pulses, gates, references or tones, and which play in an attempt.
    """
    kinds = _kinds(tree, target)
    in_cycle = {name for stretch in cut(tree, cycles=True) if stretch.cycle for placed in stretch.placed for name in _names(placed.block)}
    free = {line.device: list(target.ports) for line in wiring.lines.values()}
    lines = {}
    for name, line in sorted(wiring.lines.items(), key=lambda entry: entry[0] not in in_cycle):  # attempts first: their ports are few
        wanted = kinds.get(name, Kind.DIGITAL)
        suited = [port for port in free[line.device] if target.ports[port] is wanted]
        fast = [port for port in suited if port in target.cycle_ports]
        channel = next(iter(fast if name in in_cycle and fast else suited), NO_PORT)
        lines[name] = _moved(line, channel)
        if channel != NO_PORT:
            free[line.device].remove(channel)
    return Wiring({name: lines[name] for name in wiring.lines}, dict.fromkeys(free, target.name))


def _moved(line: Line, channel: str) -> Line:
    return replace(line, port=f"{line.device}.{channel}")


def _kinds(tree: Item, target: Target) -> dict[str, Kind]:
    """What port each line needs, where that is not a digital one."""
    found: dict[str, Kind] = {}
    for _, block in blocks(tree):
        for pulse in block.pulses:
            if isinstance(pulse.drive, Tone | Level):
                found[pulse.line] = Kind.RF if isinstance(pulse.drive, Tone) else Kind.ANALOG
        for gate in block.gates:
            if gate.ref is not None and target.gate is not None:
                found[gate.detector] = Kind.CLICK
                found[gate.ref] = Kind.REFERENCE
    return found


def _names(block: object) -> Iterator[str]:
    yield from (pulse.line for pulse in getattr(block, "pulses", ()))
    yield from (gate.detector for gate in getattr(block, "gates", ()))
