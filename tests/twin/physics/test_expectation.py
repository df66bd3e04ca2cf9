"""E, S, Q in closed form: sign tables, the identity between S and Q, the faults that a link may have."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from eventready.errors import ConfigError
from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME
from eventready.twin.physics import (
    BellState,
    BsmParameters,
    Expectation,
    LinkParameters,
    NodeParameters,
    bright_effect,
    expected,
    mode_overlap,
)
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS, OXFORD_ANALYSES, OXFORD_PATTERNS, SAME_ARM
from eventready.twin.physics.preset import load_preset

READOUT_DELAYS = (20e-6, 20e-6)
ATOM = NodeParameters(efficiency=1e-2, beam_contrast=(1.0,) * 4, beam_offset=(0.0,) * 4)
ION = NodeParameters(efficiency=1e-2)
MUNICH = load_preset("munich-physics").link_parameters()


def munich(link: LinkParameters, delays: tuple[float, float] = READOUT_DELAYS) -> Expectation:
    return expected(link, *MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, delays)


def oxford(link: LinkParameters) -> Expectation:
    return expected(link, *OXFORD_ANALYSES, OXFORD_PATTERNS, OXFORD_GAME)


def both(link: LinkParameters, **changes: float) -> LinkParameters:
    return replace(link, alice=replace(link.alice, **changes), bob=replace(link.bob, **changes))


def bsm(link: LinkParameters, **changes: object) -> LinkParameters:
    return replace(link, bsm=replace(link.bsm, **changes))


def test_sign_table_of_munich() -> None:
    ideal = munich(LinkParameters("rb87", ATOM, ATOM))
    half = math.sqrt(0.5)
    np.testing.assert_allclose(ideal.correlators, [[-1, 0], [0, -1], [-half, half], [-half, -half]], rtol=0, atol=1e-14)
    assert ideal.s == pytest.approx(2 * math.sqrt(2))
    assert ideal.qber == pytest.approx((0, 0), abs=1e-14)
    assert ideal.fidelity == pytest.approx(1)


def test_sign_table_of_oxford_is_the_same_for_every_pattern() -> None:
    ideal = oxford(LinkParameters("sr88", ION, ION))
    half = math.sqrt(0.5)
    for part in (ideal, *ideal.by_pattern.values()):
        np.testing.assert_allclose(part.correlators, [[half, half, 1], [half, -half, 0]], rtol=0, atol=1e-14)
        assert part.s == pytest.approx(2 * math.sqrt(2))
        assert part.qber == pytest.approx((0,), abs=1e-14)
    assert len(ideal.by_pattern) == 4


@pytest.mark.parametrize("seed", range(5))
def test_pauli_diagonal_links_obey_the_identity(seed: int) -> None:
    """S = 2 sqrt 2 (1 - 2Q) with S = sqrt 2 (Cx + Cz), Q = 1/2 - (Cx + Cz)/4, for atoms without a third level."""
    rng = np.random.default_rng(seed)
    nodes = [
        replace(ATOM, visibility=rng.uniform(0.7, 1), coherence_time=100e-6, bright_survives=0.05, dark_ionised=0.05) for _ in range(2)
    ]
    link = LinkParameters("rb87", *nodes, BsmParameters(mode_overlap=rng.uniform(0.5, 1), dark_probability=(1e-3,) * 4))
    found = munich(link)
    assert found.qber[0] > 0.05
    assert found.s == pytest.approx(2 * math.sqrt(2) * (1 - sum(found.qber)), abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_identity_needs_no_assumption_on_state_or_bob(seed: int) -> None:
    """Alice's four observables span a plane: A2 = (A0 - A1)/sqrt 2, A3 = (A0 + A1)/sqrt 2. So S = -sqrt 2 (E00 + E11) always."""
    rng = np.random.default_rng(seed)
    ket = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    state = ket @ ket.conj().T
    state /= np.trace(state)
    link = LinkParameters("rb87", replace(ATOM, dark_ionised=0.1, bright_survives=0.1), ATOM)
    alice = [2 * bright_effect(link, "alice", analysis)[:2, :2] - np.eye(2) for analysis in MUNICH_ANALYSES[0]]
    bobs = []
    for _ in range(2):
        vectors, _ = np.linalg.qr(rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))
        bobs.append(vectors @ np.diag(rng.uniform(-1, 1, 2)) @ vectors.conj().T)
    e = {(x, y): np.trace(state @ np.kron(a, b)).real for x, a in enumerate(alice) for y, b in enumerate(bobs)}
    s = sum(sign * e[pair] for pair, sign in MUNICH_GAME.chsh)
    q = sum((1 + e[pair]) / 2 for pair in MUNICH_GAME.key_pairs) / 2
    assert s == pytest.approx(2 * math.sqrt(2) * (1 - 2 * q), abs=1e-12)


def test_unequal_beams_break_the_identity() -> None:
    """The one thing that can: Alice's readout depends on her setting."""
    link = LinkParameters("rb87", replace(ATOM, beam_contrast=(0.85, 0.85, 1.0, 1.0)), ATOM)
    found = munich(link)
    assert found.s - 2 * math.sqrt(2) * (1 - sum(found.qber)) > 0.4


def test_mode_overlap_touches_one_axis_only() -> None:
    link = LinkParameters("rb87", ATOM, ATOM, BsmParameters(mode_overlap=0.8))
    e = munich(link, (0.0, 0.0)).correlators
    c_x, c_z = math.sqrt(2) * e[2, 1], -math.sqrt(2) * e[3, 0]
    assert c_z == pytest.approx(1, abs=1e-12)
    assert c_x == pytest.approx(0.8, abs=1e-12)


def test_discarded_pairs_measure_the_difference_of_the_axes() -> None:
    e = munich(LinkParameters("rb87", ATOM, ATOM, BsmParameters(mode_overlap=0.8)), (0.0, 0.0)).correlators
    assert e[0, 1] == pytest.approx((0.8 - 1) / 2)
    assert e[1, 0] == pytest.approx((0.8 - 1) / 2)


def test_correlators_of_an_accidental_coincidence_vanish() -> None:
    link = LinkParameters("rb87", ATOM, replace(ATOM, efficiency=0.0), BsmParameters(dark_probability=(1e-3,) * 4))
    found = munich(link)
    assert found.correlators == pytest.approx(np.zeros((4, 2)), abs=1e-12)
    assert found.fidelity == pytest.approx(0.25)


def test_combined_statistics_weigh_the_patterns() -> None:
    link = bsm(load_preset("oxford").link_parameters(), detector_efficiency=(1.0, 0.2, 1.0, 1.0))
    found = oxford(link)
    weights = np.array([part.probability for part in found.by_pattern.values()])
    assert weights.max() > 3 * weights.min()
    assert found.probability == pytest.approx(weights.sum())
    assert found.s == pytest.approx(weights @ [part.s for part in found.by_pattern.values()] / weights.sum())
    assert found.fidelity == pytest.approx(weights @ [part.fidelity for part in found.by_pattern.values()] / weights.sum())


def test_oxford_same_arm_patterns_have_more_errors() -> None:
    """HH and VV bunch in one arm, where a wrong port makes a false Psi+ of them."""
    found = oxford(load_preset("oxford").link_parameters())
    for pattern, part in found.by_pattern.items():
        same_arm = pattern in SAME_ARM
        assert part.qber[0] == pytest.approx(0.0153 if same_arm else 0.0135, abs=1e-4)
        assert part.s == pytest.approx(2.672 if same_arm else 2.682, abs=2e-3)
    perfect = oxford(bsm(load_preset("oxford").link_parameters(), pbs_extinction=0.0))
    assert np.ptp([part.qber[0] for part in perfect.by_pattern.values()]) < 1e-4


def up(found: Expectation) -> float:
    return float(found.joint.sum(axis=3)[..., 1].mean())


# Removing one imperfection at a time: the error budget of S.
@pytest.mark.parametrize(
    ("link", "s"),
    [
        (both(MUNICH, dark_ionised=0.0, bright_survives=0.0, missed=0.0, false_bright=0.0), 2.542),
        (both(MUNICH, coherence_time=1.0), 2.449),
        (bsm(MUNICH, mode_overlap=1.0), 2.450),
        (both(MUNICH, leak=0.0), 2.446),
        (bsm(MUNICH, dark_probability=(0.0,) * 4), 2.440),
        (both(MUNICH, second_photon=0.0), 2.434),
    ],
)
def test_error_budget_of_munich(link: LinkParameters, s: float) -> None:
    assert munich(link).s == pytest.approx(s, abs=2e-3)


@pytest.mark.parametrize(
    ("link", "delay", "s", "q"),
    [
        (both(MUNICH, bright_survives=0.06), 20e-6, 2.19, 0.114),
        (both(MUNICH, missed=0.05), 20e-6, 2.19, None),
        (both(MUNICH, leak=0.03), 20e-6, 2.30, None),
        (both(MUNICH, leak=0.10), 20e-6, 1.96, None),
        (replace(MUNICH, bob=replace(MUNICH.bob, fibre_rotation=math.radians(2))), 20e-6, 2.425, None),
        (replace(MUNICH, bob=replace(MUNICH.bob, fibre_rotation=math.radians(5))), 20e-6, 2.394, None),
        (replace(MUNICH, bob=replace(MUNICH.bob, fibre_rotation=math.radians(10))), 20e-6, 2.28, 0.097),
        (replace(MUNICH, bob=replace(MUNICH.bob, fibre_retardance=math.radians(20))), 20e-6, 2.358, 0.083),
        (replace(MUNICH, bob=replace(MUNICH.bob, fibre_retardance=math.radians(40))), 20e-6, 2.149, None),
        (MUNICH, 100e-6, 2.04, None),
        (MUNICH, 200e-6, 1.18, None),
        (bsm(MUNICH, mode_overlap=0.985 * mode_overlap(26.2348e-9, 1e-9, 0.0)), 20e-6, 2.386, None),
        (bsm(MUNICH, mode_overlap=0.985 * mode_overlap(26.2348e-9, 0.0, 1e6)), 20e-6, 2.40, None),
        (bsm(MUNICH, dark_probability=(100 * 60e-9,) * 4), 20e-6, 2.354, None),
        (bsm(MUNICH, dark_probability=(500 * 60e-9,) * 4), 20e-6, 2.06, None),
        (bsm(MUNICH, dark_probability=(2000 * 60e-9,) * 4), 20e-6, 1.37, None),
        (replace(MUNICH, bob=replace(MUNICH.bob, channel_transmission=0.05)), 20e-6, 2.36, None),
    ],
)
def test_faults_of_munich(link: LinkParameters, delay: float, s: float, q: float | None) -> None:
    """The closed form against the numbers of an independent prototype."""
    found = munich(link, (delay, delay))
    assert found.s == pytest.approx(s, abs=6e-3)
    if q is not None:
        assert found.qber == pytest.approx((q, q), abs=2e-3)


def test_faults_show_in_the_marginals_and_rates() -> None:
    assert up(munich(MUNICH)) == pytest.approx(0.498, abs=1e-3)
    assert up(munich(both(MUNICH, bright_survives=0.06))) == pytest.approx(0.523, abs=1e-3)
    assert up(munich(both(MUNICH, missed=0.05))) == pytest.approx(0.474, abs=1e-3)
    assert up(munich(both(MUNICH, leak=0.10))) == pytest.approx(0.452, abs=1e-3)
    normal = munich(MUNICH)
    assert munich(bsm(MUNICH, transmission=0.4)).probability / normal.probability == pytest.approx(0.96, abs=3e-3)
    assert munich(bsm(MUNICH, transmission=0.4)).s == pytest.approx(normal.s, abs=5e-3)
    deaf = munich(bsm(MUNICH, detector_efficiency=(0.0, 1.0, 1.0, 1.0)))
    assert deaf.probability / normal.probability == pytest.approx(0.5, abs=2e-3)
    assert deaf.by_pattern[0b1100].s == pytest.approx(normal.s, abs=1e-4)


def test_fibre_rotation_splits_the_discarded_pairs() -> None:
    e = munich(replace(MUNICH, bob=replace(MUNICH.bob, fibre_rotation=math.radians(5)))).correlators
    assert e[0, 1] == pytest.approx(-0.15, abs=5e-3)
    assert e[1, 0] == pytest.approx(0.145, abs=5e-3)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ConfigError, match="no click pattern"):
        expected(MUNICH, *MUNICH_ANALYSES, {}, MUNICH_GAME)
    with pytest.raises(ConfigError, match="has 4 settings for Alice and 2 for Bob, not 3 and 2"):
        expected(MUNICH, MUNICH_ANALYSES[0][:3], MUNICH_ANALYSES[1], MUNICH_PATTERNS, MUNICH_GAME)
    silent = LinkParameters("rb87", ATOM, ATOM)
    with pytest.raises(ConfigError, match="probability 0"):
        expected(silent, *MUNICH_ANALYSES, {0b0111: BellState.PSI_PLUS}, MUNICH_GAME)
