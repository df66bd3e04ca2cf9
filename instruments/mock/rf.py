"""RF outputs without RF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..rf import RfOutput, RfSource
from .base import MockDevice


@dataclass
class RfOutputState:
    """What a mock RF output is."""

    enabled: bool = False


class MockRfOutput(MockDevice, RfOutput):
    """An output that obeys at once."""

    state: RfOutputState

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401 - for the role
        super().__init__(name, **kwargs)
        self.state = RfOutputState()

    def _do_set_enabled(self, on: bool) -> None:
        self._told("set_enabled", on, enabled=on)

    def _do_enabled(self) -> bool:
        return self._asked("enabled", self.state.enabled)


@dataclass
class RfSourceState(RfOutputState):
    """What a mock RF source is: Hz and W."""

    frequency: float = 0.0
    power: float = 0.0


class MockRfSource(MockRfOutput, RfSource):
    """A source that obeys at once."""

    state: RfSourceState

    def __init__(
        self,
        name: str,
        *,
        frequency_limits: tuple[float, float] = (20e6, 400e6),
        power_limits: tuple[float, float] = (0.0, 2.0),
        **kwargs: Any,  # noqa: ANN401 - for the role
    ) -> None:
        super().__init__(name, frequency_limits=frequency_limits, power_limits=power_limits, **kwargs)
        self.state = RfSourceState(frequency=frequency_limits[0], power=power_limits[0])

    def _do_set_frequency(self, value: float) -> None:
        self._told("set_frequency", value, frequency=value)

    def _do_frequency(self) -> float:
        return self._asked("frequency", self.state.frequency)

    def _do_set_power(self, value: float) -> None:
        self._told("set_power", value, power=value)

    def _do_power(self) -> float:
        return self._asked("power", self.state.power)
