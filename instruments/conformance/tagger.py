"""What every time tagger must do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..tagger import TimeTagger
from .base import Command, RoleConformance, able


class TimeTaggerConformance(RoleConformance[TimeTagger]):
    """For implementations of :class:`~eventready.instruments.TimeTagger`.

    ``truth`` may have ``click(times_ps, channels)`` (rising times since the start; may be called again with later ones) and
    ``lose(start_ps, end_ps)`` (tags are lost in that time).
    """

    role = TimeTagger
    reads = frozenset({"running"})
    channels: tuple[int, ...] = (1, 2)
    """Channels that the device has."""
    tick_ps: int = 10_000
    """The tests click at multiples of this."""

    def prepare(self, device: TimeTagger) -> None:
        """Start."""
        device.start(self.channels)

    def commands(self, device: TimeTagger) -> Mapping[str, Command]:
        """Start, read, stop."""
        return {
            **super().commands(device),
            "start": lambda: device.start(self.channels),
            "read": device.read,
            "running": device.running,
            "stop": device.stop,
        }

    def changes(self, device: TimeTagger) -> Mapping[str, Command]:
        """Start."""
        return {"start": lambda: device.start(self.channels)}

    def assert_safe(self, device: TimeTagger, truth: object | None) -> None:
        """Stopped."""
        assert device.running() is False

    def test_stopped_after_construction(self, device: TimeTagger) -> None:
        """Connecting to a tagger starts nothing."""
        assert device.running() is False

    def test_an_empty_block_is_a_block(self, device: TimeTagger) -> None:
        """Types are right also where nothing has happened."""
        device.start(self.channels)
        device.read()
        block = device.read()
        assert block.times_ps.dtype == np.int64
        assert block.channels.dtype == np.int16

    def test_tags_come_once_and_in_order(self, device: TimeTagger, truth: object | None) -> None:
        """All that clicked, when and where it clicked; starting what runs loses nothing."""
        click = able(truth, "click")
        device.start(self.channels)
        first, second = self.channels[:2]
        expected: list[tuple[int, int]] = []
        for burst in range(3):
            tags = [((10 * burst + i + 1) * self.tick_ps, (first, second)[i % 2]) for i in range(4)]
            click([time for time, _ in tags], [channel for _, channel in tags])
            device.start(self.channels)
            block = device.read()
            assert not block.losses
            expected = [*zip(block.times_ps.tolist(), block.channels.tolist(), strict=True)]
            assert expected == tags
        assert len(device.read().times_ps) == 0

    def test_a_restart_forgets(self, device: TimeTagger, truth: object | None) -> None:
        """Tags of an acquisition before are not handed over in the next one."""
        click = able(truth, "click")
        device.start(self.channels)
        click([self.tick_ps], [self.channels[0]])
        device.stop()
        device.start(self.channels)
        assert len(device.read().times_ps) == 0

    def test_losses_are_told(self, device: TimeTagger, truth: object | None) -> None:
        """When tags are lost, an interval that covers the time says so."""
        lose = able(truth, "lose")
        device.start(self.channels)
        lose(2 * self.tick_ps, 3 * self.tick_ps)
        losses = device.read().losses
        assert any(loss.start_ps <= 2 * self.tick_ps and loss.end_ps >= 3 * self.tick_ps for loss in losses), losses
