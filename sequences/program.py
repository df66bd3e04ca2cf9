"""What a sequencer is loaded with: the attempt loop of the heralding station, and the sections that a node plays after a herald.

Frozen data in integer picoseconds. A program is made by :func:`.lowering.lower` out of the description of a round; those of the two links
are in :mod:`.munich` and :mod:`.oxford`, and no timing lives anywhere else.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from ..errors import SequenceError

PS_PER_S = 1_000_000_000_000


def to_ps(seconds: float) -> int:
    """Seconds to whole picoseconds."""
    return round(seconds * PS_PER_S)


class Action(enum.StrEnum):
    """What a section does to the atom and its light path."""

    LATCH = "latch"
    """The hardware fixes the input, out of its own random bits."""
    ANALYSE = "analyse"
    """The state is turned into the basis of the chosen arm and projected."""
    DISCONNECT = "disconnect"
    CONNECT = "connect"
    SCRAMBLE = "scramble"
    """The internal state is erased."""


@dataclass(frozen=True)
class Arm:
    """One branch of a choice.

    Args:
        name: for people.
        angle: analysis angle in radians: polarisation of the readout pulse (Rb) or angle from Z in the Z-X plane of the Bloch sphere (Sr).
        phase: phase of the readout polarisation, radians.
        beam: which of the overlapped readout beams plays it (Rb).
    """

    name: str
    angle: float
    phase: float = 0.0
    beam: int = 0

    def __post_init__(self) -> None:
        for name in ("angle", "phase"):  # 0, 0.0 and -0.0 are equal, and must look alike in a digest
            object.__setattr__(self, name, float(getattr(self, name)) + 0.0)

    def __hash__(self) -> int:
        return hash(self.name)  # that of all fields costs a simulated readout more than its physics; arms of one section differ in name


@dataclass(frozen=True)
class Section:
    """A hardware-timed stretch with a name; all its arms have the same length.

    Args:
        name: e.g. ``"readout"``.
        action: what it does.
        length_ps: from start to end.
        acts_ps: from its start to the moment that counts (input fixed, projection).
        arms: what can be chosen; empty where there is no choice.
    """

    name: str
    action: Action
    length_ps: int
    acts_ps: int = 0
    arms: tuple[Arm, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.acts_ps <= self.length_ps:
            raise SequenceError(f"section {self.name!r}: acts at {self.acts_ps} ps, outside its length of {self.length_ps} ps")


@dataclass(frozen=True)
class AttemptLoop:
    """Attempts in bursts, with a pause after each burst for cooling and the presence check, until a herald pattern matches.

    Args:
        attempt_ps: period of the attempts.
        attempts_per_burst: attempts between two pauses.
        gap_ps: length of the pause.
        herald_ps: from the start of an attempt to the moment when its herald is known.
        limit_attempts: after so many attempts without a herald the sequencer gives the word back.
        gate_start_ps: from the pulse, as it would arrive at the detectors, to the opening of their gate.
        gate_ps: how long photons are accepted.
        late_ps: by how much the photons of Alice's and of Bob's atom come after the pulse that the gate counts from; 0 where they meet.
    """

    attempt_ps: int
    attempts_per_burst: int
    gap_ps: int
    herald_ps: int
    limit_attempts: int
    gate_start_ps: int
    gate_ps: int
    late_ps: tuple[int, int] = (0, 0)

    @cached_property
    def burst_ps(self) -> int:
        """One burst with its pause."""
        return self.attempts_per_burst * self.attempt_ps + self.gap_ps

    def start_of_attempt_ps(self, attempt: int) -> int:
        """When attempt number ``attempt`` (from 0) begins, after the start of the loop."""
        burst, within = divmod(attempt, self.attempts_per_burst)
        return burst * self.burst_ps + within * self.attempt_ps

    def attempts_begun_before_ps(self, elapsed_ps: int) -> int:
        """How many attempts begin in the first ``elapsed_ps`` of the loop."""
        if elapsed_ps <= 0:
            return 0
        burst, within_ps = divmod(elapsed_ps, self.burst_ps)
        return burst * self.attempts_per_burst + min(-(-within_ps // self.attempt_ps), self.attempts_per_burst)


@dataclass(frozen=True)
class Program:
    """Everything that one sequencer needs for a run.

    Args:
        node: whose sequencer it is for.
        loop: the attempt loop (heralding station only).
        accepted_patterns: click patterns that herald, one bit a detector in the order cH, cV, dH, dV; exact matches only.
        sections: what the node can play after a herald, by name.
        input_bits: width of the hardware's own random choice, 0 for none.
        sequence: digest of the description that it was made from, wiring included; empty if there is none.
    """

    node: str
    loop: AttemptLoop | None = None
    accepted_patterns: tuple[int, ...] = ()
    sections: Mapping[str, Section] = field(default_factory=lambda: MappingProxyType({}))
    input_bits: int = 0
    sequence: str = ""

    @property
    def digest(self) -> str:
        """BLAKE2b over the canonical JSON of the program: equal if and only if the program is."""
        content = {
            "node": self.node,
            "loop": dataclasses.asdict(self.loop) if self.loop else None,
            "accepted_patterns": self.accepted_patterns,
            "sections": {name: dataclasses.asdict(section) for name, section in self.sections.items()},
            "input_bits": self.input_bits,
            "sequence": self.sequence,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def sections_by_name(*sections: Section) -> Mapping[str, Section]:
    """A read-only table of sections; a name used twice is refused."""
    table = {section.name: section for section in sections}
    if len(table) != len(sections):
        raise SequenceError(f"two sections with one name among {[section.name for section in sections]}")
    return MappingProxyType(table)
