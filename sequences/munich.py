"""The hardware-timed part of a round of the Munich link (Zhang et al., Nature 607, 687 (2022)).

Attempt: pump, excite, and wait for the photons of both nodes at the Bell-state measurement; bursts of attempts with cooling and
presence check in between. After a herald each node latches its input and plays the readout pulse, well within the atoms' coherence
time of 330 us.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import SequenceError
from .attempts import AttemptTimings
from .program import Action, Arm, Program, Section, sections_by_name, to_ps


@dataclass(frozen=True)
class MunichTimings(AttemptTimings):
    """Timings in seconds, at the atom, as the link file gives them; those of the attempts are in :class:`~.attempts.AttemptTimings`.

    Args:
        input_delay: from the herald signal to the input standing.
        readout_delay: from the input to the start of the readout pulse.
        readout_pulse: readout and ionisation pulse.
    """

    input_delay: float
    readout_delay: float
    readout_pulse: float


def node_program(node: str, timings: MunichTimings, angles: Sequence[float]) -> Program:
    """What a node's own sequencer is loaded with.

    Args:
        node: its name.
        timings: of the link.
        angles: polarisation of the readout pulse for each input, radians; a power of two of them, since random bits choose.

    Raises:
        SequenceError: another number of angles.
    """
    input_bits = (len(angles) - 1).bit_length()
    if len(angles) != 1 << input_bits:
        raise SequenceError(f"{node}: random bits cannot choose evenly among {len(angles)} inputs; give a power of two of them")
    arms = tuple(Arm(f"input {k}", angle, beam=k) for k, angle in enumerate(angles))
    delay, pulse = to_ps(timings.readout_delay), to_ps(timings.readout_pulse)
    draw = to_ps(timings.input_delay)
    sections = sections_by_name(
        Section("input", Action.LATCH, length_ps=draw, acts_ps=draw, arms=arms),
        Section("readout", Action.ANALYSE, length_ps=delay + pulse, acts_ps=delay, arms=arms),
    )
    return Program(node, sections=sections, input_bits=input_bits)
