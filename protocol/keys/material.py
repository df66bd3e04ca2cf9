"""The pre-shared bits of a pool: extractor seed, hash key, pads for each direction. Written once, equal at both ends but for the party."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...errors import ConfigError, KeyPoolError
from ..authentication import PAD_BYTES
from ..frames import KEY_SIZE
from ..hashing import HASH_KEY_BYTES
from .entries import IDENTITY_BYTES, PARTIES, Counts

Source = Callable[[int], bytes]
"""As ``os.urandom``: that many secret random bytes."""

_HEAD = struct.Struct(f">4sB{IDENTITY_BYTES}s{KEY_SIZE}sQQQ")
_MAGIC = b"EvM\x01"
_DIGEST_BYTES = 32
_MOST = 2**40


@dataclass(frozen=True, eq=False)
class PoolMaterial:
    """Pre-shared bits. Its repr shows none of them.

    Attributes:
        identity: of the pair of pools, 16 bytes; public.
        party: whose copy this is, ``alice`` or ``bob``.
        seed_bits: length of the extractor's seed.
        seed: the seed, first bit highest; bits behind the last are zero.
        hash_key: 160 bytes.
        pads: of each direction, 8 bytes a word.
        journal_key: 32 bytes that key the journal's digests; independent of all others, for something derived from it is told to the peer.
    """

    identity: bytes
    party: str
    seed_bits: int
    seed: bytes = field(repr=False)
    hash_key: bytes = field(repr=False)
    pads: tuple[bytes, bytes] = field(repr=False)
    journal_key: bytes = field(repr=False)

    @property
    def words(self) -> Counts:
        """Words of each direction."""
        return len(self.pads[0]) // PAD_BYTES, len(self.pads[1]) // PAD_BYTES

    @classmethod
    def draw(cls, party: str, *, seed_bits: int, pad_words: int, source: Source = os.urandom) -> PoolMaterial:
        """Draw new material.

        Args:
            party: ``alice`` or ``bob``; :meth:`for_party` makes the other copy.
            seed_bits: length of the extractor's seed; a plan says how long.
            pad_words: words for each direction; a session of the published protocol takes two of each.
            source: of secret random bytes.

        Raises:
            ConfigError: a length that cannot be.
            KeyPoolError: the source gave something else than was asked for.
        """
        if not (0 <= seed_bits < _MOST and 0 < pad_words < _MOST):
            raise ConfigError(
                f"a pool of {seed_bits} seed bits and {pad_words} words cannot be made: the seed needs 0 or more, words 1 or more"
            )
        seed = bytearray(_draw(source, -(-seed_bits // 8)))
        if seed_bits % 8:
            seed[-1] &= 0xFF00 >> seed_bits % 8 & 0xFF
        return cls(
            _draw(source, IDENTITY_BYTES),
            _party(party),
            seed_bits,
            bytes(seed),
            _draw(source, HASH_KEY_BYTES),
            (_draw(source, PAD_BYTES * pad_words), _draw(source, PAD_BYTES * pad_words)),
            _draw(source, KEY_SIZE),
        )

    def for_party(self, party: str) -> PoolMaterial:
        """The same bits as the copy of ``party``.

        Raises:
            ConfigError: there is no such party.
        """
        return replace(self, party=_party(party))

    def encode(self) -> bytes:
        """The content of the file."""
        head = _HEAD.pack(_MAGIC, PARTIES.index(self.party), self.identity, self.journal_key, self.seed_bits, *self.words)
        body = head + self.hash_key + self.seed + b"".join(self.pads)
        return body + hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()

    @classmethod
    def read(cls, path: Path) -> PoolMaterial:
        """Read a material file.

        Raises:
            KeyPoolError: it is damaged.
            OSError: it cannot be read.
        """
        data = path.read_bytes()
        body = data[:-_DIGEST_BYTES]
        if len(body) < _HEAD.size or hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest() != data[-_DIGEST_BYTES:]:
            raise KeyPoolError(f"{path}: this is no key material, or it is damaged; copy the file again from where it was made")
        magic, party, identity, journal_key, seed_bits, *words = _HEAD.unpack_from(body)
        sizes = (HASH_KEY_BYTES, -(-seed_bits // 8), *(PAD_BYTES * count for count in words))
        if magic != _MAGIC or party >= len(PARTIES) or len(body) != _HEAD.size + sum(sizes):
            raise KeyPoolError(f"{path}: this key material was written by another version of eventready; use that one, or make new pools")
        parts, start = [], _HEAD.size
        for size in sizes:
            parts.append(body[start : start + size])
            start += size
        hash_key, seed, *pads = parts
        return cls(identity, PARTIES[party], seed_bits, seed, hash_key, (pads[0], pads[1]), journal_key)


def _draw(source: Source, size: int) -> bytes:
    drawn = source(size)
    if len(drawn) != size:
        raise KeyPoolError(f"the source of random bytes gave {len(drawn)} bytes instead of {size}; no pool was made")
    return bytes(drawn)


def _party(party: str) -> str:
    if party not in PARTIES:
        raise ConfigError(f"a pool is Alice's or Bob's: party must be one of {', '.join(PARTIES)}, not {party!r}")
    return party
