"""Which code is recommended for how many rounds, and how long a syndrome it needs; measured with ``benchmarks/reconciliation.py``."""

from __future__ import annotations

import math

from ...errors import ConfigError
from ..entropy import binary_entropy

_SHAPES = (
    (100_000, 24, 144, 24),
    (20_000, 12, 100, 12),
    (5_000, 12, 48, 12),
    (1_500, 6, 30, 8),
    (400, 5, 12, 6),
    (0, 3, 6, 4),
)
"""Least number of rounds; degree, positions and width."""
_GAP, _SPREAD = 0.06, 11.0
"""Of :func:`shipped_syndrome_bits`; chosen so that no size in the table of ``docs/explanations/error-correction.md`` fails often."""


def shape_for(rounds: int, syndrome_bits: int) -> tuple[int, int, int]:
    """Degree, positions and width of the recommended code.

    The larger a block, the more positions and the higher degrees are worth having: both bring the code closer to Shannon's limit, and make
    it more work. Every position at the ends must still get checks, which short syndromes do not allow for many positions.
    """
    fitting = (shape for least, *shape in _SHAPES if rounds >= least and 13 * syndrome_bits >= 20 * shape[1] * shape[2])
    degree, positions, width = next(fitting, _SHAPES[-1][1:])
    return degree, positions, width


def shipped_syndrome_bits(rounds: int, test_fraction: float, winning: float, qber: float) -> int:
    """Syndrome that the recommended code needs: fewer bits than the rule of Nadlinger et al.

    ``m = ceil(1.06 n H + 11 sqrt(n V))``, with H the entropy of Bob's errors per round and V the variance of -log2 of their probability,
    both for known round types: ``H = sum of share h(q)``, ``V = sum of share q (1 - q) log2((1 - q)/q)^2`` over key and test rounds. The
    form is that of the best codes of finite length (Tomamichel et al., Quantum Inf. Process. 16, 280 (2017)), the two numbers are fitted to
    measured failures of these codes, between 15 000 and 1 500 000 rounds; beyond that range they are a guess.

    Args:
        rounds: n.
        test_fraction: share of the test rounds; 0 where only key rounds are reconciled.
        winning: winning probability of the test rounds.
        qber: error rate of the key rounds.

    Raises:
        ConfigError: arguments out of range, or so few rounds that the syndrome would be as long as they are.
    """
    if rounds < 1 or not 0 <= test_fraction <= 1 or not 0.5 <= winning < 1 or not 0 < qber <= 0.5:
        raise ConfigError(
            f"{rounds} rounds, test fraction {test_fraction:g}, winning {winning:g}, error rate {qber:g}: expected rounds, a fraction, "
            "1/2 or more but less than 1, and more than 0 but at most 1/2"
        )
    kinds = (1 - test_fraction, qber), (test_fraction, 1 - winning)
    entropy = sum(share * binary_entropy(q) for share, q in kinds)
    variance = sum(share * q * (1 - q) * math.log2((1 - q) / q) ** 2 for share, q in kinds)
    needed = math.ceil((1 + _GAP) * rounds * entropy + _SPREAD * math.sqrt(rounds * variance))
    if needed >= rounds:
        raise ConfigError(
            f"{rounds} rounds with these errors would need a syndrome of {needed} bits, which says everything; take more rounds"
        )
    return needed
