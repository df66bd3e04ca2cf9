"""Random bytes that have passed the health tests and wait to be used, each at most once."""

from __future__ import annotations

from ..errors import KeyPoolError


class RandomPool:
    """Bytes numbered from 0, over all fillings. What is taken or skipped is overwritten at once.

    Messages name no position and no byte: both are secret.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._first = 0  # position of _bytes[0]
        self._used = 0  # so many of _bytes have been taken or skipped

    def __len__(self) -> int:
        """Bytes that may still be taken."""
        return len(self._bytes) - self._used

    def __repr__(self) -> str:
        return f"<RandomPool with {len(self)} bytes>"

    def append(self, data: bytes) -> int:
        """Add bytes behind those that are there; returns the position of the first one added."""
        start = self._first + len(self._bytes)
        fresh = self._bytes[self._used :] + data
        self._overwrite()
        self._bytes, self._first, self._used = fresh, self._first + self._used, 0
        return start

    def take(self, position: int, n_bytes: int) -> bytes:
        """Hand out ``n_bytes`` from ``position`` on; what lies before is given up.

        Raises:
            KeyPoolError: a byte has been taken or given up before, or there are not enough; the pool is as it was.
        """
        start, used, pool = position - self._first, self._used, self._bytes
        stop = start + n_bytes
        if start < used or n_bytes < 0:
            raise KeyPoolError("random bytes asked for a second time; they are drawn once and never again")
        if stop > len(pool):
            raise KeyPoolError("the pool of random bytes is used up; fill it between rounds")
        taken = bytes(pool[start:stop])
        pool[used:stop] = bytes(stop - used)
        self._used = stop
        return taken

    def wipe(self) -> None:
        """Overwrite and give up everything; positions go on behind it."""
        self._overwrite()
        self._first += len(self._bytes)
        self._bytes, self._used = bytearray(), 0

    def _overwrite(self) -> None:
        self._bytes[:] = bytes(len(self._bytes))
