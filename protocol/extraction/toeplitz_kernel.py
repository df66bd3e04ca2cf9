"""A Toeplitz matrix times a vector over GF(2), exactly: the seed is added to itself, shifted by every 1 of the input.

Most of the work is to add whole words. The windows of the seed that begin at a word are sorted by a byte of the input there; those with the
same byte are added up first, and their sum goes to the remainders of the shift by 64 for which the byte has a 1. What has gathered at a
remainder is shifted once, at the end. So eight bits of the input and 64 of the key take one addition, and the compiler makes several one.
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
    places = np.empty(shifts.shape[0], np.int64)
    starts = np.empty(257, np.int64)
    total = np.empty(size + 1, np.uint64)
    sums = np.empty((8, size + 1), np.uint64)
    one = np.uint64(1)
    for byte in range(8):
        _sort(shifts, np.uint64(8 * byte), places, starts)
        sums[:] = 0
        for value in range(1, 256):
            if starts[value] < starts[value + 1]:
                _add_windows(seed, first, places[starts[value] : starts[value + 1]], total)
                for bit in range(8):
                    if value >> bit & 1:
                        for i in range(size + 1):
                            sums[bit, i] ^= total[i]
        for bit in range(8):
            down, up = np.uint64(8 * byte + bit), np.uint64(63 - 8 * byte - bit)
            for i in range(size):
                out[i] ^= (sums[bit, i] >> down) | ((sums[bit, i + 1] << one) << up)  # a shift by 64 is undefined


@njit(nogil=True, cache=True)
def _sort(words: Any, down: Any, places: Any, starts: Any) -> Any:  # noqa: ANN401
    """Sort the places of words by one byte of theirs; those with byte v are then places[starts[v] : starts[v + 1]]."""
    byte = np.uint64(255)
    starts[:] = 0
    for w in range(words.shape[0]):
        starts[((words[w] >> down) & byte) + np.uint64(1)] += 1
    for value in range(256):
        starts[value + 1] += starts[value]
    free = starts.copy()
    for w in range(words.shape[0]):
        value = (words[w] >> down) & byte
        places[free[value]] = w
        free[value] += 1


@njit(nogil=True, cache=True)
def _add_windows(seed: Any, first: Any, places: Any, total: Any) -> Any:  # noqa: ANN401
    """The sum of the windows of the seed that begin at ``first`` + places."""
    total[:] = 0
    count = places.shape[0]
    for k in range(0, count - 3, 4):  # four at a time: the sum is read and written less often
        a, b, c, d = first + places[k], first + places[k + 1], first + places[k + 2], first + places[k + 3]
        for i in range(total.shape[0]):
            total[i] ^= seed[a + i] ^ seed[b + i] ^ seed[c + i] ^ seed[d + i]
    for k in range(count - count % 4, count):
        for i in range(total.shape[0]):
            total[i] ^= seed[first + places[k] + i]
