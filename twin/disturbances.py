"""Faults and drifts on the simulated clock, and the truth about them.

Every process of a fault script draws from a stream of its own, seeded by the run's seed, so adding one changes none of the others. What it
does is written to the truth, which no station reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TextIO

import numpy as np

from ..clock import Clock
from ..errors import ConfigError
from ..sequences.program import PS_PER_S
from .fault_script import LINES, SLOT_FAULTS, Drift, FaultScript, SlotFault
from .lines import Line, LineTrouble, Spells
from .physics.disturbed import QUANTITIES
from .ports import BeamPort, DetectorPort, Port, RandomPort, SequencerPort, ShutterPort, TagPort
from .spell import NEVER_PS, Interval, intervals, time_ps

_STEPS_PER_TIME = 50
"""A drift moves so often in its correlation time, and not more often than once a second: each step is a new state of the physics."""


class _Jump:
    """A quantity that jumps and comes back."""

    def __init__(self, value: float, when: Iterator[Interval]) -> None:
        self._value = value
        self._when = when
        self._now: Interval | None = next(when, None)

    def at(self, now_ps: int) -> tuple[float | None, int]:
        """The value, None where nothing is moved, and until when that holds; times must not go back."""
        while self._now is not None and self._now.stop_ps <= now_ps:
            self._now = next(self._when, None)
        if self._now is None:
            return None, NEVER_PS
        if now_ps < self._now.start_ps:
            return None, self._now.start_ps
        return self._value, self._now.stop_ps


class _Wander:
    """An Ornstein-Uhlenbeck process on a grid, exact at its points: x' = x exp(-dt/T) + sigma sqrt(1 - exp(-2 dt/T)) N."""

    def __init__(self, drift: Drift, rng: np.random.Generator) -> None:
        self._rng = rng
        self._step_ps = max(PS_PER_S, time_ps(drift.time / _STEPS_PER_TIME))
        step = self._step_ps / PS_PER_S / drift.time
        self._keep, self._kick = math.exp(-step), drift.sigma * math.sqrt(-math.expm1(-2 * step))
        self._value = 0.0
        self._next_ps = self._step_ps

    def at(self, now_ps: int) -> tuple[float | None, int]:
        while self._next_ps <= now_ps:
            self._value = self._value * self._keep + self._kick * float(self._rng.standard_normal())
            self._next_ps += self._step_ps
        return self._value, self._next_ps


class Disturbances:
    """What a fault script does in one run.

    Args:
        script: of the faults.
        seed: of the run.
        truth: where every change is noted, one JSON line each; None notes nothing.
    """

    def __init__(self, script: FaultScript, seed: int, truth: TextIO | None = None) -> None:
        self._script = script
        self._truth = truth
        self._last: dict[str, float] = {}
        self._holding: list[tuple[Port, str]] = []
        self._ended = False
        # The world's own streams have other spawn keys: those of a run begin with its segment, and there are fewer than 2**32 of them.
        *kinds, lines = np.random.SeedSequence(seed, spawn_key=(2**32 - 1,)).spawn(4)
        self._line_seeds = lines.spawn(len(script.lines))
        slots, jumps, drifts = (
            [np.random.default_rng(child) for child in kind.spawn(len(members))]
            for kind, members in zip(kinds, (script.slots, script.quantities, script.drifts), strict=True)
        )
        self._slot_streams = slots
        self._moves: list[tuple[str, _Jump | _Wander]] = [
            (fault.quantity, _Jump(fault.value, intervals(fault.timing, rng))) for fault, rng in zip(script.quantities, jumps, strict=True)
        ]
        self._moves += [(drift.quantity, _Wander(drift, rng)) for drift, rng in zip(script.drifts, drifts, strict=True)]

    def quantities(self, now_ps: int) -> tuple[dict[str, float], int]:
        """What is moved now, by quantity, and until when that holds, ps. Asked at times that do not go back."""
        values: dict[str, float] = {}
        until_ps = NEVER_PS
        for name, move in self._moves:
            value, its_until_ps = move.at(now_ps)
            until_ps = min(until_ps, its_until_ps)
            if value is not None:
                neutral = QUANTITIES[name].neutral
                # A factor multiplies another one, everything else adds up; a drift of a factor wanders about 1.
                factor = value if isinstance(move, _Jump) else neutral + value
                values[name] = values.get(name, neutral) * factor if neutral == 1.0 else values.get(name, neutral) + value
        self._note_quantities(now_ps, values)
        return values, until_ps

    def schedule(self, ports: Mapping[str, Port], clocks: Mapping[str, Clock]) -> None:
        """Put what befalls instruments on the clocks of their nodes.

        Args:
            ports: of the world, by slot.
            clocks: by node.

        Raises:
            ConfigError: a slot that the link does not have, or a fault that cannot befall what is there.
        """
        chosen = [(fault, _port_of(fault, ports)) for fault in self._script.slots]
        for (fault, port), rng in zip(chosen, self._slot_streams, strict=True):
            self._plan(fault, port, intervals(fault.timing, rng), clocks[fault.slot.partition(".")[0]])

    def lines(self, begin_ps: int, segment: int = 0) -> dict[str, Line]:
        """The lines between the nodes, by party; none where the script leaves them alone.

        Args:
            begin_ps: of this segment of the run.
            segment: number of times the run has been resumed. Each has chances of its own: a message that is sent again at the same moment
                would be lost again, time after time.
        """
        troubles: dict[str, list[LineTrouble]] = {fault.line: [] for fault in self._script.lines}
        for fault, seeds in zip(self._script.lines, self._line_seeds, strict=True):
            own = np.random.SeedSequence(seeds.entropy, spawn_key=(*seeds.spawn_key, segment))
            note = partial(self._note_line, fault.line, fault.fault)
            spells = Spells(intervals(fault.timing, np.random.default_rng(seeds)), begin_ps, note)
            troubles[fault.line].append(LineTrouble(fault, spells, own.generate_state(4).tobytes()))
        return {name: Line(troubles.get(name, []), partial(self._note_message, name)) for name in LINES} if troubles else {}

    def end(self) -> None:
        """Nothing befalls anything from now on; what holds is put right, and the truth is closed to further notes."""
        for port, fault in self._holding:
            befall(port, fault, False, 0)
            if isinstance(port, DetectorPort):
                port.set_overloaded(False)
        self._holding.clear()
        self._ended = True
        self._truth = None

    def _plan(self, fault: SlotFault, port: Port, when: Iterator[Interval], clock: Clock) -> None:
        interval = next(when, None)
        while interval is not None and interval.stop_ps <= clock.now_ps():  # over before this segment of the run began
            interval = next(when, None)
        if interval is None:
            return
        coming = interval

        def strike() -> None:
            if self._ended:
                return
            befall(port, fault.fault, True, clock.now_ps())
            self._holding.append((port, fault.fault))
            self._note(clock.now_ps(), fault.slot, fault.fault)
            if coming.stop_ps < NEVER_PS:
                clock.call_at(coming.stop_ps / PS_PER_S, recover)

        def recover() -> None:
            if self._ended:
                return
            befall(port, fault.fault, False, clock.now_ps())
            self._holding.remove((port, fault.fault))
            self._note(clock.now_ps(), fault.slot, f"{fault.fault}: over")
            self._plan(fault, port, when, clock)

        clock.call_at(coming.start_ps / PS_PER_S, strike)

    def _note_quantities(self, now_ps: int, values: Mapping[str, float]) -> None:
        for name in sorted({*values, *self._last}):
            value = values.get(name, QUANTITIES[name].neutral)
            if value != self._last.get(name, QUANTITIES[name].neutral):
                self._note(now_ps, name, value)
        self._last = dict(values)

    def _note_line(self, line: str, fault: str, now_ps: int, begins: bool) -> None:
        self._note(now_ps, f"line {line}", fault if begins else f"{fault}: over")

    def _note_message(self, line: str, now_ps: int, what: str) -> None:
        self._note(now_ps, f"line {line}", what)

    def _note(self, now_ps: int, what: str, value: float | str) -> None:
        if self._truth is not None:
            self._truth.write(json.dumps({"t_s": now_ps / PS_PER_S, "what": what, "value": value}) + "\n")


def befall(port: Port, fault: str, holds: bool, now_ps: int) -> None:
    """Have a fault of :data:`~.fault_script.SLOT_FAULTS` begin or end at a port.

    Raises:
        ConfigError: it cannot befall such a port.
    """
    match fault, port:
        case "unlocked", BeamPort():
            port.set(now_ps, locked=not holds)
        case "dark", BeamPort():
            if holds:
                port.set(now_ps, on=False)
        case "interlock", BeamPort():
            port.set(now_ps, interlock_closed=not holds)
        case "stuck", ShutterPort():
            port.stuck = holds
        case "overloaded", DetectorPort():
            port.set_dazzled(holds)
        case "latched", DetectorPort():
            if holds:
                port.set_overloaded(True)
        case "deaf", DetectorPort():
            port.set_deaf(holds)
        case "overflow", TagPort():
            port.overflow(holds, now_ps)
        case "references lost", TagPort():
            port.references_lost = holds
        case "stuck bits", RandomPort():
            port.stuck_at = 0 if holds else None
        case "missed references", SequencerPort():
            port.missed_references += holds
        case _:
            raise ConfigError(f"{port.slot}: {fault!r} cannot befall this instrument")


def _port_of(fault: SlotFault, ports: Mapping[str, Port]) -> Port:
    if fault.slot not in ports:
        raise ConfigError(f"fault script: there is nothing in the slot {fault.slot!r}; there are {', '.join(sorted(ports))}")
    port = ports[fault.slot]
    kind, _ = SLOT_FAULTS[fault.fault]
    if not isinstance(port, kind):
        fitting = [name for name, (other, _) in SLOT_FAULTS.items() if isinstance(port, other)]
        raise ConfigError(f"fault script: {fault.fault!r} cannot befall {fault.slot}; there it is one of {', '.join(fitting) or 'nothing'}")
    return port
