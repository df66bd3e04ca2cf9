"""Reference light through a node's fibre: what does the fibre do to polarisation?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...clock import Clock
from ...instruments import Laser, Polarimeter, Rotator, SinglePhotonDetector
from ..monitors.polarimetry import FibreReading
from .beams import beam_off, beam_on

INPUTS = (0.0, math.pi / 4)
"""Azimuths of the light that is sent: horizontal and diagonal. Two that are neither the same nor opposite tell all that a fibre turns."""


@dataclass(frozen=True)
class ReferencePath:
    """What stands at both ends of a node's fibre.

    Args:
        light: at the node, linearly polarised.
        plate: turns its polarisation; its angle is the azimuth.
        polarimeter: at the far end.
        clocks: of the node and of the heralding station; one waits for the other.
    """

    light: Laser
    plate: Rotator
    polarimeter: Polarimeter
    clocks: tuple[Clock, Clock]


class FibrePolarimetry:
    """Send two polarisations through a fibre and measure what arrives.

    The detectors of single photons are off meanwhile: reference light is some 10^14 photons a second.

    Args:
        path: of the light.
        detectors: of the Bell-state measurement, where the fibre ends.
        power: of the light, W.
    """

    def __init__(self, path: ReferencePath, detectors: Sequence[SinglePhotonDetector], power: float) -> None:
        self._path = path
        self._detectors = tuple(detectors)
        self._power = power

    def run(self) -> FibreReading:
        """Measure; afterwards the light is off, and the detectors are on again.

        Raises:
            NotReady: no light arrives.
            DeviceError: an instrument failed. The detectors stay off if the light cannot be put out.
        """
        path = self._path
        for detector in self._detectors:
            detector.set_enabled(False)
        try:
            path.light.set_power(self._power)
            beam_on(path.light)
            horizontal, diagonal = (self._measured(azimuth) for azimuth in INPUTS)
        finally:
            self.recover()
        return FibreReading(horizontal, diagonal)

    def recover(self) -> None:
        """Put the light out, and only then the detectors on.

        Raises:
            DeviceError: one of them does not obey.
        """
        beam_off(self._path.light)
        for detector in self._detectors:
            detector.set_enabled(True)

    def _measured(self, azimuth: float) -> tuple[float, float, float]:
        path = self._path
        path.plate.set_angle(azimuth)
        path.plate.wait(path.plate.travel_timeout)
        self._meet()
        found = path.polarimeter.measure()
        self._meet()
        return found.s1, found.s2, found.s3

    def _meet(self) -> None:
        """The light is at the node, the polarimeter at the heralding station: each waits for the other."""
        later_ps = max(clock.now_ps() for clock in self._path.clocks)
        for clock in self._path.clocks:
            clock.sleep_until_ps(later_ps)
