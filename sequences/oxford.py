"""The round of the Oxford link (Nadlinger et al., Nature 607, 682 (2022)).

Attempts run in blocks with Doppler cooling in between. After a herald each node shuttles its ion out of the fibre's focus; when both are
out and the round's type is known, it rotates its qubit into the basis of its input, in the frame of the herald pattern, and reads it by
fluorescence; then it scrambles the ion's state and brings it back.

Input X = 0 is one and the same arm in test and key rounds: nothing in the sequence hangs on the round's type.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .attempts import PARTIES, AttemptTimings, Plan, attempt_block, attempts, fluorescence
from .language import HERALD, INPUT, ROUND_TYPE, Apart, Basis, Block, Choose, Drive, Effect, Item, Pulse, Seq, Tone, Wait
from .program import Action, to_ps


@dataclass(frozen=True)
class OxfordTimings(AttemptTimings):
    """Timings in seconds, at the ion, as the link file gives them; those of the attempts are in :class:`~.attempts.AttemptTimings`.

    Args:
        repump_start: from the start of an attempt to the repump light.
        repump: how long it is on.
        shuttle: ion out of the fibre's focus, settled.
        isolation_timeout: for both ions to be out of it.
        round_type: slot for Bob's message to Alice.
        input_delay: from the moment an input may be drawn to the input standing.
        rotation: into the measurement basis; the same for every input.
        fluorescence: photon counting that decides whether the ion is bright.
        scramble: light that erases the outcome.
        reconnect: ion back in the fibre's focus, settled.
        recool: cooling and state check before the next attempts.
    """

    repump_start: float
    repump: float
    shuttle: float
    isolation_timeout: float
    round_type: float
    input_delay: float
    rotation: float
    fluorescence: float
    scramble: float
    reconnect: float
    recool: float


def link_round(timings: OxfordTimings, plan: Plan) -> Seq:
    """The round of both nodes and the heralding station."""
    pump = [plan.light(f"{node}.pump", timings.pump_start, timings.pump) for node in PARTIES]
    repump = [plan.light(f"{node}.repump", timings.repump_start, timings.repump) for node in PARTIES]
    attempt = attempt_block(timings, plan, [*pump, *repump])
    return Seq((attempts(timings, plan, attempt), Apart({node: after_herald(node, timings, plan) for node in PARTIES})))


def after_herald(node: str, timings: OxfordTimings, plan: Plan) -> Seq:
    """What a node does after a herald; Bob takes the frame of the herald pattern over into his rotation."""
    turn: Item = rotate_by_input(node, timings, plan)
    if node == "bob":
        turn = Choose(HERALD, {state: rotate_by_input(node, timings, plan, state) for state in plan.bell_states})
    return Seq(
        (
            shuttle(node, timings),
            Wait("isolated_both", to_ps(timings.isolation_timeout)),
            Wait(ROUND_TYPE, to_ps(timings.round_type), fixed=True),
            turn,
            fluorescence(node, timings.lead, timings.fluorescence, plan),
            scramble(node, timings, plan),
            reconnect(node, timings, plan),
        ),
        plan.fallback[node],
    )


def shuttle(node: str, timings: OxfordTimings) -> Block:
    """The ion leaves the focus: the line starts a stored ramp of the trap's electrodes."""
    ramp = to_ps(timings.shuttle)
    return Block("shuttle", ramp, (Pulse(f"{node}.shuttle", 0, ramp, does=Effect(Action.DISCONNECT)),))


def rotate_by_input(node: str, timings: OxfordTimings, plan: Plan, bell_state: str = "") -> Choose:
    """One rotation for each input, in the frame of ``bell_state`` if one is given."""
    axes = [in_frame(axis, bell_state) if bell_state else axis for axis in plan.settings[node]]
    return Choose(INPUT, {value: rotate(node, axis, timings, plan) for value, axis in enumerate(axes)})


def rotate(node: str, axis: float, timings: OxfordTimings, plan: Plan) -> Block:
    """Two pulses of a quarter turn; the second one's phase is pi + ``axis``, so that it undoes the first one where the axis is Z.

    What is measured after both is cos(axis) Z + sin(axis) X. Duration and power are the same for every axis. The projection counts from
    the end of the second pulse.
    """
    line = f"{node}.qubit"
    start, end = to_ps(timings.input_delay), to_ps(timings.input_delay) + to_ps(timings.rotation)
    half = (end - start) // 2
    second = end - start - half
    analyse = Effect(Action.ANALYSE, after_ps=second, basis=Basis(axis))
    return Block(
        "rotate",
        end,
        (
            Pulse(line, start, half, plan.drive(line)),
            Pulse(line, start + half, second, _shifted(plan.drive(line), math.pi + axis), analyse),
        ),
    )


def scramble(node: str, timings: OxfordTimings, plan: Plan) -> Block:
    """Deshelving and cooling light erases the state that the readout left behind."""
    light = [plan.light(f"{node}.{slot}", 0, timings.scramble) for slot in ("cooling", "repump")]
    deshelve = Pulse(f"{node}.deshelve", 0, to_ps(timings.scramble), plan.drive(f"{node}.deshelve"), Effect(Action.SCRAMBLE))
    return Block("scramble", to_ps(timings.scramble), (deshelve, *light))


def reconnect(node: str, timings: OxfordTimings, plan: Plan) -> Block:
    """The ion comes back into the focus and is cooled for the next attempts."""
    ramp = Pulse(f"{node}.reconnect", 0, to_ps(timings.reconnect), does=Effect(Action.CONNECT))
    light = [plan.light(f"{node}.{slot}", timings.reconnect, timings.recool) for slot in ("cooling", "repump")]
    return Block("reconnect", to_ps(timings.reconnect) + to_ps(timings.recool), (ramp, *light))


def _shifted(drive: Drive, phase: float) -> Drive:
    return dataclasses.replace(drive, phase=drive.phase + phase) if isinstance(drive, Tone) else drive


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


def arm_table(axes: Sequence[float], frames: Sequence[str], patterns: Mapping[int, str]) -> dict[tuple[int, int], int]:
    """The arm of ``rotate`` for every (input, herald pattern); ``patterns`` maps click patterns to Bell states."""
    offset = {pattern: (frames.index(state) * len(axes) if frames else 0) for pattern, state in patterns.items()}
    return {(setting, pattern): offset[pattern] + setting for setting in range(len(axes)) for pattern in patterns}
