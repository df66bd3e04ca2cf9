"""Level L1 without a lab around it: whole rounds as columns of an array, millions a second, for statistics and for testing analyses.

The same closed form as in the world: attempts are geometric, pattern and outcomes come from their joint distribution. There are no
instruments, no losses and no time here; a run of the stations has all that.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from .physics.expectation import Expectation

ROUND_DTYPE = np.dtype(
    [("attempts", "<u4"), ("pattern", "u1"), ("alice_setting", "u1"), ("bob_setting", "u1"), ("alice_outcome", "u1"), ("bob_outcome", "u1")]
)
"""One round. Outcome 1 is bright."""

_CHUNK = 1 << 16


class RoundSampler:
    """Draws rounds of a link.

    Args:
        expectation: of the link, by pattern.
        settings: probability of each pair of settings, shape (settings of Alice, settings of Bob), sum 1.
        seed: of all draws.

    Raises:
        ConfigError: the probabilities of the settings do not fit the link, or it never heralds.
    """

    def __init__(self, expectation: Expectation, settings: npt.ArrayLike, seed: int) -> None:
        chances = np.asarray(settings, dtype=np.float64)
        shape = expectation.correlators.shape
        if chances.shape != shape or (chances < 0).any() or abs(chances.sum() - 1) > 1e-9:
            raise ConfigError(f"settings must be probabilities of shape {shape} with sum 1")
        if not expectation.probability > 0:
            raise ConfigError("this link never heralds")
        self._rng = np.random.default_rng(seed)
        self._log_survival = -np.log1p(-expectation.probability)
        rows, weights = [], []
        for pattern, part in (expectation.by_pattern or {0: expectation}).items():
            share = part.probability / expectation.probability
            for (x, y, a, b), probability in np.ndenumerate(chances[:, :, None, None] * part.joint):
                rows.append((0, pattern, x, y, a, b))
                weights.append(share * probability)
        self._rows = np.array(rows, ROUND_DTYPE)
        self._threshold, self._alias = alias_table(np.array(weights) / sum(weights))

    def draw(self, rounds: int) -> npt.NDArray[np.void]:
        """Rounds, shape (n,), of :data:`ROUND_DTYPE`; one call for n gives other numbers than two for n/2."""
        found = np.empty(rounds, ROUND_DTYPE)
        for start in range(0, rounds, _CHUNK):  # in pieces that stay in the processor's cache
            piece = found[start : start + _CHUNK]
            place = self._rng.random(len(piece)) * len(self._rows)
            column = place.astype(np.intp)
            piece[:] = self._rows[np.where(place - column < self._threshold[column], column, self._alias[column])]
            attempts = np.ceil(self._rng.standard_exponential(len(piece)) / self._log_survival)
            piece["attempts"] = np.clip(attempts, 1, 2**32 - 1)
        return found


def alias_table(probability: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Walker's alias method: a draw of any discrete distribution from one uniform number.

    Args:
        probability: shape (n,), sum 1.

    Returns:
        Threshold and alias of each of n equally likely columns: below the threshold it is the column itself, else its alias.
    """
    n = len(probability)
    threshold, alias = probability * n, np.arange(n)
    small, large = [k for k in range(n) if threshold[k] < 1], [k for k in range(n) if threshold[k] >= 1]
    while small and large:
        low, high = small.pop(), large[-1]
        alias[low] = high
        threshold[high] -= 1 - threshold[low]
        if threshold[high] < 1:
            small.append(large.pop())
    threshold[small + large] = 1.0  # what is left differs from 1 by rounding only
    return threshold, alias
