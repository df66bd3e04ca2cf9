"""The laser role: emission, set-point, lock, interlock."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from qcodes.validators import Bool, Numbers

from ..errors import InterlockOpen
from .base import Role, Tolerance, as_limits
from .parameter import RoleParameter


class Laser(Role):
    """A laser. Safe is: no emission.

    Args:
        setpoint_limits: lowest and highest set-point that may be asked for, in :attr:`setpoint_unit`.
        *args: see :class:`~.base.Role`.
        **kwargs: see :class:`~.base.Role`.
    """

    role = "laser"
    setpoint_unit: ClassVar[str] = "W"
    """Unit of the set-point: ``"W"`` of output power, or ``"A"`` of diode current."""
    setpoint_tolerance: ClassVar[Tolerance] = Tolerance(relative=1e-6)
    """How far the device may round a set-point."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - cooperative constructor
        setpoint_limits: Iterable[float],
        **kwargs: Any,  # noqa: ANN401 - cooperative constructor
    ) -> None:
        super().__init__(*args, **kwargs)
        self.setpoint_limits = as_limits(f"{self.full_name}.setpoint_limits", setpoint_limits)
        self.emission_enabled: RoleParameter[bool] = self.add_parameter(
            "emission_enabled",
            RoleParameter,
            read=self.emission,
            write=self.set_emission,
            vals=Bool(),
            docstring="Control whether light leaves the laser (bool).",
        )
        self.setpoint: RoleParameter[float] = self.add_parameter(
            "setpoint",
            RoleParameter,
            read=self.power,
            write=self.set_power,
            unit=self.setpoint_unit,
            vals=Numbers(*self.setpoint_limits),
            docstring="Control the set-point of output power (W) or of diode current (A), as the device holds it.",
        )
        self.locked: RoleParameter[bool | None] = self.add_parameter(
            "locked",
            RoleParameter,
            read=self._read_locked,
            docstring="Get whether the frequency lock holds (bool); None for a laser without a lock.",
        )
        self.interlock_closed: RoleParameter[bool] = self.add_parameter(
            "interlock_closed",
            RoleParameter,
            read=self._read_interlock_closed,
            docstring="Get whether the safety interlock is closed and emission allowed (bool).",
        )

    def set_emission(self, on: bool) -> None:
        """Switch the light on or off.

        Raises:
            InterlockOpen: the interlock forbids emission; the device has not been told to emit.
            DeviceFault: the device did not do it.
        """
        with self.lock:
            if on and not self._do_interlock_closed():
                raise InterlockOpen(self.full_name, "emission refused, the interlock is open; close it and try again")
            self._do_set_emission(on)
            self._require_followed("emission", on, self._do_emission())

    def emission(self) -> bool:
        """Whether light leaves the laser."""
        with self.lock:
            return self._do_emission()

    def set_power(self, value: float) -> None:
        """Set the set-point, in :attr:`setpoint_unit`.

        Raises:
            ConfigError: ``value`` is outside the limits; the device has not been touched.
            DeviceFault: the device took another value.
        """
        self._set_checked(self.setpoint, value, self.setpoint_limits, self._do_set_power, self._do_power, self.setpoint_tolerance)

    def power(self) -> float:
        """The set-point that the device holds, in :attr:`setpoint_unit`."""
        with self.lock:
            return self._do_power()

    def _read_locked(self) -> bool | None:
        with self.lock:
            return self._do_locked()

    def _read_interlock_closed(self) -> bool:
        with self.lock:
            return self._do_interlock_closed()

    def _role_reasons(self) -> Iterator[str]:
        if not self._do_interlock_closed():
            yield "the interlock is open"
        if not self._do_emission():
            yield "no emission"
        if self._do_locked() is False:
            yield "not locked"

    def _do_make_safe(self) -> None:
        self._do_set_emission(False)

    def _require_safe(self) -> None:
        self._require_followed("emission", False, self.emission())

    @abstractmethod
    def _do_set_emission(self, on: bool) -> None:
        """Switch emission; return when the device has done so or refused."""

    @abstractmethod
    def _do_emission(self) -> bool:
        """Ask the device whether light leaves it (all switches of the chain, not only the last one told)."""

    @abstractmethod
    def _do_set_power(self, value: float) -> None:
        """Set the set-point, in ``setpoint_unit``."""

    @abstractmethod
    def _do_power(self) -> float:
        """Ask the device for its set-point, in ``setpoint_unit``."""

    @abstractmethod
    def _do_locked(self) -> bool | None:
        """Ask whether the lock holds; None where there is none."""

    @abstractmethod
    def _do_interlock_closed(self) -> bool:
        """Ask whether the interlock is closed; key switches and front buttons count as part of it."""
