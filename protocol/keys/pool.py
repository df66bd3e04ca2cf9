"""The key pool: secret bits shared with the other party, none of which pads two things.

A folder of its own at each party: ``material.bin`` (the pre-shared bits, never changed), ``journal.log`` (what was given out) and
``generated/`` (keys that sessions made). **Whatever is given out is on record before it is given out**, so a crash can lose bits and never
repeat them. What a crash cannot do a restored backup can: it forgets. So both parties compare how far their pools are used when a session
begins (:meth:`KeyPool.agree`), and again when both have reserved its words (:meth:`KeyPool.confirm`); each remembers how long the other's
journal was, and tells it. docs/reference/key-pool.md says what is noticed, and what is not.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from ...errors import ConfigError, KeyPoolError
from ..authentication import PAD_BYTES, SESSION_BYTES, Direction
from .balance import Balance, balance_of
from .comparison import MOST_SKIPPED, require_same_pool, verdict
from .entries import (
    DIGEST_BYTES,
    DIRECTIONS,
    Bound,
    Compared,
    Counts,
    Created,
    Entry,
    Generated,
    Refilled,
    Reserved,
    Restored,
    Retired,
    Taken,
    encode,
)
from .generated import read_key, require_packed, slice_bits, write_key
from .journal import Journal
from .ledger import WORD_BITS, GeneratedKey, Ledger, by_direction
from .material import PoolMaterial, Source
from .offsets import PoolOffsets
from .pads import Pads
from .pool_folder import PoolFolder
from .reading import replay

Fsync = Callable[[int], None]
Write = Callable[[int, memoryview], int]


class KeyPool:
    """One party's pool, held by one process. Made by :meth:`create` or :meth:`open`; a context manager. Used by one thread."""

    def __init__(self, folder: PoolFolder, material: PoolMaterial, journal: Journal, ledger: Ledger) -> None:
        self._folder = folder
        self._material = material
        self._journal = journal
        self._ledger = ledger
        self._compared = False
        self._pads = [bytearray(words) for words in material.pads]
        for refill in ledger.refills:
            self._extend_pads(refill.session, refill.start, refill.words)

    def __repr__(self) -> str:
        return f"<KeyPool of {self.party} in {self._folder.path}>"

    @classmethod
    def create(cls, folder: Path, material: PoolMaterial, fsync: Fsync = os.fsync, write: Write = os.write) -> Self:
        """Make a pool and open it. There is no pool if this raises.

        Args:
            folder: must not exist, or be empty; mode 0700 where the system has modes.
            material: the pre-shared bits.
            fsync: makes a descriptor's bytes durable.
            write: as ``os.write``.

        Raises:
            ConfigError: there is something in the folder.
            KeyPoolError: writing failed.
            OSError: the folder cannot be made or written.
        """
        place = PoolFolder(Path(folder))
        with ExitStack() as on_failure:
            place.make()
            on_failure.callback(place.material.unlink, missing_ok=True)
            place.write_material(material)
            created = Created(material.identity, material.party, material.words)
            journal, frame = Journal.create(place.journal, material.journal_key, *encode(created, 1), fsync, write)
            on_failure.pop_all()
        return cls(place, material, journal, replay(place, material, [frame]))

    @staticmethod
    def create_pair(alice_folder: Path, bob_folder: Path, *, seed_bits: int, pad_words: int, source: Source = os.urandom) -> None:
        """Make both parties' pools with equal contents, to be carried to where they belong.

        Args:
            alice_folder: of Alice's pool; must not exist, or be empty.
            bob_folder: of Bob's, likewise.
            seed_bits: length of the extractor's seed.
            pad_words: one-time words for each direction.
            source: of secret random bytes.

        Raises:
            ConfigError: there is something in a folder; or a length that cannot be.
            KeyPoolError: writing failed.
            OSError: a folder cannot be made or written.
        """
        for folder in (alice_folder, bob_folder):
            PoolFolder(Path(folder)).require_empty()
        material = PoolMaterial.draw("alice", seed_bits=seed_bits, pad_words=pad_words, source=source)
        for folder, party in ((alice_folder, "alice"), (bob_folder, "bob")):
            KeyPool.create(folder, material.for_party(party)).close()

    @classmethod
    def open(cls, folder: Path, fsync: Fsync = os.fsync, write: Write = os.write) -> Self:
        """Open a pool: verify its journal, cut off what a crash tore, and hold it until :meth:`close`.

        Args:
            folder: of the pool.
            fsync: makes a descriptor's bytes durable.
            write: as ``os.write``.

        Raises:
            ConfigError: there is no pool, or another process holds it.
            KeyPoolError: the material is damaged, or there is none.
            LogCorrupt: the journal is damaged, or says what no journal may.
            OSError: something cannot be read.
        """
        place = PoolFolder(Path(folder))
        material = place.read_material()
        journal, frames = Journal.open(place.journal, material.journal_key, fsync, write)
        with ExitStack() as on_failure:
            on_failure.callback(journal.close)
            pool = cls(place, material, journal, replay(place, material, frames))
            on_failure.pop_all()
        return pool

    def close(self) -> None:
        """Let go of the pool; harmless when repeated."""
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # -- what can be used again ------------------------------------------------------------------------------------------------------------

    @property
    def identity(self) -> bytes:
        """16 bytes, the same at both parties and nowhere else; public."""
        return self._material.identity

    @property
    def party(self) -> str:
        """``alice`` or ``bob``."""
        return self._material.party

    def hash_key(self) -> bytes:
        """The key of the universal hash, 160 bytes; good for any number of padded tags."""
        return self._material.hash_key

    def seed(self, bits: int) -> bytes:
        """The first bits of the extractor's seed, packed: first bit highest, bits behind the last zero. Good for any number of sessions.

        Raises:
            KeyPoolError: the pool has a shorter one.
        """
        if not 0 <= bits <= self._material.seed_bits:
            raise KeyPoolError(
                f"{self._folder.path}: the extractor needs a seed of {bits} bits and this pool has {self._material.seed_bits}; make new "
                f"pools with eventready keys init --seed {bits} (eventready plan says how many a run needs), or plan fewer rounds"
            )
        return slice_bits(self._material.seed, 0, bits)

    # -- what is used once -----------------------------------------------------------------------------------------------------------------

    def reserve(self, session: bytes, words: Mapping[Direction, int]) -> Pads:
        """Set one-time words aside for a session, on record before this returns. No other session ever gets them.

        A session that was interrupted asks again, with the same numbers, and gets the same words.

        Args:
            session: its id, 16 bytes; fresh for each session and the same at both parties.
            words: how many for each direction; a direction left out gets none.

        Raises:
            KeyPoolError: the session is over, has asked for other numbers before, there are not enough words left, or offsets have not been
                compared with the peer since the pool was opened; or writing failed.
            ConfigError: an id of another length, or a negative number.
        """
        _require_session(session)
        counts = _counts(words)
        self._journal.require_usable()
        if session in self._ledger.retired:
            raise self._refused("this session is over, and its one-time words with it; begin a new session")
        known = self._ledger.reserved.get(session)
        if known is None:
            self._require_room(counts)
            known = Reserved(session, self._ledger.used, counts)
            self._write(known)
        elif known.words != counts:
            raise self._refused(
                f"this session has reserved other numbers of one-time words before ({by_direction(known.words)}); ask for those"
            )
        one, other = (
            bytes(pads[PAD_BYTES * start : PAD_BYTES * (start + count)])
            for pads, start, count in zip(self._pads, known.start, known.words, strict=True)
        )
        return Pads(session, (one, other))

    def _require_room(self, counts: Counts) -> None:
        if not self._compared:
            raise self._refused(
                "one-time words are reserved only after both parties have compared how far their pools are used (agree); a restored backup "
                "would go unnoticed otherwise"
            )
        if any(used + count > most for used, count, most in zip(self._ledger.used, counts, self._ledger.capacity, strict=True)):
            raise self._refused(
                f"there are not enough one-time words left for this session ({by_direction(counts)}); turn generated key into more at both "
                "ends (eventready keys refill), or make new pools (eventready keys init)"
            )

    def word(self, session: bytes, direction: Direction, number: int, digest: bytes) -> bytes:
        """One of the words that a session has reserved, bound to one content: on record before it is given out.

        The same content gets the same word again, after a crash, say. For another content the word is refused, for good: two contents under
        one word would tell an eavesdropper the difference of their hashes.

        Args:
            session: that has reserved it.
            direction: which of its words.
            number: from 0.
            digest: 32 bytes that no two contents share, such as BLAKE2b's.

        Raises:
            KeyPoolError: the session has no such word or is over, the word is bound to another content, or writing failed.
            ConfigError: an id or a digest of another length.
        """
        _require_session(session)
        if len(digest) != DIGEST_BYTES:
            raise ConfigError(f"a digest has {DIGEST_BYTES} bytes, this one has {len(digest)}")
        known = self._ledger.reserved.get(session)
        if known is None:
            raise self._refused("this session has not reserved any one-time words")
        word = self.reserve(session, dict(zip(DIRECTIONS, known.words, strict=True))).word(direction, number)
        before = self._ledger.bound.get((session, DIRECTIONS.index(direction), number))
        if before is None:
            self._write(Bound(session, direction, number, digest))
        elif not hmac.compare_digest(before, digest):
            raise self._refused(
                "this one-time word was used for another content before; was a transcript restored from a backup? End the session"
            )
        return word

    def retire(self, session: bytes) -> None:
        """A session is over, well or not: its words are never given again, on record when this returns. Harmless when repeated.

        Raises:
            KeyPoolError: writing failed.
            ConfigError: an id of another length.
        """
        _require_session(session)
        self._journal.require_usable()
        if session not in self._ledger.retired:
            self._write(Retired(session))

    # -- the peer --------------------------------------------------------------------------------------------------------------------------

    def offsets(self) -> PoolOffsets:
        """What the peer must be told when a session begins, before either party reserves words, and again after both have.

        Raises:
            KeyPoolError: writing failed before, so that it is unknown what is on record.
        """
        self._journal.require_usable()
        ledger = self._ledger
        return PoolOffsets(self.identity, self.party, ledger.used, ledger.supply(), ledger.position, ledger.peer)

    def agree(self, peer: PoolOffsets, *, most_skipped: int = MOST_SKIPPED) -> None:
        """Compare offsets with the peer, and skip to where both agree, on record before this returns. Both parties call it.

        That the peer has used more is no error by itself: a session that only it began leaves that behind. It is an error if the peer knows
        an entry of this journal that is not there (then this pool was restored from a backup), or if the peer's journal is shorter than it
        was (then the peer's was). The restored pool skips what the peer has used, on record, before it raises; so the next session can
        begin.

        Args:
            peer: the peer's :meth:`offsets`, from before it reserved words.
            most_skipped: refuse to skip more words than this, both directions together; offsets are not authenticated, and whoever forges
                them could burn the pool in one go.

        Raises:
            KeyPoolError: a restored backup, another pair of pools, more to skip than ``most_skipped``, or pads made of different keys.
        """
        self._journal.require_usable()
        found = verdict(self._ledger, self._material, peer, most_skipped, str(self._folder.path))
        self._write(found.entry)
        if isinstance(found.entry, Restored):
            self._compared = False
            raise self._refused(
                "this pool is older than the one that the peer knows: it was restored from a backup or a snapshot, or its disk has lost "
                f"what it had stored. {found.skipped} one-time words that may have been used were skipped for good. End this session; the "
                "next one can begin. Never restore a key pool: what it forgets would be used twice"
            )
        self._compared = True

    def confirm(self, session: bytes, peer: PoolOffsets) -> None:
        """Require that the peer has reserved the session's words, too, before any of them is used.

        Only then does a word's use outlast a backup of this pool: the peer has it on record.

        Args:
            session: that has reserved words here.
            peer: the peer's :meth:`offsets`, from after it reserved its words.

        Raises:
            KeyPoolError: it has not, or it shows a restored backup; end the session.
        """
        self._journal.require_usable()
        known = self._ledger.reserved.get(session)
        if known is None:
            raise self._refused("this session has not reserved any one-time words")
        require_same_pool(self._ledger, self._material, peer, str(self._folder.path))
        end = tuple(start + count for start, count in zip(known.start, known.words, strict=True))
        if any(theirs < ours for theirs, ours in zip(peer.used, end, strict=True)) or not self._ledger.knows(peer.seen):
            raise self._refused("the peer has not set the one-time words of this session aside; end the session, and begin a new one")
        if peer.position.sequence > self._ledger.peer.sequence:
            self._write(Compared(self._ledger.used, peer.position))

    def skip(self, words: Mapping[Direction, int]) -> None:
        """Give up the next one-time words for good: after a forged or a very old comparison, on the operator's word.

        Raises:
            KeyPoolError: there are not as many, or writing failed.
            ConfigError: no number of words, or a negative one.
        """
        counts, old = _counts(words), self._ledger.used
        used: Counts = (old[0] + counts[0], old[1] + counts[1])
        if any(new > most for new, most in zip(used, self._ledger.capacity, strict=True)):
            raise self._refused("there are not as many one-time words left to skip")
        self._write(Compared(used, self._ledger.peer))

    # -- generated keys --------------------------------------------------------------------------------------------------------------------

    def add_generated(self, session: bytes, key: bytes, bits: int, *, simulated: bool = True) -> int:
        """Keep a key that a session has made, on record when this returns. The same key once more is harmless.

        Args:
            session: that made it, 16 bytes.
            key: packed, first bit highest, bits behind the last zero.
            bits: its length.
            simulated: its randomness comes from a seed. So it is unless the caller knows better.

        Returns:
            How many bits sessions have made so far.

        Raises:
            KeyPoolError: the session has made another key before, the lengths do not fit, or writing failed.
            OSError: the key cannot be written.
        """
        _require_session(session)
        require_packed(key, bits)
        self._journal.require_usable()
        known = self._ledger.generated.get(session)
        if known is None:
            entry = Generated(session, bits, simulated)
            self._folder.make_generated()
            write_key(self._folder.generated_key(self._ledger.next_sequence(entry)), key)
            self._write(entry)
        elif (known.bits, known.simulated) != (bits, simulated) or self._key(known) != key:
            raise self._refused("this session has made another key before; a run makes one key, and a second one is refused")
        return sum(found.bits for found in self._ledger.generated.values())

    def generated(self) -> tuple[GeneratedKey, ...]:
        """What is known of the generated keys, in order; no bits."""
        return tuple(self._ledger.generated.values())

    def take_generated(self, session: bytes, bits: int) -> bytes:
        """Hand out the next bits of a generated key, on record before this returns: they are never handed out again.

        Args:
            session: that made the key.
            bits: how many; both parties must ask for the same pieces in the same order.

        Returns:
            Packed, first bit highest, bits behind the last zero.

        Raises:
            KeyPoolError: there are not as many left, or writing failed.
            LogCorrupt: the key's file is damaged.
        """
        known = self._require_left(session, bits)
        piece = slice_bits(self._key(known), known.taken, bits)
        self._write(Taken(session, bits))
        return piece

    def refill(self, session: bytes, words: Mapping[Direction, int], *, allow_simulated: bool = False) -> None:
        """Turn the next bits of a generated key into one-time words, Alice's direction first. Both parties must do the same.

        Args:
            session: that made the key.
            words: how many to add for each direction.
            allow_simulated: for demonstrations; pads from a simulated key authenticate nothing.

        Raises:
            KeyPoolError: there are not as many bits left, the key is simulated, or writing failed.
            ConfigError: nothing is to be added.
        """
        counts = _counts(words)
        known = self._require_left(session, WORD_BITS * sum(counts))
        if known.simulated and not allow_simulated:
            raise self._refused(
                "this key comes from a simulated run, and pads made of it authenticate nothing; allow that by name, or not at all"
            )
        self._key(known)  # read before it is promised
        self._write(Refilled(session, counts))
        self._extend_pads(session, known.taken, counts)

    def balance(self) -> Balance:
        """The balance sheet."""
        return balance_of(self._ledger, self._material.seed_bits)

    def _require_left(self, session: bytes, bits: int) -> GeneratedKey:
        self._journal.require_usable()
        known = self._ledger.generated.get(session)
        if known is None:
            raise self._refused("this session has made no key")
        if not 0 < bits <= known.bits - known.taken:
            raise self._refused(f"the key of this session has {known.bits - known.taken} bits left, and {bits} are asked for")
        return known

    def _key(self, known: GeneratedKey) -> bytes:
        return read_key(self._folder.generated_key(known.sequence), known.bits)

    def _extend_pads(self, session: bytes, start: int, words: Counts) -> None:
        key = self._key(self._ledger.generated[session])
        for pads, count in zip(self._pads, words, strict=True):
            pads += slice_bits(key, start, WORD_BITS * count)
            start += WORD_BITS * count

    def _write(self, entry: Entry) -> None:
        self._journal.require_usable()
        self._ledger.check(entry)
        sequence = self._ledger.next_sequence(entry)
        frame = self._journal.append(*encode(entry, sequence))
        self._ledger.apply(entry, sequence, frame.digest)

    def _refused(self, why: str) -> KeyPoolError:
        return KeyPoolError(f"{self._folder.path}: {why}")


def _require_session(session: bytes) -> None:
    if len(session) != SESSION_BYTES:
        raise ConfigError(f"a session's id has {SESSION_BYTES} bytes, this one has {len(session)}")


def _counts(words: Mapping[Direction, int]) -> Counts:
    counts = words.get(DIRECTIONS[0], 0), words.get(DIRECTIONS[1], 0)
    if min(counts) < 0 or not any(counts):
        raise ConfigError(f"{by_direction(counts)} is no number of one-time words; at least one must be asked for, and none below zero")
    return counts
