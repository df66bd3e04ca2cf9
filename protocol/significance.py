"""How unlikely the data are: under local realism, under no-signalling, and under uniform settings."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from .bell import BellGame, Counts

FISHER_BELOW = 10
"""Expected count in a cell below which the chi-square approximation gives way to Fisher's exact test."""

UNIFORM_BELOW = 1e-6
"""Settings with a smaller :func:`uniform_settings_p` are not uniform; one honest run in a million is wronged."""


def log10_binomial_tail(at_least: int, trials: int, p: float) -> float:
    """Return log10 of P[Bin(trials, p) >= at_least], also where the probability itself would underflow.

    Args:
        at_least: number of successes, 0 to ``trials``.
        trials: number of trials.
        p: probability of success, strictly between 0 and 1.
    """
    from scipy import special

    if at_least <= 0:
        return 0.0
    if at_least <= trials * p:  # not a small number
        return math.log10(special.betainc(at_least, trials - at_least + 1, p))
    log_first = at_least * math.log(p) + (trials - at_least) * math.log1p(-p)
    log_first -= math.log1p(trials) + float(special.betaln(at_least + 1, trials - at_least + 1))
    # Above the mean the terms fall at least like a Gaussian of variance trials/4; 10 sqrt(trials) steps on, they are below e^-200.
    steps = np.arange(at_least, min(trials, at_least + 100 + 10 * math.isqrt(trials)), dtype=np.float64)
    log_ratios = np.log(trials - steps) - np.log1p(steps) + math.log(p) - math.log1p(-p)
    return min(0.0, (log_first + math.log1p(float(np.exp(np.cumsum(log_ratios)).sum()))) / math.log(10))


def log10_p_local_realism(wins: int, trials: int, rng_bias: float = 0.0) -> float:
    """Bound the p-value of local realism by the number of CHSH games won.

    P[Bin(n, xi) >= k] with xi = 3/4 + 3 (tau + tau^2), valid for devices with memory (Elkouss and Wehner, npj Quantum Inf. 2,
    16026 (2016); used in Hensen et al., Nature 526, 682 (2015)). It supposes that the settings are uniform but for tau, that every
    round that was started counts, and that the number of rounds was fixed beforehand.

    Args:
        wins: games won.
        trials: games played.
        rng_bias: tau, the most by which the probability of a party's test setting differs from 1/2.

    Returns:
        log10 of the p-value; 0 if the bias leaves nothing to prove.

    Raises:
        ConfigError: a bias outside 0..1/2, or wins that do not fit the trials.
    """
    if not 0 <= rng_bias <= 0.5:
        raise ConfigError(f"the bias of a random number generator lies between 0 and 0.5, not {rng_bias}")
    if not 0 <= wins <= trials:
        raise ConfigError(f"{wins} games of {trials} cannot have been won")
    xi = 0.75 + 3 * (rng_bias + rng_bias**2)
    return 0.0 if xi >= 1 else log10_binomial_tail(wins, trials, xi)


def format_p(log10_p: float) -> str:
    """Write a probability given by its logarithm, e.g. ``9.26e-13``, however small."""
    exponent = math.floor(log10_p)
    mantissa = f"{10 ** (log10_p - exponent):.2f}"
    if mantissa == "10.00":
        mantissa, exponent = "1.00", exponent + 1
    return f"{10**log10_p:.2g}" if exponent >= -2 else f"{mantissa}e{exponent}"


def uniform_settings_p(counts: Counts, game: BellGame, rng_bias: float = 0.0) -> float:
    """p-value (chi-square, 3 degrees of freedom) of the four test pairs being played equally often.

    The game p-value is worthless where they are not (below :data:`UNIFORM_BELOW`): a table with few rounds in the pair that a
    local model loses shows a high win rate without any violation.

    Args:
        counts: with at least one test round.
        game: says which pairs test.
        rng_bias: deviations from 1/4 up to tau + tau^2 are not held against the settings.
    """
    from scipy import special

    played = np.array([counts.of(pair)[0] for pair, _ in game.chsh], dtype=np.float64)
    excess = np.maximum(np.abs(played / played.sum() - 0.25) - rng_bias - rng_bias**2, 0)
    return float(special.chdtrc(len(played) - 1, played.sum() * float((excess**2 / 0.25).sum())))


@dataclass(frozen=True)
class SignallingTest:
    """Does one party's outcome depend on the other's setting?

    Attributes:
        party: ``"alice"`` or ``"bob"``, whose outcomes are compared.
        setting: that party's setting.
        remote: the two settings of the other party between which they are compared.
        method: ``"chi2"`` or ``"fisher"``.
        p: p-value of there being no difference.
    """

    party: str
    setting: int
    remote: tuple[int, int]
    method: str
    p: float


@dataclass(frozen=True)
class NoSignalling:
    """All no-signalling tests of a table.

    Attributes:
        tests: one for each setting of a party and each two settings of the other that were played with it.
        p_bonferroni: smallest p times the number of tests, at most 1; small means that something signals, or drifts.
    """

    tests: tuple[SignallingTest, ...]
    p_bonferroni: float


def no_signalling(counts: Counts) -> NoSignalling | None:
    """Compare each party's outcomes between the other's settings, two proportions at a time.

    For two settings a side these are the four equations P(a|x,0) = P(a|x,1) and P(b|0,y) = P(b|1,y) (Barrett, Hardy and Kent,
    Phys. Rev. Lett. 95, 010503 (2005)). The tests are correlated; Bonferroni's correction holds all the same.

    Returns:
        The tests, or None where the counts lack single outcomes or there is nothing to compare.
    """
    if counts.outcomes is None:
        return None
    alice, bob = counts.outcomes.sum(axis=3), counts.outcomes.sum(axis=2).swapaxes(0, 1)  # [own setting, remote setting, outcome]
    tests = tuple(
        SignallingTest(party, setting, remote, *_two_proportions(table[setting, list(remote)]))
        for party, table in (("alice", alice), ("bob", bob))
        for setting in range(table.shape[0])
        for remote in itertools.combinations(range(table.shape[1]), 2)
        if table[setting, list(remote)].sum(axis=1).all()
    )
    return NoSignalling(tests, min(1.0, len(tests) * min(test.p for test in tests))) if tests else None


def _two_proportions(table: npt.NDArray[np.int64]) -> tuple[str, float]:
    """Method and p-value of a 2 x 2 table having equal proportions in both rows."""
    observed = table.astype(np.float64)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / observed.sum()
    if expected.min() < FISHER_BELOW:
        from scipy import stats

        return "fisher", float(stats.fisher_exact(table).pvalue)
    chi2 = float(((observed - expected) ** 2 / expected).sum())
    return "chi2", math.erfc(math.sqrt(chi2 / 2))
