"""What three nodes may say to each other, and nothing else.

No message has room for a setting or an outcome; what a node does not send cannot leak. Every message carries its sender and the sender's
time, so that a simulated receiver hears it when the line's delay has passed. ``n`` is the number of a round, from 0.
"""

from __future__ import annotations

from typing import NamedTuple


class Ready(NamedTuple):
    """A party holds a cold atom and all its instruments are ready."""

    sender: str
    time_ps: int


class Accepted(NamedTuple):
    """The heralding station accepted a herald: round ``n`` exists from here on and nothing about it may be retried."""

    sender: str
    time_ps: int
    n: int
    pattern: int
    herald_ps: int
    attempts: int


class Recheck(NamedTuple):
    """The attempts ended without a herald: look whether your atom is still there."""

    sender: str
    time_ps: int
    cause: str


class Isolated(NamedTuple):
    """A party cut its link for this round. ``reached`` is False where it tried and failed; the round goes on with the fallback output."""

    sender: str
    time_ps: int
    n: int
    reached: bool


class RoundTypeBit(NamedTuple):
    """Bob's choice of the round's type. The one random bit that he ever sends."""

    sender: str
    time_ps: int
    n: int
    is_test: bool


class Durable(NamedTuple):
    """The public log is on disk up to and including ``n``: commit your own up to there. ``last`` says that no round follows.

    ``digest`` is that of the heralds of this segment of the run up to there (:mod:`.herald_digest`): whoever heard of others commits none.
    Only the heralding station sends it, which has neither settings nor outcomes.
    """

    sender: str
    time_ps: int
    n: int
    last: bool
    digest: bytes


class Recorded(NamedTuple):
    """The sender's own log is on disk up to and including ``n``: those rounds are acknowledged."""

    sender: str
    time_ps: int
    n: int


class Suspend(NamedTuple):
    """A party is not ready, and says in words why."""

    sender: str
    time_ps: int
    cause: str


class Resume(NamedTuple):
    """A party is ready again."""

    sender: str
    time_ps: int


Message = Ready | Accepted | Recheck | Isolated | RoundTypeBit | Durable | Recorded | Suspend | Resume

BETWEEN_PARTIES = (Isolated, RoundTypeBit)
"""From one party to the other; everything else goes between the heralding station and the parties."""
