"""Reset: destroy what a readout left behind, before the link is connected again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ...clock import Clock
from ...instruments import HeraldingSequencer, Laser, Played


class EmptyTrap:
    """Throw the atom out whatever the outcome was: an atom left in the trap carries it.

    Args:
        trap: the dipole trap's laser.
        clock: the node's clock.
        dark_time: how long the trap stays dark, s.
    """

    def __init__(self, trap: Laser, clock: Clock, dark_time: float) -> None:
        self._trap = trap
        self._clock = clock
        self._dark_time = dark_time

    def prepare(self) -> None:
        """Switch the trap on."""
        self._trap.set_emission(True)

    def run(self) -> None:
        """Dark, wait, light."""
        self._trap.set_emission(False)
        self._clock.sleep(self._dark_time)
        self._trap.set_emission(True)

    def make_safe(self) -> None:
        """Dark is safe."""
        self._trap.set_emission(False)


class Scramble:
    """Erase an ion's state with deshelving and cooling light, played by the node's sequencer.

    Nadlinger et al., Nature 607, 682 (2022), Methods: 100 us, more than 10 time constants.

    Args:
        sequencer: with a section ``scramble`` loaded.
    """

    def __init__(self, sequencer: HeraldingSequencer) -> None:
        self._sequencer = sequencer
        self._scramble: Callable[[], Played] = partial(sequencer.play, "scramble")

    def prepare(self) -> None:
        """Look the section up in the program that is loaded, and start from a scrambled ion."""
        self._scramble = self._sequencer.player("scramble")
        self.run()

    def run(self) -> None:
        """Scramble once."""
        self._scramble()

    def make_safe(self) -> None:
        """Scrambled is safe."""
        self._sequencer.play("scramble")
