"""What every role must do, whatever it is."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

import pytest
from qcodes.instrument import InstrumentBase
from qcodes.utils import NumpyJSONEncoder
from qcodes.validators import Numbers

from ...errors import ConfigError, DeviceError, DeviceFault
from ..base import Readiness, Role
from ..parameter import RoleParameter

Command = Callable[[], object]
AnyRole = TypeVar("AnyRole", bound=Role)


class FaultLine(Protocol):
    """Makes the device behind a driver misbehave: a simulator's fault hooks, or a mock."""

    def fail_next(self) -> None:
        """Spoil the next exchange with the device, once: no answer, garbage, a broken connection."""

    def ignore_commands(self) -> None:
        """From now on have the device acknowledge commands and do nothing."""


class Limited(NamedTuple):
    """A setter, the parameter that it belongs to, and its limits."""

    set: Callable[[float], None]
    parameter: RoleParameter[float]
    limits: tuple[float, float]


class RoleConformance(Generic[AnyRole]):
    """Base of the conformance classes.

    A subclass named ``Test...`` gives a fixture ``device`` (open, as after construction, closed by the fixture), and where it can:

    * ``fault_line``: a :class:`FaultLine`;
    * ``truth``: an object that tells or causes the true state of the device; each class says which methods it looks for. What a
      ``truth`` cannot do is skipped, and pytest says so.

    With real hardware, mind that everything is switched on here for a moment: lasers emit, shutters open. Settings lie well within
    their limits.
    """

    role: ClassVar[type[Role]]
    reads: ClassVar[frozenset[str]] = frozenset()
    """``_do_*`` methods, without that prefix, which a snapshot may call: they ask, and change nothing."""

    @pytest.fixture
    def device(self) -> Iterator[AnyRole]:
        """The implementation under test."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `device` that yields the instrument and closes it")

    @pytest.fixture
    def fault_line(self) -> FaultLine | None:
        """None where faults cannot be made."""
        return None

    @pytest.fixture
    def truth(self) -> object | None:
        """None where the true state is not known."""
        return None

    def prepare(self, device: AnyRole) -> None:
        """Bring the device from its safe state to where all :meth:`commands` are legal."""

    def commands(self, device: AnyRole) -> Mapping[str, Command]:
        """Public commands that ask or tell the device something, each with arguments that are legal in any order."""
        return {"make_safe": device.make_safe}

    def changes(self, device: AnyRole) -> Mapping[str, Command]:
        """Commands out of the safe state which the role sees done, and must not report as done where the device ignores them."""
        return {}

    def limited(self, device: AnyRole) -> list[Limited]:
        """What has limits."""
        return []

    def touchable(self, device: AnyRole) -> list[Role]:
        """Where ``_do_*`` methods are that touch hardware."""
        return [device]

    def assert_safe(self, device: AnyRole, truth: object | None) -> None:
        """The safe state, as the device reports it and in truth."""

    def watch(self, device: AnyRole, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """A list that grows by the name of every ``_do_*`` method that is called from now on."""
        touched: list[str] = []
        for owner in self.touchable(device):
            for name in (name for name in dir(type(owner)) if name.startswith("_do_") and name != "_do_reasons"):
                monkeypatch.setattr(owner, name, _spy(getattr(owner, name), name.removeprefix("_do_"), touched))
        return touched

    def test_it_is_the_role(self, device: AnyRole) -> None:
        """It joins the role and carries its name."""
        assert isinstance(device, self.role)
        assert device.role == self.role.role

    def test_readiness_is_in_words(self, device: AnyRole) -> None:
        """Ready, or not ready with reasons that a person can read."""
        found = device.readiness()
        assert isinstance(found, Readiness)
        assert found.ok is not bool(found.reasons), f"ok is {found.ok}, but the reasons are {found.reasons}"
        assert all(isinstance(reason, str) and any(map(str.isalpha, reason)) for reason in found.reasons), found.reasons
        assert device.ready() is found.ok

    def test_safe_state_is_reached_and_kept(self, device: AnyRole, truth: object | None) -> None:
        """make_safe() reaches the safe state from another one, and again from there."""
        self.prepare(device)
        for command in self.changes(device).values():
            command()
        device.make_safe()
        self.assert_safe(device, truth)
        device.make_safe()
        self.assert_safe(device, truth)

    def test_commands_are_idempotent(self, device: AnyRole) -> None:
        """A command given twice leaves what it leaves when given once."""
        self.prepare(device)
        for name, command in self.commands(device).items():
            command()
            once = _settings(device)
            command()
            assert _settings(device) == once, f"{name} given twice does not leave what it leaves when given once"

    def test_snapshot_only_asks(self, device: AnyRole, monkeypatch: pytest.MonkeyPatch) -> None:
        """A snapshot changes nothing, measures nothing, and can be stored."""
        touched = self.watch(device, monkeypatch)
        snapshot = device.snapshot(update=True)
        assert set(touched) <= self.reads, f"a snapshot called {set(touched) - self.reads}"
        json.dumps(snapshot, cls=NumpyJSONEncoder)

    def test_parameters_are_documented(self, device: AnyRole) -> None:
        """Every parameter says what it is; every number has a unit, or says that it has none."""
        for name, parameter in device.parameters.items():
            text = parameter.__doc__ or ""
            assert len(text.split()) > 3, f"{name} has no docstring"
            numeric = isinstance(getattr(parameter, "vals", None), Numbers)
            unit: str = getattr(parameter, "unit", "")
            assert not numeric or unit or "dimensionless" in text, f"{name} has no unit"

    def test_limits_are_refused_before_the_device_is_touched(self, device: AnyRole, monkeypatch: pytest.MonkeyPatch) -> None:
        """Outside the limits there is an error, and nothing has been sent."""
        touched = self.watch(device, monkeypatch)
        for setting in self.limited(device):
            low, high = setting.limits
            for value in (low - (high - low), high + (high - low), math.nan, math.inf):
                with pytest.raises(ConfigError):
                    setting.set(value)
                with pytest.raises(ValueError):
                    setting.parameter.set(value)
        assert not touched, f"the device was touched: {touched}"

    def test_values_within_limits_arrive(self, device: AnyRole, truth: object | None) -> None:
        """A value well within its limits is set and read back, and is the true one."""
        for setting in self.limited(device):
            low, high = setting.limits
            value = low + 0.6 * (high - low)  # not the very middle: that is 0 where the limits are symmetric
            setting.set(value)
            self.settle(device)
            about = pytest.approx(value, rel=0.01, abs=0.001 * (high - low))
            assert setting.parameter() == about
            tell: Callable[[], float] | None = getattr(truth, setting.parameter.short_name, None)
            if tell is not None:
                assert tell() == about

    def settle(self, device: AnyRole) -> None:
        """Wait for what was set, where the role does not do that itself."""

    def test_a_failing_exchange_is_an_error(self, device: AnyRole, fault_line: FaultLine | None) -> None:
        """A command during which the exchange with the device fails raises one of our errors; it never succeeds."""
        faults = fault_line or pytest.skip("no fault_line")
        self.prepare(device)
        for name, command in self.commands(device).items():
            faults.fail_next()
            try:
                command()
            except DeviceError:
                continue
            pytest.fail(f"{name} succeeded although the exchange with the device failed")

    def test_readiness_survives_a_failing_exchange(self, device: AnyRole, fault_line: FaultLine | None) -> None:
        """A device that cannot be asked is not ready, and saying so is no error."""
        faults = fault_line or pytest.skip("no fault_line")
        self.prepare(device)
        faults.fail_next()
        assert not device.readiness().ok

    def test_no_success_without_effect(self, device: AnyRole, fault_line: FaultLine | None) -> None:
        """Where the device ignores a command, the role notices."""
        faults = fault_line or pytest.skip("no fault_line")
        self.prepare(device)
        device.make_safe()
        faults.ignore_commands()
        for name, command in self.changes(device).items():
            try:
                command()
            except DeviceFault:
                continue
            pytest.fail(f"{name} reported success for what the device did not do")

    def test_the_lock_can_be_taken_twice(self, device: AnyRole) -> None:
        """The lock is re-entrant, and all parts of one instrument share it, since they share a connection."""
        assert device.lock.acquire(blocking=False), "the lock is taken already"
        try:
            assert device.lock.acquire(blocking=False), "the lock is not re-entrant; use threading.RLock"
            device.lock.release()
        finally:
            device.lock.release()
        parts = [part for part in _parts(device.root_instrument) if isinstance(part, Role)]
        assert all(part.lock is device.lock for part in parts), "parts of one instrument have locks of their own"

    def test_it_can_be_closed_twice(self, device: AnyRole) -> None:
        """Closing what is closed is no error."""
        close = getattr(device.root_instrument, "close", None) or pytest.skip("nothing to close")
        close()
        close()


def able(truth: object | None, name: str) -> Callable[..., Any]:
    """The method ``name`` of a ``truth``; the test is skipped where there is none."""
    found: Callable[..., Any] | None = getattr(truth, name, None)
    return found or pytest.skip(f"truth has no {name}()")


def _spy(original: Callable[..., object], name: str, touched: list[str]) -> Callable[..., object]:
    def spy(*args: object, **kwargs: object) -> object:
        touched.append(name)
        return original(*args, **kwargs)

    return spy


def _settings(device: Role) -> dict[str, object]:
    """What a fresh snapshot holds, which leaves measurements alone; numbers only as well as a device may hold them."""
    values = {name: found["value"] for name, found in device.snapshot(update=True)["parameters"].items()}
    return {name: pytest.approx(value, rel=1e-2, abs=1e-9) if type(value) is float else value for name, value in values.items()}


def _parts(instrument: InstrumentBase) -> Iterator[InstrumentBase]:
    yield instrument
    for part in instrument.instrument_modules.values():
        yield from _parts(part)
