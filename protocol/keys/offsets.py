"""How far each party's pool is used: what both tell each other at the start of a session, so that a restored backup is noticed."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from ...errors import KeyPoolError
from .entries import PARTIES, Counts, Position

_LAYOUT = struct.Struct(">4s16sBQQ16sQ16sQ16s")
_MAGIC = b"EvO\x01"
OFFSETS_BYTES = _LAYOUT.size


@dataclass(frozen=True)
class PoolOffsets:
    """What one party tells the other of its pool. Meant for the other party only: it shows how much is used.

    Attributes:
        identity: of the pair of pools, 16 bytes.
        party: who says this.
        used: words of each direction that are gone.
        supply: 16 bytes, equal if both have made pads of the same generated keys.
        position: of the speaker's journal.
        seen: the position of the listener's journal that the speaker saw last.
    """

    identity: bytes
    party: str
    used: Counts = field(repr=False)
    supply: bytes = field(repr=False)
    position: Position = field(repr=False)
    seen: Position = field(repr=False)

    def encode(self) -> bytes:
        """As bytes, :data:`OFFSETS_BYTES` of them."""
        return _LAYOUT.pack(_MAGIC, self.identity, PARTIES.index(self.party), *self.used, self.supply, *self.position, *self.seen)

    @classmethod
    def decode(cls, data: bytes) -> PoolOffsets:
        """Read what the peer sent, or somebody else in its place.

        Raises:
            KeyPoolError: these are no offsets.
        """
        if len(data) != _LAYOUT.size or data[:4] != _MAGIC:
            raise KeyPoolError(
                f"the peer's message about its key pool has {len(data)} bytes or a head that is not known; use the same version of "
                "eventready at both ends"
            )
        _, identity, party, one, other, supply, sequence, mark, seen_sequence, seen_mark = _LAYOUT.unpack(data)
        if party >= len(PARTIES):
            raise KeyPoolError("the peer's message about its key pool names a party that there is not")
        return cls(identity, PARTIES[party], (one, other), supply, Position(sequence, mark), Position(seen_sequence, seen_mark))
