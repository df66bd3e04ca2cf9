"""SP 800-90B health tests: cut-offs against published values, the fast code against the letter of the standard."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from eventready.errors import ConfigError
from eventready.instruments.health import PROPORTION, REPETITION, HealthTest, proportion_cutoff, repetition_cutoff


@pytest.mark.parametrize(
    ("exponent", "min_entropy", "window", "repetition", "proportion"),
    [
        (20, 1.0, 1024, 21, 589),
        (20, 0.9, 1024, 24, 625),
        (20, 0.5, 1024, 41, 793),
        (20, 8.0, 512, 4, 13),
        (20, 7.0, 512, 4, 18),
        (20, 6.0, 512, 5, 25),
        (30, 1.0, 1024, 31, 609),
        (30, 8.0, 512, 5, 16),
        (40, 1.0, 1024, 41, 625),
        (40, 8.0, 512, 6, 19),
    ],
)
def test_cutoffs(exponent, min_entropy, window, repetition, proportion):
    assert repetition_cutoff(min_entropy, 2.0**-exponent) == repetition
    assert proportion_cutoff(min_entropy, 2.0**-exponent, window) == proportion


@given(st.floats(0.05, 8.0), st.integers(5, 40), st.sampled_from([512, 1024]))
def test_proportion_cutoff_is_a_binomial_quantile(min_entropy, exponent, window):
    cutoff = proportion_cutoff(min_entropy, 2.0**-exponent, window)
    beyond = binom.sf([cutoff - 2, cutoff - 1], window, 2.0**-min_entropy)  # P(X >= C - 1), P(X >= C)
    assert beyond[1] <= 2.0**-exponent * (1 + 1e-9)
    assert beyond[0] > 2.0**-exponent * (1 - 1e-9)


def by_the_letter(samples, repetition, proportion, window):
    """Sections 4.4.1 and 4.4.2 of SP 800-90B, sample by sample."""
    failures = {}
    a, b = None, 0
    for i, x in enumerate(samples):
        a, b = (a, b + 1) if x == a else (x, 1)
        if b >= repetition:
            failures.setdefault(REPETITION, i)
    for start in range(0, len(samples), window):
        count = 0
        for i, x in enumerate(samples[start : start + window], start):
            count += x == samples[start]
            if count >= proportion:
                failures.setdefault(PROPORTION, i)
    return failures


def sick_stream(seed, n_bytes, bias, stuck_at, stuck_for):
    """Bytes of a source with biased bits that sticks for a while."""
    rng = np.random.default_rng(seed)
    bits = (rng.random(8 * n_bytes) < bias).astype(np.uint8)
    bits[stuck_at : stuck_at + stuck_for] = 1
    return np.packbits(bits, bitorder="little").tobytes()


@given(
    seed=st.integers(0, 2**32),
    n_bytes=st.integers(1, 1500),
    bias=st.sampled_from([0.5, 0.6, 0.9]),
    stuck_at=st.integers(0, 12_000),
    stuck_for=st.integers(0, 60),
    cuts=st.lists(st.integers(0, 1500), max_size=6),
    sample=st.sampled_from([(1, 1.0), (1, 0.3), (8, 8.0), (8, 2.0)]),
)
def test_any_split_into_blocks_gives_what_the_standard_says(seed, n_bytes, bias, stuck_at, stuck_for, cuts, sample):
    data = sick_stream(seed, n_bytes, bias, stuck_at, stuck_for)
    sample_bits, min_entropy = sample
    test = HealthTest(sample_bits=sample_bits, min_entropy=min_entropy, alpha=2.0**-20)
    edges = [0, *sorted(min(cut, n_bytes) for cut in cuts), n_bytes]
    for start, stop in itertools.pairwise(edges):
        test.feed(data[start:stop])

    samples = np.frombuffer(data, np.uint8)
    samples = np.unpackbits(samples, bitorder="little") if sample_bits == 1 else samples
    expected = by_the_letter(samples.tolist(), test.repetition_cutoff, test.proportion_cutoff, test.window)
    assert test.failures == expected


@pytest.mark.parametrize(("sample_bits", "min_entropy"), [(1, 1.0), (8, 8.0)])
def test_long_blocks_are_worked_through_in_pieces(sample_bits, min_entropy):
    """A run across the border of two pieces (32 KiB) is seen, at the sample where it becomes too long."""
    data = bytearray(np.random.default_rng(1).bytes(100_000))
    data[2 * 32768 - 4 : 2 * 32768 + 4] = b"\xff" * 8
    test = HealthTest(sample_bits=sample_bits, min_entropy=min_entropy)
    assert not test.feed(data)
    border = 2 * 32768 * 8 // sample_bits
    assert abs(test.failures[REPETITION] - border) <= 64


@pytest.mark.parametrize(("sample_bits", "min_entropy"), [(1, 1.0), (8, 8.0)])
def test_a_good_source_passes(sample_bits, min_entropy):
    """False alarm for 3 MB: 24e6 bits x 2^-41 + 23 437 windows x 2^-40 = 1e-5, by bytes less; the seed is fixed."""
    test = HealthTest(sample_bits=sample_bits, min_entropy=min_entropy)
    data = np.random.default_rng(2).bytes(3_000_000)
    assert test.feed(data)


@pytest.mark.parametrize("bias", [0.65, 0.35])
def test_a_biased_source_does_not(bias):
    """P(one window of 1024 passes) < 0.99 at a bias of 0.65, so 1 MB passes with less than 1e-35."""
    data = sick_stream(3, 1_000_000, bias, 0, 0)
    test = HealthTest()
    assert not test.feed(data)
    assert PROPORTION in test.failures


def test_reset_forgets_the_past():
    test = HealthTest()
    assert not test.feed(bytes(64))
    test.reset()
    assert test.failures == {}
    assert test.feed(bytes(5))  # 40 zeros, one fewer than the cut-off; with the past it would be more


@pytest.mark.parametrize(
    "wrong",
    [{"sample_bits": 4}, {"min_entropy": 0.0}, {"min_entropy": 1.5}, {"sample_bits": 8, "min_entropy": 9}, {"alpha": 0.0}, {"alpha": 1}],
)
def test_parameters_are_checked(wrong):
    with pytest.raises(ConfigError):
        HealthTest(**wrong)
