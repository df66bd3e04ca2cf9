"""How long until a change is found: from the counting statistics alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .change import log_weight
from .models import FEWEST, Float64, KnownShare, Model, Rate, Shares

_FINEST = 1.005
"""Amounts are tried in steps of half a per cent."""


def rate_found_after(before: float, after: float, *, known: float, alpha: float, moments: int) -> float:
    """Exposure after which a new rate is found, unless the counts lie 3 sigma to the wrong side.

    The smallest n with

        ln E(k0, known; k1, n) >= ln(1 / alpha) + ln(j (j + 1)),    k0 = before known (1 +- 3 s0^2 / s),    s0^2 = 1 / (before known),
                                                                   k1 = after n (1 -+ 3 s1^2 / s),         s1^2 = 1 / (after n),

    where E is the evidence of :mod:`.change` for the moment at which the change begins, and s^2 = s0^2 + s1^2: both counts are moved
    towards each other in the likeliest way in which the logarithm of their ratio comes out 3 sigma too small. For a long known rate it is
    near n (after ln(after / before) - after + before) = ln(j^2 / alpha) + half the logarithms of the counts. It fails in 0.13 % of all
    cases. To the time of a run add one interval between two looks.

    Args:
        before: events an exposure until the change.
        after: and from then on.
        known: exposure until the change.
        alpha: of the test.
        moments: j, how many times it has been fed until the change.

    Returns:
        Exposure; infinity where what is known of the rate before is too little ever to tell the two apart.
    """
    side = 1.0 if after < before else -1.0

    def counts(amount: Float64) -> tuple[Float64, Float64]:
        variances = 1 / (before * known), 1 / np.maximum(after * amount, 1.0)
        sigma = np.sqrt(variances[0] + variances[1])
        k0 = np.maximum(before * known * (1 - side * 3 * variances[0] / sigma), 0)
        k1 = np.maximum(after * amount * (1 + side * 3 * variances[1] / sigma), 0) + (3 * side if after == 0 else 0)
        return np.stack([k0, np.full_like(amount, known)], axis=-1), np.stack([k1, amount], axis=-1)

    return _amount(Rate(), counts, known, alpha, moments)


def share_found_after(before: float, after: float, *, known: float, alpha: float, moments: int) -> float:
    """Number of events after which a new share of one kind is found; as :func:`rate_found_after`, with the difference of two shares.

    The other kinds are taken together; s0^2 = before (1 - before) / known, s1^2 = after (1 - after) / n. For a long known share it is near
    n D(after || before) = ln(j^2 / alpha) + half the logarithms of the numbers, D being the relative entropy; for a small shift d of
    a share near 1/2 that is 2 n d^2.

    Args:
        before: share until the change.
        after: and from then on.
        known: events until the change.
        alpha: of the test.
        moments: how many times it has been fed until the change.
    """
    side = 1.0 if after < before else -1.0

    def counts(amount: Float64) -> tuple[Float64, Float64]:
        variances = before * (1 - before) / known, np.maximum(after * (1 - after), 1 / amount) / amount
        sigma = np.sqrt(variances[0] + variances[1])
        k0 = known * np.clip(before - side * 3 * variances[0] / sigma, 0, 1)
        k1 = amount * np.clip(after + side * 3 * variances[1] / sigma, 0, 1)
        return np.stack([k0, known - k0], axis=-1), np.stack([k1, amount - k1], axis=-1)

    return _amount(Shares(), counts, known, alpha, moments)


def known_share_found_after(model: KnownShare, after: float, *, calm: float, known: float, alpha: float, moments: int) -> float:
    """Number of events after which a share has left what is known of it; as above, with 3 sigma in the new counts only.

    Near n D(after || nearest bound) = ln(j^2 / alpha) + half the logarithms of the numbers.

    Args:
        model: what is known.
        after: share from the change on.
        calm: share until then.
        known: events until then; 0 for a change from the start.
        alpha: of the test.
        moments: how many times it has been fed until the change, 1 for a change from the start.
    """
    side = 1.0 if after < calm else -1.0

    def counts(amount: Float64) -> tuple[Float64, Float64]:
        k1 = np.clip(after * amount + side * 3 * np.sqrt(np.maximum(after * (1 - after) * amount, 1)), 0, amount)
        k0 = np.full_like(amount, calm * known)
        return np.stack([k0, known - k0], axis=-1), np.stack([k1, amount - k1], axis=-1)

    return _amount(model, counts, max(known, 100.0), alpha, moments)


def _amount(model: Model, counts: Callable[[Float64], tuple[Float64, Float64]], known: float, alpha: float, moments: int) -> float:
    """The smallest amount for which the evidence is enough."""
    amount = np.geomspace(known * 1e-6, known * 1e6, int(np.log(1e12) / np.log(_FINEST)))
    before, after = counts(amount)
    first = before[0] * min(1.0, FEWEST / max(before[0, 0], 1.0)) if isinstance(model, Rate) else np.zeros(model.width)
    rest = before - first
    evidence = model.log_before(first, rest) + model.log_after(first, rest, after) - model.log_best(rest + after) + log_weight(moments)
    # With few events the 3 sigma put the new counts on the other side of the old ones, where they say the opposite.
    aside = np.sign(_ratio(after) - _ratio(before)) == np.sign(_ratio(after[-1]) - _ratio(before[-1]))
    enough = (evidence >= -np.log(alpha)) & aside
    return float(amount[enough.argmax()]) if enough.any() else float("inf")


def _ratio(counts: Float64) -> Float64:
    """Order by it is order by rate, and by share."""
    ratio: Float64 = counts[..., 0] / np.maximum(counts[..., 1], 1e-300)
    return ratio
