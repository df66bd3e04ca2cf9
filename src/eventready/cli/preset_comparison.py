"""What the preset of a simulated run says in closed form, to hold the run's statistics against."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..protocol.analysis import BellAnalysis
from ..protocol.bell import GAMES
from ..stations.assembly import pattern_states
from ..stations.config import LinkConfig
from ..stations.config_models import Rb87Link
from ..stations.slots import PARTIES
from ..twin.physics import Analysis, BellState, Expectation, RbAnalysis, SrAnalysis, expected
from ..twin.physics.preset import load_preset


@dataclass(frozen=True)
class Prediction:
    """A number of the preset.

    Attributes:
        value: what the preset says.
        deviation: how many standard errors the run lies above it; the error is that of so many rounds of the preset, which unlike the
            measured one is no smaller where the run happened to agree. None without rounds, or without any error.
    """

    value: float
    deviation: float | None


@dataclass(frozen=True)
class PresetComparison:
    """The preset beside the run.

    Attributes:
        name: of the preset.
        note: what it is for and what not.
        s: the CHSH value.
        qbers: one per key pair, in the order of ``BellAnalysis.qbers``.
        correlators: one per pair of settings, in the order of ``BellAnalysis.pairs``.
    """

    name: str
    note: str
    s: Prediction
    qbers: tuple[Prediction, ...]
    correlators: tuple[Prediction, ...]


def expectation(config: LinkConfig) -> Expectation:
    """Closed-form statistics of a link's preset with the angles, patterns and delays of its files.

    Raises:
        ConfigError: the preset cannot be read.
    """
    link = config.link
    alice, bob = (_analyses(config, party) for party in PARTIES)
    states = {pattern: BellState(state) for pattern, state in pattern_states(config).items()}
    delays = tuple(config.delay("bsm", party) + _projection(config) for party in PARTIES)
    return expected(load_preset(link.preset), alice, bob, states, GAMES[link.game], (delays[0], delays[1]))


def _analyses(config: LinkConfig, party: str) -> list[Analysis]:
    angles = getattr(config.link.settings, party)
    if isinstance(config.link, Rb87Link):
        return [RbAnalysis(angle, beam=beam) for beam, angle in enumerate(angles)]
    return [SrAnalysis(angle) for angle in angles]


def _projection(config: LinkConfig) -> float:
    """Seconds from the moment a party hears of the herald until the twin projects: the atom's readout pulse begins, the ion's turn ends."""
    if isinstance(config.link, Rb87Link):
        return config.link.timings.projection - config.link.timings.readout_pulse
    return config.link.timings.projection


def compare(config: LinkConfig, predicted: Expectation, analysis: BellAnalysis) -> PresetComparison:
    """Put a preset's numbers beside those of a run of it."""
    preset = load_preset(config.link.preset)
    variance = {(pair.x, pair.y): (1 - float(predicted.correlators[pair.x, pair.y]) ** 2) / pair.n for pair in analysis.pairs if pair.n > 0}
    s_variance = sum(variance[pair] for pair, _ in predicted.game.chsh) if analysis.s is not None else 0.0
    return PresetComparison(
        preset.name,
        preset.note,
        _predict(predicted.s, analysis.s.value if analysis.s else None, s_variance),
        tuple(
            # An error rate is half of a correlator, but for a constant.
            _predict(value, result.qber.value if result.qber else None, variance.get((result.x, result.y), 0.0) / 4)
            for value, result in zip(predicted.qber, analysis.qbers, strict=True)
        ),
        tuple(
            _predict(
                float(predicted.correlators[pair.x, pair.y]),
                pair.correlator.value if pair.correlator else None,
                variance.get((pair.x, pair.y), 0.0),
            )
            for pair in analysis.pairs
        ),
    )


def _predict(value: float, measured: float | None, variance: float) -> Prediction:
    return Prediction(value, None if measured is None or variance <= 0 else (measured - value) / math.sqrt(variance))
