"""The numbers that the two papers print, and the same worked out here: one table that is checked whenever the tests run.

[Z] is Zhang et al., Nature 607, 687 (2022); [N] Nadlinger et al., Nature 607, 682 (2022).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .bell import MUNICH_GAME, OXFORD_GAME, Counts
from .entropy import asymptotic_rate, critical_point, two_basis_entropy
from .estimate import normal
from .finite_key import collective_key_rate, fewest_rounds
from .planning import HASH_KEY_BITS, ONE_TIME_PAD_BITS, OneBasisPlan, fewest_one_basis_rounds, plan_one_basis
from .reconciliation import shipped_syndrome_bits
from .renyi import TestCredit
from .significance import log10_p_local_realism
from .visibility import fidelity_bound
from .worst_case import worst_case


@dataclass(frozen=True)
class Number:
    """One printed number and ours.

    Attributes:
        name: what it is.
        paper: as printed; None where the paper does not print it.
        ours: as worked out.
        tolerance: by which the ratio may differ from 1, with the reason in ``formula`` where it is not rounding; large where ours is
            meant to be better.
        formula: how it is worked out.
        digits: significant digits worth showing.
    """

    name: str
    paper: float | None
    ours: float
    tolerance: float
    formula: str
    digits: int = 4

    @property
    def ratio(self) -> float | None:
        """Ours over the paper's."""
        return None if self.paper is None else self.ours / self.paper

    @property
    def agrees(self) -> bool:
        """Within the tolerance."""
        return self.ratio is None or abs(self.ratio - 1) <= self.tolerance


_MUNICH = {(0, 0): (448, 35), (1, 1): (412, 32), (2, 0): (379, 76), (3, 0): (434, 73), (2, 1): (414, 335), (3, 1): (416, 63)}
"""Rounds and equal outcomes by settings: those integers, or one set of those, that give every printed digit of [Z], Fig. 4."""


def munich_counts() -> Counts:
    """The counts behind the correlations of [Z]; its two discarded pairs are not published and stand at 0."""
    n, equal = np.zeros((2, 4, 2), np.int64)
    for pair, (rounds, same) in _MUNICH.items():
        n[pair], equal[pair] = rounds, same
    return Counts(n, equal)


def published_numbers() -> tuple[Number, ...]:
    """All of them; takes some ten seconds."""
    return (*_munich(), *_oxford(), *_others())


def _munich() -> Iterator[Number]:
    counts = munich_counts()
    e = {pair: 2 * equal / n - 1 for pair, (n, equal) in _MUNICH.items()}
    s = sum(sign * e[pair] for pair, sign in MUNICH_GAME.chsh)
    sigma = sum((1 - e[pair] ** 2) / _MUNICH[pair][0] for pair, _ in MUNICH_GAME.chsh) ** 0.5
    qbers = [_MUNICH[pair][1] / _MUNICH[pair][0] for pair in MUNICH_GAME.key_pairs]
    yield Number("Munich: S", 2.578, s, 2e-4, "E21 - E20 - E30 - E31 of the counts")
    yield Number("Munich: standard error of S", 0.075, sigma, 0.02, "sum of (1 - E^2)/n; [Z] cut off 0.0757")
    yield Number("Munich: Q0", 0.0781, qbers[0], 5e-4, "35/448")
    yield Number("Munich: Q1", 0.0777, qbers[1], 5e-4, "32/412")
    yield Number(
        "Munich: asymptotic key rate", 0.07, asymptotic_rate(MUNICH_GAME, s, qbers), 0.01,
        "(Hbar(S) - mean h(Q))/4, bound of arXiv:2107.08894", 3,
    )  # fmt: skip
    critical_s, critical_q = critical_point(MUNICH_GAME)
    why = "where Hbar(S) = h(Q), S = 2 sqrt2 (1 - 2Q); [Z] use a looser bound, arXiv:2005.02691"
    yield Number("Munich: critical S, two key bases", 2.362, critical_s, 0.004, why, 5)
    yield Number("Munich: critical Q, two key bases", 0.082, critical_q, 0.025, why)
    yield Number("critical Q, one key basis", 0.071, critical_point(OXFORD_GAME)[1], 0.01, "where 1 - h(1/2 + sqrt(S^2/4 - 1)/2) = h(Q)")
    worst = worst_case(counts, MUNICH_GAME, 0.03)
    yield Number(
        "Munich: S at an error of 3 %",
        2.4256,
        worst.s,
        3e-3,
        "posterior of four correlators, flat prior (their numbers of rounds are not unique)",
        5,
    )
    yield Number("Munich: Q at an error of 3 %", 0.107, max(worst.qbers), 0.01, "Beta posterior, flat prior")
    yield Number("Munich: key rate there, to be positive", None, worst.rate, 0, "as the asymptotic rate", 2)
    rounds = fewest_rounds(lambda n: collective_key_rate(n, 2.578, 0.078))
    yield Number(
        "Munich: fewest rounds for a key, collective attacks", 1.75e5, float(rounds or 0), 0.02,
        "asymptotic equipartition, leftover hashing, Hoeffding (inferred form)", 3,
    )  # fmt: skip
    bound = fidelity_bound([normal(0.869, 0.025), normal(0.888, 0.045)])
    yield Number("Munich: bound on the fidelity", 0.892, bound.value, 1e-3, "1/9 + 8/9 V (inferred)", 3)
    yield Number("Munich: its error", 0.023, bound.sigma, 0.01, "8/9 of the error of V", 2)
    yield Number("Munich: entropy a sifted bit", None, two_basis_entropy(2.578), 0, "Hbar(2.578)")


def _oxford() -> Iterator[Number]:
    plan = plan_one_basis(1_500_000, 2.64, 0.018)
    yield Number("Oxford: threshold of wins", 0.825538, plan.threshold, 1e-6, "3 sigma below (4 + S)/8 of all rounds (inferred)", 8)
    yield Number(
        "Oxford: bits revealed for error correction", 296_517, plan.syndrome_bits, 0, "n[(1 - g) h(Q) + g h(w)] + 50 sqrt n (inferred)", 6
    )
    yield Number(
        "Oxford: key, bits", 95_884, plan.key_bits, 2.1e-5, "entropy accumulation of Dupuis and Fawzi; free parameters optimised here", 6
    )
    yield Number("Oxford: key rate", 0.0639, plan.key_bits / plan.rounds, 1e-3, "key over rounds", 3)
    yield Number(
        "Oxford: seed of the extractor", 1_201_886, plan.seed_bits, 0, "14 blocks of 293^2: block weak design over a prime field", 7
    )
    yield Number("Oxford: hash key", 1_280, HASH_KEY_BITS, 0, "VHASH-64: 1024 + 128 + 128", 5)
    yield from _balance(plan)
    yield from _more_key(plan)
    yield Number("Oxford: rounds from which on there is key", None, float(fewest_one_basis_rounds(2.64, 0.018) or 0), 0, "as the key", 4)


def _balance(plan: OneBasisPlan) -> Iterator[Number]:
    before, after = plan.used_bits, plan.used_bits - ONE_TIME_PAD_BITS + plan.key_bits
    yield Number("Oxford: secret bits before", 1_203_422, before, 0, "seed, hash key, 4 x 64 one-time bits", 7)
    yield Number("Oxford: secret bits after", 1_299_050, after, 2e-6, "less one-time bits, and the key", 7)
    yield Number("Oxford: net", 95_628, after - before, 2.2e-5, "the difference", 5)


def _more_key(published: OneBasisPlan) -> Iterator[Number]:
    """What the same rounds give beyond the paper: a better code, and another analysis."""
    n, s, q = published.rounds, 8 * published.winning - 4, 0.018
    shipped = shipped_syndrome_bits(n, published.test_fraction, published.winning, q)
    yield Number("beyond: bits that our code reveals", 296_517, shipped, 1, "1.06 n H + 11 sqrt(n V), measured; docs: error correction", 6)
    better = plan_one_basis(n, s, q, syndrome_bits=shipped)
    yield Number("beyond: key with our code", 95_884, better.key_bits, 9, "the analysis of 2022, less revealed", 6)
    credits: tuple[TestCredit, ...] = (0, 1)
    for credit in credits:
        renyi = plan_one_basis(n, s, q, syndrome_bits=shipped, analysis="renyi", test_credit=credit)
        note = "Renyi accumulation, our reading" + (", and an unproved lemma" if credit else "")
        yield Number(f"beyond: key with our code, Renyi, r_t = {credit}", 95_884, renyi.key_bits, 9, note, 6)


def _others() -> Iterator[Number]:
    p = 10 ** log10_p_local_realism(196, 245, 1.08e-5)
    yield Number("Delft 2015: p-value of local realism", 0.039, p, 0.01, "P[Bin(245, 3/4 + 3(tau + tau^2)) >= 196], Elkouss and Wehner", 4)
