"""The true state of a mock, in the words of the conformance classes; also a pattern for the ``truth`` of a simulator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..polarimeter import Polarisation
from ..pulse_generator import PulseTable
from ..random_source import LatchedInput
from ..shutter import Position
from ..tagger import Loss, TagBlock
from .aom import MockAom
from .current_source import MockCurrentSource
from .detector import MockSinglePhotonDetector
from .laser import MockLaser
from .polarimeter import MockPolarimeter
from .pulse_generator import MockPulseGenerator
from .random_source import MockRandomSource
from .rf import MockRfOutput, MockRfSource
from .rotator import MockRotator
from .sequencer import MockHeraldingSequencer
from .shutter import MockShutter
from .tagger import MockTimeTagger


class LaserTruth:
    """Of a :class:`MockLaser`."""

    def __init__(self, mock: MockLaser) -> None:
        self._state = mock.state

    def emission(self) -> bool:
        """Whether there is light."""
        return self._state.emission

    def setpoint(self) -> float:
        """In the role's unit."""
        return self._state.power

    def open_interlock(self) -> None:
        """Somebody opens the door."""
        self._state.interlock_closed = False


class RfOutputTruth:
    """Of a :class:`MockRfOutput`."""

    def __init__(self, mock: MockRfOutput) -> None:
        self._output = mock.state

    def enabled(self) -> bool:
        """Whether there is RF."""
        return self._output.enabled


class RfSourceTruth(RfOutputTruth):
    """Of a :class:`MockRfSource`."""

    def __init__(self, mock: MockRfSource) -> None:
        super().__init__(mock)
        self._state = mock.state

    def frequency(self) -> float:
        """Hz."""
        return self._state.frequency

    def power(self) -> float:
        """W."""
        return self._state.power


class AomTruth(RfOutputTruth):
    """Of a :class:`MockAom`."""

    def __init__(self, mock: MockAom) -> None:
        super().__init__(mock.source)
        self._mock = mock

    def transmission(self) -> float:
        """What the calibration makes of the power."""
        return self._mock.calibration.transmission_at(self._mock.source.state.power)


class ShutterTruth:
    """Of a :class:`MockShutter`."""

    def __init__(self, mock: MockShutter) -> None:
        self._state = mock.state

    def position(self) -> Position:
        """Where the blade is."""
        return self._state.position

    def move_by_hand(self, is_open: bool) -> None:
        """Somebody moves the blade."""
        self._state.position = Position.OPEN if is_open else Position.CLOSED


class DetectorTruth:
    """Of a :class:`MockSinglePhotonDetector`."""

    def __init__(self, mock: MockSinglePhotonDetector) -> None:
        self._state = mock.state

    def enabled(self) -> bool:
        """Whether it counts."""
        return self._state.enabled

    def bias(self) -> float:
        """In the role's unit."""
        return self._state.bias

    def threshold(self) -> float:
        """V."""
        return self._state.threshold

    def shine(self, rate: float) -> None:
        """Clicks at ``rate``, 1/s."""
        self._state.rate = rate

    def overload(self) -> None:
        """Too much light, for a moment."""
        self._state.overloaded = True


class RandomTruth:
    """Of a :class:`MockRandomSource`."""

    def __init__(self, mock: MockRandomSource) -> None:
        self._mock = mock

    def stick(self) -> None:
        """From now on the same byte."""
        self._mock.state.stuck_at = 0xFF

    def latch(self, bits: int, time_ps: int) -> None:
        """The hardware latches an input."""
        self._mock.latch([LatchedInput(bits, time_ps)])


class TaggerTruth:
    """Of a :class:`MockTimeTagger`."""

    def __init__(self, mock: MockTimeTagger) -> None:
        self._state = mock.state

    def click(self, times_ps: Sequence[int], channels: Sequence[int]) -> None:
        """These come with the next block."""
        self._state.block = TagBlock(np.array(times_ps, np.int64), np.array(channels, np.int16))

    def lose(self, start_ps: int, end_ps: int) -> None:
        """Tags are lost in that time."""
        self._state.block = self._state.block._replace(losses=(Loss(start_ps, end_ps),))


class SequencerTruth:
    """Of a :class:`MockHeraldingSequencer`."""

    def __init__(self, mock: MockHeraldingSequencer) -> None:
        self._state = mock.state

    def herald(self, pattern: int) -> None:
        """What the next run will see."""
        self._state.patterns.append(pattern)

    def miss_reference(self) -> None:
        """In the next run."""
        self._state.missed_references = 1

    def choose(self, arm: int) -> None:
        """At the next choice."""
        self._state.arms.append(arm)


class PulseGeneratorTruth:
    """Of a :class:`MockPulseGenerator`."""

    def __init__(self, mock: MockPulseGenerator) -> None:
        self._state = mock.state

    def table(self) -> PulseTable | None:
        """What it would play."""
        return self._state.table


class CurrentSourceTruth:
    """Of a :class:`MockCurrentSource`."""

    def __init__(self, mock: MockCurrentSource) -> None:
        self._state = mock.state

    def flows(self) -> float:
        """The current through the load, A."""
        return self._state.current if self._state.enabled else 0.0


class PolarimeterTruth:
    """Of a :class:`MockPolarimeter`."""

    def __init__(self, mock: MockPolarimeter) -> None:
        self._state = mock.state

    def shine(self, light: Polarisation) -> None:
        """Have light fall on it."""
        self._state.light = light

    def wavelength(self) -> float:
        """What it is told, m."""
        return self._state.wavelength


class RotatorTruth:
    """Of a :class:`MockRotator`."""

    def __init__(self, mock: MockRotator) -> None:
        self._state = mock.state

    def angle(self) -> float:
        """Rad."""
        return self._state.angle
