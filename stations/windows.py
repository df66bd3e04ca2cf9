"""A window on a device that another node of the same site owns.

Munich's Bell-state detectors also see Alice's fluorescence. The device is opened once; Alice looks through a window that can count and
little else, and her own clock moves with it. That the two uses never overlap in time is checked in the configuration.
"""

from __future__ import annotations

from collections.abc import Callable

from ..clock import Clock
from ..instruments import Readiness, SinglePhotonDetector


class DetectorWindow:
    """What a node may do with a detector of the heralding station.

    Args:
        detector: the device.
        clock: of the node that looks through the window.
    """

    def __init__(self, detector: SinglePhotonDetector, clock: Clock) -> None:
        self._detector = detector
        self._clock = clock
        self.name = detector.name

    def set_enabled(self, on: bool) -> None:
        """Switch the detector on; its owner switches it off."""
        if on:
            self._detector.set_enabled(True)

    def count(self, duration_s: float) -> int:
        """Count during the next ``duration_s`` seconds of the node's clock."""
        return self.counter(duration_s)()

    def counter(self, duration_s: float) -> Callable[[], int]:
        """Look everything up once and count often, as :meth:`count` does."""
        owner, clock, count_of_owner = self._detector.clock, self._clock, self._detector.counter(duration_s)

        def count() -> int:
            owner.sleep_until_ps(clock.now_ps())
            try:
                return count_of_owner()
            finally:
                clock.sleep_until_ps(owner.now_ps())

        return count

    def is_overloaded(self) -> bool:
        """As the device says."""
        return self._detector.is_overloaded()

    def free(self, recovery_s: float) -> bool:
        """Try to free the device in the node's own phase: its owner waits for this node then, and would wait for ever.

        Bias and threshold stay what the owner made them.
        """
        owner = self._detector.clock
        owner.sleep_until_ps(self._clock.now_ps())
        try:
            return self._detector.free(recovery_s)
        finally:
            self._clock.sleep_until_ps(owner.now_ps())

    def readiness(self) -> Readiness:
        """As the device says."""
        return self._detector.readiness()

    def make_safe(self) -> None:
        """Safe already: a window holds nothing; its owner makes the device safe."""
