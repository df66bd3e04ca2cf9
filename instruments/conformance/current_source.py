"""What every current source must do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ..current_source import CurrentSource
from .base import Command, Limited, RoleConformance, able


class CurrentSourceConformance(RoleConformance[CurrentSource]):
    """For implementations of :class:`~eventready.instruments.CurrentSource`.

    ``truth`` may have ``flows() -> float``: the current through the load, A, 0 while the source is off.
    """

    role = CurrentSource
    reads = frozenset({"current", "enabled"})

    def commands(self, device: CurrentSource) -> Mapping[str, Command]:
        """Current and switch."""
        low, high = device.current_limits
        return {
            "set_current": lambda: device.set_current(low + 0.5 * (high - low)),
            "current": device.current,
            "set_enabled(True)": lambda: device.set_enabled(True),
            "enabled": device.enabled,
            "set_enabled(False)": lambda: device.set_enabled(False),
            **super().commands(device),
        }

    def changes(self, device: CurrentSource) -> Mapping[str, Command]:
        """Another current, and on."""
        low, high = device.current_limits
        return {
            "set_current": lambda: device.set_current(low + 0.4 * (high - low)),
            "set_enabled": lambda: device.set_enabled(True),
        }

    def limited(self, device: CurrentSource) -> list[Limited]:
        """The current."""
        return [Limited(device.set_current, device.current, device.current_limits)]

    def assert_safe(self, device: CurrentSource, truth: object | None) -> None:
        """No current."""
        assert device.enabled() is False
        if hasattr(truth, "flows"):
            assert truth.flows() == 0

    def test_the_current_that_flows_is_the_one_that_was_set(self, device: CurrentSource, truth: object | None) -> None:
        """In amperes, with the right sign, and only while the source is on."""
        tell = able(truth, "flows")
        low, high = device.current_limits
        for current in (low + 0.75 * (high - low), low + 0.25 * (high - low)):
            device.set_current(current)
            device.set_enabled(True)
            assert device.current() == pytest.approx(current, rel=1e-3, abs=1e-5)
            assert tell() == pytest.approx(current, rel=1e-3, abs=1e-5)
            device.set_enabled(False)
            assert tell() == 0
