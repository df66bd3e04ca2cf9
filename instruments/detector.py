"""The single-photon detector role."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from qcodes.parameters import Parameter
from qcodes.validators import Bool, Numbers

from ..errors import ConfigError, DeviceFault, DeviceProtocolError
from .base import Role, Tolerance, as_limits
from .parameter import RoleParameter


@dataclass(slots=True)
class _Overload:
    """Whether an overload was seen since the last reset. A plain object: an attribute of an instrument is slow."""

    seen: bool = False


class SinglePhotonDetector(Role):
    """A single-photon detector, avalanche or superconducting. Safe is: disabled.

    Args:
        bias_limits: in :attr:`bias_unit`.
        threshold_limits: of the discriminator, V.
        dark_rate: as calibrated, 1/s; None where it has not been measured.
        *args: see :class:`~.base.Role`.
        **kwargs: see :class:`~.base.Role`.
    """

    role = "single_photon_detector"
    bias_unit: ClassVar[str] = "V"
    """``"V"`` for an avalanche diode, ``"A"`` for a superconducting wire."""
    bias_tolerance: ClassVar[Tolerance] = Tolerance(relative=1e-3)
    """How far the device may round or regulate the bias."""
    threshold_tolerance: ClassVar[Tolerance] = Tolerance(relative=1e-3, absolute=1e-3)
    """How far the device may round the threshold, V."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - cooperative constructor
        bias_limits: Iterable[float],
        threshold_limits: Iterable[float],
        dark_rate: float | None = None,
        **kwargs: Any,  # noqa: ANN401 - cooperative constructor
    ) -> None:
        super().__init__(*args, **kwargs)
        self.bias_limits = as_limits(f"{self.full_name}.bias_limits", bias_limits)
        self.threshold_limits = as_limits(f"{self.full_name}.threshold_limits", threshold_limits)
        self.__overload = _Overload()
        self._add_settings()
        self._add_measurements(dark_rate)

    def _add_settings(self) -> None:
        self.enabled: RoleParameter[bool] = self.add_parameter(
            "enabled",
            RoleParameter,
            read=self._read_enabled,
            write=self.set_enabled,
            vals=Bool(),
            docstring="Control whether the detector is biased and counts (bool).",
        )
        self.bias: RoleParameter[float] = self.add_parameter(
            "bias",
            RoleParameter,
            read=self._read_bias,
            write=self.set_bias,
            unit=self.bias_unit,
            vals=Numbers(*self.bias_limits),
            docstring="Control the bias (V of an avalanche diode, A of a superconducting wire).",
        )
        self.threshold: RoleParameter[float] = self.add_parameter(
            "threshold",
            RoleParameter,
            read=self._read_threshold,
            write=self.set_threshold,
            unit="V",
            vals=Numbers(*self.threshold_limits),
            docstring="Control the threshold of the discriminator (V).",
        )

    def _add_measurements(self, dark_rate: float | None) -> None:
        self.integration_time: Parameter[float, Any] = self.add_parameter(
            "integration_time",
            unit="s",
            set_cmd=None,
            initial_value=0.1,
            vals=Numbers(1e-6, 1e5),
            docstring="Control how long count_rate counts (s).",
        )
        self.count_rate: RoleParameter[float] = self.add_parameter(
            "count_rate",
            RoleParameter,
            read=self._measure_rate,
            unit="1/s",
            snapshot_get=False,
            docstring="Measure the count rate, darks included, during the next integration_time (1/s).",
        )
        self.dark_rate: Parameter[float, Any] = self.add_parameter(
            "dark_rate",
            unit="1/s",
            set_cmd=None,
            initial_cache_value=dark_rate,
            vals=Numbers(0, math.inf),
            docstring="Control the stored calibration of the dark count rate (1/s); None where it has not been measured.",
        )
        self.overloaded: RoleParameter[bool] = self.add_parameter(
            "overloaded",
            RoleParameter,
            read=self.is_overloaded,
            docstring="Get whether the detector latched or was overloaded since the last reset_overload() (bool).",
        )

    def set_enabled(self, on: bool) -> None:
        """Switch bias and counting on or off.

        Raises:
            DeviceFault: the device did not do it.
        """
        with self.lock:
            self._do_set_enabled(on)
            self._require_followed("detector", on, self._do_enabled())

    def set_bias(self, value: float) -> None:
        """Set the bias, in :attr:`bias_unit`.

        Raises:
            ConfigError: outside the limits; the device has not been touched.
            DeviceFault: the device took another value.
        """
        self._set_checked(self.bias, value, self.bias_limits, self._do_set_bias, self._do_bias, self.bias_tolerance)

    def set_threshold(self, value: float) -> None:
        """Set the threshold of the discriminator, V.

        Raises:
            ConfigError: outside the limits; the device has not been touched.
            DeviceFault: the device took another value.
        """
        self._set_checked(
            self.threshold, value, self.threshold_limits, self._do_set_threshold, self._do_threshold, self.threshold_tolerance
        )

    def count(self, duration_s: float) -> int:
        """Count during the next ``duration_s`` seconds; the clock moves on by that.

        Returns:
            Number of clicks.

        Raises:
            ConfigError: ``duration_s`` is not a positive time.
            DeviceFault: the detector is overloaded or latched, so that the number means nothing.
        """
        return self.counter(duration_s)()

    def counter(self, duration_s: float) -> Callable[[], int]:
        """Look everything up once and count often: what it returns is :meth:`count` of ``duration_s``, with the same checks.

        Raises:
            ConfigError: ``duration_s`` is not a positive time.
        """
        if not 0 < duration_s < math.inf:
            raise ConfigError(f"{self.full_name}: cannot count for {duration_s!r} s")
        lock, overload, do_count, do_overloaded = self.lock, self.__overload, self._do_counter(duration_s), self._do_overload_probe()

        def count() -> int:
            lock.acquire()  # in the round loop half the price of ``with``
            try:
                counts = do_count()
                if overload.seen or do_overloaded():
                    overload.seen = True
                    raise DeviceFault(
                        self.full_name, "overloaded or latched, its counts mean nothing; remove the light, then reset_overload()"
                    )
            finally:
                lock.release()
            if counts < 0:
                raise DeviceProtocolError(self.full_name, "reported a negative number of counts")
            return counts

        return count

    def is_overloaded(self) -> bool:
        """Whether the detector latched or was overloaded since the last :meth:`reset_overload`."""
        return self.overload_probe()()

    def overload_probe(self) -> Callable[[], bool]:
        """Look everything up once and ask often: what it returns is :meth:`is_overloaded`."""
        lock, overload, do_overloaded = self.lock, self.__overload, self._do_overload_probe()

        def is_overloaded() -> bool:
            lock.acquire()
            try:
                if not overload.seen and do_overloaded():
                    overload.seen = True
                return overload.seen
            finally:
                lock.release()

        return is_overloaded

    def reset_overload(self) -> None:
        """Forget that the detector was overloaded, and free it if it has latched."""
        with self.lock:
            self._do_reset_overload()
            self.__overload.seen = False

    def free(self, recovery_s: float) -> bool:
        """Try to free it if it is overloaded or has latched: bias off and on again; nothing happens to one that is in order.

        Whatever latched it may be there still. So after the reset it is given the same time once more, and asked again.

        Args:
            recovery_s: how long it is left without bias, s.

        Returns:
            Whether it is in order now; it is on then.

        Raises:
            ConfigError: ``recovery_s`` is not a positive time.
            DeviceFault: bias did not go off or come back; it counts as overloaded still.
        """
        if not 0 < recovery_s < math.inf:
            raise ConfigError(f"{self.full_name}: cannot recover in {recovery_s!r} s")
        with self.lock:
            if self.is_overloaded():
                self.set_enabled(False)
                self.clock.sleep(recovery_s)
                self.set_enabled(True)
                self.reset_overload()  # last of all: one whose bias does not come back is not in order
                self.clock.sleep(recovery_s)
            return not self.is_overloaded()

    def _measure_rate(self) -> float:
        duration_s = self.integration_time.cache()
        return self.count(duration_s) / duration_s

    def _read_enabled(self) -> bool:
        with self.lock:
            return self._do_enabled()

    def _read_bias(self) -> float:
        with self.lock:
            return self._do_bias()

    def _read_threshold(self) -> float:
        with self.lock:
            return self._do_threshold()

    def _role_reasons(self) -> Iterator[str]:
        if not self._do_enabled():
            yield "the detector is disabled"
        if self.is_overloaded():
            yield "overloaded or latched since the last reset"

    def _do_make_safe(self) -> None:
        self._do_set_enabled(False)

    def _require_safe(self) -> None:
        self._require_followed("detector", False, self._read_enabled())

    @abstractmethod
    def _do_set_enabled(self, on: bool) -> None:
        """Switch bias and counting."""

    @abstractmethod
    def _do_enabled(self) -> bool:
        """Ask the device whether it is biased and counts."""

    @abstractmethod
    def _do_set_bias(self, value: float) -> None:
        """Set the bias, in ``bias_unit``, and let it settle."""

    @abstractmethod
    def _do_bias(self) -> float:
        """Ask the device for its bias, in ``bias_unit``."""

    @abstractmethod
    def _do_set_threshold(self, value: float) -> None:
        """Set the threshold, V."""

    @abstractmethod
    def _do_threshold(self) -> float:
        """Ask the device for its threshold, V."""

    @abstractmethod
    def _do_count(self, duration_s: float) -> int:
        """Count clicks from now on for ``duration_s``; counts of an earlier window must not be returned."""

    def _do_counter(self, duration_s: float) -> Callable[[], int]:
        """What counts for ``duration_s``; a driver that can look something up beforehand overrides this."""
        return partial(self._do_count, duration_s)

    def _do_overload_probe(self) -> Callable[[], bool]:
        """What asks the device; a driver that can look something up beforehand overrides this."""
        return self._do_overloaded

    @abstractmethod
    def _do_overloaded(self) -> bool:
        """Ask the device whether it is or was overloaded or latched; False where it cannot tell."""

    @abstractmethod
    def _do_reset_overload(self) -> None:
        """Free a latched detector and clear the device's own flag."""
