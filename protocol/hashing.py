"""VHASH-64: the universal hash behind authentication tags and the check of the raw key.

Krovetz and Dai, "VMAC: Message Authentication Code using Universal Hashing", draft-krovetz-vmac-01 (2007): VMAC's hash without its cipher.
The 160 key bytes are drawn at random instead, so that security rests on no computational assumption; a value leaves this machine only
under a one-time pad (:mod:`.authentication`).

Three layers: NH maps blocks of 128 bytes to 126 bits each, a polynomial modulo 2^127 - 1 maps those to one value, and an inner product
modulo 2^64 - 257 maps that to 64 bits. :mod:`.hashing_reference` says the same once more in plain integers.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

HASH_KEY_BYTES = 160
"""128 for NH, 16 for the polynomial, 16 for the inner product."""
BLOCK_BYTES = 128

POLYNOMIAL_PRIME = 2**127 - 1
POLYNOMIAL_MASK = 0x1FFFFFFF_1FFFFFFF_1FFFFFFF_1FFFFFFF
"""Which bits of the polynomial's key are used: 116."""
LAST_PRIME = 2**64 - 257
LAST_SPLIT = 2**64 - 2**32
"""The last layer takes the polynomial's value apart into quotient and remainder by this."""

_NH_KEY_BYTES, _POLYNOMIAL_KEY_BYTES, _LAST_KEY_BYTES = BLOCK_BYTES, 16, 8
_WORDS = BLOCK_BYTES // 8
_LOW = np.uint64(2**32 - 1)
_HALF = np.uint64(32)
_NH_HIGH = np.uint64(2**62 - 1)
_PIECE_BLOCKS = 4096
"""Blocks hashed at once, so that the memory needed does not grow with the message."""


def split_key(key: bytes) -> tuple[tuple[int, ...], int, int, int]:
    """The keys of the layers: 16 words for NH, the polynomial's, and two for the inner product (big-endian, as in the draft).

    The draft draws the last two again until they are below 2^64 - 257. Here they are reduced; :func:`collision_bound` counts that.

    Raises:
        ValueError: the key has another length.
    """
    if len(key) != HASH_KEY_BYTES:
        raise ValueError(f"a hash key has {HASH_KEY_BYTES} bytes, this one has {len(key)}")
    end = _NH_KEY_BYTES + _POLYNOMIAL_KEY_BYTES
    words = tuple(int.from_bytes(key[start : start + 8], "big") for start in range(0, _NH_KEY_BYTES, 8))
    polynomial = int.from_bytes(key[_NH_KEY_BYTES:end], "big") & POLYNOMIAL_MASK
    first, second = (int.from_bytes(key[start : start + _LAST_KEY_BYTES], "big") % LAST_PRIME for start in (end, end + _LAST_KEY_BYTES))
    return words, polynomial, first, second


def last_layer(value: int, bits: int, first: int, second: int) -> int:
    """From the polynomial's value and the message's length in bits to 64 bits: the same for this module and its reference."""
    high, low = divmod((value + ((bits % (8 * BLOCK_BYTES)) << 64)) % POLYNOMIAL_PRIME, LAST_SPLIT)
    return (high + first) * (low + second) % LAST_PRIME


def vhash64(message: bytes | memoryview, key: bytes) -> int:
    """Hash a message. The value is secret: with it the key could be solved for.

    Args:
        message: any length.
        key: :data:`HASH_KEY_BYTES` secret random bytes; may be used again as long as every value is one-time padded.

    Returns:
        0 to 2^64 - 258.

    Raises:
        ValueError: the key has another length.
    """
    words, polynomial, first, second = split_key(key)
    nh_key = np.array(words, np.uint64)
    view = memoryview(message).cast("B")
    whole = len(view) // BLOCK_BYTES * BLOCK_BYTES
    value = 1
    for start in range(0, whole, _PIECE_BLOCKS * BLOCK_BYTES):
        value = _absorb(value, _blocks(view[start : min(whole, start + _PIECE_BLOCKS * BLOCK_BYTES)]), nh_key, polynomial)
    if len(view) > whole:
        rest = bytes(view[whole:]).ljust(-(-(len(view) - whole) // 16) * 16, b"\0")
        value = _absorb(value, _blocks(rest, len(rest)), nh_key, polynomial)
    elif not whole:
        value = polynomial  # the empty message counts as one block with NH 0
    return last_layer(value, 8 * len(view), first, second)


def _blocks(data: bytes | memoryview, block_bytes: int = BLOCK_BYTES) -> NDArray[np.uint64]:
    return np.frombuffer(data, "<u8").reshape(-1, block_bytes // 8).astype(np.uint64, copy=False)


def _absorb(value: int, blocks: NDArray[np.uint64], nh_key: NDArray[np.uint64], polynomial: int) -> int:
    low, high = _nh(blocks, nh_key)
    for one, other in zip(low.tolist(), high.tolist(), strict=True):
        value = (value * polynomial + (other << 64 | one)) % POLYNOMIAL_PRIME
    return value


def _nh(blocks: NDArray[np.uint64], nh_key: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """NH of blocks of up to 16 words, shape (n, words): the sum of products of pairs of words, modulo 2^126, as low and high 64 bits."""
    summed = blocks + nh_key[: blocks.shape[1]]  # modulo 2^64, as it must be
    a, b = summed[:, 0::2], summed[:, 1::2]
    a_low, a_high, b_low, b_high = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    lowest, left, right, highest = a_low * b_low, a_low * b_high, a_high * b_low, a_high * b_high
    # Four digits of 32 bits; sums of at most 24 of them, with carries, fit into 64 bits.
    digits = [
        (lowest & _LOW).sum(1),
        ((lowest >> _HALF) + (left & _LOW) + (right & _LOW)).sum(1),
        ((left >> _HALF) + (right >> _HALF) + (highest & _LOW)).sum(1),
        (highest >> _HALF).sum(1),
    ]
    for lower, upper in itertools.pairwise(digits):
        upper += lower >> _HALF
    zeroth, first, second, third = digits
    return (first << _HALF) | (zeroth & _LOW), ((third << _HALF) | (second & _LOW)) & _NH_HIGH


def collision_bound(message_bytes: int) -> float:
    """How probable it is at most, over a random key, that the hashes of two given messages differ by a given value modulo 2^64.

    So it bounds the success of one forgery of a padded tag, and the chance that a wrong raw key passes. For an honest random key:

    * NH of two blocks differs by a given value modulo 2^126 with a probability of at most 2^-62 (2^-64 modulo 2^128: Black et al., CRYPTO
      1999);
    * two different polynomials of degree d = ceil(bytes/128) at most agree at one of 2^116 points with d/2^116;
    * the inner product hits a value modulo 2^64 - 257 with 2^-63 (2^-64 for keys drawn below that prime; reducing a key of 64 bits doubles
      some), and two such values are one modulo 2^64: 2^-62.

    The sum stays below the 2^-60 that the draft claims, for all messages up to 2^61 bytes.

    Args:
        message_bytes: length of the longer message.

    Raises:
        ValueError: a negative length.
    """
    if message_bytes < 0:
        raise ValueError(f"a message cannot have {message_bytes} bytes")
    degree = max(1, -(-message_bytes // BLOCK_BYTES))
    return 2.0**-62 + degree * 2.0**-116 + 2.0**-62
