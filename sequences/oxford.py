"""The hardware-timed part of a round of the Oxford link (Nadlinger et al., Nature 607, 682 (2022)).

Attempts run in blocks with Doppler cooling in between. After a herald each node shuttles its ion out of the fibre's focus; when both are
out and the round's type is known, it rotates its qubit into the basis of its input, in the frame of the herald pattern, and reads it by
fluorescence; then it scrambles the ion's state and brings it back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .attempts import AttemptTimings
from .program import Action, Arm, Program, Section, sections_by_name, to_ps


@dataclass(frozen=True)
class OxfordTimings(AttemptTimings):
    """Timings in seconds, at the ion, as the link file gives them; those of the attempts are in :class:`~.attempts.AttemptTimings`.

    Args:
        shuttle: ion out of the fibre's focus, settled.
        input_delay: from the moment an input may be drawn to the input standing.
        rotation: into the measurement basis; the same for every input.
        scramble: light that erases the outcome.
        reconnect: ion back in the fibre's focus, settled.
        recool: cooling and state check before the next attempts.
    """

    shuttle: float
    input_delay: float
    rotation: float
    scramble: float
    reconnect: float
    recool: float


def in_frame(theta: float, bell_state: str) -> float:
    """Bob's analysis angle after a herald of ``bell_state``, such that every herald looks like Phi+ in the Z-X plane.

    Psi+ has <ZZ> = -1, <XX> = +1: Z changes sign. Psi- has -1 in both: Z and X change sign.

    Args:
        theta: configured angle from Z towards X on the Bloch sphere, radians.
        bell_state: ``"psi+"`` or ``"psi-"``.

    Raises:
        KeyError: another Bell state.
    """
    return {"psi+": math.pi - theta, "psi-": theta + math.pi}[bell_state]


def node_program(node: str, timings: OxfordTimings, axes: Sequence[float], frames: Sequence[str]) -> Program:
    """What a node's own sequencer is loaded with.

    Args:
        node: its name.
        timings: of the link.
        axes: analysis angle for each input, radians from Z towards X.
        frames: Bell states whose frame this node takes over by its choice of arm; empty at the node that never turns its axes.
    """
    if frames:
        arms = tuple(Arm(f"input {k}, {state}", in_frame(axis, state)) for state in frames for k, axis in enumerate(axes))
    else:
        arms = tuple(Arm(f"input {k}", axis) for k, axis in enumerate(axes))
    rotate = to_ps(timings.input_delay) + to_ps(timings.rotation)
    sections = sections_by_name(
        Section("shuttle", Action.DISCONNECT, length_ps=to_ps(timings.shuttle)),
        Section("rotate", Action.ANALYSE, length_ps=rotate, acts_ps=rotate, arms=arms),
        Section("scramble", Action.SCRAMBLE, length_ps=to_ps(timings.scramble)),
        Section("reconnect", Action.CONNECT, length_ps=to_ps(timings.reconnect) + to_ps(timings.recool)),
    )
    return Program(node, sections=sections)


def arm_table(axes: Sequence[float], frames: Sequence[str], patterns: Mapping[int, str]) -> dict[tuple[int, int], int]:
    """The arm of ``rotate`` for every (input, herald pattern); ``patterns`` maps click patterns to Bell states."""
    offset = {pattern: (frames.index(state) * len(axes) if frames else 0) for pattern, state in patterns.items()}
    return {(setting, pattern): offset[pattern] + setting for setting in range(len(axes)) for pattern in patterns}
