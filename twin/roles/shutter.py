"""A shutter of the twin."""

from __future__ import annotations

from ...clock import Clock
from ...instruments import Position, Shutter
from ..ports import ShutterPort
from .base import TwinInstrument, own_clock


class TwinShutter(Shutter, TwinInstrument):
    """A shutter with position sensors, in memory, on the world.

    Args:
        name: of the instrument.
        port: the blade; by default it stands alone and is as quick as thought.
        clock: of the node.
        travel_timeout: how long a move may take at most, s.
    """

    def __init__(self, name: str, port: ShutterPort | None = None, clock: Clock | None = None, travel_timeout: float = 1.0) -> None:
        self._port = ShutterPort() if port is None else port
        super().__init__(name, clock=own_clock(clock), travel_timeout=travel_timeout)

    @property
    def confirmed(self) -> bool:
        """Measured: the world knows where the blade is."""
        return True

    def _do_set_open(self, is_open: bool) -> None:
        self._port.command(is_open, self.clock.now_ps())

    def _do_position(self) -> Position:
        now_ps = self.clock.now_ps()
        if self._port.moving(now_ps):
            return Position.MOVING
        return Position.OPEN if self._port.is_open(now_ps) else Position.CLOSED
