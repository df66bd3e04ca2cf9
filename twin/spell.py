"""When a fault holds: once, or as a Poisson process."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..sequences.program import PS_PER_S
from .fault_script import Timing

NEVER_PS = 2**100


class Interval(NamedTuple):
    """When a fault holds, ps."""

    start_ps: int
    stop_ps: int


def intervals(timing: Timing, rng: np.random.Generator) -> Iterator[Interval]:
    """When a fault holds, in order; endless for a Poisson process.

    Args:
        timing: as the script has it.
        rng: for a Poisson process.
    """
    if timing.every is None:
        at = timing.at or 0.0
        yield Interval(time_ps(at), time_ps(at + timing.lasting))
        return
    end = 0.0
    while True:
        start = end + rng.exponential(timing.every)
        end = start + rng.exponential(timing.lasting)
        yield Interval(time_ps(start), time_ps(end))


def time_ps(seconds: float) -> int:
    """The same in ps; :data:`NEVER_PS` for infinity."""
    return NEVER_PS if math.isinf(seconds) else round(seconds * PS_PER_S)
