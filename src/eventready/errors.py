"""The errors of eventready: one small tree, every message says what was wrong, where, and what to do.

Secrets (settings, outcomes, key bits, pool offsets) never appear in a message.
"""

from __future__ import annotations


class EventreadyError(Exception):
    """Base of every error that eventready raises on purpose."""

    def __str__(self) -> str:
        # QCoDeS adds to the arguments of what a parameter raises; the message must stay what it was.
        return str(self.args[0]) if self.args else ""


class ConfigError(EventreadyError):
    """A station, link or preset file, or a command's input, is wrong. No instrument has been touched."""


class DeviceError(EventreadyError):
    """Base of the errors that concern one device.

    Args:
        device: name of the instrument.
        message: what was wrong and what to do.
        command: what was sent, where that is known.
        reply: what came back, where that is known.
    """

    def __init__(self, device: str, message: str, *, command: str | None = None, reply: str | None = None) -> None:
        self.device = device
        self.command = command
        self.reply = reply
        details = [f"{label} {value!r}" for label, value in (("command", command), ("reply", reply)) if value is not None]
        self._text = f"{device}: {message}" + (f" ({', '.join(details)})" if details else "")
        super().__init__(self._text)

    def __str__(self) -> str:
        return self._text


class DeviceConnectionError(DeviceError):
    """A device cannot be reached, or the connection to it broke."""


class DeviceProtocolError(DeviceError):
    """A device answered something that its protocol does not allow at this point."""


class DeviceFault(DeviceError):
    """A device reports a fault of its own, or did not do what it was told."""


class InterlockOpen(DeviceFault):
    """A safety interlock forbids the command."""


class NotReady(EventreadyError):
    """Something that must be ready before a herald may be accepted is not; nothing has been drawn or recorded."""


class SequenceError(EventreadyError):
    """A sequence, or the order of a round, is not allowed, or a target cannot play it."""


class MessageLost(EventreadyError):
    """A message between two nodes was lost, or has not come in time. The run has ended, both counters stand, and it can be resumed."""


class HeraldsDiffer(EventreadyError):
    """A party was told of other heralds than the heralding station accepted. None of the rounds in question is in the party's log."""


class LogCorrupt(EventreadyError):
    """A round log is damaged in a way that a crash cannot explain. It is never skipped over."""


class KeyPoolError(EventreadyError):
    """Secret bits would be used twice, or there are not enough of them."""


class AuthenticationFailed(EventreadyError):
    """A message does not fit its tag, so it is not what the other party said, here and now. Nothing of it may be used."""


class SessionError(EventreadyError):
    """A session between two parties cannot go on as it should; whatever was refused has not been used."""
