"""The AOM role: optical transmission through any RF source, by calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from qcodes.instrument import Instrument
from qcodes.validators import Bool, Numbers

from ..errors import ConfigError
from .base import Readiness, Role
from .parameter import RoleParameter
from .rf import RfSource


@dataclass(frozen=True)
class AomCalibration:
    """What a power meter and a fast photodiode say about an AOM.

    Args:
        saturation_power_w: RF power of the highest diffraction efficiency, W.
        delay: from the RF edge to half of the optical edge (sound on its way to the beam), s.
        rise_time: 10 % to 90 % of the optical edge, s.
    """

    saturation_power_w: float
    delay: float = 0.0
    rise_time: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.saturation_power_w) and self.saturation_power_w > 0):
            raise ConfigError(f"saturation_power_w must be a positive power, not {self.saturation_power_w!r} W")
        if not (math.isfinite(self.delay) and self.delay >= 0 and math.isfinite(self.rise_time) and self.rise_time >= 0):
            raise ConfigError(f"delay and rise_time must be times from 0 s on, not {self.delay!r} s and {self.rise_time!r} s")

    def power_for(self, transmission: float) -> float:
        """RF power in W for a transmission of 0 to 1; the inverse of :meth:`transmission_at`."""
        return self.saturation_power_w * (2 / math.pi * math.asin(math.sqrt(transmission))) ** 2

    def transmission_at(self, power_w: float) -> float:
        """Transmission relative to the best one, T = sin^2(pi/2 sqrt(P/P_sat)), also beyond saturation, where it falls again.

        Bragg regime, plane waves, beam at the Bragg angle: Yu, Jutamulia and Yin (eds.), Introduction to Information Optics
        (Academic Press, 2001), Eq. (11.12), whose sound amplitude alpha is pi sqrt(P/P_sat).
        """
        return math.sin(math.pi / 2 * math.sqrt(power_w / self.saturation_power_w)) ** 2


class Aom(Role, Instrument):
    """An acousto-optic modulator on an RF source. Safe is: its source is off.

    Args:
        name: of the modulator.
        source: drives it; its power limits must reach from 0 W to the saturation power.
        calibration: of this modulator on this source.
        **kwargs: for :class:`qcodes.instrument.Instrument`.

    Raises:
        ConfigError: the source cannot reach the saturation power, or cannot go down to 0 W.
    """

    role = "aom"

    def __init__(self, name: str, source: RfSource, calibration: AomCalibration, **kwargs: Any) -> None:  # noqa: ANN401 - cooperative
        low, high = source.power_limits
        if low > 0 or high < calibration.saturation_power_w:
            raise ConfigError(
                f"{name}: saturates at {calibration.saturation_power_w} W, but {source.full_name} goes from {low} to {high} W; "
                "calibrate again, or change power_limits"
            )
        super().__init__(name, clock=source.clock, lock=source.lock, **kwargs)
        self.source = source
        self.calibration = calibration
        self.transmission: RoleParameter[float] = self.add_parameter(
            "transmission",
            RoleParameter,
            read=self._read_transmission,
            write=self.set_transmission,
            vals=Numbers(0, 1),
            unit="",
            docstring="Control the optical transmission relative to the best one (float, 0 to 1, dimensionless), by calibration.",
        )
        self.enabled: RoleParameter[bool] = self.add_parameter(
            "enabled",
            RoleParameter,
            read=source.enabled,
            write=self.set_enabled,
            vals=Bool(),
            docstring="Control whether the source drives the modulator (bool).",
        )

    @property
    def delay(self) -> float:
        """From the RF edge to half of the optical edge, s."""
        return self.calibration.delay

    @property
    def rise_time(self) -> float:
        """10 % to 90 % of the optical edge, s."""
        return self.calibration.rise_time

    def set_transmission(self, value: float) -> None:
        """Set the power that gives a transmission of 0 to 1; whether there is light is :meth:`set_enabled`.

        Raises:
            ConfigError: not between 0 and 1; the source has not been touched.
            DeviceFault: the source took another power.
        """
        self._require_within(self.transmission, value, (0.0, 1.0))
        self.source.set_power(self.calibration.power_for(value))

    def set_enabled(self, on: bool) -> None:
        """Switch the source on or off.

        Raises:
            DeviceFault: the source did not do it.
        """
        self.source.set_enabled(on)

    def readiness(self) -> Readiness:
        """That of the source."""
        return self.source.readiness()

    def get_idn(self) -> dict[str, str | None]:
        """An AOM has no electronics of its own: the source's identity tells more."""
        return {"vendor": None, "model": f"AOM on {self.source.full_name}", "serial": None, "firmware": None}

    def _read_transmission(self) -> float:
        return self.calibration.transmission_at(self.source.power())

    def _do_make_safe(self) -> None:
        self.source.make_safe()
