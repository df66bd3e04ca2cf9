"""Has something changed? A sequential test whose false alarms are bounded for a stream of any length.

For every moment j at which the change may have begun, the data get the likelihood of one mixture before j and another one after it. The
average of these over j, with weights that sum to at most 1, over the largest likelihood that *any* constant parameters give to all data,
is the evidence E. Whatever the constant parameters are, the denominator is at least their likelihood, and the numerator over their
likelihood is a non-negative martingale that starts at 1 (each mixture predicts the next count from earlier ones only); by Ville's
inequality

    P(E ever reaches 1 / alpha, while nothing changes) <= alpha.

So there is no reference to be measured first: everything before j is the reference, and its own scatter is paid for. Where the calm
state is known (:class:`.models.KnownShare`), the denominator's parameters are those only, and j may be the very start. (Wasserman, Ramdas
and Balakrishnan, PNAS 117, 16880 (2020), universal inference; Shin, Ramdas and Rinaldo, arXiv:2203.03532, for changes.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .models import Float64, Model

_MOST = 64
"""Moments that are kept, the closer the younger they are; leaving one out only makes the evidence smaller."""


@dataclass(frozen=True)
class Change:
    """What has been found.

    Attributes:
        since_s: when it most likely began, s.
        at_s: when it was found, s.
        before: total before it.
        after: total since.
        log_evidence: natural logarithm of E; 1/E bounds the chance that it is none.
        sigma: how many standard errors of the counts it is, with its sign.
    """

    since_s: float
    at_s: float
    before: tuple[float, ...]
    after: tuple[float, ...]
    log_evidence: float
    sigma: float


class ChangeTest:
    """Watches one stream of counts; after a change it starts anew.

    Args:
        model: of the counts while nothing changes.
        alpha: bound on the chance of a false alarm in all the time until the first one.
        at_least: smallest change that matters, in the unit of the model's ``size``; smaller ones are never told.
        hold: what comes is put by until there is so much of it: counts, or exposure of a rate.
    """

    def __init__(self, model: Model, alpha: float, at_least: float, *, hold: float = 0.0) -> None:
        self._model = model
        self._hold = hold
        self._held: Float64 = np.zeros(model.width)
        self._threshold = -math.log(alpha)
        self._at_least = at_least
        self._restart(0.0)

    def feed(self, at_s: float, counts: Sequence[float]) -> Change | None:
        """Take the counts since the last call.

        Args:
            at_s: until when they were taken, s; does not go back.
            counts: as many as the model is wide.

        Returns:
            A change, if one has shown with these.
        """
        self._held = self._held + np.asarray(counts, np.float64)
        if not self._model.events(self._held) > max(self._hold - 0.5, 0):
            return None
        new, self._held = self._held, np.zeros(self._model.width)
        if not self._model.begun(self._first):
            self._first += new
            self._last_s = at_s
            return None
        self._add_moment(self._last_s)
        self._total += new
        self._last_s = at_s
        return self._look(at_s)

    def _restart(self, at_s: float) -> None:
        width = self._model.width
        self._first: Float64 = np.zeros(width)
        self._total: Float64 = np.zeros(width)
        # A moment a row: total before it, when it was, its number, the logarithm of its weight times the likelihood of what came before.
        self._table: Float64 = np.zeros((_MOST, width + 3))
        self._kept = self._moments = 0
        self._last_s = at_s

    def _add_moment(self, since_s: float) -> None:
        """The change may begin now; the weights 1 / (j (j + 1)) sum to 1."""
        self._moments += 1
        if self._kept == _MOST:
            place = _least_missed(self._moments - self._table[:, -2])
            self._table[place:-1] = self._table[place + 1 :]
            self._kept -= 1
        row = self._table[self._kept]
        row[:-3] = self._total
        row[-3:] = since_s, self._moments, self._model.log_before(self._first, self._total) + log_weight(self._moments)
        self._kept += 1

    def _look(self, at_s: float) -> Change | None:
        table = self._table[: self._kept]
        totals = table[:, :-3]
        after = self._total - totals
        matters = self._model.size(totals + self._first, after) >= self._at_least
        if not matters.any():
            return None
        evidence = np.where(matters, self._model.log_after(self._first, totals, after) + table[:, -1], -np.inf)
        highest = int(evidence.argmax())
        log_evidence = float(np.logaddexp.reduce(evidence) - self._model.log_best(self._total))
        if log_evidence < self._threshold:
            return None
        before, since = totals[highest] + self._first, after[highest]
        change = Change(
            float(table[highest, -3]),
            at_s,
            tuple(before.tolist()),
            tuple(since.tolist()),
            log_evidence,
            self._model.sigma(before, since),
        )
        self._model = self._model.anew()
        self._restart(at_s)
        return change


def log_weight(moment: int) -> float:
    """Logarithm of the weight of the ``moment``-th moment, from 1: 1 / (j (j + 1))."""
    return -math.log(moment * (moment + 1.0))


def _least_missed(age: Float64) -> int:
    """The moment whose neighbours are closest together for its age: what is left lies as evenly as possible in the logarithm of the age.

    Args:
        age: in moments, falling, shape (n,).
    """
    gap = (age[:-2] - age[2:]) / age[1:-1]
    return int(gap.argmin()) + 1
