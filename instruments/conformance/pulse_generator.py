"""What every pulse generator must do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ...errors import NotReady
from ..pulse_generator import PulseGenerator, PulseStep, PulseTable
from .base import Command, RoleConformance


class PulseGeneratorConformance(RoleConformance[PulseGenerator]):
    """For implementations of :class:`~eventready.instruments.PulseGenerator`.

    ``truth`` may have ``table() -> PulseTable`` (what the device would play).
    """

    role = PulseGenerator
    reads = frozenset({"armed", "running"})

    @pytest.fixture
    def table(self, device: PulseGenerator) -> PulseTable:
        """Something that the device can play until it is stopped."""
        return PulseTable((PulseStep(100 * device.grid_ps, 1), PulseStep(200 * device.grid_ps, 0)), runs=None)

    @pytest.fixture(autouse=True)
    def _remember_table(self, table: PulseTable) -> None:
        self._table = table

    def prepare(self, device: PulseGenerator) -> None:
        """Load."""
        device.load(self._table)

    def commands(self, device: PulseGenerator) -> Mapping[str, Command]:
        """Everything but the trigger, which is no state."""
        return {
            **super().commands(device),
            "arm": device.arm,
            "armed": device.armed,
            "running": device.running,
            "stop": device.stop,
            "load": lambda: device.load(self._table),
        }

    def changes(self, device: PulseGenerator) -> Mapping[str, Command]:
        """Armed."""
        return {"arm": device.arm}

    def assert_safe(self, device: PulseGenerator, truth: object | None) -> None:
        """Stopped and disarmed."""
        assert device.running() is False
        assert device.armed() is False

    def test_it_plays_on_a_trigger(self, device: PulseGenerator, truth: object | None) -> None:
        """Armed, then playing, then stopped; a trigger that nobody waits for is refused."""
        device.load(self._table)
        if hasattr(truth, "table"):
            assert truth.table() == self._table
        device.arm()
        assert device.armed() is True
        device.trigger()
        assert device.armed() is False
        assert device.running() is True
        with pytest.raises(NotReady):
            device.trigger()
        with pytest.raises(NotReady):
            device.arm()
        device.stop()
        assert device.running() is False
