"""Key lengths of the Renyi analysis, and the infimum inside them: certified, tight, and in exact arithmetic the same."""

import dataclasses
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from eventready.errors import ConfigError
from eventready.protocol import renyi
from eventready.protocol.finite_key import Security, accumulated_key
from eventready.protocol.renyi import HASH_ERROR, assumptions, renyi_key
from eventready.protocol.renyi_entropy import one_basis_renyi_entropy

N, GAMMA, WINNING = 1_500_000, 13 / 256, 0.83
THRESHOLD = 1 - (GAMMA * (1 - WINNING) + 3 * math.sqrt(GAMMA * (1 - WINNING) * (1 - GAMMA * (1 - WINNING)) / N)) / GAMMA
LOSSES = N * GAMMA * (1 - THRESHOLD)


@pytest.mark.parametrize(
    ("credit", "leaked", "bits"), [(0, 296_517, 313_316), (1, 296_517, 349_613), (0, 272_000, 337_833), (1, 272_000, 374_130)]
)
def test_the_run_of_oxford(credit, leaked, bits):
    """Against numbers worked out apart, on a grid of orders (some bits below the best) and with losses that are no whole number."""
    real = renyi_key(N, GAMMA, LOSSES, leaked, soundness=1e-10, test_credit=credit)
    assert bits <= real.key_bits < bits + 15
    whole = renyi_key(N, GAMMA, math.floor(LOSSES), leaked, soundness=1e-10, test_credit=credit)
    assert whole.key_bits - real.key_bits == pytest.approx((LOSSES % 1) * real.loss_price, rel=1e-3)


def test_it_is_more_than_three_times_the_key_of_the_2022_analysis():
    old = accumulated_key(N, GAMMA, THRESHOLD, 296_517, Security()).key_bits
    assert renyi_key(N, GAMMA, LOSSES, 296_517, soundness=1e-10).key_bits > 3.2 * old


def entropy_rate(w, q, excess, credit):
    """What the infimum is of, as in the docstring, from its definition. ``q``: (win, lose, none)."""
    nu = (GAMMA * w, GAMMA * (1 - w), 1 - GAMMA)
    divergence = sum(a * math.log2(a / b) for a, b in zip(q, nu, strict=True) if a > 0)
    bound = one_basis_renyi_entropy(8 * w - 4, 1 / (1 - excess))
    return (q[2] + credit * (q[0] + q[1])) * bound - q[0] - q[1] + divergence / excess


def certified(excess, accepted, credit):
    game = renyi._Game(N, GAMMA, accepted, 0.0, 1e-10, credit)
    return renyi._at_order(game, excess).entropy_bits / N


@pytest.mark.parametrize("credit", [0, 1])
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_no_strategy_and_no_accepted_frequencies_lie_below_the_infimum(credit, data):
    """At any order and acceptance; over all w, quantum or not allowed to matter, and all q that are accepted."""
    excess = 10 ** data.draw(st.floats(-6, -0.1))
    accepted = GAMMA * data.draw(st.floats(0.1466, 0.4))
    w = data.draw(st.floats(0.15, 0.8535))
    lost = data.draw(st.floats(0, 1)) * accepted
    won = data.draw(st.floats(0, 1)) * (1 - lost)
    floor = certified(excess, accepted, credit)
    assert floor <= entropy_rate(w, (won, lost, 1 - lost - won), excess, credit) + 1e-12


@pytest.mark.parametrize("credit", [0, 1])
@pytest.mark.parametrize(("excess", "accepted"), [(4.6e-4, LOSSES / N), (4.6e-4, 0.0), (0.3, GAMMA * 0.2), (1e-3, 0.3 * GAMMA)])
def test_the_infimum_is_reached(credit, excess, accepted):
    """Another minimiser, over w and q at once from several starts, comes down to it."""

    def rate(free):
        fraction, allowed, share = special.expit(free)
        lost = accepted * allowed
        won = (1 - lost) * share
        return entropy_rate(0.75 + (renyi._HIGHEST - 0.75) * fraction, (won, lost, 1 - lost - won), excess, credit)

    starts = [(w, loss, math.log(GAMMA)) for w in (-9.0, 0.0, 2.0) for loss in (0.0, 9.0)]
    options = {"xatol": 1e-9, "fatol": 1e-15, "maxiter": 20_000, "maxfev": 20_000}
    found = min(optimize.minimize(rate, start, method="Nelder-Mead", options=options).fun for start in starts)
    assert -1e-12 < found - certified(excess, accepted, credit) < 1e-7


@pytest.mark.parametrize("credit", [0, 1])
@pytest.mark.parametrize("excess", [1e-6, 4.6e-4, 0.3])
def test_the_certificate_holds_for_any_tangent_and_price(credit, excess):
    """Poor choices bound the infimum from below too; that is what makes the optimiser irrelevant to security."""
    game = renyi._Game(N, GAMMA, LOSSES / N, 0.0, 1e-10, credit)
    best = certified(excess, LOSSES / N, credit)
    for winning in (0.75, 0.78, 0.81, 0.84, 0.8535):
        for price in (0.0, 1.0, 180.0, 5000.0):
            assert renyi._certified(game, excess, winning, price) <= best + 1e-12


@given(st.floats(0.7501, 0.8535), st.floats(-4, -0.1), st.floats(0, 300), st.sampled_from([0, 1]))
def test_the_slope_is_the_derivative(winning, log_excess, price, credit):
    game, excess, step = renyi._Game(N, GAMMA, LOSSES / N, 0.0, 1e-10, credit), 10**log_excess, 1e-6
    around = [renyi._log_z(game, excess, winning + k * step, price)[0] for k in (-1, 1)]
    assert renyi._log_z(game, excess, winning, price)[1] == pytest.approx((around[1] - around[0]) / 2 / step, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("credit", [0, 1])
@pytest.mark.parametrize("excess", [1e-7, 4.6e-4, 0.3])
def test_log_z_in_fifty_digits(credit, excess):
    """What rounding could add to a key: the infimum is right to 1e-11 of itself, a hundredth of a bit in a gigabit of key."""
    winning, price = 0.815, 185.0
    with localcontext() as context:
        context.prec = 50
        w, x, g = Decimal(winning), Decimal(excess), Decimal(GAMMA)
        s = 8 * w - 4
        c = (s * s / 4 - 1).sqrt()
        p, q, a = (1 + c) / 2, (1 - c) / 2, 1 + x
        phi = 2 ** (-x) * (p ** (1 / a) + q ** (1 / a)) ** a
        z = (1 - g) * phi + g * (w + (1 - w) * 2 ** (-x * Decimal(price))) * 2**x * phi**credit
        exact = z.ln()
    found = renyi._log_z(renyi._Game(N, GAMMA, 0.01, 0.0, 1e-10, credit), excess, winning, price)[0]
    assert found == pytest.approx(float(exact), rel=1e-11)


@pytest.mark.parametrize("credit", [0, 1])
def test_many_rounds_give_the_asymptotic_rate(credit):
    """n -> infinity: (1 - g + r_t g) H(A|E) - g, with the entropy of order 1; approached from below, like 1/sqrt(n)."""
    lost = GAMMA * (1 - WINNING)
    limit = (1 - GAMMA + credit * GAMMA) * one_basis_renyi_entropy(8 * WINNING - 4, 1) - GAMMA
    gaps = [limit - renyi_key(n, GAMMA, n * lost, 0, soundness=1e-10, test_credit=credit).key_bits / n for n in (10**8, 10**10, 10**16)]
    assert gaps == sorted(gaps, reverse=True)
    assert 0 < gaps[-1] < 3e-6
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.05)


def test_the_soundness_is_all_spent_and_covers_the_hash():
    key = renyi_key(N, GAMMA, LOSSES, 0, soundness=1e-10)
    assert key.verification + key.amplification == pytest.approx(1e-10, rel=1e-12)
    assert key.verification == pytest.approx((key.order - 1) / (2 * key.order - 1) * 1e-10)
    tiny = renyi_key(N, GAMMA, LOSSES, 0, soundness=1e-16)
    assert tiny.verification == HASH_ERROR
    assert tiny.key_bits < key.key_bits


@given(st.floats(0, 1), st.floats(0, 1e5), st.sampled_from([0, 1]))
@settings(deadline=None, max_examples=25)
def test_accepting_or_leaking_more_never_gives_more_key(more, leaked, credit):
    strict = renyi_key(N, GAMMA, LOSSES, 0, soundness=1e-10, test_credit=credit).key_bits
    lax = renyi_key(N, GAMMA, LOSSES * (1 + more), leaked, soundness=1e-10, test_credit=credit).key_bits
    assert lax <= strict - leaked + 1e-3


@pytest.mark.parametrize(
    "changed",
    [
        {"rounds": 0},
        {"test_fraction": 0.0},
        {"test_fraction": 1.0},
        {"most_losses": -1},
        {"most_losses": N},
        {"leaked_bits": -1.0},
        {"leaked_bits": math.nan},
        {"soundness": 1.0},
        {"soundness": 1e-18},
        {"test_credit": 2},
        {"test_credit": 0.5},
    ],
)
def test_what_makes_no_sense_is_refused(changed):
    usual = {"rounds": N, "test_fraction": GAMMA, "most_losses": 13_289, "leaked_bits": 0.0, "soundness": 1e-10, "test_credit": 0}
    with pytest.raises(ConfigError):
        renyi_key(**(usual | changed))


def test_few_rounds_give_no_key_and_no_error():
    for n in (1, 10, 1000):
        assert renyi_key(n, GAMMA, 0, 0, soundness=1e-10).key_bits <= 0


def test_the_assumptions_are_numbered_and_name_the_lemma_only_where_it_is_used():
    without, with_it = assumptions(0), assumptions(1)
    assert [text.split()[0] for text in without] == [f"({k})" for k in range(1, len(without) + 1)]
    assert len(without) == len(with_it)
    assert "LEMMA" not in " ".join(without)
    assert "UNPROVED LEMMA" in " ".join(with_it)
    for said in ("isolated", "uniform", "NOT YET CHECKED BY A THIRD PARTY", "reconstruction", "2^-61", "Toeplitz", "fresh"):
        assert said in " ".join(without)


def test_a_key_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        renyi_key(N, GAMMA, LOSSES, 0, soundness=1e-10).key_bits = 10**6  # type: ignore[misc]


def test_the_bound_counts_every_kind_of_round():
    """At the honest frequencies and no penalty: (1 - g) H - g without credit, H - g with it."""
    q = np.array([GAMMA * WINNING, GAMMA * (1 - WINNING), 1 - GAMMA])
    bound = one_basis_renyi_entropy(8 * WINNING - 4, 1 / (1 - 1e-9))
    assert entropy_rate(WINNING, q, 1e-9, 0) == pytest.approx((1 - GAMMA) * bound - GAMMA)
    assert entropy_rate(WINNING, q, 1e-9, 1) == pytest.approx(bound - GAMMA)
