"""What an eavesdropper cannot know of one outcome, given S, in Renyi's measure: the one-round bound of the Renyi analysis.

H is the sandwiched conditional entropy with the best sigma_E ("up" arrow); all of it is in bits. The bound is derived in
docs/explanations/renyi-analysis.md, and Hahn, Philip, Tan and Brown, arXiv:2507.07365, give analytic bounds for the same game.
"""

from __future__ import annotations

import math

from ..errors import ConfigError
from .entropy import TSIRELSON, one_basis_entropy


def renyi_binary_entropy(p: float, order: float) -> float:
    """h_b(p) = log2(p^b + (1 - p)^b)/(1 - b) in bits, for p between 0 and 1 and an order b strictly between 0 and 1."""
    if p <= 0 or p >= 1:
        return 0.0
    # p^b + q^b - 1, summed so that nothing cancels near b = 1.
    excess = p * math.expm1((order - 1) * math.log(p)) + (1 - p) * math.expm1((order - 1) * math.log1p(-p))
    return math.log1p(excess) / (1 - order) / math.log(2)


def one_basis_renyi_entropy(s: float, order: float) -> float:
    """Lower bound on the Renyi entropy of order a of an outcome at a setting that also tests, in bits: 1 - h_b(P), 0 at S <= 2.

    P = 1/2 + 1/2 sqrt(S^2/4 - 1) and b = a/(2a - 1). Tight for every S and a. At a = 1 it is
    :func:`eventready.protocol.entropy.one_basis_entropy`, at infinity the min-entropy 1 - log2(1 + sqrt(2 - S^2/4)).

    Args:
        s: CHSH value; one above 2 sqrt 2 is read as 2 sqrt 2.
        order: a, 1 or more; may be infinite.

    Raises:
        ConfigError: an order below 1.
    """
    if not order >= 1:
        raise ConfigError(f"the entropy bound holds for orders of 1 and more, not for {order}")
    if s <= 2:
        return 0.0
    if order == 1:
        return one_basis_entropy(s)
    dual = 0.5 if math.isinf(order) else order / (2 * order - 1)
    # Beyond orders of 1 + 1e-15 rounding makes the dual order 1, where the quotient is 0/0.
    return one_basis_entropy(s) if dual == 1 else 1 - renyi_binary_entropy(0.5 + 0.5 * complementary(s), dual)


def complementary(s: float) -> float:
    """sqrt(S^2/4 - 1): the least correlation of the observable complementary to Alice's that S demands, 0 to 1."""
    return math.sqrt(max(0.0, min(1.0, min(s, TSIRELSON) ** 2 / 4 - 1)))
