"""The sequencer's own counters: a cycle that missed its reference pulse may have a gate that is open at the wrong time."""

from __future__ import annotations

from .alarm import Alarm


class SequencerCounters:
    """Tells when counters disagree, and again after a while in which they did not. In a sound system they never do.

    A herald of such a run of attempts is vetoed anyhow; this is for the runs without one, and for people.

    Args:
        node: whose sequencer it is.
        quiet: s without another one after which the next is told again.
    """

    def __init__(self, node: str, quiet: float) -> None:
        self._node = node
        self._quiet = quiet
        self._last_s: float | None = None

    def disagreed(self, at_s: float, what: str) -> list[Alarm]:
        """The counters disagreed.

        Args:
            at_s: when, s.
            what: the counters' difference, in words.
        """
        told = self._last_s is not None and at_s - self._last_s < self._quiet
        self._last_s = at_s
        return [] if told else [Alarm("sequencer counters", self._node, at_s, at_s, what)]
