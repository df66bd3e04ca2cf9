"""VHASH-64: the draft's vectors, the plain-integer reference, and what a universal hash must do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.protocol.hashing import (
    BLOCK_BYTES,
    HASH_KEY_BYTES,
    LAST_PRIME,
    POLYNOMIAL_MASK,
    collision_bound,
    split_key,
    vhash64,
)
from eventready.protocol.hashing_reference import vhash64_by_integers
from eventready.protocol.planning import HASH_KEY_BITS

# What VMAC's key derivation makes of the draft's AES key "abcdefghijklmnop": AES of 80 00.. 0i (i = 0 to 7), of C0 00.. 00 and of E0 00..
# 00; and the draft's pad for the nonce "bcdefghi".
DRAFT_KEY = bytes.fromhex(
    "f23d135cd9b460ac0100f93d3937c4109f5ff4b0bc49fc4be2df742a3494b0b6198632874c579612377bc6eb8a73471c30d5ed591b5ee0283fd06b3c2eaa688d"
    "e89d5ac3cefe7736a6c0b86787a4a44c8066032fb648fdfeb50c1db780a5251348da11adfe3d8a0be240f7de6654be8bf104a2053ee8c0b5e7ba6fb77ddaaa7b"
    "024f8096d4856e345e9fa9796408d8d5bf71d4ab5bebf869ea12b69b41476019"
)
DRAFT_PAD = 0x964CE6A5BD4229B7
VECTORS = [
    (b"", 0x2576BE1C56D8B81B),
    (b"abc", 0x2D376CF5B1813CE5),
    (b"abc" * 16, 0xE8421F61D573D298),
    (b"abc" * 100, 0x4492DF6C5CAC1BBE),
    (b"abc" * 1_000_000, 0x09BA597DD7601113),
]
KEYS = st.binary(min_size=HASH_KEY_BYTES, max_size=HASH_KEY_BYTES)


@pytest.mark.parametrize(("message", "tag"), VECTORS, ids=lambda value: f"{len(value)}-bytes" if isinstance(value, bytes) else "")
def test_the_vmac_64_vectors_of_the_draft(message, tag):
    assert (vhash64(message, DRAFT_KEY) + DRAFT_PAD) % 2**64 == tag
    if len(message) < 1000:
        assert (vhash64_by_integers(message, DRAFT_KEY) + DRAFT_PAD) % 2**64 == tag


def test_the_key_is_as_long_as_the_plan_says():
    assert 8 * HASH_KEY_BYTES == HASH_KEY_BITS == 1280


@given(st.binary(max_size=700), KEYS)
def test_numpy_says_what_the_integers_say(message, key):
    assert vhash64(message, key) == vhash64_by_integers(message, key) < LAST_PRIME


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 127, 128, 129, 255, 256, 4096 * 128 - 1, 4096 * 128, 4096 * 128 + 1, 5000 * 128])
@pytest.mark.parametrize("fill", [0, 255])
def test_edges_of_blocks_and_pieces_and_the_largest_carries(length, fill):
    """With words and keys of ones every partial product is as large as it gets after the addition of a key of zeros."""
    for key in (bytes(HASH_KEY_BYTES), b"\xff" * HASH_KEY_BYTES):
        message = bytes([fill]) * length
        assert vhash64(message, key) == vhash64_by_integers(message, key)


@given(st.binary(max_size=300), KEYS, st.integers(1, 3))
def test_any_buffer_will_do(data, key, stride):
    assert vhash64(memoryview(data), key) == vhash64(bytearray(data), key) == vhash64(data, key)
    assert vhash64(memoryview(np.frombuffer(data * 8, np.uint64)), key) == vhash64(data * 8, key)


@given(st.binary(min_size=1, max_size=400), st.integers(0, 2**64 - 1), st.data())
@settings(max_examples=60)
def test_every_bit_and_every_length_counts(message, seed, data):
    """The key is random, not chosen against the hash: each of these is a collision with a probability below 1e-18."""
    key = np.random.default_rng(seed).bytes(HASH_KEY_BYTES)
    place = data.draw(st.integers(0, 8 * len(message) - 1))
    changed = bytearray(message)
    changed[place // 8] ^= 1 << place % 8
    assert len({vhash64(text, key) for text in (message, bytes(changed), message + b"\0", message[:-1])}) == 4


def test_differences_of_two_hashes_are_uniform():
    """Over random keys, H(m) - H(m') modulo 2^64 for a pair that differs in its last bit only: top four bits, chi-squared with 15 degrees
    of freedom above 44.26 at a false-alarm rate of 1e-4 (seed fixed)."""
    rng = np.random.default_rng(64)
    one, other = bytes(200), bytes(199) + b"\1"
    tops = [(vhash64(one, key) - vhash64(other, key)) % 2**64 >> 60 for key in (rng.bytes(HASH_KEY_BYTES) for _ in range(3000))]
    counts = np.bincount(tops, minlength=16)
    assert ((counts - 3000 / 16) ** 2 / (3000 / 16)).sum() < 44.26


def test_the_keys_of_the_layers():
    words, polynomial, first, second = split_key(b"\xff" * HASH_KEY_BYTES)
    assert words == (2**64 - 1,) * 16
    assert polynomial == POLYNOMIAL_MASK
    assert polynomial.bit_count() == 116
    assert first == second == 256


@pytest.mark.parametrize("length", [0, 159, 161])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match=f"160 bytes, this one has {length}"):
        vhash64(b"", bytes(length))


def test_the_bound_on_collisions():
    assert collision_bound(0) == collision_bound(BLOCK_BYTES) == pytest.approx(2**-61, rel=1e-12)
    assert collision_bound(187_500) == pytest.approx(2**-61, rel=1e-12)
    assert collision_bound(2**59) < collision_bound(2**60) < collision_bound(2**61) < 2**-60
    with pytest.raises(ValueError, match="-1 bytes"):
        collision_bound(-1)
