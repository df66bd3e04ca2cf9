"""Whole rounds as columns: the distribution is that of the closed form. Seeds fixed; chi-squared tests fail one right program in 10,000."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2

from eventready.errors import ConfigError
from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME, Counts, chsh_s
from eventready.twin.physics import expected
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS, OXFORD_ANALYSES, OXFORD_PATTERNS
from eventready.twin.physics.preset import load_preset
from eventready.twin.rounds import RoundSampler, alias_table

CLOSED = {
    "munich-physics": expected(load_preset("munich-physics"), *MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, (20e-6, 20e-6)),
    "oxford": expected(load_preset("oxford"), *OXFORD_ANALYSES, OXFORD_PATTERNS, OXFORD_GAME, (0.0, 0.0)),
}


def uniform(name: str) -> np.ndarray:
    shape = CLOSED[name].correlators.shape
    return np.full(shape, 1 / np.prod(shape))


@pytest.mark.parametrize("name", CLOSED)
def test_rounds_have_the_distribution_of_the_closed_form(name: str) -> None:
    wanted = CLOSED[name]
    rounds = RoundSampler(wanted, uniform(name), seed=1).draw(1_000_000)
    seen, meant = [], []
    for pattern, part in wanted.by_pattern.items():
        for (x, y, a, b), probability in np.ndenumerate(part.joint):
            fits = (rounds["pattern"] == pattern) & (rounds["alice_setting"] == x) & (rounds["bob_setting"] == y)
            seen.append((fits & (rounds["alice_outcome"] == a) & (rounds["bob_outcome"] == b)).sum())
            meant.append(1_000_000 * part.probability / wanted.probability * probability * uniform(name)[x, y])
    seen, meant = np.array(seen), np.array(meant)
    assert chi2.sf(((seen - meant) ** 2 / meant).sum(), len(seen) - 1) > 1e-4
    assert 1 / rounds["attempts"].mean() == pytest.approx(wanted.probability, rel=4e-3)
    assert (rounds["attempts"] == 1).mean() == pytest.approx(wanted.probability, abs=4 * (wanted.probability / 1e6) ** 0.5)


@pytest.mark.parametrize("name", CLOSED)
def test_s_comes_out(name: str) -> None:
    rounds = RoundSampler(CLOSED[name], uniform(name), seed=2).draw(400_000)
    columns = (rounds[column] for column in ("alice_setting", "bob_setting", "alice_outcome", "bob_outcome"))
    found = chsh_s(Counts.from_rounds(*columns, CLOSED[name].game), CLOSED[name].game)
    assert found is not None
    assert found.value == pytest.approx(CLOSED[name].s, abs=0.03)


def test_the_same_seed_draws_the_same_rounds() -> None:
    one, two = (RoundSampler(CLOSED["oxford"], uniform("oxford"), seed=3).draw(200_000) for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("settings", [[[1.0]], np.full((2, 3), 0.2), np.array([[1.5, -0.5, 0], [0, 0, 0]])])
def test_settings_that_are_no_probabilities_are_refused(settings) -> None:
    with pytest.raises(ConfigError, match="sum 1"):
        RoundSampler(CLOSED["oxford"], settings, seed=1)


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1)).filter(lambda weights: weights.sum() > 1e-3))
def test_an_alias_table_holds_its_distribution(weights: np.ndarray) -> None:
    probability = weights / weights.sum()
    threshold, alias = alias_table(probability)
    held = threshold.copy()
    np.add.at(held, alias, 1 - threshold)
    np.testing.assert_allclose(held / len(held), probability, rtol=0, atol=1e-12)
