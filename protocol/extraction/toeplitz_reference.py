"""Toeplitz hashing said once more with the matrix written out: what the kernel is tested against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def toeplitz_matrix(seed: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """T[i, j] = seed[columns - 1 + i - j]: the seed stands along the first row from right to left, then down the first column.

    By hand, 2 rows and 3 columns of the seed 1011: rows 101 and 110. With the input 011 the key is 11.
    """
    i, j = np.arange(rows)[:, None], np.arange(columns)
    matrix: NDArray[np.uint8] = seed[columns - 1 + i - j]
    return matrix


def toeplitz_reference(bits: NDArray[np.uint8], seed: NDArray[np.uint8], output_bits: int, *, compact: bool) -> NDArray[np.uint8]:
    """The key, one bit an entry; the seed is one bit an entry, too. With ``compact`` the matrix is [I | T]."""
    rest = bits[output_bits:] if compact else bits
    key = toeplitz_matrix(seed, output_bits, len(rest)).astype(np.int64) @ rest % 2
    return (key.astype(np.uint8) ^ bits[:output_bits]) if compact else key.astype(np.uint8)
