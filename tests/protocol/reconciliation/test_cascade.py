"""Cascade: it ends, finds the errors, counts each parity that was told, and asks for nothing twice."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.errors import ConfigError
from eventready.protocol.entropy import binary_entropy
from eventready.protocol.reconciliation.cascade import CascadeAlice, CascadeBob, CascadeSpec


def talk(spec, bits, guess):
    """Both parties; returns them and everything that was asked."""
    alice, bob, asked = CascadeAlice(spec, bits), CascadeBob(spec, guess), []
    while bob.queries is not None:
        asked += [tuple(query) for query in bob.queries.tolist()]
        bob.hear(alice.answer(bob.queries))
    return alice, bob, asked


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 400), st.floats(0.002, 0.45), st.floats(0, 0.5), st.integers(1, 14), st.integers(0, 2**64 - 1))
def test_it_ends_and_every_block_that_was_told_agrees(rounds, expected, rate, passes, seed):
    spec, rng = CascadeSpec(rounds, expected, seed, passes), np.random.default_rng(seed)
    bits = rng.integers(0, 2, rounds, dtype=np.uint8)
    guess = bits ^ (rng.random(rounds) < rate).astype(np.uint8)
    before = guess.copy()
    alice, bob, asked = talk(spec, bits, guess)
    assert np.array_equal(guess, before)
    assert alice.leaked_alice == bob.leaked_bob == len(asked) == len(set(asked))
    for order, (number, begin, end) in ((spec.orders()[query[0]], query) for query in asked):
        assert np.bitwise_xor.reduce((bits ^ bob.bits)[order[begin:end]]) == 0, number


@settings(max_examples=30, deadline=None)
@given(st.integers(10, 3000), st.integers(0, 2**32))
def test_a_single_error_is_always_found(rounds, seed):
    bits, place = np.random.default_rng(seed).integers(0, 2, rounds, dtype=np.uint8), seed % rounds
    guess = bits.copy()
    guess[place] ^= 1
    spec = CascadeSpec(rounds, 0.02, seed)
    alice, bob, _ = talk(spec, bits, guess)
    assert np.array_equal(bob.bits, bits)
    tops = sum(len(spec.blocks(k)) - 1 for k in range(spec.passes))
    assert tops <= alice.leaked_alice <= tops + math.ceil(math.log2(len(spec.blocks(0)) and spec.blocks(0)[1]))


def test_no_question_can_be_answered_from_earlier_answers(make_noise):
    # The parities that were told are linearly independent within a pass: none is the sum of others.
    bits, guess, _ = make_noise(300, (0.1,))
    _, _, asked = talk(CascadeSpec(300, 0.1, 5, passes=4), bits, guess)
    for number in range(4):
        rows = [sum(1 << place for place in range(begin, end)) for k, begin, end in asked if k == number]
        basis = {}
        for row in rows:
            left = row
            while left and left.bit_length() in basis:
                left ^= basis[left.bit_length()]
            assert left
            basis[left.bit_length()] = left


@pytest.mark.parametrize(("rounds", "rate", "most"), [(43_750, 0.078, 1.08), (10_000, 0.078, 1.09), (100_000, 0.0144, 1.06)])
def test_it_takes_a_twentieth_more_than_shannon_or_little_more(make_noise, rounds, rate, most):
    # Of the mean of five blocks; the spread of a block is about 0.004: no false alarm in 10^9 seeds.
    used = 0
    for seed in range(5):
        bits, guess, _ = make_noise(rounds, (rate,), seed=seed)
        alice, bob, _ = talk(CascadeSpec(rounds, rate, seed), bits, guess)
        assert np.array_equal(bob.bits, bits)
        used += alice.leaked_alice / 5
    assert 1 < used / (rounds * binary_entropy(rate)) < most


def test_what_is_wrong_is_refused(make_noise):
    bits, guess, _ = make_noise(100, (0.1,))
    spec = CascadeSpec(100, 0.1, 1)
    alice, bob = CascadeAlice(spec, bits), CascadeBob(spec, guess)
    for queries in ([[14, 0, 5]], [[-1, 0, 5]], [[0, 5, 5]], [[0, 0, 101]], [[0, -1, 5]], [[0, 5]], [[0.0, 1.0, 2.0]]):
        with pytest.raises(ConfigError):
            alice.answer(np.array(queries))
    assert alice.leaked_alice == 0
    with pytest.raises(ConfigError, match="not over"):
        _ = bob.bits
    with pytest.raises(ConfigError, match="1000 bytes"):
        bob.hear(bytes(1000))
    while bob.queries is not None:
        bob.hear(alice.answer(bob.queries))
    with pytest.raises(ConfigError, match="asked nothing"):
        bob.hear(b"")
    with pytest.raises(ConfigError, match="wants uint8"):
        CascadeAlice(spec, bits[:-1])
    with pytest.raises(ConfigError, match="wants uint8"):
        CascadeBob(spec, np.full(100, 2, np.uint8))
    for numbers in ((1, 0.1, 1), (100, 0.0, 1), (100, 0.5, 1), (100, 0.1, 2**64), (100, 0.1, 1, 0)):
        with pytest.raises(ConfigError, match="Cascade takes"):
            CascadeSpec(*numbers)


def test_no_bit_is_shown(make_noise):
    bits, guess, _ = make_noise(100, (0.1,))
    spec = CascadeSpec(100, 0.1, 1)
    bob = CascadeBob(spec, guess)
    assert "array" not in repr(bob) + repr(CascadeAlice(spec, bits)) + repr(bob._passes)
