"""A line between the heralding station and a party, and what its faults do to a message.

It knows moments and words about a message, not what stands in it; whose message it is, and what becomes of a node that waits for one, is
the stations' affair. A message is on the line at the time at which it is sent. A line that is down holds it until it is up again, as a
connection does that sends anew what was not acknowledged; what is lost on a lossy line never comes.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .fault_script import LineFault
from .spell import NEVER_PS, Interval

_PATTERNS = 16
"""Click patterns of four detectors."""
Note = Callable[[int, str], None]
"""Takes a moment, ps, and what happened then: for the truth."""


class Carried(NamedTuple):
    """What becomes of a message.

    Attributes:
        leaves_ps: when it is on its way; the line's delay comes on top. None if it never arrives.
        pattern: the herald pattern that stands in it; None if there is none.
        held: it had to wait for the line, perhaps for ever.
    """

    leaves_ps: int | None
    pattern: int | None
    held: bool


class Spells:
    """When one fault holds. It may be asked about any moment, since each node is at a time of its own.

    Args:
        when: in order, apart from each other.
        begin_ps: what is over by then is of no interest.
        note: told when the fault begins and ends, once time has come that far.
    """

    def __init__(self, when: Iterator[Interval], begin_ps: int, note: Callable[[int, bool], None]) -> None:
        self._when = (interval for interval in when if interval.stop_ps > begin_ps)
        self._coming = next(self._when, None)
        self._known: list[Interval] = []
        self._over = 0
        self._note = note

    def until_ps(self, now_ps: int) -> int | None:
        """Until when it holds, if it holds at ``now_ps``; else None."""
        while self._coming is not None and self._coming.start_ps <= now_ps:
            self._known.append(self._coming)
            self._note(self._coming.start_ps, True)
            self._coming = next(self._when, None)
        while self._over < len(self._known) and self._known[self._over].stop_ps <= now_ps:
            self._note(self._known[self._over].stop_ps, False)
            self._over += 1
        before = bisect_right(self._known, now_ps, key=lambda interval: interval.start_ps)
        return self._known[before - 1].stop_ps if before and now_ps < self._known[before - 1].stop_ps else None


class LineTrouble(NamedTuple):
    """One fault of one line.

    Attributes:
        fault: as the script has it.
        when: it holds.
        key: of its chances. They hang on the message and not on how many went before it: which acknowledgements a run sends, and when,
            hangs on the disk.
    """

    fault: LineFault
    when: Spells
    key: bytes


class Line:
    """The line of one party.

    Args:
        troubles: its faults.
        note: for the truth.
    """

    def __init__(self, troubles: Sequence[LineTrouble], note: Note) -> None:
        self._troubles = troubles
        self._note = note

    def is_troubled(self, now_ps: int) -> bool:
        """Whether any fault holds at that moment; if none does, a message passes as it is."""
        holding = [trouble.when.until_ps(now_ps) is not None for trouble in self._troubles]  # all are asked: each takes note of the time
        return True in holding

    def carry(self, sent_ps: int, what: str, pattern: int | None = None) -> Carried:
        """Put a message on the line.

        Args:
            sent_ps: when.
            what: the message in words, by which it differs from all others that are sent at the same moment.
            pattern: of the herald that it tells of, if it does.
        """
        for trouble in self._striking(sent_ps, what):
            if trouble.fault.fault == "lossy":
                self._note(sent_ps, f"lost: {what}")
                return Carried(None, pattern, held=False)
            if trouble.fault.fault == "garbled" and pattern is not None:
                self._note(sent_ps, f"garbled: {what}")
                pattern ^= 1 + int(_chance(trouble.key, sent_ps, f"bits of {what}") * (_PATTERNS - 1))
        leaves_ps = self._up_again(sent_ps)
        return Carried(None if leaves_ps >= NEVER_PS else leaves_ps, pattern, held=leaves_ps > sent_ps)

    def _striking(self, now_ps: int, what: str) -> Iterator[LineTrouble]:
        for trouble in self._troubles:
            if trouble.fault.fault != "down" and trouble.when.until_ps(now_ps) is not None:
                if _chance(trouble.key, now_ps, what) < trouble.fault.probability:
                    yield trouble

    def _up_again(self, now_ps: int) -> int:
        """The first moment from ``now_ps`` on at which nothing has the line down."""
        outages = [trouble.when for trouble in self._troubles if trouble.fault.fault == "down"]
        while now_ps < NEVER_PS:
            ends_ps = [stop_ps for spells in outages if (stop_ps := spells.until_ps(now_ps)) is not None]
            if not ends_ps:
                break
            now_ps = max(ends_ps)
        return now_ps


def _chance(key: bytes, now_ps: int, what: str) -> float:
    """A number in [0, 1), for one message."""
    digest = hashlib.blake2b(f"{now_ps} {what}".encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "little") / 2**64
