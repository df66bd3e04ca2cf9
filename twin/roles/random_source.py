"""A quantum random number generator of the twin."""

from __future__ import annotations

from ...clock import Clock
from ...errors import NotReady
from ...instruments import LatchedInput, RandomSource
from ..ports import RandomPort
from .base import TwinInstrument, own_clock


class TwinRandomSource(RandomSource, TwinInstrument):
    """A seeded pseudo-random source. Good for simulations, worthless for keys.

    Args:
        name: of the instrument.
        port: its stream; by default one with a seed of its own.
        clock: of the node.
        latch_bits: width of what the hardware latches.
    """

    def __init__(self, name: str, port: RandomPort | None = None, clock: Clock | None = None, latch_bits: int = 1) -> None:
        self._port = RandomPort() if port is None else port
        super().__init__(name, clock=own_clock(clock), latch_bits=latch_bits)

    def _do_read(self, n_bytes: int) -> bytes:
        return self._port.read(n_bytes)

    def _do_read_latched(self) -> LatchedInput:
        if not self._port.latched:
            raise NotReady(f"{self.full_name}: nothing has been latched")
        return LatchedInput(*self._port.latched.popleft())

    def _do_raw_samples(self) -> bool:
        return True
