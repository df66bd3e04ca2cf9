"""The RF source behind an AOM of the twin."""

from __future__ import annotations

from collections.abc import Iterable

from ...clock import Clock
from ...instruments import RfSource
from ..ports import BeamPort
from .base import TwinInstrument, own_clock


class TwinRfSource(RfSource, TwinInstrument):
    """An RF source in memory, on the world.

    Args:
        name: of the instrument.
        port: the beam that its AOM switches; by default it stands alone.
        clock: of the node.
        frequency_limits: Hz.
        power_limits: W.
    """

    def __init__(
        self,
        name: str,
        port: BeamPort | None = None,
        clock: Clock | None = None,
        frequency_limits: Iterable[float] = (1e6, 500e6),
        power_limits: Iterable[float] = (0.0, 4.0),
    ) -> None:
        self._port = BeamPort() if port is None else port
        self._frequency = 80e6
        super().__init__(name, clock=own_clock(clock), frequency_limits=frequency_limits, power_limits=power_limits)

    def _do_set_enabled(self, on: bool) -> None:
        self._port.set(self.clock.now_ps(), on=on)

    def _do_enabled(self) -> bool:
        return self._port.on

    def _do_set_frequency(self, value: float) -> None:
        self._frequency = value

    def _do_frequency(self) -> float:
        return self._frequency

    def _do_set_power(self, value: float) -> None:
        self._port.set(self.clock.now_ps(), power_w=value)

    def _do_power(self) -> float:
        return self._port.power_w
