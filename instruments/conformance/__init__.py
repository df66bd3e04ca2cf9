"""Conformance classes: what every implementation of a role must do. Subclass one, give it a fixture ``device``, and run pytest."""

from .aom import AomConformance
from .base import RoleConformance
from .current_source import CurrentSourceConformance
from .detector import SinglePhotonDetectorConformance
from .faults import FaultTable
from .laser import LaserConformance
from .polarimeter import PolarimeterConformance
from .pulse_generator import PulseGeneratorConformance
from .random_source import RandomSourceConformance
from .rf import RfOutputConformance, RfSourceConformance
from .rotator import RotatorConformance
from .sequencer import HeraldingSequencerConformance
from .shutter import ShutterConformance
from .tagger import TimeTaggerConformance

__all__ = [
    "AomConformance",
    "CurrentSourceConformance",
    "FaultTable",
    "HeraldingSequencerConformance",
    "LaserConformance",
    "PolarimeterConformance",
    "PulseGeneratorConformance",
    "RandomSourceConformance",
    "RfOutputConformance",
    "RfSourceConformance",
    "RoleConformance",
    "RotatorConformance",
    "ShutterConformance",
    "SinglePhotonDetectorConformance",
    "TimeTaggerConformance",
]
