"""Visibility of the correlations over Alice's readout angle, and the fidelity that it implies.

Zhang et al., Nature 607, 687 (2022), "System measurements and performance": for each setting of Bob the four correlators are
fitted with a sinusoid; the mean of the two visibilities bounds the fidelity of the atom-atom state. These numbers describe a
trusted device: nothing about the key rests on them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError
from .bell import BellGame, Counts
from .estimate import Estimate, independent_sum, normal


@dataclass(frozen=True)
class VisibilityFit:
    """The sinusoid E(alpha) = -V cos(2 alpha + phase) at one setting of Bob.

    Attributes:
        setting_b: Bob's y.
        visibility: V, never negative; biased upwards by about sigma^2/(2 V), as any amplitude is.
        phase: radians; twice Bob's angle in an ideal device.
    """

    setting_b: int
    visibility: Estimate
    phase: float


def visibility_missing(counts: Counts, game: BellGame) -> str | None:
    """Say why :func:`fit_visibility` is impossible on these counts, or return None."""
    if game.settings_a < 3:
        return f"a sinusoid needs at least three settings of Alice, and the {game.name} game has {game.settings_a}"
    missing = [pair for pair in game.pairs if counts.of(pair)[0] == 0]
    return f"there are no rounds with settings (x,y) = {format_pairs(missing)}" if missing else None


def format_pairs(pairs: Sequence[tuple[int, int]]) -> str:
    """Write pairs of settings the way the papers do: ``(0,1), (1,0)``."""
    return ", ".join(f"({x},{y})" for x, y in pairs)


def fit_visibility(counts: Counts, game: BellGame, angles: Sequence[float], setting_b: int) -> VisibilityFit:
    """Fit the correlators at one setting of Bob by a sinusoid with free amplitude and phase.

    Least squares with equal weights; this reproduces the printed visibilities 0.869 and 0.888 to 0.001. Weights from the measured
    correlators would favour those that fluctuated towards 1. The error of V is propagated from the counts; the printed errors
    are compatible with the scatter around the fit instead, which two degrees of freedom tell only roughly.

    Args:
        counts: with rounds in every pair of settings.
        game: says how many settings there are.
        angles: Alice's readout angle alpha of each x, radians, shape (settings of Alice,).
        setting_b: Bob's y.

    Raises:
        ConfigError: the wrong number of angles, angles that do not tell amplitude and phase apart, or a pair without rounds.
    """
    if len(angles) != game.settings_a or not np.isfinite(angles).all():
        raise ConfigError(f"the {game.name} game needs {game.settings_a} readout angles of Alice in radians, not {list(angles)}")
    if reason := visibility_missing(counts, game):
        raise ConfigError(f"no visibility fit: {reason}")
    doubled = 2 * np.asarray(angles, dtype=np.float64)
    design = np.column_stack([np.cos(doubled), np.sin(doubled)])
    if np.linalg.matrix_rank(design, tol=1e-6) < 2:
        raise ConfigError("Alice's readout angles differ by multiples of 90 degrees only; amplitude and phase cannot be told apart")
    rounds = counts.n[:, setting_b]
    measured = 2 * counts.n_equal[:, setting_b] / rounds - 1
    variance = np.maximum(1 - measured**2, 1 / rounds) / rounds  # where all rounds agree, the error is not zero

    solver = np.linalg.pinv(design)
    a, b = (float(v) for v in solver @ measured)
    amplitude = math.hypot(a, b)
    gradient = (np.array([a, b]) / amplitude if amplitude > 0 else np.array([1.0, 0.0])) @ solver
    return VisibilityFit(setting_b, normal(amplitude, math.sqrt(float(gradient**2 @ variance))), phase=math.atan2(b, -a))


def fidelity_bound(visibilities: Sequence[Estimate], levels: int = 3) -> Estimate:
    """Lower bound on the fidelity to a maximally entangled state, F >= 1/d^2 + (1 - 1/d^2) V with the mean visibility V.

    d is the number of levels a party's system can be found in; noise is taken to be spread evenly over all d^2. With d = 3 (an
    F = 1 ground state with its m_F = 0 level) this is F >= 1/9 + 8/9 V, which reproduces the printed 0.892(23) of Zhang et al.,
    Nature 607, 687 (2022); the paper cites the bound without writing it, so the form is our inference from its numbers.

    Args:
        visibilities: one for each setting of Bob.
        levels: d; 2 for a qubit.
    """
    noise = 1 / levels**2
    mean = independent_sum(visibilities).scaled(1 / len(visibilities))
    return mean.scaled(1 - noise, noise)
