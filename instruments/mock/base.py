"""What all mocks share: a state, a script, a record of calls, and faults on demand."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from qcodes.instrument import Instrument

from ...errors import ConfigError, DeviceConnectionError, DeviceError
from ..base import Role

Answer = TypeVar("Answer")


class Call(NamedTuple):
    """A ``_do_*`` method that was called, without that prefix, and its arguments."""

    name: str
    arguments: tuple[Any, ...] = ()


class MockDevice(Role, Instrument):
    """A device in memory that does what it is told at once.

    Args:
        name: of the instrument.
        script: answers by the name of the ``_do_*`` method without that prefix, e.g. ``{"position": ["moving", "closed"]}``. They are
            given one after the other, an exception is raised; after the last one the mock answers out of its :attr:`state`.
        **kwargs: for the role.
    """

    state: object
    """A dataclass of what the mock is: the truth that the role must not misreport. Tests may set its fields."""

    def __init__(self, name: str, *, script: Mapping[str, Iterable[Any]] | None = None, **kwargs: Any) -> None:  # noqa: ANN401 - for the role
        self.calls: list[Call] = []
        self._deaf = False
        self._fault: DeviceError | None = None
        self._script = {call: deque(answers) for call, answers in (script or {}).items()}
        unknown = [call for call in self._script if not hasattr(type(self), f"_do_{call}")]
        if unknown:
            raise ConfigError(f"{name}: {type(self).__name__} is never asked for {', '.join(unknown)}")
        super().__init__(name, **kwargs)

    def fail_next(self, error: DeviceError | None = None) -> None:
        """Raise ``error`` at the next call, once; by default a broken connection."""
        self._fault = error or DeviceConnectionError(self.full_name, "the connection broke (as the test asked for)")

    def ignore_commands(self) -> None:
        """From now on acknowledge commands and do nothing, like a device with a stuck output."""
        self._deaf = True

    def names(self) -> list[str]:
        """Names of the calls so far, in order."""
        return [call.name for call in self.calls]

    def get_idn(self) -> dict[str, str | None]:
        """A mock's identity."""
        return {"vendor": "eventready", "model": type(self).__name__, "serial": None, "firmware": None}

    def _told(self, name: str, *arguments: object, **changes: object) -> None:
        """A command: recorded, perhaps failed or ignored, else the state changes."""
        self._note(name, arguments)
        if not self._deaf:
            vars(self.state).update(changes)

    def _asked(self, name: str, default: Answer, *arguments: object) -> Answer:
        """A question: recorded, perhaps failed, answered from the script or with ``default``."""
        self._note(name, arguments)
        answers = self._script.get(name)
        if not answers:
            return default
        answer = answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]  # a script holds whatever a test wants

    def _note(self, name: str, arguments: tuple[object, ...]) -> None:
        self.calls.append(Call(name, arguments))
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
