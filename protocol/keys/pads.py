"""The one-time words of a session."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import KeyPoolError
from ..authentication import PAD_BYTES, Direction
from .entries import DIRECTIONS


@dataclass(frozen=True)
class Pads:
    """The words that a pool has set aside for one session, for each direction. Its repr shows none.

    Attributes:
        session: the session's id, 16 bytes.
        words: of each direction, 8 bytes a word; the same at both parties.
    """

    session: bytes
    words: tuple[bytes, bytes] = field(repr=False)

    def count(self, direction: Direction) -> int:
        """How many words there are."""
        return len(self.words[DIRECTIONS.index(direction)]) // PAD_BYTES

    def word(self, direction: Direction, number: int) -> bytes:
        """One word, 8 bytes. It pads one content and never another: asking again gives the same word.

        Raises:
            KeyPoolError: the session has not reserved that many.
        """
        if not 0 <= number < self.count(direction):
            raise KeyPoolError(
                f"this session has reserved {self.count(direction)} one-time words for {direction.name.lower().replace('_', ' ')} and asks "
                f"for number {number} (from 0); reserve as many as it needs when it begins"
            )
        return self.words[DIRECTIONS.index(direction)][PAD_BYTES * number : PAD_BYTES * (number + 1)]
