"""A rotation mount without a motor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..rotator import Rotator
from .base import MockDevice


@dataclass
class RotatorState:
    """Where a mock mount stands, rad."""

    angle: float = 0.0
    moving: bool = False


class MockRotator(MockDevice, Rotator):
    """A mount that turns at once."""

    state: RotatorState

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401 - for the role
        super().__init__(name, **kwargs)
        self.state = RotatorState()

    def _do_set_angle(self, value: float) -> None:
        self._told("set_angle", value, angle=value)

    def _do_angle(self) -> float:
        return self._asked("angle", self.state.angle)

    def _do_home(self) -> None:
        self._told("home", angle=0.0)

    def _do_moving(self) -> bool:
        return self._asked("moving", self.state.moving)
