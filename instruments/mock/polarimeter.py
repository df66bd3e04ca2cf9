"""A polarimeter without light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..polarimeter import Polarimeter, Polarisation
from .base import MockDevice


@dataclass
class PolarimeterState:
    """What a mock polarimeter is told, m, and what shines on it."""

    wavelength: float = 780e-9
    light: Polarisation = Polarisation(1.0, 0.0, 0.0, 1.0, 1e-4)  # noqa: RUF009 - a tuple does not change


class MockPolarimeter(MockDevice, Polarimeter):
    """A polarimeter without noise; horizontal light of 0.1 mW shines on it unless a test says otherwise."""

    state: PolarimeterState

    def __init__(self, name: str, *, wavelength_limits: tuple[float, float] = (600e-9, 1080e-9), **kwargs: Any) -> None:  # noqa: ANN401 - for the role
        super().__init__(name, wavelength_limits=wavelength_limits, **kwargs)
        self.state = PolarimeterState()

    def _do_set_wavelength(self, value: float) -> None:
        self._told("set_wavelength", value, wavelength=value)

    def _do_wavelength(self) -> float:
        return self._asked("wavelength", self.state.wavelength)

    def _do_measure(self) -> Polarisation:
        return self._asked("measure", self.state.light)
