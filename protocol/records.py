"""The record of one round at one party: 48 bytes, little-endian, and nothing else.

========== ===== =========================================================================================
field      type  meaning
========== ===== =========================================================================================
index      u64   number of the herald, from 0; :data:`NO_INDEX` for a vetoed herald (public log only)
herald_ps  i64   time of the herald, picoseconds since the start of the run, on the party's own clock
isolated_ns u32  after the herald: the party was isolated
input_ns   u32   after the herald: its input was drawn
readout_ns u32   after the herald: its readout began
done_ns    u32   after the herald: its outcome stood
attempts   u32   excitation attempts since the previous herald (saturates at 2**32 - 1)
counts     u32   fluorescence counts of the readout
flags      u16   :class:`Flag` bits
spare      u16   zero
pattern    u8    click pattern of the herald, one bit a detector
round_type u8    :class:`RoundType`
setting    u8    the input, or :data:`NOT_PUBLIC` in the public log
outcome    u8    the output bit, or :data:`NOT_PUBLIC` in the public log
========== ===== =========================================================================================
"""

from __future__ import annotations

import enum
import struct

import numpy as np

RECORD_DTYPE = np.dtype(
    [
        ("index", "<u8"),
        ("herald_ps", "<i8"),
        ("isolated_ns", "<u4"),
        ("input_ns", "<u4"),
        ("readout_ns", "<u4"),
        ("done_ns", "<u4"),
        ("attempts", "<u4"),
        ("counts", "<u4"),
        ("flags", "<u2"),
        ("spare", "<u2"),
        ("pattern", "u1"),
        ("round_type", "u1"),
        ("setting", "u1"),
        ("outcome", "u1"),
    ]
)
RECORD_STRUCT = struct.Struct("<QqIIIIIIHHBBBB")
"""The same layout for the round loop, where packing one record with numpy would be slow."""

RECORD_SIZE = RECORD_DTYPE.itemsize
NO_INDEX = 2**64 - 1
NOT_PUBLIC = 0xFF
MAX_U32 = 2**32 - 1


class RoundType(enum.IntEnum):
    """What Bob decided the round to be. ``SELF`` where the settings alone decide (Munich)."""

    SELF = 0
    KEY = 1
    TEST = 2


class Flag(enum.IntFlag):
    """Why a record is not an ordinary one. A flagged round still counts: nothing is post-selected."""

    FALLBACK = 1
    """The outcome is the declared fallback output, not a readout."""
    LOST = 2
    """Written by a resumed run for a round that a crash swallowed."""
    NOT_ISOLATED = 4
    """Isolation was not reached in time: nothing was read out. Where it comes before the input is applied, the input never was."""
    DEVICE_FAULT = 8
    """A device failed between herald and readout."""
    VETOED = 16
    """Public log only: a herald that was not accepted."""
