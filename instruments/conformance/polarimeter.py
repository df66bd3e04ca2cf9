"""What every polarimeter must do."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from ...errors import NotReady
from ..polarimeter import Polarimeter, Polarisation
from .base import Command, Limited, RoleConformance, able

_HALF = math.sqrt(0.5)
_LIGHTS = (
    (1.0, 0.0, 0.0),
    (-1.0, 0.0, 0.0),
    (0.0, 1.0, 0.0),
    (0.0, -1.0, 0.0),
    (0.0, 0.0, 1.0),
    (0.0, 0.0, -1.0),
    (0.6, 0.0, 0.8),
    (_HALF, -_HALF, 0.0),
)


class PolarimeterConformance(RoleConformance[Polarimeter]):
    """For implementations of :class:`~eventready.instruments.Polarimeter`.

    Polarised light that the device can judge must fall on it when it is handed out. ``truth`` may have ``shine(light)``, which has a
    :class:`~eventready.instruments.Polarisation` fall on it from then on.
    """

    role = Polarimeter
    reads = frozenset({"wavelength"})
    accuracy = 0.03
    """How far a Stokes parameter of length 1 may be off, many standard errors."""

    def commands(self, device: Polarimeter) -> Mapping[str, Command]:
        """Measure, and set the wavelength."""
        low, high = device.wavelength_limits
        return {
            "set_wavelength": lambda: device.set_wavelength(low + 0.5 * (high - low)),
            "wavelength": device.wavelength,
            "measure": device.measure,
            **super().commands(device),
        }

    def changes(self, device: Polarimeter) -> Mapping[str, Command]:
        """Another wavelength."""
        low, high = device.wavelength_limits
        return {"set_wavelength": lambda: device.set_wavelength(low + 0.4 * (high - low))}

    def limited(self, device: Polarimeter) -> list[Limited]:
        """The wavelength."""
        return [Limited(device.set_wavelength, device.wavelength, device.wavelength_limits)]

    def test_it_reads_the_polarisation_that_falls_on_it(self, device: Polarimeter, truth: object | None) -> None:
        """With the right signs, all around the sphere; power and degree too."""
        shine = able(truth, "shine")
        low, high = device.power_limits
        power = math.sqrt(low * high)
        for stokes in _LIGHTS:
            for degree in (1.0, 0.8):
                shine(Polarisation(*stokes, degree, power))
                found = device.measure()
                assert tuple(found[:3]) == pytest.approx(stokes, abs=self.accuracy)
                assert found.degree == pytest.approx(degree, abs=self.accuracy)
                assert found.power == pytest.approx(power, rel=0.1)

    def test_parameters_are_of_the_reading(self, device: Polarimeter, truth: object | None) -> None:
        """Azimuth and ellipticity in radians."""
        shine = able(truth, "shine")
        low, high = device.power_limits
        shine(Polarisation(0.0, 0.8, 0.6, 1.0, math.sqrt(low * high)))
        assert device.parameters["azimuth"]() == pytest.approx(math.pi / 4, abs=self.accuracy)
        assert device.parameters["ellipticity"]() == pytest.approx(math.asin(0.6) / 2, abs=self.accuracy)
        assert device.parameters["degree"]() == pytest.approx(1.0, abs=self.accuracy)
        assert device.parameters["power"]() == pytest.approx(math.sqrt(low * high), rel=0.1)

    def test_without_light_there_is_no_reading(self, device: Polarimeter, truth: object | None) -> None:
        """Noise is no polarisation."""
        shine = able(truth, "shine")
        shine(Polarisation(1.0, 0.0, 0.0, 1.0, 0.01 * device.power_limits[0]))
        with pytest.raises(NotReady):
            device.measure()
