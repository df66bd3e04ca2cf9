"""How much key a finite number of rounds gives: entropy accumulation (Oxford) and collective attacks (Munich).

The supplements of both papers were not read. What is inferred from printed numbers is marked so; every formula reproduces them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..errors import ConfigError
from .entropy import TSIRELSON, binary_entropy, one_basis_entropy, two_basis_entropy

_LOSSLESS = (2 - math.sqrt(2)) / 4, (2 + math.sqrt(2)) / 4
"""Winning probabilities of CHSH that quantum mechanics allows."""


@dataclass(frozen=True)
class Security:
    """How the soundness error is spent.

    Args:
        soundness: bound on the distance from an ideal key, given that the protocol does not abort too often.
        accumulation: epsilon of entropy accumulation.
        amplification: epsilon of privacy amplification.
        verification: chance that unequal keys pass the hash; by default above what VHASH-64 allows for (:func:`.hashing.collision_bound`).

    Raises:
        ConfigError: one is not between 0 and 1, or nothing is left for smoothing.
    """

    soundness: float = 1e-10
    accumulation: float = 1e-10
    amplification: float = 1.31e-13
    verification: float = 2.0**-60

    def __post_init__(self) -> None:
        if not all(0 < value < 1 for value in (self.soundness, self.accumulation, self.amplification, self.verification)):
            raise ConfigError("all epsilons must be between 0 and 1")
        if self.smoothing <= 0:
            raise ConfigError(f"the soundness of {self.soundness:g} leaves nothing for smoothing; lower the other epsilons")

    @classmethod
    def of(cls, soundness: float) -> Security:
        """For another soundness: accumulation as much, amplification in proportion."""
        usual = cls()
        return cls(soundness, soundness, usual.amplification * soundness / usual.soundness)

    @property
    def smoothing(self) -> float:
        """Epsilon of the smooth min-entropy: soundness >= verification + max(accumulation, amplification + 2 smoothing)."""
        return (self.soundness - self.verification - self.amplification) / 2


PUBLISHED_ASSUMPTIONS = (
    "(1) Each laboratory is isolated: from the drawing of an input until the key is used, nothing leaves it but what the protocol sends.",
    "(2) The computers are trusted; inputs and round types are uniform as configured, private until used, and independent of the devices.",
    "(3) Number of rounds, threshold, syndrome and length were fixed before the run, and the length accounts for the whole syndrome.",
    "(4) The length is the entropy-accumulation bound as read from Nadlinger et al.; constants of its leftover term are inferred from "
    "printed numbers (see Finite key in the documentation).",
    "(5) Extractor: Trevisan's with a seed that the devices do not know.",
    "(6) The errors of authentication, about 2^-60 a message, come on top of the soundness.",
    "(7) The devices are fresh: they hold nothing of earlier keys. What they remember can leak through what later sessions announce.",
)
"""Of a key by entropy accumulation as in 2022, numbered; to be printed with it."""


@dataclass(frozen=True)
class Accumulated:
    """What entropy accumulation certifies, with the parameters at which the bound was best.

    Attributes:
        key_bits: length of the key; 0 or less where there is none.
        smooth_bits: smooth min-entropy of Alice's bits given everything an eavesdropper has, the leak of error correction taken off.
        tangent: winning probability at which the tangent touches.
        order_1: alpha' - 1.
        order_2: alpha'' - 1.
    """

    key_bits: float
    smooth_bits: float
    tangent: float
    order_1: float
    order_2: float


def accumulated_key(
    rounds: int, test_fraction: float, threshold: float, leaked_bits: float, security: Security, *, starts: int = 3
) -> Accumulated:
    """Length of the key by entropy accumulation, at the best free parameters (Nadlinger et al., Methods, "Key length").

    Dupuis and Fawzi, IEEE Trans. Inf. Theory 65, 7596 (2019), in the form of Liu et al., Nat. Phys. 17, 448 (2021), for CHSH with
    one key basis. The constants of the leftover term (5 log2, 264) are inferred from a public re-use of the analysis.

    Args:
        rounds: n.
        test_fraction: gamma.
        threshold: winning fraction of the test rounds below which the protocol aborts.
        leaked_bits: of error correction.
        security: epsilons.
        starts: of the search for the best parameters, 1 to 3. Each finds a length that holds; more of them cost time and can only find a
            longer one.

    Raises:
        ConfigError: arguments out of range.
    """
    _require_range(rounds, test_fraction, threshold)
    from scipy import optimize

    def shortfall(free: np.ndarray) -> float:
        return -_smooth_entropy(rounds, test_fraction, threshold, leaked_bits, security, free)

    start = np.array(
        [_logit((threshold - 0.012 - 0.75) / (_LOSSLESS[1] - 0.75)), math.log(6e-4), math.log(3.7e-3), _logit(0.86), _logit(0.4)]
    )
    best = min(
        (
            optimize.minimize(shortfall, start + shift, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-5, "maxiter": 6000})
            for shift in (np.zeros(5), np.array([0.3, -0.7, -0.7, 0.5, 0.0]), np.array([-0.3, 0.7, 0.7, -0.5, 0.0]))[:starts]
        ),
        key=lambda found: float(found.fun),
    )
    smooth = -float(best.fun)
    return Accumulated(_after_leftover(smooth, security), smooth, _tangent_of(best.x[0]), math.exp(best.x[1]), math.exp(best.x[2]))


def _smooth_entropy(n: int, gamma: float, threshold: float, leaked: float, security: Security, free: np.ndarray) -> float:
    t, d1, d2 = _tangent_of(free[0]), math.exp(free[1]), math.exp(free[2])
    if not (d1 < 0.9 and d2 < 0.9):
        return -1e15
    es = security.smoothing
    es1 = es * _sigmoid(free[3])
    es2 = (es - es1) / 2 * _sigmoid(free[4])
    slope = _slope(t)
    log_ea = math.log2(1 / security.accumulation)

    def line(w: float) -> float:
        return _entropy(t) + slope * (w - t)

    x = 2 + line(1.0) - line(_LOSSLESS[0])
    if d1 * x > 100:
        return -1e15
    k = 2 ** (d1 * x) * math.log(2**x + math.e**2) ** 3 / (6 * (1 - d1) ** 3 * math.log(2)) if x < 900 else math.inf
    second = n * _lowest(t, slope, gamma, d1)
    return (
        n * line(threshold)
        + second
        - n * d1**2 * k
        - n * gamma
        - n * d2 * math.log2(5) ** 2
        - (_theta(es1) + (1 + d1) * log_ea) / d1
        - (_theta(es2) + (1 + d2) * log_ea) / d2
        - 3 * _theta(es - es1 - 2 * es2)
        - leaked
    )


def _lowest(t: float, slope: float, gamma: float, d1: float) -> float:
    """Min over w of eta(w) - g_t(w) - (alpha' - 1) V(w): a smooth function of one variable, on a grid and then refined.

    A grid's minimum lies above the true one, which is the unsafe side, most of all at the kink at w = 3/4; hence the refinements.
    """
    w = _GRID

    def value(w: np.ndarray) -> np.ndarray:
        q = gamma * (1 - w)
        spread = (slope / gamma) ** 2 * q * (1 - q)
        v = math.log(2) / 2 * (math.log2(33) + np.sqrt(2 + spread)) ** 2
        found: np.ndarray = _entropies(w) - (_entropy(t) + slope * (w - t)) - d1 * v
        return found

    for _ in range(_REFINEMENTS):
        best = int(np.argmin(value(w)))
        w = np.linspace(w[max(0, best - 1)], w[min(len(w) - 1, best + 1)], 201)
    return float(value(w).min())


_GRID = np.linspace(*_LOSSLESS, 801)
_REFINEMENTS = 3


def _entropies(w: np.ndarray) -> np.ndarray:
    s = np.clip(8 * w - 4, 2, TSIRELSON)
    p = 0.5 + 0.5 * np.sqrt(np.clip(s**2 / 4 - 1, 0, 1))
    q = np.clip(1 - p, 1e-300, 1)
    h = np.where(p >= 1, 0.0, -p * np.log2(p) - q * np.log2(q))
    found: np.ndarray = 1 - h
    return found


def _entropy(w: float) -> float:
    return one_basis_entropy(8 * w - 4)


def _slope(w: float) -> float:
    """D eta/dw = log2(P/(1 - P)) S/sqrt(S^2/4 - 1)."""
    s = 8 * w - 4
    root = math.sqrt(s**2 / 4 - 1)
    p = 0.5 + 0.5 * root
    return math.log2(p / (1 - p)) * s / root


def _tangent_of(free: float) -> float:
    return 0.75 + (_LOSSLESS[1] - 0.75) * min(1 - 1e-9, max(1e-9, _sigmoid(free)))


def _theta(epsilon: float) -> float:
    """-log2(1 - sqrt(1 - e^2)), without cancellation."""
    return math.log2((1 + math.sqrt(1 - epsilon**2)) / epsilon**2) if epsilon > 0 else 1e12


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _logit(p: float) -> float:
    p = min(1 - 1e-6, max(1e-6, p))
    return math.log(p / (1 - p))


def _after_leftover(smooth: float, security: Security) -> float:
    """Solve l + 4 log2 l = H - 5 log2(1/e_PA) - 264 (loss of the extractor, tags and hash; inferred)."""
    bound = smooth - 5 * math.log2(1 / security.amplification) - 264
    if bound <= 1:
        return bound
    length = bound
    for _ in range(60):
        length = bound - 4 * math.log2(max(length, 1.0))
    return length


def _require_range(rounds: int, test_fraction: float, threshold: float) -> None:
    if rounds < 1 or not 0 < test_fraction < 1:
        raise ConfigError(
            f"{rounds} rounds with a test fraction of {test_fraction:g}: there must be rounds, and the fraction between 0 and 1"
        )
    if not 0.75 < threshold < _LOSSLESS[1]:
        raise ConfigError(f"a winning threshold of {threshold:g} is not between 3/4, where there is no key, and {_LOSSLESS[1]:.6f}")


# -- Munich ----------------------------------------------------------------------------------------------------------------------------


def collective_key_rate(rounds: float, s: float, qber: float, *, soundness: float = 1e-5, efficiency: float = 1.15) -> float:
    """Key per herald of the two-basis protocol under collective attacks (Zhang et al., Fig. 5).

    Inferred: asymptotic equipartition, leftover hashing, and Hoeffding's bound on the test rounds, with the soundness split in four
    equal parts; n/4 of the rounds make key and n/2 test::

        l = n_key [Hbar(S_low) - f h(Q)] - sqrt(n_key) 2 log2(5) sqrt(log2(2/e^2)) - log2(1/e) - 2 log2(1/(2 e))

    Args:
        rounds: n.
        s: expected CHSH value.
        qber: expected error rate.
        soundness: of the key.
        efficiency: of error correction, f.

    Returns:
        Bits a herald; negative where there is no key.

    Raises:
        ConfigError: arguments out of range.
    """
    if rounds < 1 or not 0 <= qber <= 0.5 or not 0 < soundness < 1 or efficiency < 1:
        raise ConfigError(
            "rounds must be 1 at least, the error rate within 0 to 0.5, the soundness between 0 and 1, the efficiency 1 at least"
        )
    epsilon = soundness / 4
    key, test = rounds / 4, rounds / 2
    low = 8 * ((4 + s) / 8 - math.sqrt(math.log(1 / epsilon) / (2 * test))) - 4
    certain = key * (two_basis_entropy(low) - efficiency * binary_entropy(qber))
    certain -= math.sqrt(key) * 2 * math.log2(5) * math.sqrt(math.log2(2 / epsilon**2))
    return (certain - math.log2(1 / epsilon) - 2 * math.log2(1 / (2 * epsilon))) / rounds


def fewest_rounds(rate: Callable[[float], float], low: float = 1e3, high: float = 1e10) -> float | None:
    """Number of rounds from which on a rate is positive; None if it is not at ``high``.

    Args:
        rate: rises with its sign: negative, then positive.
        low: where it is still negative, or the answer is ``low``.
        high: where to give up.
    """
    if rate(high) <= 0:
        return None
    if rate(low) > 0:
        return low
    while high / low > 1 + 1e-4:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if rate(middle) > 0 else (middle, high)
    return high


@lru_cache(maxsize=256)
def accumulated_rate(rounds: int, test_fraction: float, threshold: float, leaked_bits: float, security: Security) -> float:
    """Key per herald by :func:`accumulated_key`, from one start; remembered, since curves ask for the same points again."""
    return accumulated_key(rounds, test_fraction, threshold, leaked_bits, security, starts=1).key_bits / rounds
