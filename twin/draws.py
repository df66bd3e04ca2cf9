"""Random numbers for the twin, drawn in blocks: one draw costs the round loop a list pop instead of a numpy call."""

from __future__ import annotations

import numpy as np

_BLOCK = 4096


class Draws:
    """A buffered, seeded stream. Each role of the twin has its own, so that no role's draws shift another's.

    Args:
        seed: a child of the run's seed sequence.
    """

    def __init__(self, seed: np.random.SeedSequence) -> None:
        self.rng = np.random.default_rng(seed)
        self._uniform: list[float] = []
        self._exponential: list[float] = []
        self._poisson: dict[float, list[int]] = {}

    def uniform(self) -> float:
        """Uniform on [0, 1)."""
        if not self._uniform:
            self._uniform = self.rng.random(_BLOCK).tolist()
        return self._uniform.pop()

    def exponential(self) -> float:
        """Exponential with mean 1."""
        if not self._exponential:
            self._exponential = self.rng.standard_exponential(_BLOCK).tolist()
        return self._exponential.pop()

    def poisson(self, mean: float) -> int:
        """Poisson with ``mean``; a block is kept for every mean, of which a run has a handful."""
        block = self._poisson.get(mean)
        if not block:
            if len(self._poisson) > 64:  # means that change all the time (a scan) must not pile up
                self._poisson.clear()
            block = self._poisson[mean] = self.rng.poisson(mean, _BLOCK).tolist()
        return block.pop()

    def gamma(self, shape: float, mean: float) -> float:
        """Gamma with the given shape and mean."""
        return float(self.rng.gamma(shape, mean / shape))
