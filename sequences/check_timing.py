"""Rules of a device: ports, time grid, shortest edges, lead time for delays, limits of tables and cycles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from .findings import Finding, time_text
from .language import INPUT, Choose, Drive, Gate, Item, Pulse, Until
from .stretches import Placed, Stretch
from .target import INPUTS, Kind, Target, snap, suits
from .tree import blocks, fixed_length_ps, join, select, walk
from .wiring import Line, Wiring


def check_ports(wiring: Wiring, targets: Mapping[str, Target]) -> Iterator[Finding]:
    """Every line has a port of its own, and the device has it."""
    taken: dict[str, str] = {}
    for line in wiring.lines.values():
        target = targets.get(line.device)
        place = f"wiring/{line.name}"
        if line.delay_ps < 0:
            yield Finding("delay", place, f"the delay of {time_text(line.delay_ps)} would end before it begins", "give 0 or more")
        if target is None:
            known = ", ".join(sorted(targets)) or "none"
            yield Finding("device", place, f"there is no device {line.device!r}", f"name it among the devices; there are {known}")
            continue
        if line.channel not in target.ports:
            message = f"the {target.title} {line.device} has no port {line.channel!r}"
            yield Finding("port", place, message, f"use one of {_listed(list(target.ports))}")
        elif line.port in taken:
            yield Finding("port", place, f"the port {line.port} already carries {taken[line.port]}", "wire it to a free port")
        taken[line.port] = line.name


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else ", ".join([*names[:11], "..."])


def check_device(tree: Item, stretches: Sequence[Stretch], wiring: Wiring, device: str, target: Target) -> Iterator[Finding]:
    """What one device would have to play.

    Args:
        tree: the round.
        stretches: of the tree, cut as the target needs it.
        wiring: of all lines.
        device: name of the device.
        target: what it is.
    """
    lines = {line.name: line for line in wiring.lines.values() if line.device == device and line.channel in target.ports}
    mine = {name: (line, target.ports[line.channel]) for name, line in lines.items()}
    for stretch in stretches:
        yield from _Stretch(stretch, mine, device, target).findings()
    yield from _heralds(tree, set(lines), device, target)
    if not target.chooses:
        yield from _branches(tree, lines, device, target)


class _Stretch:
    """One stretch on one device."""

    def __init__(self, stretch: Stretch, lines: Mapping[str, tuple[Line, Kind]], device: str, target: Target) -> None:
        self._stretch, self._lines, self._device, self._target = stretch, lines, device, target
        self._limits = target.cycle if stretch.cycle and target.cycle is not None else target.table
        self._spans: dict[str, list[tuple[Placed, Pulse | Gate]]] = {}

    def findings(self) -> Iterator[Finding]:
        for placed in self._stretch.placed:
            for pulse in placed.block.pulses:
                if pulse.line in self._lines:
                    self._spans.setdefault(pulse.line, []).append((placed, pulse))
                    yield from self._pulse(placed, pulse, *self._lines[pulse.line])
            for gate in placed.block.gates:
                if gate.detector in self._lines:
                    self._spans.setdefault(gate.detector, []).append((placed, gate))
                    yield from self._gate(placed, gate, *self._lines[gate.detector])
        if self._spans:
            yield from self._pauses()
            yield from self._sizes()

    # -- one pulse or gate ---------------------------------------------------------------------------------------------------------------

    def _pulse(self, placed: Placed, pulse: Pulse, line: Line, kind: Kind) -> Iterator[Finding]:
        place = f"{placed.path}/{pulse.line}"
        if not suits(pulse.drive, kind):
            message = f"{_drive_name(pulse.drive)} cannot be played by {line.port}, a {kind} port"
            yield Finding("drive", place, message, "wire the line to a port that can, or change the drive")
        if kind is Kind.CLICK:
            yield Finding("drive", place, f"{line.port} is a {kind} and plays no pulse", "wire the line to an output")
        if self._stretch.cycle and line.channel not in self._target.cycle_ports:
            remedy = f"wire the line to one of {', '.join(sorted(self._target.cycle_ports))}"
            yield Finding("port", place, f"{line.port} cannot be played in the cycle that {self._device} repeats by itself", remedy)
        if kind not in INPUTS:
            yield from self._edges(placed, pulse, place, line)

    def _gate(self, placed: Placed, gate: Gate, line: Line, kind: Kind) -> Iterator[Finding]:
        place = f"{placed.path}/{gate.detector}"
        if kind is not Kind.CLICK:
            yield from self._edges(placed, gate, place, line)
            return
        limits = self._target.gate
        reference = next((pulse for pulse in placed.block.pulses if pulse.line == gate.ref), None)
        if reference is None or limits is None or gate.ref not in self._lines:
            message = f"{self._device} counts gates from a reference pulse that it sees, but this one has none on {self._device}"
            yield Finding("reference", place, message, "give the gate a ref, and wire that to the reference input")
            return
        offset = line.delay_ps - self._lines[str(gate.ref)][0].delay_ps - reference.at_ps
        start, stop = gate.at_ps + offset, gate.end_ps + offset
        if start < limits.min_start_ps or stop > limits.max_stop_ps:
            message = f"at {self._device} the gate is {time_text(start)} to {time_text(stop)} after the reference pulse"
            remedy = f"keep it between {time_text(limits.min_start_ps)} and {time_text(limits.max_stop_ps)}, e.g. by a longer cable"
            yield Finding("gate", place, message, remedy)
        late = gate.end_ps + line.delay_ps - self._stretch.length_ps
        if self._stretch.cycle and late > 0:
            message = f"the last clicks come into {line.port} {time_text(late)} after the end of the cycle, in which the herald is decided"
            yield Finding("gate", place, message, "lengthen the attempt, or close the gate earlier")
        yield from _grid(place, line, (start, stop), limits.grid_ps, "")

    def _edges(self, placed: Placed, item: Pulse | Gate, place: str, line: Line) -> Iterator[Finding]:
        limits, starts = self._limits, placed.starts_ps
        first = int(starts[0]) if len(starts) else 0
        on, off = first + item.at_ps - line.delay_ps, first + item.end_ps - line.delay_ps
        if snap(on, limits.grid_ps) < 0:
            yield self._lead(place, -on, line, first + item.at_ps)
        elif 0 < snap(on, limits.grid_ps) < limits.first_step_ps and self._is_first(placed):
            short = limits.first_step_ps - snap(on, limits.grid_ps)
            message = (
                f"{line.port} would switch {time_text(on)} after the start, but its first step takes {time_text(limits.first_step_ps)}"
            )
            yield Finding("lead", place, message, f"needs {time_text(short)} more lead time")
        wrong = list(_grid(place, line, (on, off), limits.grid_ps, self._target.instead.get("grid", "")))
        if not wrong and len(starts) > 1:
            later = _worst(starts + (item.at_ps - line.delay_ps), limits.grid_ps)
            wrong = list(_grid(place, line, (later,), limits.grid_ps, self._target.instead.get("grid", "")))
        yield from wrong
        shortest = max(line.min_on_ps, limits.min_step_ps)
        if 0 < item.width_ps < shortest and not self._touches(placed, item):
            message = f"lasts {time_text(item.width_ps)}, but {line.name} on {line.port} makes no pulse shorter than {time_text(shortest)}"
            yield Finding("short", place, message, f"lengthen it to {time_text(shortest)}")

    def _is_first(self, placed: Placed) -> bool:
        return placed is self._stretch.placed[0] or not any(
            pulse.line in self._lines
            for other in self._stretch.placed[: self._stretch.placed.index(placed)]
            for pulse in other.block.pulses
        )

    @staticmethod
    def _touches(placed: Placed, item: Pulse | Gate) -> bool:
        """Whether a pulse continues another one of its line in the same block, so that its own width says nothing about edges."""
        if isinstance(item, Gate):
            return False
        return any(
            other.line == item.line and (other.end_ps == item.at_ps or other.at_ps == item.end_ps)
            for other in placed.block.pulses
            if other is not item
        )

    def _lead(self, place: str, short_ps: int, line: Line, at_ps: int) -> Finding:
        start = f"{time_text(at_ps)} after the start ({self._stretch.trigger})"
        message = f"acts {start}, but {line.port} acts {time_text(line.delay_ps)} after its edge"
        return Finding("lead", place, message, f"needs {time_text(short_ps)} more lead time")

    # -- pauses and sizes ----------------------------------------------------------------------------------------------------------------

    def _pauses(self) -> Iterator[Finding]:
        for name, spans in self._spans.items():
            line, kind = self._lines[name]
            shortest = max(line.min_off_ps, self._limits.min_step_ps)
            if kind in INPUTS or shortest <= 1 or (len(spans) == 1 and len(spans[0][0].starts_ps) == 1):
                continue
            on = np.concatenate([placed.starts_ps + item.at_ps for placed, item in spans])
            off = np.concatenate([placed.starts_ps + item.end_ps for placed, item in spans])
            order = np.argsort(on, kind="stable")
            gaps = on[order][1:] - off[order][:-1]
            bad = np.flatnonzero((gaps > 0) & (gaps < shortest))
            if len(bad):
                which = np.concatenate([np.full(len(placed.starts_ps), k) for k, (placed, _) in enumerate(spans)])[order]
                yield from self._short_pauses(name, line, spans, which[bad], gaps[bad], shortest)

    @staticmethod
    def _short_pauses(
        name: str, line: Line, spans: list[tuple[Placed, Pulse | Gate]], which: np.ndarray, gaps: np.ndarray, shortest: int
    ) -> Iterator[Finding]:
        for index in dict.fromkeys(which.tolist()):
            gap = int(gaps[which == index].min())
            message = (
                f"the next pulse comes {time_text(gap)} later, but {name} on {line.port} makes no pause shorter than {time_text(shortest)}"
            )
            yield Finding("pause", f"{spans[index][0].path}/{name}", message, f"move it {time_text(shortest - gap)} away, or join the two")

    def _sizes(self) -> Iterator[Finding]:
        limits, stretch, target = self._limits, self._stretch, self._target
        place = stretch.placed[0].path
        if limits.max_length_ps is not None and stretch.length_ps > limits.max_length_ps:
            message = (
                f"lasts {time_text(stretch.length_ps)}, longer than the {time_text(limits.max_length_ps)} of {self._device}, {target.title}"
            )
            yield Finding("length", place, message, _use(target, "length"))
        if limits.exact_length and stretch.length_ps % limits.grid_ps:
            low = stretch.length_ps // limits.grid_ps * limits.grid_ps
            grid = f"{time_text(limits.grid_ps)} grid of {self._device}, {target.title}"
            message = f"{stretch.name} lasts {time_text(stretch.length_ps)}, which is not on the {grid}"
            yield Finding("grid", place, message, f"make it {time_text(low)} or {time_text(low + limits.grid_ps)}")
        if limits.last_step_ps and stretch.until is not None:
            yield from self._rest(place)
        if limits.max_pulses is not None:
            for name, spans in self._spans.items():
                count = sum(len(placed.starts_ps) for placed, _ in spans)
                if count > limits.max_pulses and self._lines[name][1] not in INPUTS:
                    message = f"{count} pulses, but {self._lines[name][0].port} plays {limits.max_pulses} in a cycle"
                    yield Finding("pulses", f"{place}/{name}", message, _use(target, "pulses"))
        if limits.max_steps is not None and (steps := self._steps()) > limits.max_steps:
            message = f"{stretch.name} takes {steps} steps, {self._device}, {target.title}, has {limits.max_steps}"
            yield Finding("steps", place, message, f"split it, or {_use(target, 'steps')}")

    def _rest(self, place: str) -> Iterator[Finding]:
        """A table that is started again must have ended by then."""
        grid, needed = self._limits.grid_ps, self._limits.last_step_ps
        for name, spans in self._spans.items():
            delay = self._lines[name][0].delay_ps
            last = max(snap(int(placed.starts_ps[-1]) + item.end_ps - delay, grid) for placed, item in spans if len(placed.starts_ps))
            if last + needed > self._stretch.length_ps:
                message = (
                    f"the last edge is {time_text(self._stretch.length_ps - last)} before the next start, {time_text(needed)} are needed"
                )
                yield Finding("rest", f"{place}/{name}", message, "end the last pulse earlier")

    def _steps(self) -> int:
        """Edges at different times, and one step for what is left."""
        times: dict[int, tuple[Placed, set[int]]] = {}
        for name, spans in self._spans.items():
            delay = self._lines[name][0].delay_ps
            for placed, item in spans:
                times.setdefault(id(placed), (placed, set()))[1].update((item.at_ps - delay, item.end_ps - delay))
        return 1 + sum(len(placed.starts_ps) * len(found) for placed, found in times.values())


# -- helpers ---------------------------------------------------------------------------------------------------------------------------


def _grid(place: str, line: Line, times_ps: tuple[int, ...], grid_ps: int, instead: str) -> Iterator[Finding]:
    for time_ps in times_ps:
        error = abs(snap(time_ps, grid_ps) - time_ps)
        if error > line.tolerance_ps:
            low = time_ps // grid_ps * grid_ps
            message = (
                f"the edge at {line.port} would be at {time_text(time_ps)}, between {time_text(low)} and {time_text(low + grid_ps)} "
                f"of its {time_text(grid_ps)} grid"
            )
            remedy = (
                f"move it by {time_text(low - time_ps)} or +{time_text(low + grid_ps - time_ps)}, or allow the line a tolerance of "
                f"{time_text(error)}{f', or use {instead}' if instead else ''}"
            )
            yield Finding("grid", place, message, remedy)


def _use(target: Target, rule: str) -> str:
    return f"use {target.instead[rule]}" if rule in target.instead else "shorten it"


def _worst(times_ps: np.ndarray, grid_ps: int) -> int:
    errors = np.abs((times_ps + grid_ps // 2) // grid_ps * grid_ps - times_ps)
    return int(times_ps[int(np.argmax(errors))])


def _drive_name(drive: Drive) -> str:
    return {"Digital": "on and off", "Level": "an analog level", "Tone": "a tone"}[type(drive).__name__]


def _heralds(tree: Item, lines: set[str], device: str, target: Target) -> Iterator[Finding]:
    for path, item in walk(tree) if target.gate is not None else ():
        if not isinstance(item, Until):
            continue
        mine = [herald for herald in item.heralds if herald.clicks & lines]
        place = join(path, "until")
        if len(mine) > target.patterns:
            message = f"{len(mine)} herald patterns, but {device} matches {target.patterns}"
            yield Finding("patterns", place, message, "leave some out, or match them in another unit")
        for herald in mine:
            if herald.clicks - lines:
                away = ", ".join(sorted(herald.clicks - lines))
                yield Finding(
                    "patterns", f"{place}/{herald.name}", f"{away} does not come into {device}", "wire all detectors to one device"
                )


def _branches(tree: Item, lines: Mapping[str, Line], device: str, target: Target) -> Iterator[Finding]:
    """Arms that differ at a device that cannot choose."""
    for path, item in walk(tree):
        if isinstance(item, Choose):
            arms = [_at_ports(select(arm, lambda name: name in lines), item.symbol) for arm in item.arms.values()]
            if any(arm != arms[0] for arm in arms[1:]) and not any(isinstance(arm, Choose) for arm in item.arms.values()):
                message = f"the arms differ at the ports of {device}, and a {target.title} cannot choose between them"
                yield Finding("branch", join(path, item.symbol), message, f"use {target.instead.get('branch', 'a device that branches')}")


def _at_ports(arm: Item, symbol: str) -> list[object]:
    """What an arm plays. That an input's arms must be equally long is the leak check's business."""
    found: list[object] = [] if symbol == INPUT else [fixed_length_ps(arm)]
    for path, block in blocks(arm):
        found += [(path, pulse.line, pulse.at_ps, pulse.width_ps, pulse.drive) for pulse in block.pulses]
        found += [(path, gate.detector, gate.at_ps, gate.width_ps) for gate in block.gates]
    return found
