"""Roles in memory, on the world: what stands behind ``--hardware twin``."""

from .current_source import TwinCurrentSource
from .detector import TwinDetector
from .laser import TwinLaser
from .polarimeter import TwinPolarimeter
from .random_source import TwinRandomSource
from .rf import TwinRfSource
from .rotator import TwinRotator
from .sequencer import TwinSequencer
from .shutter import TwinShutter
from .tagger import TwinTagger

__all__ = [
    "TwinCurrentSource",
    "TwinDetector",
    "TwinLaser",
    "TwinPolarimeter",
    "TwinRandomSource",
    "TwinRfSource",
    "TwinRotator",
    "TwinSequencer",
    "TwinShutter",
    "TwinTagger",
]
