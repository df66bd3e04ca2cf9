import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.errors import ConfigError
from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME, Counts
from eventready.protocol.significance import (
    format_p,
    log10_binomial_tail,
    log10_p_local_realism,
    no_signalling,
    uniform_settings_p,
)


def exact_log10_tail(k: int, n: int, p: Fraction) -> float:
    q = p.denominator - p.numerator
    tail = sum(math.comb(n, j) * p.numerator**j * q ** (n - j) for j in range(k, n + 1))
    return math.log10(tail) - n * math.log10(p.denominator)  # of integers: math.log10 takes them at any size


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(0, 300), st.integers(1, 15))
def test_binomial_tail_is_exact(n, k, sixteenths):
    k = min(k, n)
    p = Fraction(sixteenths, 16)
    assert log10_binomial_tail(k, n, float(p)) == pytest.approx(exact_log10_tail(k, n, p), abs=1e-9)


@pytest.mark.parametrize(("k", "n"), [(2400, 2500), (3000, 3000), (1900, 2500), (2300, 3000)])
def test_binomial_tail_far_below_the_smallest_float(k, n):
    assert log10_binomial_tail(k, n, 0.75) == pytest.approx(exact_log10_tail(k, n, Fraction(3, 4)), rel=1e-12, abs=1e-9)


def test_binomial_tail_of_a_whole_oxford_run():
    """960 000 test rounds at S = 2.677; bracketed by the first term and by the geometric series."""
    n, k, p = 960_000, 801_216, 0.75
    first = (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log(1 - p)) / math.log(10)
    ratio = (n - k) / (k + 1) * p / (1 - p)
    assert first < log10_binomial_tail(k, n, p) < first - math.log10(1 - ratio) + 1e-6
    assert first < -8000


def test_published_p_values():
    """Delft: Hensen et al., Nature 526, 682 (2015): k = 196 of n = 245, tau = 1.08e-5, P = 0.039."""
    assert 10 ** log10_p_local_realism(196, 245, 1.08e-5) == pytest.approx(0.03917, abs=5e-6)
    # Munich's test rounds; its random number generators have a bias below 1e-5 (Zhang et al., "DIQKD implementation").
    assert 10 ** log10_p_local_realism(1352, 1643, 1e-5) == pytest.approx(9.26e-13, rel=1e-3)
    assert 10 ** log10_p_local_realism(1352, 1643) == pytest.approx(9.08e-13, rel=1e-3)


def test_bias_only_weakens_the_evidence():
    values = [log10_p_local_realism(1352, 1643, tau) for tau in (0, 1e-5, 1e-3, 1e-2, 0.07, 0.08, 0.5)]
    assert values == sorted(values)
    assert values[-1] == 0


@pytest.mark.parametrize(("wins", "trials", "tau"), [(5, 4, 0), (-1, 4, 0), (3, 4, -0.1), (3, 4, 0.6), (3, 4, math.nan)])
def test_impossible_games_are_refused(wins, trials, tau):
    with pytest.raises(ConfigError):
        log10_p_local_realism(wins, trials, tau)


def test_local_realist_devices_are_not_convicted():
    """The best local strategy in 2000 runs of 500 games: p < 1 % in at most 1 % of them (false alarm of this test: 1e-4)."""
    wins = np.random.default_rng(6).binomial(500, 0.75, size=2000)
    convicted = sum(log10_p_local_realism(int(k), 500) < -2 for k in wins)
    assert 2 < convicted < 20 + 4 * math.sqrt(20)


@pytest.mark.parametrize(
    ("log10_p", "text"),
    [(0.0, "1"), (math.log10(0.039), "0.039"), (-12.0332, "9.26e-13"), (-8706.14, "7.24e-8707"), (-20 - 1e-9, "1.00e-20")],
)
def test_probabilities_are_written_at_any_size(log10_p, text):
    assert format_p(log10_p) == text


def counts_of(p_a, p_b_given, rounds, rng, shape):
    outcomes = np.zeros((*shape, 2, 2), dtype=int)
    for x, y in itertools.product(range(shape[0]), range(shape[1])):
        a = rng.random(rounds) < p_a(x, y)
        b = rng.random(rounds) < p_b_given(x, y)
        np.add.at(outcomes[x, y], (a.astype(int), b.astype(int)), 1)
    return Counts.from_outcomes(outcomes)


def test_no_signalling_makes_four_tests_for_two_settings_a_side():
    result = no_signalling(counts_of(lambda x, y: 0.5, lambda x, y: 0.5, 200, np.random.default_rng(7), (2, 2)))
    assert [(t.party, t.setting, t.remote) for t in result.tests] == [
        ("alice", 0, (0, 1)),
        ("alice", 1, (0, 1)),
        ("bob", 0, (0, 1)),
        ("bob", 1, (0, 1)),
    ]
    assert {t.method for t in result.tests} == {"chi2"}
    assert result.p_bonferroni == pytest.approx(min(1, 4 * min(t.p for t in result.tests)))


def test_signalling_is_found_at_the_party_that_receives_it():
    """Alice's outcome moves by 20 % with Bob's setting; a four-sigma effect or more in each of her tests."""
    counts = counts_of(lambda x, y: 0.4 + 0.2 * y, lambda x, y: 0.5, 800, np.random.default_rng(8), (4, 2))
    result = no_signalling(counts)
    assert len(result.tests) == 4 + 2 * 6
    assert result.p_bonferroni < 1e-4
    assert all(t.p < 1e-4 for t in result.tests if t.party == "alice")
    assert all(t.p > 1e-4 for t in result.tests if t.party == "bob")


def test_chi_square_and_fisher_on_known_tables():
    # Alice at x = 0: 30 of 100 ones at y = 0, 45 of 100 at y = 1: chi2 = 4.8, p = erfc(sqrt(2.4)).
    many = no_signalling(Counts.from_outcomes(np.array([[[[70, 0], [30, 0]], [[55, 0], [45, 0]]]]))).tests[0]
    assert (many.method, many.p) == ("chi2", pytest.approx(math.erfc(math.sqrt(2.4))))
    # Fisher's tea table, 3 of 4 and 1 of 4: two-sided p = 34/70.
    few = no_signalling(Counts.from_outcomes(np.array([[[[3, 0], [1, 0]], [[1, 0], [3, 0]]]]))).tests[0]
    assert (few.method, few.p) == ("fisher", pytest.approx(34 / 70))


def test_bonferroni_alarm_rate():
    """1000 quiet Munich runs: a 5 % test raises the alarm in at most 5 % of them, 3 sigma allowed (false alarm below 0.2 %)."""
    rng = np.random.default_rng(9)
    alarms = sum(
        no_signalling(Counts.from_outcomes(rng.multinomial(418, [0.04, 0.46, 0.46, 0.04], size=(4, 2)).reshape(4, 2, 2, 2))).p_bonferroni
        < 0.05
        for _ in range(1000)
    )
    assert 5 < alarms < 50 + 3 * math.sqrt(50)


def test_no_signalling_needs_single_outcomes_and_something_to_compare():
    assert no_signalling(Counts(np.full((2, 2), 5), np.full((2, 2), 3))) is None
    lone = np.zeros((2, 3, 2, 2), dtype=int)
    lone[0, 2] = 5
    assert no_signalling(Counts.from_outcomes(lone)) is None


def test_uniform_settings():
    n = np.array([[0, 0], [0, 0], [379, 414], [434, 416]])
    chi2 = sum((k - 410.75) ** 2 / 410.75 for k in (379, 414, 434, 416))
    tail = math.erfc(math.sqrt(chi2 / 2)) + math.sqrt(2 * chi2 / math.pi) * math.exp(-chi2 / 2)  # three degrees of freedom
    assert uniform_settings_p(Counts(n, n // 2), MUNICH_GAME) == pytest.approx(tail)
    skewed = np.array([[1000, 1000, 0], [1000, 10, 0]])
    assert uniform_settings_p(Counts(skewed, skewed), OXFORD_GAME) < 1e-100
    assert uniform_settings_p(Counts(skewed, skewed), OXFORD_GAME, rng_bias=0.4) == 1
