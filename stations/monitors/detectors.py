"""The four detectors of the Bell-state measurement: does each see its share, and how dark is it."""

from __future__ import annotations

from ...instruments import HeraldTally
from ..slots import DETECTORS
from .change import Change
from .models import Rate, Shares
from .statistic import Statistic, most_moved, moved

AT_LEAST_SHARE = 0.03
AT_LEAST_DARKS = 0.2


def detector_balance() -> Statistic[HeraldTally]:
    """Share of each detector in the gated clicks: a detector that has died, or sees more or less than it did; and the beam splitter.

    S does not change when one of two arms dies: the other one's pairs are as good. Found after :func:`.delay.share_found_after` clicks.
    """

    def words(change: Change) -> str:
        return most_moved("share of detector {} in the clicks", DETECTORS, change)

    return Statistic("detector balance", Shares(len(DETECTORS)), AT_LEAST_SHARE, lambda tally: tally.singles, words, hold=50.0)


def off_gate_counts() -> Statistic[HeraldTally]:
    """Clicks when no photon is due, a second: dark counts, stray light. Blind to what the atoms do.

    Found after :func:`.delay.rate_found_after` seconds of counting; from 20 % on.
    """

    def counts(tally: HeraldTally) -> tuple[float, float]:
        return sum(tally.off_gate), tally.attempts * tally.off_gate_ps * 1e-12

    def words(change: Change) -> str:
        return moved(
            "clicks with no photon due, all detectors, 1/s,", (n / max(seconds, 1e-12) for n, seconds in (change.before, change.after))
        )

    return Statistic("off-gate counts", Rate(), AT_LEAST_DARKS, counts, words)
