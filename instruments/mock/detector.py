"""A detector without photons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..detector import SinglePhotonDetector
from .base import MockDevice


@dataclass
class DetectorState:
    """What a mock detector is; ``rate`` is what it counts at when enabled, 1/s."""

    bias: float
    threshold: float
    enabled: bool = False
    rate: float = 0.0
    overloaded: bool = False


class MockSinglePhotonDetector(MockDevice, SinglePhotonDetector):
    """A detector that counts exactly."""

    state: DetectorState

    def __init__(
        self,
        name: str,
        *,
        bias_limits: tuple[float, float] = (0.0, 200.0),
        threshold_limits: tuple[float, float] = (-1.0, 1.0),
        **kwargs: Any,  # noqa: ANN401 - for the role
    ) -> None:
        super().__init__(name, bias_limits=bias_limits, threshold_limits=threshold_limits, **kwargs)
        self.state = DetectorState(bias=bias_limits[0], threshold=threshold_limits[1])

    def _do_set_enabled(self, on: bool) -> None:
        self._told("set_enabled", on, enabled=on)

    def _do_enabled(self) -> bool:
        return self._asked("enabled", self.state.enabled)

    def _do_set_bias(self, value: float) -> None:
        self._told("set_bias", value, bias=value)

    def _do_bias(self) -> float:
        return self._asked("bias", self.state.bias)

    def _do_set_threshold(self, value: float) -> None:
        self._told("set_threshold", value, threshold=value)

    def _do_threshold(self) -> float:
        return self._asked("threshold", self.state.threshold)

    def _do_count(self, duration_s: float) -> int:
        self.clock.sleep(duration_s)
        return self._asked("count", round(self.state.rate * duration_s) if self.state.enabled else 0, duration_s)

    def _do_overloaded(self) -> bool:
        return self._asked("overloaded", self.state.overloaded)

    def _do_reset_overload(self) -> None:
        self._told("reset_overload", overloaded=False)
