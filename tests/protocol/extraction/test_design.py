"""Weak designs: what they promise, and the lengths of seed that the paper prints."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.errors import ConfigError
from eventready.protocol.extraction.design import BlockDesign, prime_from

OVERLAPS = ("e", "2")
OXFORD = {overlap: BlockDesign(95_884, 284, overlap) for overlap in OVERLAPS}
LONG = {overlap: BlockDesign(300_000, 292, overlap) for overlap in OVERLAPS}


def overlap_within(places: np.ndarray, i: int) -> int:
    """Sum over j < i of 2^|S_i & S_j|. Sets can only meet at equal a, which is the remainder by q and so the column."""
    return int((1 << (places[:i] == places[i]).sum(1)).sum())


def overlap_of_lines(k: int, q: int, t: int) -> int:
    """The same for set k of a block of lines, by counting.

    In each of the k // q full rows of lines with another slope, t lines meet it, at one a < t each; parallel lines never do.
    """
    return k // q * (2 * t + q - t) + k % q


def test_the_seed_of_oxford() -> None:
    """Nadlinger et al., Nature 607, 682 (2022), Table 1; with an overlap of 2 it could have been shorter."""
    assert OXFORD["e"].seed_bits == 14 * 293**2 == 1_201_886
    assert OXFORD["2"].seed_bits == 10 * 293**2 == 858_490
    assert OXFORD["e"].blocks[:4] == (35_273, 22_297, 14_094, 8_909)


@settings(max_examples=60)
@given(st.integers(1, 400), st.integers(3, 25), st.sampled_from(OVERLAPS))
def test_every_small_design_is_a_weak_design(sets, set_size, overlap) -> None:
    design = BlockDesign(sets, set_size, overlap)
    places = design.places(0, sets)
    assert places.shape == (sets, set_size)
    assert places.min() >= 0
    assert places.max() < design.seed_bits
    assert all(len(set(row)) == set_size for row in places.tolist())
    assert max(overlap_within(places, i) for i in range(sets)) <= sets
    assert sum(design.blocks) == sets
    assert min(design.blocks) >= 0  # 0 where the field has but three elements


@pytest.mark.parametrize("design", OXFORD.values(), ids=OVERLAPS)
def test_every_block_of_oxford_is_a_weak_design(design) -> None:
    """By counting for every set; the counting is checked against the sets themselves at some, the last one among them."""
    q, t, before, largest = design.q, design.set_size, 0, 0
    rng = np.random.default_rng(1)
    for number, size in enumerate(design.blocks):
        assert size <= q**2
        places = design.places(before, before + size)
        assert number * q**2 <= places.min()
        assert places.max() < (number + 1) * q**2
        for i in [size - 1, *rng.integers(0, size, 3)]:
            assert overlap_within(places, i) == overlap_of_lines(i, q, t)
        largest = max(largest, before + max(overlap_of_lines(k, q, t) for k in range(size)))
        before += size
    assert before == design.sets
    assert 0.9 * design.sets < largest <= design.sets


@pytest.mark.parametrize("design", LONG.values(), ids=OVERLAPS)
def test_long_keys(design) -> None:
    """With an overlap of e the first block has parabolas, which may meet twice; with 2 it is cut. Looked at where the sums are largest."""
    assert (design.degree, max(design.blocks) <= design.q**2) == ((2, False) if design.overlap == "e" else (1, True))
    before = 0
    for size in design.blocks[:2]:
        places = design.places(before, before + size)
        for i in (size - 1, size - 2, size - design.q, min(size, design.q**2) - 1):
            assert before + overlap_within(places, i) <= design.sets
        before += size


@given(st.integers(1, 10**6), st.integers(3, 800), st.sampled_from(OVERLAPS))
def test_the_number_of_blocks_is_that_of_the_literature(sets, set_size, overlap) -> None:
    design = BlockDesign(sets, set_size, overlap)
    q, r = design.q, math.e if overlap == "e" else 2
    assert design.blocks[-1] <= q
    assert sum(design.blocks) == sets
    if overlap == "e" or sets <= 2 * q * q:
        exact = 0.0 if sets <= q else math.log((sets - r) / (q - r)) / math.log(r / (r - 1))
        assert len(design.blocks) - 1 == pytest.approx(exact + 0.5, abs=0.5 + 1e-9)


@given(st.integers(0, 10**6))
def test_places_do_not_depend_on_how_many_are_asked_for(first) -> None:
    design = OXFORD["e"]
    first %= design.sets - 5
    assert np.array_equal(design.places(first, first + 5)[2], design.places(first + 2, first + 3)[0])


def test_a_design_by_hand() -> None:
    """q = 3. Sets 0 to 2 are the constants 0, 1, 2; the next ones of the same block the lines a, a + 1, ..."""
    design = BlockDesign(18, 3, "2")
    assert (design.q, design.blocks) == (3, (8, 4, 2, 1, 3))
    assert design.places(0, 5).tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 4, 8], [3, 7, 2]]
    assert design.places(8, 10).tolist() == [[9, 10, 11], [12, 13, 14]]


@given(st.integers(-3, 3000))
def test_the_next_prime(low) -> None:
    prime = prime_from(low)
    primes = [n for n in range(2, prime + 1) if all(n % d for d in range(2, n))]
    assert primes[-1] == prime >= low
    assert len(primes) == 1 or primes[-2] < low


@pytest.mark.parametrize("wrong", [(0, 10, "e"), (5, 2, "e"), (5, 10, "3"), (10**6, 20_000, "e")])
def test_what_is_no_design_is_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        BlockDesign(*wrong)
