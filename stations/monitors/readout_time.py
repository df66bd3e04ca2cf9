"""Does the readout come in time? Coherence falls with the time between herald and readout, and nothing else in a round shows it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...protocol.records import Flag
from .alarm import Alarm


class ReadoutTime:
    """One party's own readout times against a bound; no statistics, so the first late round is told, and then every change.

    Args:
        node: the party.
        within: s after the herald; none may be later.
    """

    def __init__(self, node: str, within: float) -> None:
        self._node = node
        self._within_ns = within * 1e9
        self._late = False

    def feed(self, at_s: float, records: npt.NDArray[np.void]) -> list[Alarm]:
        """Take rounds of the party; an alarm where they are late after they were in time, or the other way."""
        read = records[(records["flags"] & np.uint16(Flag.FALLBACK)) == 0]
        alarms = []
        for record in read[_edges(read["readout_ns"] > self._within_ns, self._late)]:
            self._late = not self._late
            took = f"round {record['index']} was read {record['readout_ns'] / 1e3:.1f} us after its herald"
            text = f"{took}, {'later than' if self._late else 'again within'} {self._within_ns / 1e3:.1f} us"
            alarms.append(Alarm("readout time", self._node, at_s, float(record["herald_ps"]) * 1e-12, text))
        return alarms


def _edges(late: npt.NDArray[np.bool_], before: bool) -> npt.NDArray[np.intp]:
    """Where the truth changes."""
    return np.flatnonzero(np.diff(late.astype(np.int8), prepend=np.int8(before)))
