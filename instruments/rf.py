"""The RF roles: an output that can be switched, and a source whose frequency and power can be set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from qcodes.validators import Bool, Numbers

from .base import Role, Tolerance, as_limits
from .parameter import RoleParameter


class RfOutput(Role):
    """An RF output that can be switched, e.g. one channel of a power amplifier. Safe is: off.

    Args:
        *args: see :class:`~.base.Role`.
        **kwargs: see :class:`~.base.Role`.
    """

    role = "rf_output"

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - cooperative constructor
        super().__init__(*args, **kwargs)
        self.enabled: RoleParameter[bool] = self.add_parameter(
            "enabled",
            RoleParameter,
            read=self._read_enabled,
            write=self.set_enabled,
            vals=Bool(),
            docstring="Control whether RF leaves the output (bool).",
        )

    def set_enabled(self, on: bool) -> None:
        """Switch the output on or off.

        Raises:
            DeviceFault: the device did not do it, e.g. because its own protection has tripped.
        """
        with self.lock:
            self._do_set_enabled(on)
            self._require_followed("RF output", on, self._do_enabled())

    def _read_enabled(self) -> bool:
        with self.lock:
            return self._do_enabled()

    def _role_reasons(self) -> Iterable[str]:
        self._do_enabled()  # off may be ready, a device that does not answer is not
        return ()

    def _do_make_safe(self) -> None:
        self._do_set_enabled(False)

    def _require_safe(self) -> None:
        self._require_followed("RF output", False, self._read_enabled())

    @abstractmethod
    def _do_set_enabled(self, on: bool) -> None:
        """Switch the output, signal and amplifier alike."""

    @abstractmethod
    def _do_enabled(self) -> bool:
        """Ask the device whether RF leaves the output."""


class RfSource(RfOutput):
    """An RF source with one tone. Safe is: off.

    A power of 0 W stands for the lowest amplitude that the device can give.

    Args:
        frequency_limits: Hz.
        power_limits: W, at the output.
        *args: see :class:`~.base.Role`.
        **kwargs: see :class:`~.base.Role`.
    """

    role = "rf_source"
    frequency_tolerance: ClassVar[Tolerance] = Tolerance(absolute=1.0)
    """How far the device may round a frequency, Hz (a 32-bit tuning word at 1 GHz has steps of 0.23 Hz)."""
    power_tolerance: ClassVar[Tolerance] = Tolerance(relative=1e-6)
    """How far the device may round a power, W."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - cooperative constructor
        frequency_limits: Iterable[float],
        power_limits: Iterable[float],
        **kwargs: Any,  # noqa: ANN401 - cooperative constructor
    ) -> None:
        super().__init__(*args, **kwargs)
        self.frequency_limits = as_limits(f"{self.full_name}.frequency_limits", frequency_limits)
        self.power_limits = as_limits(f"{self.full_name}.power_limits", power_limits)
        self.frequency: RoleParameter[float] = self.add_parameter(
            "frequency",
            RoleParameter,
            read=self._read_frequency,
            write=self.set_frequency,
            unit="Hz",
            vals=Numbers(*self.frequency_limits),
            docstring="Control the frequency of the tone (Hz).",
        )
        self.power: RoleParameter[float] = self.add_parameter(
            "power",
            RoleParameter,
            read=self._read_power,
            write=self.set_power,
            unit="W",
            vals=Numbers(*self.power_limits),
            docstring="Control the power of the tone (W), as the device holds it.",
        )

    def set_frequency(self, value: float) -> None:
        """Set the frequency, Hz.

        Raises:
            ConfigError: outside the limits; the device has not been touched.
            DeviceFault: the device took another value.
        """
        self._set_checked(
            self.frequency, value, self.frequency_limits, self._do_set_frequency, self._do_frequency, self.frequency_tolerance
        )

    def set_power(self, value: float) -> None:
        """Set the power, W.

        Raises:
            ConfigError: outside the limits; the device has not been touched.
            DeviceFault: the device took another value.
        """
        self._set_checked(self.power, value, self.power_limits, self._do_set_power, self._do_power, self.power_tolerance)

    def _read_frequency(self) -> float:
        with self.lock:
            return self._do_frequency()

    def _read_power(self) -> float:
        with self.lock:
            return self._do_power()

    @abstractmethod
    def _do_set_frequency(self, value: float) -> None:
        """Set the frequency, Hz."""

    @abstractmethod
    def _do_frequency(self) -> float:
        """Ask the device for its frequency, Hz."""

    @abstractmethod
    def _do_set_power(self, value: float) -> None:
        """Set the power, W; 0 is the lowest amplitude that the device can give."""

    @abstractmethod
    def _do_power(self) -> float:
        """Ask the device for its power, W; 0 where it is at its lowest amplitude."""
