"""Input draw: where a party's private random bits come from, each used once.

A failing source raises, and the run stops: there is no default input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ...clock import Clock
from ...errors import DeviceFault, NotReady
from ...instruments import HeraldingSequencer, RandomSource


class Input(NamedTuple):
    """A drawn input. Never print one."""

    bits: int
    time_ps: int

    def __repr__(self) -> str:
        return "<input>"


class HardwareInput:
    """The sequencer latches the bits within the atoms' coherence time; here they are read back and their time is checked.

    Args:
        sequencer: plays the section ``input``.
        source: whose bits it latches.
        clock: the node's clock.
    """

    def __init__(self, sequencer: HeraldingSequencer, source: RandomSource, clock: Clock) -> None:
        self._sequencer = sequencer
        self._source = source
        self._clock = clock

    def prepare(self) -> None:
        """Nothing is drawn before a herald."""

    def run(self, herald_ps: int, index: int) -> Input:
        """Have the input latched, and check that sequencer and source tell the same story.

        Args:
            herald_ps: the bits must have been drawn after this moment.
            index: of the round.

        Raises:
            DeviceFault: they differ, or the bits are older than the herald.
        """
        played = self._sequencer.play("input")
        latched = self._source.read_latched()
        if latched.bits != played.arm:
            raise DeviceFault(
                self._source.name, f"round {index}: the input read back is not the one that the sequencer applied; check the latch line"
            )
        if latched.time_ps <= herald_ps:
            raise DeviceFault(self._source.name, f"round {index}: the input was drawn before its herald; check the latch's trigger")
        return Input(latched.bits, latched.time_ps)

    def draw_lost(self, index: int, n_bits: int) -> int:
        """An input for a round that a crash swallowed: fresh bits, drawn and recorded but never applied."""
        del index
        return self._source.draw(n_bits)

    def make_safe(self) -> None:
        """Nothing to do: the source is passive."""


class PoolInput:
    """Bits out of an audited pool that was filled before the run; round n has its own place in it.

    Args:
        source: holds the pool.
        clock: the node's clock.
        bytes_per_round: width of a round's place.
        rounds: to fill the pool for.
        first: index of the first round of this run segment.
    """

    def __init__(self, source: RandomSource, clock: Clock, *, bytes_per_round: int, rounds: int, first: int = 0) -> None:
        self._source = source
        self._clock = clock
        self._stride = bytes_per_round
        self._rounds = rounds
        self._first = first
        self._start: int | None = None
        self._take: Callable[[int, int], bytes] = source.take

    def prepare(self) -> None:
        """Fill the pool once, if there are rounds to come; the source's health tests see every byte."""
        self._take = self._source.taker()
        if self._start is None and self._rounds > self._first:
            self._start = self._source.fill_pool(self._stride * (self._rounds - self._first))

    def run(self, herald_ps: int, index: int) -> Input:
        """Take round ``index``'s bytes out of the pool.

        Raises:
            KeyPoolError: they have been used.
            DeviceFault: the source is unhealthy.
        """
        del herald_ps
        if self._start is None:
            raise NotReady(f"{self._source.name}: the pool has not been filled; call prepare() before the first round")
        stride = self._stride
        taken = self._take(self._start + (index - self._first) * stride, stride)
        return tuple.__new__(Input, (int.from_bytes(taken, "little"), self._clock.now_ps()))  # Input(...) itself goes by way of Python

    def draw_lost(self, index: int, n_bits: int) -> int:
        """The bits at the place of a round that a crash swallowed."""
        del n_bits
        self.prepare()
        return self.run(0, index).bits

    def make_safe(self) -> None:
        """Nothing to do: the source is passive."""
