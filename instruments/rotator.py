"""The rotator role: a wave plate or fibre paddle on a motor."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from qcodes.validators import Numbers

from ..errors import DeviceFault
from .base import Role, Tolerance, as_limits
from .parameter import RoleParameter


class Rotator(Role):
    """A rotation mount. Safe is: standing still; a wave plate is safe at any angle.

    Args:
        angle_limits: rad.
        travel_timeout: how long a move or homing may take at most, s.
        poll_interval: between two looks at the motor while waiting, s.
        *args: see :class:`~.base.Role`.
        **kwargs: see :class:`~.base.Role`.
    """

    role = "rotator"
    angle_tolerance: ClassVar[Tolerance] = Tolerance(absolute=2e-3)
    """How far from the asked angle the mount may come to rest, rad."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - cooperative constructor
        angle_limits: Iterable[float] = (-2 * math.pi, 2 * math.pi),
        travel_timeout: float = 10.0,
        poll_interval: float = 0.02,
        **kwargs: Any,  # noqa: ANN401 - cooperative constructor
    ) -> None:
        super().__init__(*args, **kwargs)
        self.angle_limits = as_limits(f"{self.full_name}.angle_limits", angle_limits)
        self.travel_timeout = travel_timeout
        self.poll_interval = poll_interval
        self.__sent_to: float | None = None
        self.angle: RoleParameter[float] = self.add_parameter(
            "angle",
            RoleParameter,
            read=self._read_angle,
            write=self._turn,
            unit="rad",
            vals=Numbers(*self.angle_limits),
            docstring="Control the angle of the mount (rad), as measured; setting waits until it is there.",
        )
        self.moving: RoleParameter[bool] = self.add_parameter(
            "moving",
            RoleParameter,
            read=self._read_moving,
            docstring="Get whether the mount is turning or homing (bool).",
        )

    def set_angle(self, value: float) -> None:
        """Send the mount to an angle, rad, and return at once; :meth:`wait` tells whether it got there.

        Raises:
            ConfigError: outside the limits; the device has not been touched.
        """
        self._require_within(self.angle, value, self.angle_limits)
        with self.lock:
            self._do_set_angle(value)
            self.__sent_to = value

    def home(self) -> None:
        """Send the mount to its reference mark, which is angle 0, and return at once."""
        with self.lock:
            self._do_home()
            self.__sent_to = 0.0

    def wait(self, timeout_s: float) -> None:
        """Wait until the mount stands still, and see that it stands where it was sent.

        Raises:
            DeviceFault: it did not come to rest in time, or it rests elsewhere.
        """
        if not self._reached(lambda: not self._read_moving(), timeout_s, self.poll_interval):
            raise DeviceFault(self.full_name, f"still turning after {timeout_s:g} s; check for an obstacle, then home()")
        if self.__sent_to is None:
            return
        found = self._read_angle()
        # A full turn more or less is the same orientation.
        off = math.remainder(found - self.__sent_to, 2 * math.pi)
        if not self.angle_tolerance.allows(self.__sent_to, self.__sent_to + off):
            raise DeviceFault(self.full_name, f"sent to {self.__sent_to!r} rad, rests at {found!r} rad; check for an obstacle, then home()")

    def _turn(self, value: float) -> None:
        self.set_angle(value)
        self.wait(self.travel_timeout)

    def _read_angle(self) -> float:
        with self.lock:
            return self._do_angle()

    def _read_moving(self) -> bool:
        with self.lock:
            return self._do_moving()

    def _role_reasons(self) -> Iterator[str]:
        if self._do_moving():
            yield "the mount is turning"

    def _do_make_safe(self) -> None:
        """Nothing to do: :meth:`_require_safe` waits for a move to end."""

    def _require_safe(self) -> None:
        if not self._reached(lambda: not self._read_moving(), self.travel_timeout, self.poll_interval):
            raise DeviceFault(self.full_name, f"still turning after {self.travel_timeout:g} s")

    @abstractmethod
    def _do_set_angle(self, value: float) -> None:
        """Send the mount to an angle, rad; return when it has taken the command, not when it is there."""

    @abstractmethod
    def _do_angle(self) -> float:
        """Ask the mount for its angle, rad."""

    @abstractmethod
    def _do_home(self) -> None:
        """Send the mount to its reference mark."""

    @abstractmethod
    def _do_moving(self) -> bool:
        """Ask whether the mount is turning or homing."""
