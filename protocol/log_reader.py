"""Reading a round log: everything is verified, nothing is skipped over, and the bytes are taken as hostile."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..errors import LogCorrupt
from .frames import DIGEST_SIZE, GENESIS, HEAD, MAX_FRAME, Chain, Kind, find_whole_frame, whole_frame_at
from .log_contents import LogHeader, Segment, accepted, find_misfit
from .records import RECORD_DTYPE, RECORD_SIZE


@dataclass(frozen=True, eq=False)
class LogContents:
    """A verified log. Its repr shows neither records nor head, which are secret.

    Attributes:
        header: the first frame.
        records: shape ``(n,)``, of :data:`~.records.RECORD_DTYPE`, read-only.
        segments: one for each time the run was resumed.
        closed: the log ends with a close frame, so that nothing is missing at its end.
        head: digest of the last frame, 32 bytes; a function of the outcomes, so it never leaves the site (the public log's may).
        torn_bytes: bytes behind the last whole frame, left by a crash (behind a close frame too, if that was when).
    """

    header: LogHeader
    records: NDArray[np.void] = field(repr=False)
    segments: tuple[Segment, ...]
    closed: bool
    head: bytes = field(repr=False)
    torn_bytes: int


class _Frame(NamedTuple):
    number: int
    offset: int
    kind: int
    payload: memoryview


class LogDecoder:
    """Follows a log from its first byte: give it the bytes at :attr:`offset`, it keeps what it has learnt.

    Args:
        path: for messages only.
        key: the chain key; :data:`~.frames.PUBLIC_KEY` for the public log.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self.header: LogHeader | None = None
        self.segments: list[Segment] = []
        self.closed = False
        self.record_count = 0
        self.last_index: int | None = None
        self.offset = 0
        """Where the first frame begins that has not been read."""
        self.last_frame_offset = 0
        self.head = GENESIS
        self._frame_count = 0
        self._chain = Chain(key)

    def feed(self, data: bytes) -> NDArray[np.void]:
        """Read the whole frames at the start of ``data``, and afterwards call :meth:`check_rest` with what is left.

        Args:
            data: what the file holds from :attr:`offset` on.

        Returns:
            The records in them, in order, shape ``(n,)``.

        Raises:
            LogCorrupt: a frame is whole but says what no log may say, or does not belong to the key.
        """
        records = [np.zeros(0, RECORD_DTYPE)]
        for are_records, run in itertools.groupby(self._frames(data), key=lambda frame: frame.kind == Kind.RECORDS):
            if are_records:
                records.append(self._take_records(list(run)))
            else:
                for frame in run:
                    self._take(frame)
        return records[1] if len(records) == 2 else np.concatenate(records)

    def _frames(self, data: bytes) -> Iterator[_Frame]:
        view, base, position = memoryview(data), self.offset, 0
        while (found := whole_frame_at(view, position)) is not None:
            kind, end = found
            digest = self._chain.digest(self.head, view[position:end])
            frame = _Frame(self._frame_count, base + position, kind, view[position + HEAD.size : end])
            if digest != view[end : end + DIGEST_SIZE]:
                if frame.number == 0:
                    self._refuse(frame, "does not fit the chain key: that is the key of another log, or it or this frame is damaged")
                return
            position = end + DIGEST_SIZE
            self._frame_count += 1
            self.last_frame_offset, self.offset, self.head = frame.offset, base + position, digest
            yield frame

    def _take(self, frame: _Frame) -> None:
        if self.closed:
            self._refuse(frame, "follows the close frame")
        if self.header is None and frame.kind != Kind.HEADER:
            self._refuse(frame, "is no header, and the first frame must be one")
        try:
            if frame.kind == Kind.HEADER and self.header is None:
                self.header = LogHeader.from_payload(bytes(frame.payload))
            elif frame.kind == Kind.SEGMENT:
                self.segments.append(self._segment(bytes(frame.payload)))
            elif frame.kind == Kind.CLOSE:
                if frame.payload != self.record_count.to_bytes(8, "little"):
                    raise ValueError(f"it must say that {self.record_count} records stand before it")
                self.closed = True
            else:
                raise ValueError("a frame of this kind cannot stand here; perhaps a newer version of eventready wrote it")
        except ValueError as error:
            self._refuse(frame, f"is of kind {frame.kind} and wrong: {error}")

    def _segment(self, payload: bytes) -> Segment:
        segment = Segment.from_payload(payload, self.record_count)
        if segment.number != len(self.segments) + 1:
            raise ValueError(f"segment {len(self.segments) + 1} must come next")
        return segment

    def _take_records(self, frames: list[_Frame]) -> NDArray[np.void]:
        """Check the records of many frames in one go: a frame of one record must not cost a numpy call of its own."""
        if self.closed:
            self._refuse(frames[0], "follows the close frame")
        if self.header is None:
            self._refuse(frames[0], "is no header, and the first frame must be one")
        for frame in frames:
            if not frame.payload or len(frame.payload) % RECORD_SIZE:
                self._refuse(frame, "does not hold a whole number of records")
        records = np.frombuffer(b"".join([frame.payload for frame in frames]), RECORD_DTYPE)
        misfit = find_misfit(records, self.header.party, self.last_index)
        if misfit is not None:
            position, reason = misfit
            self._count(records[:position])
            ends = list(itertools.accumulate(len(frame.payload) // RECORD_SIZE for frame in frames))
            self._refuse(frames[int(np.searchsorted(ends, position, side="right"))], f"holds a record that may not stand there: {reason}")
        self._count(records)
        return records

    def _count(self, records: NDArray[np.void]) -> None:
        rounds = records["index"][accepted(records)]
        if len(rounds):
            self.last_index = int(rounds[-1])
        self.record_count += len(records)

    def check_rest(self, rest: bytes) -> None:
        """Judge the bytes at :attr:`offset`, in which :meth:`feed` found no whole frame: torn by a crash, or damaged.

        Raises:
            LogCorrupt: no crash of a writer leaves such bytes.
        """
        if not rest:
            return
        frame = _Frame(self._frame_count, self.offset, 0, memoryview(rest))
        complaint = "its magic, its length or its CRC-32" if whole_frame_at(frame.payload, 0) is None else "its chain digest"
        later = find_whole_frame(rest, 1)
        if later is not None:
            what = f"is damaged ({complaint} is wrong), and a whole frame follows at byte {self.offset + later}"
            self._refuse(frame, what, _first_index(rest[later:]))
        if len(rest) > MAX_FRAME:
            self._refuse(frame, f"is damaged ({complaint} is wrong), and {len(rest)} bytes follow, more than a crash can leave")

    def contents(self, records: NDArray[np.void], torn_bytes: int) -> LogContents:
        """What has been read, as one value.

        Raises:
            LogCorrupt: there is no header, so no run was ever logged here.
        """
        if self.header is None:
            raise LogCorrupt(f"{self.path}: the log has no whole header, so no round was ever recorded in it; start a new run")
        records.setflags(write=False)
        return LogContents(self.header, records, tuple(self.segments), self.closed, self.head, torn_bytes)

    def _refuse(self, frame: _Frame, what: str, next_index: int | None = None) -> NoReturn:
        where = "before the first round" if self.last_index is None else f"after round {self.last_index}"
        if next_index is not None:
            where += f" and before round {next_index}"
        raise LogCorrupt(
            f"{self.path}: frame {frame.number} at byte {frame.offset} ({where}) {what}. "
            "A damaged log is never read in part: restore the file from a copy"
        )


def _first_index(frame: bytes) -> int | None:
    """The index of the first record of a frame whose CRC is right; None if it holds no records."""
    kind = HEAD.unpack_from(frame)[1]
    if kind != Kind.RECORDS or len(frame) < HEAD.size + RECORD_SIZE:
        return None
    return int(np.frombuffer(frame, RECORD_DTYPE, 1, offset=HEAD.size)["index"][0])


def read_log(path: Path, key: bytes) -> LogContents:
    """Read and verify a whole log.

    The log may end in bytes that a crash tore; they are counted, not used. Everything else must be right.

    Args:
        path: the log.
        key: its chain key; :data:`~.frames.PUBLIC_KEY` for the public log.

    Raises:
        LogCorrupt: with file, byte offset, frame number and the rounds around it.
        OSError: the file cannot be read.
    """
    data = Path(path).read_bytes()
    decoder = LogDecoder(Path(path), key)
    records = decoder.feed(data)
    rest = data[decoder.offset :]
    decoder.check_rest(rest)
    return decoder.contents(records, len(rest))


def read_header(path: Path, key: bytes) -> LogHeader:
    """Read and verify the first frame of a log, and nothing else.

    Raises:
        LogCorrupt: there is no whole header, or it does not fit the key.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read(MAX_FRAME)
    found = whole_frame_at(memoryview(data), 0)
    decoder = LogDecoder(Path(path), key)
    records = decoder.feed(data[: found[1] + DIGEST_SIZE] if found is not None else b"")
    return decoder.contents(records, 0).header


class LogTail:
    """Reads a log while it is being written, in this process or another; on Windows as well, since no file is kept open.

    What it returns has been written whole; whether it is durable already only the writer knows.

    Args:
        path: the log; it may still be empty.
        key: its chain key.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = Path(path)
        self._decoder = LogDecoder(self.path, key)

    @property
    def header(self) -> LogHeader | None:
        """The log's header, once read."""
        return self._decoder.header

    @property
    def closed(self) -> bool:
        """The close frame has been read; nothing more will come."""
        return self._decoder.closed

    def read_new(self) -> NDArray[np.void]:
        """The records that have come since the last call, shape ``(n,)``.

        Raises:
            LogCorrupt: as :func:`read_log`; or the log became shorter than what was read already.
            OSError: the file cannot be read.
        """
        first, rest = self._read()
        if not rest:
            return first
        # A frame seen half-written may be followed by a whole one that came during the same read; at a second look it is whole, or damaged.
        second, rest = self._read()
        self._decoder.check_rest(rest)
        return np.concatenate([first, second])

    def _read(self) -> tuple[NDArray[np.void], bytes]:
        start = self._decoder.offset
        with open(self.path, "rb") as file:
            if file.seek(0, 2) < start:
                raise LogCorrupt(f"{self.path}: the log has become shorter than the {start} bytes that were read from it")
            file.seek(start)
            data = file.read()
        records = self._decoder.feed(data)
        return records, data[self._decoder.offset - start :]
