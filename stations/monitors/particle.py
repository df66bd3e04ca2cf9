"""What a party sees of its own particle: outcomes and fluorescence. All of it is as secret as the outcomes.

These monitors see one party's own rounds and nothing of the other's; what they tell stays with that party.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...protocol.records import Flag
from .change import Change
from .models import KnownShare, Shares
from .statistic import Statistic, moved

AT_LEAST_BIAS = 0.02
AT_LEAST_VALLEY = 0.005
AT_LEAST_DIM = 0.1
VALLEY = 0.25
"""Half width of the valley, in units of the threshold."""
CALIBRATED_WITH = 50
"""Bright readouts whose median divides the later ones."""


@dataclass(frozen=True, repr=False)
class Readouts:
    """A few readouts of one party; no repr shows them."""

    outcome: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.uint32]


def readouts(records: npt.NDArray[np.void]) -> Readouts:
    """Those of the rounds that were read out.

    Args:
        records: a party's own, of :data:`eventready.protocol.records.RECORD_DTYPE`.
    """
    read = (records["flags"] & np.uint16(Flag.FALLBACK)) == 0
    return Readouts(records["outcome"][read], records["counts"][read])


def outcome_bias(within: float | None = None) -> Statistic[Readouts]:
    """Share of bright outcomes: ionisation or readout light, bad pumping, atoms that are lost unseen.

    Found after :func:`.delay.known_share_found_after` rounds, or :func:`.delay.share_found_after` where no bound is known: about
    ln(j^2 / alpha) / (2 d^2) for a shift d, hence thousands for one of 2 %.

    Args:
        within: the share lies so close to 1/2 while nothing is wrong. None watches for changes only.
    """

    def counts(data: Readouts) -> tuple[float, float]:
        bright = int(np.count_nonzero(data.outcome))
        return bright, len(data.outcome) - bright

    model, at_least = (Shares(), AT_LEAST_BIAS) if within is None else (KnownShare(0.5 - within, 0.5 + within), 0.0)
    return Statistic("outcome bias", model, at_least, counts, lambda change: _shares(change, "share of bright outcomes"))


def histogram_valley(threshold: int) -> Statistic[Readouts]:
    """Readouts whose counts lie within a quarter of the threshold from it, where neither a particle nor its absence should be.

    Args:
        threshold: counts from which on a particle counts as bright.
    """

    def counts(data: Readouts) -> tuple[float, float]:
        inside = int(np.count_nonzero(np.abs(data.counts.astype(np.float64) - threshold) <= VALLEY * threshold))
        return inside, len(data.counts) - inside

    return Statistic("histogram valley", Shares(), AT_LEAST_VALLEY, counts, lambda change: _shares(change, "readouts near the threshold"))


class BrightCounts:
    """Divides bright readouts at the median of the first 50: half of the later ones lie below while nothing changes.

    Args:
        threshold: counts from which on a particle counts as bright.
    """

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        self._first: list[int] = []
        self._median: float | None = None

    def counts(self, data: Readouts) -> tuple[float, float]:
        """Bright readouts below the median, and others; (0, 0) until the median is known."""
        bright = data.counts[data.counts >= self._threshold]
        if self._median is None:
            self._first += bright.tolist()
            if len(self._first) >= CALIBRATED_WITH:
                self._median = float(np.median(self._first))
            return 0, 0
        below = int(np.count_nonzero(bright < self._median))
        return below, len(bright) - below


def bright_counts(threshold: int) -> Statistic[Readouts]:
    """How bright a bright particle is: cooling light, alignment, detector. Sees it long before outcomes are wrong.

    Args:
        threshold: as above.
    """
    divided = BrightCounts(threshold)
    return Statistic(
        "bright counts", Shares(), AT_LEAST_DIM, divided.counts, lambda change: _shares(change, "bright readouts below their first median")
    )


def _shares(change: Change, what: str) -> str:
    return moved(what, (total[0] / max(sum(total), 1) for total in (change.before, change.after)), ".3f")
