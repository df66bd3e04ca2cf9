"""Do the two photons still meet alike? Pairs of clicks, heralded or not.

Two photons that are alike leave a beam splitter by the same side, so that clicks of equal polarisation on opposite sides vanish. M_hat =
1 - 2 N_same / N_psi, with N_same = (cH, dH) + (cV, dV) and N_psi the four crossed patterns, is how far the photons overlap. Dark counts and
a beam splitter off 1/2 lower it as well; that is no change, and raises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...instruments import HeraldTally
from .change import Change
from .models import KnownShare, Shares
from .statistic import Statistic, most_moved, moved

SAME = (0b0101, 0b1010)
CROSSED = (0b0011, 0b1100, 0b1001, 0b0110)
AT_LEAST_SAME = 0.01
AT_LEAST_PATTERN = 0.05


def interference(at_most: float | None = None) -> Statistic[HeraldTally]:
    """Pairs of equal polarisation among all pairs: photons late, of another colour, of another shape.

    Found after :func:`.delay.known_share_found_after` pairs, or :func:`.delay.share_found_after` where no bound is known.

    Args:
        at_most: their share while the photons interfere as they should, (1 - M) / (3 - M) and a margin; pairs are rare, so this is worth
            more than what a run can learn. None watches for changes only.
    """

    def counts(tally: HeraldTally) -> tuple[float, float]:
        return sum(tally.patterns[p] for p in SAME), sum(tally.patterns[p] for p in CROSSED)

    def words(change: Change) -> str:
        return moved("visibility of two-photon interference", (visibility(*total) for total in (change.before, change.after)), ".3f")

    if at_most is not None:
        return Statistic("interference", KnownShare(0.0, at_most), 0.0, counts, words, hold=10.0)
    return Statistic("interference", Shares(), AT_LEAST_SAME, counts, words, hold=10.0)


def visibility(same: float, crossed: float) -> float:
    """M_hat = 1 - 2 N_same / N_psi; 0 without pairs."""
    return 1 - 2 * same / crossed if crossed else 0.0


def pattern_balance(accepted: Sequence[int]) -> Statistic[HeraldTally]:
    """Shares of the patterns that herald, among all heralds: an arm that has died, a pattern that means something else now.

    Args:
        accepted: two or more.
    """
    patterns = tuple(accepted)

    def counts(tally: HeraldTally) -> list[float]:
        return [tally.patterns[p] for p in patterns]

    def words(change: Change) -> str:
        return most_moved("share of pattern {} in the heralds", [f"{pattern:04b}" for pattern in patterns], change)

    return Statistic("pattern balance", Shares(len(patterns)), AT_LEAST_PATTERN, counts, words, hold=4.0)
