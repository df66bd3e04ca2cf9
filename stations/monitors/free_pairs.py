"""The pairs of settings that neither test nor make key: what they show costs nothing, if both parties' outcomes may be looked at.

In Munich, E(0,1) and E(1,0) are 0 and answer to first order, with opposite signs, to anything that turns one qubit's frame: a fibre that
rotates, a magnetic field, a wrong analyser angle. These cannot be told apart in any outcome, so there is one alarm for all. It needs both
parties' outcomes: characterise runs only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...protocol.bell import BellGame
from .change import Change
from .models import KnownShare
from .statistic import Statistic

BOUNDS = (0.48, 0.52)
"""Of the share below while nothing is turned: E(0,1) - E(1,0) within +-0.08, which in Munich is a degree of rotation."""
Outcomes = npt.NDArray[np.uint8]
"""Alice's settings, Bob's settings, Alice's outcomes, Bob's outcomes, shape (4, n)."""


def free_pairs(game: BellGame) -> Statistic[Outcomes] | None:
    """Equal outcomes in the first free pair and unequal ones in the second, taken together: 1/2 + (E(0,1) - E(1,0)) / 4.

    That share is known beforehand, so that a frame which was turned from the start is seen, too. Found after
    :func:`.delay.known_share_found_after` rounds of these two pairs, a quarter of all.

    Args:
        game: of the link.

    Returns:
        None where the game has no two free pairs that are played.
    """
    if len(game.unused) != 2:
        return None
    first, second = game.unused

    def counts(rounds: Outcomes) -> tuple[float, float]:
        x, y, a, b = rounds
        equal = a == b
        one, two = (x == first[0]) & (y == first[1]), (x == second[0]) & (y == second[1])
        up = int(np.count_nonzero(equal & one) + np.count_nonzero(~equal & two))
        return up, int(np.count_nonzero(one | two)) - up

    def words(change: Change) -> str:
        before, after = (4 * (total[0] / max(sum(total), 1) - 0.5) for total in (change.before, change.after))
        went = f"E{first} - E{second} went from {before:+.2f} to {after:+.2f}"
        return f"{went}: polarisation in a fibre, a magnetic field, or an analyser's angle"

    return Statistic("polarisation or field", KnownShare(*BOUNDS), 0.0, counts, words)
