"""What every RF output and source must do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ..rf import RfOutput, RfSource
from .base import Command, Limited, RoleConformance, able

AnyOutput = TypeVar("AnyOutput", bound=RfOutput)


class RfOutputConformance(RoleConformance[AnyOutput]):
    """For implementations of :class:`~eventready.instruments.RfOutput`.

    ``truth`` may have ``enabled() -> bool``.
    """

    role = RfOutput
    reads = frozenset({"enabled"})

    def commands(self, device: AnyOutput) -> Mapping[str, Command]:
        """On and off."""
        return {
            **super().commands(device),
            "set_enabled(True)": lambda: device.set_enabled(True),
            "enabled": device.enabled,
            "set_enabled(False)": lambda: device.set_enabled(False),
        }

    def changes(self, device: AnyOutput) -> Mapping[str, Command]:
        """On."""
        return {"set_enabled": lambda: device.set_enabled(True)}

    def assert_safe(self, device: AnyOutput, truth: object | None) -> None:
        """No RF."""
        assert device.enabled() is False
        if hasattr(truth, "enabled"):
            assert truth.enabled() is False

    def test_enabled_is_true(self, device: AnyOutput, truth: object | None) -> None:
        """What the role says about the output is so."""
        tell = able(truth, "enabled")
        for on in (True, False):
            device.set_enabled(on)
            assert device.enabled() is on
            assert tell() is on


class RfSourceConformance(RfOutputConformance[RfSource]):
    """For implementations of :class:`~eventready.instruments.RfSource`.

    ``truth`` may have ``enabled() -> bool``, ``frequency() -> float`` (Hz), ``power() -> float`` (W).
    """

    role = RfSource
    reads = frozenset({"enabled", "frequency", "power"})

    def commands(self, device: RfSource) -> Mapping[str, Command]:
        """Tone and switch."""
        return {
            **super().commands(device),
            "set_frequency": lambda: device.set_frequency(sum(device.frequency_limits) / 2),
            "frequency": device.frequency,
            "set_power": lambda: device.set_power(sum(device.power_limits) / 2),
            "power": device.power,
        }

    def changes(self, device: RfSource) -> Mapping[str, Command]:
        """On, and another tone."""
        (f_low, f_high), (p_low, p_high) = device.frequency_limits, device.power_limits
        return {
            **super().changes(device),
            "set_frequency": lambda: device.set_frequency(f_low + 0.4 * (f_high - f_low)),
            "set_power": lambda: device.set_power(p_low + 0.4 * (p_high - p_low)),
        }

    def limited(self, device: RfSource) -> list[Limited]:
        """Frequency and power."""
        return [
            Limited(device.set_frequency, device.frequency, device.frequency_limits),
            Limited(device.set_power, device.power, device.power_limits),
        ]
