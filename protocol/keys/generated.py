"""Files of generated keys: the bits of one key each, beside the journal that says how far they are used."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ...errors import KeyPoolError, LogCorrupt
from ..durable_file import write_atomic

_DIGEST_BYTES = 16
_MAGIC = b"EvG\x01"


def write_key(path: Path, key: bytes) -> None:
    """Make the file of a key durable. The journal's entry must come after it.

    Raises:
        OSError: it cannot be written.
    """
    body = _MAGIC + key
    write_atomic(path, body + _digest(body))


def read_key(path: Path, bits: int) -> bytes:
    """The bits of a key, packed.

    Raises:
        LogCorrupt: the file is not there, or damaged.
        OSError: it cannot be read.
    """
    data = path.read_bytes() if path.is_file() else b""
    body = data[:-_DIGEST_BYTES]
    if _digest(body) != data[-_DIGEST_BYTES:] or body[:4] != _MAGIC or len(body) != len(_MAGIC) + -(-bits // 8):
        raise LogCorrupt(
            f"{path}: this generated key is not there or damaged; restore the file from a copy (this one file may be restored)"
        )
    return body[len(_MAGIC) :]


def slice_bits(packed: bytes, start: int, count: int) -> bytes:
    """Bits ``start`` to ``start + count - 1``, packed afresh: first bit highest, bits behind the last zero."""
    first, last = start // 8, -(-(start + count) // 8)
    value = int.from_bytes(packed[first:last], "big") >> (8 * last - start - count)
    size = -(-count // 8)
    return ((value & ((1 << count) - 1)) << (8 * size - count)).to_bytes(size, "big")


def require_packed(key: bytes, bits: int) -> None:
    """A key is as long as it is said to be.

    Raises:
        KeyPoolError: it is not, or bits behind the last one are set.
    """
    if bits < 1 or len(key) != -(-bits // 8):
        raise KeyPoolError(f"a key of {bits} bits has {-(-bits // 8)} bytes and at least one bit; this one has {len(key)} bytes")
    if bits % 8 and key[-1] & (0xFF >> bits % 8):
        raise KeyPoolError(f"bits are set behind the last one of a key of {bits} bits; is that its length?")


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
