"""The hardware-timed part of a round as data: what happens at the atoms and at the detectors, and when.

All times are whole picoseconds *at the atom*: when the light of a pulse acts there, or when a photon meets its detector. How a pulse gets
there (port, delay, idle level) is :mod:`.wiring`, apart from the physics. One tree describes the round of the whole link; :mod:`.tree`
reads it and cuts out what one node has to do.

Blocks have a fixed length. The control language around them is small, so that it can be checked, drawn, simulated by sampling, and
compiled: :class:`Seq`, :class:`Repeat`, :class:`Until`, :class:`Choose`, :class:`Wait`, and :class:`Apart` where the nodes go on by
themselves.

Nothing is refused while a tree is put together; :func:`.check.check` says everything that is wrong with it at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..errors import SequenceError
from .program import Action

ps, ns, us, ms, s = 1, 1_000, 1_000_000, 1_000_000_000, 1_000_000_000_000
"""Picoseconds in each unit: ``3 * us``."""

INPUT, HERALD, ROUND_TYPE = "input", "herald", "round_type"
"""What a :class:`Choose` can hang on: the party's secret input, the name of the public herald. The type of the round is here only so that
a choice on it can be recognised and refused."""


# -- what a port plays, and what it does to the atom -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Digital:
    """A line that is on or off."""

    on: bool = True


@dataclass(frozen=True)
class Level:
    """An analog level in volts."""

    volts: float

    def __post_init__(self) -> None:
        _floats(self, "volts")


@dataclass(frozen=True)
class Tone:
    """A radio frequency.

    Args:
        frequency_hz: frequency.
        power_dbm: power.
        phase: phase in radians.
    """

    frequency_hz: float
    power_dbm: float
    phase: float = 0.0

    def __post_init__(self) -> None:
        _floats(self, "frequency_hz", "power_dbm", "phase")


Drive = Digital | Level | Tone
ON, OFF = Digital(True), Digital(False)


@dataclass(frozen=True)
class Basis:
    """The basis in which a pulse reads the atom out; see :class:`.program.Arm` for the meaning of the numbers."""

    angle: float
    phase: float = 0.0
    beam: int = 0

    def __post_init__(self) -> None:
        _floats(self, "angle", "phase")


@dataclass(frozen=True)
class Effect:
    """What a pulse does to the atom and its light path.

    Args:
        action: what.
        after_ps: from the start of the pulse to the moment that counts.
        basis: of a projection.
    """

    action: Action
    after_ps: int = 0
    basis: Basis | None = None

    def __post_init__(self) -> None:
        _times(self, "after_ps")


# -- blocks ----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pulse:
    """A pulse on a line.

    Args:
        line: name of the line, ``node.slot``.
        at_ps: from the start of the block to the start of the pulse, at the atom.
        width_ps: its length.
        drive: what the line plays meanwhile; before and after it idles.
        does: what the pulse does to the atom, where a simulation must know.
    """

    line: str
    at_ps: int
    width_ps: int
    drive: Drive = ON
    does: Effect | None = None

    def __post_init__(self) -> None:
        _times(self, "at_ps", "width_ps")

    @property
    def end_ps(self) -> int:
        """From the start of the block to the end of the pulse."""
        return self.at_ps + self.width_ps


@dataclass(frozen=True)
class Gate:
    """A window in which clicks of a detector count.

    Args:
        detector: name of the detector, ``node.slot``.
        at_ps: from the start of the block to the opening, for a photon at the detector.
        width_ps: its length.
        ref: line of the same block whose pulse the hardware sees and counts from, if it does; ``at_ps`` is from the start of the block
            all the same.
    """

    detector: str
    at_ps: int
    width_ps: int
    ref: str | None = None

    def __post_init__(self) -> None:
        _times(self, "at_ps", "width_ps")

    @property
    def end_ps(self) -> int:
        """From the start of the block to the closing of the gate."""
        return self.at_ps + self.width_ps


@dataclass(frozen=True)
class Block:
    """A stretch of fixed length.

    Args:
        name: for people, and of the section of a sequencer's program that it becomes.
        length_ps: its length.
        pulses: in it.
        gates: in it.
        fallback: output of the round if it fails here; see :class:`Seq`.
    """

    name: str
    length_ps: int
    pulses: tuple[Pulse, ...] = ()
    gates: tuple[Gate, ...] = ()
    fallback: int | None = None

    def __post_init__(self) -> None:
        _times(self, "length_ps")
        object.__setattr__(self, "pulses", tuple(self.pulses))
        object.__setattr__(self, "gates", tuple(self.gates))


@dataclass(frozen=True)
class Herald:
    """A pattern of clicks that heralds: these detectors click in their gates, each of them, and no other does.

    Args:
        name: what is heralded, e.g. ``"psi+"``; two patterns may herald the same.
        clicks: names of the detectors.
    """

    name: str
    clicks: frozenset[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "clicks", frozenset(self.clicks))


# -- control ---------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seq:
    """One after the other.

    Args:
        items: in their order.
        fallback: output of the round if it fails in one of them and that one names none. After a herald nothing may be undefined.
    """

    items: tuple[Item, ...]
    fallback: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", tuple(self.items))


@dataclass(frozen=True)
class Repeat:
    """The same again, a fixed number of times."""

    body: Item
    n: int


@dataclass(frozen=True)
class Until:
    """Again and again until a herald. What comes after it in the tree comes after a herald only.

    Args:
        body: what is repeated; one pass of a block that has a gate for a detector of a herald is an attempt.
        heralds: any of these patterns ends it, at once.
        limit: attempts after which it gives the word back without a herald.
        latency_ps: from the closing of an attempt's last gate to the moment when its herald is known.
    """

    body: Item
    heralds: tuple[Herald, ...]
    limit: int
    latency_ps: int = 0

    def __post_init__(self) -> None:
        _times(self, "latency_ps")
        object.__setattr__(self, "heralds", tuple(self.heralds))


@dataclass(frozen=True)
class Choose:
    """One of several arms, which the outside must not be able to tell apart.

    Args:
        symbol: what it hangs on: :data:`INPUT` or :data:`HERALD`.
        arms: by value: inputs 0, 1, ... or names of heralds.
        fallback: output of the round if it fails here; see :class:`Seq`.
    """

    symbol: str
    arms: Mapping[int | str, Item]
    fallback: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "arms", MappingProxyType(dict(self.arms)))


@dataclass(frozen=True)
class Wait:
    """Until something that this sequencer does not time itself.

    Args:
        event: what is waited for. Waiting for :data:`INPUT` means that the hardware fixes its input here, out of its own random bits.
        timeout_ps: if it has not come by then, the round ends with its fallback output.
        fixed: whether the wait always lasts ``timeout_ps``, so that its length tells nothing.
        fallback: output of the round if it fails here; see :class:`Seq`.
    """

    event: str
    timeout_ps: int
    fixed: bool = False
    fallback: int | None = None

    def __post_init__(self) -> None:
        _times(self, "timeout_ps")


@dataclass(frozen=True)
class Apart:
    """The nodes go on by themselves, each by its own clock; only a :class:`Wait` brings them together again.

    Args:
        parts: by node.
    """

    parts: Mapping[str, Item] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", MappingProxyType(dict(self.parts)))


Item = Block | Seq | Repeat | Until | Choose | Wait | Apart


def _times(item: object, *names: str) -> None:
    """Make whole numbers of what are times; ``0.6 * us`` is one, although Python calls it a float."""
    for name in names:
        value = getattr(item, name)
        try:
            whole = round(value)
        except (TypeError, ValueError, OverflowError):
            whole = None
        if whole is None or whole != value:
            raise SequenceError(f"{type(item).__name__}.{name}: {value!r} is not a whole number of picoseconds; write e.g. 3 * us")
        object.__setattr__(item, name, whole)


def _floats(item: object, *names: str) -> None:
    """One spelling for equal numbers (0, 0.0 and -0.0), so that they look alike in a digest."""
    for name in names:
        object.__setattr__(item, name, float(getattr(item, name)) + 0.0)
