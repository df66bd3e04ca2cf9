"""A laser without light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..laser import Laser
from .base import MockDevice


@dataclass
class LaserState:
    """What a mock laser is."""

    power: float
    emission: bool = False
    locked: bool | None = True
    interlock_closed: bool = True


class MockLaser(MockDevice, Laser):
    """A laser that obeys at once."""

    state: LaserState

    def __init__(self, name: str, *, setpoint_limits: tuple[float, float] = (0.0, 0.1), **kwargs: Any) -> None:  # noqa: ANN401 - for the role
        super().__init__(name, setpoint_limits=setpoint_limits, **kwargs)
        self.state = LaserState(power=setpoint_limits[0])

    def _do_set_emission(self, on: bool) -> None:
        self._told("set_emission", on, emission=on)

    def _do_emission(self) -> bool:
        return self._asked("emission", self.state.emission)

    def _do_set_power(self, value: float) -> None:
        self._told("set_power", value, power=value)

    def _do_power(self) -> float:
        return self._asked("power", self.state.power)

    def _do_locked(self) -> bool | None:
        return self._asked("locked", self.state.locked)

    def _do_interlock_closed(self) -> bool:
        return self._asked("interlock_closed", self.state.interlock_closed)
