"""What every laser must do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ...errors import InterlockOpen
from ..laser import Laser
from .base import Command, Limited, RoleConformance, able


class LaserConformance(RoleConformance[Laser]):
    """For implementations of :class:`~eventready.instruments.Laser`.

    ``truth`` may have ``emission() -> bool``, ``setpoint() -> float`` (in the role's unit), ``open_interlock()``.
    """

    role = Laser
    reads = frozenset({"emission", "power", "locked", "interlock_closed"})

    def commands(self, device: Laser) -> Mapping[str, Command]:
        """Everything that can be said to a laser."""
        middle = sum(device.setpoint_limits) / 2
        return {
            **super().commands(device),
            "set_emission(True)": lambda: device.set_emission(True),
            "emission": device.emission,
            "set_power": lambda: device.set_power(middle),
            "power": device.power,
            "locked": device.locked,
            "interlock_closed": device.interlock_closed,
            "set_emission(False)": lambda: device.set_emission(False),
        }

    def changes(self, device: Laser) -> Mapping[str, Command]:
        """Light, and another set-point."""
        low, high = device.setpoint_limits
        return {"set_emission": lambda: device.set_emission(True), "set_power": lambda: device.set_power(low + 0.4 * (high - low))}

    def limited(self, device: Laser) -> list[Limited]:
        """The set-point."""
        return [Limited(device.set_power, device.setpoint, device.setpoint_limits)]

    def assert_safe(self, device: Laser, truth: object | None) -> None:
        """No light."""
        assert device.emission() is False
        if hasattr(truth, "emission"):
            assert truth.emission() is False

    def test_dark_after_construction(self, device: Laser) -> None:
        """Connecting to a laser lights nothing."""
        assert device.emission() is False

    def test_emission_is_true(self, device: Laser, truth: object | None) -> None:
        """What the role says about emission is so."""
        tell = able(truth, "emission")
        for on in (True, False):
            device.set_emission(on)
            assert device.emission() is on
            assert tell() is on

    def test_no_emission_with_open_interlock(self, device: Laser, truth: object | None, monkeypatch: pytest.MonkeyPatch) -> None:
        """With an open interlock the device is not even told to emit; dark is always allowed."""
        able(truth, "open_interlock")()
        touched = self.watch(device, monkeypatch)
        assert device.interlock_closed() is False
        with pytest.raises(InterlockOpen):
            device.set_emission(True)
        assert "set_emission" not in touched
        assert any("interlock" in reason for reason in device.readiness().reasons)
        device.set_emission(False)
        device.make_safe()
