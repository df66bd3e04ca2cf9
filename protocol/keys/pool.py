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
from ..authentication import PAD_BYTES, Direction
from .balance import Balance, balance_of
from .comparison import MOST_SKIPPED, require_same_pool, verdict
from .entries import (
    DIGEST_BYTES,
    DIRECTIONS,
    Bound,
    Compared,
    Counts,
    Created,
    Reserved,
    Restored,
    Retired,
    encode,
)
from .generated import slice_bits
from .generated_keys import GeneratedKeys
from .journal import Journal
from .ledger import Ledger, by_direction
from .material import PoolMaterial, Source
from .offsets import PoolOffsets
from .pads import Pads
from .pool_folder import PoolFolder
from .reading import replay
from .recorded import counts_of, require_session

Fsync = Callable[[int], None]
Write = Callable[[int, memoryview], int]


class KeyPool(GeneratedKeys):
    """One party's pool, held by one process. Made by :meth:`create` or :meth:`open`; a context manager. Used by one thread."""

    def __init__(self, folder: PoolFolder, material: PoolMaterial, journal: Journal, ledger: Ledger) -> None:
        super().__init__(folder, material, journal, ledger)
        self._compared = False

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
        require_session(session)
        counts = counts_of(words)
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
        require_session(session)
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
        require_session(session)
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
        counts, old = counts_of(words), self._ledger.used
        used: Counts = (old[0] + counts[0], old[1] + counts[1])
        if any(new > most for new, most in zip(used, self._ledger.capacity, strict=True)):
            raise self._refused("there are not as many one-time words left to skip")
        self._write(Compared(used, self._ledger.peer))

    # -- the whole ----------------------------------------------------------------------------------------------------------------------

    def balance(self) -> Balance:
        """The balance sheet."""
        return balance_of(self._ledger, self._material.seed_bits)
