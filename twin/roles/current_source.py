"""A current source of the twin."""

from __future__ import annotations

from collections.abc import Iterable

from ...clock import Clock
from ...instruments import CurrentSource
from ..ports import CurrentPort
from .base import TwinInstrument, own_clock


class TwinCurrentSource(CurrentSource, TwinInstrument):
    """A coil's driver in memory, on the world.

    Args:
        name: of the instrument.
        port: the coil; by default it stands alone.
        clock: of the node.
        current_limits: A.
    """

    def __init__(
        self, name: str, port: CurrentPort | None = None, clock: Clock | None = None, current_limits: Iterable[float] = (-1.0, 1.0)
    ) -> None:
        self._port = CurrentPort() if port is None else port
        super().__init__(name, clock=own_clock(clock), current_limits=current_limits)

    def _do_set_current(self, value: float) -> None:
        self._port.set(current=value)

    def _do_current(self) -> float:
        return self._port.current

    def _do_set_enabled(self, on: bool) -> None:
        self._port.set(on=on)

    def _do_enabled(self) -> bool:
        return self._port.on
