"""A single-photon detector of the twin."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...clock import Clock
from ...instruments import SinglePhotonDetector
from ...sequences.program import to_ps
from ..ports import DetectorPort
from .base import TwinInstrument, own_clock


class TwinDetector(SinglePhotonDetector, TwinInstrument):
    """An avalanche detector in memory, on the world.

    Args:
        name: of the instrument.
        port: where its light comes from; by default it stands alone in the dark.
        clock: of the node.
        bias_limits: V.
        threshold_limits: V.
    """

    def __init__(
        self,
        name: str,
        port: DetectorPort | None = None,
        clock: Clock | None = None,
        bias_limits: Iterable[float] = (0.0, 400.0),
        threshold_limits: Iterable[float] = (0.0, 2.0),
    ) -> None:
        self._port = DetectorPort() if port is None else port
        self._bias = 300.0
        self._threshold = 0.5
        dark_rate = self._port.dark_rate_hz
        super().__init__(name, clock=own_clock(clock), bias_limits=bias_limits, threshold_limits=threshold_limits, dark_rate=dark_rate)

    def _do_set_enabled(self, on: bool) -> None:
        self._port.set_on(on)

    def _do_enabled(self) -> bool:
        return self._port.on

    def _do_set_bias(self, value: float) -> None:
        self._bias = value

    def _do_bias(self) -> float:
        return self._bias

    def _do_set_threshold(self, value: float) -> None:
        self._threshold = value

    def _do_threshold(self) -> float:
        return self._threshold

    def _do_count(self, duration_s: float) -> int:
        return self._do_counter(duration_s)()

    def _do_counter(self, duration_s: float) -> Callable[[], int]:
        port, now_ps, sleep_until_ps = self._port, self.clock.now_ps, self.clock.sleep_until_ps
        duration_ps = to_ps(duration_s)

        def count() -> int:
            start_ps = now_ps()
            counts = port.count(start_ps, duration_s)
            sleep_until_ps(start_ps + duration_ps)
            return counts

        return count

    def _do_overloaded(self) -> bool:
        return self._port.overloaded

    def _do_overload_probe(self) -> Callable[[], bool]:
        port = self._port
        return lambda: port.overloaded

    def _do_reset_overload(self) -> None:
        self._port.set_overloaded(False)
