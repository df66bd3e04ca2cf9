"""PicoQuant's T2 records in numpy: how tags become records, and how they are read again. The compiled reader is tested against this one.

A record has 32 bits: special (31), channel (30:25), time tag (24:0). Not special: a click on input channel + 1. Special with channel 0: the
sync input, with 1 to 15: a marker, with 63: an overflow, which says how often the time tag's 25 bits have wrapped since the last one.
Sync is channel 0 here, inputs count from 1, and a marker is the negative of its number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WRAP_BITS = 25
TIME_MASK = (1 << WRAP_BITS) - 1
OVERFLOW = 0xFE000000
MAX_INPUT = 64
MAX_MARKER = 15

Tags = tuple[NDArray[np.int64], NDArray[np.int16]]


def encode(units: NDArray[np.int64], channels: NDArray[np.int16], wraps: int) -> tuple[NDArray[np.uint32], int]:
    """Tags as records.

    Args:
        units: int64, shape (n,): times in units of the resolution, not negative and non-decreasing.
        channels: int16, shape (n,), from ``-MAX_MARKER`` to ``MAX_INPUT``.
        wraps: overflows written so far.

    Returns:
        The records, uint32, and the overflows written by then.
    """
    if not len(units):
        return np.empty(0, np.uint32), wraps
    total = units >> WRAP_BITS
    step = np.diff(total, prepend=wraps)
    overflows = -(-step // TIME_MASK)
    place = np.arange(len(units)) + np.cumsum(overflows)
    records = np.full(int(place[-1]) + 1, OVERFLOW | TIME_MASK, np.uint32)
    after = overflows > 0
    records[place[after] - 1] = OVERFLOW | (step[after] - (overflows[after] - 1) * TIME_MASK)
    inputs = channels.astype(np.int64)
    head = np.where(inputs > 0, inputs - 1, 64 - inputs)  # 64 is the special bit, seen from the channel
    records[place] = head << WRAP_BITS | units & TIME_MASK
    return records, int(total[-1])


def decode_reference(records: NDArray[np.uint32], wraps: int) -> tuple[Tags, int]:
    """Tags of records, times in units of the resolution, and the overflows read by then; see :func:`.ptu_kernel.decode`."""
    special = records >> 31 == 1
    channel = (records >> WRAP_BITS & 63).astype(np.int16)
    time = (records & TIME_MASK).astype(np.int64)
    overflow = special & (channel == 63)
    total = wraps + np.cumsum(np.where(overflow, np.maximum(time, 1), 0))  # old firmware writes 0 for one overflow
    tags = (total << WRAP_BITS) + time, np.where(special, -channel, channel + 1).astype(np.int16)
    return (tags[0][~overflow], tags[1][~overflow]), int(total[-1]) if len(total) else wraps
