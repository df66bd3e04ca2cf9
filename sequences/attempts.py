"""What both links share: the plan of a link, and the attempts until a herald."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .language import ON, Block, Drive, Gate, Herald, Pulse, Repeat, Seq, Tone, Until
from .program import to_ps

PARTIES = ("alice", "bob")
DETECTORS = ("bsm.detector_ch", "bsm.detector_cv", "bsm.detector_dh", "bsm.detector_dv")
"""Detectors of the Bell-state measurement; bit 0 to 3 of a click pattern."""
EXCITATION = "excitation"
"""Slot, at each party, of the line whose pulse makes the photon."""
REFERENCE = "bsm.reference"
"""The excitation pulse as it arrives at the Bell-state measurement: what gates and time tags count from."""


@dataclass(frozen=True)
class AttemptTimings:
    """Timings of an attempt in seconds, at the atom, as the link file gives them.

    Args:
        attempt: period of the attempts.
        pump_start: from the start of an attempt to the pump light.
        pump: how long it is on.
        excitation: from the start of an attempt to the entangling pulse, at the node with the longer fibre; the other one waits for it.
        excitation_pulse: length of the entangling pulse.
        gate_start: from the pulse, as it would arrive at the detectors, to the opening of their gate.
        gate: how long photons are accepted.
        attempts_per_burst: attempts between two coolings.
        attempt_limit: attempts without a herald after which the sequencer returns.
        burst_cooling: cooling and presence check after each burst.
        herald_latency: from the closing of the gate to the herald's being known.
        lead: from a trigger to the first light, which gives the lines time for their delays.
    """

    attempt: float
    pump_start: float
    pump: float
    excitation: float
    excitation_pulse: float
    gate_start: float
    gate: float
    attempts_per_burst: int
    attempt_limit: int
    burst_cooling: float
    herald_latency: float
    lead: float


@dataclass(frozen=True)
class Plan:
    """What a sequence needs to know of a link apart from its timings.

    Args:
        flight: seconds that a photon needs from each party to the Bell-state measurement.
        heralds: patterns that herald, each with the Bell state that it heralds.
        settings: analysis angles of each party in radians, by input.
        fallback: output of each party for a round that failed.
        tones: what a line's port plays where switching it on is not enough, by line.
    """

    flight: Mapping[str, float]
    heralds: Sequence[Herald]
    settings: Mapping[str, Sequence[float]]
    fallback: Mapping[str, int]
    tones: Mapping[str, Tone] = field(default_factory=dict)

    def drive(self, line: str) -> Drive:
        """What a line plays when it is on."""
        return self.tones.get(line, ON)

    def light(self, line: str, at: float, width: float) -> Pulse:
        """A pulse on a line; times in seconds."""
        return Pulse(line, to_ps(at), to_ps(width), self.drive(line))

    @property
    def bell_states(self) -> tuple[str, ...]:
        """The Bell states that are heralded, each once, in the order of the patterns."""
        return tuple(dict.fromkeys(herald.name for herald in self.heralds))


def attempt_block(timings: AttemptTimings, plan: Plan, preparation: Sequence[Pulse]) -> Block:
    """One attempt: prepare, excite both atoms such that their photons meet, open the gates when they arrive.

    Args:
        timings: of the attempt.
        plan: of the link.
        preparation: pulses that prepare the atoms.
    """
    longest = max(to_ps(flight) for flight in plan.flight.values())
    arrival = to_ps(timings.excitation) + longest
    width = to_ps(timings.excitation_pulse)
    excitation = tuple(Pulse(f"{node}.{EXCITATION}", arrival - to_ps(plan.flight[node]), width) for node in PARTIES)
    gate_at, gate = arrival + to_ps(timings.gate_start), to_ps(timings.gate)
    return Block(
        "attempt",
        to_ps(timings.attempt),
        (*preparation, *excitation, Pulse(REFERENCE, arrival, width)),
        tuple(Gate(detector, gate_at, gate, ref=REFERENCE) for detector in DETECTORS),
    )


def attempts(timings: AttemptTimings, plan: Plan, attempt: Block) -> Until:
    """Bursts of attempts, each followed by cooling with a look whether the atoms are still there, until a herald."""
    lead, window = timings.lead, timings.burst_cooling - 2 * timings.lead  # dark again before the next attempt
    light = tuple(plan.light(f"{node}.{slot}", lead, window) for node in PARTIES for slot in ("cooling", "repump"))
    look = tuple(Gate(f"{node}.detector", to_ps(lead), to_ps(window)) for node in PARTIES)
    cooling = Block("cooling", to_ps(timings.burst_cooling), light, look)
    burst = Seq((Repeat(attempt, timings.attempts_per_burst), cooling))
    return Until(burst, tuple(plan.heralds), limit=timings.attempt_limit, latency_ps=to_ps(timings.herald_latency))


def fluorescence(node: str, lead: float, window: float, plan: Plan) -> Block:
    """Light on and count: the outcome."""
    light = tuple(plan.light(f"{node}.{slot}", lead, window) for slot in ("cooling", "repump"))
    return Block("fluorescence", to_ps(lead) + to_ps(window), light, (Gate(f"{node}.detector", to_ps(lead), to_ps(window)),))
