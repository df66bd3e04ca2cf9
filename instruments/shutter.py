"""The shutter role: open or closed, and whether that has been seen or only commanded."""

from __future__ import annotations

import enum
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from qcodes.validators import Bool

from ..errors import ConfigError, DeviceError, DeviceFault
from .base import Role
from .parameter import RoleParameter


class Position(enum.StrEnum):
    """Where the blade is."""

    OPEN = "open"
    CLOSED = "closed"
    MOVING = "moving"
    UNKNOWN = "unknown"


class Shutter(Role):
    """A shutter, a flip mount or a filter that moves into the beam ("closed" is: in the beam). Safe is: closed.

    Args:
        travel_timeout: how long a move may take at most, s.
        poll_interval: between two looks at the position while waiting, s.
        *args: see :class:`~.base.Role`.
        **kwargs: see :class:`~.base.Role`.
    """

    role = "shutter"

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - cooperative constructor
        travel_timeout: float = 1.0,
        poll_interval: float = 1e-3,
        **kwargs: Any,  # noqa: ANN401 - cooperative constructor
    ) -> None:
        super().__init__(*args, **kwargs)
        self.travel_timeout = travel_timeout
        self.poll_interval = poll_interval
        self.open: RoleParameter[bool | None] = self.add_parameter(
            "open",
            RoleParameter,
            read=self._read_open,
            write=self._move,
            vals=Bool(),
            docstring="Control whether light passes (bool); setting waits for the blade. None while the blade is moving or unknown.",
        )
        self.position: RoleParameter[Position] = self.add_parameter(
            "position",
            RoleParameter,
            read=self._read_position,
            docstring="Get where the blade is: open, closed, moving or unknown (text).",
        )

    @property
    @abstractmethod
    def confirmed(self) -> bool:
        """Whether :attr:`position` is measured (True), or only what was commanded last (False)."""

    def set_open(self, is_open: bool) -> None:
        """Command the blade and return at once; :meth:`wait_for` tells whether it obeyed."""
        with self.lock:
            self._do_set_open(is_open)

    def wait_for(self, position: Position, timeout_s: float) -> None:
        """Wait until the blade is at ``position``.

        Args:
            position: OPEN or CLOSED.
            timeout_s: s, on the role's clock.

        Raises:
            ConfigError: ``position`` is no end of the blade's way.
            DeviceFault: the blade was not there in time; says where it was seen.
        """
        if position not in (Position.OPEN, Position.CLOSED):
            raise ConfigError(f"{self.full_name}: can wait for open or closed, not for {position}")
        seen = Position.UNKNOWN

        def arrived() -> bool:
            nonlocal seen
            seen = self._read_position()
            return seen == position

        if not self._reached(arrived, timeout_s, self.poll_interval):
            raise DeviceFault(
                self.full_name, f"not {position} within {timeout_s:g} s, the blade was seen {seen}; check blade, supply and trigger mode"
            )

    def reasons_not_at(self, position: Position) -> tuple[str, ...]:
        """Why the blade may not be relied on to be at ``position``, in words; empty where it is there and ready.

        A device that cannot be asked is not there; this never raises for it.
        """
        try:
            with self.lock, self._do_at_once():
                seen = self._do_position()
                return (*(() if seen == position else (f"the blade is seen {seen}",)), *self._do_reasons())
        except DeviceError as error:
            return (str(error),)

    def _move(self, is_open: bool) -> None:
        self.set_open(is_open)
        self.wait_for(Position.OPEN if is_open else Position.CLOSED, self.travel_timeout)

    def _read_position(self) -> Position:
        with self.lock:
            return self._do_position()

    def _read_open(self) -> bool | None:
        return {Position.OPEN: True, Position.CLOSED: False}.get(self._read_position())

    def _role_reasons(self) -> Iterator[str]:
        position = self._do_position()
        if position not in (Position.OPEN, Position.CLOSED):
            yield f"the blade is {'moving' if position is Position.MOVING else 'at an unknown position'}"

    def _do_make_safe(self) -> None:
        self._do_set_open(False)

    def _require_safe(self) -> None:
        self.wait_for(Position.CLOSED, self.travel_timeout)

    @abstractmethod
    def _do_set_open(self, is_open: bool) -> None:
        """Send the blade; do nothing where it is already there or on its way (many devices only know a toggle: read first)."""

    @abstractmethod
    def _do_position(self) -> Position:
        """Look where the blade is; UNKNOWN where that cannot be told, e.g. before the first command of a device without read-back."""
