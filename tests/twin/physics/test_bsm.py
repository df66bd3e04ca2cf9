"""The Bell-state measurement: normalisation, ideal limits, the noise budget to leading order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eventready.errors import ConfigError
from eventready.twin.physics import (
    BellState,
    BsmParameters,
    LinkParameters,
    NodeParameters,
    bell_state_patterns,
    herald_distribution,
)
from eventready.twin.physics.bsm import fidelity_with
from eventready.twin.physics.expectation import OPPOSITE_ARMS, SAME_ARM
from eventready.twin.physics.preset import load_preset, preset_names

C_H, C_V, D_H, D_V = 1, 2, 4, 8
EQUAL_POLARISATION = (C_H | D_H, C_V | D_V)


def ideal(**bsm: float) -> LinkParameters:
    node = NodeParameters(efficiency=1.0)
    return LinkParameters("sr88", node, node, BsmParameters(**bsm))


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("present", [(True, True), (True, False), (False, True), (False, False)])
def test_patterns_are_a_distribution_of_states(name: str, present: tuple[bool, bool]) -> None:
    found = herald_distribution(load_preset(name).link_parameters(), present)
    assert abs(found.probability.sum() - 1) < 1e-12
    assert (found.probability > 0).all()
    np.testing.assert_allclose(found.state, found.state.conj().transpose(0, 2, 1), rtol=0, atol=1e-16)
    for probability, state in zip(found.probability, found.state, strict=True):
        assert np.linalg.eigvalsh(state)[0] > -1e-12 * probability


def test_click_patterns_form_a_povm() -> None:
    """The states are what the pattern's effect leaves of a pure pair of pairs, so the effects are positive and sum to one."""
    link = replace(ideal(mode_overlap=0.8, transmission=0.4, pbs_extinction=0.05, dark_probability=(0.1, 0.2, 0.3, 0.4)))
    # For the pure state (HD + VU)/sqrt 2 the atoms' operator is the transposed effect in other labels, over 4.
    effects = 4 * herald_distribution(link).state
    assert np.linalg.eigvalsh(effects).min() > -1e-15
    np.testing.assert_allclose(effects.sum(axis=0), np.eye(4), rtol=0, atol=1e-12)


def test_ideal_measurement_heralds_psi_plus_in_one_arm_and_psi_minus_in_two() -> None:
    found = herald_distribution(ideal())
    for patterns, bell in ((SAME_ARM, BellState.PSI_PLUS), (OPPOSITE_ARMS, BellState.PSI_MINUS)):
        for pattern in patterns:
            assert found.probability[pattern] == pytest.approx(1 / 8, abs=1e-15)
            assert fidelity_with(found.state[pattern], bell) == pytest.approx(1 / 8, abs=1e-15)
    for pattern in (C_H, C_V, D_H, D_V):  # HH and VV leave through one arm together: a single click
        assert found.probability[pattern] == pytest.approx(1 / 8, abs=1e-15)
    assert found.probability[list(EQUAL_POLARISATION)].max() < 1e-15


def test_distinguishable_photons_mix_the_two_heralds() -> None:
    overlap = 0.7
    found = herald_distribution(ideal(mode_overlap=overlap))
    for pattern in SAME_ARM:
        state = found.state[pattern] / found.probability[pattern]
        assert fidelity_with(state, BellState.PSI_PLUS) == pytest.approx((1 + overlap) / 2)
        assert fidelity_with(state, BellState.PSI_MINUS) == pytest.approx((1 - overlap) / 2)
    # HH and VV no longer bunch: probability 1/4 each, of which (1 - M)/2 leave through two arms
    for pattern in EQUAL_POLARISATION:
        assert found.probability[pattern] == pytest.approx((1 - overlap) / 2 / 4)


def test_absent_atom_sends_no_photon() -> None:
    found = herald_distribution(ideal(), present=(True, False))
    assert found.probability[[C_H, C_V, D_H, D_V]] == pytest.approx([0.25] * 4)
    assert herald_distribution(ideal(), present=(False, False)).probability[0] == pytest.approx(1)


@pytest.mark.parametrize(("knob", "factor"), [("excitation", 0.5), ("pumping", 0.7), ("channel_transmission", 0.1)])
def test_whatever_costs_photons_scales_the_signal(knob: str, factor: float) -> None:
    link = LinkParameters("rb87", NodeParameters(efficiency=2e-3), NodeParameters(efficiency=1e-3))
    moved = replace(link, bob=replace(link.bob, **{knob: factor}))
    ratio = herald_distribution(moved).probability[list(SAME_ARM)] / herald_distribution(link).probability[list(SAME_ARM)]
    assert ratio == pytest.approx(factor)


ETA_A, ETA_B = 2e-3, 1e-3


def psi_plus_probability(dark: float = 0.0, second_photon: float = 0.0, eta: tuple[float, float] = (ETA_A, ETA_B)) -> float:
    alice, bob = (NodeParameters(efficiency=e, second_photon=second_photon) for e in eta)
    link = LinkParameters("rb87", alice, bob, BsmParameters(dark_probability=(dark,) * 4))
    return float(herald_distribution(link).probability[list(SAME_ARM)].sum())


def test_budget_signal() -> None:
    assert psi_plus_probability() == pytest.approx(ETA_A * ETA_B / 4, rel=1e-12)


def test_budget_one_photon_and_a_dark_count() -> None:
    dark = 1e-7
    wanted = dark * (ETA_A * (1 - ETA_B) + ETA_B * (1 - ETA_A))
    # Next order: what a dark count does to a pair, 1e-3 of it
    assert psi_plus_probability(dark) - psi_plus_probability() == pytest.approx(wanted, rel=2e-3)


def test_budget_two_dark_counts() -> None:
    dark = 1e-4
    assert psi_plus_probability(dark, eta=(0.0, 0.0)) == pytest.approx(2 * dark**2 * (1 - dark) ** 2, rel=1e-12)


def test_budget_double_emission() -> None:
    second = 5e-4
    wanted = second * (ETA_A**2 + ETA_B**2) / 4
    assert psi_plus_probability(second_photon=second) - psi_plus_probability() == pytest.approx(wanted, rel=2e-3)


@pytest.mark.parametrize("name", preset_names())
def test_presets_herald_the_right_bell_states(name: str) -> None:
    heralded = bell_state_patterns(load_preset(name).link_parameters())
    assert {pattern: bell for pattern, (bell, _) in heralded.items()} == {
        C_H | C_V: BellState.PSI_PLUS,
        D_H | D_V: BellState.PSI_PLUS,
        C_H | D_V: BellState.PSI_MINUS,
        C_V | D_H: BellState.PSI_MINUS,
    }
    assert all(0.92 < fidelity <= 1 for _, fidelity in heralded.values())


def test_quarter_turn_of_a_fibre_swaps_the_heralds() -> None:
    """H <-> V at one input exchanges Psi and Phi; a half-wave retardance exchanges + and -."""
    link = ideal()
    turned = bell_state_patterns(replace(link, bob=replace(link.bob, fibre_rotation=np.pi / 2)))
    assert {turned[pattern][0] for pattern in SAME_ARM} == {BellState.PHI_MINUS}
    delayed = bell_state_patterns(replace(link, bob=replace(link.bob, fibre_retardance=np.pi)))
    assert {delayed[pattern][0] for pattern in SAME_ARM} == {BellState.PSI_MINUS}


def test_single_clicks_do_not_see_the_fibre() -> None:
    link = load_preset("munich-physics").link_parameters()
    singles = [C_H, C_V, D_H, D_V]
    before = herald_distribution(link, (False, True)).probability[singles]
    turned = replace(link, bob=replace(link.bob, fibre_rotation=0.4, fibre_retardance=1.1))
    assert herald_distribution(turned, (False, True)).probability[singles] == pytest.approx(before, rel=1e-12)


def test_result_is_read_only() -> None:
    found = herald_distribution(ideal())
    with pytest.raises(ValueError, match="read-only"):
        found.state[0, 0, 0] = 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: NodeParameters(efficiency=1.2),
        lambda: NodeParameters(efficiency=float("nan")),
        lambda: NodeParameters(efficiency=0.1, beam_contrast=(1.0, 1.0)),
        lambda: NodeParameters(efficiency=0.1, coherence_time=0.0),
        lambda: BsmParameters(dark_probability=(0.1, 0.1)),
        lambda: BsmParameters(dark_probability=(0.1, 0.1, 0.1, -0.1)),
        lambda: LinkParameters("sr88", NodeParameters(efficiency=0.1, leak=0.1), NodeParameters(efficiency=0.1)),
    ],
)
def test_impossible_parameters_are_refused(make: object) -> None:
    with pytest.raises(ConfigError):
        make()  # type: ignore[operator]
