"""Readout effects, frames, joint probabilities, fluorescence."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from eventready.errors import ConfigError
from eventready.twin.physics import (
    BellState,
    LinkParameters,
    NodeParameters,
    RbAnalysis,
    SrAnalysis,
    bright_effect,
    count_means,
    frame,
    joint_probabilities,
    poisson_threshold_errors,
    readout_contrast,
)
from eventready.twin.physics.preset import load_preset

MUNICH = load_preset("munich-physics").link_parameters()
IDEAL_RB = LinkParameters("rb87", NodeParameters(efficiency=0.1), NodeParameters(efficiency=0.1))
IDEAL_SR = LinkParameters("sr88", NodeParameters(efficiency=0.1), NodeParameters(efficiency=0.1))
ANGLES = np.linspace(-1.5, 1.5, 7)


def pure(bell: BellState, levels: int) -> np.ndarray:
    ket = bell.vector(levels)
    return np.outer(ket, ket.conj())


def correlation(joint: np.ndarray) -> float:
    return float(joint[0, 0] + joint[1, 1] - joint[0, 1] - joint[1, 0])


@pytest.mark.parametrize("gamma", ANGLES)
@pytest.mark.parametrize("phase", [0.0, 0.8])
def test_ideal_atom_stays_in_the_state_of_equation_three(gamma: float, phase: float) -> None:
    kept = np.array([-np.exp(1j * phase) * np.cos(gamma), np.sin(gamma), 0])
    effect = bright_effect(IDEAL_RB, "alice", RbAnalysis(gamma, phase))
    np.testing.assert_allclose(effect, np.outer(kept, kept.conj()), rtol=0, atol=1e-15)


@pytest.mark.parametrize("gamma", ANGLES)
def test_effects_lie_between_zero_and_one(gamma: float) -> None:
    for link, analysis in ((MUNICH, RbAnalysis(gamma, 0.3, 1)), (load_preset("oxford").link_parameters(), SrAnalysis(gamma, 0.3))):
        for side in ("alice", "bob"):
            values = np.linalg.eigvalsh(bright_effect(link, side, analysis))
            assert values[0] > 0
            assert values[-1] < 1


@pytest.mark.parametrize("gamma", ANGLES)
def test_leaked_atom_reads_dark_whatever_the_setting(gamma: float) -> None:
    effect = bright_effect(MUNICH, "bob", RbAnalysis(gamma, beam=1))
    node = MUNICH.bob
    survives = node.leak_survives
    assert effect[2, 2].real == pytest.approx(survives * (1 - node.missed) + (1 - survives) * node.false_bright)
    assert effect[2, 2].real < 0.03
    assert np.abs(effect[2, :2]).max() == 0


def test_readout_errors_by_hand() -> None:
    node = replace(MUNICH.alice, dark_ionised=0.03, bright_survives=0.05, missed=0.02, false_bright=0.01)
    effect = bright_effect(replace(MUNICH, alice=node), "alice", RbAnalysis(0.0))  # up stays, down is ionised
    assert effect[0, 0].real == pytest.approx(0.97 * 0.98 + 0.03 * 0.01)
    assert effect[1, 1].real == pytest.approx(0.05 * 0.98 + 0.95 * 0.01)
    assert readout_contrast(node) == pytest.approx((effect[0, 0] - effect[1, 1]).real)


def test_beam_selects_contrast_and_offset() -> None:
    link = replace(IDEAL_RB, bob=replace(IDEAL_RB.bob, beam_contrast=(1.0, 0.8), beam_offset=(0.0, 0.1)))
    effect = bright_effect(link, "bob", RbAnalysis(0.3, beam=1))
    plain = bright_effect(link, "bob", RbAnalysis(0.4, beam=0))
    qubit = np.diag([1, 1, 0])
    np.testing.assert_allclose(2 * effect - qubit, 0.8 * (2 * plain - qubit), rtol=0, atol=1e-15)
    with pytest.raises(ConfigError, match="no beam 2"):
        bright_effect(link, "bob", RbAnalysis(0.3, beam=2))


def test_empty_trap_reads_dark() -> None:
    effect = bright_effect(MUNICH, "alice", RbAnalysis(0.4), present=False)
    np.testing.assert_array_equal(effect, MUNICH.alice.false_bright * np.eye(3))


def test_analysis_of_the_other_platform_is_refused() -> None:
    with pytest.raises(ConfigError, match="SrAnalysis is not a readout of rb87"):
        bright_effect(MUNICH, "alice", SrAnalysis(0.0))
    with pytest.raises(ConfigError, match="RbAnalysis is not a readout of sr88"):
        bright_effect(IDEAL_SR, "alice", RbAnalysis(0.0))


def test_ideal_correlation_depends_on_the_sum_of_the_angles() -> None:
    """E(alpha, beta) = -cos 2(alpha + beta) for Psi+."""
    for alpha in ANGLES:
        for beta in ANGLES:
            effects = bright_effect(IDEAL_RB, "alice", RbAnalysis(alpha)), bright_effect(IDEAL_RB, "bob", RbAnalysis(beta))
            joint = joint_probabilities(pure(BellState.PSI_PLUS, 3), *effects)
            assert correlation(joint) == pytest.approx(-math.cos(2 * (alpha + beta)), abs=1e-14)
            assert joint.sum(axis=0) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("bell", list(BellState))
def test_frame_makes_every_bell_state_look_like_phi_plus(bell: BellState) -> None:
    for theta_a in ANGLES:
        for theta_b in ANGLES:
            effects = (
                bright_effect(IDEAL_SR, "alice", SrAnalysis(theta_a)),
                bright_effect(IDEAL_SR, "bob", SrAnalysis(frame(theta_b, bell))),
            )
            joint = joint_probabilities(pure(bell, 2), *effects)
            assert correlation(joint) == pytest.approx(math.cos(theta_a - theta_b), abs=1e-14)  # Phi+: <ZZ> = <XX> = 1


def test_frames_of_the_psi_states_by_axes() -> None:
    """Z -> -Z; X -> X for Psi+ and -X for Psi-."""
    for bell, sign in ((BellState.PSI_PLUS, 1), (BellState.PSI_MINUS, -1)):
        assert math.cos(frame(0.0, bell)) == pytest.approx(-1)
        assert math.sin(frame(math.pi / 2, bell)) == pytest.approx(sign)


def test_azimuth_of_the_axis() -> None:
    effect = bright_effect(IDEAL_SR, "alice", SrAnalysis(math.pi / 2, math.pi / 2))
    np.testing.assert_allclose(2 * effect - np.eye(2), [[0, -1j], [1j, 0]], rtol=0, atol=1e-15)


def test_joint_probabilities_take_any_trace_and_refuse_none() -> None:
    effects = bright_effect(IDEAL_SR, "alice", SrAnalysis(0.2)), bright_effect(IDEAL_SR, "bob", SrAnalysis(1.0))
    state = pure(BellState.PHI_MINUS, 2)
    np.testing.assert_allclose(joint_probabilities(1e-9 * state, *effects), joint_probabilities(state, *effects), rtol=1e-12)
    with pytest.raises(ConfigError, match="probability 0"):
        joint_probabilities(0 * state, *effects)


def test_joint_probabilities_keep_the_parties_apart() -> None:
    """Alice up, Bob down: outcome (1, 0) of Z, Z."""
    state = np.diag([0, 1, 0, 0])
    joint = joint_probabilities(state, bright_effect(IDEAL_SR, "alice", SrAnalysis(0.0)), bright_effect(IDEAL_SR, "bob", SrAnalysis(0.0)))
    np.testing.assert_allclose(joint, [[0, 0], [1, 0]], rtol=0, atol=1e-15)


def test_joint_probabilities_of_a_complex_state() -> None:
    """Born's rule with nothing real: a random state, axes out of the plane."""
    rng = np.random.default_rng(3)
    ket = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    state = ket @ ket.conj().T / np.trace(ket @ ket.conj().T)
    alice = bright_effect(IDEAL_SR, "alice", SrAnalysis(0.7, 1.1))
    bob = bright_effect(IDEAL_SR, "bob", SrAnalysis(2.0, -0.4))
    joint = joint_probabilities(state, alice, bob)
    assert joint[1, 1] == pytest.approx(np.trace(state @ np.kron(alice, bob)).real, abs=1e-14)
    assert joint[1].sum() == pytest.approx(np.trace(state @ np.kron(alice, np.eye(2))).real, abs=1e-14)


def test_fluorescence() -> None:
    assert count_means(MUNICH, "alice") == (60, 6)
    assert count_means(MUNICH, "bob") == (45, 5)
    for bright, dark, threshold in ((60.0, 6.0, 22), (25.0, 0.5, 5), (10.0, 0.0, 1), (3.0, 2.0, 0)):
        missed, false = poisson_threshold_errors(bright, dark, threshold)
        assert missed == pytest.approx(stats.poisson.cdf(threshold - 1, bright), rel=1e-9)
        assert false == pytest.approx(stats.poisson.sf(threshold - 1, dark), rel=1e-9)
