"""One statistic of a stream as data, and a group of them that is fed together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .alarm import ALPHA, Alarm
from .change import Change, ChangeTest
from .models import Model

Data = TypeVar("Data")


@dataclass(frozen=True)
class Statistic(Generic[Data]):
    """What one monitor looks at.

    Args:
        name: of the monitor.
        model: of its counts while nothing changes.
        at_least: smallest change that matters, in the model's unit.
        counts: out of the data, as many as the model is wide.
        words: what a change says to people.
        hold: the test looks when so many counts have come; few looks make few moments at which a change may have begun.
    """

    name: str
    model: Model
    at_least: float
    counts: Callable[[Data], Sequence[float]]
    words: Callable[[Change], str]
    hold: float = 0.0


class Group(Generic[Data]):
    """The monitors of one node, each with its own test.

    Args:
        node: for the alarms.
        statistics: what they look at.
        alpha: bound on false alarms of each.
    """

    def __init__(self, node: str, statistics: Iterable[Statistic[Data]], alpha: float = ALPHA) -> None:
        self._node = node
        self._streams = [(stat, ChangeTest(stat.model, alpha, stat.at_least, hold=stat.hold)) for stat in statistics]

    def feed(self, at_s: float, data: Data) -> list[Alarm]:
        """Take what came until ``at_s``.

        Returns:
            Alarms that it raised.
        """
        alarms = []
        for statistic, test in self._streams:
            change = test.feed(at_s, statistic.counts(data))
            if change is not None:
                text = statistic.words(change)
                alarms.append(Alarm(statistic.name, self._node, at_s, change.since_s, text, change.sigma))
        return alarms


def moved(what: str, values: Iterable[float], form: str = ".3g") -> str:
    """Words for a number that changed; ``values`` are it before and after."""
    before, after = values
    relative = f" ({after / before - 1:+.0%})" if before > 0 else ""
    return f"{what} went from {before:{form}} to {after:{form}}{relative}"


def most_moved(what: str, names: Sequence[str], change: Change) -> str:
    """Words for the share that moved most; ``what`` has a place ``{}`` for its name."""
    before, after = ([n / max(sum(total), 1) for n in total] for total in (change.before, change.after))
    k = max(range(len(names)), key=lambda k: abs(after[k] - before[k]))
    return moved(what.format(names[k]), (before[k], after[k]), ".3f")
