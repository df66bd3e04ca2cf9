"""An append-only file of small entries, each durable before anything is done because of it.

The frames are those of the round log (:mod:`..frames`): a CRC-32, and a keyed digest that binds each frame to all before it. A torn tail,
which a crash leaves, is cut off: nothing was done because of it. Any other damage is an error with its place.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, NoReturn, Self

from ...errors import KeyPoolError, LogCorrupt
from ..durable_file import DurableFile
from ..frames import DIGEST_SIZE, GENESIS, HEAD, MAX_FRAME, Chain, find_whole_frame, whole_frame_at

_logger = logging.getLogger(__name__)


class Frame(NamedTuple):
    """One entry of a journal.

    Attributes:
        kind: what it is; the journal does not care.
        payload: what it says.
        digest: of the frame and all before it.
        offset: where it begins in the file.
    """

    kind: int
    payload: bytes
    digest: bytes
    offset: int


class Journal:
    """Appends entries to a file. Made by :meth:`create` or :meth:`open`, used by one thread.

    After a write or sync error nothing is tried again: the operating system may have dropped the bytes and would report success.
    """

    def __init__(self, file: DurableFile, key: bytes, frames: list[Frame], size: int) -> None:
        self._file = file
        self._chain = Chain(key)
        self._digest = frames[-1].digest if frames else GENESIS
        self._offset = size
        self._stopped: str | None = None

    @classmethod
    def create(
        cls, path: Path, key: bytes, kind: int, payload: bytes, fsync: Callable[[int], None], write: Callable[[int, memoryview], int]
    ) -> tuple[Self, Frame]:
        """Begin a journal with its first entry, durable when this returns; there is no file if it raises.

        Raises:
            ConfigError: the file exists.
            KeyPoolError: writing failed.
        """
        with ExitStack() as on_failure:
            file = DurableFile(path, create=True, fsync=fsync, write=write)
            on_failure.callback(path.unlink, missing_ok=True)
            on_failure.callback(file.close)
            journal = cls(file, key, [], 0)
            first = journal.append(kind, payload)
            file.sync_name()
            on_failure.pop_all()
        return journal, first

    @classmethod
    def open(
        cls, path: Path, key: bytes, fsync: Callable[[int], None] = os.fsync, write: Callable[[int, memoryview], int] = os.write
    ) -> tuple[Self, list[Frame]]:
        """Verify a journal, cut off a torn tail, and go on with it.

        Raises:
            ConfigError: another process holds it.
            LogCorrupt: it is damaged in a way that no crash explains.
            OSError: it cannot be read or repaired.
        """
        with ExitStack() as on_failure:
            file = DurableFile(path, create=False, fsync=fsync, write=write)
            on_failure.callback(file.close)
            data = file.read_all()
            frames, size = _parse(path, data, key)
            if len(data) > size:
                _logger.warning("%s: cut off %d bytes that a crash left behind the last whole entry", path, len(data) - size)
                file.truncate(size)
            # The last frame may be whole in the system's cache only, marked clean by a sync that failed: write it once more.
            file.write_at(frames[-1].offset, data[frames[-1].offset : size])
            file.sync()
            on_failure.pop_all()
        return cls(file, key, frames, size), frames

    def append(self, kind: int, payload: bytes) -> Frame:
        """Add an entry. When this returns it is durable, and not before may anything be done because of it.

        Raises:
            KeyPoolError: writing or syncing failed, now or before; the entry may or may not be in the file.
        """
        self.require_usable()
        sealed, digest = self._chain.seal(self._digest, kind, payload)
        # Set first, so that anything that breaks in here (an interrupt from the keyboard as well) leaves the journal stopped.
        self._stopped = "a write was interrupted"
        try:
            self._file.write_at(self._offset, sealed)
            self._file.sync()
        except OSError as error:
            self._stopped = f"a write or sync failed: {error.strerror or error}"
            raise KeyPoolError(f"{self._file.path}: {self._stopped}. {_ADVICE}") from error
        frame = Frame(kind, payload, digest, self._offset)
        self._offset, self._digest, self._stopped = self._offset + len(sealed), digest, None
        return frame

    def require_usable(self) -> None:
        """Nothing has failed, and the journal is open.

        Raises:
            KeyPoolError: otherwise; what is in memory may not be what is on disk.
        """
        if self._stopped is not None:
            raise KeyPoolError(f"{self._file.path}: no more can be done with this pool, {self._stopped}. {_ADVICE}")

    def close(self) -> None:
        """Let go of the file and its lock; harmless when repeated."""
        self._file.close()
        if self._stopped is None:
            self._stopped = "it was closed"


_ADVICE = "What was handed out stays on record; see to the disk, then open the pool again"


def read_frames(path: Path, key: bytes) -> list[Frame]:
    """The entries of a journal that another process may be writing; nothing is changed.

    Raises:
        LogCorrupt: it is damaged in a way that no crash explains.
        OSError: it cannot be read.
    """
    return _parse(path, path.read_bytes(), key)[0]


def _parse(path: Path, data: bytes, key: bytes) -> tuple[list[Frame], int]:
    """The whole frames at the start of ``data``, at least one, and where they end."""
    chain, view, frames, offset, digest = Chain(key), memoryview(data), [], 0, GENESIS
    while (found := whole_frame_at(view, offset)) is not None:
        kind, end = found
        digest = chain.digest(digest, view[offset:end])
        if digest != view[end : end + DIGEST_SIZE]:
            break
        frames.append(Frame(kind, bytes(view[offset + HEAD.size : end]), digest, offset))
        offset = end + DIGEST_SIZE
    if not frames:
        _refuse(path, 0, 0, "is damaged, or of another pool: it does not fit the pool's material")
    if (later := find_whole_frame(data[offset:], 1)) is not None:
        _refuse(path, len(frames), offset, f"is damaged, and a whole one follows at byte {offset + later}")
    if len(data) - offset > MAX_FRAME:
        _refuse(path, len(frames), offset, f"is damaged, and {len(data) - offset} bytes follow, more than a crash can leave")
    return frames, offset


def _refuse(path: Path, number: int, offset: int, what: str) -> NoReturn:
    raise LogCorrupt(
        f"{path}: entry {number} at byte {offset} {what}. A journal is never read in part, since what was used would be used again: "
        "make new pools at both ends (eventready keys init); this one must not be used any more"
    )
