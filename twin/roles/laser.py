"""A laser of the twin."""

from __future__ import annotations

from collections.abc import Iterable

from ...clock import Clock
from ...instruments import Laser
from ..ports import BeamPort
from .base import TwinInstrument, own_clock


class TwinLaser(Laser, TwinInstrument):
    """A laser in memory, on the world.

    Args:
        name: of the instrument.
        port: where it is wired; by default it stands alone.
        clock: of the node.
        setpoint_limits: W.
    """

    def __init__(
        self, name: str, port: BeamPort | None = None, clock: Clock | None = None, setpoint_limits: Iterable[float] = (0.0, 10.0)
    ) -> None:
        self._port = BeamPort() if port is None else port
        super().__init__(name, clock=own_clock(clock), setpoint_limits=setpoint_limits)

    def _do_set_emission(self, on: bool) -> None:
        self._port.set(self.clock.now_ps(), on=on)

    def _do_emission(self) -> bool:
        return self._port.on

    def _do_set_power(self, value: float) -> None:
        self._port.set(self.clock.now_ps(), power_w=value)

    def _do_power(self) -> float:
        return self._port.power_w

    def _do_locked(self) -> bool | None:
        return self._port.locked

    def _do_interlock_closed(self) -> bool:
        return self._port.interlock_closed
