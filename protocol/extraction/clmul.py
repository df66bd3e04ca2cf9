"""Evaluates Trevisan's polynomial by the processor's multiplication of polynomials over GF(2); how is in :mod:`.clmul_kernel`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from . import clmul_kernel as kernel
from .clmul_intrinsic import PAIRS, WORDS

_Bits = NDArray[np.uint8]
_Words = NDArray[np.uint64]


def usable(field_bits: int) -> bool:
    """Whether the processor can, and a field is not too large for it."""
    return kernel.LANES > 0 and field_bits <= kernel.LONGEST


def evaluator(coefficients: _Bits, exponents: NDArray[np.int64]) -> Callable[[_Bits, _Bits], _Bits]:
    """A function of points and masks to parities; see :func:`.sliced.evaluator`."""
    number = len(coefficients)
    width = math.isqrt(number - 1) + 1
    rows = -(-number // width)
    elements = np.zeros((rows * width, PAIRS * 2), np.uint64)
    elements[:number] = _pairs(_words(coefficients[::-1]))
    by_row = np.ascontiguousarray(elements.reshape(rows, -1)[::-1]).ravel()
    length, taps = int(exponents[0]), exponents[1:]

    def evaluate(alphas: _Bits, betas: _Bits) -> _Bits:
        out = np.zeros(len(alphas), np.uint8)
        kernel.evaluate(by_row, rows, width, length, taps, _columns(alphas), _columns(betas), out)
        return out

    return evaluate


def warm_up() -> None:
    """Compile the kernel, or load it from its cache; do nothing where the processor cannot run it."""
    if usable(2):
        element = np.ones((1, 2), np.uint8)
        evaluator(element, np.array([2, 1, 0]))(element, element)


def _words(bits: _Bits) -> _Words:
    """Elements, shape (n, l), the highest bit first, as words, shape (n, WORDS), the lowest word first."""
    padded = np.zeros((len(bits), 64 * WORDS), np.uint8)
    padded[:, 64 * WORDS - bits.shape[1] :] = bits
    return np.packbits(padded, axis=1).view(">u8").astype(np.uint64)[:, ::-1]


def _columns(bits: _Bits) -> _Words:
    return np.ascontiguousarray(_words(bits).T)


def _pairs(words: _Words) -> _Words:
    """The words of each element, and the sums of any two."""
    a0, a1, a2 = words.T
    return np.stack((a0, a1, a2, a0 ^ a1, a0 ^ a2, a1 ^ a2), axis=1)
