"""Trevisan's extractor on any processor: with nothing but AND, XOR and tables, for 64 bits of the key at a time.

The 64 points are sliced: an element of the field is an array of l words, one a power of z and the lowest first, in which every point
has one bit. To reduce modulo z^l + z^k + 1 is then to add words to words. As in :mod:`.clmul_kernel` the polynomial is cut into rows,

    f(alpha) = sum over k of gamma^k sum over i of c[k, i] alpha^i,    gamma = alpha^width.

The coefficients are the same for all points, so they may decide what is done: three bits of one, an octal digit, choose one of the
eight sums of alpha^i, z alpha^i and z^2 alpha^i, which are formed once for all rows (the method of four Russians). Four powers are
added at a time, since to read and write the sum costs as much as to read from a table. The four tables fit the first cache of a
processor.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

DIGIT = 3
"""Bits of a coefficient that are looked up together."""
GROUP = 4
"""Powers that are added together; the width of a row is a multiple of it."""

_ENTRIES = 1 << DIGIT


@njit(nogil=True, cache=True)
def evaluate(digits: Any, taps: Any, alpha: Any, beta: Any, out: Any) -> Any:  # noqa: ANN401
    """Parities of beta and f(alpha).

    Args:
        digits: uint8, shape (rows, width, count): coefficients c[k, i] by their octal digits, the lowest one first.
        taps: int64, exponents of the reduction polynomial but the highest one.
        alpha: uint64, shape (blocks, l): 64 points each, sliced.
        beta: the same.
        out: uint64, shape (blocks,): a bit a point.
    """
    rows, width, count = digits.shape
    length = alpha.shape[1]
    entry = length + DIGIT - 1
    wide = length + DIGIT * count  # of an unreduced sum of products
    powers = np.zeros((width + 1, length), np.uint64)
    tables = np.zeros(GROUP * _ENTRIES * entry, np.uint64)
    sums = np.zeros((rows, wide), np.uint64)
    value = np.zeros(wide, np.uint64)
    for block in range(alpha.shape[0]):
        _fill_powers(powers, value, taps, alpha[block])
        sums[:] = 0
        for first in range(0, width, GROUP):
            for g in range(GROUP):
                _fill_table(tables, g * _ENTRIES * entry, entry, powers[first + g])
            for k in range(rows):
                _add_products(sums[k], digits[k], first, tables, entry)
        value[:] = sums[rows - 1]
        _reduce(value, length, taps)
        for k in range(rows - 2, -1, -1):
            _add_product(sums[k], value, powers[width])
            value[:] = sums[k]
            _reduce(value, length, taps)
        bits = np.uint64(0)
        for j in range(length):
            bits ^= value[j] & beta[block, j]
        out[block] = bits


@njit(nogil=True, cache=True)
def _fill_powers(powers: Any, wide: Any, taps: Any, alpha: Any) -> Any:  # noqa: ANN401
    """1, alpha, alpha^2 and so on; even ones by squaring, which takes no products."""
    length = alpha.shape[0]
    powers[0, :] = 0
    powers[0, 0] = ~np.uint64(0)
    powers[1] = alpha
    for i in range(2, powers.shape[0]):
        wide[:] = 0
        if i % 2:
            _add_product(wide, powers[i - 1], alpha)
        else:
            for j in range(length):
                wide[2 * j] = powers[i // 2, j]
        _reduce(wide, length, taps)
        powers[i] = wide[:length]


@njit(nogil=True, cache=True)
def _fill_table(tables: Any, at: Any, entry: Any, element: Any) -> Any:  # noqa: ANN401
    """The products of an element with all polynomials of as many bits as a digit has."""
    highest = 0
    for digit in range(1, _ENTRIES):
        highest += digit >> highest + 1
        to, without = at + digit * entry, at + (digit ^ 1 << highest) * entry
        for j in range(entry):
            tables[to + j] = tables[without + j]
        for j in range(element.shape[0]):
            tables[to + highest + j] ^= element[j]


@njit(nogil=True, cache=True)
def _add_products(total: Any, digits: Any, first: Any, tables: Any, entry: Any) -> Any:  # noqa: ANN401
    """Add the products of a group of powers with the coefficients of one row."""
    for d in range(digits.shape[1]):
        a = digits[first, d] * entry
        b = (_ENTRIES + digits[first + 1, d]) * entry
        c = (2 * _ENTRIES + digits[first + 2, d]) * entry
        e = (3 * _ENTRIES + digits[first + 3, d]) * entry
        for j in range(entry):
            total[DIGIT * d + j] ^= tables[a + j] ^ tables[b + j] ^ tables[c + j] ^ tables[e + j]


@njit(nogil=True, cache=True)
def _add_product(total: Any, one: Any, other: Any) -> Any:  # noqa: ANN401
    """Add the unreduced product of two elements; ``one`` may have more words, which are 0."""
    for i in range(other.shape[0]):
        for j in range(other.shape[0]):
            total[i + j] ^= one[i] & other[j]


@njit(nogil=True, cache=True)
def _reduce(wide: Any, length: Any, taps: Any) -> Any:  # noqa: ANN401
    """Take a product modulo the reduction polynomial, from the top down; what was above becomes 0."""
    for i in range(wide.shape[0] - 1, length - 1, -1):
        for t in range(taps.shape[0]):
            wide[i - length + taps[t]] ^= wide[i]
        wide[i] = 0
