"""What every role has: a clock, a lock, words about its readiness, a safe state."""

from __future__ import annotations

import inspect
import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, NamedTuple

from qcodes.instrument import InstrumentBase

from ..clock import PS_PER_S, Clock, SystemClock
from ..errors import ConfigError, DeviceError, DeviceFault
from .parameter import RoleParameter


class Readiness(NamedTuple):
    """Whether an instrument may take part in a round, and if not, why not, in words."""

    ok: bool
    reasons: tuple[str, ...]


class Tolerance(NamedTuple):
    """How far a value that is read back may lie from the one that was asked for."""

    relative: float = 0.0
    absolute: float = 0.0

    def allows(self, asked: float, found: float) -> bool:
        """Whether ``found`` is what was asked for."""
        return math.isclose(asked, found, rel_tol=self.relative, abs_tol=self.absolute)


EXACT = Tolerance()


class Role(InstrumentBase, ABC):
    """One thin layer between stations and drivers.

    Public methods are concrete: they check limits and interlocks, hold the lock and read back what the device made of a command. They
    call ``_do_*`` methods, which a driver writes, and only those. A driver joins the role with the QCoDeS base that fits::

        class SC10(Shutter, Instrument): ...
        class DlcLaser(Laser, InstrumentModule): ...

    A class that overrides anything else of a role is refused when it is defined, so that no driver can bypass a check, and none can hit a
    helper's name by accident. (A role's own state has names with two underscores for the same reason.)

    Args:
        *args: for the QCoDeS base, e.g. the name.
        clock: where time comes from; real time by default.
        lock: held around every ``_do_*`` call. Instruments on one connection share one; by default each has its own.
        **kwargs: for the QCoDeS base.
    """

    role: ClassVar[str]
    """The role's name, e.g. ``"shutter"``."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - cooperative constructor
        clock: Clock | None = None,
        lock: threading.RLock | None = None,
        **kwargs: Any,  # noqa: ANN401 - cooperative constructor
    ) -> None:
        self.clock: Clock = SystemClock() if clock is None else clock
        self.lock = threading.RLock() if lock is None else lock
        super().__init__(*args, **kwargs)
        self.ready: RoleParameter[bool] = self.add_parameter(
            "ready",
            RoleParameter,
            read=lambda: self.readiness().ok,
            snapshot_get=False,  # it asks the device several questions
            docstring="Get whether the instrument may take part in a round (bool); readiness() says why not.",
        )

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 - cooperative
        """Refuse a driver that overrides what its role checks."""
        super().__init_subclass__(**kwargs)
        for base in filter(_is_role, cls.__mro__):
            for name in filter(_is_checked_method(base), vars(base)):
                owner = next(c for c in cls.__mro__ if name in vars(c))
                if not _is_role(owner):
                    raise TypeError(
                        f"{owner.__name__} overrides {name}() of the role {base.__name__}; "
                        "a driver writes _do_* methods, or chooses another name"
                    )

    def readiness(self) -> Readiness:
        """Say whether the instrument may take part in a round, and why not.

        A device that cannot be asked is not ready; this never raises for it.
        """
        try:
            with self.lock, self._do_at_once():
                reasons = (*self._role_reasons(), *self._do_reasons())
        except DeviceError as error:
            reasons = (str(error),)
        return Readiness(not reasons, reasons)

    def make_safe(self) -> None:
        """Bring the device into the safe state of its role and see that it is there; the connection stays open.

        Raises:
            DeviceError: the device did not obey, or cannot be reached. Its state is then unknown.
        """
        with self.lock:
            self._do_make_safe()
        self._require_safe()

    @abstractmethod
    def _do_make_safe(self) -> None:
        """Bring the device into its safe state, from any state, as often as it is called."""

    def _require_safe(self) -> None:
        """Raise DeviceFault unless the safe state is reached; roles that can read it back override this."""

    def _role_reasons(self) -> Iterable[str]:
        """Why the role is not ready, as far as the role can tell."""
        return ()

    def _do_reasons(self) -> Iterable[str]:
        """Further reasons that only the driver knows, e.g. a reference clock that is not locked."""
        return ()

    def _do_at_once(self) -> AbstractContextManager[None]:
        """Entered around the questions of :meth:`readiness`; a driver whose device answers several at once may ask them all here."""
        return nullcontext()

    def _require_within(self, parameter: RoleParameter[float], value: float, limits: tuple[float, float]) -> None:
        """Refuse a value outside the role's limits, or outside narrower ones that a Station file put on the parameter."""
        low, high = limits
        try:
            parameter.validate(value)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{self.full_name}: {parameter.name} cannot be {value!r} {parameter.unit} ({error.args[0]})") from error
        if not low <= value <= high:
            raise ConfigError(
                f"{self.full_name}: {parameter.name} {value!r} {parameter.unit} is outside {low!r} to {high!r} {parameter.unit}"
            )

    def _set_checked(
        self,
        parameter: RoleParameter[float],
        value: float,
        limits: tuple[float, float],
        write: Callable[[float], None],
        read: Callable[[], float],
        tolerance: Tolerance,
    ) -> None:
        """Refuse a value outside the limits; else write it, ask the device what it made of it, and refuse what it did not follow."""
        self._require_within(parameter, value, limits)
        with self.lock:
            write(value)
            self._require_followed(parameter.name, value, read(), tolerance)

    def _require_followed(self, what: str, asked: float, found: float, tolerance: Tolerance = EXACT) -> None:
        """Raise DeviceFault where the device did something else than it was told."""
        if found != asked and not tolerance.allows(asked, found):
            raise DeviceFault(self.full_name, f"{what} was set to {asked!r}, but the device reports {found!r}; check it at the device")

    def _reached(self, arrived: Callable[[], bool], timeout_s: float, poll_s: float) -> bool:
        """Poll ``arrived`` on the clock until it is true (True) or ``timeout_s`` has passed (False)."""
        # Whole picoseconds: a float rest could be too short to move a simulated clock, and the loop would not end.
        deadline_ps = self.clock.now_ps() + round(timeout_s * PS_PER_S)
        while not arrived():
            left_ps = deadline_ps - self.clock.now_ps()
            if left_ps <= 0:
                return False
            self.clock.sleep(min(poll_s, left_ps / PS_PER_S))
        return True


def _is_role(cls: type) -> bool:
    return cls is Role or (issubclass(cls, Role) and "role" in vars(cls))


def _is_checked_method(role: type) -> Callable[[str], bool]:
    def checked(name: str) -> bool:
        member = vars(role)[name]
        for_drivers = name.startswith(("_do_", "__")) or getattr(member, "__isabstractmethod__", False)
        return inspect.isfunction(member) and not for_drivers

    return checked


def as_limits(what: str, limits: Iterable[float]) -> tuple[float, float]:
    """Two finite numbers in order, as they come out of a Station file.

    Raises:
        ConfigError: they are not.
    """
    pair = tuple(float(value) for value in limits)
    if len(pair) != 2 or not all(map(math.isfinite, pair)) or not pair[0] < pair[1]:
        raise ConfigError(f"{what}: limits must be two numbers, the lower one first, not {limits!r}")
    return pair[0], pair[1]
