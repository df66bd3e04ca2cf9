"""The Munich round: times add up as the link file gives them, photons meet, and any random input has an arm."""

import dataclasses
import math

import pytest

from eventready.errors import SequenceError
from eventready.sequences import munich
from eventready.sequences.language import INPUT, Apart, Choose, Until, Wait
from eventready.sequences.lowering import lower
from eventready.sequences.program import Action
from eventready.sequences.tree import blocks, fixed_length_ps, walk

ANGLES = [math.radians(angle) for angle in (-22.5, 22.5, -45.0, 0.0)]


def block(tree, name):
    return next(found for _, found in blocks(tree) if found.name == name)


def test_both_photons_arrive_together_and_the_gate_opens_for_them(munich_link):
    attempt = block(munich_link.tree, "attempt")
    at = {pulse.line: pulse.at_ps for pulse in attempt.pulses}
    assert at["bob.excitation"] == 4_000_000
    assert at["alice.excitation"] - at["bob.excitation"] == 3_430_000  # her photon has no fibre to go through
    assert at["bsm.reference"] == at["bob.excitation"] + 3_430_000 == at["alice.excitation"]
    assert {gate.at_ps - at[gate.ref] for gate in attempt.gates} == {18_200}
    assert len(attempt.gates) == 4


def test_the_atoms_are_pumped_before_they_are_excited(munich_link):
    attempt = block(munich_link.tree, "attempt")
    pulses = {pulse.line: pulse for pulse in attempt.pulses}
    for node in ("alice", "bob"):
        assert pulses[f"{node}.pump"].end_ps < pulses[f"{node}.excitation"].at_ps


def test_the_herald_is_known_when_the_gate_has_closed(munich_link):
    loop = lower(munich_link.tree, "bsm").loop
    assert loop.herald_ps == 4_000_000 + 3_430_000 + 18_200 + 60_000
    assert (loop.attempt_ps, loop.attempts_per_burst, loop.gap_ps) == (19_200_000, 200, 200_000_000)
    assert (loop.gate_start_ps, loop.gate_ps, loop.limit_attempts) == (18_200, 60_000, 500_000)


def test_the_heralding_station_has_a_loop_and_the_parties_have_sections(munich_link):
    bsm, alice, bob = (lower(munich_link.tree, node) for node in ("bsm", "alice", "bob"))
    assert (bsm.node, bsm.accepted_patterns, dict(bsm.sections), bsm.input_bits) == ("bsm", (3, 12), {}, 0)
    assert alice.loop is None
    assert bob.loop is None
    assert (alice.input_bits, bob.input_bits) == (2, 1)


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_each_input_is_played_on_its_own_beam_at_its_own_angle(munich_link, node):
    for section in lower(munich_link.tree, node).sections.values():
        assert [(arm.beam, arm.angle, arm.phase) for arm in section.arms] == [
            (k, angle, 0.0) for k, angle in enumerate(munich_link.plan.settings[node])
        ]


def test_input_then_readout(munich_link):
    sections = lower(munich_link.tree, "alice").sections
    assert list(sections) == ["input", "readout"]
    assert (sections["input"].action, sections["input"].acts_ps, sections["input"].length_ps) == (Action.LATCH, 1_000_000, 1_000_000)
    assert (sections["readout"].action, sections["readout"].acts_ps) == (Action.ANALYSE, 20_000_000)
    assert sections["readout"].length_ps == 20_200_000


def test_only_bob_waits_for_a_shutter_and_it_closes_before_he_looks(munich_link):
    parts = next(item for _, item in walk(munich_link.tree) if isinstance(item, Apart)).parts
    waits = {node: [item.event for _, item in walk(part) if isinstance(item, Wait)] for node, part in parts.items()}
    assert waits == {"alice": [INPUT], "bob": [INPUT, "shutter_closed", "shutter_open"]}
    names = [path.rpartition("/")[2] for path, _ in walk(parts["bob"])]
    order = [names.index(name) for name in ("wait shutter_closed", "fluorescence", "empty_trap", "wait shutter_open")]
    assert order == sorted(order)


def test_a_burst_is_attempts_and_cooling(munich_link):
    until = next(item for _, item in walk(munich_link.tree) if isinstance(item, Until))
    assert fixed_length_ps(until.body) == 200 * 19_200_000 + 200_000_000


@pytest.mark.parametrize(("inputs", "bits"), [(1, 0), (2, 1), (4, 2), (8, 3)])
def test_the_input_bits_name_every_arm_and_no_other(munich_link, inputs, bits):
    plan = dataclasses.replace(munich_link.plan, settings={"alice": [0.1 * k for k in range(inputs)], "bob": ANGLES[:2]})
    program = lower(munich.link_round(munich_link.timings, plan), "alice")
    assert program.input_bits == bits
    assert len(program.sections["readout"].arms) == 1 << bits


@pytest.mark.parametrize("inputs", [3, 5, 6, 7])
def test_inputs_that_random_bits_cannot_choose_evenly_are_refused(munich_link, inputs):
    plan = dataclasses.replace(munich_link.plan, settings={"alice": [0.1 * k for k in range(inputs)], "bob": ANGLES[:2]})
    with pytest.raises(SequenceError, match=f"alice.*{inputs} inputs.*power of two"):
        lower(munich.link_round(munich_link.timings, plan), "alice")


def test_the_arms_of_an_input_differ_in_nothing_but_the_basis(munich_link):
    for _, item in walk(munich_link.tree):
        if isinstance(item, Choose):
            shapes = {
                (*tuple((pulse.line, pulse.at_ps, pulse.width_ps, pulse.drive) for pulse in arm.pulses), arm.length_ps)
                for arm in item.arms.values()
            }
            assert len(shapes) == 1
