"""What every single-photon detector must do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ...clock import PS_PER_S
from ...errors import DeviceError, DeviceFault, NotReady
from ..detector import SinglePhotonDetector
from .base import Command, Limited, RoleConformance, able


class SinglePhotonDetectorConformance(RoleConformance[SinglePhotonDetector]):
    """For implementations of :class:`~eventready.instruments.SinglePhotonDetector`.

    ``truth`` may have ``enabled() -> bool``, ``bias() -> float``, ``threshold() -> float`` (V), ``shine(rate)`` (clicks at
    ``rate`` in 1/s while enabled, darks included), ``overload()`` (drive it into overload or latching, and take the light away again).
    """

    role = SinglePhotonDetector
    reads = frozenset({"enabled", "bias", "threshold", "overloaded", "overload_probe"})
    duration: float = 0.01
    """How long the tests count, s."""
    recovery: float = 0.01
    """How long the device has to be without bias until it is free, s."""

    def commands(self, device: SinglePhotonDetector) -> Mapping[str, Command]:
        """Settings and counts."""
        return {
            **super().commands(device),
            "set_bias": lambda: device.set_bias(sum(device.bias_limits) / 2),
            "bias": device.bias,
            "set_threshold": lambda: device.set_threshold(sum(device.threshold_limits) / 2),
            "threshold": device.threshold,
            "set_enabled(True)": lambda: device.set_enabled(True),
            "enabled": device.enabled,
            "count": lambda: device.count(self.duration),
            "overloaded": device.overloaded,
            "reset_overload": device.reset_overload,
            "set_enabled(False)": lambda: device.set_enabled(False),
        }

    def changes(self, device: SinglePhotonDetector) -> Mapping[str, Command]:
        """On, and other settings."""
        (b_low, b_high), (t_low, t_high) = device.bias_limits, device.threshold_limits
        return {
            "set_enabled": lambda: device.set_enabled(True),
            "set_bias": lambda: device.set_bias(b_low + 0.4 * (b_high - b_low)),
            "set_threshold": lambda: device.set_threshold(t_low + 0.4 * (t_high - t_low)),
        }

    def limited(self, device: SinglePhotonDetector) -> list[Limited]:
        """Bias and threshold."""
        return [
            Limited(device.set_bias, device.bias, device.bias_limits),
            Limited(device.set_threshold, device.threshold, device.threshold_limits),
        ]

    def assert_safe(self, device: SinglePhotonDetector, truth: object | None) -> None:
        """Disabled."""
        assert device.enabled() is False
        if hasattr(truth, "enabled"):
            assert truth.enabled() is False

    def test_counting_takes_its_time(self, device: SinglePhotonDetector) -> None:
        """The window lies after the call: the clock moves on by at least the duration."""
        device.set_enabled(True)
        start_ps = device.clock.now_ps()
        counts = device.count(self.duration)
        assert isinstance(counts, int)
        assert device.clock.now_ps() - start_ps >= self.duration * PS_PER_S * (1 - 1e-6)

    def test_counts_are_true(self, device: SinglePhotonDetector, truth: object | None) -> None:
        """Within 6 standard deviations of what shines in (false alarm: 2e-9); the rate is per second."""
        able(truth, "shine")(1000 / self.duration)
        device.set_enabled(True)
        assert device.count(self.duration) == pytest.approx(1000, abs=6 * 1000**0.5)
        device.integration_time(self.duration)
        assert device.count_rate() == pytest.approx(1000 / self.duration, rel=6 / 1000**0.5)

    def test_disabled_does_not_count(self, device: SinglePhotonDetector, truth: object | None) -> None:
        """It reports no clicks, or that it is disabled."""
        able(truth, "shine")(1000 / self.duration)
        device.make_safe()
        try:
            counts = device.count(self.duration)
        except (DeviceError, NotReady):
            return
        assert counts == 0

    def test_overload_stays_until_reset(self, device: SinglePhotonDetector, truth: object | None) -> None:
        """Counts of an overloaded detector are refused, and it is not ready, until somebody resets it."""
        overload = able(truth, "overload")
        device.set_enabled(True)
        overload()
        for _ in range(2):
            assert device.overloaded() is True
            with pytest.raises(DeviceFault):
                device.count(self.duration)
        assert any("overload" in reason for reason in device.readiness().reasons)
        device.reset_overload()
        assert device.overloaded() is False
        device.count(self.duration)

    def test_a_latched_detector_can_be_freed(self, device: SinglePhotonDetector, truth: object | None) -> None:
        """Bias off and on again: it counts then, and freeing it once more changes nothing."""
        overload = able(truth, "overload")
        device.set_enabled(True)
        overload()
        assert device.overloaded() is True
        for _ in range(2):
            assert device.free(self.recovery) is True
            assert device.enabled() is True
            assert device.overloaded() is False
        device.count(self.duration)
