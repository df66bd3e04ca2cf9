"""The worst that measured counts still allow: each parameter at the tail of its posterior (Zhang et al., "DIQKD protocol")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from .bell import BellGame, Counts
from .entropy import asymptotic_rate

_POINTS = 8001
"""Points of a correlator's posterior on -1 to 1; S is then known to 2.5e-4."""


@dataclass(frozen=True)
class WorstCase:
    """Parameters at their tails, and the key rate with them.

    Attributes:
        error: probability with which each single parameter is worse.
        s: CHSH value.
        qbers: error rate of each key pair.
        rate: asymptotic key rate, bits per herald; negative where there is no key.
    """

    error: float
    s: float
    qbers: tuple[float, ...]
    rate: float


def worst_case(counts: Counts, game: BellGame, error: float) -> WorstCase:
    """Take S and every Q where they are worse with probability ``error`` each.

    Posteriors are Beta(k + 1, n - k + 1), from a flat prior; that of S is the convolution of those of its four correlators.

    Args:
        counts: of every pair that tests or makes key.
        game: which is which.
        error: the common error probability.

    Raises:
        ConfigError: ``error`` is not between 0 and 1/2, or a pair has no rounds.
    """
    if not 0 < error < 0.5:
        raise ConfigError(f"an error probability of {error:g} is not between 0 and 1/2")
    from scipy import stats

    needed = [pair for pair, _ in game.chsh] + list(game.key_pairs)
    if any(counts.n[pair] == 0 for pair in needed):
        raise ConfigError("a pair of settings has no rounds, so its posterior says nothing")
    qbers = []
    for pair in game.key_pairs:
        n, equal = int(counts.n[pair]), int(counts.n_equal[pair])
        wrong = equal if game.key_anticorrelated else n - equal
        qbers.append(float(stats.beta.ppf(1 - error, wrong + 1, n - wrong + 1)))
    s = _chsh_quantile(counts, game, error)
    return WorstCase(error, s, tuple(qbers), asymptotic_rate(game, s, qbers))


def _chsh_quantile(counts: Counts, game: BellGame, error: float) -> float:
    from scipy import signal

    density: npt.NDArray[np.float64] = np.ones(1)
    for pair, sign in game.chsh:
        density = signal.fftconvolve(density, _posterior(int(counts.n[pair]), int(counts.n_equal[pair]), sign))
    cumulative = np.cumsum(np.clip(density, 0, None))
    values = np.linspace(-len(game.chsh), len(game.chsh), len(cumulative))
    return float(np.interp(error, cumulative / cumulative[-1], values))


def _posterior(n: int, equal: int, sign: int) -> npt.NDArray[np.float64]:
    """Density of sign * E on -1 to 1, E = 2p - 1."""
    from scipy import stats

    e = np.linspace(-1, 1, _POINTS)
    density: npt.NDArray[np.float64] = stats.beta.pdf((1 + sign * e) / 2, equal + 1, n - equal + 1)
    shares: npt.NDArray[np.float64] = density / density.sum()
    return shares
