"""Sum-product decoding in plain numpy and Python with exact functions: slow, and what the compiled decoder is tested against.

For a check with log-likelihood ratios x_i of its variables and wanted parity s, what it tells variable i is
``(-1)^s 2 artanh(prod over j != i of tanh(x_j / 2))`` (Gallager 1963; with a syndrome, Liveris et al., IEEE Commun. Lett. 6, 440 (2002)).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_NEARLY_ONE = 1 - 1e-15


def check_messages(heard: Floats, parity: int) -> Floats:
    """What a check tells each of its variables.

    Args:
        heard: shape (degree,): log-likelihood ratios, of each variable without this check.
        parity: that the variables must have together, 0 or 1.
    """
    tanh = np.tanh(heard / 2)
    others = np.array([np.prod(np.delete(tanh, i)) for i in range(len(heard))])
    messages: Floats = (1 - 2 * parity) * 2 * np.arctanh(np.clip(others, -_NEARLY_ONE, _NEARLY_ONE))
    return messages


def update_in_turn(checks: Sequence[Sequence[int]], wanted: NDArray[np.uint8], messages: list[Floats], beliefs: Floats) -> int:
    """Update all checks in turn, in place; returns how many were not satisfied when their turn came."""
    unsatisfied = 0
    for number, variables in enumerate(checks):
        here = list(variables)
        unsatisfied += int((np.count_nonzero(beliefs[here] < 0) + int(wanted[number])) % 2)
        heard = beliefs[here] - messages[number]
        messages[number] = check_messages(heard, int(wanted[number]))
        beliefs[here] = heard + messages[number]
    return unsatisfied


def sum_product(checks: Sequence[Sequence[int]], wanted: NDArray[np.uint8], priors: Floats, iterations: int) -> NDArray[np.uint8] | None:
    """The bits whose checks have the wanted parities, by all checks at once in each iteration; None if it does not find any.

    Args:
        checks: variables of each check.
        wanted: shape (checks,).
        priors: shape (variables,): log-likelihood ratios, positive where 0 is likelier.
        iterations: when to give up.
    """
    messages = [np.zeros(len(check)) for check in checks]
    for _ in range(iterations):
        beliefs = priors.copy()
        for check, told in zip(checks, messages, strict=True):
            beliefs[list(check)] += told
        bits = (beliefs < 0).astype(np.uint8)
        if all(np.bitwise_xor.reduce(bits[list(check)]) == parity for check, parity in zip(checks, wanted, strict=True)):
            return bits
        messages = [
            check_messages(beliefs[list(check)] - told, int(parity)) for check, told, parity in zip(checks, messages, wanted, strict=True)
        ]
    return None
