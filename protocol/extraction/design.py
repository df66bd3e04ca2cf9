"""Which bits of the seed each output bit of Trevisan's extractor is made with: a block weak design over a prime field.

A *weak design* is a list of sets of places in the seed, such that later sets meet earlier ones in few places: for every set i,
the sum over j < i of 2^|S_i & S_j| is at most the number of sets (overlap 1, so that the extractor pays one bit of entropy a bit of key).

Within a block the sets are graphs of polynomials over GF(q): S = {(a, p(a)): a < t}, two of which meet in no more places than their
degree. By themselves these have an overlap r of e, or of 2 if no degree is above 1. Blocks on seed bits of their own, each smaller by
1 - 1/r than the one before, bring it to 1 (Ma and Tan, arXiv:1109.6147; Mauerer, Portmann and Scholz, arXiv:1212.0520, Eq. 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError

Overlap = Literal["e", "2"]


@dataclass(frozen=True)
class BlockDesign:
    """A block weak design.

    Attributes:
        sets: how many; one an output bit.
        set_size: places in each, t.
        overlap: of the design within a block. With "2" no polynomial has a degree above 1, which costs block size (at most q^2) where
            there are more than 2 q^2 sets, and saves blocks everywhere: 10 and not 14 for Oxford's key.
    """

    sets: int
    set_size: int
    overlap: Overlap = "e"

    def __post_init__(self) -> None:
        if self.sets < 1 or self.set_size < 3:
            raise ConfigError(
                f"a design of {self.sets} sets with {self.set_size} places each: there must be one set at least, and three places in it"
            )
        if self.overlap not in ("e", "2"):
            raise ConfigError(f"the overlap of a design is 'e' or '2', not {self.overlap!r}")
        if self.seed_bits >= 2**31:
            raise ConfigError(
                f"a design of {self.sets} sets with {self.set_size} places each takes {self.seed_bits} bits of seed, 2^31 or more"
            )

    @cached_property
    def q(self) -> int:
        """Size of the field: the smallest prime that is not below ``set_size``."""
        return prime_from(self.set_size)

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """Number of sets of each block."""
        full = 0 if self.overlap == "e" else max(0, math.ceil(self.sets / self.q**2 - 2))
        return (self.q**2,) * full + _block_sizes(self.sets - full * self.q**2, self.q, math.e if self.overlap == "e" else 2.0)

    @property
    def seed_bits(self) -> int:
        """Length of the seed: q^2 a block."""
        return len(self.blocks) * self.q**2

    @cached_property
    def degree(self) -> int:
        """The highest degree of a polynomial that occurs."""
        degree = 0
        while self.q ** (degree + 1) < max(self.blocks):
            degree += 1
        return degree

    def coefficients(self, first: int, last: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The polynomials of sets ``first`` to ``last`` - 1.

        Set number k of a block has the polynomial whose coefficients are the digits of k to base q, lowest first.

        Returns:
            Blocks of the sets, shape (n,); coefficients, shape (n, degree + 1), lowest first.
        """
        starts = np.array([0, *accumulate(self.blocks)], np.int64)
        index = np.arange(first, last, dtype=np.int64)
        block = np.searchsorted(starts, index, "right") - 1
        powers = self.q ** np.arange(self.degree + 1, dtype=np.int64)
        digits = (index - starts[block])[:, None] // powers % self.q
        return block.astype(np.int32), digits.astype(np.int32)

    def places(self, first: int, last: int) -> NDArray[np.int32]:
        """Sets ``first`` to ``last`` - 1 as places in the seed, shape (n, set_size): block q^2 + p(a) q + a for a = 0, 1, ..."""
        block, coefficients = self.coefficients(first, last)
        q, a = np.int32(self.q), np.arange(self.set_size, dtype=np.int32)
        value = np.repeat(coefficients[:, self.degree, None], self.set_size, axis=1)
        for digit in reversed(range(self.degree)):
            value *= a
            value += coefficients[:, digit, None]
            value -= value // q * q  # numpy divides by a number much faster than it takes remainders
        value *= q
        value += a
        value += block[:, None] * q**2
        return value


def _block_sizes(sets: int, q: int, r: float) -> tuple[int, ...]:
    """Sizes of the blocks; the last one has at most q sets, which are constants and do not meet at all.

    Their number is 1 + ceil(ln((sets - r) / (q - r)) / ln(r / (r - 1))), as in Eq. 4.
    """
    # By multiplication alone and neither logarithm nor power, which may differ in the last digit between two computers.
    rest = sets - r
    ends = [0]
    while rest > q - r:
        rest *= 1 - 1 / r
        ends.append(math.ceil(sets - r - rest))
    ends.append(sets)
    return tuple(end - start for start, end in pairwise(ends))


def prime_from(low: int) -> int:
    """The smallest prime that is not below ``low``."""
    candidate = max(2, low)
    while any(candidate % divisor == 0 for divisor in range(2, math.isqrt(candidate) + 1)):
        candidate += 1
    return candidate
