"""The shipped presets give what they claim, and their derived numbers follow from the formulas in their sources."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME
from eventready.twin.physics import (
    Expectation,
    bright_effect,
    coherence,
    expected,
    gate_capture,
    mean_round_time,
    uptime,
)
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS, OXFORD_ANALYSES, OXFORD_PATTERNS
from eventready.twin.physics.preset import load_preset, preset_names
from eventready.twin.physics.preset_fields import TAGS
from eventready.twin.physics.readout import RbAnalysis
from eventready.twin.physics.states import atom_photon_state

# Zhang et al., Nature 607, 687 (2022), "System measurements and performance": value and error.
PUBLISHED_E = {(2, 0): (-0.599, 0.041), (2, 1): (0.618, 0.039), (3, 0): (-0.664, 0.036), (3, 1): (-0.697, 0.035)}
PUBLISHED_Q = ((0.0781, 0.0127), (0.0777, 0.0132))

MUNICH_ATTEMPT = (200 / 52e3 + 0.2e-3) / 200


def munich(name: str) -> Expectation:
    delay = load_preset(name)["node.alice.fidelity_delay"]
    return expected(load_preset(name), *MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, (delay, delay))


def deviations(found: Expectation) -> np.ndarray:
    """The six published numbers, in standard deviations."""
    correlators = [(found.correlators[pair] - value) / error for pair, (value, error) in PUBLISHED_E.items()]
    errors = [(q - value) / error for q, (value, error) in zip(found.qber, PUBLISHED_Q, strict=True)]
    return np.array(correlators + errors)


def mean_visibility(found: Expectation) -> float:
    """From the six pairs of settings in which the ideal correlator is not 0."""
    ideal = np.array([[-1, 0], [0, -1], [-(0.5**0.5), 0.5**0.5], [-(0.5**0.5), -(0.5**0.5)]])
    used = ideal != 0
    return float(np.mean(found.correlators[used] / ideal[used]))


@pytest.mark.parametrize(
    ("name", "probability", "s", "q", "visibility"),
    [
        ("munich-physics", 4.92e-7, 2.431, 0.0702, 0.8595),
        ("munich-visibility", 4.92e-7, 2.485, 0.0607, 0.8785),
        ("munich-point", 4.9e-7, 2.579, 0.0779, None),
    ],
)
def test_munich_presets(name: str, probability: float, s: float, q: float, visibility: float | None) -> None:
    found = munich(name)
    assert found.probability == pytest.approx(probability, rel=6e-3)
    assert found.s == pytest.approx(s, abs=2e-3)
    assert found.qber == pytest.approx((q, q), abs=2e-3)
    if visibility is not None:
        assert mean_visibility(found) == pytest.approx(visibility, abs=1e-3)


def test_physics_preset_is_compatible_with_the_published_data() -> None:
    """chi2 of six numbers below 12.6, the 5 % point; nothing was fitted to them."""
    assert (deviations(munich("munich-physics")) ** 2).sum() < 12.6
    assert (deviations(munich("munich-visibility")) ** 2).sum() < 12.6


def test_visibility_preset_gives_the_published_fidelity_bound() -> None:
    """1/9 + 8/9 V = 0.892, the missing part taken as white over the 3 x 3 levels of two atoms."""
    assert 1 / 9 + 8 / 9 * mean_visibility(munich("munich-visibility")) == pytest.approx(0.892, abs=5e-4)


def test_point_preset_hits_every_point_estimate() -> None:
    assert np.abs(deviations(munich("munich-point"))).max() <= 0.4


def test_state_fidelity_of_the_physics_preset() -> None:
    assert munich("munich-physics").fidelity == pytest.approx(0.924, abs=2e-3)


def test_oxford_triple() -> None:
    found = expected(load_preset("oxford"), *OXFORD_ANALYSES, OXFORD_PATTERNS, OXFORD_GAME)
    assert found.s == pytest.approx(2.6770, abs=1e-4)
    assert found.qber[0] == pytest.approx(0.01440, abs=1e-5)
    assert found.fidelity == pytest.approx(0.9600, abs=1e-5)
    assert found.probability == pytest.approx(2.19e-4, rel=1e-3)


@pytest.mark.parametrize(("side", "published"), [("alice", 0.952), ("bob", 0.941)])
def test_simulated_atom_photon_measurement_returns_the_published_fidelity(side: str, published: float) -> None:
    """Measure atom and photon along two axes with all readout errors; F = 1/6 + 5/6 V must be the published bound."""
    preset = load_preset("munich-physics")
    link = preset.link_parameters()
    node = link.node(side)
    state = atom_photon_state(node, 3)  # [p, p', a, a']
    # Both axes below are off the axis Y of the m_F basis and lose the same factor.
    kept = coherence(node, preset["node.alice.fidelity_delay"])
    visibilities = []
    for angle, photons in ((0.0, np.eye(2)), (math.pi / 4, np.array([[1, 1], [1, -1]]) / math.sqrt(2))):
        effect = bright_effect(link, side, RbAnalysis(angle))
        bright = [np.einsum("p,pqab,q,ba->", ket, state, ket, effect).real for ket in photons]
        visibilities.append(2 * abs(bright[0] - bright[1]) * kept)  # each photon state has probability 1/2
    assert 1 / 6 + 5 / 6 * np.mean(visibilities) == pytest.approx(published, abs=1e-4)


def test_oxford_visibility_is_that_of_the_state() -> None:
    preset = load_preset("oxford")
    state = atom_photon_state(preset.link_parameters().bob, 2).transpose(0, 2, 1, 3).reshape(4, 4)
    ket = np.array([0, 1, 1, 0]) / math.sqrt(2)
    assert (ket @ state @ ket).real == pytest.approx(preset["node.bob.ion_photon_fidelity"], abs=1e-12)


def test_derived_fields_of_munich() -> None:
    preset = load_preset("munich-physics")
    assert preset["node.alice.efficiency"] * preset["node.alice.pumping"] == pytest.approx(math.sqrt(8 * 0.49e-6), rel=1e-4)
    assert preset["bsm.gate_start"] == pytest.approx(math.log(2) * preset["link.photon_lifetime"], rel=2e-3)
    assert gate_capture(preset["link.photon_lifetime"], preset["bsm.gate_start"], 1e-6) == pytest.approx(0.5, abs=1e-3)


def test_derived_fields_of_oxford() -> None:
    preset = load_preset("oxford")
    assert preset["node.alice.efficiency"] ** 2 / 2 == pytest.approx(2.18e-4, rel=2e-3)


def test_munich_run_takes_its_published_time() -> None:
    """3342 rounds in 75 h; 1.3 h is the statistical spread of such a run."""
    preset = load_preset("munich-physics")
    hours = [3342 / 3600 * mean_round_time(preset, p, MUNICH_ATTEMPT, 0.03) for p in (munich("munich-physics").probability, 0.49e-6)]
    assert hours[0] == pytest.approx(75, abs=0.5)
    assert hours[1] - hours[0] == pytest.approx(0.5, abs=0.05)


def test_oxford_run_has_its_published_rate() -> None:
    """1.92e6 pairs in 8.5 h while an uninterrupted link makes 1.5e6 in 3.5 h."""
    assert uptime(load_preset("oxford")) == pytest.approx((1.92e6 / 8.5) / (1.5e6 / 3.5), abs=1e-3)


@pytest.mark.parametrize("name", preset_names())
def test_every_field_says_where_it_comes_from(name: str) -> None:
    preset = load_preset(name)
    assert preset.name == name
    assert len(preset.note) > 80
    for field_name, field in preset.fields.items():
        assert field.tag in TAGS, field_name
        assert math.isfinite(field.value), field_name
        if field.tag == "published":
            assert any(author in field.source for author in ("Zhang", "Nadlinger", "Steck", "OxfordIonTrapGroup")), field_name
