"""What every rotator must do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ..rotator import Rotator
from .base import Command, Limited, RoleConformance, able


class RotatorConformance(RoleConformance[Rotator]):
    """For implementations of :class:`~eventready.instruments.Rotator`.

    ``truth`` may have ``angle() -> float`` (rad).
    """

    role = Rotator
    reads = frozenset({"angle", "moving"})

    def commands(self, device: Rotator) -> Mapping[str, Command]:
        """Turn and home, each to its end."""

        def home() -> None:
            device.home()
            device.wait(device.travel_timeout)

        return {
            "angle.set": lambda: device.angle(device.angle_limits[1] / 4),
            "angle": device.angle,
            "moving": device.moving,
            "home": home,
            "wait": lambda: device.wait(device.travel_timeout),
            **super().commands(device),
        }

    def changes(self, device: Rotator) -> Mapping[str, Command]:
        """Another angle."""
        return {"angle.set": lambda: device.angle(device.angle_limits[1] / 3)}

    def limited(self, device: Rotator) -> list[Limited]:
        """The angle."""
        return [Limited(device.set_angle, device.angle, device.angle_limits)]

    def settle(self, device: Rotator) -> None:
        """Wait for the mount."""
        device.wait(device.travel_timeout)

    def assert_safe(self, device: Rotator, truth: object | None) -> None:
        """Standing still."""
        assert device.moving() is False

    def test_angles_are_true(self, device: Rotator, truth: object | None) -> None:
        """In radians, and with the right sign."""
        tell = able(truth, "angle")
        low, high = device.angle_limits
        for angle in (0.3 * high, 0.1 * high, 0.9 * low + 0.1 * high):
            device.angle(angle)
            assert device.moving() is False
            assert device.angle() == pytest.approx(angle, abs=device.angle_tolerance.absolute)
            assert tell() == pytest.approx(angle, abs=device.angle_tolerance.absolute)

    def test_home_is_zero(self, device: Rotator) -> None:
        """The reference mark is angle 0."""
        device.home()
        device.wait(device.travel_timeout)
        assert device.angle() == pytest.approx(0.0, abs=device.angle_tolerance.absolute)
