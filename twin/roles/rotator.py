"""A rotation mount of the twin."""

from __future__ import annotations

import math

from ...clock import PS_PER_S, Clock
from ...instruments import Rotator
from ..ports import RotatorPort
from .base import TwinInstrument, own_clock

_SPEED = 1.0  # rad/s, the order of a small piezo mount


class TwinRotator(Rotator, TwinInstrument):
    """A motorised paddle in memory, on the world; the light sees it at its new angle as soon as it is sent there.

    Args:
        name: of the instrument.
        port: what it turns; by default nothing.
        clock: of the node.
    """

    def __init__(self, name: str, port: RotatorPort | None = None, clock: Clock | None = None) -> None:
        self._port = RotatorPort() if port is None else port
        self._way = 0.0
        self._arrives_ps = 0
        super().__init__(name, clock=own_clock(clock))

    def _do_set_angle(self, value: float) -> None:
        self._way = value - self._do_angle()
        self._arrives_ps = self.clock.now_ps() + round(abs(self._way) / _SPEED * PS_PER_S)
        self._port.set(value)

    def _do_angle(self) -> float:
        left = max(0, self._arrives_ps - self.clock.now_ps()) / PS_PER_S * _SPEED
        return self._port.angle - math.copysign(left, self._way)

    def _do_home(self) -> None:
        self._do_set_angle(0.0)

    def _do_moving(self) -> bool:
        return self.clock.now_ps() < self._arrives_ps
