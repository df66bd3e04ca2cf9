"""A random source whose bytes are known: for tests only."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ...errors import NotReady
from ..health import STARTUP_SAMPLES
from ..random_source import LatchedInput, RandomSource
from .base import MockDevice


@dataclass
class RandomState:
    """What a mock random source is: stuck at a byte value or not, and the latches that have not been read, oldest first."""

    stuck_at: int | None = None
    raw_samples: bool = True
    latched: list[LatchedInput] = field(default_factory=list, repr=False)


class MockRandomSource(MockDevice, RandomSource):
    """A random source whose bytes the test chooses.

    Args:
        name: of the instrument.
        data: bytes to hand out first, after the start-up test; then a seeded stream follows.
        seed: of that stream.
        **kwargs: for :class:`~.base.MockDevice` and the role.
    """

    state: RandomState

    def __init__(self, name: str, *, data: bytes = b"", seed: int = 0, **kwargs: Any) -> None:  # noqa: ANN401 - for the role
        super().__init__(name, **kwargs)
        self._random = random.Random(seed)  # noqa: S311 - a mock is predictable on purpose
        startup = STARTUP_SAMPLES * kwargs.get("sample_bits", 1) // 8
        self._ahead = self._random.randbytes(startup) + data
        self.state = RandomState()

    def latch(self, latches: Iterable[LatchedInput]) -> None:
        """Have the hardware latch inputs."""
        self.state.latched += latches

    def _do_read(self, n_bytes: int) -> bytes:
        ahead, self._ahead = self._ahead[:n_bytes], self._ahead[n_bytes:]
        data = ahead + self._random.randbytes(n_bytes - len(ahead))
        if self.state.stuck_at is not None:
            data = bytes([self.state.stuck_at]) * n_bytes
        return self._asked("read", data, n_bytes)

    def _do_read_latched(self) -> LatchedInput:
        waiting = self.state.latched
        answer = self._asked("read_latched", waiting.pop(0) if waiting else None)
        if answer is None:
            raise NotReady(f"{self.full_name}: the hardware has latched nothing")
        return answer

    def _do_raw_samples(self) -> bool:
        return self._asked("raw_samples", self.state.raw_samples)
