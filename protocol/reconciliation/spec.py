"""What two parties agree on about their code before a run: everything in it is public."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import ConfigError
from .shipped import shape_for

LOW_DEGREE = 3
"""Edges of every variable that does not have the high degree."""
HIGH_SHARE = 1, 5
"""Share of the variables of each position that has the high degree, as a fraction."""
_MOST = 2**31 - 1


@dataclass(frozen=True)
class CodeSpec:
    """A spatially coupled code: from these numbers everybody builds the same graph, edge by edge.

    The rounds are put into ``positions`` groups along a line, at random. A fifth of each group has ``degree`` edges, the others 3, to
    checks at the ``width`` positions from their own on; see :mod:`.layout`.

    Attributes:
        rounds: n, bits that are reconciled.
        syndrome_bits: m, checks, which is what Alice sends.
        degree: edges of the variables that have many; 3 makes the code regular.
        positions: groups of rounds along the line.
        width: how many check positions a variable reaches. No two of its edges go to the same one.
        seed: of the graph, 64 bits; public.

    Raises:
        ConfigError: no code has these numbers.
    """

    rounds: int
    syndrome_bits: int
    degree: int
    positions: int
    width: int
    seed: int

    def __post_init__(self) -> None:
        if not 0 < self.syndrome_bits < self.rounds:
            raise ConfigError(
                f"a syndrome of {self.syndrome_bits} bits for {self.rounds} rounds: it must be shorter than the rounds, and not empty"
            )
        if not LOW_DEGREE <= self.degree <= self.width:
            raise ConfigError(
                f"degree {self.degree}, width {self.width}: a degree is at least {LOW_DEGREE}, and a width at least the degree"
            )
        if self.positions < 1 or self.positions * self.degree > self.rounds:
            raise ConfigError(
                f"{self.positions} positions for {self.rounds} rounds of degree {self.degree}: each needs {self.degree} rounds or more"
            )
        if self.syndrome_bits < 4 * (self.positions + self.width):
            raise ConfigError(f"a syndrome of {self.syndrome_bits} bits is too short for {self.positions} positions; take fewer positions")
        if not 0 <= self.seed < 2**64:
            raise ConfigError(f"seed {self.seed}: it must fit into 64 bits")
        if self.rounds * self.degree > _MOST:
            raise ConfigError(f"{self.rounds} rounds are too many for one code: it may have {_MOST} edges; reconcile them in parts")

    @classmethod
    def for_plan(cls, rounds: int, syndrome_bits: int) -> CodeSpec:
        """The code that is recommended for a number of rounds and a syndrome.

        Args:
            rounds: n.
            syndrome_bits: m; whether a code of that length can correct is another matter: :func:`.shipped_syndrome_bits`.

        Raises:
            ConfigError: no code has these numbers.
        """
        degree, positions, width = shape_for(rounds, syndrome_bits)
        return cls(rounds, syndrome_bits, degree, positions, width, seed=1)

    def high_rounds(self, size: int) -> int:
        """How many of a position's ``size`` rounds have the high degree."""
        return size * HIGH_SHARE[0] // HIGH_SHARE[1]
