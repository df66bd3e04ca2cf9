"""VHASH-64 said once more in Python's integers: slow, short, and what :mod:`.hashing` is tested against."""

from __future__ import annotations

from .hashing import BLOCK_BYTES, POLYNOMIAL_PRIME, last_layer, split_key


def vhash64_by_integers(message: bytes, key: bytes) -> int:
    """The same as :func:`.hashing.vhash64`."""
    words, polynomial, first, second = split_key(key)
    value = 1
    for start in range(0, max(1, len(message)), BLOCK_BYTES):
        block = message[start : start + BLOCK_BYTES]
        block += bytes(-len(block) % 16)
        value = (value * polynomial + _nh(block, words)) % POLYNOMIAL_PRIME
    return last_layer(value, 8 * len(message), first, second)


def _nh(block: bytes, words: tuple[int, ...]) -> int:
    keyed = [(int.from_bytes(block[k : k + 8], "little") + words[k // 8]) % 2**64 for k in range(0, len(block), 8)]
    return sum(one * other for one, other in zip(keyed[0::2], keyed[1::2], strict=True)) % 2**126
