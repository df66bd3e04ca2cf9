"""Reference light through a fibre of the link, and what a polarimeter at its end makes of it.

The light goes through the same fibre as the photons: what has turned since (a disturbance, a paddle) turns it, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .physics.parameters import NodeParameters, Side
from .physics.states import jones_matrix

if TYPE_CHECKING:
    from .world import World

ACCURACY = math.radians(0.25)
"""Standard deviation of each normalised Stokes parameter: Thorlabs give +-0.25 deg on the Poincare sphere as the accuracy of their PAX1000
(operation manual), which is taken as one sigma."""
_POWER_NOISE = 0.01


class Light(NamedTuple):
    """Stokes parameters of length 1, degree of polarisation, power in W."""

    s1: float
    s2: float
    s3: float
    degree: float
    power: float


DARK = Light(1.0, 0.0, 0.0, 1.0, 0.0)


@dataclass
class PolarimeterPort:
    """Where a polarimeter looks: the end of one node's fibre, or ``light`` where there is no world."""

    slot: str = ""
    world: World | None = field(default=None, repr=False)
    side: Side | None = None
    noise: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0), repr=False)
    light: Light | None = None
    """What falls on it instead of the fibre's light, if it is not None."""
    wavelength: float = 780e-9

    def set_wavelength(self, value: float) -> None:
        """What the device takes the wavelength for, m."""
        self.wavelength = value

    def read(self, now_ps: int) -> Light:
        """A reading with noise, at a time that does not go back."""
        if self.light is not None:
            light = self.light
        elif self.world is not None and self.side is not None:
            light = self.world.reference_light(self.side, now_ps)
        else:
            light = Light(1.0, 0.0, 0.0, 1.0, 1e-4)
        return _noisy(light, self.noise)


def through_fibre(node: NodeParameters, azimuth: float, power: float) -> Light:
    """Linearly polarised light after a fibre.

    Args:
        node: whose fibre.
        azimuth: of the polarisation before it, rad.
        power: before it, W.

    Returns:
        Fully polarised: the fibre is short against the depolarisation of a narrow line.
    """
    h, v = jones_matrix(node) @ np.array([math.cos(azimuth), math.sin(azimuth)])
    cross = complex(np.conj(h) * v)
    return Light(float(abs(h) ** 2 - abs(v) ** 2), 2 * cross.real, 2 * cross.imag, 1.0, power * node.channel_transmission)


def _noisy(light: Light, noise: np.random.Generator) -> Light:
    stokes = light.degree * np.array(light[:3]) + ACCURACY * noise.standard_normal(3)
    degree = float(np.linalg.norm(stokes))
    s1, s2, s3 = (stokes / max(degree, 1e-12)).tolist()
    return Light(s1, s2, s3, degree, light.power * (1 + _POWER_NOISE * float(noise.standard_normal())))
