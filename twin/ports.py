"""Ports: the only way in which twin roles and device simulators act on the world.

A port holds the state of one wired thing as the world sees it (a beam is on, a shutter stands where it stands) and tells the world
when that changes. Times are handed in by whoever acts, each on its own clock; a port has none. A port without a world stands alone: it
remembers what it is told, and nothing is there to be seen.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..sequences.program import PS_PER_S, Action, Arm, AttemptLoop
from .polarimetry import PolarimeterPort
from .tallies import Counted, nothing_counted

if TYPE_CHECKING:
    from .world import World


@dataclass
class BeamPort:
    """A laser beam, or the RF power that switches one."""

    slot: str = ""
    world: World | None = field(default=None, repr=False)
    on: bool = False
    power_w: float = 0.0
    locked: bool = True
    interlock_closed: bool = True

    def set(
        self,
        now_ps: int,
        *,
        on: bool | None = None,
        power_w: float | None = None,
        locked: bool | None = None,
        interlock_closed: bool | None = None,
    ) -> None:
        """Change what is given and tell the world. An open interlock puts the light out; closing it again lights nothing."""
        self.interlock_closed = self.interlock_closed if interlock_closed is None else interlock_closed
        self.on = (self.on if on is None else on) and self.interlock_closed
        self.power_w = self.power_w if power_w is None else power_w
        self.locked = self.locked if locked is None else locked
        if self.world is not None:
            self.world.beam_changed(self, now_ps)

    @property
    def shining(self) -> bool:
        """Whether usable light comes out."""
        return self.on and self.locked


@dataclass
class ShutterPort:
    """A shutter blade (or a filter on a flip mount) that takes its time."""

    slot: str = ""
    world: World | None = field(default=None, repr=False)
    travel_ps: int = 0
    stuck: bool = False
    """A fault for tests and fault scripts: the blade no longer moves."""
    _open: bool = field(default=False, init=False)
    _since_ps: int = field(default=-(2**62), init=False)

    def command(self, is_open: bool, now_ps: int) -> None:
        """Send the blade on its way."""
        if is_open != self._open and not self.stuck:
            self._open = is_open
            self._since_ps = now_ps
            if self.world is not None:
                self.world.optics_changed()

    @property
    def settles_ps(self) -> int:
        """When the blade came, or will come, to rest."""
        return self._since_ps + self.travel_ps

    def moving(self, now_ps: int) -> bool:
        """Whether the blade is between its ends."""
        return now_ps - self._since_ps < self.travel_ps

    def is_open(self, now_ps: int) -> bool:
        """Whether light passes: fully open only, a blade on its way counts as shut."""
        return self._open and not self.moving(now_ps)

    def is_closed(self, now_ps: int) -> bool:
        """Whether the blade has arrived in front of the beam."""
        return not self._open and not self.moving(now_ps)


@dataclass
class DetectorPort:
    """A single-photon detector; ``side`` says whose fluorescence falls on it (0 Alice, 1 Bob, None nobody's)."""

    slot: str = ""
    world: World | None = field(default=None, repr=False)
    side: int | None = None
    on: bool = False
    overloaded: bool = False
    """It has latched: it stays so until it is reset, also when what caused it is over."""
    dazzled: bool = False
    """Too much light falls on it, so that it latches as soon as it is on."""
    deaf: bool = False
    dark_rate_hz: float = 0.0
    channel: int | None = None
    """Bit of this detector in the click pattern, for those of the Bell-state measurement."""

    def set_on(self, on: bool) -> None:
        """Switch the bias on or off."""
        self.on = on
        self.overloaded |= on and self.dazzled
        if self.world is not None:
            self.world.optics_changed()

    def set_deaf(self, deaf: bool) -> None:
        """Kill it without a sign: it says that it is on and in order, and sees nothing."""
        self.deaf = deaf
        if self.world is not None:
            self.world.optics_changed()

    def set_overloaded(self, overloaded: bool) -> None:
        """Have it latch, or reset it, which does not last while it is dazzled; a latched detector sees nothing."""
        self.overloaded = overloaded or (self.on and self.dazzled)
        if self.world is not None:
            self.world.optics_changed()

    def set_dazzled(self, dazzled: bool) -> None:
        """Switch a light on that is too much for it, or off."""
        self.dazzled = dazzled
        self.set_overloaded(self.overloaded)

    def count(self, start_ps: int, duration_s: float) -> int:
        """Counts during ``duration_s`` from ``start_ps``."""
        if not self.on or self.deaf or self.world is None:
            return 0
        counts = self.world.fluorescence(self.side, start_ps, duration_s, self.dark_rate_hz)
        if self.channel is not None:
            self.world.tag(self.channel + 1, start_ps, duration_s, counts)
        return counts


class Latched(NamedTuple):
    """Bits that the hardware drew, and when."""

    bits: int
    time_ps: int

    def __repr__(self) -> str:
        return f"Latched(bits=<secret>, time_ps={self.time_ps})"


@dataclass
class RandomPort:
    """A quantum random number generator: a seeded stream of its own, and a latch that the sequencer clocks."""

    slot: str = ""
    seed: np.random.SeedSequence = field(default_factory=np.random.SeedSequence, repr=False)
    stuck_at: int | None = None
    """A fault for tests and fault scripts: every byte has this value."""
    latched: deque[Latched] = field(default_factory=deque, init=False, repr=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)

    def read(self, n_bytes: int) -> bytes:
        """The next bytes of the stream."""
        return self._rng.bytes(n_bytes) if self.stuck_at is None else bytes([self.stuck_at]) * n_bytes

    def latch(self, n_bits: int, time_ps: int) -> int:
        """Draw bits in hardware at ``time_ps``; they can be read back once."""
        bits = int.from_bytes(self.read(-(-n_bits // 8)), "little") & ((1 << n_bits) - 1)
        self.latched.append(Latched(bits, time_ps))
        return bits


class Clicks(NamedTuple):
    """Detector clicks: times in ps (int64), channels (int16)."""

    times_ps: np.ndarray
    channels: np.ndarray


NO_CLICKS = Clicks(np.empty(0, np.int64), np.empty(0, np.int16))
"""What most looks at a tagger find."""


@dataclass
class TagPort:
    """The tagger's inputs: 0 is the reference edge of an attempt, 1 to 4 the detectors of the Bell-state measurement.

    Of the attempts only those that herald exist at this level of the twin, each with its reference edge: as if an event filter let nothing
    else through. What else is counted with these detectors (a particle's fluorescence, where they read one out) is tagged in full.
    """

    slot: str = ""
    world: World | None = field(default=None, repr=False)
    seed: np.random.SeedSequence = field(default_factory=np.random.SeedSequence, repr=False)
    running: bool = False
    references_lost: bool = False
    """A fault for tests and fault scripts: no reference edge is tagged."""
    _tags: list[tuple[int, int]] = field(default_factory=list, init=False, repr=False)
    _overflows: bool = field(default=False, init=False)
    _since_ps: int = field(default=0, init=False)
    _losses: list[tuple[int, int]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)

    def click(self, time_ps: int, pattern: int) -> None:
        """Note clicks of one moment; channels count from 1 in the order of the pattern's bits."""
        if self.running:
            self._tags += [(time_ps, bit + 1) for bit in range(4) if pattern >> bit & 1]

    def herald(self, time_ps: int, pattern: int, loop: AttemptLoop, lifetime_ps: float) -> None:
        """Note an attempt that heralded at ``time_ps``, when its gate had closed.

        What is left of an exponential decay when a gate opens is the same exponential; this one is cut where the gate closes.
        """
        if not self.running:
            return
        opened_ps = time_ps - loop.gate_ps
        if not self.references_lost:
            self._tags.append((opened_ps - loop.gate_start_ps, 0))
        for bit in range(4):
            if pattern >> bit & 1:
                decayed = self._rng.random() * -math.expm1(-loop.gate_ps / lifetime_ps)
                self._tags.append((opened_ps + int(-lifetime_ps * math.log1p(-decayed)), bit + 1))

    def counted(self, channel: int, start_ps: int, duration_s: float, counts: int) -> None:
        """Note clicks that a detector counts elsewhere than in an attempt."""
        if self.running:
            times = start_ps + self._rng.integers(0, max(1, round(duration_s * PS_PER_S)), counts)
            self._tags += [(time_ps, channel) for time_ps in times.tolist()]

    def set_running(self, running: bool, now_ps: int) -> None:
        """Start or stop taking tags; one that takes none loses none."""
        self._settle(now_ps)
        self.running = running

    def overflow(self, holds: bool, now_ps: int) -> None:
        """Have the buffer overflow, so that tags are lost, or end it."""
        self._settle(now_ps)
        self._overflows = holds

    def take(self, now_ps: int) -> tuple[Clicks, tuple[tuple[int, int], ...]]:
        """Everything until now since the last call: tags in order, and when tags were lost."""
        self._settle(now_ps)
        if not self._tags and not self._losses:
            return NO_CLICKS, ()
        losses, self._losses = tuple(self._losses), []
        tags, self._tags = sorted(self._tags), []
        kept = [tag for tag in tags if not any(start_ps <= tag[0] < end_ps for start_ps, end_ps in losses)]
        return Clicks(np.array([time_ps for time_ps, _ in kept], np.int64), np.array([channel for _, channel in kept], np.int16)), losses

    def _settle(self, now_ps: int) -> None:
        """Account for the time until now, in which nothing has changed."""
        if self._overflows and self.running and now_ps > self._since_ps:
            self._losses.append((self._since_ps, now_ps))
        self._since_ps = now_ps


@dataclass
class RotatorPort:
    """A wave plate or fibre paddle; the angle is the rotation that it adds to the fibre's polarisation, in radians."""

    slot: str = ""
    world: World | None = field(default=None, repr=False)
    angle: float = 0.0

    def set(self, angle: float) -> None:
        """Turn it."""
        self.angle = angle
        if self.world is not None:
            self.world.optics_changed()


@dataclass
class CurrentPort:
    """A coil: what its source drives through it, A."""

    slot: str = ""
    world: World | None = field(default=None, repr=False)
    current: float = 0.0
    on: bool = False

    def set(self, *, current: float | None = None, on: bool | None = None) -> None:
        """Change what is given."""
        self.current = self.current if current is None else current
        self.on = self.on if on is None else on
        if self.world is not None:
            self.world.optics_changed()

    @property
    def flows(self) -> float:
        """The current that flows, A."""
        return self.current if self.on else 0.0


class Attempted(NamedTuple):
    """How a run of attempts ended.

    Args:
        heralded: a pattern matched.
        particle_missing: a presence check failed (both False: the limit was reached).
        pattern: the click pattern.
        time_ps: when the herald was known, or when the sequencer gave up.
        attempts: excitations.
    """

    heralded: bool
    particle_missing: bool
    pattern: int
    time_ps: int
    attempts: int


Actor = Callable[[Arm | None, int], None]
"""What a section does: its arm, and when, ps."""


def _nothing(arm: Arm | None, at_ps: int) -> None:
    """Nothing is connected."""


@dataclass
class SequencerPort:
    """The outputs and inputs of a fast sequencer."""

    slot: str = ""
    world: World | None = field(default=None, repr=False)
    side: int | None = None
    missed_references: int = 0
    """A fault for tests and fault scripts: reference pulses that the next run will not see."""
    _dark_attempts: int = field(default=0, init=False)

    def run(self, start_ps: int, loop: AttemptLoop, accepted: tuple[int, ...], limit: int) -> Attempted:
        """Attempt until herald, missing particle or limit."""
        if self.world is None:
            self._dark_attempts += limit
            return Attempted(False, False, 0, start_ps + loop.start_of_attempt_ps(limit), limit)
        return self.world.run_attempts(start_ps, loop, accepted, limit)

    def take_counted(self) -> Counted:
        """What was counted in its attempts since this was last asked; a node's own sequencer makes none."""
        if self.world is not None:
            return self.world.take_counted() if self.side is None else nothing_counted()
        counted = nothing_counted()
        counted.patterns[0], self._dark_attempts = self._dark_attempts, 0
        return counted

    def off_gate_ps(self, loop: AttemptLoop) -> int:
        """How long off-gate clicks are counted in an attempt, ps."""
        return 0 if self.world is None else self.world.off_gate(loop).length_ps

    def take_missed_references(self) -> int:
        """How many reference pulses the last run did not see."""
        missed, self.missed_references = self.missed_references, 0
        return missed

    def actor(self, action: Action) -> Actor:
        """What sections of this kind do to the node's particle and light path; a sequencer looks it up when it is loaded."""
        if self.world is None or self.side is None:
            return _nothing
        return self.world.actor(self.side, action)

    def act(self, action: Action, arm: Arm | None, at_ps: int) -> None:
        """Do it once."""
        self.actor(action)(arm, at_ps)

    def latch(self, n_bits: int, at_ps: int) -> int:
        """Have the node's random source draw bits in hardware."""
        if self.world is None or self.side is None:
            return 0
        return self.world.random_port(self.side).latch(n_bits, at_ps)


Port = BeamPort | ShutterPort | DetectorPort | TagPort | RandomPort | SequencerPort | RotatorPort | CurrentPort | PolarimeterPort
