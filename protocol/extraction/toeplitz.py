"""Toeplitz hashing: the key is a Toeplitz matrix, chosen by the seed, times the outcomes.

It is two-universal: whatever two different inputs are, at most 2^-l of the seeds give them the same key of l bits. Hence the leftover
hash lemma holds, against quantum side information too (Renner, arXiv:quant-ph/0512258; Tomamichel, Schaffner, Smith and Renner,
arXiv:1002.2436). The conventions are in :mod:`.toeplitz_reference`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError
from .extractor import Progress, bytes_for, checked
from .parallel import in_pieces

_PIECE = 512
"""Words of the key that are made at a time: few enough to stay in a processor's first cache."""


@dataclass(frozen=True)
class Toeplitz:
    """The extractor for one length of input and key.

    Attributes:
        input_bits: n.
        output_bits: length of the key, l.
        compact: the matrix is [I | T], the identity beside a Toeplitz matrix of n - l columns. Two-universal as well, with l bits of
            seed fewer.
    """

    input_bits: int
    output_bits: int
    compact: bool = False

    def __post_init__(self) -> None:
        most = self.input_bits - self.compact
        if not 1 <= self.output_bits <= most:
            raise ConfigError(f"{self.output_bits} bits cannot be hashed out of {self.input_bits}; here the key has 1 to {most} bits")

    @classmethod
    def of(cls, input_bits: int, output_bits: int, *, compact: bool = False) -> Toeplitz:
        """The extractor. The source needs a smooth min-entropy of ``output_bits`` + 2 log2(1 / (2 error)) bits.

        Raises:
            ConfigError: a length is out of range.
        """
        return cls(input_bits, output_bits, compact)

    @property
    def seed_bits(self) -> int:
        """Length of the seed: n + l - 1, or n - 1 if compact."""
        return self.input_bits - 1 + (0 if self.compact else self.output_bits)

    def extract(self, bits: NDArray[np.uint8], seed: bytes, *, threads: int | None = None, progress: Progress | None = None) -> bytes:
        """The key; see :meth:`.extractor.Extractor.extract`.

        Raises:
            ConfigError: bits or seed have another form.
        """
        from . import toeplitz_kernel

        seed_bits = np.unpackbits(checked(self, bits, seed, threads), count=self.seed_bits)
        hashed = bits[self.output_bits :] if self.compact else bits
        shifts = _words(hashed[::-1])
        size = -(-self.output_bits // 64)
        row = np.zeros(max(len(shifts) + size, -(-self.seed_bits // 64)), np.uint64)
        row[: -(-self.seed_bits // 64)] = _words(seed_bits)
        key = np.zeros(size, np.uint64)
        in_pieces(lambda first, last: toeplitz_kernel.add_shifted(shifts, row, first, key[first:last]), size, _PIECE, threads, progress)
        made = np.unpackbits(key.astype("<u8").view(np.uint8), bitorder="little", count=self.output_bits)
        return np.packbits(made ^ bits[: self.output_bits] if self.compact else made).tobytes()


def warm_up() -> None:
    """Compile the kernel, or load it from its cache."""
    Toeplitz.of(9, 2).extract(np.ones(9, np.uint8), bytes(bytes_for(10)), threads=1)


def _words(bits: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Bits as words, the first bit the lowest of the first word."""
    padded = np.zeros(-(-len(bits) // 64) * 64, np.uint8)
    padded[: len(bits)] = bits
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)
