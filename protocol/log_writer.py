"""Writing a round log: a round counts as recorded when ``commit`` has returned, and not before."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, EventreadyError
from .durable_file import DurableFile
from .frames import GENESIS, MAX_RECORDS, Chain, Kind
from .log_contents import Facts, LogHeader, Segment, accepted, find_misfit
from .log_reader import LogDecoder
from .records import RECORD_DTYPE, RECORD_SIZE

_logger = logging.getLogger(__name__)

Fsync = Callable[[int], None]
Write = Callable[[int, memoryview], int]


class LogStopped(EventreadyError):
    """A round log can take no more rounds, so the run must stop: a write or sync failed, or the log was closed."""


class LogClosed(ConfigError):
    """A log that is to be resumed was ended for good: its part of the run is complete."""


class RoundLogWriter:
    """Appends rounds to one party's log. Made by :meth:`create` or :meth:`reopen`, used by one thread.

    After a write or sync error nothing is tried again: the operating system may have dropped the bytes and would report success
    (Linux does). Every later call raises :class:`LogStopped`; :meth:`reopen` finds out what the disk holds.

    Attributes:
        header: the log's header.
        durable_index: index of the last round that is durable, None before the first.
        record_count: records that are durable, vetoed heralds included.
        segment: number of the current segment, 0 until the run is resumed.
        torn_bytes: how many bytes :meth:`reopen` cut off, left behind the last whole frame by a crash.
    """

    def __init__(self, file: DurableFile, key: bytes, header: LogHeader, state: LogDecoder | None = None, torn_bytes: int = 0) -> None:
        self.header = header
        self.durable_index = state.last_index if state is not None else None
        self.record_count = state.record_count if state is not None else 0
        self.segment = len(state.segments) if state is not None else 0
        self.torn_bytes = torn_bytes
        self._offset = state.offset if state is not None else 0
        self._head = state.head if state is not None else GENESIS
        self._file = file
        self._chain = Chain(key)
        self._pending: list[bytes] = []
        self._stopped: str | None = None
        self._written: tuple[int, bytes] | None = None
        self._begun: NDArray[np.void] | None = None

    def __repr__(self) -> str:
        return f"<RoundLogWriter of {self._file.path}: {self.record_count} records durable>"

    @classmethod
    def create(cls, path: Path, header: LogHeader, key: bytes, fsync: Fsync = os.fsync, write: Write = os.write) -> Self:
        """Begin a new log; its header is durable when this returns, and there is no file if it raises.

        Args:
            path: the log; must not exist. Its mode becomes 0600 where the system has modes.
            header: the first frame.
            key: 32 secret bytes; :data:`~.frames.PUBLIC_KEY` for the public log.
            fsync: makes a descriptor's bytes durable.
            write: as ``os.write``.

        Raises:
            ConfigError: the file exists.
            LogStopped: the header could not be written.
            OSError: the file could not be made.
        """
        path = Path(path)
        with ExitStack() as on_failure:
            file = DurableFile(path, create=True, fsync=fsync, write=write)
            on_failure.callback(path.unlink, missing_ok=True)
            on_failure.callback(file.close)
            writer = cls(file, key, header)
            writer._put(Kind.HEADER, header.payload())
            file.sync_name()
            on_failure.pop_all()
        return writer

    @classmethod
    def reopen(cls, path: Path, key: bytes, fsync: Fsync = os.fsync, write: Write = os.write) -> Self:
        """Go on with a log after a crash: verify it, cut off a torn tail, and only then allow more to be appended.

        Args:
            path: the log.
            key: its chain key.
            fsync: makes a descriptor's bytes durable.
            write: as ``os.write``.

        Raises:
            LogClosed: it needs no more; a tail torn behind the close frame has been cut off.
            ConfigError: another writer holds the log.
            LogCorrupt: it is damaged in a way that no crash explains.
            OSError: it cannot be read or repaired.
        """
        path = Path(path)
        with ExitStack() as on_failure:
            file = DurableFile(path, create=False, fsync=fsync, write=write)
            on_failure.callback(file.close)
            data = file.read_all()
            state = LogDecoder(path, key)
            records = state.feed(data)
            rest = data[state.offset :]
            state.check_rest(rest)
            contents = state.contents(records, len(rest))
            if rest:
                _logger.warning("%s: cut off %d bytes that a crash left behind the last whole frame", path, len(rest))
                file.truncate(state.offset)
            # The last frame may be whole in the system's cache only, marked clean by a sync that failed: write it once more.
            file.write_at(state.last_frame_offset, data[state.last_frame_offset : state.offset])
            file.sync()
            if contents.closed:
                raise LogClosed(f"{path}: the log was closed, so nothing can be added to it; start a new run instead")
            on_failure.pop_all()
        return cls(file, key, contents.header, state, len(rest))

    def append(self, record: bytes) -> None:
        """Take one record (48 bytes); it is nowhere but in memory until :meth:`commit`.

        Raises:
            ValueError: it has another length.
            LogStopped: the log can take no more.
        """
        if self._stopped is not None:
            self._raise_stopped()
        if len(record) != RECORD_SIZE:
            raise ValueError(f"a record has {RECORD_SIZE} bytes, not {len(record)}")
        self._pending.append(record)

    def commit(self) -> int | None:
        """Make all appended records durable; only then may anybody be told about these rounds.

        Returns:
            :attr:`durable_index`.

        Raises:
            LogStopped: writing or syncing failed; the rounds since the last commit may or may not be in the log.
            ValueError: a record may not stand in this log (order of the indices, something secret in a public log); the log stops.
        """
        if self._stopped is not None:
            self._raise_stopped()
        if self._pending:
            data = b"".join(self._pending)
            self._pending.clear()
            step = MAX_RECORDS * RECORD_SIZE
            for start in range(0, len(data), step):
                self._commit_frame(data[start : start + step])
        return self.durable_index

    def begin_commit(self, leave: int = 0) -> bool:
        """Take appended records for one frame, to be made durable by :meth:`sync` and :meth:`end_commit`; commit nothing before that.

        Args:
            leave: how many of the last ones stay in memory.

        Returns:
            Whether there was anything to write.

        Raises:
            LogStopped: the log can take no more, or an earlier commit has not ended.
            ValueError: as :meth:`commit`.
        """
        if self._stopped is not None:
            self._raise_stopped()
        count = min(len(self._pending) - leave, MAX_RECORDS)
        if count <= 0:
            return False
        self._require_no_commit()
        data = b"".join(self._pending[:count])
        del self._pending[:count]
        self._begun = self._checked(data)
        return True

    def sync(self) -> None:
        """Write what :meth:`begin_commit` took, and wait until it is durable. The only method that another thread may call.

        Raises:
            OSError: it is not; hand the error to :meth:`end_commit`.
        """
        if self._begun is not None:
            self._write_frame(Kind.RECORDS, self._begun.tobytes())
            self._file.sync()

    def end_commit(self, error: BaseException | None = None) -> int | None:
        """Take note that :meth:`sync` has returned, or with which error.

        Returns:
            :attr:`durable_index`.

        Raises:
            LogStopped: there was an error, and the log can take no more; or no commit has begun.
        """
        if error is not None:
            self._stop(error)
        if self._begun is None:
            raise LogStopped(f"{self._file.path}: no commit has begun")
        self._frame_synced()
        self._count(self._begun)
        self._begun = None
        return self.durable_index

    def _commit_frame(self, data: bytes) -> None:
        records = self._checked(data)
        self._put(Kind.RECORDS, data)
        self._count(records)

    def _checked(self, data: bytes) -> NDArray[np.void]:
        records = np.frombuffer(data, RECORD_DTYPE)
        misfit = find_misfit(records, self.header.party, self.durable_index)
        if misfit is not None:
            self._stopped = f"a record was refused: {misfit[1]}"
            raise ValueError(f"{self._file.path}: record {self.record_count + misfit[0]} may not stand there: {misfit[1]}")
        return records

    def _count(self, records: NDArray[np.void]) -> None:
        self.record_count += len(records)
        rounds = records["index"][accepted(records)]
        if len(rounds):
            self.durable_index = int(rounds[-1])

    def begin_segment(self, facts: Facts) -> int:
        """Note that the run was resumed here; call it once after :meth:`reopen`. Commits what is pending.

        Args:
            facts: what is worth keeping about the new segment, as in :class:`~.log_contents.LogHeader`.

        Returns:
            The segment's number, with which a simulated run seeds anew.

        Raises:
            LogStopped: as :meth:`commit`.
            ValueError: the facts are not what they must be.
        """
        self.commit()
        segment = Segment(self.segment + 1, facts, self.record_count)
        self._put(Kind.SEGMENT, segment.payload())
        self.segment = segment.number
        return segment.number

    def close(self) -> bytes:
        """Commit what is pending and end the log for good: it cannot be reopened. Lets go of the file, whatever happens.

        Returns:
            The chain's head, 32 bytes. It is a function of the outcomes: it stays inside the site.

        Raises:
            LogStopped: as :meth:`commit`.
        """
        try:
            self.commit()
            self._put(Kind.CLOSE, self.record_count.to_bytes(8, "little"))
        finally:
            self.abandon()
        return self._head

    def abandon(self) -> None:
        """Let go of the file without ending the log, so that the run can be resumed; pending records are lost. Harmless when repeated."""
        self._pending.clear()
        self._file.close()
        if self._stopped is None:
            self._stopped = "it was closed"

    def _put(self, kind: Kind, payload: bytes) -> None:
        """Write one frame and sync it before another may begin: a crash then tears the last frame at most."""
        self._require_no_commit()
        # Set first, so that anything that breaks in here (an interrupt from the keyboard as well) leaves the log stopped.
        self._stopped = "a write was interrupted"
        try:
            self._write_frame(kind, payload)
            self._file.sync()
        except OSError as error:
            self._stop(error)
        self._frame_synced()
        self._stopped = None

    def _require_no_commit(self) -> None:
        if self._begun is not None:
            raise LogStopped(f"{self._file.path}: a commit has not ended yet; nothing may be written before that")

    def _write_frame(self, kind: Kind, payload: bytes) -> None:
        frame, head = self._chain.seal(self._head, kind, payload)
        self._file.write_at(self._offset, frame)
        self._written = (len(frame), head)

    def _frame_synced(self) -> None:
        if self._written is None:
            raise LogStopped(f"{self._file.path}: a commit cannot end before what it took is synced")
        length, self._head = self._written
        self._offset += length
        self._written = None

    def _stop(self, error: BaseException) -> NoReturn:
        self._stopped = f"a write or sync failed: {getattr(error, 'strerror', None) or error}"
        raise LogStopped(f"{self._file.path}: {self._stopped}. {_ADVICE}") from error

    def _raise_stopped(self) -> None:
        raise LogStopped(f"{self._file.path}: the log takes no more rounds, {self._stopped}. {_ADVICE}")


_ADVICE = "Nothing that was acknowledged is lost; see to the disk, then resume the run"
