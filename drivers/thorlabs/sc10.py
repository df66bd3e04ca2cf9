r"""Thorlabs SC10: controller for one SH05 or SH1 shutter, on a serial line (9600 baud, 8N1).

Commands: SC10 manual (8654-D02), p. 15. The controller echoes each command and ends each answer with a prompt: ``closed?\r1\r> ``.
It only knows how to toggle: ``ens`` enables what is disabled, and disables what is enabled. So this driver reads before it toggles.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from qcodes.instrument import Instrument

from ...clock import PS_PER_S
from ...errors import DeviceError, DeviceFault, DeviceProtocolError, InterlockOpen
from ...instruments import Position, Shutter
from ...instruments.parameter import RoleParameter
from ..transport import Connection, Exchange

_MODES = {"1": "manual", "2": "auto", "3": "single", "4": "repeat", "5": "external gate"}
_NEEDED = {"mode": "1", "trig": "0"}
"""Settings with which an enabled shutter is an open one: manual mode, internal trigger. In the others it opens and closes by itself."""


class SC10(Shutter, Instrument):
    """A shutter whose controller senses one end of the blade's way: closed.

    Closed means: told to be closed, and seen closed. Open means: told to be open, seen not to be closed, and ``travel_time`` has passed
    since the command, because the SC10 cannot tell a blade that is open from one that is on its way. Where the two contradict each other
    (a stuck blade, a stuck sensor, a mode in which it moves by itself) the position is unknown.

    Loading this driver changes nothing at the device. Opening sets manual mode and internal trigger first, where they are not set already.

    Args:
        name: of the instrument.
        address: serial port (``COM3``, ``/dev/ttyUSB0``), or any other pyserial URL (``socket://host:port``).
        baudrate: 115200 if the controller has been told so (``baud=1``).
        timeout: for an answer, s of wall time; long beside any answer, since a busy PC may look away for most of a second.
        travel_time: longest time from a command until the blade rests, s; from the data sheet of the shutter.
        **kwargs: see :class:`~eventready.instruments.Shutter` and :class:`qcodes.instrument.Instrument`.

    Raises:
        DeviceConnectionError: nothing answers at the address.
        DeviceProtocolError: something does, but no SC10.
    """

    def __init__(
        self,
        name: str,
        address: str,
        *,
        baudrate: int = 9600,
        timeout: float = 2.0,
        travel_time: float = 0.02,
        **kwargs: Any,  # noqa: ANN401 - for the role and for QCoDeS
    ) -> None:
        # Instrument.close() closes what has this name.
        self.connection = Connection(name, address, timeout=timeout, resync=_resynchronise, max_reply=200, baudrate=baudrate)
        super().__init__(name, lock=self.connection.lock, **kwargs)
        self._travel_ps = round(travel_time * PS_PER_S)
        self._rests_at_ps = self.clock.now_ps()
        self._sensor_stuck = False
        self.interlock_tripped: RoleParameter[bool] = self.add_parameter(
            "interlock_tripped",
            RoleParameter,
            read=lambda: self._is_set("interlock?"),
            docstring="Get whether the interlock circuit is open, which keeps the shutter closed (bool).",
        )
        self.mode: RoleParameter[str] = self.add_parameter(
            "mode",
            RoleParameter,
            read=self._read_mode,
            docstring="Get the operating mode (manual, auto, single, repeat or external gate); opening sets it to manual.",
        )
        try:
            self.connect_message()
        except DeviceError:
            self.close()
            raise
        self.log.warning("this driver has never met a real SC10, only a simulated one; watch the shutter before you rely on it")

    @property
    def confirmed(self) -> bool:
        """Measured: there is a sensor where the blade is closed."""
        return True

    def get_idn(self) -> dict[str, str | None]:
        """Vendor, model and firmware; the SC10 does not tell its serial number."""
        text = self._ask("id?")
        if "SC10" not in text:
            raise DeviceProtocolError(self.full_name, "this is no SC10; check the address", command="id?", reply=text)
        version = re.search(r"VERSION\s+(\S+)", text)
        return {"vendor": "Thorlabs", "model": "SC10", "serial": None, "firmware": version[1] if version else None}

    def _do_set_open(self, is_open: bool) -> None:
        if is_open:
            self._prepare_to_open()
        if self._is_set("ens?") == is_open:
            return
        try:
            if not is_open:
                # A sensor that says "closed" of an open shutter will say so after it has been told to close, too: it proves nothing.
                on_its_way = self.clock.now_ps() < self._rests_at_ps
                self._sensor_stuck = self._is_set("closed?") and not on_its_way and self._moves_as_told()
        finally:  # a shutter that cannot be looked at is closed all the same
            self._rests_at_ps = self.clock.now_ps() + self._travel_ps
            self._order("ens")

    def _do_position(self) -> Position:
        on_its_way = self.clock.now_ps() < self._rests_at_ps
        closed = self._is_set("closed?")
        self._sensor_stuck &= closed
        if on_its_way and not closed:
            return Position.MOVING  # whatever it has been told
        told_to_open = self._is_set("ens?")
        if closed and not told_to_open and not self._sensor_stuck:
            return Position.CLOSED
        if on_its_way:
            return Position.MOVING
        return Position.OPEN if told_to_open and not closed else Position.UNKNOWN

    def _do_reasons(self) -> tuple[str, ...]:
        found = {name: self._ask(f"{name}?") for name in _NEEDED}
        reasons = [
            f"{name} is {found[name]}, and not {value}: the blade may move by itself"
            for name, value in _NEEDED.items()
            if found[name] != value
        ]
        return (*reasons, *(["the interlock is tripped"] if self.interlock_tripped() else []))

    def _moves_as_told(self) -> bool:
        return all(self._ask(f"{name}?") == value for name, value in _NEEDED.items())

    def _prepare_to_open(self) -> None:
        if self.interlock_tripped():
            raise InterlockOpen(self.full_name, "the interlock is tripped, so the shutter stays closed; close the interlock circuit")
        for name, value in _NEEDED.items():
            if self._ask(f"{name}?") != value:
                self._order(f"{name}={value}")
                found = self._ask(f"{name}?")
                if found != value:
                    raise DeviceFault(self.full_name, f"{name} was set to {value}, but the device reports {found}; check it at the device")

    def _read_mode(self) -> str:
        answer = self._ask("mode?")
        if answer not in _MODES:
            raise DeviceProtocolError(self.full_name, "there is no such mode", command="mode?", reply=answer)
        return _MODES[answer]

    def _is_set(self, query: str) -> bool:
        answer = self._ask(query)
        if answer not in ("0", "1"):
            raise DeviceProtocolError(self.full_name, "the answer must be 0 or 1", command=query, reply=answer)
        return answer == "1"

    def _order(self, command: str) -> None:
        answer = self._ask(command)
        if answer:
            raise DeviceProtocolError(self.full_name, "a command is answered by the prompt alone", command=command, reply=answer)

    def _ask(self, command: str) -> str:
        """What stands between echo and prompt; the echo proves that it is the answer to this very command."""
        with self.connection.exchange(command) as line:
            line.write(f"{command}\r".encode("ascii"))
            echo, _, answer = line.read_line(b"\r> ").partition("\r")
            if echo != command:
                raise line.refuse("the command was not echoed", echo.encode("ascii"))
        if answer.startswith("Command error"):
            raise DeviceFault(self.full_name, "the device refuses the command", command=command, reply=answer)
        return answer


def _resynchronise(line: Exchange) -> None:
    """Say a word that is no command and has never been said before; when it comes back, all that came before it is stale.

    No carriage return leads: it would carry out a command that an earlier failure left half sent, and that could be ``ens``.
    """
    word = f"sync-{secrets.token_hex(4)}\r".encode("ascii")
    line.write(word)
    line.skip_past(word)
    line.read_until(b"\r> ")
