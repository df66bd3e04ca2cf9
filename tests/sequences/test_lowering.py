"""Lowering refuses what a sequencer's program has no place for, and says where it stands."""

import pytest

from eventready.errors import SequenceError
from eventready.sequences.attempts import DETECTORS, REFERENCE
from eventready.sequences.language import HERALD, INPUT, Basis, Block, Choose, Effect, Gate, Herald, Pulse, Repeat, Seq, Until, Wait
from eventready.sequences.lowering import lower
from eventready.sequences.program import Action, Arm

CH, CV, DH, DV = DETECTORS
PATTERN = Herald("psi+", {CH, CV})


def attempt(*, gates=None, reference=True, length=100):
    pulses = (Pulse(REFERENCE, 20, 5),) if reference else ()
    return Block("attempt", length, pulses, gates or tuple(Gate(name, 30, 10, REFERENCE) for name in (CH, CV)))


def readout(angle, *, length=50, name="readout", after=5):
    return Block(name, length, (Pulse("alice.readout", 10, 20, does=Effect(Action.ANALYSE, after, Basis(angle))),))


def test_attempts_without_pause():
    loop = lower(Until(attempt(), [PATTERN], 1000, latency_ps=3), "bsm").loop
    assert (loop.attempt_ps, loop.attempts_per_burst, loop.gap_ps, loop.herald_ps, loop.limit_attempts) == (100, 1, 0, 43, 1000)
    assert (loop.gate_start_ps, loop.gate_ps) == (10, 10)


def test_a_block_that_reads_out_without_a_choice_is_a_section_with_one_arm():
    section = lower(readout(0.5), "alice").sections["readout"]
    assert (section.acts_ps, section.arms) == (15, (Arm("", 0.5),))


def test_arms_come_herald_by_herald():
    inner = {state: Choose(INPUT, {k: readout(angle + k) for k in range(2)}) for state, angle in (("psi+", 0.0), ("psi-", 10.0))}
    section = lower(Choose(HERALD, inner), "alice").sections["readout"]
    assert [(arm.name, arm.angle) for arm in section.arms] == [
        ("input 0, psi+", 0.0),
        ("input 1, psi+", 1.0),
        ("input 0, psi-", 10.0),
        ("input 1, psi-", 11.0),
    ]


def test_a_choice_of_waiting_is_no_section():
    assert not lower(Choose(INPUT, {0: Block("a", 5), 1: Block("a", 5)}), "alice").sections


@pytest.mark.parametrize(
    ("item", "node", "message"),
    [
        (Until(attempt(gates=(Gate(CH, 30, 10),)), [PATTERN], 9), "bsm", "until/attempt: the gate of bsm.detector_ch counts from nothing"),
        (Until(attempt(reference=False), [PATTERN], 9), "bsm", "until/attempt: the gate of .* counts from bsm.reference"),
        (
            Until(attempt(gates=(Gate(CH, 30, 10, REFERENCE), Gate(CV, 31, 10, REFERENCE))), [PATTERN], 9),
            "bsm",
            "gates of the detectors differ",
        ),
        (Until(Seq([Block("wait", 5), attempt()]), [PATTERN], 9), "bsm", "first in their burst"),
        (Until(Seq([attempt(), attempt(length=90)]), [PATTERN], 9), "bsm", "of one kind"),
        (Seq([Until(attempt(), [PATTERN], 9)] * 2), "bsm", "2 loops of attempts"),
        (Until(attempt(), [Herald("x", {CH, "bsm.other"})], 9), "bsm", "bsm.other has no bit"),
        (Repeat(readout(0.0), 2), "alice", "what is repeated cannot be a section"),
        (Choose(INPUT, {0: readout(0.0), 1: readout(0.0, length=60)}), "alice", "one length"),
        (Choose(INPUT, {0: readout(0.0), 1: readout(0.0, after=6)}), "alice", "one moment"),
        (Choose(INPUT, {0: readout(0.0), 1: Block("readout", 50)}), "alice", "one section"),
        (Seq([readout(0.0), readout(0.0)]), "alice", "two sections with one name"),
        (Seq([Wait(INPUT, 5, fixed=True), readout(0.0)]), "alice", "nothing hangs on it"),
        (Block("b", 9, (*readout(0.0).pulses, *readout(1.0).pulses)), "alice", "b: 2 pulses of one node do something"),
    ],
)
def test_what_a_program_has_no_place_for(item, node, message):
    with pytest.raises(SequenceError, match=message):
        lower(item, node)


# -- when the photons come -------------------------------------------------------------------------------------------------------------


def excited(alice=None, bob=None, extra=()):
    """A loop whose reference is at 20 ps and whose parties are excited at these times."""
    pulses = [Pulse(f"{node}.excitation", at, 2) for node, at in (("alice", alice), ("bob", bob)) if at is not None]
    block = attempt()
    return Until(Block("attempt", 100, (*block.pulses, *pulses, *extra), block.gates), [PATTERN], 9)


@pytest.mark.parametrize(
    ("tree", "late_ps"),
    [
        (excited(alice=13, bob=9), (0, 0)),
        (excited(alice=18, bob=9), (5, 0)),
        (excited(alice=13, bob=6), (0, -3)),
        (excited(alice=14, bob=10), (1, 1)),
        (excited(alice=18), (5, 0)),
        (excited(), (0, 0)),
    ],
)
def test_photons_are_as_late_as_their_pulses_and_their_fibres_make_them(tree, late_ps):
    assert lower(tree, "bsm", flight_ps={"alice": 7, "bob": 11}).loop.late_ps == late_ps
    assert lower(tree, "bsm").loop.late_ps == (0, 0)


def test_lateness_hangs_on_the_whole_tree_and_costs_a_program_without_attempts_nothing():
    tree = Seq([excited(alice=18, bob=9), readout(0.5)])
    assert lower(tree, "alice", flight_ps={"alice": 7, "bob": 11}) == lower(tree, "alice")


def test_two_excitations_in_one_attempt_are_refused():
    with pytest.raises(SequenceError, match=r"until/attempt: alice.excitation has 2 pulses"):
        lower(excited(alice=13, bob=9, extra=(Pulse("alice.excitation", 50, 2),)), "bsm", flight_ps={"alice": 7, "bob": 11})


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_the_links_photons_meet_until_somebody_moves_a_pulse(link, node):
    flight_ps = {name: round(flight * 1e12) for name, flight in link.plan.flight.items()}
    tree = link.module.link_round(link.timings, link.plan)
    assert lower(tree, "bsm", flight_ps=flight_ps).loop.late_ps == (0, 0)
    assert lower(tree, "bsm", flight_ps=flight_ps) == lower(tree, "bsm")
    wrong = {**flight_ps, node: flight_ps[node] + 4000}  # the fibre is 0.8 m longer than the link file says
    assert lower(tree, "bsm", flight_ps=wrong).loop.late_ps == ((4000, 0) if node == "alice" else (0, 4000))
