"""The round of the Munich link (Zhang et al., Nature 607, 687 (2022)).

Both atoms are pumped, excited such that their photons meet at the Bell-state measurement, and cooled after each burst of attempts. After
a herald ("ready" signal) the nodes are on their own: each latches its input from its quantum random number generator, waits until its
atom has rephased, and plays the readout and ionisation pulse in the polarisation of the input, well within the coherence time of 330 us.
Bob's shutter closes before fluorescence tells whether the atom is still there. Then the trap is emptied, whatever came out.
"""

from __future__ import annotations

from dataclasses import dataclass

from .attempts import PARTIES, AttemptTimings, Plan, attempt_block, attempts, fluorescence
from .language import INPUT, OFF, Apart, Basis, Block, Choose, Effect, Pulse, Seq, Wait
from .program import Action, to_ps


@dataclass(frozen=True)
class MunichTimings(AttemptTimings):
    """Timings in seconds, at the atom, as the link file gives them; those of the attempts are in :class:`~.attempts.AttemptTimings`.

    Args:
        input_delay: from the herald signal to the input standing.
        readout_delay: from the input to the start of the readout pulse.
        readout_pulse: readout and ionisation pulse.
        isolation_timeout: for the shutter, closing or opening.
        fluorescence: photon counting that decides whether the atom is there.
        empty_trap: trap off, so that nothing is left in it.
    """

    input_delay: float
    readout_delay: float
    readout_pulse: float
    isolation_timeout: float
    fluorescence: float
    empty_trap: float


def link_round(timings: MunichTimings, plan: Plan) -> Seq:
    """The round of both nodes and the Bell-state measurement between them."""
    pump = [plan.light(f"{node}.pump", timings.pump_start, timings.pump) for node in PARTIES]
    attempt = attempt_block(timings, plan, pump)
    return Seq((attempts(timings, plan, attempt), Apart({node: after_herald(node, timings, plan) for node in PARTIES})))


def after_herald(node: str, timings: MunichTimings, plan: Plan) -> Seq:
    """What a node does after a herald. Only Bob has a shutter: the Bell-state measurement stands between Alice and the outside."""
    latch_input = Wait(INPUT, to_ps(timings.input_delay), fixed=True)
    analyse = Choose(INPUT, {value: readout(node, angle, value, timings) for value, angle in enumerate(plan.settings[node])})
    shutter_closed = Wait("shutter_closed", to_ps(timings.isolation_timeout))
    shutter_open = Wait("shutter_open", to_ps(timings.isolation_timeout))
    look = fluorescence(node, timings.lead, timings.fluorescence, plan)
    empty = Block("empty_trap", to_ps(timings.empty_trap), (Pulse(f"{node}.trap", 0, to_ps(timings.empty_trap), OFF),))
    if node == "bob":
        return Seq((latch_input, analyse, shutter_closed, look, empty, shutter_open), plan.fallback[node])
    return Seq((latch_input, analyse, look, empty), plan.fallback[node])


def readout(node: str, angle: float, beam: int, timings: MunichTimings) -> Block:
    """State-selective ionisation: the readout beam whose polarisation is ``angle``, and the ionisation light with it."""
    delay, width = to_ps(timings.readout_delay), to_ps(timings.readout_pulse)
    analyse = Effect(Action.ANALYSE, basis=Basis(angle, beam=beam))
    return Block(
        "readout", delay + width, (Pulse(f"{node}.readout", delay, width, does=analyse), Pulse(f"{node}.ionisation", delay, width))
    )
