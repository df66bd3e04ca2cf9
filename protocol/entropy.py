"""What an eavesdropper cannot know, given S: entropy bounds with one and two key bases, and asymptotic key rates.

One basis: Acin et al., Phys. Rev. Lett. 98, 230501 (2007). Two bases: Masini, Pironio and Woodhead, arXiv:2107.08894. Zhang et
al., Nature 607, 687 (2022) used the numerical bound of Schwonnek et al., Nat. Commun. 12, 2880 (2021) for the same protocol; the
analytic one is a little tighter: key from S = 2.3555 on, where the paper prints 2.362. All rates hold in the limit of infinitely
many rounds; a finite run yields less.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from ..errors import ConfigError
from .bell import BellGame

TSIRELSON = 2 * math.sqrt(2)
"""Largest S of quantum mechanics; statistics may exceed it, and are then read as this value."""


def binary_entropy(p: float) -> float:
    """h(p) in bits, for p between 0 and 1."""
    if p <= 0 or p >= 1:
        return 0.0
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def one_basis_entropy(s: float) -> float:
    """Lower bound on H(A|E) of an outcome at a setting that also tests, in bits.

    1 - h(1/2 + 1/2 sqrt(S^2/4 - 1)) (Acin et al., Phys. Rev. Lett. 98, 230501 (2007)): tight, convex in S, 0 at S <= 2.
    """
    if s <= 2:
        return 0.0
    return 1 - binary_entropy(0.5 + 0.5 * math.sqrt(min(s, TSIRELSON) ** 2 / 4 - 1))


def two_basis_entropy(s: float) -> float:
    """Lower bound on [H(B_0|E) + H(B_1|E)]/2 for a party whose two test settings both make key, in bits.

    Masini, Pironio and Woodhead, arXiv:2107.08894, for equally frequent bases: the lower convex hull of

        F(S) = 1 - h((1 + sqrt(E2))/2),   E2(S) = min over sigma of sigma^2 (S/2 - sigma)^2/(1 - sigma^2) + 1 - sigma^2

    and of 0 at S = 2: a straight line up to the tangent point of :func:`two_basis_tangent`, F beyond it. The hull is needed
    because an eavesdropper may mix strategies.
    """
    if s <= 2:
        return 0.0
    s_tangent, slope = two_basis_tangent()
    if s < s_tangent:
        return slope * (s - 2)
    from scipy import optimize

    # 0.7 is a little below sqrt(1/2), so that rounding at S = 2 sqrt 2 cannot push the root out of the bracket.
    return _two_basis_f(optimize.brentq(lambda sigma: _two_basis_s(sigma) - min(s, TSIRELSON), 0.7, 1.0, xtol=1e-15))


@functools.cache
def two_basis_tangent() -> tuple[float, float]:
    """Return S where the tangent from (S, entropy) = (2, 0) touches F of :func:`two_basis_entropy`, and its slope in bits."""
    from scipy import optimize

    lowest = optimize.minimize_scalar(
        lambda sigma: _two_basis_f(sigma) / (_two_basis_s(sigma) - 2),
        bounds=(math.sqrt(0.5), 0.999),
        method="bounded",
        options={"xatol": 1e-10},
    )
    sigma = float(lowest.x)
    return _two_basis_s(sigma), _two_basis_f(sigma) / (_two_basis_s(sigma) - 2)


# Setting the derivative in E2's definition to zero gives (S/2 - sigma)^2 - sigma u (S/2 - sigma) - u^2 = 0 with u = 1 - sigma^2, so
# that S/2 - sigma = u w, w = (sigma + sqrt(sigma^2 + 4))/2. Both S and the minimum are thus closed functions of the minimiser sigma,
# which runs from sqrt(1/2) at S = 2 sqrt 2 to 1 at S = 2; S falls strictly on the way. The reduction is ours.


def _two_basis_s(sigma: float) -> float:
    return 2 * sigma + (1 - sigma**2) * (sigma + math.sqrt(sigma**2 + 4))


def _two_basis_f(sigma: float) -> float:
    w = (sigma + math.sqrt(sigma**2 + 4)) / 2
    e2 = (1 - sigma**2) * (1 + (sigma * w) ** 2)
    return 1 - binary_entropy((1 + math.sqrt(min(e2, 1.0))) / 2)


def key_entropy(game: BellGame, s: float) -> float:
    """Bits of a raw key bit that an eavesdropper does not know, averaged over the key bases of a game.

    Raises:
        ConfigError: no party makes its key with one or two of its test settings, so neither bound applies.
    """
    bounds = {1: one_basis_entropy, 2: two_basis_entropy}
    for party in (0, 1):
        key_settings = {pair[party] for pair in game.key_pairs}
        if key_settings <= {pair[party] for pair, _ in game.chsh} and len(key_settings) in bounds:
            return bounds[len(key_settings)](s)
    raise ConfigError(f"the {game.name} game makes key with settings that it does not test; no entropy bound applies")


def key_per_sifted_bit(game: BellGame, s: float, qbers: Sequence[float]) -> float:
    """Asymptotic secret key per raw key bit: entropy less the mean of h(Q). Negative where there is no key.

    Args:
        game: the protocol.
        s: CHSH value.
        qbers: error rate of each key pair, in the order of ``game.key_pairs``.

    Raises:
        ConfigError: another number of error rates than of key pairs, or a rate outside 0..1.
    """
    if len(qbers) != len(game.key_pairs) or not all(0 <= q <= 1 for q in qbers):
        raise ConfigError(f"the {game.name} game needs {len(game.key_pairs)} error rates between 0 and 1, not {list(qbers)}")
    return key_entropy(game, s) - math.fsum(binary_entropy(q) for q in qbers) / len(qbers)


def asymptotic_rate(game: BellGame, s: float, qbers: Sequence[float]) -> float:
    """Asymptotic key rate in bits per herald (Devetak-Winter, one-way error correction at the Shannon limit).

    munich: 1/4 [Hbar(S) - (h(Q0) + h(Q1))/2], at most 1/4 (Schwonnek et al., Nat. Commun. 12, 2880 (2021), with uniform settings);
    oxford: H(A|E) - h(Q) with hardly any test rounds. Args and errors are those of :func:`key_per_sifted_bit`.

    Returns:
        The rate; negative where there is no key.
    """
    return game.sifted_fraction * key_per_sifted_bit(game, s, qbers)


@functools.cache
def critical_point(game: BellGame) -> tuple[float, float]:
    """Return the S and Q at which the key rate vanishes in a depolarising channel, S = 2 sqrt 2 (1 - 2 Q) and all Q equal.

    That relation is the one of Zhang et al., Nature 607, 687 (2022), "DIQKD protocol". One basis: Q = 0.0715 (0.071 in print); two
    bases: S = 2.3555, Q = 0.0836 (2.362 and 0.082 in print, from a looser numerical bound).
    """
    from scipy import optimize

    def rate(q: float) -> float:
        return key_per_sifted_bit(game, TSIRELSON * (1 - 2 * q), [q] * len(game.key_pairs))

    q = optimize.brentq(rate, 0.0, 0.5 * (1 - 1 / math.sqrt(2)), xtol=1e-13)
    return TSIRELSON * (1 - 2 * q), q
