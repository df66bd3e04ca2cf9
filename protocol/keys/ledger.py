"""What a pool has given out, followed entry by entry; no file and no secret bit in here.

The same code checks an entry before it is written and when it is read again, so that no journal can say what the pool would not do.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from .entries import (
    DIRECTIONS,
    NOWHERE,
    Bound,
    Compared,
    Counts,
    Created,
    Entry,
    Generated,
    Position,
    Refilled,
    Reserved,
    Restored,
    Retired,
    Taken,
)

WORD_BITS = 64
_MARK_PERSON = b"eventready-mark"
_SUPPLY_PERSON = b"eventready-supp"


@dataclass(frozen=True)
class GeneratedKey:
    """A key that a session made.

    Attributes:
        sequence: of the entry that brought it; names its file.
        session: that made it.
        bits: its length.
        simulated: its randomness comes from a seed.
        taken: bits from its start that were handed out or have become pads.
    """

    sequence: int
    session: bytes
    bits: int
    simulated: bool
    taken: int = 0


@dataclass(frozen=True)
class Refill:
    """Bits of a generated key that have become pads: from bit ``start`` of the key of ``session``."""

    session: bytes
    start: int
    words: Counts


class Ledger:
    """The state of a pool.

    Attributes:
        created: the journal's first entry.
        used: words of each direction that were given to a session, or skipped.
        skipped: those of them that no session of this pool has had.
        capacity: words of each direction that there are.
        reserved: by session.
        bound: digest of the content that each used word pads, by session, direction (0 or 1) and number.
        retired: sessions that are over.
        generated: keys by session, in the order in which they came.
        refills: in order.
        peer: the furthest position of the peer's journal that was seen.
        position: this journal's own.
    """

    def __init__(self) -> None:
        self.created: Created | None = None
        self.used: Counts = (0, 0)
        self.skipped: Counts = (0, 0)
        self.capacity: Counts = (0, 0)
        self.reserved: dict[bytes, Reserved] = {}
        self.bound: dict[tuple[bytes, int, int], bytes] = {}
        self.retired: set[bytes] = set()
        self.generated: dict[bytes, GeneratedKey] = {}
        self.refills: list[Refill] = []
        self.peer = NOWHERE
        self.position = NOWHERE
        self._known = {NOWHERE}

    def knows(self, position: Position) -> bool:
        """Whether this journal was once at ``position``, or has learnt that it must have been."""
        return position in self._known

    def next_sequence(self, entry: Entry) -> int:
        """The sequence number of an entry that comes next. After a restored backup it jumps past all that the peer knows of."""
        told = entry.told.sequence if isinstance(entry, Restored) else 0
        return max(self.position.sequence, told) + 1

    def check(self, entry: Entry) -> None:
        """Whether the entry may come next.

        Raises:
            ValueError: it may not, and why.
        """
        if isinstance(entry, Created) != (self.created is None):
            raise ValueError("a journal begins with whose it is, and says that once")
        match entry:
            case Compared(used) | Restored(used):
                self._check_used(used)
            case Reserved(session, start, words):
                if start != self.used or session in self.reserved or session in self.retired or not any(words):
                    raise ValueError("words must be reserved in order, and once a session")
                self._check_used(_sum(self.used, words))
            case Bound(session, direction, number):
                self._check_bound(session, DIRECTIONS.index(direction), number)
            case Retired(session):
                if session in self.retired:
                    raise ValueError("a session is retired once")
            case Generated(session, bits):
                if session in self.generated or bits < 1:
                    raise ValueError("a session makes one key, of one bit at least")
            case Taken(session, bits):
                self._check_taken(session, bits)
            case Refilled(session, words):
                self._check_taken(session, WORD_BITS * sum(words))

    def _check_used(self, used: Counts) -> None:
        if any(new < old or new > most for new, old, most in zip(used, self.used, self.capacity, strict=True)):
            raise ValueError("used words only grow, up to as many as there are")

    def _check_bound(self, session: bytes, direction: int, number: int) -> None:
        known = self.reserved.get(session)
        if known is None or session in self.retired or number >= known.words[direction]:
            raise ValueError("only a word that a session has reserved can be bound, while the session lasts")
        if (session, direction, number) in self.bound:
            raise ValueError("a word is bound to one content, once")

    def _check_taken(self, session: bytes, bits: int) -> None:
        key = self.generated.get(session)
        if key is None or not 0 < bits <= key.bits - key.taken:
            raise ValueError("more bits were taken than a key has")

    def apply(self, entry: Entry, sequence: int, digest: bytes) -> None:
        """Take note of an entry that is durable.

        Raises:
            ValueError: as :meth:`check`, or the sequence number is not the one that comes next.
        """
        if sequence != self.next_sequence(entry):
            raise ValueError("its sequence number is not the one that comes next")
        self.check(entry)
        self._take(entry, sequence)
        self.position = Position(sequence, hashlib.blake2b(digest, digest_size=16, person=_MARK_PERSON).digest())
        self._known.add(self.position)

    def _take(self, entry: Entry, sequence: int) -> None:
        match entry:
            case Created(words=words):
                self.created, self.capacity = entry, words
            case Compared(used, peer):
                self._skip_to(used)
                self.peer = peer
            case Restored(used, told, peer):
                self._skip_to(used)
                self._known.add(told)
                self.peer = peer
            case Reserved(session, _, words):
                self.reserved[session] = entry
                self.used = _sum(self.used, words)
            case Bound(session, direction, number, digest):
                self.bound[session, DIRECTIONS.index(direction), number] = digest
            case Retired(session):
                self.retired.add(session)
            case Generated(session, bits, simulated):
                self.generated[session] = GeneratedKey(sequence, session, bits, simulated)
            case Taken(session, bits):
                self._use_key(session, bits)
            case Refilled(session, words):
                self.refills.append(Refill(session, self.generated[session].taken, words))
                self._use_key(session, WORD_BITS * sum(words))
                self.capacity = _sum(self.capacity, words)

    def _skip_to(self, used: Counts) -> None:
        self.skipped = _sum(self.skipped, (used[0] - self.used[0], used[1] - self.used[1]))
        self.used = used

    def _use_key(self, session: bytes, bits: int) -> None:
        key = self.generated[session]
        self.generated[session] = replace(key, taken=key.taken + bits)

    def supply(self) -> bytes:
        """16 bytes that are equal at both ends exactly if both have made pads of the same keys in the same order."""
        state = hashlib.blake2b(digest_size=16, person=_SUPPLY_PERSON)
        for refill in self.refills:
            state.update(refill.session)
            for number in (refill.start, *refill.words):
                state.update(number.to_bytes(8, "big"))
        return state.digest()


def _sum(one: Counts, other: Counts) -> Counts:
    return one[0] + other[0], one[1] + other[1]


def by_direction(counts: Counts) -> str:
    """For messages: how many words of each direction."""
    return ", ".join(f"{count} {direction.name.lower().replace('_', ' ')}" for count, direction in zip(counts, DIRECTIONS, strict=True))
