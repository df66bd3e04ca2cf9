"""How much light reaches the detectors: clicks and heralds an attempt.

A detector behind the beam splitter does not see whose photon it was, so clicks alone cannot tell the nodes apart, and where both nodes send
as much, nor can anything else in them. Which one it was, shows when one of them is blocked, now and then on a schedule
(:mod:`eventready.stations.node_singles`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...instruments import HeraldTally
from .change import Change
from .models import Rate
from .statistic import Statistic, moved

AT_LEAST_SINGLES = 0.05
AT_LEAST_HERALDS = 0.1


class ClickCounts(NamedTuple):
    """Of attempts with one node's light alone.

    Attributes:
        clicks: of all detectors in the gate.
        attempts: with that light.
    """

    clicks: int
    attempts: int


def singles() -> Statistic[HeraldTally]:
    """Gated clicks of all detectors an attempt: excitation, loss, lasers, shutters. Does not see polarisation: photons are unpolarised.

    Found after :func:`.delay.rate_found_after` attempts; from 5 % on.
    """
    return Statistic("singles", Rate(), AT_LEAST_SINGLES, lambda tally: (sum(tally.singles), tally.attempts), _singles_words)


def heralds(accepted: Sequence[int]) -> Statistic[HeraldTally]:
    """Heralds an attempt: the product of both nodes' light. Slower than singles, but sees both photons.

    Args:
        accepted: click patterns that herald.
    """
    patterns = tuple(accepted)

    def words(change: Change) -> str:
        return moved("heralds an attempt", (_rate(change.before), _rate(change.after)))

    return Statistic("heralds", Rate(), AT_LEAST_HERALDS, lambda tally: (sum(tally.patterns[p] for p in patterns), tally.attempts), words)


def node_singles(node: str) -> Statistic[ClickCounts]:
    """Clicks an attempt with the other node's excitation off; darks are in it.

    Found after :func:`.delay.rate_found_after` attempts of those that are made on the schedule; from 5 % on.

    Args:
        node: whose light, for the words.
    """

    def words(change: Change) -> str:
        return moved(f"clicks an attempt with the light of {node} alone", (_rate(change.before), _rate(change.after)))

    return Statistic("node singles", Rate(), AT_LEAST_SINGLES, lambda data: data, words)


def _singles_words(change: Change) -> str:
    return moved("clicks an attempt", (_rate(change.before), _rate(change.after))) + "; block one node's light to see whose it is"


def _rate(total: tuple[float, ...]) -> float:
    return total[0] / total[1] if total[1] else 0.0
