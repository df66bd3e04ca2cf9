"""Group commit: the round loop goes on while the disk works.

The loop's thread only takes the records together and checks them. Another one seals, writes and syncs the frame (hashing in the loop's
thread would hand the interpreter over in the middle of a round), and nothing else is written to that log until it has returned. A round
is durable, and may be acknowledged, when :meth:`GroupCommit.poll` or :meth:`GroupCommit.commit` has said so.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future

from .log_writer import RoundLogWriter


class GroupCommit:
    """A round log with commits in the background.

    Args:
        writer: the log; nobody else may use it meanwhile.
        executor: its threads wait for the disk.
    """

    def __init__(self, writer: RoundLogWriter, executor: Executor) -> None:
        self._writer = writer
        self._executor = executor
        self._sync: Future[None] | None = None
        self._synced = False  # asked in every round; Future.done() takes a lock
        self.append = writer.append

    def start(self, leave: int = 0) -> None:
        """Begin to make durable what has been appended, but for the last ``leave`` records; does nothing while a commit is under way.

        Raises:
            LogStopped: the log can take no more.
            ValueError: a record may not stand in this log.
        """
        if self._sync is None and self._writer.begin_commit(leave):
            self._synced = False
            self._sync = self._executor.submit(self._wait_for_disk)

    def poll(self) -> int | None:
        """Index of the last durable round if a commit has ended since the last call, else None.

        Raises:
            LogStopped: the disk failed.
        """
        if self._sync is None or not self._synced:
            return None
        return self._end(self._sync)

    def commit(self) -> int | None:
        """Make everything durable and wait for it; returns the index of the last durable round, None before the first.

        Raises:
            LogStopped: the disk failed.
            ValueError: a record may not stand in this log.
        """
        if self._sync is not None:
            self._end(self._sync)
        return self._writer.commit()

    def _wait_for_disk(self) -> None:
        try:
            self._writer.sync()
        finally:
            self._synced = True

    def _end(self, sync: Future[None]) -> int | None:
        error = sync.exception()
        self._sync = None
        return self._writer.end_commit(error)
