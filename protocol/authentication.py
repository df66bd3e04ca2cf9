"""One-time-padded tags: who said this, in which session, as which message, in full.

A tag is (VHASH-64 of what is said + 64 fresh pad bits) modulo 2^64 (Wegman and Carter, J. Comput. Syst. Sci. 22, 265 (1981)). The hash key
is kept, the pad is used once: the pad hides the hash, so that the key stays as good as new (Portmann, IEEE Trans. Inf. Theory 60, 4383
(2014)). A forgery succeeds with at most :func:`.hashing.collision_bound` of the message's length plus :data:`HEAD_BYTES`.

What is hashed begins with a head of fixed length: what it is for, session, direction, number, length. So a tag fits no other session, not
the same message sent back or at another place, and no shortened or lengthened one. **A pad belongs to one content**: two different
contents under one pad tell an eavesdropper the difference of their hashes. A session that is taken up again must send the very bytes that
it may have sent before, or take new pads.
"""

from __future__ import annotations

import enum
import hmac
import struct

from ..errors import AuthenticationFailed
from .hashing import vhash64

TAG_BYTES = PAD_BYTES = 8
SESSION_BYTES = 16

_HEAD = struct.Struct(">8s16sBQQ")
HEAD_BYTES = _HEAD.size
_TAG, _RAW_KEY = b"EvRtag-1", b"EvRraw-1"
_NO_DIRECTION = 0


class Direction(enum.Enum):
    """Who speaks to whom."""

    ALICE_TO_BOB = 1
    BOB_TO_ALICE = 2


def tag(message: bytes, *, hash_key: bytes, pad: bytes, session: bytes, direction: Direction, number: int) -> bytes:
    """The tag of a message.

    Args:
        message: any length.
        hash_key: 160 bytes, of the key pool.
        pad: 8 bytes, used for this content and no other, ever.
        session: the session's id, 16 bytes.
        direction: who says it.
        number: of the message in this session and direction, 0 to 2^64 - 1.

    Returns:
        8 bytes; not secret.

    Raises:
        ValueError: an argument has another length or range.
    """
    return _padded(_TAG, session, direction.value, number, len(message), message, hash_key, pad)


def require_tag(message: bytes, *, hash_key: bytes, pad: bytes, session: bytes, direction: Direction, number: int, tag: bytes) -> None:
    """Refuse a message that is not the one that was tagged: changed, shortened, out of turn, sent back, or of another session.

    Args:
        message: as received.
        hash_key: as for :func:`tag`.
        pad: as for :func:`tag`.
        session: as for :func:`tag`.
        direction: as for :func:`tag`.
        number: that is due, not one that the message claims.
        tag: as received, any length.

    Raises:
        AuthenticationFailed: the tag does not fit.
        ValueError: as :func:`tag`.
    """
    right = _padded(_TAG, session, direction.value, number, len(message), message, hash_key, pad)
    if not hmac.compare_digest(right, tag):
        who, whom = ("Alice", "Bob") if direction is Direction.ALICE_TO_BOB else ("Bob", "Alice")
        raise AuthenticationFailed(
            f"message {number} from {who} to {whom} ({len(message)} bytes) does not fit its tag: it was changed on the way, belongs to "
            "another place or session, or the two key pools differ. Nothing of it has been used; end this session and begin a new one"
        )


def encrypt_hash(bits_packed: bytes, length_bits: int, *, hash_key: bytes, pad: bytes, session: bytes) -> bytes:
    """The one-time-padded hash of a raw key, by which the other party checks what it has decoded.

    It is told apart from every tag, so that neither can be passed off as the other.

    Args:
        bits_packed: the raw key, ceil(``length_bits``/8) bytes, first bit highest; bits behind the last are zero.
        length_bits: how many bits it has.
        hash_key: 160 bytes, of the key pool.
        pad: 8 bytes, used for this content and no other, ever.
        session: the session's id, 16 bytes.

    Returns:
        8 bytes; not secret.

    Raises:
        ValueError: an argument has another length or range.
    """
    if length_bits < 0:
        raise ValueError(f"a key cannot have {length_bits} bits")
    if len(bits_packed) != -(-length_bits // 8):
        raise ValueError(f"{length_bits} bits are {-(-length_bits // 8)} bytes, not {len(bits_packed)}")
    if length_bits % 8 and bits_packed[-1] & (0xFF >> length_bits % 8):
        raise ValueError("the bits behind the last one must be zero, else equal keys hash differently")
    return _padded(_RAW_KEY, session, _NO_DIRECTION, 0, length_bits, bits_packed, hash_key, pad)


def hash_fits(encrypted: bytes, bits_packed: bytes, length_bits: int, *, hash_key: bytes, pad: bytes, session: bytes) -> bool:
    """Whether a decoded raw key is the one whose hash came. That it is not is a normal outcome: the session is aborted.

    Args:
        encrypted: as received, any length.
        bits_packed: as decoded; as for :func:`encrypt_hash`.
        length_bits: as for :func:`encrypt_hash`.
        hash_key: as for :func:`encrypt_hash`.
        pad: as for :func:`encrypt_hash`.
        session: as for :func:`encrypt_hash`.

    Raises:
        ValueError: as :func:`encrypt_hash`.
    """
    return hmac.compare_digest(encrypt_hash(bits_packed, length_bits, hash_key=hash_key, pad=pad, session=session), encrypted)


def _padded(kind: bytes, session: bytes, direction: int, number: int, length: int, content: bytes, hash_key: bytes, pad: bytes) -> bytes:
    if len(session) != SESSION_BYTES:
        raise ValueError(f"a session's id has {SESSION_BYTES} bytes, this one has {len(session)}")
    if len(pad) != PAD_BYTES:
        raise ValueError(f"a pad has {PAD_BYTES} bytes, this one has {len(pad)}")
    if not 0 <= number < 2**64:
        raise ValueError(f"a message's number must be from 0 to 2^64 - 1, not {number}")
    hashed = vhash64(_HEAD.pack(kind, session, direction, number, length) + content, hash_key)
    return ((hashed + int.from_bytes(pad, "big")) % 2**64).to_bytes(TAG_BYTES, "big")
