"""Toeplitz hashing: the kernel against the matrix written out, against a transform, and against another implementation; universality."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve

from eventready.errors import ConfigError
from eventready.protocol.extraction import Toeplitz
from eventready.protocol.extraction.toeplitz_reference import toeplitz_matrix, toeplitz_reference


def test_a_matrix_by_hand() -> None:
    """The example in the docstring."""
    seed = np.array([1, 0, 1, 1], np.uint8)
    assert toeplitz_matrix(seed, 2, 3).tolist() == [[1, 0, 1], [1, 1, 0]]
    assert Toeplitz.of(3, 2).extract(np.array([0, 1, 1], np.uint8), b"\xb0") == b"\xc0"


def test_a_compact_matrix_by_hand() -> None:
    """[I | T] with one column of T, 10 of the seed 10: the key of 101 is 10 + 10 = 00, that of 100 is 10."""
    assert Toeplitz.of(3, 2, compact=True).extract(np.array([1, 0, 1], np.uint8), b"\x80") == b"\x00"
    assert Toeplitz.of(3, 2, compact=True).extract(np.array([1, 0, 0], np.uint8), b"\x80") == b"\x80"


@pytest.mark.parametrize("compact", [False, True])
def test_it_is_two_universal(compact) -> None:
    """For every two inputs, at most 2^-l of all seeds give both the same key; n = 5, l = 2."""
    one = Toeplitz.of(5, 2, compact=compact)
    inputs = (np.arange(32)[:, None] >> np.arange(5) & 1).astype(np.uint8)
    seeds = [bytes([seed << 8 - one.seed_bits]) for seed in range(1 << one.seed_bits)]
    keys = np.array([[one.extract(bits, seed, threads=1)[0] for seed in seeds] for bits in inputs])
    same = (keys[:, None] == keys).mean(2)[~np.eye(32, dtype=bool)]
    assert same.max() <= 1 / 4
    assert same.max() > 0


@pytest.mark.parametrize("compact", [False, True])
@settings(max_examples=150, deadline=None)
@given(st.integers(2, 700), st.integers(0, 2**32), st.sampled_from("01r"), st.data())
def test_it_is_the_product_with_the_matrix(compact, packed, input_bits, random, fill, data) -> None:
    one = Toeplitz.of(input_bits, data.draw(st.integers(1, input_bits - compact)), compact=compact)
    rng = np.random.default_rng(random)
    seed = rng.integers(0, 2, one.seed_bits, dtype=np.uint8)
    bits = rng.integers(0, 2, input_bits, dtype=np.uint8) if fill == "r" else np.full(input_bits, int(fill), np.uint8)
    assert one.extract(bits, packed(seed)) == packed(toeplitz_reference(bits, seed, one.output_bits, compact=compact))


@pytest.mark.parametrize("input_bits", [1, 63, 64, 65, 127, 128, 129])
@pytest.mark.parametrize("compact", [False, True])
def test_at_the_ends_of_words(input_bits, compact, bits_of, packed) -> None:
    for output_bits in range(1, input_bits + 1 - compact):
        one = Toeplitz.of(input_bits, output_bits, compact=compact)
        bits, seed = bits_of("input", input_bits), bits_of("seed", one.seed_bits)
        assert one.extract(bits, packed(seed), threads=1) == packed(toeplitz_reference(bits, seed, output_bits, compact=compact))


@pytest.mark.parametrize(
    ("input_bits", "output_bits", "compact"),
    [
        (200_000, 70_001, False),
        (200_000, 70_001, True),
        pytest.param(1_500_000, 95_884, False, marks=pytest.mark.slow),
        pytest.param(1_500_000, 400_000, False, marks=pytest.mark.slow),
        pytest.param(1_500_000, 400_000, True, marks=pytest.mark.slow),
    ],
)
def test_it_is_a_convolution(input_bits, output_bits, compact, bits_of, packed) -> None:
    """Several pieces, on one thread and on more, against a Fourier transform whose rounding is looked at."""
    one = Toeplitz.of(input_bits, output_bits, compact=compact)
    bits, seed = bits_of("input", input_bits), bits_of("seed", one.seed_bits)
    hashed = bits[output_bits:] if compact else bits
    sums = fftconvolve(seed.astype(float), hashed.astype(float))[len(hashed) - 1 :][:output_bits]
    assert np.abs(sums - np.rint(sums)).max() < 1e-6
    key = (np.rint(sums).astype(np.int64) & 1).astype(np.uint8) ^ (bits[:output_bits] if compact else 0)
    assert all(one.extract(bits, packed(seed), threads=threads) == packed(key) for threads in (1, 2, 3))


@pytest.mark.parametrize(
    ("input_bits", "output_bits", "compact", "key"),
    [
        (300, 100, False, "fbab7f698c7625c227c72ab630"),
        (1000, 64, False, "803c74b566321e4d"),
        (129, 129, False, "847a506f2e2791cfff57baf14804716680"),
        (300, 100, True, "10c2a96a9c89e880bc502c9140"),
        (1000, 64, True, "3fceeac3f8918875"),
    ],
)
def test_keys_of_another_implementation(input_bits, output_bits, compact, key, bits_of, packed) -> None:
    """Made by randextract 0.2.2 (MIT): ``ToeplitzHashing(n, l).extract(input, roll(seed, 1 - n))``, which begins with the first column.

    Compact: ``ModifiedToeplitzHashing(n, l).extract(roll(input, -l), roll(seed, 1 - (n - l)))``, whose identity is on the right.
    Input and seed are SHAKE-256 of "input" and "seed".
    """
    one = Toeplitz.of(input_bits, output_bits, compact=compact)
    assert one.extract(bits_of("input", input_bits), packed(bits_of("seed", one.seed_bits))).hex() == key


def test_lengths_of_seeds() -> None:
    assert Toeplitz.of(1_500_000, 95_884).seed_bits == 1_595_883
    assert Toeplitz.of(1_500_000, 95_884, compact=True).seed_bits == 1_499_999


@pytest.mark.parametrize("wrong", [(0, 0), (5, 0), (5, 6)])
def test_what_cannot_be_hashed_is_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        Toeplitz.of(*wrong)
    with pytest.raises(ConfigError):
        Toeplitz.of(5, 5, compact=True)
