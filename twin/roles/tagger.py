"""A time tagger of the twin."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...clock import Clock
from ...errors import ConfigError
from ...instruments import Loss, TagBlock, TimeTagger
from ..ports import NO_CLICKS, TagPort
from .base import TwinInstrument, own_clock

_NO_TAGS = TagBlock(*NO_CLICKS)


class TwinTagger(TimeTagger, TwinInstrument):
    """A time tagger in memory, on the world; see :class:`~.ports.TagPort` for what it sees.

    Args:
        name: of the instrument.
        port: its inputs; by default nothing is connected.
        clock: of the node.
        channels: numbers of the inputs: the reference edge, then the four detectors.
    """

    def __init__(
        self, name: str, port: TagPort | None = None, clock: Clock | None = None, channels: Iterable[int] = (0, 1, 2, 3, 4)
    ) -> None:
        self._port = TagPort() if port is None else port
        self._numbers = np.array([*channels], np.int16)
        if self._numbers.shape != (5,):
            raise ConfigError(f"{name}: a tagger behind a Bell-state measurement has a reference and four detectors, not {channels!r}")
        self._wanted = np.zeros(5, bool)
        self._channels: tuple[int, ...] = ()
        self._start_ps = 0
        super().__init__(name, clock=own_clock(clock))

    def _do_start(self, channels: tuple[int, ...]) -> None:
        self._start_ps = now_ps = self.clock.now_ps()
        self._port.take(now_ps)
        self._port.set_running(True, now_ps)
        self._wanted = np.isin(self._numbers, channels) if channels != self._channels else self._wanted
        self._channels = channels

    def _do_stop(self) -> None:
        self._port.set_running(False, self.clock.now_ps())

    def _do_running(self) -> bool:
        return self._port.running

    def _do_read(self) -> TagBlock:
        clicks, lost = self._port.take(self.clock.now_ps())
        if clicks is NO_CLICKS:
            return _NO_TAGS
        wanted, start_ps = self._wanted[clicks.channels], self._start_ps
        losses = tuple(Loss(begin_ps - start_ps, end_ps - start_ps) for begin_ps, end_ps in lost)
        return TagBlock(clicks.times_ps[wanted] - start_ps, self._numbers[clicks.channels[wanted]], losses)
