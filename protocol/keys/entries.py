"""What a pool's journal says: one plain value an entry, and its bytes.

Every entry begins with its sequence number, u64. Numbers are big-endian, pairs of numbers are in the order of the directions (Alice to
Bob first). No entry holds a secret bit; sessions' names and how far the pads are used are in them, so the journal is private all the same.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..authentication import Direction

DIRECTIONS = (Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE)
PARTIES = ("alice", "bob")
IDENTITY_BYTES = 16
DIGEST_BYTES = 32
"""Of the content that a word is bound to."""

Counts = tuple[int, int]
"""One number a direction, in the order of :data:`DIRECTIONS`."""


class Position(NamedTuple):
    """How long a journal is, and a mark that no other journal has at this length.

    Attributes:
        sequence: number of its last entry.
        mark: 16 bytes made from the digest of that entry.
    """

    sequence: int
    mark: bytes


NOWHERE = Position(0, bytes(16))
"""Of a party that has not been heard of yet."""


@dataclass(frozen=True)
class Created:
    """The first entry: whose journal it is. ``words`` are the pre-shared ones of each direction."""

    identity: bytes
    party: str
    words: Counts


@dataclass(frozen=True)
class Compared:
    """Offsets were compared with the peer; words up to ``used`` are gone, ``peer`` is how far its journal was."""

    used: Counts = field(repr=False)
    peer: Position


@dataclass(frozen=True)
class Restored:
    """The peer knew more of this journal (``told``) than the journal itself; ``used`` words are gone, ``peer`` is how far its own was."""

    used: Counts = field(repr=False)
    told: Position
    peer: Position


@dataclass(frozen=True)
class Reserved:
    """The next ``words`` of each direction belong to a session; the first are at ``start``."""

    session: bytes
    start: Counts = field(repr=False)
    words: Counts


@dataclass(frozen=True)
class Bound:
    """Word ``number`` of those that a session has reserved in a direction pads the content with this digest, and nothing else."""

    session: bytes
    direction: Direction
    number: int
    digest: bytes


@dataclass(frozen=True)
class Retired:
    """A session is over: its words are never given again."""

    session: bytes


@dataclass(frozen=True)
class Generated:
    """A session made a key; its bits are in a file of their own."""

    session: bytes
    bits: int
    simulated: bool


@dataclass(frozen=True)
class Taken:
    """The next ``bits`` of a session's key were handed out."""

    session: bytes
    bits: int


@dataclass(frozen=True)
class Refilled:
    """The next bits of a session's key have become ``words`` at the end of each direction's pads."""

    session: bytes
    words: Counts


Entry = Created | Compared | Restored | Reserved | Bound | Retired | Generated | Taken | Refilled


class _Form(NamedTuple):
    kind: int
    layout: struct.Struct
    fields: Callable[[Any], tuple[int | bytes, ...]]
    build: Callable[..., Entry]


_FORMS: dict[type[Entry], _Form] = {
    Created: _Form(
        1,
        struct.Struct(">Q16sBQQ"),
        lambda entry: (entry.identity, PARTIES.index(entry.party), *entry.words),
        lambda identity, party, *words: Created(identity, PARTIES[party], words),
    ),
    Compared: _Form(
        2,
        struct.Struct(">QQQQ16s"),
        lambda entry: (*entry.used, *entry.peer),
        lambda one, other, sequence, mark: Compared((one, other), Position(sequence, mark)),
    ),
    Restored: _Form(
        3,
        struct.Struct(">QQQQ16sQ16s"),
        lambda entry: (*entry.used, *entry.told, *entry.peer),
        lambda one, other, told, told_mark, peer, mark: Restored((one, other), Position(told, told_mark), Position(peer, mark)),
    ),
    Reserved: _Form(
        4,
        struct.Struct(">Q16sQQQQ"),
        lambda entry: (entry.session, *entry.start, *entry.words),
        lambda session, one, other, *words: Reserved(session, (one, other), words),
    ),
    Retired: _Form(5, struct.Struct(">Q16s"), lambda entry: (entry.session,), Retired),
    Generated: _Form(
        6,
        struct.Struct(">Q16sQ?"),
        lambda entry: (entry.session, entry.bits, entry.simulated),
        Generated,
    ),
    Taken: _Form(7, struct.Struct(">Q16sQ"), lambda entry: (entry.session, entry.bits), Taken),
    Refilled: _Form(
        8,
        struct.Struct(">Q16sQQ"),
        lambda entry: (entry.session, *entry.words),
        lambda session, *words: Refilled(session, words),
    ),
    Bound: _Form(
        9,
        struct.Struct(f">Q16sBQ{DIGEST_BYTES}s"),
        lambda entry: (entry.session, DIRECTIONS.index(entry.direction), entry.number, entry.digest),
        lambda session, direction, number, digest: Bound(session, DIRECTIONS[direction], number, digest),
    ),
}
_KINDS = {form.kind: form for form in _FORMS.values()}


def encode(entry: Entry, sequence: int) -> tuple[int, bytes]:
    """Kind and payload of the frame of an entry."""
    form = _FORMS[type(entry)]
    return form.kind, form.layout.pack(sequence, *form.fields(entry))


def decode(kind: int, payload: bytes) -> tuple[int, Entry]:
    """Sequence number and entry of a frame.

    Raises:
        ValueError: it says what no entry may say.
    """
    form = _KINDS.get(kind)
    if form is None:
        raise ValueError(f"kind {kind} is unknown; perhaps a newer version of eventready wrote it")
    if len(payload) != form.layout.size:
        raise ValueError(f"an entry of kind {kind} has {form.layout.size} bytes, not {len(payload)}")
    sequence, *fields = form.layout.unpack(payload)
    try:
        return sequence, form.build(*fields)
    except IndexError:
        raise ValueError("there are two parties and two directions only") from None
