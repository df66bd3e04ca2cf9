"""Read and write time tags in PicoQuant's ``.ptu`` files: T2 mode of HydraHarp, MultiHarp, PicoHarp 330 and TimeHarp 260, 4 bytes a tag.

Tags are (times in ps, int64; channels, int16). The sync input is channel 0, inputs count from 1, markers are negative. Both ways go block
by block in bounded memory::

    with write_ptu("tags.ptu") as file:
        file.write(times_ps, channels)
    with PtuReader("tags.ptu") as file:
        for times_ps, channels in file.blocks():
            heralds = search.feed(times_ps, channels)

A file appears under its name when it is whole. Until then, and after a crash, its records are in a hidden file beside it
(``.tags.ptu.*.tmp``), which can be read, too.
"""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..protocol.durable_file import atomic_path
from . import ptu_kernel
from .ptu_header import ANSI, DATE, FLOAT, INT, Tag, Value, integer, read_header, resolution_ps, write_header
from .ptu_records import MAX_INPUT, MAX_MARKER, WRAP_BITS, Tags, encode

T2_RECORD_TYPES = {
    0x00010207: "MultiHarp and PicoHarp 330",
    0x01010204: "HydraHarp",
    0x00010205: "TimeHarp 260 N",
    0x00010206: "TimeHarp 260 P",
}
"""Record types that are read: all have the same records. Files are written with the first."""

_BLOCK = 1 << 20
_RECORD = np.dtype("<u4")
_DAY_ZERO = datetime(1899, 12, 30)


class PtuReader:
    """A file of T2 tags, open for reading.

    Args:
        path: of the file.
        recover: read whole records until the file ends, whatever the header says of their number; for files that are not whole.

    Raises:
        ConfigError: it is no such file, it holds other records, its header is damaged, or the number of records is not what the header
            says. A header that says 0 stands for a measurement that was not finished: its records are read to the end of the file.
        OSError: from the operating system.

    Attributes:
        header: all values by name.
        resolution_ps: unit of the tags in the file.
        records: how many there are, overflows included.
    """

    def __init__(self, path: str | Path, *, recover: bool = False) -> None:
        self.path = Path(path)
        self._file = self.path.open("rb")
        try:
            size = os.fstat(self._file.fileno()).st_size
            self.header: dict[str, Value] = read_header(self._file, size, str(path))
            self._require_t2()
            self.resolution_ps = resolution_ps(self.header, str(path))
            self._begin = self._file.tell()
            self.records = self._count(size - self._begin, recover)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def blocks(self, records: int = _BLOCK) -> Iterator[Tags]:
        """The tags from the start, (times_ps, channels), in the order of the file.

        Args:
            records: to read at a time; overflows are among them, so a block has at most so many tags. It can be empty.

        Raises:
            ConfigError: a record that there is not in this format, times beyond 64 bit, or the file has become shorter meanwhile.
        """
        if records < 1:
            raise ConfigError(f"{self.path}: blocks of {records} records; one is the least")
        wraps, done = 0, 0
        while done < self.records:
            self._file.seek(self._begin + done * _RECORD.itemsize)
            raw = np.fromfile(self._file, _RECORD, min(records, self.records - done)).astype(np.uint32, copy=False)
            if not len(raw):
                raise ConfigError(
                    f"{self.path}: the file ends after {done} of {self.records} records; somebody has cut it while it was read"
                )
            tags, wraps = _decoded(raw, wraps, self.resolution_ps, f"{self.path}: record {{}}", done)
            done += len(raw)
            yield tags

    def _require_t2(self) -> None:
        kind = integer(self.header, "TTResultFormat_TTTRRecType", str(self.path))
        if kind not in T2_RECORD_TYPES:
            known = ", ".join(f"0x{known:08x} ({devices})" for known, devices in T2_RECORD_TYPES.items())
            raise ConfigError(f"{self.path}: records of type 0x{kind & 0xFFFFFFFF:08x}; only T2 records can be read: {known}")
        bits = self.header.get("TTResultFormat_BitsPerRecord", 32)
        if bits != 32:
            raise ConfigError(f"{self.path}: {bits!r} bits a record; T2 records have 32")

    def _count(self, size: int, recover: bool) -> int:
        """Records to read, of ``size`` bytes of them."""
        there, torn = divmod(size, _RECORD.itemsize)
        told = integer(self.header, "TTResult_NumberOfRecords", str(self.path))
        if recover:
            return there
        if torn:
            raise ConfigError(f"{self.path}: {torn} bytes too many for whole records; the file is not whole (recover=True reads what is)")
        if told not in (0, there):
            raise ConfigError(f"{self.path}: the header tells of {told} records, there are {there} (recover=True reads those)")
        return there


class PtuWriter:
    """Writes T2 tags to a binary stream; see :func:`write_ptu`, which makes the file.

    Args:
        file: at its start; must be able to seek.
        resolution_ps: unit of the tags in the file; times must be multiples of it.
        comment: goes into the header.
    """

    def __init__(self, file: BinaryIO, *, resolution_ps: int = 1, comment: str = "") -> None:
        if not 1 <= resolution_ps <= 10**6:
            raise ConfigError(f"a resolution of {resolution_ps} ps; 1 ps to 1 us can be written")
        self._file = file
        self._resolution_ps = resolution_ps
        self._fixed: list[Tag] = [
            ("File_GUID", ANSI, f"{{{str(uuid.uuid4()).upper()}}}"),
            ("File_CreatingTime", DATE, (datetime.now() - _DAY_ZERO).total_seconds() / 86400),
            ("File_Comment", ANSI, comment),
        ]
        self._records = self._wraps = self._last_ps = self._syncs = self._inputs = 0
        self._write_header()

    def write(self, times: NDArray[np.int64], channels: NDArray[np.int16]) -> None:
        """Append tags.

        Args:
            times: int64, shape (n,), ps, not negative, non-decreasing from block to block.
            channels: int16, shape (n,): 0 the sync input, 1 to 64 inputs, -1 to -15 markers.

        Raises:
            ConfigError: arrays that are not so, or times that the resolution cannot express. Nothing of them has been written.
            OSError: from the operating system.
        """
        self._check(times, channels)
        for begin in range(0, len(times), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            records, self._wraps = encode(times[part] // self._resolution_ps, channels[part], self._wraps)
            self._file.write(records.astype(_RECORD, copy=False).tobytes())
            self._records += len(records)
        if len(times):
            self._last_ps = int(times[-1])
            self._syncs += int(np.count_nonzero(channels == 0))
            self._inputs = max(self._inputs, int(channels.max()))

    def finish(self) -> None:
        """Write into the header how many records there are."""
        self._file.seek(0)
        self._write_header()
        self._file.seek(0, os.SEEK_END)

    def _check(self, times: NDArray[np.int64], channels: NDArray[np.int16]) -> None:
        if times.dtype != np.int64 or channels.dtype != np.int16 or times.ndim != 1 or times.shape != channels.shape:
            raise ConfigError(
                f"tags of type {times.dtype} and {channels.dtype}, shape {times.shape} and {channels.shape}; "
                "times must be int64 and channels int16, both of shape (n,)"
            )
        if not len(times):
            return
        if int(times[0]) < self._last_ps or np.any(times[1:] < times[:-1]):
            raise ConfigError(f"tags must begin at 0 ps or later and not go back in time (after {self._last_ps} ps)")
        if self._resolution_ps > 1 and np.any(times % self._resolution_ps):
            raise ConfigError(f"a time is no multiple of the file's resolution of {self._resolution_ps} ps; write it with another one")
        if int(channels.min()) < -MAX_MARKER or int(channels.max()) > MAX_INPUT:
            raise ConfigError(f"channels {channels.min()} to {channels.max()}; a file holds {-MAX_MARKER} (markers) to {MAX_INPUT}")

    def _write_header(self) -> None:
        """The header as it is now; its length is always the same."""
        milliseconds = math.ceil(self._last_ps * 1e-9)
        rate = round(self._syncs / (self._last_ps * 1e-12)) if self._last_ps else 0
        resolution = self._resolution_ps * 1e-12
        tags: list[Tag] = [
            *self._fixed,
            ("CreatorSW_Name", ANSI, "eventready"),
            ("CreatorSW_Version", ANSI, "1"),
            ("Measurement_Mode", INT, 2),
            ("Measurement_SubMode", INT, 0),
            ("TTResultFormat_TTTRRecType", INT, next(iter(T2_RECORD_TYPES))),
            ("TTResultFormat_BitsPerRecord", INT, _RECORD.itemsize * 8),
            ("HW_Type", ANSI, "eventready"),
            ("HW_InpChannels", INT, self._inputs),
            ("HW_BaseResolution", FLOAT, resolution),
            ("HWSync_Divider", INT, 1),
            ("MeasDesc_AcquisitionTime", INT, milliseconds),
            ("MeasDesc_Resolution", FLOAT, resolution),
            ("MeasDesc_GlobalResolution", FLOAT, resolution),
            ("TTResult_SyncRate", INT, rate),
            ("TTResult_StopAfter", INT, milliseconds),
            ("TTResult_StopReason", INT, 0),
            ("TTResult_NumberOfRecords", INT, self._records),
        ]
        self._file.write(write_header(tags))


@contextmanager
def write_ptu(path: str | Path, *, resolution_ps: int = 1, comment: str = "") -> Iterator[PtuWriter]:
    """A file to write tags to. It gets its name when the block ends; when the block fails, it vanishes.

    Args:
        path: of the new file.
        resolution_ps: see :class:`PtuWriter`.
        comment: see :class:`PtuWriter`.

    Raises:
        ConfigError: the file exists; tags are never overwritten.
        OSError: from the operating system.
    """
    target = Path(path)
    if target.exists():
        raise ConfigError(f"{path} exists and is not overwritten; choose another name")
    with atomic_path(target) as temporary, temporary.open("wb") as file:
        writer = PtuWriter(file, resolution_ps=resolution_ps, comment=comment)
        yield writer
        writer.finish()


def read_ptu(path: str | Path, *, recover: bool = False) -> Tags:
    """All tags of a file at once, (times_ps, channels); raises what :class:`PtuReader` does."""
    with PtuReader(path, recover=recover) as file:
        blocks = list(file.blocks())
    if not blocks:
        return np.empty(0, np.int64), np.empty(0, np.int16)
    return np.concatenate([times for times, _ in blocks]), np.concatenate([channels for _, channels in blocks])


def _decoded(records: NDArray[np.uint32], wraps: int, unit_ps: int, where: str, before: int) -> tuple[Tags, int]:
    """Tags of records, and overflows by then; ``before`` records have been read before these, for messages."""
    times, channels = np.empty(len(records), np.int64), np.empty(len(records), np.int16)
    most = (2**63 // unit_ps >> WRAP_BITS) - 1
    written, place = ptu_kernel.decode(records, wraps, most, unit_ps, times, channels)
    if written == ptu_kernel.UNKNOWN_RECORD:
        raise ConfigError(f"{where.format(before + place)} is 0x{records[place]:08x}, which means nothing in T2; the file is damaged")
    if written == ptu_kernel.TOO_LATE:
        raise ConfigError(f"{where.format(before + place)}: times beyond 2**63 ps (106 days); the file is damaged")
    return (times[:written], channels[:written]), place


def warm_up() -> None:
    """Compile the reader of records, or load it from its cache."""
    _decoded(np.array([0x80000000], np.uint32), 0, 1, "{}", 0)
