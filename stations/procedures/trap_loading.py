"""Trap loading: have one atom or ion in the trap, and know it."""

from __future__ import annotations

from collections.abc import Sequence

from ...clock import Clock
from ...errors import NotReady
from ...instruments import SinglePhotonDetector
from .beams import Beam, beam_off, beam_on, beams_off


class TrapLoading:
    """Watch the fluorescence until it says that the trap holds a particle.

    Args:
        name: of the node, for messages.
        clock: the node's clock.
        detector: sees the particle's fluorescence.
        light: beams that make a particle fluoresce (cooling, repump).
        makers: further beams that only loading needs (photoionisation); empty for a magneto-optical trap.
        keep_light: whether the light stays on afterwards (an ion is cooled all the time; an atom between attempts only, by the sequencer).
        threshold: counts in ``window`` from which on a particle is there.
        window: length of a look at the fluorescence, s.
        poll: pause between two looks, s.
        timeout: give up after this time, s.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        detector: SinglePhotonDetector,
        light: Sequence[Beam],
        makers: Sequence[Beam] = (),
        keep_light: bool,
        threshold: int,
        window: float,
        poll: float,
        timeout: float,
    ) -> None:
        self._name = name
        self._clock = clock
        self._detector = detector
        self._light = tuple(light)
        self._makers = tuple(makers)
        self._keep_light = keep_light
        self.threshold = threshold
        self.window = window
        self._poll = poll
        self._timeout = timeout

    def prepare(self) -> None:
        """Switch the detector on."""
        self._detector.set_enabled(True)

    def look(self) -> int:
        """Counts of one look, with the light on."""
        for beam in self._light:
            beam_on(beam)
        try:
            return self._detector.count(self.window)
        finally:
            self._rest()

    def present(self) -> bool:
        """Look once and compare with the threshold."""
        return self.look() >= self.threshold

    def run(self) -> float:
        """Load until a particle is seen.

        Returns:
            Seconds it took.

        Raises:
            NotReady: nothing was seen within the time allowed.
        """
        start = self._clock.now()
        for beam in (*self._light, *self._makers):
            beam_on(beam)
        while self._detector.count(self.window) < self.threshold:
            if self._clock.now() - start > self._timeout:
                self.make_safe()
                raise NotReady(
                    f"{self._name}: no particle in the trap after {self._timeout:g} s of loading; look at the cooling and repump light, "
                    f"the trap, and the fluorescence detector (threshold {self.threshold} counts in {self.window * 1e3:g} ms)"
                )
            self._clock.sleep(self._poll)
        beams_off(self._makers)
        self._rest()
        return self._clock.now() - start

    def _rest(self) -> None:
        if not self._keep_light:
            beams_off(self._light)

    def make_safe(self) -> None:
        """Stop loading; the cooling light of an ion stays on."""
        for beam in reversed(self._makers):
            beam_off(beam)
        self._rest()
