"""The current source role: what drives a coil."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from qcodes.validators import Bool, Numbers

from .base import Role, Tolerance, as_limits
from .parameter import RoleParameter


class CurrentSource(Role):
    """A current source, e.g. for a coil that compensates the magnetic field at an atom. Safe is: off.

    Args:
        current_limits: A; negative where the source is bipolar.
        *args: see :class:`~.base.Role`.
        **kwargs: see :class:`~.base.Role`.
    """

    role = "current_source"
    current_tolerance: ClassVar[Tolerance] = Tolerance(relative=1e-3, absolute=1e-5)
    """How far the device may round or regulate the current, A."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - cooperative constructor
        current_limits: Iterable[float],
        **kwargs: Any,  # noqa: ANN401 - cooperative constructor
    ) -> None:
        super().__init__(*args, **kwargs)
        self.current_limits = as_limits(f"{self.full_name}.current_limits", current_limits)
        self.current: RoleParameter[float] = self.add_parameter(
            "current",
            RoleParameter,
            read=self._read_current,
            write=self.set_current,
            unit="A",
            vals=Numbers(*self.current_limits),
            docstring="Control the set-point of the current (A); it flows while the source is enabled.",
        )
        self.enabled: RoleParameter[bool] = self.add_parameter(
            "enabled",
            RoleParameter,
            read=self._read_enabled,
            write=self.set_enabled,
            vals=Bool(),
            docstring="Control whether the current flows (bool).",
        )

    def set_current(self, value: float) -> None:
        """Set the current, A.

        Raises:
            ConfigError: outside the limits; the device has not been touched.
            DeviceFault: the device took another value.
        """
        self._set_checked(self.current, value, self.current_limits, self._do_set_current, self._do_current, self.current_tolerance)

    def set_enabled(self, on: bool) -> None:
        """Have the current flow, or not.

        Raises:
            DeviceFault: the device did not do it, e.g. because the load is open.
        """
        with self.lock:
            self._do_set_enabled(on)
            self._require_followed("current source", on, self._do_enabled())

    def _read_current(self) -> float:
        with self.lock:
            return self._do_current()

    def _read_enabled(self) -> bool:
        with self.lock:
            return self._do_enabled()

    def _role_reasons(self) -> Iterator[str]:
        if not self._do_enabled():
            yield "no current flows"

    def _do_make_safe(self) -> None:
        self._do_set_enabled(False)

    def _require_safe(self) -> None:
        self._require_followed("current source", False, self._read_enabled())

    @abstractmethod
    def _do_set_current(self, value: float) -> None:
        """Set the current, A, and let it settle."""

    @abstractmethod
    def _do_current(self) -> float:
        """Ask the device for its set-point, A."""

    @abstractmethod
    def _do_set_enabled(self, on: bool) -> None:
        """Switch the output."""

    @abstractmethod
    def _do_enabled(self) -> bool:
        """Ask the device whether the current flows; False where a protection has tripped."""
