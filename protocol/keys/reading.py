"""What a pool's journal says, replayed entry by entry; for the pool itself, and for a look at one that another process holds."""

from __future__ import annotations

from pathlib import Path

from ...errors import LogCorrupt
from .entries import Created, decode
from .journal import Frame, read_frames
from .ledger import Ledger
from .material import PoolMaterial
from .pool_folder import PoolFolder


def read_ledger(folder: Path) -> tuple[PoolMaterial, Ledger]:
    """The material and the state of a pool; nothing is changed.

    Raises:
        ConfigError: there is no pool.
        KeyPoolError: its material is damaged, or it has no journal.
        LogCorrupt: its journal is damaged.
        OSError: something cannot be read.
    """
    place = PoolFolder(Path(folder))
    material = place.read_material()
    return material, replay(place, material, read_frames(place.journal, material.journal_key))


def replay(folder: PoolFolder, material: PoolMaterial, frames: list[Frame]) -> Ledger:
    """The state after all entries.

    Raises:
        LogCorrupt: an entry says what the pool would not do, or the journal is not of this material.
    """
    ledger = Ledger()
    for number, frame in enumerate(frames):
        try:
            sequence, entry = decode(frame.kind, frame.payload)
            ledger.apply(entry, sequence, frame.digest)
        except ValueError as error:
            raise LogCorrupt(f"{folder.journal}: entry {number} at byte {frame.offset} is whole and wrong: {error}") from error
    if ledger.created != Created(material.identity, material.party, material.words):
        raise LogCorrupt(f"{folder.journal}: this journal is not of the material beside it; one of the two was put there from elsewhere")
    return ledger
