"""One block of a sequence at one node, played on the world's ports in the order of time.

A pulse on a line whose slot is a beam switches that beam for its width and leaves it as it was; an effect acts on the particle at its
moment; a gate counts, piece by piece between all that happens meanwhile, so that light that goes out in its middle counts for half.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ..errors import ConfigError
from ..sequences.language import Basis, Block, Digital, Drive, Effect, Gate, Level, Pulse
from ..sequences.program import PS_PER_S, Action, Arm
from ..sequences.tree import node_of
from .ports import BeamPort, DetectorPort, SequencerPort
from .world import BEAMS, SIDES, World

_START, _ACT, _CLOSE, _END, _OPEN = range(5)
"""What comes first of two things at one moment: light on before an effect that needs it, light off after one that still had it."""


@dataclass
class Played:
    """What came of a block.

    Attributes:
        counts: of each gate, by detector, in the order of the gates' closing.
        acted_ps: when its effects acted.
        notes: beams without light.
        failed: why its counts mean nothing, in words; empty where they do.
    """

    counts: list[tuple[str, int]] = field(default_factory=list, repr=False)
    acted_ps: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: str = ""


class BlockPlay:
    """Plays one block.

    Args:
        world: on which.
        node: whose pulses and gates.
        block: the block.
        start_ps: when it begins, on the node's time.
    """

    def __init__(self, world: World, node: str, block: Block, start_ps: int) -> None:
        self._world = world
        self._node = node
        self._start_ps = start_ps
        self._before: dict[str, tuple[bool, float]] = {}
        self._pulse_on: dict[str, Pulse] = {}
        self._open: dict[Gate, int] = {}
        self._counted: dict[Gate, int] = {}
        self._block = block
        self.played = Played()

    def run(self) -> Played:
        """Play it."""
        for at_ps, _, do in sorted(self._events(), key=lambda event: event[:2]):
            for gate in self._open:
                self._count(gate, at_ps)
            do(at_ps)
        return self.played

    def _events(self) -> list[tuple[int, int, Callable[[int], None]]]:
        found: list[tuple[int, int, Callable[[int], None]]] = []
        zero_ps = self._start_ps
        for pulse in self._block.pulses:
            if node_of(pulse.line) == self._node:
                found.append((zero_ps + pulse.at_ps, _START, partial(self._switch, pulse)))
                found.append((zero_ps + pulse.end_ps, _END, partial(self._switch_back, pulse)))
                if (does := pulse.does) is not None:
                    acts_ps = zero_ps + pulse.at_ps + does.after_ps
                    found.append((acts_ps, _ACT, partial(self._act, does)))
        for gate in self._block.gates:
            if node_of(gate.detector) == self._node:
                found.append((zero_ps + gate.at_ps, _OPEN, partial(self._open_gate, gate)))
                found.append((zero_ps + gate.end_ps, _CLOSE, partial(self._close_gate, gate)))
        return found

    # -- light -------------------------------------------------------------------------------------------------------------------------

    def _switch(self, pulse: Pulse, at_ps: int) -> None:
        port = beam_port(self._world, pulse.line)
        if port is None:
            return
        self._before.setdefault(pulse.line, (port.on, port.power_w))
        self._pulse_on[pulse.line] = pulse
        switch(port, pulse.drive, at_ps)
        if is_on(pulse.drive) and not port.shining:
            self.played.notes.append(f"{pulse.line} is on and gives no light")

    def _switch_back(self, pulse: Pulse, at_ps: int) -> None:
        port = beam_port(self._world, pulse.line)
        if port is None or self._pulse_on.get(pulse.line) is not pulse:
            return  # the next pulse has taken over at the same moment
        del self._pulse_on[pulse.line]
        on, power_w = self._before.pop(pulse.line)
        if (port.on, port.power_w) != (on, power_w):
            port.set(at_ps, on=on, power_w=power_w)

    def _act(self, effect: Effect, at_ps: int) -> None:
        if effect.action is Action.ANALYSE and self._node in SIDES and not self._world.can_analyse(SIDES.index(self._node)):
            self.played.notes.append("nothing is projected: not all the light that it takes shines at this moment")
        sequencer_port(self._world, self._node).act(effect.action, _arm(effect.basis), at_ps)
        self.played.acted_ps.append(at_ps)

    # -- counting ----------------------------------------------------------------------------------------------------------------------

    def _open_gate(self, gate: Gate, at_ps: int) -> None:
        self._open[gate] = at_ps
        self._counted[gate] = 0

    def _count(self, gate: Gate, now_ps: int) -> None:
        since_ps = self._open[gate]
        if now_ps > since_ps:
            self._counted[gate] += detector_port(self._world, gate.detector).count(since_ps, (now_ps - since_ps) / PS_PER_S)
            self._open[gate] = now_ps

    def _close_gate(self, gate: Gate, at_ps: int) -> None:
        del self._open[gate]
        self.played.counts.append((gate.detector, self._counted.pop(gate)))
        port = detector_port(self._world, gate.detector)
        if not port.on or port.overloaded:
            self.played.failed = f"{gate.detector} is {'overloaded' if port.on else 'off'}, its counts mean nothing"


# -- ports -----------------------------------------------------------------------------------------------------------------------------


def beam_port(world: World, line: str) -> BeamPort | None:
    """The beam that a line switches; None where its light does nothing in the world."""
    port = world.ports.get(line)
    if port is None and node_of(line) in SIDES and line.partition(".")[2] in BEAMS:
        port = world.port("Laser", line)
    return port if isinstance(port, BeamPort) else None


def detector_port(world: World, slot: str) -> DetectorPort:
    """The detector in a slot.

    Raises:
        ConfigError: something else is wired there.
    """
    port = world.port("SinglePhotonDetector", slot)
    if not isinstance(port, DetectorPort):
        raise ConfigError(f"{slot} is wired to a {type(port).__name__}, not to a detector")
    return port


def sequencer_port(world: World, node: str) -> SequencerPort:
    """A node's sequencer.

    Raises:
        ConfigError: something else is wired there.
    """
    port = world.port("HeraldingSequencer", f"{node}.sequencer")
    if not isinstance(port, SequencerPort):
        raise ConfigError(f"{node}.sequencer is wired to a {type(port).__name__}, not to a sequencer")
    return port


def is_on(drive: Drive) -> bool:
    """Whether a drive lets light through."""
    if isinstance(drive, Digital):
        return drive.on
    return drive.volts != 0 if isinstance(drive, Level) else True


def switch(port: BeamPort, drive: Drive, at_ps: int) -> None:
    """Have a beam do what a drive says; a tone brings its power along."""
    power_w = port.power_w if isinstance(drive, Digital | Level) else 1e-3 * 10 ** (drive.power_dbm / 10)
    if (port.on, port.power_w) != (is_on(drive), power_w):
        port.set(at_ps, on=is_on(drive), power_w=power_w)


def _arm(basis: Basis | None) -> Arm | None:
    return Arm("", basis.angle, basis.phase, basis.beam) if basis is not None else None
