"""The pulse generator role: plays a table on trigger, cannot branch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from ..errors import DeviceFault, NotReady, SequenceError
from .base import Role
from .parameter import RoleParameter


class PulseStep(NamedTuple):
    """A state of the outputs and how long it lasts.

    Attributes:
        duration_ps: ps.
        digital: one bit a digital output.
        analog: one voltage an analogue output, V; outputs beyond the end are at 0 V.
    """

    duration_ps: int
    digital: int
    analog: tuple[float, ...] = ()


@dataclass(frozen=True)
class PulseTable:
    """What is played on one trigger.

    Args:
        steps: one after the other, without a gap.
        runs: how often the steps are played; None until stopped.
        idle_digital: digital outputs before and after.
        idle_analog: analogue outputs before and after, V.
    """

    steps: tuple[PulseStep, ...]
    runs: int | None = 1
    idle_digital: int = 0
    idle_analog: tuple[float, ...] = ()


class PulseGenerator(Role):
    """Plays a table of output states on a trigger; it cannot see photons. Safe is: stopped, outputs idle.

    Args:
        *args: see :class:`~.base.Role`.
        **kwargs: see :class:`~.base.Role`.
    """

    role = "pulse_generator"
    digital_outputs: ClassVar[int] = 8
    analog_outputs: ClassVar[int] = 2
    analog_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    """Lowest and highest analogue voltage, V."""
    grid_ps: ClassVar[int] = 1000
    """A duration is a multiple of this."""
    max_duration_ps: ClassVar[int] = (2**32 - 1) * 1000
    """Longest duration of one step."""
    max_steps: ClassVar[int] = 2_000_000

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - cooperative constructor
        super().__init__(*args, **kwargs)
        self.__loaded = False
        self.armed: RoleParameter[bool] = self.add_parameter(
            "armed",
            RoleParameter,
            read=self._read_armed,
            docstring="Get whether the generator waits for a trigger (bool).",
        )
        self.running: RoleParameter[bool] = self.add_parameter(
            "running",
            RoleParameter,
            read=self._read_running,
            docstring="Get whether the table is being played (bool).",
        )

    def load(self, table: PulseTable) -> None:
        """Load a table; what was playing is stopped.

        Raises:
            SequenceError: the device cannot play it; says which step and why. The device has not been touched.
        """
        self._check(table)
        with self.lock:
            self.__loaded = False
            self._do_stop()
            self._do_load(table)
            self.__loaded = True

    def arm(self) -> None:
        """Wait for a trigger; does nothing where the generator already waits.

        Raises:
            NotReady: no table is loaded, or one is being played.
            DeviceFault: the device did not arm.
        """
        with self.lock:
            if not self.__loaded:
                raise NotReady(f"{self.full_name}: no table is loaded")
            if self._do_running():
                raise NotReady(f"{self.full_name}: a table is being played; wait for its end, or stop()")
            if not self._do_armed():
                self._do_arm()
                self._require_followed("trigger input", True, self._do_armed())

    def trigger(self) -> None:
        """Trigger by software.

        Raises:
            NotReady: not armed.
            DeviceFault: the device did not take the trigger.
        """
        with self.lock:
            if not self._do_armed():
                raise NotReady(f"{self.full_name}: not armed, a trigger would be lost")
            self._do_trigger()
            if self._do_armed():
                raise DeviceFault(self.full_name, "still waits after a trigger; check its trigger source")

    def stop(self) -> None:
        """Stop playing and disarm; outputs go idle, the table stays.

        Raises:
            DeviceFault: the device did not stop.
        """
        with self.lock:
            self._do_stop()
            self._require_followed("playing", False, self._do_running())
            self._require_followed("trigger input", False, self._do_armed())

    def _check(self, table: PulseTable) -> None:
        if not 1 <= len(table.steps) <= self.max_steps:
            raise SequenceError(f"{self.full_name}: {len(table.steps)} steps, but it plays 1 to {self.max_steps}")
        if table.runs is not None and table.runs < 1:
            raise SequenceError(f"{self.full_name}: cannot play {table.runs} runs")
        for number, step in enumerate(table.steps):
            if not 0 < step.duration_ps <= self.max_duration_ps or step.duration_ps % self.grid_ps:
                raise SequenceError(
                    f"{self.full_name}: step {number} lasts {step.duration_ps} ps; it plays multiples of {self.grid_ps} ps up to "
                    f"{self.max_duration_ps} ps"
                )
            self._check_outputs(f"step {number}", step.digital, step.analog)
        self._check_outputs("idle state", table.idle_digital, table.idle_analog)

    def _check_outputs(self, where: str, digital: int, analog: tuple[float, ...]) -> None:
        low, high = self.analog_range
        if not 0 <= digital < 1 << self.digital_outputs or len(analog) > self.analog_outputs:
            raise SequenceError(
                f"{self.full_name}: {where} uses more than {self.digital_outputs} digital and {self.analog_outputs} analogue outputs"
            )
        if not all(low <= volts <= high for volts in analog):
            raise SequenceError(f"{self.full_name}: {where} asks for {analog} V, outside {low} to {high} V")

    def _read_armed(self) -> bool:
        with self.lock:
            return self._do_armed()

    def _read_running(self) -> bool:
        with self.lock:
            return self._do_running()

    def _role_reasons(self) -> Iterator[str]:
        if not self.__loaded:
            yield "no table is loaded"
        self._do_running()  # a device that does not answer is not ready

    def _do_make_safe(self) -> None:
        self._do_stop()

    def _require_safe(self) -> None:
        self._require_followed("playing", False, self._read_running())
        self._require_followed("trigger input", False, self._read_armed())

    @abstractmethod
    def _do_load(self, table: PulseTable) -> None:
        """Bring the table into the device, which is stopped."""

    @abstractmethod
    def _do_arm(self) -> None:
        """Wait for a trigger."""

    @abstractmethod
    def _do_trigger(self) -> None:
        """Trigger by software."""

    @abstractmethod
    def _do_stop(self) -> None:
        """Stop playing, disarm, outputs idle; do nothing where that is so."""

    @abstractmethod
    def _do_armed(self) -> bool:
        """Ask the device whether it waits for a trigger."""

    @abstractmethod
    def _do_running(self) -> bool:
        """Ask the device whether it is playing."""
