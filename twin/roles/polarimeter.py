"""A polarimeter of the twin."""

from __future__ import annotations

from collections.abc import Iterable

from ...clock import Clock
from ...instruments import Polarimeter, Polarisation
from ..polarimetry import PolarimeterPort
from .base import TwinInstrument, own_clock

_READING = 0.1  # s, the order of a rotating wave plate's few turns


class TwinPolarimeter(Polarimeter, TwinInstrument):
    """A polarimeter in memory, at the end of a fibre of the world.

    Args:
        name: of the instrument.
        port: where it looks; by default at horizontal light.
        clock: of the node.
        wavelength_limits: m.
    """

    def __init__(
        self,
        name: str,
        port: PolarimeterPort | None = None,
        clock: Clock | None = None,
        wavelength_limits: Iterable[float] = (600e-9, 1080e-9),
    ) -> None:
        self._port = PolarimeterPort() if port is None else port
        super().__init__(name, clock=own_clock(clock), wavelength_limits=wavelength_limits)

    def _do_set_wavelength(self, value: float) -> None:
        self._port.set_wavelength(value)

    def _do_wavelength(self) -> float:
        return self._port.wavelength

    def _do_measure(self) -> Polarisation:
        self.clock.sleep(_READING)
        return Polarisation(*self._port.read(self.clock.now_ps()))
