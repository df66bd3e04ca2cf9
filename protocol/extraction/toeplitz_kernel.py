"""A Toeplitz matrix times a vector over GF(2), exactly: the seed is added to itself, shifted by every 1 of the input.

The shifts are sorted by their remainder by 64, so that whole words are added; each of the 64 sums is shifted once at the end. That is
half a word operation for every 64 elements of the matrix, and the compiler makes eight of them one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def add_shifted(shifts: Any, seed: Any, first: Any, out: Any) -> Any:  # noqa: ANN401
    """Words ``first`` to ``first + m`` - 1 of the sum of the seed shifted down by s, over all s whose bit is set in ``shifts``.

    Args:
        shifts: uint64, shape (k,); bit s % 64, counted from the lowest, of word s // 64.
        seed: uint64, shape (k + first + m,) at least, with the same order of bits.
        first: which word of the result is the first one.
        out: uint64, shape (m,), 0; gets the result.
    """
    size = out.shape[0]
    places = np.empty(shifts.shape[0] + 3, np.int64)
    total = np.empty(size + 1, np.uint64)
    one = np.uint64(1)
    for by in range(64):
        count = 0
        for w in range(shifts.shape[0]):
            places[count] = first + w
            count += (shifts[w] >> np.uint64(by)) & one
        total[:] = 0
        for k in range(0, count - 3, 4):  # four at a time: the sum is read and written less often
            a, b, c, d = places[k], places[k + 1], places[k + 2], places[k + 3]
            for i in range(size + 1):
                total[i] ^= seed[a + i] ^ seed[b + i] ^ seed[c + i] ^ seed[d + i]
        for k in range(count - count % 4, count):
            for i in range(size + 1):
                total[i] ^= seed[places[k] + i]
        down, up = np.uint64(by), np.uint64(63 - by)
        for i in range(size):
            out[i] ^= (total[i] >> down) | ((total[i + 1] << one) << up)  # a shift by 64 is undefined
