"""An alarm: which monitor saw what, when it began, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

FALSE_ALARMS = 0.01
"""Bound on the chance that any monitor of a run raises an alarm although nothing changes."""
OF_STATION = ("singles", "heralds", "detector balance", "off-gate counts", "interference", "pattern balance", "particle losses")
"""Streams that are tested at the heralding station. A link without one of them (a single pattern) is the more silent for it."""
OF_NODE = ("node singles", "polarimetry")
"""At the heralding station for each of the two nodes, where measured."""
OF_PARTY = ("outcome bias", "histogram valley", "bright counts")
"""At each party."""
OF_BOTH = ("polarisation or field",)
"""Of both parties' outcomes together."""
STREAMS = len(OF_STATION) + 2 * len(OF_NODE) + 2 * len(OF_PARTY) + len(OF_BOTH)
"""Streams that are tested in a run."""
ALPHA = FALSE_ALARMS / STREAMS
"""Each stream's own bound: their sum is that of the run, however the streams hang together."""


@dataclass(frozen=True)
class Alarm:
    """What a monitor tells. It says that something changed, not what; and it stops nothing.

    Args:
        monitor: name of the monitor.
        node: whose data it saw; ``link`` for those of both parties.
        at_s: when it was raised, s of the experiment's time.
        since_s: when the change most likely began, s.
        text: in words, for people.
        sigma: how many standard errors of the counts, with its sign; None where no statistics are behind it.
    """

    monitor: str
    node: str
    at_s: float
    since_s: float
    text: str
    sigma: float | None = None

    def withheld(self) -> Alarm:
        """The same without a number that hangs on outcomes, nor the time at which one of them moved."""
        return Alarm(self.monitor, self.node, self.at_s, self.at_s, "something changed; what it was is withheld in a key run")
