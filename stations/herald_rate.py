"""How often the link heralds, measured without making rounds: for alignment, and for loops such as ``do1d``."""

from __future__ import annotations

from collections.abc import Collection

from ..clock import PS_PER_S
from ..instruments import ExitReason
from .herald_station import HeraldStation
from .party import Party


def measure_herald_rate(bsm: HeraldStation, parties: Collection[Party], duration: float) -> float:
    """Attempt for ``duration`` seconds of the experiment's time with the round loop's own procedures; heralds are counted and forgotten.

    A node that is not ready is prepared first, which puts its beams at their operating points; one that is ready is left as it is.

    Args:
        bsm: the heralding station.
        parties: Alice and Bob.
        duration: s; the last run of attempts may go beyond it.

    Returns:
        Heralds a second, loading included.

    Raises:
        NotReady: a trap does not load.
        DeviceError: an instrument failed.
    """
    begin_ps = max(bsm.clock.now_ps(), *(party.clock.now_ps() for party in parties))
    for party in parties:
        party.clock.sleep_until_ps(begin_ps)
        if party.preparation.unready():  # what is ready is left as it is: somebody may be scanning it
            party.prepare()
        if not party.loading.present():
            party.loading.run()
    bsm.excitation.prepare()
    start_ps = max(party.clock.now_ps() for party in parties)
    end_ps = start_ps + round(duration * PS_PER_S)
    heralds = 0
    bsm.clock.sleep_until_ps(start_ps)
    while bsm.clock.now_ps() < end_ps:
        result = bsm.excitation.run()
        if result.reason is ExitReason.HERALD:
            heralds += 1
            continue
        for party in parties:
            party.clock.sleep_until_ps(bsm.clock.now_ps())
            if not party.loading.present():
                party.loading.run()
        bsm.clock.sleep_until_ps(max(party.clock.now_ps() for party in parties))
    return heralds / ((bsm.clock.now_ps() - start_ps) / PS_PER_S)
