"""A rotation mount of the twin."""

from __future__ import annotations

from ...clock import Clock
from ...instruments import Rotator
from ..ports import RotatorPort
from .base import TwinInstrument, own_clock

_SPEED = 1.0  # rad/s, the order of a small piezo mount


class TwinRotator(Rotator, TwinInstrument):
    """A motorised paddle in memory, on the world.

    Args:
        name: of the instrument.
        port: what it turns; by default nothing.
        clock: of the node.
    """

    def __init__(self, name: str, port: RotatorPort | None = None, clock: Clock | None = None) -> None:
        self._port = RotatorPort() if port is None else port
        self._arrives_ps = 0
        super().__init__(name, clock=own_clock(clock))

    def _do_set_angle(self, value: float) -> None:
        self._arrives_ps = self.clock.now_ps() + round(abs(value - self._port.angle) / _SPEED * 1e12)
        self._port.set(value)

    def _do_angle(self) -> float:
        return self._port.angle

    def _do_home(self) -> None:
        self._do_set_angle(0.0)

    def _do_moving(self) -> bool:
        return self.clock.now_ps() < self._arrives_ps

    def _do_make_safe(self) -> None:
        self._arrives_ps = min(self._arrives_ps, self.clock.now_ps())
