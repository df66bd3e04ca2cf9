"""A shutter without a blade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..shutter import Position, Shutter
from .base import MockDevice


@dataclass
class ShutterState:
    """Where the blade of a mock is."""

    position: Position


class MockShutter(MockDevice, Shutter):
    """A shutter that moves at once.

    Args:
        name: of the instrument.
        confirmed: False for a shutter without read-back, whose position is unknown before the first command.
        **kwargs: for :class:`~.base.MockDevice` and the role.
    """

    state: ShutterState

    def __init__(self, name: str, *, confirmed: bool = True, **kwargs: Any) -> None:  # noqa: ANN401 - for the role
        super().__init__(name, **kwargs)
        self._confirmed = confirmed
        self.state = ShutterState(Position.CLOSED if confirmed else Position.UNKNOWN)

    @property
    def confirmed(self) -> bool:
        """As the mock was made."""
        return self._confirmed

    def _do_set_open(self, is_open: bool) -> None:
        self._told("set_open", is_open, position=Position.OPEN if is_open else Position.CLOSED)

    def _do_position(self) -> Position:
        return self._asked("position", self.state.position)
