"""The round that a party has in hand."""

from __future__ import annotations

from ..protocol.records import MAX_U32, RECORD_STRUCT, Flag, RoundType

_SELF = int(RoundType.SELF)
_pack = RECORD_STRUCT.pack


class Round:
    """What one party knows of the current round; times in picoseconds on the party's own clock.

    Args:
        fallback: the declared output where no readout is possible.

    Attributes:
        measurable: a readout is still possible.
    """

    __slots__ = (
        "attempts",
        "counts",
        "done_ps",
        "fallback",
        "flags",
        "herald_ps",
        "index",
        "input_ps",
        "isolated_ps",
        "measurable",
        "outcome",
        "pattern",
        "readout_ps",
        "round_type",
        "setting",
    )

    def __init__(self, fallback: int) -> None:
        self.fallback = fallback
        self.begin(0, 0, 0, 0)

    def __repr__(self) -> str:
        return f"<round {self.index}>"  # settings and outcomes stay out of logs and tracebacks

    def begin(self, index: int, pattern: int, herald_ps: int, attempts: int) -> None:
        """Start over with the next accepted herald."""
        self.index = index
        self.pattern = pattern
        self.herald_ps = herald_ps
        self.attempts = attempts
        self.isolated_ps = self.input_ps = self.readout_ps = self.done_ps = herald_ps
        self.counts = 0
        self.flags = 0
        self.measurable = True
        self.round_type = _SELF
        self.setting = 0
        self.outcome = self.fallback

    def give_up(self, flag: Flag) -> None:
        """No readout is possible any more: the fallback output stands, and the flag says why."""
        self.flags |= int(flag | Flag.FALLBACK)
        self.measurable = False
        self.outcome = self.fallback

    def pack(self) -> bytes:
        """The 48 bytes of the record."""
        herald_ps = self.herald_ps
        done_ns = (self.done_ps - herald_ps) // 1000
        if done_ns > MAX_U32 or self.attempts > MAX_U32:
            self._saturate()
            done_ns = (self.done_ps - herald_ps) // 1000
        return _pack(
            self.index,
            herald_ps,
            (self.isolated_ps - herald_ps) // 1000,
            (self.input_ps - herald_ps) // 1000,
            (self.readout_ps - herald_ps) // 1000,
            done_ns,
            self.attempts,
            self.counts,
            self.flags,
            0,
            self.pattern,
            self.round_type,
            self.setting,
            self.outcome,
        )

    def _saturate(self) -> None:
        """After a fault that took more than four seconds, or more attempts than a record can tell."""
        latest_ps = self.herald_ps + MAX_U32 * 1000
        self.isolated_ps = min(self.isolated_ps, latest_ps)
        self.input_ps = min(self.input_ps, latest_ps)
        self.readout_ps = min(self.readout_ps, latest_ps)
        self.done_ps = min(self.done_ps, latest_ps)
        self.attempts = min(self.attempts, MAX_U32)
