"""What an AOM on any RF source must do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ..aom import Aom
from ..base import Role
from .base import Command, Limited, RoleConformance


class AomConformance(RoleConformance[Aom]):
    """For :class:`~eventready.instruments.Aom` on a source of yours.

    ``truth`` may have ``enabled() -> bool``, ``transmission() -> float`` (0 to 1).
    """

    role = Aom
    reads = frozenset({"enabled", "power"})

    def commands(self, device: Aom) -> Mapping[str, Command]:
        """Transmission and switch."""
        return {
            **super().commands(device),
            "set_transmission": lambda: device.set_transmission(0.5),
            "transmission": device.transmission,
            "set_enabled(True)": lambda: device.set_enabled(True),
            "enabled": device.enabled,
            "set_enabled(False)": lambda: device.set_enabled(False),
        }

    def changes(self, device: Aom) -> Mapping[str, Command]:
        """On, and another transmission."""
        return {"set_enabled": lambda: device.set_enabled(True), "set_transmission": lambda: device.set_transmission(0.4)}

    def limited(self, device: Aom) -> list[Limited]:
        """The transmission."""
        return [Limited(device.set_transmission, device.transmission, (0.0, 1.0))]

    def touchable(self, device: Aom) -> list[Role]:
        """The source."""
        return [device.source]

    def assert_safe(self, device: Aom, truth: object | None) -> None:
        """The source is off."""
        assert device.enabled() is False
        if hasattr(truth, "enabled"):
            assert truth.enabled() is False

    @pytest.mark.parametrize("transmission", [0.0, 0.25, 1.0])
    def test_transmission_is_read_back(self, device: Aom, transmission: float) -> None:
        """Also at the ends, where the calibration curve is flat."""
        device.set_transmission(transmission)
        assert device.transmission() == pytest.approx(transmission, abs=0.01)
