"""What the twin's roles share."""

from __future__ import annotations

from qcodes.instrument import Instrument

from ...clock import Clock, SimClock


class TwinInstrument(Instrument):
    """Identity of an instrument of the twin."""

    def get_idn(self) -> dict[str, str | None]:
        """Say what it is, in QCoDeS' four words."""
        return {"vendor": "eventready", "model": type(self).__name__, "serial": None, "firmware": None}


def own_clock(clock: Clock | None) -> Clock:
    """Simulated time: an instrument of the twin that is opened on its own gets a time line of its own."""
    return SimClock() if clock is None else clock
