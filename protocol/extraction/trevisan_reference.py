"""Trevisan's extractor said once more on Python integers: slow, short, and what the kernels are tested against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .field import multiply, reduce, reduction_polynomial


def one_bit(bits: NDArray[np.uint8], seed: NDArray[np.uint8]) -> int:
    """The Reed-Solomon-Hadamard extractor of one bit.

    The first half of the seed is a point alpha of GF(2^l), the second half is beta; in both the first bit stands at the highest power of z.
    The input, filled up with zeros to whole l bits, is read in the same way as coefficients of a polynomial f, the highest power first.
    The result is the parity of beta and f(alpha).

    By hand: l = 3, z^3 = z + 1, input 101 010 (f = (z^2 + 1) X + z), seed 010 110 (alpha = z, beta = z^2 + z).
    f(alpha) = z^3 + z + z = z + 1 is 011, and 110 and 011 have one bit in common: the result is 1.

    Args:
        bits: the input, shape (n,).
        seed: shape (2 l,), l >= 2.
    """
    length = len(seed) // 2
    modulus = reduction_polynomial(length)
    alpha, beta = number(seed[:length]), number(seed[length:])
    value = 0
    for start in range(0, len(bits), length):
        coefficient = number(bits[start : start + length]) << max(0, start + length - len(bits))
        value = reduce(multiply(value, alpha), modulus) ^ coefficient
    return (value & beta).bit_count() % 2


def extract_reference(bits: NDArray[np.uint8], seed: NDArray[np.uint8], places: NDArray[np.int32]) -> NDArray[np.uint8]:
    """The key, one bit an entry, shape (m,).

    Args:
        bits: the input, shape (n,).
        seed: one bit an entry.
        places: which bits of the seed each bit of the key is made with, shape (m, 2 l).
    """
    return np.array([one_bit(bits, seed[row]) for row in places], np.uint8)


def number(bits: NDArray[np.uint8]) -> int:
    """Bits as a number, the first one the highest."""
    return int("0" + "".join(map(str, bits.tolist())), 2)
