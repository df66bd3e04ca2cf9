"""What every shutter must do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ..shutter import Position, Shutter
from .base import Command, FaultLine, RoleConformance, able


class ShutterConformance(RoleConformance[Shutter]):
    """For implementations of :class:`~eventready.instruments.Shutter`.

    ``truth`` may have ``position() -> Position``, ``move_by_hand(is_open)`` (the blade moves, and nobody told the driver).
    """

    role = Shutter
    reads = frozenset({"position"})

    def commands(self, device: Shutter) -> Mapping[str, Command]:
        """Both ways, each to its end."""

        def close() -> None:
            device.set_open(False)
            device.wait_for(Position.CLOSED, device.travel_timeout)

        return {
            "open.set": lambda: device.open(True),
            "position": device.position,
            "set_open": close,
            "wait_for": lambda: device.wait_for(Position.CLOSED, device.travel_timeout),
            **super().commands(device),
        }

    def changes(self, device: Shutter) -> Mapping[str, Command]:
        """Open; where the position is not measured, nobody can notice."""
        return {"open.set": lambda: device.open(True)} if device.confirmed else {}

    def assert_safe(self, device: Shutter, truth: object | None) -> None:
        """Closed."""
        assert device.position() is Position.CLOSED
        if hasattr(truth, "position"):
            assert truth.position() is Position.CLOSED

    @pytest.mark.parametrize("is_open", [True, False])
    def test_both_ends_are_reached_and_kept(self, device: Shutter, truth: object | None, is_open: bool) -> None:
        """A command given twice, or given where the blade is already, is no toggle."""
        wanted = Position.OPEN if is_open else Position.CLOSED
        device.set_open(is_open)
        device.set_open(is_open)
        device.wait_for(wanted, device.travel_timeout)
        device.set_open(is_open)
        device.wait_for(wanted, device.travel_timeout)
        assert device.position() is wanted
        assert device.open() is is_open
        if hasattr(truth, "position"):
            assert truth.position() is wanted

    def test_confirmed_is_said(self, device: Shutter) -> None:
        """Measured or merely commanded: True or False, nothing between."""
        assert isinstance(device.confirmed, bool)

    def test_confirmed_is_no_memory(self, device: Shutter, truth: object | None) -> None:
        """A position that is called confirmed follows the blade, not the last command."""
        if not device.confirmed:
            pytest.skip("the position is merely commanded, and says so")
        move = able(truth, "move_by_hand")
        for is_open in (True, False):
            move(is_open)
            device.wait_for(Position.OPEN if is_open else Position.CLOSED, device.travel_timeout)

    def test_a_stuck_blade_is_reported(self, device: Shutter, fault_line: FaultLine | None) -> None:
        """While the blade stays closed, the position never becomes open."""
        faults = fault_line or pytest.skip("no fault_line")
        if not device.confirmed:
            pytest.skip("the position is merely commanded, and says so")
        device.make_safe()
        faults.ignore_commands()
        device.set_open(True)
        device.clock.sleep(device.travel_timeout)
        assert device.position() is not Position.OPEN

    def test_why_a_blade_is_not_where_it_should_be(self, device: Shutter, fault_line: FaultLine | None) -> None:
        """In words; nothing speaks against a blade that is there, and one that cannot be asked is not."""
        device.open(False)
        assert device.reasons_not_at(Position.CLOSED) == ()
        assert any("closed" in reason for reason in device.reasons_not_at(Position.OPEN))
        if fault_line is not None:
            fault_line.fail_next()
            assert device.reasons_not_at(Position.CLOSED)
