"""Bell statistics: the two published games, counts per pair of settings, and E, S, Q and omega from them.

An outcome is a bit. E(x, y) = P(a = b | x, y) - P(a != b | x, y); S is a sum of four E with signs, written so that the ideal
state gives 2 sqrt 2. As a game, a pair with sign + is won by equal outcomes and a pair with sign - by unequal ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from .estimate import Estimate, independent_sum, proportion

Pair = tuple[int, int]
"""A pair of settings (x of Alice, y of Bob)."""


@dataclass(frozen=True)
class BellGame:
    """Which pairs of settings test Bell's inequality and which make key.

    Attributes:
        name: what users call it.
        settings_a: number of Alice's settings; x runs from 0 to ``settings_a - 1``.
        settings_b: number of Bob's settings.
        chsh: the four test pairs with the sign of their correlator in S.
        key_pairs: the pairs whose outcomes are raw key.
        key_anticorrelated: equal outcomes in a key pair are the error (True) or unequal ones (False).
        sifted_fraction: share of the rounds that make raw key, in the limit of a long run.
    """

    name: str
    settings_a: int
    settings_b: int
    chsh: tuple[tuple[Pair, int], ...]
    key_pairs: tuple[Pair, ...]
    key_anticorrelated: bool
    sifted_fraction: float

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Every pair of settings, x first."""
        return tuple((x, y) for x in range(self.settings_a) for y in range(self.settings_b))

    @property
    def unused(self) -> tuple[Pair, ...]:
        """The pairs that neither test nor make key: Munich discards them, Oxford never plays them."""
        return tuple(pair for pair in self.pairs if self.role(pair) == "unused")

    def role(self, pair: Pair) -> str:
        """Return ``"test"``, ``"key"`` or ``"unused"``."""
        if any(pair == tested for tested, _ in self.chsh):
            return "test"
        return "key" if pair in self.key_pairs else "unused"


MUNICH_GAME = BellGame(
    name="munich",
    settings_a=4,
    settings_b=2,
    chsh=(((2, 1), +1), ((2, 0), -1), ((3, 0), -1), ((3, 1), -1)),
    key_pairs=((0, 0), (1, 1)),
    key_anticorrelated=True,
    sifted_fraction=2 / 8,
)
"""Zhang et al., Nature 607, 687 (2022), equation 1 and "DIQKD protocol": uniform settings, two key bases, state Psi+."""

OXFORD_GAME = BellGame(
    name="oxford",
    settings_a=2,
    settings_b=3,
    chsh=(((0, 0), +1), ((0, 1), +1), ((1, 0), +1), ((1, 1), -1)),
    key_pairs=((0, 2),),
    key_anticorrelated=False,
    sifted_fraction=1.0,
)
"""Nadlinger et al., Nature 607, 682 (2022), Fig. 2: a xor b = x y wins; the test fraction may go to zero in a long run."""

GAMES = {game.name: game for game in (MUNICH_GAME, OXFORD_GAME)}


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each pair of settings and outcomes occurred. Two of the same shape add up, so a tally can be kept live.

    Published tables give only how often the outcomes agreed; then ``outcomes`` is None and whatever needs one party's own
    outcomes cannot be computed. The arrays are read-only copies.

    Attributes:
        n: rounds, shape (settings of Alice, settings of Bob).
        n_equal: rounds with equal outcomes, same shape.
        outcomes: rounds by outcome, indexed [x, y, a, b], or None.

    Raises:
        ConfigError: shapes that do not fit, negative numbers, more equal outcomes than rounds, or a table of outcomes with
            other sums.
    """

    n: npt.NDArray[np.int64] = field(repr=False)
    n_equal: npt.NDArray[np.int64] = field(repr=False)
    outcomes: npt.NDArray[np.int64] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("n", "n_equal", "outcomes"):
            if getattr(self, name) is not None:
                array = np.array(getattr(self, name))
                if array.dtype.kind not in "iu":
                    raise ConfigError(f"counts are whole numbers, not {array.dtype}")
                array = array.astype(np.int64)
                array.setflags(write=False)
                object.__setattr__(self, name, array)
        if self.n.ndim != 2 or self.n_equal.shape != self.n.shape:
            raise ConfigError(f"counts need two tables of one shape (x, y), not {self.n.shape} and {self.n_equal.shape}")
        if (self.n_equal < 0).any() or (self.n_equal > self.n).any():
            raise ConfigError("counts need 0 <= n_equal <= n for every pair of settings")
        if self.outcomes is None:
            return
        if self.outcomes.shape != (*self.n.shape, 2, 2) or (self.outcomes < 0).any():
            raise ConfigError(f"counts of outcomes need the shape {(*self.n.shape, 2, 2)} and no negative number")
        equal = self.outcomes[..., 0, 0] + self.outcomes[..., 1, 1]
        if (self.outcomes.sum(axis=(2, 3)) != self.n).any() or (equal != self.n_equal).any():
            raise ConfigError("the counts of outcomes do not add up to n and n_equal; build them with Counts.from_outcomes")

    @classmethod
    def from_outcomes(cls, outcomes: npt.ArrayLike) -> Counts:
        """Build from the full table.

        Args:
            outcomes: rounds, indexed [x, y, a, b], shape (settings of Alice, settings of Bob, 2, 2).

        Raises:
            ConfigError: another shape, or negative numbers.
        """
        table = np.asarray(outcomes)
        if table.ndim != 4 or table.shape[2:] != (2, 2):
            raise ConfigError(f"counts of outcomes are indexed [x, y, a, b] with two outcomes each, not {table.shape}")
        return cls(table.sum(axis=(2, 3)), table[..., 0, 0] + table[..., 1, 1], table)

    @classmethod
    def from_rounds(
        cls,
        settings_a: npt.ArrayLike,
        settings_b: npt.ArrayLike,
        outcomes_a: npt.ArrayLike,
        outcomes_b: npt.ArrayLike,
        game: BellGame,
    ) -> Counts:
        """Count the rounds of a run.

        Args:
            settings_a: Alice's x of every round, integers, shape (rounds,).
            settings_b: Bob's y.
            outcomes_a: Alice's outcome bits.
            outcomes_b: Bob's outcome bits.
            game: says how many settings there are.

        Raises:
            ConfigError: columns of unequal length, or a value that the game does not know.
        """
        codes = outcome_codes(settings_a, settings_b, outcomes_a, outcomes_b, game)
        shape = (game.settings_a, game.settings_b, 2, 2)
        return cls.from_outcomes(np.bincount(codes, minlength=int(np.prod(shape))).reshape(shape))

    def __add__(self, other: Counts) -> Counts:
        """Add two tables; the sum knows single outcomes only if both do."""
        if not isinstance(other, Counts):
            return NotImplemented
        if self.n.shape != other.n.shape:
            raise ConfigError(f"counts of different games cannot be added: {self.n.shape} and {other.n.shape} settings")
        outcomes = None if self.outcomes is None or other.outcomes is None else self.outcomes + other.outcomes
        return Counts(self.n + other.n, self.n_equal + other.n_equal, outcomes)

    @property
    def rounds(self) -> int:
        """Number of rounds in all."""
        return int(self.n.sum())

    def of(self, pair: Pair) -> tuple[int, int]:
        """Return the rounds of a pair of settings and how many of them had equal outcomes."""
        return int(self.n[pair]), int(self.n_equal[pair])


def outcome_codes(
    settings_a: npt.ArrayLike, settings_b: npt.ArrayLike, outcomes_a: npt.ArrayLike, outcomes_b: npt.ArrayLike, game: BellGame
) -> npt.NDArray[np.intp]:
    """Number each round by its settings and outcomes: the flat index into a table [x, y, a, b].

    Args and errors are those of :meth:`Counts.from_rounds`.
    """
    columns = [
        _column(settings_a, game.settings_a, "Alice's settings"),
        _column(settings_b, game.settings_b, "Bob's settings"),
        _column(outcomes_a, 2, "Alice's outcomes"),
        _column(outcomes_b, 2, "Bob's outcomes"),
    ]
    lengths = [column.size for column in columns]
    if len(set(lengths)) > 1:
        raise ConfigError(f"settings and outcomes of Alice and Bob must come from the same rounds, but there are {lengths} of them")
    x, y, a, b = columns
    codes: npt.NDArray[np.intp] = ((x * game.settings_b + y) * 2 + a) * 2 + b
    return codes


def _column(values: npt.ArrayLike, limit: int, what: str) -> npt.NDArray[np.intp]:
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(0, dtype=np.intp)
    if array.ndim != 1 or array.dtype.kind not in "iub":
        raise ConfigError(f"{what} must be one column of integers, not {array.dtype} of shape {array.shape}")
    outside = (array < 0) | (array >= limit)
    if outside.any():  # the value itself stays out of the message: settings and outcomes are secret
        raise ConfigError(f"{what} must lie in 0..{limit - 1}; round {int(outside.argmax())} does not (is this a public log?)")
    return array.astype(np.intp)


def correlator(counts: Counts, pair: Pair) -> Estimate | None:
    """E = 2 n_equal/n - 1 with sigma sqrt((1 - E^2)/n) (Zhang et al., Nature 607, 687 (2022), equation 1). None without rounds."""
    rounds, equal = counts.of(pair)
    agreement = proportion(equal, rounds)
    return None if agreement is None else agreement.scaled(2, -1)


def chsh_s(counts: Counts, game: BellGame) -> Estimate | None:
    """S as the signed sum of the four correlators, each from its own rounds. None while one of them has no rounds."""
    correlators = [(correlator(counts, pair), sign) for pair, sign in game.chsh]
    signed = [e.scaled(sign) for e, sign in correlators if e is not None]
    return independent_sum(signed) if len(signed) == len(game.chsh) else None


def chsh_wins(counts: Counts, game: BellGame) -> tuple[int, int]:
    """Return how many rounds of the CHSH game were won, and how many were played."""
    played = [(*counts.of(pair), sign) for pair, sign in game.chsh]
    return sum(equal if sign > 0 else rounds - equal for rounds, equal, sign in played), sum(rounds for rounds, _, _ in played)


def s_from_omega(omega: Estimate) -> Estimate:
    """S = 4 (2 omega - 1) (Nadlinger et al., Nature 607, 682 (2022)); equals the sum of correlators if all pairs are played equally."""
    return omega.scaled(8, -4)


def qber_errors(counts: Counts, game: BellGame, pair: Pair) -> tuple[int, int]:
    """Return the errors of a key pair and its rounds."""
    rounds, equal = counts.of(pair)
    return (equal if game.key_anticorrelated else rounds - equal), rounds


def qber(counts: Counts, game: BellGame, pair: Pair | None = None) -> Estimate | None:
    """Quantum bit error rate of one key pair, or of all key rounds together. None without key rounds."""
    errors = [qber_errors(counts, game, key) for key in (game.key_pairs if pair is None else (pair,))]
    return proportion(sum(wrong for wrong, _ in errors), sum(rounds for _, rounds in errors))
