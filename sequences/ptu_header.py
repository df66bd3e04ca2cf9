"""The header of PicoQuant's tagged files: a list of named values, read with distrust.

Layout after the vendor's description of its unified file format: 8 bytes magic, 8 bytes version, then tags of 48 bytes each (name 32 bytes,
index i32, type u32, value 8 bytes), little-endian, until ``Header_End``. The value of a type with a payload is the payload's length.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import BinaryIO

from ..errors import ConfigError

MAGIC = b"PQTTTR\0\0"
VERSION = b"1.0.00\0\0"

MAX_TAGS = 10_000
MAX_PAYLOAD = 2**24
MAX_HEADER = 2**26
"""More than this is no header but damage, or meant to exhaust memory. Headers of devices have some 100 tags and 10 kB."""

EMPTY, BOOL, INT, BITSET, COLOR = 0xFFFF0008, 0x00000008, 0x10000008, 0x11000008, 0x12000008
FLOAT, DATE, FLOATS = 0x20000008, 0x21000008, 0x2001FFFF
ANSI, WIDE, BLOB = 0x4001FFFF, 0x4002FFFF, 0xFFFFFFFF

Value = None | bool | int | float | str | bytes | tuple[float, ...]
Tag = tuple[str, int, Value]
"""Name, type, value."""

_END = "Header_End"
_TAG = struct.Struct("<32siI8s")


def write_header(tags: Iterable[Tag]) -> bytes:
    """The bytes of a header, ``Header_End`` included. Dates are days since 30 December 1899."""
    return MAGIC + VERSION + b"".join(_packed(*tag) for tag in [*tags, (_END, EMPTY, None)])


def read_header(file: BinaryIO, size: int, where: str) -> dict[str, Value]:
    """Read a header; the file stands at the first record then.

    Args:
        file: at its start.
        size: of the whole file, bytes.
        where: name of the file, for messages.

    Returns:
        Values by name; a tag with an index is called ``name(index)``.

    Raises:
        ConfigError: it is no such file, or its header is cut off, absurd or without end. The message names the tag.
    """
    magic = file.read(16)
    if magic[:8] != MAGIC:
        raise ConfigError(f"{where}: no PicoQuant file of time tags, it begins with {magic[:8]!r} and not {MAGIC!r}")
    header: dict[str, Value] = {}
    for _ in range(MAX_TAGS):
        at = file.tell()
        raw = file.read(_TAG.size)
        if len(raw) < _TAG.size:
            raise ConfigError(f"{where}: the file ends within its header, at byte {at + len(raw)}; it is not whole, copy it again")
        name_bytes, index, kind, value = _TAG.unpack(raw)
        name = name_bytes.split(b"\0")[0].decode("ascii", "replace")
        if name == _END:
            return header
        header[name if index < 0 else f"{name}({index})"] = _value(file, size, kind, value, f"{where}: header tag {name!r} at byte {at}")
        if file.tell() > MAX_HEADER:
            break
    raise ConfigError(f"{where}: no {_END} in {MAX_TAGS} tags or {MAX_HEADER} bytes; the header is damaged")


def _value(file: BinaryIO, size: int, kind: int, raw: bytes, what: str) -> Value:
    """The value of a tag, with what stands after it."""
    number = int.from_bytes(raw, "little", signed=True)
    if kind == EMPTY:
        return None
    if kind == BOOL:
        return number != 0
    if kind in (INT, BITSET, COLOR):
        return number
    if kind in (FLOAT, DATE):
        return float(struct.unpack("<d", raw)[0])
    if kind not in (FLOATS, ANSI, WIDE, BLOB):
        raise ConfigError(f"{what} is of the unknown type 0x{kind:08x}; the header is damaged, or newer than this reader")
    if not 0 <= number <= MAX_PAYLOAD or number > size - file.tell():
        raise ConfigError(f"{what} claims a length of {number} bytes; the header is damaged")
    payload = file.read(number)
    if kind == FLOATS:
        return struct.unpack(f"<{number // 8}d", payload[: number // 8 * 8])
    if kind == BLOB:
        return payload
    return payload.decode("utf-16-le" if kind == WIDE else "utf-8", "replace").rstrip("\0")


def _packed(name: str, kind: int, value: Value) -> bytes:
    """The bytes of a tag. Text is padded to whole 8 bytes, with one NUL at least, as the vendor's readers expect."""
    payload = b""
    if isinstance(value, str):
        payload = value.encode("utf-8") + b"\0"
        payload += b"\0" * (-len(payload) % 8)
        raw = struct.pack("<q", len(payload))
    elif kind in (FLOAT, DATE) and isinstance(value, float):
        raw = struct.pack("<d", value)
    elif isinstance(value, int | None):
        raw = struct.pack("<q", value or 0)
    else:
        raise ConfigError(f"header tag {name!r} cannot be written with the value {value!r}")
    return _TAG.pack(name.encode("ascii"), -1, kind, raw) + payload


def integer(header: dict[str, Value], name: str, where: str) -> int:
    """An integer that must be there.

    Raises:
        ConfigError: it is missing or something else.
    """
    value = header.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigError(f"{where}: the header has no whole number {name}, which is needed to read the records")
    return value


def resolution_ps(header: dict[str, Value], where: str) -> int:
    """The unit of the time tags, in whole ps.

    Raises:
        ConfigError: it is missing, or not a whole number of ps up to 1 us: times could not be given exactly.
    """
    seconds = header.get("MeasDesc_GlobalResolution")
    if not isinstance(seconds, float) or not math.isfinite(seconds) or not 0.5e-12 <= seconds <= 1e-6:
        raise ConfigError(f"{where}: MeasDesc_GlobalResolution is {seconds!r}; a unit of 1 ps to 1 us is expected")
    resolution = round(seconds * 1e12)
    if abs(seconds * 1e12 - resolution) > 1e-6 * resolution:
        raise ConfigError(f"{where}: MeasDesc_GlobalResolution is {seconds!r} s, no whole number of ps; times could not be given exactly")
    return resolution
