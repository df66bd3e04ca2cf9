"""Readout by fluorescence: counts, a threshold, a bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ...instruments import SinglePhotonDetector
from .beams import Beam, beam_on, beams_off


class FluorescenceReadout:
    """Count the fluorescence in a window and compare it with a threshold.

    Args:
        detector: sees the particle's fluorescence.
        window: s.
        threshold: counts from which on the output is 1 (atom still trapped, ion bright).
        light: beams to switch on for the window; empty where the sequencer does that.
    """

    def __init__(self, detector: SinglePhotonDetector, *, window: float, threshold: int, light: Sequence[Beam] = ()) -> None:
        self._detector = detector
        self._window = window
        self.threshold = threshold
        self._light = tuple(light)
        self._count: Callable[[], int] = partial(detector.count, window)

    def prepare(self) -> None:
        """Switch the detector on."""
        self._detector.set_enabled(True)
        self._count = self._detector.counter(self._window)

    def run(self) -> tuple[int, int]:
        """Read the particle.

        Returns:
            Counts, and the output bit that they make.
        """
        if not self._light:  # the sequencer switches it
            counts = self._count()
        else:
            counts = self._count_in_light()
        return counts, 1 if counts >= self.threshold else 0

    def _count_in_light(self) -> int:
        for beam in self._light:
            beam_on(beam)
        try:
            return self._count()
        finally:
            beams_off(self._light)

    def make_safe(self) -> None:
        """Darken the light and switch the detector off."""
        beams_off(self._light)
        self._detector.make_safe()
