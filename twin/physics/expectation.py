"""What the twin should show: herald probability, E, S, Q and fidelity in closed form, nothing sampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import pi, radians
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError
from ...protocol.bell import BellGame
from .bsm import fidelity_with, herald_distribution
from .parameters import DETECTORS, LinkParameters
from .readout import Analysis, RbAnalysis, SrAnalysis, bright_effect, frame, joint_probabilities
from .states import BellState, dephased

if TYPE_CHECKING:
    from .preset import Preset

C_H, C_V, D_H, D_V = (1 << k for k in range(len(DETECTORS)))
SAME_ARM = (C_H | C_V, D_H | D_V)
"""The two patterns of an ideal beam splitter that herald Psi+."""
OPPOSITE_ARMS = (C_H | D_V, C_V | D_H)
"""The two that herald Psi-."""

MUNICH_PATTERNS = dict.fromkeys(SAME_ARM, BellState.PSI_PLUS)
OXFORD_PATTERNS = MUNICH_PATTERNS | dict.fromkeys(OPPOSITE_ARMS, BellState.PSI_MINUS)

MUNICH_ANALYSES = (
    tuple(RbAnalysis(radians(angle), beam=beam) for beam, angle in enumerate((-22.5, 22.5, -45.0, 0.0))),
    tuple(RbAnalysis(radians(angle), beam=beam) for beam, angle in enumerate((22.5, -22.5))),
)
"""Alice's and Bob's settings, Zhang et al., Nature 607, 687 (2022), "DIQKD implementation"."""

OXFORD_ANALYSES = (
    (SrAnalysis(0.0), SrAnalysis(pi / 2)),
    (SrAnalysis(pi / 4), SrAnalysis(-pi / 4), SrAnalysis(0.0)),
)
"""Alice Z, X; Bob (Z + X)/sqrt 2, (Z - X)/sqrt 2, Z. Nadlinger et al., Nature 607, 682 (2022) do not print their axes; these are
the ones that maximise the score of their game for Phi+."""


@dataclass(frozen=True, eq=False)
class Expectation:
    """Statistics of one pattern, or of all accepted patterns together.

    Attributes:
        game: which pairs of settings test and which make key.
        probability: of the pattern(s) per attempt.
        fidelity: with the Bell state that the pattern stands for, at readout, readout errors excluded.
        joint: P(a, b | x, y), shape (settings of Alice, settings of Bob, 2, 2), outcome 1 = bright.
        by_pattern: the same for each pattern alone; empty there.
    """

    game: BellGame
    probability: float
    fidelity: float
    joint: npt.NDArray[np.float64]
    by_pattern: Mapping[int, Expectation] = field(default_factory=dict)

    @property
    def correlators(self) -> npt.NDArray[np.float64]:
        """E = P(a = b) - P(a != b), shape (settings of Alice, settings of Bob)."""
        return 2 * self._equal - 1

    @property
    def s(self) -> float:
        """CHSH value with the signs of the game."""
        return float(sum(sign * self.correlators[pair] for pair, sign in self.game.chsh))

    @property
    def qber(self) -> tuple[float, ...]:
        """Error rate of each key pair, in the order of ``game.key_pairs``."""
        equal = [float(self._equal[pair]) for pair in self.game.key_pairs]
        return tuple(equal) if self.game.key_anticorrelated else tuple(1 - e for e in equal)

    @property
    def _equal(self) -> npt.NDArray[np.float64]:
        return self.joint[..., 0, 0] + self.joint[..., 1, 1]


def expected(
    link: Preset | LinkParameters,
    settings_a: Sequence[Analysis],
    settings_b: Sequence[Analysis],
    patterns: Mapping[int, BellState],
    game: BellGame,
    delays_s: tuple[float, float] = (0.0, 0.0),
) -> Expectation:
    """Closed-form statistics of a link.

    Args:
        link: a preset, or parameters that a fault or an instrument has moved.
        settings_a: Alice's settings, in the order of her input.
        settings_b: Bob's. An ion's axes are meant for Phi+ and turned after each herald (:func:`.readout.frame`); an atom's
            angles are used as they stand.
        patterns: the accepted click patterns and the Bell state each stands for.
        game: signs of S and the key pairs.
        delays_s: from the herald to Alice's and to Bob's readout, seconds.

    Returns:
        Statistics over all accepted patterns, with those of each pattern.

    Raises:
        ConfigError: no pattern, a pattern that never occurs, or settings that do not fit the game or the platform.
    """
    parameters = link if isinstance(link, LinkParameters) else link.link_parameters()
    if not patterns:
        raise ConfigError("no click pattern is accepted as a herald; name at least one")
    if (len(settings_a), len(settings_b)) != (game.settings_a, game.settings_b):
        raise ConfigError(
            f"the game {game.name!r} has {game.settings_a} settings for Alice and {game.settings_b} for Bob, "
            f"not {len(settings_a)} and {len(settings_b)}"
        )
    heralds = herald_distribution(parameters)
    states = dephased(heralds.state, parameters, *delays_s)
    effects_a = [bright_effect(parameters, "alice", analysis) for analysis in settings_a]
    parts = {}
    for pattern, bell in patterns.items():
        effects_b = [bright_effect(parameters, "bob", in_frame(analysis, bell)) for analysis in settings_b]
        joint = np.array([[joint_probabilities(states[pattern], a, b) for b in effects_b] for a in effects_a])
        probability = float(heralds.probability[pattern])
        parts[pattern] = Expectation(game, probability, fidelity_with(states[pattern], bell) / probability, joint)
    total = sum(part.probability for part in parts.values())
    joint = sum((part.probability / total * part.joint for part in parts.values()), np.zeros_like(joint))
    return Expectation(game, total, sum(part.probability / total * part.fidelity for part in parts.values()), joint, parts)


def in_frame(analysis: Analysis, bell: BellState) -> Analysis:
    """Bob's setting after a herald of ``bell``: an ion's axis in the plane of Z and X is turned, an atom's setting is kept."""
    return SrAnalysis(frame(analysis.theta, bell)) if isinstance(analysis, SrAnalysis) else analysis
