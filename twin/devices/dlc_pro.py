"""A simulated Toptica DLC pro: one controller, two external-cavity diode lasers.

Parameters and their types: model 3.3.3 of Toptica's own client (toptica-lasersdk 3.3.0); banner: as Delft's QMI expects it. What these
leave open is chosen here: rise times, a front button that must be pressed again after the interlock was open, the key turned or the power
gone, and a lock that looks for its line again after the light was off.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable
from functools import partial

from ...clock import Clock, SystemClock
from ...errors import ConfigError
from ..ports import BeamPort
from .decop import OK, OUT_OF_RANGE, Decop, Value
from .simulator import Channel, Simulator
from .splitters import lines

_BANNER = b"\r\nWelcome to DLC pro\r\nDeCoF Command Line\r\n> "
_SYSTEM: dict[str, Value] = {"emission-button-enabled": False, "system-label": ""}
_HEAD: dict[str, Value] = {
    "enabled": True,
    "dl:cc:enabled": False,
    "dl:cc:current-set": 100.0,  # mA
    "dl:cc:current-clip": 200.0,  # mA
    "dl:cc:forced-off": False,
    "dl:cc:feedforward-enabled": False,
    "dl:cc:feedforward-factor": 0.0,  # mA/V
    "dl:tc:temp-set": 20.0,  # degrees Celsius
    "dl:pc:enabled": True,
    "dl:pc:voltage-set": 70.0,  # V
    "dl:pc:voltage-min": 0.0,
    "dl:pc:voltage-max": 140.0,
    "dl:lock:lock-enabled": True,
    "dl:lock:setpoint": 0.0,
    "scan:enabled": False,
    "scan:amplitude": 1.0,  # V
    "scan:offset": 70.0,
    "scan:frequency": 10.0,  # Hz
}
_NEVER_STORED = ("dl:cc:enabled", "dl:cc:forced-off")
_THRESHOLD, _SLOPE = 40.0, 1e-3  # mA; W/mA


class LockState(enum.IntEnum):
    """``laser1:dl:lock:state``."""

    IDLE = 0
    LOCKING = 4
    LOCKED = 5
    RELOCKING = 9


class Settling:
    """A value on its exponential way to another one."""

    def __init__(self, time_constant: float, value: float) -> None:
        self.time_constant = time_constant
        self.start = self.target = value
        self.since = 0.0

    def at(self, now: float) -> float:
        """The value at ``now``."""
        return self.target + (self.start - self.target) * math.exp(-(now - self.since) / self.time_constant)

    def go(self, target: float, now: float) -> None:
        """Set out for another value."""
        if target != self.target:
            self.start, self.target, self.since = self.at(now), target, now


class Head:
    """A laser head, as far as it is more than its settings."""

    def __init__(self, port: BeamPort) -> None:
        self.port = port
        self.drifted = False
        """Fault: the laser has drifted so far that its lock finds no line."""
        self.attempt = 0
        self.temperature = Settling(2.0, 20.0)
        self.power_on()

    def power_on(self) -> None:
        """Dark, and not looking for a line; as warm as it was."""
        self.lock = LockState.IDLE
        self.attempt += 1
        self.light_and_lock = (False, False)
        self.current = Settling(0.02, 0.0)


class DlcProSimulator(Simulator):
    """The controller with its heads.

    It is found as its users leave it: key turned, front button pressed, no current, each lock set to find its line when there is light.

    Args:
        laser1: beam of the first head; by default it stands alone.
        laser2: beam of the second.
        clock: that of the node; real time by default.
        command_lines: how many clients the command line takes at a time; any number by default.
        locking_time: from light to lock, s.
    """

    def __init__(
        self,
        laser1: BeamPort | None = None,
        laser2: BeamPort | None = None,
        clock: Clock | None = None,
        *,
        command_lines: int | None = None,
        locking_time: float = 0.3,
    ) -> None:
        self.heads = {f"laser{k}": Head(BeamPort() if port is None else port) for k, port in ((1, laser1), (2, laser2))}
        self.locking_time = locking_time
        self.interlock_open = False
        self.key_locked = False
        self.identity = {"serial-number": "DLC PRO_012345", "system-type": "DLC pro", "fw-ver": "3.3.3"}
        self.warning = 0
        """Fault: positive, and it is the status of every setting from now on; the setting is made all the same."""
        self.clips_silently = False
        """Whether a current beyond ``current-clip`` is clipped and called a success, or refused."""
        self.deaf = False
        """Fault: True, and settings are acknowledged and ignored."""
        self.missing: set[str] = set()
        """Fault: parameters that this firmware does not have."""
        self.banner_pause = 0.0
        """Fault: the banner's last two thirds come later by this much, s of wall time."""
        self._stored = dict(_SYSTEM) | {f"{head}:{name}": value for head in self.heads for name, value in _HEAD.items()}
        self.decop = Decop(self, partial(self.push, "monitoring"))
        super().__init__(
            clock,
            command=Channel(lines(b"\n"), self.decop.command, banner=self._banner, clients=command_lines),
            monitoring=Channel(lines(b"\n"), self.decop.monitor),
        )
        self._readers = self._reading()
        self.panel("emission-button-enabled", True)

    def power_on(self) -> None:
        """Settings as stored, front button to be pressed, no current."""
        self.settings = dict(self._stored)
        self.decop.power_on()
        self._on_since = self.clock.now()
        for head in self.heads.values():
            head.power_on()
        self._follow()

    def panel(self, name: str, value: Value) -> None:
        """Change a setting by hand, at the front panel.

        Raises:
            ConfigError: there is no such setting.
        """
        if name not in self.settings:
            raise ConfigError(f"a DLC pro has no setting {name!r}")
        with self.lock:
            self.settings[name] = value
            self._follow()

    def open_interlock(self, is_open: bool = True) -> None:
        """Open the interlock circuit, or close it again; then the front button still waits to be pressed."""
        with self.lock:
            self.interlock_open = is_open
            self.panel("emission-button-enabled", self._button() and not is_open)

    def lock_key(self, locked: bool = True) -> None:
        """Turn the front key off, or on again; then the front button still waits to be pressed."""
        with self.lock:
            self.key_locked = locked
            self.panel("emission-button-enabled", self._button() and not locked)

    def lose_lock(self, name: str = "laser1", *, drifted: bool = False) -> None:
        """Throw a head off its line. It finds it again after ``locking_time``, unless it has drifted away: then the lock gives up."""
        with self.lock:
            self.heads[name].drifted = drifted
            if self.heads[name].lock is LockState.LOCKED:
                self._search(name, LockState.RELOCKING)

    # -- state ---------------------------------------------------------------------------------------------------------------------

    def _button(self) -> bool:
        return bool(self.settings["emission-button-enabled"])

    def _allowed(self) -> bool:
        return self._button() and not self.interlock_open and not self.key_locked

    def _emits(self, name: str) -> bool:
        enabled = self.settings[f"{name}:enabled"] and self.settings[f"{name}:dl:cc:enabled"]
        return bool(self._allowed() and enabled and not self.settings[f"{name}:dl:cc:forced-off"])

    def _current(self, name: str) -> float:
        """What the driver delivers in the end, mA: feed-forward adds the piezo's share."""
        get = {key: float(self.settings[f"{name}:dl:{key}"]) for key in ("cc:current-set", "cc:feedforward-factor", "pc:voltage-set")}
        forward = self.settings[f"{name}:dl:cc:feedforward-enabled"]
        return get["cc:current-set"] + (get["cc:feedforward-factor"] * get["pc:voltage-set"] if forward else 0.0)

    def _follow(self) -> None:
        """Have everything follow the settings."""
        now = self.clock.now()
        for name, head in self.heads.items():
            emits, wanted = self._emits(name), bool(self.settings[f"{name}:dl:lock:lock-enabled"])
            head.current.go(self._current(name) if emits else 0.0, now)
            head.temperature.go(float(self.settings[f"{name}:dl:tc:temp-set"]), now)
            if (emits, wanted) != head.light_and_lock:
                head.light_and_lock = (emits, wanted)
                if emits and wanted:
                    self._search(name, LockState.LOCKING)
                else:
                    self._enter(name, LockState.RELOCKING if wanted else LockState.IDLE)
            self._shine(name)

    def _shine(self, name: str) -> None:
        head = self.heads[name]
        power_w = _SLOPE * max(0.0, self._current(name) - _THRESHOLD) if self._emits(name) else 0.0
        locked = head.lock is LockState.LOCKED
        head.port.set(self.clock.now_ps(), on=self._emits(name), power_w=power_w, locked=locked, interlock_closed=self._allowed())

    def _enter(self, name: str, state: LockState) -> None:
        self.heads[name].lock = state
        self.heads[name].attempt += 1  # what an earlier search finds no longer counts
        self._shine(name)

    def _search(self, name: str, state: LockState) -> None:
        self._enter(name, state)
        head = self.heads[name]
        attempt = head.attempt

        def over() -> None:
            with self.lock:
                if head.attempt != attempt:
                    return
                if head.drifted:
                    self.panel(f"{name}:dl:lock:lock-enabled", False)
                else:
                    self._enter(name, LockState.LOCKED)

        self.clock.call_at(self.clock.now() + self.locking_time, over)

    def _reading(self) -> dict[str, Callable[[], Value]]:
        """Every parameter that can only be read, and how."""
        now = self.clock.now
        found: dict[str, Callable[[], Value]] = {name: partial(self.identity.__getitem__, name) for name in self.identity}
        found |= {
            "ul": lambda: self.decop.level,
            "uptime": lambda: int(now() - self._on_since),
            "interlock-open": lambda: self.interlock_open,
            "frontkey-locked": lambda: self.key_locked,
            "emission": lambda: any(map(self._emits, self.heads)),
            "system-health": lambda: int(self.interlock_open),
            "system-health-txt": lambda: "Interlock open" if self.interlock_open else "OK",
        }
        for name in self.heads:
            found |= {f"{name}:{key}": read for key, read in self._reading_head(name).items()}
        return found

    def _reading_head(self, name: str) -> dict[str, Callable[[], Value]]:
        head, now = self.heads[name], self.clock.now

        def off_by() -> float:
            return abs(head.temperature.at(now()) - head.temperature.target)

        def forced_off() -> bool:
            return bool(self.settings[f"{name}:dl:cc:forced-off"])

        return {
            "type": lambda: "DL pro",
            "emission": lambda: self._emits(name),
            "health": lambda: int(forced_off()),
            "dl:cc:emission": lambda: self._emits(name),
            "dl:cc:current-act": lambda: head.current.at(now()),
            "dl:cc:voltage-act": lambda: 1.8 if self._emits(name) else 0.0,
            "dl:cc:status": lambda: int(forced_off()),
            "dl:cc:status-txt": lambda: "Forced off" if forced_off() else "OK",
            "dl:tc:temp-act": lambda: head.temperature.at(now()),
            "dl:tc:ready": lambda: off_by() < 0.01,
            "dl:tc:fault": lambda: False,
            "dl:tc:status-txt": lambda: "OK",
            "dl:pc:voltage-act": lambda: self.settings[f"{name}:dl:pc:voltage-set"] if self.settings[f"{name}:dl:pc:enabled"] else 0.0,
            "dl:lock:state": lambda: int(head.lock),
            "dl:lock:state-txt": lambda: head.lock.name.capitalize(),
        }

    # -- what the command line finds here --------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """See :class:`Simulator`."""
        self.decop.unsubscribe()
        super().stop()

    def names(self) -> Iterable[str]:
        """All parameters."""
        return [name for name in (*self.settings, *self._readers) if name not in self.missing]

    def value(self, name: str) -> Value | None:
        """What a parameter reads; None where there is no such parameter."""
        value = self.setting(name)
        if value is None and name in self._readers and name not in self.missing:
            value = self._readers[name]()
        seen = self.faults.seen(name, value)
        return seen if isinstance(seen, Value) else None

    def setting(self, name: str) -> Value | None:
        """What a parameter has been set to; None where it cannot be set."""
        return None if name in self.missing else self.settings.get(name)

    def change(self, name: str, value: Value) -> int:
        """Set what can be set, as far as the device takes it; returns the status."""
        if isinstance(value, float):
            fitting = self._fitting(name, value)
            if fitting is None:
                return OUT_OF_RANGE
            value = fitting
        if not self.deaf:
            self.panel(name, value)
        return self.warning or OK

    def carry_out(self, name: str) -> bool:
        """Do what ``exec`` asks for; False where there is no such command."""
        head, _, what = name.partition(":")
        if name == "buzzer:play":
            return True
        if head not in self.heads or what not in ("dl:lock:close", "dl:lock:open", "save", "load"):
            return False
        if what in ("save", "load"):
            self._keep(head, save=what == "save")
        elif not self.deaf:
            self.panel(f"{head}:dl:lock:lock-enabled", what == "dl:lock:close")
        return True

    def _keep(self, head: str, *, save: bool) -> None:
        source, target = (self.settings, self._stored) if save else (self._stored, self.settings)
        target |= {f"{head}:{name}": source[f"{head}:{name}"] for name in _HEAD if name not in _NEVER_STORED}
        self._follow()

    def _fitting(self, name: str, value: float) -> float | None:
        """What the device makes of a number; None where it refuses it."""
        if not math.isfinite(value):
            return None
        if name.endswith("current-set"):
            clip = float(self.settings[name.replace("current-set", "current-clip")])
            if value > clip and not self.clips_silently:
                return None
            value = min(value, clip)
        return self.faults.stored(name, value)

    def _banner(self) -> bytes:
        if not self.banner_pause:
            return _BANNER
        early, late = _BANNER[: len(_BANNER) // 3], _BANNER[len(_BANNER) // 3 :]
        SystemClock().call_at(self.banner_pause, lambda: self.push("command", late))
        return early
