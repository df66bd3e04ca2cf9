"""A measured number with its error bar, and the binomial statistics behind it.

Every interval in the protocol layer is a 95 % interval and comes from here: Wilson's for a proportion and for what is linear in
one (E, Q, omega), and Zou and Donner's combination of Wilson intervals for a sum of independent ones (S). Unlike "value plus or
minus 1.96 sigma", neither collapses to a point when the first twenty rounds happen to agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
"""Coverage of every interval."""

Z_SCORE = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
"""Half-width of a two-sided interval of that coverage, in standard deviations of a normal distribution."""


@dataclass(frozen=True)
class Estimate:
    """A measured number.

    Attributes:
        value: the point estimate.
        sigma: its standard error (one sigma); 0 where all rounds agree, which the interval does not follow.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
    """

    value: float
    sigma: float
    low: float
    high: float

    def scaled(self, factor: float, offset: float = 0.0) -> Estimate:
        """Return the estimate of ``factor * value + offset``."""
        ends = sorted((factor * self.low + offset, factor * self.high + offset))
        return Estimate(factor * self.value + offset, abs(factor) * self.sigma, *ends)


def wilson(successes: npt.ArrayLike, trials: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Wilson's score interval of a proportion, element by element (Wilson, J. Am. Stat. Assoc. 22, 209 (1927)).

    Args:
        successes: number of successes, any shape.
        trials: number of trials, same shape.

    Returns:
        Lower and upper end; nan where there are no trials.
    """
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k / n
        centre = (p + Z_SCORE**2 / (2 * n)) / (1 + Z_SCORE**2 / n)
        half_width = Z_SCORE / (1 + Z_SCORE**2 / n) * np.sqrt(p * (1 - p) / n + Z_SCORE**2 / (4 * n**2))
    return np.clip(centre - half_width, 0.0, 1.0), np.clip(centre + half_width, 0.0, 1.0)


def proportion(successes: int, trials: int) -> Estimate | None:
    """Estimate a probability from counts: k/n, sigma sqrt(p(1-p)/n), Wilson interval. None without trials."""
    if trials == 0:
        return None
    p = successes / trials
    low, high = wilson(successes, trials)
    return Estimate(p, math.sqrt(p * (1 - p) / trials), float(low), float(high))


def normal(value: float, sigma: float) -> Estimate:
    """Estimate with the interval of a normal distribution, for results of a least-squares fit."""
    return Estimate(value, sigma, value - Z_SCORE * sigma, value + Z_SCORE * sigma)


def independent_sum(terms: Sequence[Estimate]) -> Estimate:
    """Sum of independent estimates; the interval combines theirs by Zou and Donner, Stat. Med. 27, 1693 (2008)."""
    value = math.fsum(term.value for term in terms)
    return Estimate(
        value,
        math.hypot(*(term.sigma for term in terms)),
        value - math.hypot(*(term.value - term.low for term in terms)),
        value + math.hypot(*(term.high - term.value for term in terms)),
    )
