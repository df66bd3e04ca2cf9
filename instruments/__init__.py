"""Roles: what a station needs of an instrument.

The names below load QCoDeS on first use, so that reading a configuration does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import EventreadyError as _EventreadyError  # fails loudly when imported as a top-level package  # noqa: F401

if TYPE_CHECKING:
    from .aom import Aom, AomCalibration
    from .base import Readiness, Role, Tolerance
    from .current_source import CurrentSource
    from .detector import SinglePhotonDetector
    from .health import HealthTest
    from .laser import Laser
    from .polarimeter import Polarimeter, Polarisation
    from .pulse_generator import PulseGenerator, PulseStep, PulseTable
    from .random_source import LatchedInput, RandomSource
    from .rf import RfOutput, RfSource
    from .rotator import Rotator
    from .sequencer import ExitReason, HeraldingSequencer, HeraldResult, HeraldTally, Played, Program, SequencerCounters
    from .shutter import Position, Shutter
    from .tagger import Loss, TagBlock, TimeTagger

_WHERE = {
    "Aom": "aom",
    "AomCalibration": "aom",
    "CurrentSource": "current_source",
    "ExitReason": "sequencer",
    "HealthTest": "health",
    "HeraldResult": "sequencer",
    "HeraldTally": "sequencer",
    "HeraldingSequencer": "sequencer",
    "Laser": "laser",
    "LatchedInput": "random_source",
    "Loss": "tagger",
    "Played": "sequencer",
    "Polarimeter": "polarimeter",
    "Polarisation": "polarimeter",
    "Position": "shutter",
    "Program": "sequencer",
    "PulseGenerator": "pulse_generator",
    "PulseStep": "pulse_generator",
    "PulseTable": "pulse_generator",
    "RandomSource": "random_source",
    "Readiness": "base",
    "RfOutput": "rf",
    "RfSource": "rf",
    "Role": "base",
    "Rotator": "rotator",
    "SequencerCounters": "sequencer",
    "Shutter": "shutter",
    "SinglePhotonDetector": "detector",
    "TagBlock": "tagger",
    "TimeTagger": "tagger",
    "Tolerance": "base",
}

__all__ = [
    "Aom",
    "AomCalibration",
    "CurrentSource",
    "ExitReason",
    "HealthTest",
    "HeraldResult",
    "HeraldTally",
    "HeraldingSequencer",
    "Laser",
    "LatchedInput",
    "Loss",
    "Played",
    "Polarimeter",
    "Polarisation",
    "Position",
    "Program",
    "PulseGenerator",
    "PulseStep",
    "PulseTable",
    "RandomSource",
    "Readiness",
    "RfOutput",
    "RfSource",
    "Role",
    "Rotator",
    "SequencerCounters",
    "Shutter",
    "SinglePhotonDetector",
    "TagBlock",
    "TimeTagger",
    "Tolerance",
]


def __getattr__(name: str) -> object:
    if name in _WHERE:
        return getattr(import_module(f".{_WHERE[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
