"""What counts look like while nothing changes: a rate, or shares of a total. Likelihoods for :mod:`.change`.

A *total* is a vector of sums over a stretch of the stream. Factors that are the same in every likelihood of the same data (n^k / k!,
multinomial coefficients) are left out, since only ratios are used.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, xlogy

Float64 = npt.NDArray[np.float64]
FEWEST = 25
"""Events of a rate that must have come before anything can be said about it."""


class Model(Protocol):
    """Likelihoods of totals; the last axis of every argument has ``width`` entries, the ones before are broadcast."""

    width: int

    def anew(self) -> Model:
        """What to watch with after a change."""

    def events(self, total: Float64) -> float:
        """How much there is to look at: counts, or for a rate its exposure, since no event says something, too."""

    def begun(self, total: Float64) -> bool:
        """Whether ``total`` is enough to start from; it is then known to the mixtures below, and no part of the data."""

    def log_before(self, first: Float64, before: Float64) -> Float64:
        """Log of a mixture likelihood of ``before``; the mixture may know ``first``."""

    def log_after(self, first: Float64, before: Float64, after: Float64) -> Float64:
        """Log of a mixture likelihood of ``after``, with new parameters; the mixture may know what came earlier."""

    def log_best(self, total: Float64) -> Float64:
        """Log of the largest likelihood that any constant parameters give to ``total``."""

    def size(self, before: Float64, after: Float64) -> Float64:
        """How much changed, in the unit of the model."""

    def sigma(self, before: Float64, after: Float64) -> float:
        """How much changed, in standard errors; rough, for people."""


class Rate:
    """Events and exposure, ``(k, n)``: Poisson with a constant rate. Binomial counts are less scattered, so they are safe, too.

    The size of a change is the relative one, |after / before - 1| or |before / after - 1|, whichever is larger.
    """

    width = 2

    def anew(self) -> Model:
        """The same; the new rate is as unknown as the old one was."""
        return self

    def events(self, total: Float64) -> float:
        """Its exposure."""
        return float(total[1])

    def begun(self, total: Float64) -> bool:
        """25 events."""
        return bool(total[0] >= FEWEST)

    def log_before(self, first: Float64, before: Float64) -> Float64:
        """A Gamma mixture with the shape of what came first."""
        return _gamma(first[0] + 0.5, first[1], before)

    def log_after(self, first: Float64, before: Float64, after: Float64) -> Float64:
        """A Gamma mixture with shape 1/2 about the mean so far."""
        known = first + before
        mean = (known[..., 0] + 0.5) / np.maximum(known[..., 1], 1e-300)
        return _gamma(0.5, 0.5 / mean, after)

    def log_best(self, total: Float64) -> Float64:
        """At k / n."""
        best: Float64 = _poisson(total[..., 0], total[..., 1])
        return best

    def size(self, before: Float64, after: Float64) -> Float64:
        """Relative; a rate of zero changed without bounds."""
        rates = (before[..., 0] + 0.5) / np.maximum(before[..., 1], 1e-300), (after[..., 0] + 0.5) / np.maximum(after[..., 1], 1e-300)
        found: Float64 = np.maximum(rates[0], rates[1]) / np.minimum(rates[0], rates[1]) - 1
        return found

    def sigma(self, before: Float64, after: Float64) -> float:
        """Of the logarithm of the ratio."""
        ratio = (after[0] + 0.5) / after[1] * before[1] / (before[0] + 0.5)
        return float(np.log(ratio) / np.sqrt(1 / (after[0] + 0.5) + 1 / (before[0] + 0.5)))


class Shares:
    """Counts of ``width`` kinds: multinomial with constant shares. The size of a change is the largest one of a share.

    Args:
        width: kinds, two or more.
    """

    def __init__(self, width: int = 2) -> None:
        self.width = width

    def anew(self) -> Model:
        """The same; the new shares are as unknown as the old ones were."""
        return self

    def events(self, total: Float64) -> float:
        """All of them."""
        return float(total.sum())

    def begun(self, total: Float64) -> bool:
        """At once."""
        return True

    def log_before(self, first: Float64, before: Float64) -> Float64:
        """A Dirichlet mixture of parameter 1/2, given what came first."""
        return _dirichlet(before + first) - _dirichlet(first)

    def log_after(self, first: Float64, before: Float64, after: Float64) -> Float64:
        """A Dirichlet mixture of parameter 1/2 by itself."""
        return _dirichlet(after)

    def log_best(self, total: Float64) -> Float64:
        """At the shares seen."""
        best: Float64 = xlogy(total, total).sum(axis=-1) - xlogy(total.sum(axis=-1), total.sum(axis=-1))
        return best

    def size(self, before: Float64, after: Float64) -> Float64:
        """Absolute."""
        found: Float64 = np.abs(_shares(after) - _shares(before)).max(axis=-1)
        return found

    def sigma(self, before: Float64, after: Float64) -> float:
        """Of the share that moved most."""
        shares = _shares(before), _shares(after)
        k = int(np.abs(shares[1] - shares[0]).argmax())
        pooled = float(_shares(before + after)[k])
        error = np.sqrt(pooled * (1 - pooled) * (1 / max(before.sum(), 1) + 1 / max(after.sum(), 1)))
        return float((shares[1] - shares[0])[k] / error) if error > 0 else 0.0


class KnownShare(Shares):
    """Counts of two kinds, of which the first has a share that is known beforehand, so that a change may be there from the start.

    The size of a change is how far the share has left the bounds; after one, shares are unknown.

    Args:
        low: the share lies between this
        high: and this, while nothing is wrong.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__(2)
        self._bounds = (low, high)

    def anew(self) -> Model:
        """Shares that are not known, to see the way back and not the same thing again and again."""
        return Shares(2)

    def log_best(self, total: Float64) -> Float64:
        """At the share seen, or the bound next to it."""
        low, high = self._bounds
        share: Float64 = np.minimum(np.maximum(_shares(total)[..., 0], low), high)
        best: Float64 = np.asarray(xlogy(total[..., 0], share) + xlogy(total[..., 1], 1 - share), np.float64)
        return best

    def size(self, before: Float64, after: Float64) -> Float64:
        """Beyond the bounds; negative within."""
        share = _shares(after)[..., 0]
        found: Float64 = np.maximum(self._bounds[0] - share, share - self._bounds[1])
        return found

    def sigma(self, before: Float64, after: Float64) -> float:
        """Of the share, from the middle of the bounds."""
        middle = sum(self._bounds) / 2
        return float((_shares(after)[0] - middle) / np.sqrt(middle * (1 - middle) / after.sum()))


def _gamma(shape: Float64 | float, exposure: Float64 | float, data: Float64) -> Float64:
    """Log likelihood of Poisson counts, averaged over a Gamma distribution of the rate."""
    k, n = data[..., 0], data[..., 1]
    mixed: Float64 = gammaln(shape + k) - gammaln(shape) + shape * np.log(exposure) - (shape + k) * np.log(exposure + n)
    return mixed


def _poisson(k: Float64, n: Float64) -> Float64:
    best: Float64 = xlogy(k, k) - xlogy(k, np.maximum(n, 1e-300)) - k
    return best


def _dirichlet(counts: Float64) -> Float64:
    """Log likelihood of multinomial counts, averaged over a Dirichlet distribution of the shares with all parameters 1/2."""
    width = counts.shape[-1]
    mixed: Float64 = gammaln(width / 2) - gammaln(counts.sum(axis=-1) + width / 2) + (gammaln(counts + 0.5) - gammaln(0.5)).sum(axis=-1)
    return mixed


def _shares(counts: Float64) -> Float64:
    shares: Float64 = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    return shares
