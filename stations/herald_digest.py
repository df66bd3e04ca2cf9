"""A digest of the heralds of a run: what the heralding station announced, against what a party heard.

Both keep the heralds since they last compared, and hash them then, not in every round. What is hashed (number, pattern and time of each
herald) is public, so the digest says nothing that is not. It is no defence against Eve: it finds messages that were altered, by a line or
by a program, before a record that was made by them reaches the disk.
"""

from __future__ import annotations

import hashlib
import operator
import struct
from collections.abc import Callable
from itertools import chain

from .messages import Accepted

_FIELDS = operator.itemgetter(*(Accepted._fields.index(name) for name in ("n", "pattern", "herald_ps")))
_AT_ONCE = 80
"""Heralds; for more than 2 kB hashlib would hand the interpreter over to another thread in the middle of a round."""
DIGEST_SIZE = 16
"""Bytes of a digest. Two lists of heralds that differ have the same one with probability 2**-128."""


class HeraldDigest:
    """Running digest over the heralds of one segment of a run, in the order of their numbers.

    Args:
        last_index: of the last round before this segment, -1 at the start of a run.

    Attributes:
        upto: number of the last herald that both ends agree on.
        note: take one more announcement; called in every round, so it is no more than the ``append`` of a list.
    """

    def __init__(self, last_index: int = -1) -> None:
        self.upto = last_index
        self._hash = hashlib.blake2b(digest_size=DIGEST_SIZE)
        self._waiting: list[Accepted] = []
        self.note: Callable[[Accepted], None] = self._waiting.append

    def peek(self, n: int) -> bytes | None:
        """Digest of the heralds up to and including ``n``; None where they have not been noted, or are no longer at hand one by one."""
        grown = self._grown(n)
        return None if grown is None else grown.digest()

    def announce(self, n: int) -> bytes:
        """The same, for those who compare; what lies before ``n`` is let go of.

        Raises:
            ValueError: herald ``n`` has not been noted, or one after it has been announced.
        """
        grown = self._grown(n)
        if grown is None:
            raise ValueError(f"there is no digest of the heralds up to {n}: {self.upto} was announced, {len(self._waiting)} came after it")
        self._settle(n, grown)
        return grown.digest()

    def confirm(self, n: int, digest: bytes) -> bool:
        """Compare with what was announced; nothing changes where it differs.

        Returns:
            Whether the heralds up to and including ``n`` are those of ``digest``.
        """
        grown = self._grown(n)
        if grown is None or grown.digest() != digest:
            return False
        self._settle(n, grown)
        return True

    def _grown(self, n: int) -> hashlib.blake2b | None:
        count = n - self.upto
        if not 0 <= count <= len(self._waiting):
            return None
        grown = self._hash.copy()
        for start in range(0, count, _AT_ONCE):
            fields = [*chain.from_iterable(map(_FIELDS, self._waiting[start : min(start + _AT_ONCE, count)]))]
            grown.update(struct.pack(f"<{len(fields)}q", *fields))
        return grown

    def _settle(self, n: int, grown: hashlib.blake2b) -> None:
        del self._waiting[: n - self.upto]
        self._hash = grown
        self.upto = n
