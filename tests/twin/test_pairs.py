"""The hidden pair: the order of the two readouts does not matter, and neither party can tell what the other does.

Exact, nothing sampled.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.sequences.program import Arm
from eventready.twin.pairs import HeraldTable, HiddenPair, Reading
from eventready.twin.physics import (
    LinkParameters,
    NodeParameters,
    RbAnalysis,
    SrAnalysis,
    bright_effect,
    dephased,
    herald_distribution,
    joint_probabilities,
)
from eventready.twin.physics.preset import load_preset, preset_names

RB, SR = (3, 12), (3, 12, 9, 6)
EXACT = 1e-12


def table(link: LinkParameters, present: tuple[bool, bool] = (True, True)) -> HeraldTable:
    return HeraldTable(link, present, RB if link.platform == "rb87" else SR)


def joint(found: HeraldTable, pattern: int, readings: tuple[Reading, Reading], first: int) -> np.ndarray:
    """P(a, b) as the two readouts give it, ``first`` first."""
    result = np.zeros((2, 2))
    second = 1 - first
    bright = found.marginal(pattern, first, readings[first])
    for outcome, probability in ((1, bright), (0, 1 - bright)):
        if probability > 0:
            then = found.conditional(pattern, first, readings[first], bool(outcome), readings[second])
            index = {first: outcome}
            for other, share in ((1, then), (0, 1 - then)):
                index[second] = other
                result[index[0], index[1]] += probability * share
    return result


def in_closed_form(link: LinkParameters, present: tuple[bool, bool], pattern: int, readings: tuple[Reading, Reading]) -> np.ndarray:
    """The same from the physics, both effects at once."""
    state = dephased(herald_distribution(link, present).state[pattern], link, *(reading.delay_ns * 1e-9 for reading in readings))
    analyses = [
        RbAnalysis(reading.arm.angle, reading.arm.phase, reading.arm.beam)
        if link.platform == "rb87"
        else SrAnalysis(reading.arm.angle, reading.arm.phase)
        for reading in readings
    ]
    return joint_probabilities(state, bright_effect(link, "alice", analyses[0]), bright_effect(link, "bob", analyses[1]))


def reading(platform: str) -> st.SearchStrategy[Reading]:
    beam = st.integers(0, 1 if platform == "rb87" else 0)
    arm = st.builds(Arm, name=st.just("a"), angle=st.floats(-4, 4), phase=st.floats(-4, 4), beam=beam)
    return st.builds(Reading, arm=arm, delay_ns=st.integers(0, 400_000))


def skewed(link: LinkParameters) -> LinkParameters:
    """With false heralds that leave polarised atoms (one noisy detector), and two nodes that have nothing in common."""
    bsm = dataclasses.replace(link.bsm, dark_probability=(0.002, 0.05, 0.003, 0.01), detector_efficiency=(0.9, 1.0, 0.5, 0.2))
    alice = dataclasses.replace(link.alice, efficiency=0.05, coherence_time=1e-4, fibre_rotation=0.2)
    bob = dataclasses.replace(link.bob, efficiency=0.02, coherence_time=4e-4, fibre_retardance=0.3, missed=0.1)
    return dataclasses.replace(link, alice=alice, bob=bob, bsm=bsm)


LINKS = {name: load_preset(name).link_parameters() for name in preset_names()}
LINKS |= {f"skewed {name}": skewed(LINKS[name]) for name in ("munich-point", "oxford")}


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("present", [(True, True), (False, True), (True, False)])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_either_order_gives_the_closed_form(name: str, present: tuple[bool, bool], data: st.DataObject) -> None:
    link = LINKS[name]
    found = table(link, present)
    pattern = data.draw(st.sampled_from(RB if link.platform == "rb87" else SR))
    readings = data.draw(st.tuples(reading(link.platform), reading(link.platform)))
    wanted = in_closed_form(link, present, pattern, readings)
    for first in (0, 1):
        np.testing.assert_allclose(joint(found, pattern, readings, first), wanted, rtol=0, atol=EXACT)


@pytest.mark.parametrize("name", ["munich-physics", "skewed munich-point", "skewed oxford"])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_signalling(name: str, data: st.DataObject) -> None:
    """What one party sees, summed over the other's outcomes, does not depend on the other's arm or time, nor on who is first."""
    link = LINKS[name]
    found = table(link)
    pattern = data.draw(st.sampled_from(RB if link.platform == "rb87" else SR))
    side = data.draw(st.sampled_from([0, 1]))
    mine = data.draw(reading(link.platform))
    alone = found.marginal(pattern, side, mine)
    for _ in range(2):
        theirs = data.draw(reading(link.platform))
        readings = (mine, theirs) if side == 0 else (theirs, mine)
        for first in (0, 1):
            seen = joint(found, pattern, readings, first).sum(axis=1 - side)[1]
            assert seen == pytest.approx(alone, abs=EXACT)


@pytest.mark.parametrize("name", LINKS)
def test_each_party_has_its_own_marginal(name: str) -> None:
    """One reading for both, at several delays: nothing that is kept for one of them may be handed to the other."""
    link = LINKS[name]
    found = table(link)
    for delay_ns in (0, 20_000, 200_000):
        same = Reading(Arm("a", 0.4, 0.2), delay_ns)
        for pattern in RB if link.platform == "rb87" else SR:
            wanted = in_closed_form(link, (True, True), pattern, (same, same))
            marginals = [found.marginal(pattern, side, same) for side in (0, 1)]
            assert marginals == pytest.approx([wanted[1].sum(), wanted[:, 1].sum()], abs=EXACT)
            if name.startswith("skewed"):
                assert abs(marginals[0] - marginals[1]) > 1e-3


@pytest.mark.parametrize("platform", ["rb87", "sr88"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_perfect_pair_is_decided_by_its_first_readout(platform: str, first: int) -> None:
    node = NodeParameters(efficiency=0.1)
    link = LinkParameters(platform, node, node)  # type: ignore[arg-type]
    found = table(link)
    # Psi+ is anticorrelated in Z (Rb: angle 0 reads Z with bright = up for both; Sr: angle 0 likewise).
    arm = Arm("Z", 0.0)
    for uniform in (0.2, 0.8):
        pair = HiddenPair(found, 3, herald_ps=0)
        one = pair.read(first, Reading(arm, 0), uniform)
        assert one is (uniform < 0.5)
        for other in (0.0, 0.999999):
            again = HiddenPair(found, 3, herald_ps=0)
            again.read(first, Reading(arm, 0), uniform)
            assert again.read(1 - first, Reading(arm, 0), other) is not one


def test_a_pair_without_outcomes_tells_nothing_in_its_repr() -> None:
    pair = HiddenPair(table(LINKS["oxford"]), 3, herald_ps=0)
    before = repr(pair)
    pair.read(0, Reading(Arm("a", 0.0), 0), 0.1)
    assert repr(pair) == before


# -- heralds ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("present", [(True, True), (False, True), (True, False), (False, False)])
def test_patterns_come_with_the_shares_of_the_physics(name: str, present: tuple[bool, bool]) -> None:
    link = LINKS[name]
    found = table(link, present)
    accepted = RB if link.platform == "rb87" else SR
    probability = herald_distribution(link, present).probability[list(accepted)]
    assert found.herald_probability == pytest.approx(probability.sum(), rel=EXACT, abs=0)
    assert found.log_survival == pytest.approx(-math.log1p(-probability.sum()), rel=EXACT, abs=0)
    grid = (np.arange(20_000) + 0.5) / 20_000
    patterns = np.array([found.selected(uniform).pattern for uniform in grid])
    assert set(patterns) <= set(accepted)
    shares = [(patterns == pattern).mean() for pattern in accepted]
    np.testing.assert_allclose(shares, probability / probability.sum(), atol=1e-4)


@pytest.mark.parametrize("uniform", [0.0, math.nextafter(1.0, 0.0)])
def test_the_ends_of_the_uniform_draw_are_patterns_too(uniform: float) -> None:
    assert table(LINKS["oxford"]).selected(uniform).pattern in SR


def test_where_nothing_can_click_nothing_heralds() -> None:
    link = LinkParameters("sr88", NodeParameters(efficiency=0.0), NodeParameters(efficiency=0.1))
    found = table(link)
    assert found.herald_probability == 0
    assert found.log_survival == 0


def test_small_probabilities_keep_their_digits() -> None:
    node = NodeParameters(efficiency=1e-8)
    found = table(LinkParameters("rb87", node, node, LINKS["munich-physics"].bsm))
    assert found.log_survival == pytest.approx(found.herald_probability, rel=1e-9, abs=0)
    assert 0 < found.herald_probability < 1e-10
