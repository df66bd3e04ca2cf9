"""The round log: one append-only file a party, from which no acknowledged round is lost and in which no damage goes unnoticed.

A log is a chain of frames (:mod:`.frames`): a header, records in groups, a segment frame wherever the run was resumed, a close frame.
:class:`RoundLogWriter` writes it, :func:`read_log` verifies and reads it, :class:`LogTail` follows it while it grows.

What is relied on. A write to a sector that already holds synced bytes leaves those bytes alone, even if the power fails in the middle of
it ("powersafe overwrite" in SQLite's terms), and ``fsync`` reports success only when the bytes are durable. Everything else may happen to
bytes that were not synced: lost, zeroed, garbled, the file too long or too short. They can only be in the last frame, because each is
synced before the next one begins; so a bad frame at the very end was torn by a crash and was never acknowledged, and a bad frame with a
whole one behind it is damage, which is an error. (A file system that hands out old blocks unerased could put an old whole frame there: then
the log is refused, and nothing is lost.)

One kind of damage looks like a crash: to the last frame of a log that was not closed. In a finished run :meth:`.RunFolder.verify` notices.
"""

from __future__ import annotations

from .frames import KEY_SIZE, PUBLIC_KEY
from .group_commit import GroupCommit
from .log_contents import HARDWARE, PARTIES, PURPOSES, LogHeader, Segment, accepted
from .log_reader import LogContents, LogTail, read_log
from .log_writer import LogClosed, LogStopped, RoundLogWriter

__all__ = [
    "HARDWARE",
    "KEY_SIZE",
    "PARTIES",
    "PUBLIC_KEY",
    "PURPOSES",
    "GroupCommit",
    "LogClosed",
    "LogContents",
    "LogHeader",
    "LogStopped",
    "LogTail",
    "RoundLogWriter",
    "Segment",
    "accepted",
    "read_log",
]
