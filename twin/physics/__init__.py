"""Physics of both links, closed form, pure numpy: from parameters to click patterns, states, outcomes and statistics."""

from .bsm import HeraldDistribution, bell_state_patterns, herald_distribution
from .durations import mean_round_time, uptime
from .expectation import Expectation, expected, in_frame
from .parameters import DETECTORS, BsmParameters, LinkParameters, NodeParameters, Platform, Side
from .readout import (
    Analysis,
    RbAnalysis,
    SrAnalysis,
    bright_effect,
    count_means,
    frame,
    joint_probabilities,
    poisson_threshold_errors,
    readout_contrast,
)
from .states import BellState, coherence, dephased, excitation_probability, gate_capture, mode_overlap

__all__ = [
    "DETECTORS",
    "Analysis",
    "BellState",
    "BsmParameters",
    "Expectation",
    "HeraldDistribution",
    "LinkParameters",
    "NodeParameters",
    "Platform",
    "RbAnalysis",
    "Side",
    "SrAnalysis",
    "bell_state_patterns",
    "bright_effect",
    "coherence",
    "count_means",
    "dephased",
    "excitation_probability",
    "expected",
    "frame",
    "gate_capture",
    "herald_distribution",
    "in_frame",
    "joint_probabilities",
    "mean_round_time",
    "mode_overlap",
    "poisson_threshold_errors",
    "readout_contrast",
    "uptime",
]
