"""The keys that sessions have made: kept, handed out once, or turned into one-time words."""

from __future__ import annotations

from collections.abc import Mapping

from ..authentication import Direction
from .entries import Counts, Generated, Refilled, Taken
from .generated import read_key, require_packed, slice_bits, write_key
from .journal import Journal
from .ledger import WORD_BITS, GeneratedKey, Ledger
from .material import PoolMaterial
from .pool_folder import PoolFolder
from .recorded import Recorded, counts_of, require_session


class GeneratedKeys(Recorded):
    """The part of a pool that grows. Its bits stand in files beside the journal."""

    def __init__(self, folder: PoolFolder, material: PoolMaterial, journal: Journal, ledger: Ledger) -> None:
        super().__init__(folder, material, journal, ledger)
        self._pads = [bytearray(words) for words in material.pads]
        for refill in ledger.refills:
            self._extend_pads(refill.session, refill.start, refill.words)

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
        require_session(session)
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
        counts = counts_of(words)
        known = self._require_left(session, WORD_BITS * sum(counts))
        if known.simulated and not allow_simulated:
            raise self._refused(
                "this key comes from a simulated run, and pads made of it authenticate nothing; allow that by name, or not at all"
            )
        self._key(known)  # read before it is promised
        self._write(Refilled(session, counts))
        self._extend_pads(session, known.taken, counts)

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
