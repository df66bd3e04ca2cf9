"""Evaluates Trevisan's polynomial with tables, on any processor; how is in :mod:`.sliced_kernel`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from . import sliced_kernel as kernel

_Bits = NDArray[np.uint8]
_POINTS = 64


def evaluator(coefficients: _Bits, exponents: NDArray[np.int64]) -> Callable[[_Bits, _Bits], _Bits]:
    """A function of points and masks to parities of mask and f(point).

    Args:
        coefficients: of f, one bit an entry, shape (number, l): the highest power, and of each coefficient the highest bit, first.
        exponents: of the polynomial that the field is taken modulo, highest first; the second one is l / 2 at most.

    Returns:
        A function of points, shape (n, l), and masks, shape (n, l), one bit an entry, the highest first, that returns the parities,
        shape (n,). It may be called from several threads.
    """
    number, length = coefficients.shape
    width = -(-(math.isqrt(number - 1) + 1) // kernel.GROUP) * kernel.GROUP
    rows = -(-number // width)
    count = -(-length // kernel.DIGIT)
    padded = np.zeros((rows * width, count * kernel.DIGIT), np.uint8)
    padded[:number, :length] = coefficients[::-1, ::-1]
    weights = 1 << np.arange(kernel.DIGIT, dtype=np.uint8)
    digits = (padded.reshape(rows, width, count, kernel.DIGIT) * weights).sum(-1, dtype=np.uint8)
    taps = exponents[1:]

    def evaluate(alphas: _Bits, betas: _Bits) -> _Bits:
        out = np.zeros(-(-len(alphas) // _POINTS), np.uint64)
        kernel.evaluate(digits, taps, _sliced(alphas), _sliced(betas), out)
        return np.unpackbits(out.astype("<u8").view(np.uint8), bitorder="little", count=len(alphas))

    return evaluate


def warm_up() -> None:
    """Compile the kernel, or load it from its cache."""
    element = np.ones((1, 2), np.uint8)
    evaluator(element, np.array([2, 1, 0]))(element, element)


def _sliced(bits: _Bits) -> NDArray[np.uint64]:
    """Elements, shape (n, l), the highest bit first, as slices of 64 each, shape (blocks, l), the lowest first."""
    blocks = -(-len(bits) // _POINTS)
    padded = np.zeros((blocks * _POINTS, bits.shape[1]), np.uint8)
    padded[: len(bits)] = bits[:, ::-1]
    by_slice = np.ascontiguousarray(padded.reshape(blocks, _POINTS, -1).transpose(0, 2, 1))
    return np.packbits(by_slice, axis=2, bitorder="little").view("<u8")[:, :, 0].astype(np.uint64)
