"""What every random source must do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ...errors import DeviceFault, KeyPoolError, NotReady
from ..random_source import RandomSource
from .base import Command, RoleConformance, able


class RandomSourceConformance(RoleConformance[RandomSource]):
    """For implementations of :class:`~eventready.instruments.RandomSource`.

    ``truth`` may have ``stick()`` (from now on the device repeats itself), ``latch(bits, time_ps)`` (the hardware latches an input).
    """

    role = RandomSource
    reads = frozenset({"raw_samples"})

    def commands(self, device: RandomSource) -> Mapping[str, Command]:
        """Bits, and what kind of bits; neither is a state."""
        return {"draw": lambda: device.draw(8), "raw_samples": device.raw_samples}

    def assert_safe(self, device: RandomSource, truth: object | None) -> None:
        """No unused byte is left."""
        assert device.pool_bytes() == 0

    def test_bits_are_fresh(self, device: RandomSource) -> None:
        """Two draws, and two fillings, have nothing in common (false alarm: 2^-128 each)."""
        assert device.draw(128) != device.draw(128)
        device.fill_pool(16)
        device.fill_pool(16)
        assert device.take(0, 16) != device.take(16, 16)

    def test_bits_are_both(self, device: RandomSource) -> None:
        """Single bits take both values (false alarm: 2^-99), and only these."""
        assert {device.draw(1) for _ in range(100)} == {0, 1}

    def test_no_bits_in_snapshots(self, device: RandomSource) -> None:
        """Neither drawn nor pooled bits can be found in a snapshot or a repr."""
        device.fill_pool(16)
        text = repr(device) + str(device.snapshot(update=True))
        secret = device.take(0, 16)
        assert not any(form in text for form in (secret.hex(), str(secret), str(int.from_bytes(secret, "little"))))

    def test_a_stuck_source_is_refused(self, device: RandomSource, truth: object | None) -> None:
        """A source that repeats itself raises an alarm that stays until it is reset, and takes the pool with it."""
        stick = able(truth, "stick")
        device.fill_pool(16)
        stick()
        with pytest.raises(DeviceFault):
            device.fill_pool(4096)
        for attempt in (lambda: device.draw(1), lambda: device.fill_pool(1), lambda: device.take(0, 1), device.read_latched):
            with pytest.raises(DeviceFault):
                attempt()
        assert device.health_alarm()
        assert not device.readiness().ok
        device.reset_health()
        with pytest.raises(KeyPoolError):
            device.take(0, 1)
        with pytest.raises(DeviceFault):
            device.draw(8192)  # still stuck

    def test_a_latch_is_read_once(self, device: RandomSource, truth: object | None) -> None:
        """What the hardware latched comes back with its time, in order, once."""
        latch = able(truth, "latch")
        times_ps = [device.clock.now_ps() + 1000 * i for i in (1, 2)]
        for bits, time_ps in enumerate(times_ps):
            latch(bits, time_ps)
        assert [tuple(device.read_latched()) for _ in times_ps] == list(enumerate(times_ps))
        with pytest.raises(NotReady):
            device.read_latched()
