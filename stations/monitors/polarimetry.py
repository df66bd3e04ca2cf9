"""Has a fibre turned? The only monitor that sees polarisation itself, and not what it does to pairs of outcomes.

What a fibre without loss does to polarisation is a rotation of the Poincare sphere. Two known inputs fix it: what comes out for horizontal
and for diagonal light spans a frame, and the rotation between the frames of two readings is what has changed since. A rotation of the
fibre by theta turns it by 2 theta about the circular axis, a retardance by its own angle.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from .alarm import ALPHA, Alarm
from .change import log_weight

Float64 = npt.NDArray[np.float64]
AT_LEAST_TURN = math.radians(2)
"""On the Poincare sphere; a rotation of the fibre by half of it costs S a thousandth."""


class FibreReading(NamedTuple):
    """What came out of a fibre, as normalised Stokes parameters (S1, S2, S3).

    Attributes:
        horizontal: for horizontal light.
        diagonal: for diagonal light.
    """

    horizontal: tuple[float, float, float]
    diagonal: tuple[float, float, float]


def frame(reading: FibreReading) -> Float64:
    """The two outputs, made perpendicular in the way that moves both alike, and their cross product, as columns; shape (3, 3).

    Args:
        reading: outputs that are neither the same nor opposite.
    """
    first, second = np.array(reading.horizontal), np.array(reading.diagonal)
    middle, across = first + second, first - second
    middle, across = middle / np.linalg.norm(middle), across / np.linalg.norm(across)
    one, two = (middle + across) * math.sqrt(0.5), (middle - across) * math.sqrt(0.5)
    return np.stack([one, two, np.cross(one, two)], axis=1)


def turn(before: FibreReading, after: FibreReading) -> Float64:
    """Rotation vector between two readings, rad, in the frame of the first: about horizontal, diagonal, circular; shape (3,)."""
    rotation = frame(before).T @ frame(after)
    doubled = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    sine, cosine = float(np.linalg.norm(doubled)) / 2, (float(np.trace(rotation)) - 1) / 2
    angle = math.atan2(sine, cosine)
    if sine < 1e-9:  # about which axis half a turn was, does not matter here
        return np.array([angle, 0.0, 0.0])
    found: Float64 = doubled / (2 * sine) * angle
    return found


def chi_squared(turned: Float64, accuracy: float) -> float:
    """How far a small turn is from none: chi-squared of three degrees of freedom while the fibre rests.

    Let every Stokes parameter have the standard error s. A turn about the horizontal axis moves the diagonal output only, and the other way
    round, so either has s; one about the circular axis moves both, and their mean has s/sqrt 2. The difference of two readings has sqrt 2
    times as much.

    Args:
        turned: rotation vector, rad.
        accuracy: s, rad.
    """
    return float((turned[0] ** 2 + turned[1] ** 2) / (2 * accuracy**2) + turned[2] ** 2 / accuracy**2)


def alpha_of(look: int, alpha: float) -> float:
    """Share of ``alpha`` for the ``look``-th comparison, from 1: alpha / (k (k + 1)), which sum to alpha however many there are."""
    return alpha * math.exp(log_weight(look))


def least_turn(accuracy: float, alpha: float, look: int) -> float:
    """Smallest angle, rad, that the ``look``-th comparison finds with 3 sigma, about whatever axis.

    The square root of chi-squared is at least the turn about its true axis over its standard error, sqrt 2 s or less; so an angle is found
    unless that comes out 3 sigma too small, in 0.13 % of all cases, where it is (threshold + 3) sqrt 2 s or more, with threshold^2 the
    quantile of chi-squared, and 3 sqrt 2 s above the smallest that matters.

    Args:
        accuracy: s, rad.
        alpha: of the stream.
        look: its number, from 1.
    """
    error = math.sqrt(2) * accuracy
    return max(math.sqrt(float(chi2.isf(alpha_of(look, alpha), 3))) * error, AT_LEAST_TURN) + 3 * error


class FibreTurn:
    """Watches one fibre: each reading is compared with the first one.

    A fault is found at the next reading, if it is :func:`least_turn`. Each comparison has its share of the bound on false alarms, and its
    chi-squared has the same distribution whatever the first reading was; so all of them together keep it.

    Args:
        fibre: the node's name.
        accuracy: of the polarimeter, standard error of each normalised Stokes parameter, rad.
        alpha: bound on a false alarm in all the time until the first one.
    """

    name = "polarimetry"

    def __init__(self, fibre: str, accuracy: float, alpha: float = ALPHA) -> None:
        self._fibre = fibre
        self._accuracy = accuracy
        self._alpha = alpha
        self._first: FibreReading | None = None
        self._look = 0
        self._last_s = 0.0
        self._silent = False

    def feed(self, at_s: float, reading: FibreReading) -> list[Alarm]:
        """Take a reading; after an alarm it is the one that later ones are compared with."""
        since_s, self._last_s, self._silent = self._last_s, at_s, False
        if self._first is None:
            self._first = reading
            return []
        self._look += 1
        turned = turn(self._first, reading)
        squared, angle = chi_squared(turned, self._accuracy), float(np.linalg.norm(turned))
        if angle < AT_LEAST_TURN or float(chi2.sf(squared, 3)) > alpha_of(self._look, self._alpha):
            return []
        self._first, self._look = reading, 0
        text = f"the fibre of {self._fibre} turned polarisation by {math.degrees(angle):.1f} deg on the Poincare sphere"
        return [Alarm(self.name, self._fibre, at_s, since_s, f"{text}; turn its paddle back", math.sqrt(squared))]

    def unread(self, at_s: float, cause: str) -> list[Alarm]:
        """There was no reading; told once, until there is one again."""
        told, self._silent = self._silent, True
        return [] if told else [Alarm(self.name, self._fibre, at_s, at_s, f"no reading of the fibre of {self._fibre}: {cause}")]
