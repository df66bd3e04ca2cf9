"""From how many rounds on there is key, with as many test rounds as are best for it."""

from __future__ import annotations

import math

from .finite_key import Security
from .planning import fewest_one_basis_rounds
from .renyi import TestCredit


def fewest_renyi_rounds(
    s: float, qber: float, *, security: Security | None = None, efficiency: float | None = None, test_credit: TestCredit = 0
) -> tuple[float, int] | None:
    """Rounds from which on the Renyi analysis gives key at the best test fraction, and that fraction in 256ths; None if not below 1e9.

    The crossing is a smooth valley over the fraction and flat at its bottom; the search halves its step from 16/256 down.
    """

    def crossing(share: int) -> float:
        found = fewest_one_basis_rounds(
            s, qber, test_fraction=share / 256, security=security, efficiency=efficiency, analysis="renyi", test_credit=test_credit
        )
        return math.inf if found is None else found

    known = {share: crossing(share) for share in range(8, 128, 24)}
    for step in (12, 6, 3, 1):
        best = min(known, key=lambda share: known[share])
        known |= {share: crossing(share) for share in (best - step, best + step) if 0 < share < 256 and share not in known}
    best = min(known, key=lambda share: known[share])
    return None if math.isinf(known[best]) else (known[best], best)
