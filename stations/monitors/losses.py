"""How often a trap loses its particle while the link attempts.

The heralding station knows it from the presence checks that fail; no outcome is in that. Which of the two traps it was a failed check does
not say: the party that reloads sees it.
"""

from __future__ import annotations

from typing import NamedTuple

from .change import Change
from .models import Rate
from .statistic import Statistic, moved

AT_LEAST_LOSSES = 0.25


class LossCounts(NamedTuple):
    """Of a stretch of attempts.

    Attributes:
        losses: presence checks that failed, but for those after the first burst of a run of attempts (:func:`is_a_loss`).
        attempts: all of them.
    """

    losses: int
    attempts: int


def is_a_loss(attempts: int, attempts_per_burst: int) -> bool:
    """Whether a failed presence check after so many attempts tells of a loss while attempting.

    The check after the first burst finds also what was lost before: while the other trap was loaded, or waited for. Such losses come
    together with others, so that counting them would make the counts more scattered than a constant rate's are.

    Args:
        attempts: since the particles were seen.
        attempts_per_burst: attempts between two checks.
    """
    return attempts > attempts_per_burst


def particle_losses(attempt_time: float) -> Statistic[LossCounts]:
    """Particles lost an attempt: background gas, the trap's power, light that heats.

    A loss is memoryless, so from the second burst on each check fails with one probability; what is left out makes the counts only more
    regular, which is safe for :class:`.models.Rate`. Found after :func:`.delay.rate_found_after` attempts, from 25 % on, at the rates
    attempt_time (1 / lifetime of Alice's trap + 1 / lifetime of Bob's).

    Args:
        attempt_time: mean time of an attempt, cooling between bursts included, s; for the words only.
    """

    def words(change: Change) -> str:
        rates = (losses / max(attempts * attempt_time, 1e-12) for losses, attempts in (change.before, change.after))
        return moved("particles lost a second of attempting", rates) + "; see which party reloads: vacuum, trap light, heating"

    return Statistic("particle losses", Rate(), AT_LEAST_LOSSES, lambda data: data, words)
