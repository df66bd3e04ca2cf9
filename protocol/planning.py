"""What is fixed before a run of the one-basis protocol: error correction, threshold, seed, key length (Nadlinger et al., Methods).

All of it follows from the number of rounds and from what the link is expected to do; nothing is adapted afterwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..errors import ConfigError
from .entropy import binary_entropy
from .extraction import Toeplitz, Trevisan
from .finite_key import PUBLISHED_ASSUMPTIONS, Security, accumulated_key, accumulated_rate, fewest_rounds
from .renyi import RenyiKey, TestCredit, assumptions, renyi_key

Analysis = Literal["eat2022", "renyi"]
"""How the length of the key is proved: as in Nadlinger et al., with Trevisan's extractor, or as in :mod:`eventready.protocol.renyi`, with
Toeplitz hashing."""
Extractor = Literal["trevisan", "toeplitz"]

_TOLERANCE_SIGMA = 3
"""How many standard deviations the threshold lies below the expected winning rate; inferred, reproduces the printed threshold."""
_OVERHEAD = 50
"""Bits of error correction beyond the Shannon value, times sqrt(n); inferred, reproduces the printed 296 517."""
HASH_KEY_BITS, ONE_TIME_PAD_BITS = 1024 + 128 + 128, 4 * 64
"""VHASH-64's key, and pads for one validation hash, two authentication tags and one key activation (the parts are inferred, the sums are
those of Nadlinger et al., Table 1)."""


@dataclass(frozen=True)
class OneBasisPlan:
    """Everything that both parties agree on before the first round.

    Attributes:
        rounds: n.
        test_fraction: gamma.
        winning: expected winning probability of the test rounds, (4 + S)/8.
        threshold: winning fraction below which Bob aborts, omega_thr.
        most_losses: he accepts if no more of the n rounds are tested and lost.
        syndrome_bits: of error correction, m.
        shannon_bits: what it would take at the Shannon limit.
        seed_bits: of the extractor.
        key_bits: length of the key.
        abort_probability: that a link which does as expected misses the threshold.
        security: epsilons; the Renyi analysis takes the soundness from it and splits it by itself, see ``renyi``.
        analysis: what proves the length.
        test_credit: r_t of the Renyi analysis; 0 for the other.
        extractor: the only one for which the length holds.
        renyi: order and epsilons of the Renyi analysis; None for the other.
    """

    rounds: int
    test_fraction: float
    winning: float
    threshold: float
    most_losses: int
    syndrome_bits: int
    shannon_bits: float
    seed_bits: int
    key_bits: int
    abort_probability: float
    security: Security
    analysis: Analysis = "eat2022"
    test_credit: TestCredit = 0
    extractor: Extractor = "trevisan"
    renyi: RenyiKey | None = None

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the key rests on, numbered; to be shown with the plan and with the key."""
        return assumptions(self.test_credit) if self.analysis == "renyi" else PUBLISHED_ASSUMPTIONS

    @property
    def efficiency(self) -> float:
        """Syndrome over its Shannon limit, f."""
        return self.syndrome_bits / self.shannon_bits

    @property
    def used_bits(self) -> int:
        """Pre-shared bits that go into a run: seed, hash key, pads."""
        return self.seed_bits + HASH_KEY_BITS + ONE_TIME_PAD_BITS

    @property
    def net_bits(self) -> int:
        """Key less the pads: seed and hash key can be used again."""
        return self.key_bits - ONE_TIME_PAD_BITS


def plan_one_basis(
    rounds: int,
    s: float,
    qber: float,
    *,
    test_fraction: float = 13 / 256,
    security: Security | None = None,
    syndrome_bits: int | None = None,
    analysis: Analysis = "eat2022",
    test_credit: TestCredit = 0,
) -> OneBasisPlan:
    """Plan a run.

    Args:
        rounds: n.
        s: CHSH value that the link is expected to reach at least.
        qber: error rate that it is expected to reach at most.
        test_fraction: gamma; a dyadic fraction, so that Bob can draw it from random bytes.
        security: epsilons; by default a soundness of 1e-10.
        syndrome_bits: of a code that needs fewer (or more) than n [(1 - gamma) h(Q) + gamma h(w)] + 50 sqrt(n).
        analysis: what proves the length, and with it which extractor makes the key.
        test_credit: r_t of the Renyi analysis; 1 rests on an unproved lemma.

    Raises:
        ConfigError: arguments out of range, or too few rounds to set a threshold above 3/4.
    """
    _require_analysis(analysis, test_credit)
    if rounds < 1 or not 0 < test_fraction < 1 or not 0 <= qber <= 0.5 or not 2 < s <= 2 * math.sqrt(2):
        raise ConfigError(
            f"cannot plan {rounds} rounds, S = {s:g}, Q = {qber:g}, test fraction {test_fraction:g}: there must be rounds, 2 < S <= 2.828, "
            "Q within 0 to 0.5 and the fraction between 0 and 1"
        )
    security = Security() if security is None else security
    winning = (4 + s) / 8
    shannon = _shannon_bits(rounds, winning, qber, test_fraction)
    leaked = _syndrome_bits(rounds, shannon) if syndrome_bits is None else syndrome_bits
    accepted = _accepted_losses(rounds, winning, test_fraction)
    threshold, most_losses = 1 - accepted / test_fraction, math.floor(rounds * accepted)
    if threshold <= 0.75:
        raise ConfigError(
            f"{rounds} rounds cannot tell S = {s:g} from 2 with a test fraction of {test_fraction:g}; more rounds, or more tests"
        )
    certified: RenyiKey | None = None
    if analysis == "renyi":
        certified = renyi_key(rounds, test_fraction, most_losses, leaked, soundness=security.soundness, test_credit=test_credit)
        key = max(0, math.floor(certified.key_bits))
        seed = Toeplitz.of(rounds, key).seed_bits if key else 0
    else:
        key = max(0, math.floor(accumulated_key(rounds, test_fraction, threshold, leaked, security).key_bits))
        seed = Trevisan.of(rounds, key, security.amplification).seed_bits if key > 1 else 0
    return OneBasisPlan(
        rounds,
        test_fraction,
        winning,
        threshold,
        most_losses,
        leaked,
        shannon,
        seed,
        key,
        _too_many(rounds, test_fraction * (1 - winning), most_losses),
        security,
        analysis,
        test_credit,
        "trevisan" if certified is None else "toeplitz",
        certified,
    )


def _require_analysis(analysis: str, test_credit: int) -> None:
    if analysis not in {"eat2022", "renyi"}:
        raise ConfigError(f"there is no analysis {analysis!r}; choose eat2022 or renyi")
    if analysis != "renyi" and test_credit != 0:
        raise ConfigError("crediting test rounds with entropy belongs to the renyi analysis; the one of 2022 has its own account of them")


def one_basis_rate(
    rounds: float,
    s: float,
    qber: float,
    *,
    test_fraction: float = 13 / 256,
    security: Security | None = None,
    efficiency: float | None = None,
    analysis: Analysis = "eat2022",
    test_credit: TestCredit = 0,
) -> float:
    """Key per herald of a plan; negative where there is none, -1 where not even a threshold can be set. For curves and crossings.

    Args are those of :func:`plan_one_basis`, but for ``efficiency``: syndrome over its Shannon limit, f, of a better code than that of the
    square-root rule.
    """
    security = Security() if security is None else security
    n, winning = round(rounds), (4 + s) / 8
    accepted = _accepted_losses(n, winning, test_fraction)
    threshold = 1 - accepted / test_fraction
    if threshold <= 0.751:
        return -1.0
    shannon = _shannon_bits(n, winning, qber, test_fraction)
    leaked = _syndrome_bits(n, shannon) if efficiency is None else math.ceil(efficiency * shannon)
    if analysis == "eat2022":
        return accumulated_rate(n, test_fraction, threshold, leaked, security)
    key = renyi_key(n, test_fraction, math.floor(n * accepted), leaked, soundness=security.soundness, test_credit=test_credit)
    return key.key_bits / n


def _shannon_bits(rounds: int, winning: float, qber: float, test_fraction: float) -> float:
    """What Bob lacks of Alice's outcomes: in key rounds the errors, in test rounds the lost ones."""
    return rounds * ((1 - test_fraction) * binary_entropy(qber) + test_fraction * binary_entropy(winning))


def _syndrome_bits(rounds: int, shannon_bits: float) -> int:
    return math.floor(shannon_bits + _OVERHEAD * math.sqrt(rounds))


def _accepted_losses(rounds: int, winning: float, test_fraction: float) -> float:
    """Share of all rounds that may be tested and lost before Bob aborts."""
    lost = test_fraction * (1 - winning)
    return lost + _TOLERANCE_SIGMA * math.sqrt(lost * (1 - lost) / rounds)


def fewest_one_basis_rounds(
    s: float,
    qber: float,
    *,
    test_fraction: float = 13 / 256,
    security: Security | None = None,
    efficiency: float | None = None,
    analysis: Analysis = "eat2022",
    test_credit: TestCredit = 0,
) -> float | None:
    """Rounds from which on there is key, to a part in a thousand; None if not below 1e9. Args are those of :func:`one_basis_rate`."""

    def rate(n: float) -> float:
        return one_basis_rate(
            n,
            s,
            qber,
            test_fraction=test_fraction,
            security=security,
            efficiency=efficiency,
            analysis=analysis,
            test_credit=test_credit,
        )

    return fewest_rounds(rate, 1e5 if analysis == "eat2022" else 1e4, 1e9)


def _too_many(rounds: int, lost: float, most: int) -> float:
    from scipy import stats

    return float(stats.binom.sf(most, rounds, lost))
