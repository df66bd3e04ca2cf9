"""Trevisan's extractor where the processor multiplies polynomials over GF(2).

All bits of the key evaluate one polynomial f, at points alpha of their own. Cut into rows of ``width`` coefficients,

    f(alpha) = sum over k of gamma^k sum over i of c[k, i] alpha^i,    gamma = alpha^width,

it needs width + rows multiplications of two elements that depend on alpha (two times the root of the length, if the two are equal),
with a reduction each. The many other products, of a coefficient and a power, are summed unreduced.

An element has the three words of 64 bit (a0, a1, a2), the lowest power of z first. Karatsuba multiplies two of them with six products of
words, a0 b0, a1 b1, a2 b2, (a0 + a1)(b0 + b1), (a0 + a2)(b0 + b2), (a1 + a2)(b1 + b2). The sums are formed once, and stored with the
words: (a0, a1), (a2, a0 + a1), (a0 + a2, a1 + a2). The recombination is linear, so it happens once a row, and what remains of a product are
six instructions. Eight points lie side by side, two words each: arrays of elements have the shape (..., 3, 8, 2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .clmul_intrinsic import PAIRS, POINTS, WORDS, lanes, sum_of_products

LANES = lanes()
LONGEST = 64 * WORDS
"""Bits of the largest field."""

_times_coefficients = sum_of_products(max(1, LANES), broadcast=True)
_times_elements = sum_of_products(max(1, LANES), broadcast=False)
_SIZE = PAIRS * POINTS * 2


@njit(nogil=True, cache=True)
def evaluate(coefficients: Any, rows: Any, width: Any, length: Any, taps: Any, alpha: Any, beta: Any, out: Any) -> Any:  # noqa: ANN401
    """Parities of beta and f(alpha).

    Args:
        coefficients: c, uint64, flat, of shape (rows, width, PAIRS, 2).
        rows: the first row has the highest powers.
        width: coefficients of a row, the lowest power first.
        length: l, bits of an element.
        taps: int64, exponents of the reduction polynomial but the highest one, which they are half of at most.
        alpha: uint64, shape (WORDS, n).
        beta: uint64, shape (WORDS, n).
        out: uint8, shape (n,).
    """
    count = alpha.shape[1]
    powers = np.zeros((width + 1) * _SIZE, np.uint64)
    value = np.zeros(_SIZE, np.uint64)
    sums = np.zeros(4 * PAIRS * POINTS, np.uint64)
    more = np.zeros(4 * PAIRS * POINTS, np.uint64)
    wide = np.zeros((2 * WORDS + 2, POINTS), np.uint64)  # two words of zeros above a product: shifts read beyond it
    high = np.zeros((WORDS, POINTS), np.uint64)
    for start in range(0, count, POINTS):
        last = min(POINTS, count - start)
        wide[:] = 0
        wide[0, :] = 1
        _store(wide, powers, 0)
        for p in range(last):
            for w in range(WORDS):
                wide[w, p] = alpha[w, start + p]
        _store(wide, powers, _SIZE)
        for i in range(2, width + 1):
            # alpha^i from two about half as high, so that four multiplications or more are under way at a time
            for point in range(0, POINTS, LANES):
                _times_elements(powers, i // 2 * _SIZE + 2 * point, powers, (i - i // 2) * _SIZE + 2 * point, 1, sums, 2 * point)
            _recombine(sums, wide)
            _reduce(wide, high, length, taps)
            _store(wide, powers, i * _SIZE)
        for k in range(rows):
            for point in range(0, POINTS, LANES):
                _times_coefficients(coefficients, k * width * PAIRS * 2, powers, 2 * point, width, sums, 2 * point)
            if k > 0:
                for point in range(0, POINTS, LANES):
                    _times_elements(value, 2 * point, powers, width * _SIZE + 2 * point, 1, more, 2 * point)
                for j in range(sums.shape[0]):
                    sums[j] ^= more[j]
            _recombine(sums, wide)
            _reduce(wide, high, length, taps)
            _store(wide, value, 0)
        for p in range(last):
            bits = np.uint64(0)
            for w in range(WORDS):
                bits ^= wide[w, p] & beta[w, start + p]
            for shift in (32, 16, 8, 4, 2, 1):
                bits ^= bits >> np.uint64(shift)
            out[start + p] = bits & np.uint64(1)


@njit(nogil=True, cache=True)
def _recombine(sums: Any, wide: Any) -> Any:  # noqa: ANN401
    """The six words of a product from the six products of words, for all points."""
    for p in range(POINTS):
        d0, e0 = sums[2 * p], sums[2 * p + 1]
        d1, e1 = sums[2 * (POINTS + p)], sums[2 * (POINTS + p) + 1]
        d2, e2 = sums[2 * (2 * POINTS + p)], sums[2 * (2 * POINTS + p) + 1]
        m01, n01 = sums[2 * (3 * POINTS + p)] ^ d0 ^ d1, sums[2 * (3 * POINTS + p) + 1] ^ e0 ^ e1
        m02, n02 = sums[2 * (4 * POINTS + p)] ^ d0 ^ d2, sums[2 * (4 * POINTS + p) + 1] ^ e0 ^ e2
        m12, n12 = sums[2 * (5 * POINTS + p)] ^ d1 ^ d2, sums[2 * (5 * POINTS + p) + 1] ^ e1 ^ e2
        wide[0, p] = d0
        wide[1, p] = e0 ^ m01
        wide[2, p] = d1 ^ n01 ^ m02
        wide[3, p] = e1 ^ n02 ^ m12
        wide[4, p] = d2 ^ n12
        wide[5, p] = e2


@njit(nogil=True, cache=True)
def _reduce(wide: Any, high: Any, length: Any, taps: Any) -> Any:  # noqa: ANN401
    """Take products modulo the reduction polynomial: what is above z^length is added below, shifted by every tap; twice is enough."""
    above, by = length >> 6, np.uint64(length & 63)
    rest = np.uint64(63) - by  # a shift by 64 is undefined, one and 63 more are not
    one = np.uint64(1)
    for _ in range(2):
        for w in range(WORDS):
            for p in range(POINTS):
                high[w, p] = (wide[above + w, p] >> by) | ((wide[above + w + 1, p] << one) << rest)
        for p in range(POINTS):
            wide[above, p] &= (one << by) - one
        for w in range(above + 1, 2 * WORDS):
            for p in range(POINTS):
                wide[w, p] = 0
        for t in range(taps.shape[0]):
            below, to = taps[t] >> 6, np.uint64(taps[t] & 63)
            other = np.uint64(63) - to
            for w in range(WORDS):
                for p in range(POINTS):
                    wide[below + w, p] ^= high[w, p] << to
                    wide[below + w + 1, p] ^= (high[w, p] >> one) >> other


@njit(nogil=True, cache=True)
def _store(wide: Any, elements: Any, at: Any) -> Any:  # noqa: ANN401
    """Put the lower three words of all points, and their sums, at their place among elements."""
    for p in range(POINTS):
        a0, a1, a2 = wide[0, p], wide[1, p], wide[2, p]
        low, middle, upper = at + 2 * p, at + 2 * (POINTS + p), at + 2 * (2 * POINTS + p)
        elements[low], elements[low + 1] = a0, a1
        elements[middle], elements[middle + 1] = a2, a0 ^ a1
        elements[upper], elements[upper + 1] = a0 ^ a2, a1 ^ a2
