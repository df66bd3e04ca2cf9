"""A pulse generator without outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..pulse_generator import PulseGenerator, PulseTable
from .base import MockDevice


@dataclass
class PulseGeneratorState:
    """What a mock pulse generator is; after a trigger it runs until :meth:`MockPulseGenerator.finish` or a stop."""

    table: PulseTable | None = None
    armed: bool = False
    running: bool = False


class MockPulseGenerator(MockDevice, PulseGenerator):
    """A generator that plays nothing."""

    state: PulseGeneratorState

    def __init__(self, name: str, **kwargs: Any) -> None:  # noqa: ANN401 - for the role
        super().__init__(name, **kwargs)
        self.state = PulseGeneratorState()

    def finish(self) -> None:
        """Let the table come to its end."""
        self.state.running = False

    def _do_load(self, table: PulseTable) -> None:
        self._told("load", table, table=table)

    def _do_arm(self) -> None:
        self._told("arm", armed=True)

    def _do_trigger(self) -> None:
        self._told("trigger", armed=False, running=True)

    def _do_stop(self) -> None:
        self._told("stop", armed=False, running=False)

    def _do_armed(self) -> bool:
        return self._asked("armed", self.state.armed)

    def _do_running(self) -> bool:
        return self._asked("running", self.state.running)
