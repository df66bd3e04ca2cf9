"""Plain mocks: no physics, scripted answers, one mock a role."""

from .aom import MockAom
from .base import Call, MockDevice
from .current_source import MockCurrentSource
from .detector import MockSinglePhotonDetector
from .laser import MockLaser
from .polarimeter import MockPolarimeter
from .pulse_generator import MockPulseGenerator
from .random_source import MockRandomSource
from .rf import MockRfOutput, MockRfSource
from .rotator import MockRotator
from .sequencer import MockHeraldingSequencer, MockProgram
from .shutter import MockShutter
from .tagger import MockTimeTagger

__all__ = [
    "Call",
    "MockAom",
    "MockCurrentSource",
    "MockDevice",
    "MockHeraldingSequencer",
    "MockLaser",
    "MockPolarimeter",
    "MockProgram",
    "MockPulseGenerator",
    "MockRandomSource",
    "MockRfOutput",
    "MockRfSource",
    "MockRotator",
    "MockShutter",
    "MockSinglePhotonDetector",
    "MockTimeTagger",
]
