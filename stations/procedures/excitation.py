"""Excitation and heralding: attempt until a herald, at the heralding station."""

from __future__ import annotations

from collections.abc import Sequence

from ...instruments import HeraldingSequencer, HeraldResult, HeraldTally, SinglePhotonDetector
from ...sequences.program import Program


class Excitation:
    """Load the attempt loop and run it.

    Args:
        sequencer: of the heralding station.
        detectors: of the Bell-state measurement.
        program: with the attempt loop.
    """

    def __init__(self, sequencer: HeraldingSequencer, detectors: Sequence[SinglePhotonDetector], program: Program) -> None:
        if program.loop is None:
            raise ValueError("the heralding station's program has no attempt loop")
        self._sequencer = sequencer
        self._detectors = tuple(detectors)
        self._program = program
        self._limit = program.loop.limit_attempts

    def prepare(self) -> None:
        """Switch the detectors on and load the program."""
        for detector in self._detectors:
            detector.set_enabled(True)
        self._sequencer.load(self._program)

    def run(self) -> HeraldResult:
        """Attempt until a herald, a veto, a missing particle or the limit."""
        return self._sequencer.run(self._limit)

    def run_for(self, attempts: int) -> HeraldResult:
        """The same with a lower limit."""
        return self._sequencer.run(min(attempts, self._limit))

    def tally(self) -> HeraldTally:
        """What was counted in the attempts since this was last asked."""
        return self._sequencer.tally()

    def make_safe(self) -> None:
        """Stop the sequencer and switch the detectors off."""
        self._sequencer.make_safe()
        for detector in self._detectors:
            detector.make_safe()
