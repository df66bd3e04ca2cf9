"""MOGLabs agile RF synthesiser (ARF, XRF): one table a channel, with frequency, power, phase and duration."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ..language import OFF, Drive, Tone
from ..stretches import Stretch
from ..target import Kind, Limits, Target
from ..tracks import Spans, Track, spans_at_atom, tracks
from ..wiring import Wiring

US = 1_000_000

MOGLABS = Target(
    name="moglabs",
    title="MOGLabs agile RF",
    ports=MappingProxyType(dict.fromkeys((f"rf{k}" for k in range(1, 5)), Kind.RF)),
    table=Limits(grid_ps=US, min_step_ps=US, first_step_ps=3 * US, last_step_ps=US, max_steps=8191),
    instead=MappingProxyType({"grid": "artiq, whose grid is 1 ns", "steps": "artiq"}),
)
"""Durations are whole microseconds from 1 on, the first entry lasts 2 us longer than its number, a table has 8191 entries."""


@dataclass(frozen=True)
class Entry:
    """One entry of a table.

    Args:
        frequency_hz: of the tone.
        power_dbm: of the tone; :data:`OFF_DBM` is off.
        phase_deg: of the tone, from 0 on.
        duration_us: how long it lasts; the first entry of a table lasts 2 us longer than it says.
    """

    frequency_hz: float
    power_dbm: float
    phase_deg: float
    duration_us: int


@dataclass(frozen=True)
class RfTable:
    """A table of one channel.

    Args:
        path: where it stands in the tree.
        trigger: what starts it, in words.
        channel: number of the channel.
        entries: what is played.
    """

    path: str
    trigger: str
    channel: int
    entries: tuple[Entry, ...]

    def commands(self) -> tuple[str, ...]:
        """The commands that load the table. The device answers to TABLE,ENTRY without OK; an error begins with Invalid."""
        entries = (
            f"TABLE,ENTRY,{self.channel},{n},{entry.frequency_hz / 1e6:.6f}MHz,{entry.power_dbm:.2f}dBm,{entry.phase_deg:.6f}deg,"
            f"{entry.duration_us}"
            for n, entry in enumerate(self.entries, start=1)
        )
        return (f"TABLE,CLEAR,{self.channel}", *entries, f"TABLE,ENTRIES,{self.channel},{len(self.entries)}")

    def binary(self, amplitude: Callable[[float], int]) -> bytes:
        """The table for TABLE,UPLOAD: 16 bytes of header, little-endian, and 16 bytes an entry, big-endian (ARF only).

        Args:
            amplitude: the device's number (14 bits) for a power in dBm; each device has its own calibration.
        """
        return b"".join(
            [
                struct.pack("<4I", 0x10000 + len(self.entries), 0, 0, 0),
                *(
                    entry_words(entry, amplitude(entry.power_dbm), is_last=n == len(self.entries))
                    for n, entry in enumerate(self.entries, start=1)
                ),
            ]
        )


OFF_DBM = -50.0
"""The device takes this power for off."""
_FIRST_LONGER_US = 2
_CLOCK_HZ = 1e9


def entry_words(entry: Entry, amplitude: int, *, is_last: bool) -> bytes:
    """One entry of a binary table: last, duration, amplitude and phase, frequency tuning word."""
    phase = round(entry.phase_deg / 360.0 * 2**16) % 2**16
    tuning = round(entry.frequency_hz / _CLOCK_HZ * 2**32)
    return struct.pack(">4I", int(is_last) << 31, entry.duration_us, amplitude << 16 | phase, tuning)


def compile_moglabs(stretches: Sequence[Stretch], wiring: Wiring) -> tuple[RfTable, ...]:
    """The tables of one synthesiser, one for each channel and each stretch in which it plays."""
    found = [_table(stretch, track) for stretch in stretches for track in tracks(stretch, wiring, MOGLABS)]
    return tuple(found)


def _table(stretch: Stretch, track: Track) -> RfTable:
    times = [time // US for time in track.times_ps.tolist()]
    tones: list[Drive] = [track.drives[value] for value in track.values.tolist()]
    frequency = next(tone.frequency_hz for tone in tones if isinstance(tone, Tone))
    if times[0] > 0:
        times, tones = [0, *times], [OFF, *tones]
    durations = [later - time for time, later in itertools.pairwise(times)] + [1]
    durations[0] -= _FIRST_LONGER_US
    entries = tuple(_entry(tone, frequency, duration) for tone, duration in zip(tones, durations, strict=True))
    return RfTable(stretch.path, stretch.trigger, int(track.line.channel.removeprefix("rf")), entries)


def _entry(drive: Drive, frequency_hz: float, duration_us: int) -> Entry:
    if not isinstance(drive, Tone):
        return Entry(frequency_hz, OFF_DBM, 0.0, duration_us)
    return Entry(drive.frequency_hz, drive.power_dbm, math.degrees(drive.phase) % 360.0, duration_us)


def replay(table: RfTable, wiring: Wiring) -> dict[str, Spans]:
    """What a table plays at the atom, by line: the way back from entries to pulses."""
    line = next(line for line in wiring.lines.values() if line.channel == f"rf{table.channel}")
    times, drives, now = [], [], 0
    for n, entry in enumerate(table.entries):
        tone: Drive = Tone(entry.frequency_hz, entry.power_dbm, math.radians(entry.phase_deg))
        times.append(now * US)
        drives.append(OFF if entry.power_dbm <= OFF_DBM else tone)
        now += entry.duration_us + (_FIRST_LONGER_US if n == 0 else 0)
    spans = spans_at_atom(line, times, drives, now * US)
    return {line.name: spans} if spans else {}
