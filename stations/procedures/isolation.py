"""Isolation: nothing about inputs and outcomes may leave the laboratory.

Rb (Zhang et al., Nature 607, 687 (2022), "DIQKD implementation"): a spectral filter stops the readout light at any time; the shutter,
which takes milliseconds, is confirmed closed before the fluorescence. Sr (Nadlinger et al., Nature 607, 682 (2022), Methods): the ion
is shuttled out of the fibre's focus.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ...clock import Clock
from ...errors import ConfigError
from ...instruments import HeraldingSequencer, Played, Position, Shutter


def require_confirmed(shutter: Shutter) -> None:
    """Refuse a shutter that does not say where its blade is: that it was told to close is no isolation.

    Raises:
        ConfigError: it only repeats what it was told.
    """
    if not shutter.confirmed:
        raise ConfigError(f"{shutter.name}: its position is not measured, so isolation cannot be confirmed; wire a position sensor")


class ShutterIsolation:
    """Isolation by a shutter, in three moves: command, confirm, reopen.

    Args:
        shutter: between the atom and the fibre.
        clock: the node's clock.
        timeout: for the blade to arrive, s.
    """

    def __init__(self, shutter: Shutter, clock: Clock, timeout: float) -> None:
        self._shutter = shutter
        self._clock = clock
        self._timeout = timeout

    def prepare(self) -> None:
        """Open: the link is to be connected.

        Raises:
            ConfigError: the shutter's position is not measured.
            DeviceFault: it did not open in time.
        """
        require_confirmed(self._shutter)
        self.reconnect()

    def command(self) -> None:
        """Send the blade on its way and do not wait."""
        self._shutter.set_open(False)

    def confirm(self) -> int:
        """Wait until the blade is in front of the beam.

        Returns:
            When it was seen closed, ps.

        Raises:
            DeviceFault: it did not arrive in time.
        """
        self._shutter.wait_for(Position.CLOSED, self._timeout)
        return self._clock.now_ps()

    def reconnect(self) -> None:
        """Open and wait until the blade has left the beam.

        Raises:
            DeviceFault: it did not open in time.
        """
        self._shutter.set_open(True)
        self._shutter.wait_for(Position.OPEN, self._timeout)

    def make_safe(self) -> None:
        """Closed is safe."""
        self._shutter.set_open(False)


class ShuttleIsolation:
    """Isolation by moving the ion, played by the node's sequencer.

    Args:
        sequencer: with sections ``shuttle`` and ``reconnect`` loaded.
    """

    def __init__(self, sequencer: HeraldingSequencer) -> None:
        self._sequencer = sequencer
        self._shuttle: Callable[[], Played] = partial(sequencer.play, "shuttle")
        self._reconnect: Callable[[], Played] = partial(sequencer.play, "reconnect")

    def prepare(self) -> None:
        """Look the sections up in the program that is loaded, and bring the ion into the fibre's focus."""
        self._shuttle, self._reconnect = self._sequencer.player("shuttle"), self._sequencer.player("reconnect")
        self.reconnect()

    def run(self) -> int:
        """Move the ion out of the focus.

        Returns:
            When the settling time had passed, ps.
        """
        return self._shuttle().end_ps

    def reconnect(self) -> None:
        """Move the ion back."""
        self._reconnect()

    def make_safe(self) -> None:
        """An ion is safe when the link is disconnected; a sequencer that was never loaded has not connected it."""
        if self._sequencer.program_digest():
            self._sequencer.play("shuttle")
