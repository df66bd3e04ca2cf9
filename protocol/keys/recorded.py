"""What everything that a pool does stands on: its folder, its bits, its journal and the state that follows from it."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import ConfigError, KeyPoolError
from ..authentication import SESSION_BYTES, Direction
from .entries import DIRECTIONS, Counts, Entry, encode
from .journal import Journal
from .ledger import Ledger, by_direction
from .material import PoolMaterial
from .pool_folder import PoolFolder


class Recorded:
    """A pool's state, of which every change is on record before it counts.

    Args:
        folder: of the pool.
        material: its pre-shared bits.
        journal: open.
        ledger: the state after what the journal says.
    """

    def __init__(self, folder: PoolFolder, material: PoolMaterial, journal: Journal, ledger: Ledger) -> None:
        self._folder = folder
        self._material = material
        self._journal = journal
        self._ledger = ledger

    def _write(self, entry: Entry) -> None:
        self._journal.require_usable()
        self._ledger.check(entry)
        sequence = self._ledger.next_sequence(entry)
        frame = self._journal.append(*encode(entry, sequence))
        self._ledger.apply(entry, sequence, frame.digest)

    def _refused(self, why: str) -> KeyPoolError:
        return KeyPoolError(f"{self._folder.path}: {why}")


def require_session(session: bytes) -> None:
    """A session's id has the right length.

    Raises:
        ConfigError: it has not.
    """
    if len(session) != SESSION_BYTES:
        raise ConfigError(f"a session's id has {SESSION_BYTES} bytes, this one has {len(session)}")


def counts_of(words: Mapping[Direction, int]) -> Counts:
    """Numbers of one-time words in the order of the directions; a direction left out has none.

    Raises:
        ConfigError: one is negative, or all are zero.
    """
    counts = words.get(DIRECTIONS[0], 0), words.get(DIRECTIONS[1], 0)
    if min(counts) < 0 or not any(counts):
        raise ConfigError(f"{by_direction(counts)} is no number of one-time words; at least one must be asked for, and none below zero")
    return counts
