"""ARTIQ node with the entangler gateware: the attempt is a cycle in registers, what comes after a herald is a list of timed events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ...errors import SequenceError
from ..language import ON, Drive
from ..stretches import Stretch
from ..target import INPUTS, GateLimits, Kind, Limits, Target, snap
from ..tracks import Spans, Track, spans_at_atom, tracks
from ..wiring import Line, Wiring

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


@dataclass(frozen=True)
class Register:
    """A word for a register of the entangler."""

    address: int
    word: int
    meaning: str


@dataclass(frozen=True)
class Cycle:
    """An attempt that the entangler repeats by itself.

    Args:
        path: where it stands in the tree.
        repeats: attempts in a run.
        registers: words to write before the run; an output that is in none of them has to be disabled.
        run_word: timeout of a run of that many attempts; writing it to register 1 starts the run.
        described_ps: period of the description.
        period_ps: period that is played: on the grid, and with the gateware's own 4 clocks.
    """

    path: str
    repeats: int
    registers: tuple[Register, ...]
    run_word: int
    described_ps: int
    period_ps: int


@dataclass(frozen=True)
class Event:
    """Something that the kernel does after the start of a list.

    Args:
        at_mu: when, in machine units of 1 ns.
        channel: port.
        drive: what it plays from then on.
    """

    at_mu: int
    channel: str
    drive: Drive


@dataclass(frozen=True)
class EventList:
    """What the kernel plays from one decision to the next.

    Args:
        path: where it stands in the tree.
        trigger: what starts it, in words.
        length_mu: how long it takes.
        events: in order.
    """

    path: str
    trigger: str
    length_mu: int
    events: tuple[Event, ...]


@dataclass(frozen=True)
class ArtiqProgram:
    """What one node plays.

    Args:
        cycles: for the entangler.
        lists: for the kernel.
        gap: what each port plays between a herald and the first event after it.
    """

    cycles: tuple[Cycle, ...]
    lists: tuple[EventList, ...]
    gap: Mapping[str, Drive]


T_CYCLE, HERALD, TIMING, GATE = 2, 3, 8, 12
_OVERHEAD_CLOCKS = 4
"""Derived by reading the gateware's state machine, not measured."""


def timing_word(start_ps: int, stop_ps: int) -> int:
    """Word of an output that is on from ``start_ps`` to ``stop_ps`` of the cycle."""
    return (stop_ps // _CLOCK_PS + 1) << 16 | (start_ps // _CLOCK_PS + 1)


def gate_word(start_ps: int, stop_ps: int) -> int:
    """Word of a gate that is open from ``start_ps`` to ``stop_ps`` after the reference pulse."""
    return (stop_ps // 1_000 + 1) << 16 | (start_ps // 1_000 + 1)


def herald_word(patterns: Sequence[int]) -> int:
    """Word of up to four patterns, bit k of each being detector ``apdk``; those that are given are enabled."""
    if len(patterns) > ARTIQ.patterns:
        raise SequenceError(f"{len(patterns)} patterns, but the entangler matches {ARTIQ.patterns}")
    return sum((pattern & 0xF) << 4 * k | 1 << 16 + k for k, pattern in enumerate(patterns))


def compile_artiq(stretches: Sequence[Stretch], wiring: Wiring) -> ArtiqProgram:
    """Registers for the attempts, event lists for the rest."""
    played = [(stretch, tracks(stretch, wiring, ARTIQ)) for stretch in stretches]
    cycles = tuple(_cycle(stretch, found, wiring) for stretch, found in played if stretch.cycle and (found or _gates(stretch, wiring)))
    lists = tuple(_list(stretch, found) for stretch, found in played if not stretch.cycle and found)
    return ArtiqProgram(cycles, lists, MappingProxyType({line.channel: line.gap for line in wiring.lines.values() if _is_output(line)}))


def _is_output(line: Line) -> bool:
    return ARTIQ.ports[line.channel] not in INPUTS


def _cycle(stretch: Stretch, found: Sequence[Track], wiring: Wiring) -> Cycle:
    clocks = -(-stretch.length_ps // _CLOCK_PS)
    words = [Register(T_CYCLE, clocks, "cycle length, in steps of 8 ns")]
    for track in found:
        start, stop = track.times_ps.tolist()
        number = _OUTPUTS.index(track.line.channel)
        words.append(Register(TIMING + number, timing_word(start, stop), f"{track.line.name} on {track.line.channel}"))
    gates = _gates(stretch, wiring)
    for channel, (name, start, stop) in gates.items():
        words.append(Register(GATE + int(channel.removeprefix("apd")), gate_word(start, stop), f"gate of {name}, from the reference pulse"))
    if gates and stretch.until is not None:
        bits = {name: 1 << int(channel.removeprefix("apd")) for channel, (name, _, _) in gates.items()}
        patterns = [sum(bits[click] for click in herald.clicks) for herald in stretch.until.heralds]
        words.append(Register(HERALD, herald_word(patterns), f"patterns: {', '.join(herald.name for herald in stretch.until.heralds)}"))
    period = clocks + _OVERHEAD_CLOCKS
    return Cycle(
        stretch.path,
        stretch.repeats,
        tuple(sorted(words, key=lambda word: word.address)),
        stretch.repeats * period,
        stretch.length_ps,
        period * _CLOCK_PS,
    )


def _gates(stretch: Stretch, wiring: Wiring) -> dict[str, tuple[str, int, int]]:
    """Name, opening and closing of each gate by port, in ps after the reference pulse as the device sees it."""
    found = {}
    for placed in stretch.placed:
        at = {pulse.line: pulse.at_ps for pulse in placed.block.pulses}
        for gate in placed.block.gates:
            line = wiring.lines.get(gate.detector)
            if line is not None and ARTIQ.ports[line.channel] is Kind.CLICK and gate.ref is not None:
                shift = line.delay_ps - wiring.lines[gate.ref].delay_ps - at[gate.ref]
                found[line.channel] = (gate.detector, snap(gate.at_ps + shift, 1_000), snap(gate.end_ps + shift, 1_000))
    return found


def _list(stretch: Stretch, found: Sequence[Track]) -> EventList:
    events = [
        Event(time // 1_000, track.line.channel, track.drives[value])
        for track in found
        for time, value in zip(track.times_ps.tolist(), track.values.tolist(), strict=True)
    ]
    return EventList(stretch.path, stretch.trigger, stretch.length_ps // 1_000, tuple(sorted(events, key=lambda event: event.at_mu)))


def replay_list(table: EventList, wiring: Wiring) -> dict[str, Spans]:
    """What a list of events plays at the atoms, by line."""
    found = {}
    for line in wiring.lines.values():
        mine = [event for event in table.events if event.channel == line.channel]
        spans = spans_at_atom(line, [event.at_mu * 1_000 for event in mine], [event.drive for event in mine], table.length_mu * 1_000)
        if spans:
            found[line.name] = spans
    return found


def replay_cycle(cycle: Cycle, wiring: Wiring) -> dict[str, Spans]:
    """What the registers play in a cycle: pulses at the atoms, and gates in ps after the reference pulse at the detector."""
    words = {register.address: register.word for register in cycle.registers}
    reference = next((line.delay_ps for line in wiring.lines.values() if line.channel == "ref"), 0)
    found: dict[str, Spans] = {}
    for line in wiring.lines.values():
        is_gate = line.channel.startswith("apd")
        address = GATE + int(line.channel[3:]) if is_gate else TIMING + _OUTPUTS.index(line.channel) if line.channel in _OUTPUTS else -1
        if address in words:
            start, stop = (words[address] & 0xFFFF) - 1, (words[address] >> 16) - 1
            unit, shift = (1_000, reference - line.delay_ps) if is_gate else (_CLOCK_PS, line.delay_ps)
            found[line.name] = ((start * unit + shift, stop * unit + shift, ON),)
    return found
