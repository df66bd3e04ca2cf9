"""Numbers of the link file arrive where they are needed."""

import math

import pytest

from eventready.clock import SimClock
from eventready.sequences.oxford import in_frame
from eventready.stations.assembly import Plan, party, pattern_states, programs
from eventready.stations.order_rules import STEPS
from eventready.stations.party import MEASUREMENT_STEPS
from eventready.stations.rb_party import RbParty
from eventready.stations.slots import PARTIES, SLOTS
from eventready.stations.sr_party import SrParty

CLASSES = {"rb87": RbParty, "sr88": SrParty}


@pytest.mark.parametrize("platform", STEPS)
def test_every_step_that_an_order_may_name_exists(platform):
    steps = {step for party in PARTIES for step in STEPS[platform][party]}
    assert all(callable(getattr(CLASSES[platform], f"step_{step}", None)) for step in steps)
    assert not MEASUREMENT_STEPS & {"accepted", "input", "round_type", "isolated_both", "record"}


def test_steps_whose_failure_only_costs_the_readout_are_steps():
    assert set().union(*(STEPS[platform][party] for platform in STEPS for party in PARTIES)) >= MEASUREMENT_STEPS


def test_patterns_are_bits_of_the_detectors(config_of):
    assert pattern_states(config_of("munich")) == {0b0011: "psi+", 0b1100: "psi+"}
    assert pattern_states(config_of("oxford")) == {0b0011: "psi+", 0b1100: "psi+", 0b1001: "psi-", 0b0110: "psi-"}


@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_each_node_has_a_program_of_its_own(config_of, name):
    config = config_of(name)
    made = programs(config)
    assert set(made) == {"alice", "bob", "bsm"}
    assert len({program.digest for program in made.values()}) == 3
    assert set(made["bsm"].accepted_patterns) == set(pattern_states(config))
    timings = config.link.timings
    assert made["bsm"].loop.attempt_ps == round(timings.attempt * 1e12)
    longest = max(config.delay(node, "bsm") for node in PARTIES)
    assert made["bsm"].loop.herald_ps == round((timings.excitation + longest + timings.gate_start + timings.gate) * 1e12)


def test_munich_s_sections_are_those_of_the_link_file(config_of):
    config = config_of("munich")
    for node in PARTIES:
        program = programs(config)[node]
        assert [arm.angle for arm in program.sections["readout"].arms] == list(getattr(config.link.settings, node))
        assert program.sections["input"].acts_ps == round(config.link.timings.input_delay * 1e12)
        assert program.sections["readout"].acts_ps == round(config.link.timings.readout_delay * 1e12)
        assert program.input_bits == getattr(config.link.random, node).setting_bits


def test_every_input_and_pattern_of_oxford_has_its_arm(open_twin):
    link = open_twin("oxford")
    axes = link.config.link.settings
    for node in PARTIES:
        do = link.parties[node]._do
        arms = do.program.sections["rotate"].arms
        for (setting, pattern), arm in do.arms.items():
            axis = getattr(axes, node)[setting]
            expected = axis if node == "alice" else in_frame(axis, pattern_states(link.config)[pattern])
            assert math.isclose(arms[arm].angle, expected)
        assert len(do.arms) == len(getattr(axes, node)) * 4


@pytest.mark.parametrize(("purpose", "below"), [("characterise", 128), ("key", 13)])
def test_the_test_fraction_becomes_a_number_of_bob_s_bits(open_twin, purpose, below):
    link = open_twin("oxford")
    roles, clock = link.wiring.roles, SimClock()
    bob = party(link.config, "bob", roles, clock, Plan(purpose, 100))._do
    assert (bob.type_bits, bob.test_below, bob.key_setting) == (8, below, 2)
    assert bob.inputs._stride == 2
    alice = party(link.config, "alice", roles, clock, Plan(purpose, 100))._do
    assert (alice.type_bits, alice.key_setting, alice.inputs._stride) == (0, 0, 1)


def test_a_resumed_plan_fills_each_pool_for_what_is_left(open_twin):
    link = open_twin("oxford")
    plan = Plan("key", 100, {"alice": 60, "bob": 58})
    for node, left in (("alice", 40), ("bob", 2 * 42)):
        made = party(link.config, node, link.wiring.roles, SimClock(), plan)
        made.prepare_inputs()
        assert link.wiring.roles[f"{node}.qrng"].pool_bytes() == left


@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_a_party_is_told_what_the_link_file_says(open_twin, name):
    link = open_twin(name)
    timings = link.config.link.timings
    for node in PARTIES:
        made = link.parties[node]
        assert made.clock is link.clocks[node]
        assert made._settings.order == getattr(link.config.link.order, node)
        assert made._settings.fallback == getattr(link.config.link.fallback, node)
        assert made._settings.patience == timings.patience
        assert made.loading.threshold == getattr(link.config.link.thresholds, node)
        watched = set(made.preparation._instruments)
        assert {f"{node}.{slot}" for slot in ("excitation_laser", "excitation", "detector", "qrng", "sequencer")} <= watched
        required = {f"{node}.{slot}" for slot, entry in SLOTS[link.config.link.platform][node].items() if entry.required}
        assert watched <= required


def test_bob_of_munich_has_shutter_and_filter_and_alice_has_none(open_twin):
    link = open_twin("munich")
    assert link.parties["bob"]._do.isolation is not None
    assert link.parties["bob"].preparation._filters == (link.wiring.roles["bob.filter"],)
    assert link.parties["alice"]._do.isolation is None
    assert link.parties["alice"].preparation._filters == ()
