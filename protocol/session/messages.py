"""The five kinds of message of a session, as bytes. Whatever comes in is taken as hostile: one form, one length, or it is refused.

A message is a head of 16 bytes, a body whose length follows from the plan, and, but for the first two kinds, a tag of 8 bytes.

======== ===== ==========================================
part     bytes meaning
======== ===== ==========================================
magic    4     :data:`MAGIC`
kind     1     :class:`Kind`
sender   1     :class:`~..authentication.Direction`, as 0 or 1
number   2     u16, of the message among the sender's
length   8     u64, bytes of body and tag
======== ===== ==========================================

All numbers are little-endian.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...errors import SessionError
from ..authentication import TAG_BYTES, Direction
from ..keys.offsets import OFFSETS_BYTES
from .plan import SessionPlan

MAGIC = b"EvS\x01"
HEAD = struct.Struct("<4sBBHQ")
HASH_BYTES = 8
_HELLO_BYTES = 16 + 32 + 16
CODE_DIGEST_BYTES = 32

Bits = NDArray[np.uint8]


class Kind(enum.IntEnum):
    """What a message is for, in the order of a session."""

    HELLO = 1
    """Both ways: who am I, what do I intend, how much of the one-time bits have I used."""
    READY = 2
    """Both ways: the one-time bits of this session are set aside, on record."""
    REVEAL = 3
    """Alice to Bob: what error correction and the Bell test take."""
    VERDICT = 4
    """Bob to Alice: accept or abort."""
    ACTIVATE = 5
    """Bob to Alice: he has the key on record, it may be used."""


_SENDERS = (Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE)
UNTAGGED = (Kind.HELLO, Kind.READY)
"""They come before there are words to tag them with; all later tags cover them."""
NUMBERS = {
    (Direction.ALICE_TO_BOB, Kind.HELLO): 0,
    (Direction.ALICE_TO_BOB, Kind.READY): 1,
    (Direction.ALICE_TO_BOB, Kind.REVEAL): 2,
    (Direction.BOB_TO_ALICE, Kind.HELLO): 0,
    (Direction.BOB_TO_ALICE, Kind.READY): 1,
    (Direction.BOB_TO_ALICE, Kind.VERDICT): 2,
    (Direction.BOB_TO_ALICE, Kind.ACTIVATE): 3,
}
"""The whole vocabulary: who sends what, as the how-manieth of the sender's messages."""


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        kind: what it is for.
        direction: who sends it.
        body: its content.
        tag: of the body; empty for those of :data:`UNTAGGED`.
    """

    kind: Kind
    direction: Direction
    body: bytes = field(repr=False)
    tag: bytes = field(repr=False, default=b"")

    @property
    def number(self) -> int:
        """Its place among the sender's messages."""
        return NUMBERS[self.direction, self.kind]

    def encode(self) -> bytes:
        """The message as it goes over the line."""
        head = HEAD.pack(MAGIC, self.kind, _SENDERS.index(self.direction), self.number, len(self.body) + len(self.tag))
        return head + self.body + self.tag


def length_of_rest(head: bytes, plan: SessionPlan) -> int:
    """How many bytes follow a head.

    Args:
        head: ``HEAD.size`` bytes.
        plan: sets the lengths.

    Raises:
        SessionError: no message of this plan has such a head.
    """
    magic, kind, sender, number, length = HEAD.unpack(head)
    if magic != MAGIC or sender > 1 or kind not in set(Kind):
        raise SessionError("what came in is no message of a session; is it another program at the other end, or another version?")
    if NUMBERS.get((_SENDERS[sender], Kind(kind))) != number:
        raise SessionError("a message came in that is out of order, or that this party never sends")
    if length != body_bytes(Kind(kind), plan) + (0 if kind in UNTAGGED else TAG_BYTES):
        raise SessionError(f"a {Kind(kind).name.lower()} of {length} bytes came in, which is the wrong length for this plan")
    return int(length)


def decode(raw: bytes, plan: SessionPlan) -> Message:
    """Read a message. Its tag is not judged.

    Raises:
        SessionError: it is not whole, or none that belongs to the plan.
    """
    if len(raw) < HEAD.size or len(raw) - HEAD.size != length_of_rest(raw[: HEAD.size], plan):
        raise SessionError("a message came in that is shorter or longer than it says")
    _, kind, sender, _, _ = HEAD.unpack_from(raw)
    end = len(raw) - (0 if kind in UNTAGGED else TAG_BYTES)
    return Message(Kind(kind), _SENDERS[sender], raw[HEAD.size : end], raw[end:])


def body_bytes(kind: Kind, plan: SessionPlan) -> int:
    """Length of a body."""
    if kind == Kind.HELLO:
        return _HELLO_BYTES + OFFSETS_BYTES
    if kind == Kind.READY:
        return OFFSETS_BYTES
    if kind == Kind.REVEAL:
        packed = -(-plan.rounds // 8)
        return CODE_DIGEST_BYTES + 2 * packed + plan.rounds + -(-plan.code.syndrome_bits // 8) + HASH_BYTES
    return 1


@dataclass(frozen=True)
class Hello:
    """The body of the first message.

    Attributes:
        session: :attr:`~.plan.SessionPlan.session_id`.
        plan_digest: :attr:`~.plan.SessionPlan.digest`.
        pool: identity of the sender's key pool.
        offsets: how far the sender has used its one-time bits, as the pool encodes it.
    """

    session: bytes
    plan_digest: bytes
    pool: bytes
    offsets: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The body."""
        return self.session + self.plan_digest + self.pool + self.offsets

    @classmethod
    def decode(cls, body: bytes) -> Hello:
        """Read a body of the right length; the offsets are for the pool to read."""
        return cls(body[:16], body[16:48], body[48:64], body[64:])


@dataclass(frozen=True)
class Reveal:
    """The body of Alice's message after the last round.

    Attributes:
        code_digest: of the code that made the syndrome.
        types: 1 for test, **as she received them**, shape (n,).
        settings: X; 0 in key rounds, shape (n,).
        patterns: of the heralds, shape (n,). Their numbers are 0 to n - 1.
        syndrome: packed.
        encrypted_hash: of her outcomes.
    """

    code_digest: bytes
    types: Bits = field(repr=False)
    settings: Bits = field(repr=False)
    patterns: NDArray[np.uint8] = field(repr=False)
    syndrome: bytes = field(repr=False)
    encrypted_hash: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The body."""
        packed = [np.packbits(bits).tobytes() for bits in (self.types, self.settings)]
        return b"".join((self.code_digest, *packed, self.patterns.tobytes(), self.syndrome, self.encrypted_hash))

    @classmethod
    def decode(cls, body: bytes, plan: SessionPlan) -> Reveal:
        """Read a body of the right length.

        Raises:
            SessionError: bits are set behind the last round, so that two bodies would mean the same.
        """
        view, at = memoryview(body), 0

        def take(size: int) -> memoryview:
            nonlocal at
            at += size
            return view[at - size : at]

        def take_bits(count: int) -> Bits:
            bits = np.unpackbits(np.frombuffer(take(-(-count // 8)), np.uint8))
            if bits[count:].any():
                raise SessionError("a message came in with bits set behind its last round")
            return bits[:count]

        digest = bytes(take(CODE_DIGEST_BYTES))
        types, settings = take_bits(plan.rounds), take_bits(plan.rounds)
        patterns = np.frombuffer(take(plan.rounds), np.uint8)
        syndrome = bytes(take(-(-plan.code.syndrome_bits // 8)))
        if syndrome and syndrome[-1] & ((1 << (-plan.code.syndrome_bits % 8)) - 1):
            raise SessionError("a message came in with bits set behind its syndrome")
        return cls(digest, types, settings, patterns, syndrome, bytes(take(HASH_BYTES)))


ACCEPT, ABORT = b"\x01", b"\x00"
"""Bodies of a verdict: one bit goes out, never the reason."""
ACTIVATION = b"\x01"
