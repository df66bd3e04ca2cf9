"""Frames: how bytes stand in a round log, and how damage is told from the end.

======== ======= ==========================================================================
part     bytes   meaning
======== ======= ==========================================================================
magic    4       :data:`MAGIC`
kind     4       u32, :class:`Kind`
length   4       u32, bytes of payload
CRC-32   4       u32, of the twelve bytes above and the payload
payload  length  JSON, records, or a count
digest   32      keyed BLAKE2b of the digest of the frame before, the sixteen bytes above and the payload
======== ======= ==========================================================================

All numbers are little-endian. The CRC needs no key and no neighbour, so that whole frames can be found behind a damaged one. The digest
binds a frame to everything before it: an edit, a swap or a removal in the middle shows to whoever holds the key. The key makes the digest
useless to anybody else, who could otherwise guess outcomes and compare.
"""

from __future__ import annotations

import enum
import hashlib
import struct
import zlib

from .records import RECORD_SIZE

MAGIC = b"EvR\x01"
HEAD = struct.Struct("<4sIII")
CRC_START = HEAD.size - 4
DIGEST_SIZE = 32
OVERHEAD = HEAD.size + DIGEST_SIZE

KEY_SIZE = 32
PUBLIC_KEY = b""
"""The key of the public log: none. Its chain shows accidents, not malice, unless its head is known from elsewhere."""

MAX_RECORDS = 8192
MAX_PAYLOAD = MAX_RECORDS * RECORD_SIZE
MAX_FRAME = MAX_PAYLOAD + OVERHEAD
"""A writer syncs every frame before it begins the next, so no crash can leave more than this behind the last whole frame."""

GENESIS = bytes(DIGEST_SIZE)
"""Stands for the digest before the first frame."""

_PERSON = b"eventready-log-1"


class Kind(enum.IntEnum):
    """What a frame's payload is."""

    HEADER = 1
    """JSON of a :class:`~.log_contents.LogHeader`; the first frame and no other."""
    RECORDS = 2
    """1 to :data:`MAX_RECORDS` records."""
    SEGMENT = 3
    """JSON of a :class:`~.log_contents.Segment`: a resumed run begins."""
    CLOSE = 4
    """u64, how many records the log holds; the last frame."""


class Chain:
    """The keyed hash that links the frames of one log.

    Args:
        key: 32 secret bytes, or :data:`PUBLIC_KEY`.

    Raises:
        ValueError: a key of another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) not in (0, KEY_SIZE):
            raise ValueError(f"a chain key has {KEY_SIZE} bytes (the public log's has none), this one has {len(key)}")
        self._keyed = hashlib.blake2b(digest_size=DIGEST_SIZE, key=key, person=_PERSON)

    def digest(self, previous: bytes, frame: bytes | memoryview) -> bytes:
        """The digest of a frame (head and payload) that follows the frame with the digest ``previous``."""
        state = self._keyed.copy()
        state.update(previous)
        state.update(frame)
        return state.digest()

    def seal(self, previous: bytes, kind: int, payload: bytes) -> tuple[bytes, bytes]:
        """Make a frame.

        Returns:
            The whole frame, and its digest, which the next one needs.
        """
        start = HEAD.pack(MAGIC, kind, len(payload), 0)[:CRC_START]
        frame = start + zlib.crc32(payload, zlib.crc32(start)).to_bytes(4, "little") + payload
        digest = self.digest(previous, frame)
        return frame + digest, digest


def whole_frame_at(view: memoryview, offset: int) -> tuple[int, int] | None:
    """Look for a frame whose CRC is right; its digest is not judged.

    Returns:
        The frame's kind (any number) and the offset of its digest, or None.
    """
    body = offset + HEAD.size
    if body + DIGEST_SIZE > len(view):
        return None
    magic, kind, length, crc = HEAD.unpack_from(view, offset)
    end = body + length
    if magic != MAGIC or length > MAX_PAYLOAD or end + DIGEST_SIZE > len(view):
        return None
    if zlib.crc32(view[body:end], zlib.crc32(view[offset : offset + CRC_START])) != crc:
        return None
    return kind, end


def find_whole_frame(data: bytes, start: int) -> int | None:
    """The offset of the first frame at or behind ``start`` whose CRC is right, or None."""
    view = memoryview(data)
    offset = data.find(MAGIC, start)
    while offset >= 0 and whole_frame_at(view, offset) is None:
        offset = data.find(MAGIC, offset + 1)
    return offset if offset >= 0 else None
