"""A time tagger of the twin."""

from __future__ import annotations

import numpy as np

from ...clock import Clock
from ...instruments import Loss, TagBlock, TimeTagger
from ..ports import TagPort
from .base import TwinInstrument, own_clock


class TwinTagger(TimeTagger, TwinInstrument):
    """A time tagger in memory, on the world; it sees the heralding clicks.

    Args:
        name: of the instrument.
        port: its inputs; by default nothing is connected.
        clock: of the node.
    """

    def __init__(self, name: str, port: TagPort | None = None, clock: Clock | None = None) -> None:
        self._port = TagPort() if port is None else port
        self._wanted: tuple[int, ...] = ()
        super().__init__(name, clock=own_clock(clock))

    def _do_start(self, channels: tuple[int, ...]) -> None:
        self._port.take()
        self._port.losses(self.clock.now_ps())
        self._wanted = channels
        self._port.running = True

    def _do_stop(self) -> None:
        self._port.running = False

    def _do_running(self) -> bool:
        return self._port.running

    def _do_read(self) -> TagBlock:
        clicks = self._port.take()
        wanted = np.isin(clicks.channels, self._wanted)
        losses = tuple(Loss(*interval) for interval in self._port.losses(self.clock.now_ps()))
        return TagBlock(clicks.times_ps[wanted], clicks.channels[wanted], losses)
