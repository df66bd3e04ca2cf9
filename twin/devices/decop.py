r"""DeCoP, the language of Toptica's controllers, from the device's side: a command line and a monitoring line over a tree of parameters.

Commands and types are those that Toptica's own client uses (toptica-lasersdk 3.3.0). Each answer is a value and a prompt: ``130.25\n> ``.
That client shows no texts of errors, no negative statuses and no layout of a dump: they are chosen here. User level and subscriptions hold
for the device, not for each of its clients.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ...clock import Clock

Value = bool | int | float | str

PROMPT = "\n> "
OK, DENIED, WRONG_TYPE, OUT_OF_RANGE = 0, -3, -5, -6
"""What a setting is answered by."""
NORMAL, READ_ONLY = 3, 4
"""User levels; the mightier, the lower."""

_NAME = r"'([a-z0-9:-]+)"
_ASK = re.compile(rf"\(param-(ref|gsv|disp) {_NAME}\)")
_SET = re.compile(rf"\(param-set! {_NAME} (\S+|\".*\")\)")
_EXEC = re.compile(rf"\(exec {_NAME}((?: .*)?)\)")
_LIST = re.compile(r"`\( *,\(param-ref '[a-z0-9:-]+\)(?: +,\(param-ref '[a-z0-9:-]+\))* *\)")
_LEVEL = re.compile(r' ?([0-4]) "([^"]*)"')
_MONITOR = re.compile(rf"\((?:(add|remove) {_NAME}(?: (\d{{1,9}}))?(?: (\S+))?|change-ul (.*))\)")
_NUMBER = re.compile(r"[+-]?(\d{1,20}(\.\d*)?|\.\d+)([eE][+-]?\d{1,9})?")
_FASTEST = 0.1  # s between two messages about one parameter
_POWER_ON = datetime(2026, 1, 1, tzinfo=UTC)


class Tree(Protocol):
    """The device behind the lines."""

    clock: Clock
    lock: threading.RLock

    def names(self) -> Iterable[str]:
        """All parameters."""

    def value(self, name: str) -> Value | None:
        """What a parameter reads; None where there is no such parameter."""

    def setting(self, name: str) -> Value | None:
        """What a parameter has been set to; None where it cannot be set."""

    def change(self, name: str, value: Value) -> int:
        """Set what can be set, to a value of its type; returns the status."""

    def carry_out(self, name: str) -> bool:
        """Do what ``exec`` asks for; False where there is no such command."""


@dataclass
class Subscription:
    """One parameter on the monitoring line."""

    interval: float
    threshold: float
    last: Value
    due: float

    def wants(self, value: Value, now: float) -> bool:
        """Whether this value is news."""
        if now < self.due or value == self.last:
            return False
        return isinstance(value, str) or isinstance(self.last, str) or abs(value - self.last) >= self.threshold


class Decop:
    """Both lines of a device.

    Args:
        tree: the device.
        push: sends bytes to the clients of the monitoring line.
    """

    def __init__(self, tree: Tree, push: Callable[[bytes], None]) -> None:
        self.passwords = {0: "internal", 1: "service", 2: "maintenance"}
        self.level = NORMAL
        self._tree, self._push = tree, push
        self._subscriptions: dict[str, Subscription] = {}
        self._ticking = False

    def power_on(self) -> None:
        """No subscriptions, and the level of a normal user."""
        self.level = NORMAL
        self.unsubscribe()

    def unsubscribe(self) -> None:
        """Fall silent on the monitoring line."""
        self._subscriptions.clear()

    def command(self, request: bytes) -> bytes:
        """What the command line answers, prompt included."""
        return f"{self._obey(request.decode('utf-8', 'replace').strip())}{PROMPT}".encode()

    def monitor(self, request: bytes) -> bytes:
        """What the monitoring line answers at once."""
        found = _MONITOR.fullmatch(request.decode("utf-8", "replace").strip())
        if found is None:
            return self._complaint("", "2", "parse error")
        verb, name, interval, threshold, level = found.groups()
        if level is not None:
            self._change_level(level)
        elif verb == "remove":
            self._subscriptions.pop(name, None)
        else:
            return self._subscribe(name, max(_FASTEST, int(interval or 0) * 1e-3), decoded(threshold or "0"))
        return b""

    def _obey(self, command: str) -> str:
        if found := _ASK.fullmatch(command):
            return {"ref": self._read, "gsv": self._read_setting, "disp": self._dump}[found[1]](found[2])
        if found := _SET.fullmatch(command):
            return self._set(found[1], decoded(found[2]))
        if found := _EXEC.fullmatch(command):
            return self._execute(found[1], found[2])
        if _LIST.fullmatch(command):
            return f"({' '.join(self._read(name) for _, name in _ASK.findall(command))})"
        return "Error: 2 parse error"

    def _read(self, name: str) -> str:
        return _known(name, self._tree.value(name))

    def _read_setting(self, name: str) -> str:
        return _known(name, self._tree.setting(name))

    def _dump(self, name: str) -> str:
        below = [key for key in self._tree.names() if key == name or key.startswith(f"{name}:")]
        return "\n".join(f"{key} = {self._read(key)}" for key in below) or _known(name, None)

    def _set(self, name: str, value: Value | None) -> str:
        if self._tree.value(name) is None:
            return _known(name, None)
        present = self._tree.setting(name)
        if present is None or self.level == READ_ONLY:
            return str(DENIED)
        if type(value) is int and isinstance(present, float):
            value = float(value)
        if value is None or type(value) is not type(present):
            return str(WRONG_TYPE)
        return str(self._tree.change(name, value))

    def _execute(self, name: str, arguments: str) -> str:
        if name == "change-ul":
            return self._change_level(arguments)
        return "()" if self._tree.carry_out(name) else f"Error: 7 unknown operation '{name}'"

    def _change_level(self, arguments: str) -> str:
        """The level that is in force then: a wrong password leaves it."""
        found = _LEVEL.fullmatch(arguments)
        if found is None:
            return "Error: 8 invalid user level"
        wanted = int(found[1])
        if self.passwords.get(wanted, found[2]) == found[2]:
            self.level = wanted
        return str(self.level)

    def _subscribe(self, name: str, interval: float, threshold: Value | None) -> bytes:
        value = self._tree.value(name)
        if value is None:
            return self._complaint(name, "4", "invalid parameter")
        step = float(threshold) if isinstance(threshold, int | float) else 0.0
        self._subscriptions[name] = Subscription(interval, step, value, self._tree.clock.now() + interval)
        self._wake_up()
        return self._news(name, value)

    def _wake_up(self) -> None:
        if self._subscriptions and not self._ticking:
            self._ticking = True
            self._tree.clock.call_at(self._tree.clock.now() + _FASTEST, self._tick)

    def _tick(self) -> None:
        with self._tree.lock:
            self._ticking = False
            now = self._tree.clock.now()
            for name, subscription in self._subscriptions.items():
                value = self._tree.value(name)
                if value is not None and subscription.wants(value, now):
                    subscription.last, subscription.due = value, now + subscription.interval
                    self._push(self._news(name, value))
            self._wake_up()

    def _news(self, name: str, value: Value) -> bytes:
        return f"({self._stamp()} '{name} {encoded(value)})\n".encode()

    def _complaint(self, name: str, code: str, text: str) -> bytes:
        return f"(Error: {code} ({self._stamp()} '{name}) {text})\n".encode()

    def _stamp(self) -> str:
        now = _POWER_ON + timedelta(seconds=self._tree.clock.now())
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encoded(value: Value) -> str:
    """A value as the device writes it."""
    if isinstance(value, bool):
        return "#t" if value else "#f"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def decoded(text: str) -> Value | None:
    """The value of a literal; None where it is none."""
    if text in ("#t", "#f"):
        return text == "#t"
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    if _NUMBER.fullmatch(text):
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    return None


def _known(name: str, value: Value | None) -> str:
    return f"Error: 4 invalid parameter '{name}'" if value is None else encoded(value)
