"""The compiled reader of PicoQuant's T2 records; :mod:`.ptu_records` describes them and reads them in numpy."""

from __future__ import annotations

from typing import Any

from numba import njit

UNKNOWN_RECORD = -1
TOO_LATE = -2

_WRAP = 1 << 25
_OVERFLOW_CHANNEL = 63
_LAST_MARKER = 15


@njit(nogil=True, cache=True)
def decode(records: Any, wraps: Any, max_wraps: Any, resolution_ps: Any, times: Any, channels: Any) -> Any:  # noqa: ANN401 - compiled
    """Write the tags of records to ``times`` and ``channels``.

    Args:
        records: uint32, shape (n,).
        wraps: overflows so far.
        max_wraps: with more, times would not fit into 64 bit.
        resolution_ps: unit of the time tags.
        times: int64, shape (n,), for the times in ps.
        channels: int16, shape (n,).

    Returns:
        Number of tags, or ``UNKNOWN_RECORD`` or ``TOO_LATE``; then the overflows by now, or the place of the record at fault.
    """
    written = 0
    base = wraps * _WRAP
    for i in range(records.shape[0]):
        record = int(records[i])
        special = record >> 31
        channel = record >> 25 & 63
        time = record & (_WRAP - 1)
        if special == 1 and channel > _LAST_MARKER:
            if channel != _OVERFLOW_CHANNEL:
                return UNKNOWN_RECORD, i
            wraps += max(time, 1)
            if wraps > max_wraps:
                return TOO_LATE, i
            base = wraps * _WRAP
        else:
            times[written] = (base + time) * resolution_ps
            channels[written] = -channel if special == 1 else channel + 1
            written += 1
    return written, wraps
