"""Where one message ends and the next begins, for the kinds of protocol that laboratory devices speak.

A splitter takes one message off the front of what has arrived, or returns None while it is incomplete. Bytes come from anywhere: whatever
they are, a splitter neither fails nor lets them pile up; what gets too long is lost, as in a device whose buffer is full.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Splitter = Callable[[bytearray], bytes | None]

_LONGEST = 1 << 20
_HEADERS_END = b"\r\n\r\n"
_CONTENT_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


def lines(*terminators: bytes, limit: int = 1024) -> Splitter:
    """Lines that end with any of the terminators, which are taken off."""
    end = re.compile(b"|".join(map(re.escape, terminators)))

    def split(buffer: bytearray) -> bytes | None:
        found = end.search(buffer)
        if found is None:
            if len(buffer) > limit:
                buffer.clear()
            return None
        line = bytes(buffer[: found.start()])
        del buffer[: found.end()]
        return line

    return split


def fixed_header(size: int, following: Callable[[bytes], int]) -> Splitter:
    """A header of ``size`` bytes, and as many more as ``following(header)`` says."""

    def split(buffer: bytearray) -> bytes | None:
        if len(buffer) < size:
            return None
        return _take(buffer, size + following(bytes(buffer[:size])))

    return split


def stream(buffer: bytearray) -> bytes | None:
    """Whatever has arrived, in pieces of any size."""
    return _take(buffer, len(buffer)) if buffer else None


def http(buffer: bytearray) -> bytes | None:
    """An HTTP/1.1 request: headers, and a body of the length that they announce."""
    at = buffer.find(_HEADERS_END)
    if at < 0:
        if len(buffer) > _LONGEST:
            buffer.clear()
        return None
    head = at + len(_HEADERS_END)
    announced = _CONTENT_LENGTH.search(bytes(buffer[:head]))
    return _take(buffer, head + (int(announced[1]) if announced else 0))


def _take(buffer: bytearray, size: int) -> bytes | None:
    if size > _LONGEST:
        buffer.clear()
    if len(buffer) < size:
        return None
    message = bytes(buffer[:size])
    del buffer[:size]
    return message
