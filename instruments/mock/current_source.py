"""A current source without current."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..current_source import CurrentSource
from .base import MockDevice


@dataclass
class CurrentSourceState:
    """What a mock current source is: A."""

    current: float = 0.0
    enabled: bool = False


class MockCurrentSource(MockDevice, CurrentSource):
    """A source that obeys at once."""

    state: CurrentSourceState

    def __init__(self, name: str, *, current_limits: tuple[float, float] = (-1.0, 1.0), **kwargs: Any) -> None:  # noqa: ANN401 - for the role
        super().__init__(name, current_limits=current_limits, **kwargs)
        self.state = CurrentSourceState()

    def _do_set_current(self, value: float) -> None:
        self._told("set_current", value, current=value)

    def _do_current(self) -> float:
        return self._asked("current", self.state.current)

    def _do_set_enabled(self, on: bool) -> None:
        self._told("set_enabled", on, enabled=on)

    def _do_enabled(self) -> bool:
        return self._asked("enabled", self.state.enabled)
