r"""Toptica DLC pro: controller for one or two external-cavity diode lasers, on its TCP command line (port 1998).

Commands, types and parameters are those that Toptica's own client uses (toptica-lasersdk 3.3.0, model 3.3.3). A question is one line, its
answer a value and a prompt: ``(param-ref 'laser1:emission)\n`` and ``#t\n> ``. No answer says which question it belongs to, so a connection
on which anything went wrong is given up, and a new one begins behind its banner.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from qcodes.instrument import Instrument, InstrumentModule

from ...clock import Clock, SystemClock
from ...errors import ConfigError, DeviceError, DeviceFault, DeviceProtocolError
from ...instruments import Laser
from ...instruments.base import Tolerance
from ...instruments.parameter import RoleParameter
from ..streams import Stream, open_stream
from ..transport import Connection

_PROMPT = b"\n> "
_GREETING = b"DeCoF Command Line"
_LONGEST_BANNER = 4096
_INTEGER = re.compile(r"[+-]?\d{1,9}")
_REAL = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,3})?")
_INTERLOCK = ("interlock-open", "frontkey-locked", "emission-button-enabled")
_LOCK_STATES = range(10)
_LOCKED = 5
_POLL = 0.02  # s between two looks at something that takes its time
_MILLI = 1e-3
_ZERO_CELSIUS = 273.15  # K


class DlcPro(Instrument):
    """The controller; its heads ``laser1`` and ``laser2`` are lasers of their own.

    Loading this driver changes nothing at the device.

    Args:
        name: of the instrument.
        address: ``socket://host:1998``.
        laser1: arguments of :class:`DlcLaser` for the first head, e.g. ``{"setpoint_limits": [0.0, 0.15]}``; None where it is not used.
        laser2: those for the second.
        timeout: for an answer, s of wall time.
        clock: where time comes from; real time by default.
        **kwargs: see :class:`qcodes.instrument.Instrument`.

    Raises:
        ConfigError: no head is used.
        DeviceConnectionError: nothing answers at the address, or no DeCoF command line.
        DeviceFault: the device has no such head.
    """

    def __init__(
        self,
        name: str,
        address: str,
        *,
        laser1: Mapping[str, Any] | None = None,
        laser2: Mapping[str, Any] | None = None,
        timeout: float = 2.0,
        clock: Clock | None = None,
        **kwargs: Any,  # noqa: ANN401 - for QCoDeS
    ) -> None:
        heads = {head: dict(given) for head, given in (("laser1", laser1), ("laser2", laser2)) if given is not None}
        if not heads:
            raise ConfigError(f"{name}: a DLC pro needs `laser1` or `laser2`, e.g. laser1: {{setpoint_limits: [0.0, 0.15]}} (A)")
        self.clock: Clock = SystemClock() if clock is None else clock
        # Not drained, but read to the prompt: a new TCP connection holds nothing stale. Instrument.close() closes it.
        self.connection = Connection(name, address, timeout=timeout, quiet=0.0, opener=_open_at_prompt)
        self._known: dict[str, str] = {}
        super().__init__(name, **kwargs)
        try:
            for head, given in heads.items():
                self.add_submodule(head, DlcLaser(self, head, **given))
            self.connect_message()
            for head in heads:
                self.read_text(f"{head}:type")
        except (DeviceError, ConfigError, TypeError):
            self.close()
            raise
        self.log.warning("this driver has never met a real DLC pro, only a simulated one; watch the laser before you rely on it")

    def get_idn(self) -> dict[str, str | None]:
        """Vendor, model, serial number and firmware."""
        model, serial, firmware = (self.read_text(name) for name in ("system-type", "serial-number", "fw-ver"))
        return {"vendor": "Toptica", "model": model, "serial": serial, "firmware": firmware}

    def read_bool(self, name: str) -> bool:
        """A parameter that is ``#t`` or ``#f``; nothing else will do."""
        command, answer = self._read(name)
        if answer not in ("#t", "#f"):
            raise self._refuse("the answer must be #t or #f", command, answer)
        return answer == "#t"

    def read_int(self, name: str) -> int:
        """A parameter that is a whole number."""
        command, answer = self._read(name)
        if not _INTEGER.fullmatch(answer):
            raise self._refuse("the answer must be a whole number", command, answer)
        return int(answer)

    def read_real(self, name: str) -> float:
        """A parameter that is a number, in the device's unit."""
        command, answer = self._read(name)
        if not _REAL.fullmatch(answer):
            raise self._refuse("the answer must be a number", command, answer)
        return float(answer)

    def read_text(self, name: str) -> str:
        """A parameter that is a string; it may hold any characters."""
        command, answer = self._read(name)
        if len(answer) < 2 or not answer[0] == answer[-1] == '"':
            raise self._refuse("the answer must be a string in quotes", command, answer)
        return answer[1:-1]

    def write_value(self, name: str, value: bool | float) -> None:
        """Set a parameter, in the device's unit.

        Raises:
            DeviceFault: the device refuses it.
            DeviceProtocolError: the answer is no status.
        """
        text = ("#t" if value else "#f") if isinstance(value, bool) else repr(float(value))
        command = f"(param-set! '{name} {text})"
        answer = self._ask(command)
        status = answer.rpartition("\n")[2]  # a command may print something first
        if not _INTEGER.fullmatch(status):
            raise self._refuse("the answer must end with a status", command, answer)
        if int(status) < 0:
            raise DeviceFault(
                self.full_name, "the device refuses the setting; check its limits and the user level", command=command, reply=status
            )
        if int(status) > 0:
            self.log.warning("%s was answered by the warning %s", command, status)

    def execute(self, name: str) -> None:
        """Have the device carry out a command that gives nothing back.

        Raises:
            DeviceFault: the device refuses it.
        """
        self._ask(f"(exec '{name})")

    @contextmanager
    def at_once(self, names: Sequence[str]) -> Iterator[None]:
        """Ask for several parameters in one question; in the block, reading one of them gives what that moment's answer says.

        None of them may be a string: it could hold blanks.

        Raises:
            DeviceFault: the device refuses the command.
            DeviceProtocolError: these are not as many values.
        """
        references = " ".join(f",(param-ref '{name})" for name in names)
        command = f"`({references})"
        with self.connection.lock:
            answer = self._ask(command)
            values = answer[1:-1].split()
            if answer[:1] + answer[-1:] != "()" or len(values) != len(names):
                raise self._refuse(f"the answer must be a list of {len(names)} values", command, answer)
            self._known = dict(zip(names, values, strict=True))
            try:
                yield
            finally:
                self._known = {}

    def _read(self, name: str) -> tuple[str, str]:
        command = f"(param-ref '{name})"
        known = self._known.get(name)
        return command, self._ask(command) if known is None else known

    def _ask(self, command: str) -> str:
        with self.connection.exchange(command) as line:
            line.write(f"{command}\n".encode("ascii"))
            reply = line.read_until(_PROMPT)
            try:
                answer = reply.decode("utf-8").removesuffix("\r")
            except UnicodeDecodeError as error:
                raise line.refuse("the answer is not UTF-8 text", reply) from error
        if answer.rpartition("\n")[2].lower().startswith("error") or answer.lower().startswith("error"):
            raise DeviceFault(self.full_name, "the device refuses the command", command=command, reply=_shown(answer))
        return answer

    def _refuse(self, message: str, command: str, answer: str) -> DeviceProtocolError:
        return DeviceProtocolError(self.full_name, message, command=command, reply=_shown(answer))


class DlcLaser(Laser, InstrumentModule):
    """One head with a single diode; its set-point is the diode current.

    The switch is the current driver of the diode; an amplifier behind it is left alone. Interlock, key and front button count as one
    interlock: with any of them, the device gives no light.

    Args:
        parent: the controller.
        name: ``"laser1"`` or ``"laser2"``.
        has_lock: False for a laser that runs free, whatever its lock module says.
        switch_time: how long the light may take to come or go, s.
        **kwargs: see :class:`~eventready.instruments.Laser`: ``setpoint_limits`` in A.
    """

    setpoint_unit = "A"
    setpoint_tolerance = Tolerance(relative=1e-6, absolute=1e-9)

    def __init__(
        self,
        parent: DlcPro,
        name: str,
        *,
        has_lock: bool = True,
        switch_time: float = 1.0,
        **kwargs: Any,  # noqa: ANN401 - for the role
    ) -> None:
        self._device = parent
        self._head = name
        self._has_lock = has_lock
        self._switch_time = switch_time
        flags = ("emission", "dl:cc:emission", "dl:tc:ready", *(("dl:lock:state",) if has_lock else ()))
        self._readiness = (*_INTERLOCK, *(f"{name}:{flag}" for flag in flags))
        super().__init__(parent, name, clock=parent.clock, lock=parent.connection.lock, **kwargs)
        self.current: RoleParameter[float] = self.add_parameter(
            "current",
            RoleParameter,
            read=lambda: parent.read_real(f"{name}:dl:cc:current-act") * _MILLI,
            unit="A",
            snapshot_get=False,
            docstring="Get the current that flows through the diode (A).",
        )
        self.temperature: RoleParameter[float] = self.add_parameter(
            "temperature",
            RoleParameter,
            read=lambda: parent.read_real(f"{name}:dl:tc:temp-act") + _ZERO_CELSIUS,
            unit="K",
            snapshot_get=False,
            docstring="Get the temperature of the diode (K).",
        )

    def set_locking(self, on: bool) -> None:
        """Have the lock look for its line and hold it, or let go. Whether it has found it, :attr:`locked` tells.

        Raises:
            DeviceFault: the device did not do it.
        """
        with self.lock:
            self._device.execute(f"{self._head}:dl:lock:{'close' if on else 'open'}")
            self._require_followed("lock-enabled", on, self._flag("dl:lock:lock-enabled"))

    def _do_set_emission(self, on: bool) -> None:
        self._device.write_value(f"{self._head}:dl:cc:enabled", on)
        # Behind an open interlock it is dark in any case, but must also stay so when that closes.
        self._require_followed("dl:cc:enabled", on, self._flag("dl:cc:enabled"))
        if not self._reached(lambda: self._emission_flags() == {on}, self._switch_time, _POLL) and on:
            status = _shown(self._device.read_text(f"{self._head}:dl:cc:status-txt"))
            raise DeviceFault(self.full_name, f"no light within {self._switch_time:g} s; the current driver says {status!r}")

    def _do_emission(self) -> bool:
        flags = self._emission_flags()
        if len(flags) > 1:
            raise DeviceFault(self.full_name, "laser and current driver disagree about emission; take it as on, and check at the device")
        return flags.pop()

    def _do_set_power(self, value: float) -> None:
        self._device.write_value(f"{self._head}:dl:cc:current-set", round(value / _MILLI, 6))

    def _do_power(self) -> float:
        return self._device.read_real(f"{self._head}:dl:cc:current-set") * _MILLI

    def _do_locked(self) -> bool | None:
        if not self._has_lock:
            return None
        state = self._device.read_int(f"{self._head}:dl:lock:state")
        if state not in _LOCK_STATES:
            raise DeviceProtocolError(self.full_name, "there is no such lock state", reply=str(state))
        return state == _LOCKED

    def _do_interlock_closed(self) -> bool:
        is_open, key_locked, button = map(self._device.read_bool, _INTERLOCK)
        return button and not is_open and not key_locked

    def _do_at_once(self) -> AbstractContextManager[None]:
        """All that readiness asks, in one question and of one moment."""
        return self._device.at_once(self._readiness)

    def _do_reasons(self) -> Iterator[str]:
        if not self._flag("dl:tc:ready"):
            yield "the temperature has not settled"

    def _flag(self, name: str) -> bool:
        return self._device.read_bool(f"{self._head}:{name}")

    def _emission_flags(self) -> set[bool]:
        """What the laser and its current driver say: a flag that is stuck must not pass for darkness, nor for light."""
        return {self._flag("emission"), self._flag("dl:cc:emission")}


def _open_at_prompt(address: str, timeout: float) -> Stream:
    """Open a command line and read its banner to the end, in however many pieces it comes."""
    stream = open_stream(address, timeout)
    banner, deadline = b"", time.monotonic() + timeout
    try:
        while not banner.endswith(_PROMPT):
            data = stream.read(_LONGEST_BANNER, _PROMPT, max(0.0, deadline - time.monotonic()))
            banner += data
            if not data or len(banner) > _LONGEST_BANNER:
                raise ConnectionError("it did not greet as a DeCoF command line does")
        if _GREETING not in banner:
            raise ConnectionError("it is no DeCoF command line")
    except OSError:
        stream.close()
        raise
    return stream


def _shown(answer: str) -> str:
    return answer[:80].encode("ascii", "backslashreplace").decode("ascii")
