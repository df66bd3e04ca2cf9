"""Swabian Pulse Streamer 8/2: tables of steps for 8 digital and 2 analog ports.

It matches no herald patterns. So one table with a burst of attempts is played again and again, and outside logic switches its excitation
off (``gated``) when a herald comes; what follows a herald is a second table, which the herald starts.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ...errors import SequenceError
from ..language import Digital, Drive, Level, Until
from ..stretches import Stretch, is_attempt
from ..target import Kind, Limits, Target
from ..tracks import Spans, Track, spans_at_atom, tracks
from ..wiring import Line, Wiring

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


@dataclass(frozen=True)
class StepTable:
    """Steps that run through.

    Args:
        paths: where they stand in the tree; more than one where arms of a choice are the same at the ports.
        trigger: what starts them, in words.
        n_runs: how often they are played.
        durations_ns: of the steps, uint32.
        digital: bit k is port ``chk``, uint8.
        analog: ports ``ao0`` and ``ao1``, int16, shape (steps, 2); 1 V is 0x7fff.
        final: digital, ao0 and ao1 after the last run: between a herald and the next command, the gap state.
        slot: 0 for attempts, 1 for what comes after a herald.
        gated: ports that external logic must switch off as soon as there is a herald, since the streamer does not see it.
    """

    paths: tuple[str, ...]
    trigger: str
    n_runs: int
    durations_ns: npt.NDArray[np.uint32]
    digital: npt.NDArray[np.uint8]
    analog: npt.NDArray[np.int16]
    final: tuple[int, int, int]
    slot: int
    gated: tuple[str, ...]

    @property
    def length_ps(self) -> int:
        """Length of one run."""
        return int(self.durations_ns.sum(dtype=np.int64)) * _NS

    def same_steps(self, other: StepTable) -> bool:
        """Whether two tables play the same."""
        pairs = ((self.durations_ns, other.durations_ns), (self.digital, other.digital), (self.analog, other.analog))
        return all(np.array_equal(one, two) for one, two in pairs)

    def binary(self) -> bytes:
        """The steps as they go over the wire: 9 bytes each, little-endian (ns u32, digital u8, ao0 i16, ao1 i16)."""
        steps = np.empty(len(self.digital), dtype=_STEP)
        steps["ns"], steps["digital"] = self.durations_ns, self.digital
        steps["ao0"], steps["ao1"] = self.analog[:, 0], self.analog[:, 1]
        return steps.tobytes()


_STEP = np.dtype([("ns", "<u4"), ("digital", "u1"), ("ao0", "<i2"), ("ao1", "<i2")])
_MAGIC, STREAM, UPLOAD = 0x53504953, 0, 0x100
_LONGEST_NS = 2**32 - 1


def compile_streamer(stretches: Sequence[Stretch], wiring: Wiring) -> tuple[StepTable, ...]:
    """The tables of one streamer.

    Raises:
        SequenceError: an analog level beyond 1 V, or arms of a choice that differ at the ports.
    """
    found: list[StepTable] = []
    for stretch in stretches:
        played = tracks(stretch, wiring, PULSE_STREAMER)
        if played:
            table = _table(stretch, played, wiring)
            if found and _is_arm(stretch) and found[-1].trigger == table.trigger:
                if not found[-1].same_steps(table):
                    raise SequenceError(f"{stretch.path}: the arms differ at the ports, and a Pulse Streamer cannot choose; use artiq")
                found[-1] = replace(found[-1], paths=(*found[-1].paths, stretch.path))
            else:
                found.append(table)
    return tuple(found)


def _is_arm(stretch: Stretch) -> bool:
    return "=" in stretch.trigger


def _table(stretch: Stretch, played: Sequence[Track], wiring: Wiring) -> StepTable:
    length = stretch.length_ps // _NS
    edges = np.unique(np.concatenate([np.array([0, length]), *(track.times_ps // _NS for track in played)]))
    starts = edges[:-1][edges[:-1] < length]
    digital = np.full(len(starts), _bits(wiring, gap=False), dtype=np.uint8)
    analog = np.tile(np.array(_levels(wiring, gap=False), dtype=np.int16), (len(starts), 1))
    for track in played:
        which = np.searchsorted(track.times_ps // _NS, starts, side="right")
        values = np.concatenate([[0], track.values])[which]
        if track.kind is Kind.DIGITAL:
            bit = np.uint8(1 << DIGITAL.index(track.line.channel))
            on = np.array([isinstance(drive, Digital) and drive.on for drive in track.drives])[values]
            digital = np.where(on, digital | bit, digital & ~bit)
        else:
            analog[:, ANALOG.index(track.line.channel)] = np.array([_level(drive, track.line) for drive in track.drives])[values]
    durations = np.diff(np.append(starts, length))
    parts = np.maximum(-(-durations // _LONGEST_NS), 1)  # a step's length has 32 bits
    if parts.max(initial=1) > 1:
        split = np.concatenate([_split(int(duration), int(n)) for duration, n in zip(durations, parts, strict=True)])
        durations, digital, analog = split, np.repeat(digital, parts), np.repeat(analog, parts, axis=0)
    until = stretch.until
    gap = until is not None
    return StepTable(
        (stretch.path,),
        stretch.trigger.partition("=")[0],
        _runs(stretch, until),
        durations.astype(np.uint32),
        digital.astype(np.uint8),
        analog,
        (_bits(wiring, gap=gap), *_levels(wiring, gap=gap)),
        0 if gap else 1,
        tuple(track.line.channel for track in played if track.line.name.endswith(".excitation")) if gap else (),
    )


def _split(duration: int, parts: int) -> npt.NDArray[np.int64]:
    bounds = np.arange(parts + 1, dtype=np.int64) * duration // parts
    return bounds[1:] - bounds[:-1]


def _runs(stretch: Stretch, until: Until | None) -> int:
    attempts = sum(len(placed.starts_ps) for placed in stretch.placed if is_attempt(placed.block, until))
    if until is None:
        return 1
    return -(-until.limit // attempts) if attempts else -1


def _bits(wiring: Wiring, *, gap: bool) -> int:
    states = {line.channel: line.gap if gap else line.idle for line in wiring.lines.values()}
    return sum(1 << DIGITAL.index(port) for port, state in states.items() if port in DIGITAL and isinstance(state, Digital) and state.on)


def _levels(wiring: Wiring, *, gap: bool) -> tuple[int, int]:
    lines = {line.channel: line for line in wiring.lines.values()}
    one, two = (_level(lines[port].gap if gap else lines[port].idle, lines[port]) if port in lines else 0 for port in ANALOG)
    return one, two


def _level(drive: Drive, line: Line) -> int:
    volts = drive.volts if isinstance(drive, Level) else 0.0
    if abs(volts) > 1.0:
        raise SequenceError(f"{line.name}: {volts:g} V cannot be played by {line.port}, which goes from -1 V to 1 V; use an amplifier")
    return int(np.rint(volts * 0x7FFF))


def replay(table: StepTable, wiring: Wiring) -> dict[str, Spans]:
    """What a table plays at the atoms, by line: the way back from steps to pulses."""
    starts = (np.concatenate([[0], np.cumsum(table.durations_ns, dtype=np.int64)[:-1]]) * _NS).tolist()
    found = {}
    for line in wiring.lines.values():
        if line.channel in DIGITAL:
            bit = DIGITAL.index(line.channel)
            drives: list[Drive] = [Digital(bool(word >> bit & 1)) for word in table.digital.tolist()]
        else:
            drives = [Level(word / 0x7FFF) for word in table.analog[:, ANALOG.index(line.channel)].tolist()]
        changes = [k for k, drive in enumerate(drives) if k == 0 or drive != drives[k - 1]]
        spans = spans_at_atom(line, [starts[k] for k in changes], [drives[k] for k in changes], table.length_ps)
        if isinstance(line.idle, Digital) and line.channel in ANALOG:
            spans = tuple(span for span in spans if span[2] != Level(0.0))
        if spans:
            found[line.name] = spans
    return found


# -- messages of the binary protocol ---------------------------------------------------------------------------------------------------


def stream_message(table: StepTable, request_id: int) -> bytes:
    """Header and payload that stream a table at once."""
    digital, ao0, ao1 = table.final
    descriptor = struct.pack("<qQ2h4BQ", table.n_runs, len(table.digital), ao0, ao1, digital, 0, 0, 0, 0)
    return _message(STREAM, request_id, descriptor, table)


def upload_message(table: StepTable, request_id: int, *, next_action: int, when: int, on_no_data: int) -> bytes:
    """Header and payload that load a table into its slot.

    Args:
        table: what is loaded.
        request_id: any number; the device repeats it.
        next_action: what the device does after the last run, as the vendor's client numbers it.
        when: at once or on a trigger, likewise.
        on_no_data: what it does if the next slot is empty, likewise.
    """
    digital, ao0, ao1 = table.final
    descriptor = struct.pack(
        "<qQ2h8BI", table.n_runs, len(table.digital), ao0, ao1, digital, 0, 0, 0, table.slot, next_action, when, on_no_data, 0
    )
    return _message(UPLOAD, request_id, descriptor, table)


def _message(command: int, request_id: int, descriptor: bytes, table: StepTable) -> bytes:
    steps = table.binary()
    payload = descriptor + steps + bytes(32 - len(steps) % 32)  # a full 32 zeros where nothing is left over
    return struct.pack("<4I2Q", _MAGIC, request_id, command, 0, len(payload), 0) + payload
