"""Plans and finite-key rates against the numbers printed in the two papers, and figures worked out independently from the same formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.errors import ConfigError
from eventready.protocol import finite_key
from eventready.protocol.authentication import HEAD_BYTES
from eventready.protocol.bell import MUNICH_GAME, Counts
from eventready.protocol.finite_key import Security, accumulated_key, collective_key_rate, fewest_rounds
from eventready.protocol.first_key import fewest_renyi_rounds
from eventready.protocol.hashing import collision_bound
from eventready.protocol.planning import fewest_one_basis_rounds, one_basis_rate, plan_one_basis
from eventready.protocol.renyi import assumptions
from eventready.protocol.worst_case import worst_case

OXFORD = plan_one_basis(1_500_000, 2.64, 0.018)


def test_the_plan_of_oxford_has_the_printed_numbers() -> None:
    """Nadlinger et al., Nature 607, 682 (2022), text and Table 1."""
    assert OXFORD.threshold == pytest.approx(0.825538, abs=5e-7)
    assert OXFORD.threshold == pytest.approx(0.82553763, abs=5e-9)
    assert OXFORD.syndrome_bits == 296_517
    assert OXFORD.key_bits == pytest.approx(95_884, abs=2)
    assert OXFORD.seed_bits == 1_201_886
    assert OXFORD.used_bits == 1_203_422
    assert OXFORD.most_losses == 13_289
    assert OXFORD.efficiency == pytest.approx(1.2603, abs=1e-4)
    assert OXFORD.net_bits == OXFORD.key_bits - 256
    assert OXFORD.abort_probability == pytest.approx(1.39e-3, rel=0.01)


def test_entropy_accumulation_at_its_worked_optimum() -> None:
    found = accumulated_key(1_500_000, 13 / 256, OXFORD.threshold, 296_517, Security())
    assert found.key_bits == pytest.approx(95_885.7, abs=0.5)
    assert found.tangent == pytest.approx(0.8118244, abs=2e-4)
    assert found.order_1 == pytest.approx(6.0822e-4, rel=5e-3)
    assert found.order_2 == pytest.approx(3.6933e-3, rel=5e-3)


@given(st.floats(0.78, 0.85), st.floats(-9, -4))
@settings(deadline=None, max_examples=30)
def test_the_minimum_over_the_winning_fraction_is_the_true_one(tangent: float, log_order: float) -> None:
    """Never above that of a fine grid over the whole range: above would be the unsafe side."""
    slope, order, gamma = finite_key._slope(tangent), math.exp(log_order), 13 / 256
    w = np.linspace(*finite_key._LOSSLESS, 1_000_001)
    q = gamma * (1 - w)
    v = math.log(2) / 2 * (math.log2(33) + np.sqrt(2 + (slope / gamma) ** 2 * q * (1 - q))) ** 2
    true = (finite_key._entropies(w) - (finite_key._entropy(tangent) + slope * (w - tangent)) - order * v).min()
    assert true - 1e-5 < finite_key._lowest(tangent, slope, gamma, order) <= true + 1e-11


@pytest.mark.parametrize("epsilon", [5e-14, 8e-14, 1e-13])
def test_the_printed_key_lies_within_the_choice_of_one_epsilon(epsilon: float) -> None:
    assert accumulated_key(1_500_000, 13 / 256, OXFORD.threshold, 296_517, Security(amplification=epsilon)).key_bits == pytest.approx(
        95_884, abs=2
    )


@pytest.mark.parametrize(
    ("rounds", "rate"), [(1.5e6, 0.0639), (2e6, 0.1110), (3e6, 0.1674), (5e6, 0.2249), (1e7, 0.2835), (1e8, 0.3826), (1e9, 0.4146)]
)
def test_the_curve_of_oxford(rounds: float, rate: float) -> None:
    assert one_basis_rate(rounds, 2.64, 0.018) == pytest.approx(rate, abs=1e-4)
    assert one_basis_rate(1e6, 2.64, 0.018) < 0


@pytest.mark.parametrize(("s", "q", "crossing"), [(2.64, 0.018, 1.069e6), (2.60, 0.018, 1.358e6), (2.677, 0.0144, 8.02e5)])
def test_where_the_curves_of_oxford_cross_zero(s: float, q: float, crossing: float) -> None:
    assert fewest_one_basis_rounds(s, q) == pytest.approx(crossing, rel=2e-3)


def test_more_test_rounds_give_more_key_at_this_length() -> None:
    assert plan_one_basis(1_500_000, 2.64, 0.018, test_fraction=16 / 256).key_bits == pytest.approx(101_674, rel=1e-3)


def test_a_better_code_is_worth_what_it_does_not_leak() -> None:
    better = plan_one_basis(1_500_000, 2.64, 0.018, syndrome_bits=272_000)
    assert better.key_bits - OXFORD.key_bits == pytest.approx(296_517 - 272_000, abs=8)


@settings(max_examples=12, deadline=None)
@given(st.floats(2.62, 2.8), st.floats(0.0, 0.018))
def test_a_better_link_never_plans_for_less_key(s: float, q: float) -> None:
    assert one_basis_rate(2_000_000, s, q) >= one_basis_rate(2_000_000, 2.62, 0.018) - 1e-6


# -- Oxford, by the Renyi analysis -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("credit", "key"), [(0, 313_345), (1, 349_649)])
def test_the_plan_of_oxford_by_the_renyi_analysis(credit: int, key: int) -> None:
    plan = plan_one_basis(1_500_000, 2.64, 0.018, analysis="renyi", test_credit=credit)
    assert plan.key_bits == pytest.approx(key, abs=1)
    assert plan.key_bits == math.floor(plan.renyi.key_bits)
    assert (plan.analysis, plan.test_credit, plan.extractor) == ("renyi", credit, "toeplitz")
    assert plan.seed_bits == 1_500_000 + plan.key_bits - 1
    assert plan.assumptions == assumptions(credit)
    for field in ("threshold", "most_losses", "syndrome_bits", "abort_probability"):  # nothing of the run itself changes
        assert getattr(plan, field) == getattr(OXFORD, field)
    assert (OXFORD.analysis, OXFORD.test_credit, OXFORD.extractor, OXFORD.renyi) == ("eat2022", 0, "trevisan", None)
    assert OXFORD.assumptions == finite_key.PUBLISHED_ASSUMPTIONS


def test_first_key_at_the_best_test_fraction() -> None:
    """1.5e5 rounds with a code of f = 1.16 and credit; no other fraction near does better."""
    rounds, share = fewest_renyi_rounds(2.64, 0.018, efficiency=1.16, test_credit=1)
    assert rounds == pytest.approx(1.494e5, rel=5e-3)
    for other in (share - 2, share + 2):
        found = fewest_one_basis_rounds(2.64, 0.018, test_fraction=other / 256, efficiency=1.16, analysis="renyi", test_credit=1)
        assert found > rounds * (1 - 1e-3)
    assert one_basis_rate(rounds * 1.01, 2.64, 0.018, test_fraction=share / 256, efficiency=1.16, analysis="renyi", test_credit=1) > 0
    assert fewest_renyi_rounds(2.05, 0.2) is None


def test_a_short_run_gives_no_renyi_key_and_no_seed() -> None:
    short = plan_one_basis(100_000, 2.64, 0.018, analysis="renyi")
    assert (short.key_bits, short.seed_bits) == (0, 0)
    assert short.renyi.key_bits < 0


# -- Munich ----------------------------------------------------------------------------------------------------------------------------


def test_the_curve_of_munich() -> None:
    """Zhang et al., Nature 607, 687 (2022), Fig. 5: positive from 1.75e5 rounds, which this form meets to 2 %."""

    def rate(n: float) -> float:
        return collective_key_rate(n, 2.578, 0.078)

    assert fewest_rounds(rate) == pytest.approx(1.72e5, rel=2e-3)
    assert [rate(n) for n in (1e6, 1e7, 1e8)] == pytest.approx([0.0325, 0.0482, 0.0531], abs=5e-5)
    for soundness, rounds in ((1e-3, 1.11e5), (1e-8, 2.62e5), (1e-10, 3.23e5)):
        found = fewest_rounds(lambda n, e=soundness: collective_key_rate(n, 2.578, 0.078, soundness=e))
        assert found == pytest.approx(rounds, rel=5e-3)
    assert fewest_rounds(lambda n: collective_key_rate(n, 2.2, 0.12)) is None


MUNICH_COUNTS = {(0, 0): (448, 35), (1, 1): (412, 32), (2, 0): (381, 76), (3, 0): (431, 72), (2, 1): (406, 328), (3, 1): (419, 63)}
"""Whole numbers behind the printed E and Q: E = 2 equal/n - 1 = -0.599, -0.664, 0.618, -0.697."""


def munich_counts() -> Counts:
    n, equal = np.zeros((4, 2), int), np.zeros((4, 2), int)
    for pair, (rounds, same) in MUNICH_COUNTS.items():
        n[pair], equal[pair] = rounds, same
    return Counts(n, equal)


def test_the_worst_case_of_munich_is_positive_at_3_percent_and_negative_at_2() -> None:
    """Zhang et al., Nature 607, 687 (2022): S = 2.4256, Q = 0.107 at a common error of 3 %."""
    at_3, at_2 = (worst_case(munich_counts(), MUNICH_GAME, error) for error in (0.03, 0.02))
    assert at_3.rate > 0 > at_2.rate
    assert at_3.s == pytest.approx(2.4256, abs=2e-3)
    assert at_3.qbers == pytest.approx((0.1055, 0.1064), abs=2e-4)
    assert at_2.s == pytest.approx(2.4107, abs=1.5e-3)


def test_the_worst_case_comes_near_the_mean_with_many_rounds() -> None:
    many = Counts(munich_counts().n * 10_000, munich_counts().n_equal * 10_000)
    found = worst_case(many, MUNICH_GAME, 0.03)
    assert found.qbers == pytest.approx((35 / 448, 32 / 412), abs=5e-4)
    assert found.s == pytest.approx(2.578, abs=5e-3)


# -- what is refused -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: plan_one_basis(0, 2.64, 0.018),
        lambda: plan_one_basis(10**6, 2.0, 0.018),
        lambda: plan_one_basis(10**6, 2.9, 0.018),
        lambda: plan_one_basis(10**6, 2.64, 0.6),
        lambda: plan_one_basis(10**6, 2.64, 0.018, test_fraction=0),
        lambda: plan_one_basis(1000, 2.64, 0.018),
        lambda: accumulated_key(10**6, 0.05, 0.7, 0, Security()),
        lambda: Security(soundness=1e-10, amplification=1e-9),
        lambda: Security(soundness=0),
        lambda: plan_one_basis(10**6, 2.64, 0.018, test_credit=1),
        lambda: plan_one_basis(10**6, 2.64, 0.018, analysis="renyi", test_credit=2),
        lambda: plan_one_basis(10**6, 2.64, 0.018, analysis="bb84"),
        lambda: collective_key_rate(0, 2.5, 0.07),
        lambda: collective_key_rate(1e6, 2.5, 0.07, efficiency=0.9),
        lambda: worst_case(munich_counts(), MUNICH_GAME, 0.5),
        lambda: worst_case(Counts(np.zeros((4, 2), int), np.zeros((4, 2), int)), MUNICH_GAME, 0.03),
    ],
)
def test_what_makes_no_sense_is_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        wrong()


def test_a_run_that_is_too_short_plans_for_no_key_and_no_seed() -> None:
    short = plan_one_basis(500_000, 2.64, 0.018)
    assert (short.key_bits, short.seed_bits) == (0, 0)


@pytest.mark.parametrize("rounds", [800_000, 1_500_000, 10**8])
def test_one_start_finds_what_three_find(rounds: int) -> None:
    """Curves are drawn from one start, plans from three."""
    leaked = OXFORD.efficiency * OXFORD.shannon_bits * rounds / OXFORD.rounds
    one, three = (accumulated_key(rounds, 13 / 256, OXFORD.threshold, leaked, Security(), starts=starts).smooth_bits for starts in (1, 3))
    assert three - 1e-3 * abs(three) ** 0.5 < one <= three


def test_the_hash_is_as_good_as_the_security_counts_on() -> None:
    """At the raw key of the published run, and at one of 2^32 rounds."""
    for rounds in (1_500_000, 2**32):
        assert collision_bound(rounds // 8 + HEAD_BYTES) < Security().verification
