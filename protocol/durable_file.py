"""Files that must survive a crash: what we ask of the operating system, Linux or Windows."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ConfigError

if sys.platform == "win32":
    import msvcrt

    # Windows locks forbid reading, so the locked byte lies where no log has one: the last that the C library's lock can address.
    _LOCKED_BYTE = 2**31 - 2

    def _lock(handle: int) -> None:
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class DurableFile:
    """A file that one writer appends to. The operating system drops its lock when the process dies, however it dies.

    Args:
        path: where.
        create: make a new file, mode 0600; otherwise open an existing one.
        fsync: called with the descriptor to make written bytes durable.
        write: as ``os.write``; may write a part and say how much.

    Raises:
        ConfigError: another writer holds the file, or a file to be made exists.
        OSError: from the operating system.
    """

    def __init__(self, path: Path, *, create: bool, fsync: Callable[[int], None], write: Callable[[int, memoryview], int]) -> None:
        self.path = path
        self._fsync = fsync
        self._write = write
        flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | (os.O_CREAT | os.O_EXCL if create else 0)
        try:
            self._handle: int | None = os.open(path, flags, 0o600)
        except FileExistsError:
            raise ConfigError(f"{path}: this log exists and is never overwritten; resume the run, or choose another folder") from None
        try:
            _lock(self._handle)
        except OSError as error:
            self.close()
            if create:
                path.unlink()
            if isinstance(error, BlockingIOError | PermissionError):
                raise ConfigError(f"{path}: another process is writing this log; stop that one first") from None
            raise

    def fileno(self) -> int:
        """The descriptor.

        Raises:
            OSError: the file has been closed.
        """
        if self._handle is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), str(self.path))
        return self._handle

    def read_all(self) -> bytes:
        """Everything in the file, from its start."""
        with open(self.fileno(), "rb", closefd=False) as file:
            file.seek(0)
            return file.read()

    def write_at(self, offset: int, data: bytes) -> None:
        """Write all of ``data`` at ``offset``."""
        handle = self.fileno()
        os.lseek(handle, offset, os.SEEK_SET)
        view = memoryview(data)
        while view:
            written = self._write(handle, view)
            if written <= 0:
                raise OSError(errno.EIO, "nothing was written", str(self.path))
            view = view[written:]

    def truncate(self, size: int) -> None:
        """Cut the file to ``size`` bytes."""
        os.ftruncate(self.fileno(), size)

    def sync(self) -> None:
        """Return when all that was written is durable."""
        self._fsync(self.fileno())

    def sync_name(self) -> None:
        """Make the file's entry in its folder durable, which syncing the file alone does not."""
        sync_directory(self.path.parent, self._fsync)

    def close(self) -> None:
        """Let go of the file and its lock; harmless when repeated."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def sync_directory(path: Path, fsync: Callable[[int], None] = os.fsync) -> None:
    """Make new names in a folder durable. Windows has no such call; NTFS journals its names."""
    if sys.platform != "win32":
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A path to write, which becomes ``target`` (mode 0600, durable) when the block ends, and vanishes when it fails."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    sync_directory(target.parent)


def write_atomic(target: Path, data: bytes) -> None:
    """Make ``target`` hold exactly ``data``, or leave it as it was."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(data)
