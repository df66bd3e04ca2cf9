r"""A simulated Thorlabs SC10 shutter controller.

Commands: SC10 manual (8654-D02), p. 15; bytes: the exchanges in InstrumentKit's tests of the SC10. The controller echoes each command,
answers a query with a value and ends with a prompt: ``closed?\r1\r> ``. What the manual leaves open is chosen here: a tripped interlock
disables the shutter and makes the controller deaf to ``ens``; with trig=1 the external input starts what ``ens`` has armed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ...clock import PS_PER_S, Clock
from ..ports import ShutterPort
from .simulator import Channel, Simulator
from .splitters import lines

_ID = "THORLABS SC10 VERSION 1.07"
_MANUAL, _AUTO, _SINGLE, _REPEAT, _EXTERNAL_GATE = range(1, 6)
_FACTORY = {"mode": _MANUAL, "rep": 1, "open": 100, "shut": 100, "trig": 0, "xto": 0, "baud": 0}
_LIMITS = {"mode": (1, 5), "rep": (1, 99), "open": (1, 999999), "shut": (1, 999999), "trig": (0, 1), "xto": (0, 1), "baud": (0, 1)}
_SETTING = re.compile(r"(\w+)=(\d{1,6})")
_NOT_DEFINED, _INVALID = "Command error CMD_NOT_DEFINED", "Command error CMD_ARG_INVALID"
_NOISE = b"\xf8\x80\x00\xf8"  # what 115200 baud looks like at 9600


class SC10Simulator(Simulator):
    """The controller and its blade.

    Args:
        port: the blade; by default it stands alone and takes 5 ms.
        clock: that of the node; real time by default.
    """

    def __init__(self, port: ShutterPort | None = None, clock: Clock | None = None) -> None:
        self.port = ShutterPort(travel_ps=5 * PS_PER_S // 1000) if port is None else port
        self.enabled = False
        self.interlock_tripped = False
        self.settings = dict(_FACTORY)
        self.echo = True
        """Fault: False, and commands are no longer echoed."""
        self.undefined: set[str] = set()
        """Fault: commands that this firmware does not know."""
        self.deaf_while_moving = False
        """Fault: True, and ``ens`` is ignored while the blade is on its way."""
        self.line_baud = 0
        """The rate that the other side of the line has, as in ``baud=``: with another one, neither side understands the other."""
        self._stored = dict(_FACTORY)
        self._cycle = 0
        super().__init__(clock, serial=Channel(lines(b"\r"), self._answer, serial=True))

    def power_on(self) -> None:
        """Disabled, the spring closes the blade, settings as stored."""
        self.settings = dict(self._stored)
        self._enable(False)

    def stop(self) -> None:
        """Stop listening, and end a cycle that would go on by itself."""
        super().stop()
        with self.lock:
            self._cycle += 1

    def trip_interlock(self, tripped: bool = True) -> None:
        """Open the interlock circuit, or close it again (which opens no shutter)."""
        with self.lock:
            self.interlock_tripped = tripped
            if tripped:
                self._enable(False)

    def press_enable(self) -> None:
        """Press the key on the front panel, which does what ``ens`` does."""
        with self.lock:
            if not self.interlock_tripped and not (self.deaf_while_moving and self.port.moving(self.clock.now_ps())):
                self._enable(not self.enabled)

    def drive_input(self, high: bool) -> None:
        """Put a level on the external input."""
        with self.lock:
            if self.enabled and self.settings["mode"] == _EXTERNAL_GATE:
                self._move(high)
            elif self.enabled and self.settings["trig"] and high:
                self._begin()

    def _answer(self, request: bytes) -> bytes:
        if self.settings["baud"] != self.line_baud:
            return _NOISE
        value = self._obey(request.decode("ascii", "replace"))
        return (request + b"\r" if self.echo else b"") + (f"{value}\r".encode("ascii") if value else b"") + b"> "

    def _obey(self, command: str) -> str:
        setting = _SETTING.fullmatch(command)
        if command in self.undefined:
            return _NOT_DEFINED
        if setting and setting[1] in _LIMITS:
            return self._set(setting[1], int(setting[2]))
        if command.endswith("?"):
            return self._tell(command[:-1])
        if command == "ens":
            self.press_enable()
            return ""
        return self._remember(command)

    def _set(self, name: str, value: int) -> str:
        low, high = _LIMITS[name]
        if not low <= value <= high:
            return _INVALID
        self.settings[name] = int(self.faults.stored(name, value))
        return ""

    def _tell(self, name: str) -> str:
        values = {
            **self.settings,
            "id": _ID,
            "ens": int(self.enabled),
            "closed": int(self.port.is_closed(self.clock.now_ps())),
            "interlock": int(self.interlock_tripped),
        }
        return str(self.faults.seen(name, values[name])) if name in values else _NOT_DEFINED

    def _remember(self, command: str) -> str:
        if command == "save":
            self._stored["mode"] = self.settings["mode"]
        elif command == "savp":
            self._stored = dict(self.settings)
        elif command == "resp":
            self.settings = dict(self._stored)
        elif command == "default":
            self.settings = dict(_FACTORY)
        else:
            return _NOT_DEFINED
        return "1"

    def _enable(self, enabled: bool) -> None:
        self.enabled = enabled
        self._cycle += 1  # what was still to come of the cycles before no longer does
        if not enabled:
            self._move(False)
        elif not self.settings["trig"] and self.settings["mode"] != _EXTERNAL_GATE:
            self._begin()

    def _begin(self) -> None:
        mode = self.settings["mode"]
        if mode == _MANUAL:
            self._move(True)
        else:
            self._open_for_a_while({_AUTO: -1, _SINGLE: 1}.get(mode, self.settings["rep"]))

    def _open_for_a_while(self, times: int) -> None:
        self._move(True)
        self._after("open", lambda: self._shut_for_a_while(times - 1))

    def _shut_for_a_while(self, times: int) -> None:
        self._move(False)
        if times:
            self._after("shut", lambda: self._open_for_a_while(times))
        else:
            self.enabled = False

    def _after(self, duration: str, action: Callable[[], None]) -> None:
        cycle = self._cycle

        def due() -> None:
            with self.lock:
                if cycle == self._cycle:
                    action()

        self.clock.call_at(self.clock.now() + self.settings[duration] * 1e-3, due)

    def _move(self, is_open: bool) -> None:
        self.port.command(is_open, self.clock.now_ps())
