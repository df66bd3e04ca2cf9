"""Length of a key by Renyi entropy accumulation and two-universal hashing: more key than the 2022 analysis gives from the same rounds.

The one-round bound is proved in docs/explanations/renyi-analysis.md. The n-round statement is our own reading of Arqand, Hahn and
Tan, PRX 15, 041013 (arXiv:2405.05912); nobody outside this project has checked it. :func:`assumptions` says so wherever a length is shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..errors import ConfigError
from .renyi_entropy import complementary

TestCredit = Literal[0, 1]
"""r_t: whether test rounds are credited with the entropy of key rounds (1), which rests on an unproved lemma, or with none (0)."""

HASH_ERROR = 4 * 2.0**-61
"""What the 64-bit words of a session may fail by: one validation hash and three authenticated messages, 2^-61 each (VHASH-64)."""

_LOWEST, _HIGHEST = 0.75, (2 + math.sqrt(2)) / 4
"""Winning probabilities among which an eavesdropper's best one is; below 3/4 she has no use for the games that she loses."""
_LN2 = math.log(2)


@dataclass(frozen=True)
class RenyiKey:
    """What Renyi accumulation certifies, with the parameters at which the length was best.

    Attributes:
        key_bits: length of the key; 0 or less where there is none.
        entropy_bits: Renyi entropy of Alice's outcomes before the leaks of error correction are taken off.
        order: a, strictly between 1 and 2; fixed before the run, as everything here.
        verification: share of the soundness for unequal keys that pass, and for forged messages, eps_EV.
        amplification: share of the soundness for the distance from a perfect key, eps_PA.
        worst_winning: winning probability of an eavesdropper's best strategy.
        loss_price: Lagrange multiplier of the accepted losses: bits of key that each further accepted loss costs.
        test_credit: r_t.
    """

    key_bits: float
    entropy_bits: float
    order: float
    verification: float
    amplification: float
    worst_winning: float
    loss_price: float
    test_credit: TestCredit


def renyi_key(
    rounds: int, test_fraction: float, most_losses: float, leaked_bits: float, *, soundness: float, test_credit: TestCredit = 0
) -> RenyiKey:
    """Length of the key, at the best order a.

    ::

        l = n inf_{w, q} [(q_none + r_t q_test) H_a(w) - q_test + D(q||nu_w)/(a - 1)] - m
            - log2(1/eps_EV) - a/(a - 1) log2(1/eps_PA) + 2

    H_a(w) = 1 - h_{1/a}(P(w)) is :func:`eventready.protocol.renyi_entropy.one_basis_renyi_entropy` at the order 1/(2 - a), which
    devices with memory need. The infimum is over all winning probabilities w and all frequencies q = (win, lose, none) that are
    accepted, and a true one: see :func:`_certified`. It holds for every a, so a poor optimum costs key and never security.

    Args:
        rounds: n.
        test_fraction: gamma.
        most_losses: Bob accepts if no more of the n rounds are tested and lost; a whole number in a protocol.
        leaked_bits: of error correction, m.
        soundness: of the key, all told: privacy amplification, validation hash, authentication.
        test_credit: r_t.

    Raises:
        ConfigError: arguments out of range, or a soundness that a 64-bit hash cannot give.
    """
    _require_range(rounds, test_fraction, most_losses, leaked_bits, soundness, test_credit)
    from scipy import optimize

    game = _Game(rounds, test_fraction, most_losses / rounds, leaked_bits, soundness, test_credit)

    def shortfall(log_excess: float) -> float:
        return -_at_order(game, math.exp(log_excess)).key_bits

    # The best a - 1 goes like 1/sqrt(n); a coarse look around it first, since far from it the length has no slope to follow.
    grid = [math.log(min(0.9, 10 ** (k / 4) / math.sqrt(rounds))) for k in range(-6, 11)]
    best = min(range(len(grid)), key=lambda k: shortfall(grid[k]))
    low, high = grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)]
    if low < high:
        found = optimize.minimize_scalar(shortfall, bounds=(low, high), method="bounded", options={"xatol": 1e-5})
        return max((_at_order(game, math.exp(x)) for x in (float(found.x), grid[best])), key=lambda key: key.key_bits)
    return _at_order(game, math.exp(grid[best]))


@dataclass(frozen=True)
class _Game:
    """Arguments of :func:`renyi_key`; accepted losses as a share of all rounds."""

    rounds: int
    test_fraction: float
    accepted: float
    leaked_bits: float
    soundness: float
    test_credit: TestCredit


def _at_order(game: _Game, excess: float) -> RenyiKey:
    """The length at a = 1 + excess."""
    winning = _worst_winning(game, excess)
    price = _loss_price(game, excess, winning)
    entropy = game.rounds * _certified(game, excess, winning, price)
    # Between the two shares the length is best at (a - 1) : a. The hash is what it is, and its share never less than it can fail by.
    verification = max(HASH_ERROR, excess / (2 * excess + 1) * game.soundness)
    amplification = game.soundness - verification
    length = entropy - game.leaked_bits + math.log2(verification) + (1 + excess) / excess * math.log2(amplification) + 2
    return RenyiKey(length, entropy, 1 + excess, verification, amplification, winning, price, game.test_credit)


# The infimum. Write x = a - 1. For a price p >= 0 on each accepted loss, the infimum over q is a Legendre transform (Gibbs' variational
# principle), so that for EVERY p >= 0
#
#     inf over accepted q at w  >=  -log2 Z(w, p)/x - p (accepted losses),
#     Z(w, p) = (1 - g) phi + g [w + (1 - w) 2^(-x p)] 2^x phi^r_t,     phi(w) = 2^(-x H_a(w)),
#
# with equality at the best p. phi is concave in w (docs/explanations/renyi-analysis.md), the bracket affine and positive; so for r_t = 0 Z
# is concave and for r_t = 1 a product of two such functions: log Z is concave either way, and lies below each of its tangents. One
# tangent, at any w, is therefore a bound for all w: no grid, and nothing that an optimiser could get wrong on the unsafe side.


def _certified(game: _Game, excess: float, winning: float, price: float) -> float:
    """Lower bound in bits a round on the infimum over all w and all accepted q; valid for every ``winning`` and ``price`` >= 0.

    ``winning`` is where the tangent touches; it lies within 3/4 to (2 + sqrt 2)/4. Below 3/4 phi is 1 and Z rises with w, so that w = 3/4
    bounds that part too.
    """
    log_z, slope = _log_z(game, excess, winning, price)
    highest = log_z + max(slope * (_HIGHEST - winning), slope * (_LOWEST - winning))
    return -highest / _LN2 / excess - price * game.accepted


def _log_z(game: _Game, excess: float, winning: float, price: float) -> tuple[float, float]:
    """Natural logarithm of Z and its derivative by w, without cancellation near Z = 1."""
    log_phi, log_phi_slope = _log_phi(winning, 1 + excess)
    gamma, credit = game.test_fraction, game.test_credit
    won = math.expm1(excess * _LN2 + credit * log_phi)
    lost = math.expm1(excess * _LN2 * (1 - price) + credit * log_phi)
    key = math.expm1(log_phi)
    above = (1 - gamma) * key + gamma * (winning * won + (1 - winning) * lost)
    tests = winning * (1 + won) + (1 - winning) * (1 + lost)
    slope = (1 - gamma) * (1 + key) * log_phi_slope + gamma * (won - lost + credit * tests * log_phi_slope)
    return math.log1p(above), slope / (1 + above)


def _log_phi(winning: float, order: float) -> tuple[float, float]:
    """Natural logarithm of phi = 2^(1 - a) (P^b + (1 - P)^b)^(1/b), b = 1/a, and its derivative by w (from the right at w = 3/4)."""
    s = 8 * winning - 4
    c = complementary(s)
    p, q, b = (1 + c) / 2, (1 - c) / 2, 1 / order
    if q <= 0:
        return (1 - order) * _LN2, -math.inf
    # P^b + Q^b - 2^(1 - b), relative to 2^(1 - b): (P^b + Q^b)^a 2^(1 - a) is then (1 + that)^a.
    rise = (p * math.expm1((b - 1) * math.log1p(c)) + q * math.expm1((b - 1) * math.log1p(-c))) if c > 0 else 0.0
    if c < 1e-7:  # (P^(b - 1) - Q^(b - 1))/c, of which this is the limit
        ratio = (b - 1) * 2 ** (2 - b)
    else:
        ratio = -(p ** (b - 1)) * math.expm1((b - 1) * math.log(q / p)) / c
    return order * math.log1p(rise), s * ratio / (2 ** (1 - b) * (1 + rise))


def _loss_price(game: _Game, excess: float, winning: float) -> float:
    """The price at which an eavesdropper's best q at ``winning`` just keeps to the accepted losses; 0 if she does without."""
    log_phi, _ = _log_phi(winning, 1 + excess)
    tested = game.test_fraction * math.exp(excess * _LN2 + game.test_credit * log_phi)
    elsewhere = (1 - game.test_fraction) * math.exp(log_phi) + tested * winning
    allowed = game.accepted * elsewhere / ((1 - game.accepted) * tested * (1 - winning))
    # A run that accepts no loss at all would set an infinite price; a finite one is as valid, and as good to 2^-1000.
    return max(0.0, -math.log2(max(allowed, 2.0**-1000)) / excess)


def _worst_winning(game: _Game, excess: float) -> float:
    """Where the infimum over q, convex in w, has its minimum: by bisection on the sign of its slope. Not relevant to security."""
    low, high = _LOWEST, _HIGHEST
    for _ in range(60):
        middle = (low + high) / 2
        _, slope = _log_z(game, excess, middle, _loss_price(game, excess, middle))
        low, high = (middle, high) if slope > 0 else (low, middle)
    return low


def _require_range(rounds: int, gamma: float, most_losses: float, leaked: float, soundness: float, credit: int) -> None:
    if rounds < 1 or not 0 < gamma < 1 or not 0 <= most_losses < rounds or not leaked >= 0:
        raise ConfigError(
            f"{rounds} rounds, a test fraction of {gamma:g}, {most_losses:g} accepted losses, {leaked:g} leaked bits: there must be "
            "rounds, the fraction lies between 0 and 1, fewer losses are accepted than rounds are played, and no leak is negative"
        )
    if credit not in {0, 1}:
        raise ConfigError(f"test rounds are credited with the entropy of key rounds (1) or with none (0), not {credit}")
    if not 2 * HASH_ERROR <= soundness < 1:
        raise ConfigError(f"a soundness of {soundness:g} is not below 1, or below the {2 * HASH_ERROR:.2g} that 64-bit hashes can support")


def assumptions(test_credit: TestCredit) -> tuple[str, ...]:
    """What a key of this analysis rests on, numbered, to be printed with every plan and every key."""
    credit = (
        "Test rounds are credited with no entropy of their own (r_t = 0)."
        if test_credit == 0
        else "UNPROVED LEMMA (r_t = 1): Alice's outcome and the result of the test hold together as much entropy in a test round as the "
        "outcome does in a key round. Attacks have found no counterexample; there is no proof."
    )
    said = (
        "Each laboratory is isolated: from the drawing of an input until the key is used, nothing leaves it but what the protocol sends.",
        "The computers are trusted; inputs and round types are uniform as configured, private until used, and independent of the devices.",
        "The eavesdropper may learn X, Y and T of each round once it is played, and adapt to them. That needs the generalised theorem of "
        "entropy accumulation; its use here, the n-round statement, is this project's own reading, NOT YET CHECKED BY A THIRD PARTY.",
        "The test is done on Bob's reconstruction of Alice's outcomes and counts losses over all rounds. Neither an outcome nor the result "
        "of a single test is ever announced, only whether Bob accepts. Number of rounds, threshold and length are fixed before the run.",
        "The validation hash and the authenticated messages fail by at most 2^-61 each; this is within the soundness given.",
        credit,
        "Privacy amplification is two-universal hashing (Toeplitz) with a seed that the devices do not know. The length does not hold for "
        "Trevisan's extractor.",
        "The devices are fresh: they hold nothing of earlier keys. What they remember can leak through what later sessions announce.",
    )
    return tuple(f"({k}) {text}" for k, text in enumerate(said, start=1))
