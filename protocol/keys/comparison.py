"""What the peer's offsets mean for this pool: nothing, words to skip, or a restored backup.

Each party remembers how long the other's journal was (its position: a number and a mark), and tells it so. An entry is durable before its
position is told, so no crash makes a journal shorter than it was said to be; only a restored copy, or a disk that lies, does.

============================================== =============================== =========================================================
the peer shows                                 this pool                       and
============================================== =============================== =========================================================
the same offsets                               notes the peer's position       goes on
it has used more                               skips as far                    goes on (a session that only the peer began)
it has used less                               notes the peer's position       goes on (the peer skips)
a position of this journal that never was      skips as far, notes what it was KeyPoolError: this pool was restored
                                               told
a journal shorter than it was, or another one  changes nothing                 KeyPoolError: the peer's pool was restored; the peer sees
                                                                               so from what it is told, skips, and the next session begins
============================================== =============================== =========================================================
"""

from __future__ import annotations

from typing import NamedTuple

from ...errors import KeyPoolError
from .entries import Compared, Counts, Position, Restored
from .ledger import Ledger
from .material import PoolMaterial
from .offsets import PoolOffsets

MOST_SKIPPED = 256
"""Words: a great many broken-off sessions, and a small part of a pool."""

_MOST_AHEAD = 2**32
"""Entries that a position may lie ahead: more than any journal has, few enough that forged ones cannot use up the numbers."""


class Verdict(NamedTuple):
    """What to put on record, and how many words it skips."""

    entry: Compared | Restored
    skipped: int


def require_same_pool(ledger: Ledger, material: PoolMaterial, peer: PoolOffsets, where: str) -> None:
    """The peer speaks of the other half of this pair of pools, with the same pads.

    Raises:
        KeyPoolError: it does not.
    """
    if peer.identity != material.identity:
        raise KeyPoolError(f"{where}: the peer has a pool of another pair; both must come from one eventready keys init")
    if peer.party == material.party:
        raise KeyPoolError(f"{where}: both parties have the pool of {peer.party}; each must have its own")
    if peer.supply != ledger.supply():
        raise KeyPoolError(
            f"{where}: the parties have not turned the same generated keys into one-time words; do at each end what was done at the other "
            "(eventready keys refill), in the same order"
        )


def verdict(ledger: Ledger, material: PoolMaterial, peer: PoolOffsets, most_skipped: int, where: str) -> Verdict:
    """Judge the peer's offsets by the table above.

    Raises:
        KeyPoolError: this pool must not go on and has nothing to put on record.
    """
    require_same_pool(ledger, material, peer, where)
    used: Counts = (max(ledger.used[0], peer.used[0]), max(ledger.used[1], peer.used[1]))
    skipped = sum(used) - sum(ledger.used)
    if any(new > most for new, most in zip(used, ledger.capacity, strict=True)) or _far(
        ledger.position, peer.seen, ledger.peer, peer.position
    ):
        raise KeyPoolError(f"{where}: the peer claims more than these pools can have; what came is damaged or forged. Nothing was skipped")
    if skipped > most_skipped:
        raise KeyPoolError(
            f"{where}: the peer has used {skipped} one-time words more than this pool knows of, and at most {most_skipped} are skipped "
            "without being asked. Make sure that it was the peer who said so; then give them up with eventready keys skip, and never use "
            "this pool's backup again if it is one"
        )
    if not ledger.knows(peer.seen):
        # What this pool has forgotten of the peer it learns anew, so that the peer's pool cannot be set back unnoticed in its turn.
        known = ledger.peer if _older(peer.position, ledger.peer) else peer.position
        return Verdict(Restored(used, peer.seen, known), skipped)
    if _older(peer.position, ledger.peer):
        raise KeyPoolError(
            f"{where}: the peer's pool is older than it was: it was restored from a backup or a snapshot. The peer is told so, and skips "
            "what was used; end this session and begin a new one"
        )
    return Verdict(Compared(used, peer.position), skipped)


def _older(shown: Position, seen: Position) -> bool:
    return shown.sequence < seen.sequence or (shown.sequence == seen.sequence and shown.mark != seen.mark)


def _far(own: Position, told: Position, seen: Position, shown: Position) -> bool:
    return told.sequence > own.sequence + _MOST_AHEAD or shown.sequence > seen.sequence + _MOST_AHEAD
