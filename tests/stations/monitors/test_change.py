"""The sequential test: false alarms bounded by alpha, changes found within the time that the counting statistics allow.

Statistical tests: seeds are fixed. "At most alpha": a test of n streams fails a correct program when more than alpha n + 4 sqrt(alpha n) of
them alarm, which the bound makes rarer than 1 in 10,000. "Found in time": the formula allows 0.13 % failures, so that of 100 streams
3 may be late; more happens to a correct program once in 100,000 times.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import dirichlet_multinomial, multinomial, nbinom, poisson

from eventready.stations.monitors.change import ChangeTest, log_weight
from eventready.stations.monitors.delay import rate_found_after, share_found_after
from eventready.stations.monitors.models import KnownShare, Rate, Shares

ALPHA = 0.1
LOOKS = 60


def first_alarm(model, draw, alpha=ALPHA, at_least=0.0, looks=LOOKS):
    test = ChangeTest(model, alpha, at_least)
    return next((look for look in range(looks) if test.feed(float(look), draw(look)) is not None), None)


# -- false alarms ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "draw"),
    [
        pytest.param(Rate(), lambda rng: (rng.poisson(7.0), 2000.0), id="rate"),
        pytest.param(Rate(), lambda rng: (rng.binomial(20, 0.4), 20.0), id="rate of binomial counts"),
        pytest.param(Rate(), lambda rng: (rng.poisson(0.5 * (n := rng.integers(1, 40))), float(n)), id="uneven exposure"),
        pytest.param(Shares(), lambda rng: rng.multinomial(5, (0.5, 0.5)), id="even shares"),
        pytest.param(Shares(), lambda rng: rng.multinomial(20, (0.01, 0.99)), id="a rare kind"),
        pytest.param(KnownShare(0.45, 0.55), lambda rng: rng.multinomial(5, (0.45, 0.55)), id="a known share, at its bound"),
        pytest.param(Shares(4), lambda rng: rng.multinomial(9, (0.25,) * 4), id="four kinds"),
    ],
)
def test_nothing_changes(model, draw):
    rng = np.random.default_rng(5)
    streams = 250
    alarms = sum(first_alarm(model, lambda _: draw(rng)) is not None for _ in range(streams))
    assert alarms <= ALPHA * streams + 4 * math.sqrt(ALPHA * streams)


def test_alpha_is_what_it_takes():
    """The same stream with a laxer bound alarms no later."""
    rng = np.random.default_rng(6)
    counts = [(rng.poisson(50 if look < 20 else 70), 1.0) for look in range(60)]
    found = [first_alarm(Rate(), lambda look: counts[look], alpha) for alpha in (0.5, 1e-2, 1e-6)]
    assert found == sorted(found)
    assert found[0] >= 20


def test_the_weights_of_all_moments_sum_to_one():
    assert sum(math.exp(log_weight(j)) for j in range(1, 100_000)) == pytest.approx(1.0, abs=2e-5)


# -- likelihoods: each mixture is a distribution, or the evidence would mean nothing -----------------------------------------------------


@given(st.integers(0, 30), st.floats(0.1, 50), st.integers(0, 40), st.floats(0.1, 50), st.integers(25, 60), st.floats(0.5, 50))
def test_the_rate_mixtures_predict_like_negative_binomials(k0, n0, k1, n1, k, n):
    """Each mixture of Poissons is a negative binomial, times the factors n^k / k! that are left out."""
    first, before, after = np.array([k, n]), np.array([k0, n0]), np.array([k1, n1])
    shape, mean = k + 0.5, (k + k0 + 0.5) / (n + n0)
    expected = nbinom.logpmf(k0, shape, n / (n + n0)) + nbinom.logpmf(k1, 0.5, (0.5 / mean) / (0.5 / mean + n1))
    left_out = sum(count * math.log(exposure) - math.lgamma(count + 1) for count, exposure in ((k0, n0), (k1, n1)))
    found = Rate().log_before(first, before) + Rate().log_after(first, before, after)
    assert float(found) + left_out == pytest.approx(expected, rel=1e-7, abs=1e-6)


@given(st.lists(st.integers(0, 40), min_size=3, max_size=3), st.lists(st.integers(0, 40), min_size=3, max_size=3))
def test_the_share_mixtures_are_dirichlet_multinomials(before, after):
    model, none = Shares(3), np.zeros(3)
    expected = sum(dirichlet_multinomial.logpmf(counts, [0.5] * 3, sum(counts)) for counts in (before, after))
    left_out = sum(math.lgamma(sum(c) + 1) - sum(math.lgamma(n + 1) for n in c) for c in (before, after))
    before, after = np.array(before, float), np.array(after, float)
    found = float(model.log_before(none, before) + model.log_after(none, before, after))
    assert found + left_out == pytest.approx(expected, abs=1e-7)


@given(st.integers(0, 60), st.floats(0.1, 50), st.floats(0.01, 100))
def test_no_constant_rate_beats_the_best(k, n, rate):
    here = poisson.logpmf(k, rate * n) - poisson.logpmf(k, max(k, 1e-12))
    assert here <= 1e-9
    assert float(Rate().log_best(np.array([k, n]))) == pytest.approx(k * math.log(k / n) - k if k else 0.0)


@given(st.lists(st.integers(0, 40), min_size=2, max_size=5), st.data())
def test_no_constant_shares_beat_the_best(counts, data):
    shares = np.array(data.draw(st.lists(st.floats(0.01, 1), min_size=len(counts), max_size=len(counts))))
    shares /= shares.sum()
    total = sum(counts)
    left_out = math.lgamma(total + 1) - sum(math.lgamma(n + 1) for n in counts)
    best = float(Shares(len(counts)).log_best(np.array(counts, float)))
    assert multinomial.logpmf(counts, total, shares) <= best + left_out + 1e-9


# -- changes are found in time -----------------------------------------------------------------------------------------------------------

STRICT = 1e-3
BEFORE = 200
"""Looks before the change."""


def lateness(model, calm, moved, streams=100):
    """At which look after the change each stream alarmed; None for a stream that alarmed before it."""
    found = []
    for _ in range(streams):
        look = first_alarm(model, lambda look: calm() if look < BEFORE else moved(), STRICT, looks=BEFORE + 2000)
        found.append(None if look is not None and look < BEFORE else math.inf if look is None else look - BEFORE + 1)
    return found


@pytest.mark.parametrize("factor", [0.0, 0.5, 0.8, 1.3, 4.0])
def test_a_rate_that_jumps_is_found_in_time(factor):
    rng, rate = np.random.default_rng(7), 40.0
    bound = rate_found_after(rate, rate * factor, known=BEFORE, alpha=STRICT, moments=BEFORE)
    assert bound < 100
    found = lateness(Rate(), lambda: (rng.poisson(rate), 1.0), lambda: (rng.poisson(rate * factor), 1.0))
    assert sum(look is None for look in found) <= 1
    assert sum(look is not None and look > math.ceil(bound) for look in found) <= 3


@pytest.mark.parametrize(("before", "after"), [(0.5, 0.35), (0.25, 0.0), (0.02, 0.12), (0.5, 0.9)])
def test_a_share_that_jumps_is_found_in_time(before, after):
    rng, size = np.random.default_rng(8), 10
    bound = share_found_after(before, after, known=BEFORE * size, alpha=STRICT, moments=BEFORE)
    assert bound < 4000

    def draw(share):
        k = rng.binomial(size, share)
        return k, size - k

    found = lateness(Shares(), lambda: draw(before), lambda: draw(after))
    assert sum(look is None for look in found) <= 1
    assert sum(look is not None and look > math.ceil(bound / size) for look in found) <= 3


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_the_bound_on_the_time_is_no_empty_promise(factor):
    """It is within a factor of 4 of the median, so it says something."""
    rng, rate = np.random.default_rng(9), 10.0
    bound = rate_found_after(rate, rate * factor, known=BEFORE, alpha=STRICT, moments=BEFORE)
    found = lateness(Rate(), lambda: (rng.poisson(rate), 1.0), lambda: (rng.poisson(rate * factor), 1.0), streams=40)
    assert np.median([look for look in found if look is not None]) > bound / 4


def test_what_can_never_be_told_apart_is_never_promised():
    assert rate_found_after(10.0, 10.1, known=10.0, alpha=1e-3, moments=10) == math.inf
    assert share_found_after(0.5, 0.51, known=100.0, alpha=1e-3, moments=10) == math.inf


def test_a_change_says_when_it_began_and_how_large_it_is():
    rng = np.random.default_rng(10)
    test = ChangeTest(Rate(), 1e-3, 0.05)
    change = next(found for look in range(400) if (found := test.feed(look * 60.0, (rng.poisson(100 if look < 300 else 60), 2.0))))
    assert change.since_s == pytest.approx(299 * 60.0, abs=180.0)
    assert change.at_s >= 300 * 60.0
    assert change.before[0] / change.before[1] == pytest.approx(50, rel=0.03)
    assert change.sigma < -3


def test_small_changes_are_none_of_our_business():
    """With 4e6 events a fall by 2 % is 20 sigma, but a test for 5 % stays silent; one for 1 % does not."""
    for at_least, silent in ((0.05, True), (0.01, False)):
        rng = np.random.default_rng(11)
        found = first_alarm(Rate(), lambda look, rng=rng: (rng.poisson(4e4 * (1 if look < 100 else 0.98)), 1.0), 1e-3, at_least, 200)
        assert (found is None) is silent


def test_after_an_alarm_the_new_state_is_the_normal_one_and_the_way_back_is_found():
    rng = np.random.default_rng(12)
    test = ChangeTest(Shares(), 1e-3, 0.05)
    alarms = [look for look in range(600) if test.feed(look, rng.multinomial(10, (0.9, 0.1) if 200 <= look < 400 else (0.5, 0.5)))]
    assert len(alarms) == 2
    assert 200 <= alarms[0] < 230
    assert 400 <= alarms[1] < 430


def test_counts_are_held_back_until_there_are_enough():
    rng = np.random.default_rng(13)
    test = ChangeTest(Shares(), 1e-3, 0.0, hold=50)
    for look in range(500):
        test.feed(look, rng.multinomial(5, (0.5, 0.5)))
    assert test._moments == 50


def test_nothing_at_all_is_no_look():
    test = ChangeTest(Shares(), 1e-3, 0.0)
    assert [test.feed(look, (0, 0)) for look in range(3)] == [None] * 3
    assert test._moments == 0
