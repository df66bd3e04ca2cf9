"""Random numbers in blocks are still the random numbers they claim to be.

Seeds are fixed; FALSE_ALARM is the rate at which a new seed would fail one of the tests.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from eventready.twin.draws import Draws

FALSE_ALARM = 1e-6
N = 10_000  # more than two blocks


@pytest.fixture
def draws() -> Draws:
    return Draws(np.random.SeedSequence(1))


def test_uniform(draws: Draws) -> None:
    found = [draws.uniform() for _ in range(N)]
    assert min(found) >= 0
    assert max(found) < 1
    assert stats.kstest(found, "uniform").pvalue > FALSE_ALARM


def test_exponential(draws: Draws) -> None:
    assert stats.kstest([draws.exponential() for _ in range(N)], "expon").pvalue > FALSE_ALARM


def test_gamma_has_the_mean_and_shape_that_it_is_given(draws: Draws) -> None:
    found = [draws.gamma(2.0, 600.0) for _ in range(N)]
    assert stats.kstest(found, stats.gamma(2.0, scale=300.0).cdf).pvalue > FALSE_ALARM


def test_poisson_of_means_in_turn(draws: Draws) -> None:
    means = (0.5, 25.0)
    found: dict[float, Counter[int]] = {mean: Counter() for mean in means}
    for _ in range(N):
        for mean in means:
            found[mean][draws.poisson(mean)] += 1
    for mean in means:
        bins = [k for k in range(100) if N * stats.poisson.pmf(k, mean) > 10]
        observed = [found[mean][k] for k in bins]
        expected = [N * stats.poisson.pmf(k, mean) for k in bins]
        observed.append(N - sum(observed))
        expected.append(N - sum(expected))
        assert stats.chisquare(observed, expected).pvalue > FALSE_ALARM


def test_nothing_shines_on_nothing(draws: Draws) -> None:
    assert {draws.poisson(0.0) for _ in range(100)} == {0}


def test_kinds_are_independent(draws: Draws) -> None:
    found = np.array([[draws.uniform(), draws.exponential(), draws.poisson(3.0), draws.gamma(1.0, 1.0)] for _ in range(N)])
    correlation = np.corrcoef(found, rowvar=False)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < 5 / N**0.5  # six coefficients of deviation 1/sqrt(N): 3e-6


def test_the_same_seed_gives_the_same_stream_and_another_another() -> None:
    one, same, other = (Draws(np.random.SeedSequence(seed)) for seed in (5, 5, 6))
    streams = [[draws.uniform() for _ in range(5000)] for draws in (one, same, other)]
    assert streams[0] == streams[1]
    assert not set(streams[0]) & set(streams[2])


def test_a_scan_of_means_does_not_pile_up(draws: Draws) -> None:
    for k in range(300):
        draws.poisson(1.0 + k)
    assert len(draws._poisson) < 70
