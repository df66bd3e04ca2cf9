"""Readout: the effect of "bright" for each platform, and what the fluorescence counter sees.

Bright is outcome 1. For Rb it is "up": the atom is still trapped after the ionising pulse. For Sr it is a fluorescing ion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from .parameters import LinkParameters, NodeParameters, Side
from .states import DOWN, LEAK, PAULI_X, PAULI_Y, PAULI_Z, UP, BellState, Matrix

_Z_AND_X_OF_BELL = {
    BellState.PHI_PLUS: (1, 1),
    BellState.PHI_MINUS: (1, -1),
    BellState.PSI_PLUS: (-1, 1),
    BellState.PSI_MINUS: (-1, -1),
}


@dataclass(frozen=True)
class RbAnalysis:
    """Readout pulse of polarisation cos(angle) V + exp(-i phase) sin(angle) H.

    Attributes:
        angle: gamma (alpha for Alice, beta for Bob), radians.
        phase: phi, radians.
        beam: which of the node's readout beams makes it; selects contrast and angle offset.
    """

    angle: float
    phase: float = 0.0
    beam: int = 0


@dataclass(frozen=True)
class SrAnalysis:
    """Rotation before the ion's readout, so that the observable is cos(theta) Z + sin(theta) (cos(phi) X + sin(phi) Y); radians."""

    theta: float
    phi: float = 0.0


Analysis = RbAnalysis | SrAnalysis


def bright_effect(parameters: LinkParameters, side: Side, analysis: Analysis, *, present: bool = True) -> Matrix:
    """Effect (POVM element) of the outcome "bright", all readout errors included.

    Rb: the atom stays trapped if it is in D(gamma) = sin(gamma)|down> - exp(i phi) cos(gamma)|up>
    (Zhang et al., Nature 607, 687 (2022), equation 3). An atom in m_F = 0 is ionised whatever the setting: under the readout light
    only m_F = 0 to 0 with pi polarisation would be forbidden.

    Args:
        parameters: of the link.
        side: whose readout.
        analysis: the setting, of the type that fits the platform.
        present: False for a trap whose atom was lost: dark but for ``false_bright``.

    Returns:
        Hermitian matrix, shape (levels, levels), 0 <= effect <= 1.

    Raises:
        ConfigError: an analysis of the other platform, or a beam that the node does not have.
    """
    node = parameters.node(side)
    if not present:
        return node.false_bright * np.eye(parameters.levels, dtype=np.complex128)
    if parameters.platform == "rb87" and isinstance(analysis, RbAnalysis):
        bright = _survives(node, side, analysis)
    elif parameters.platform == "sr88" and isinstance(analysis, SrAnalysis):
        bright = _upper(analysis)
    else:
        raise ConfigError(f"{type(analysis).__name__} is not a readout of {parameters.platform}; use the analysis of that platform")
    effect: Matrix = (1 - node.missed - node.false_bright) * bright + node.false_bright * np.eye(parameters.levels)
    return effect


def readout_contrast(node: NodeParameters) -> float:
    """Factor that the readout errors alone (no beam contrast) leave of an observable of mean zero."""
    return (1 - node.dark_ionised - node.bright_survives) * (1 - node.missed - node.false_bright)


def joint_probabilities(state: Matrix, effect_a: Matrix, effect_b: Matrix) -> npt.NDArray[np.float64]:
    """P(a, b) of the two outcomes given the state behind a pattern; outcome 1 is bright.

    Args:
        state: two-atom operator, shape (D, D), of any positive trace.
        effect_a: Alice's effect of "bright", shape (d, d) with d * d = D.
        effect_b: Bob's.

    Returns:
        Probabilities indexed [a, b], shape (2, 2), sum 1.

    Raises:
        ConfigError: the state's trace is 0: that pattern never occurs.
    """
    levels = len(effect_a)
    unit = np.eye(levels)
    tensor = state.reshape(levels, levels, levels, levels)
    effects = [np.array([unit - effect, effect]) for effect in (effect_a, effect_b)]
    joint: npt.NDArray[np.float64] = np.einsum("ijkl,aki,blj->ab", tensor, *effects).real
    total = float(joint.sum())
    if not total > 0:
        raise ConfigError("no outcomes follow from a state of trace 0; this pattern has probability 0 and cannot be heralded")
    joint /= total
    return joint


def frame(theta: float, bell: BellState) -> float:
    """Bob's angle after a herald, such that every Bell state shows the correlations of Phi+.

    Args:
        theta: angle of cos(theta) Z + sin(theta) X that is meant for Phi+, radians.
        bell: the state that the pattern heralds; after Psi+- his axes are Z -> -Z, X -> +-X.

    Returns:
        The angle to apply, radians.
    """
    sign_z, sign_x = _Z_AND_X_OF_BELL[bell]
    return math.atan2(sign_x * math.sin(theta), sign_z * math.cos(theta))


def count_means(parameters: LinkParameters, side: Side) -> tuple[float, float]:
    """Mean fluorescence counts (bright, dark) in the readout window; both are Poissonian."""
    node = parameters.node(side)
    return node.bright_counts, node.dark_counts


def poisson_threshold_errors(bright: float, dark: float, threshold: int) -> tuple[float, float]:
    """Errors of calling a count of at least ``threshold`` bright.

    Args:
        bright: mean counts of a trapped atom.
        dark: mean counts of an empty trap.
        threshold: smallest count that is called bright.

    Returns:
        (a bright one reads dark, a dark one reads bright).
    """
    missed = sum(_poisson(bright, n) for n in range(threshold))
    # The tail is summed upwards: 1 - (sum of the rest) would lose all digits below 1e-16.
    ceiling = threshold + int(dark + 40 * math.sqrt(dark + 1))
    return missed, sum(_poisson(dark, n) for n in range(max(0, threshold), ceiling))


def _poisson(mean: float, n: int) -> float:
    if mean == 0:
        return float(n == 0)
    return math.exp(n * math.log(mean) - mean - math.lgamma(n + 1))


def _survives(node: NodeParameters, side: Side, analysis: RbAnalysis) -> Matrix:
    """Effect of "not ionised" on (up, down, m_F = 0)."""
    if not 0 <= analysis.beam < len(node.beam_contrast):
        raise ConfigError(f"{side} has {len(node.beam_contrast)} readout beams, numbered from 0; there is no beam {analysis.beam}")
    gamma = analysis.angle + node.beam_offset[analysis.beam]
    kept = np.zeros(3, dtype=np.complex128)
    kept[DOWN] = math.sin(gamma)
    kept[UP] = -np.exp(1j * analysis.phase) * math.cos(gamma)
    qubit = np.diag([1.0, 1.0, 0.0])
    contrast = node.beam_contrast[analysis.beam]
    projector = contrast * np.outer(kept, kept.conj()) + (1 - contrast) / 2 * qubit
    effect: Matrix = node.bright_survives * qubit + (1 - node.dark_ionised - node.bright_survives) * projector
    effect[LEAK, LEAK] = node.leak_survives
    return effect


def _upper(analysis: SrAnalysis) -> Matrix:
    """Projector on the upper state of the axis."""
    equator = math.cos(analysis.phi) * PAULI_X + math.sin(analysis.phi) * PAULI_Y
    projector: Matrix = (np.eye(2) + math.cos(analysis.theta) * PAULI_Z + math.sin(analysis.theta) * equator) / 2
    return projector
