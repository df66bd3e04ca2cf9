"""Whose light is it? Clicks an attempt with the other node blocked: for calibration, and on a schedule for a monitor."""

from __future__ import annotations

from collections.abc import Mapping

from .herald_station import HeraldStation
from .monitors.light import ClickCounts
from .party import Party
from .procedures.beams import Beam, beam_on, beams_off


def measure_node_singles(
    bsm: HeraldStation, parties: Mapping[str, Party], excitation: Mapping[str, Beam], attempts: int
) -> dict[str, float]:
    """Attempt with one node excited at a time, and count clicks in the gate.

    Both nodes are prepared first, which puts their light at its operating points; both traps are kept loaded, since a sequencer does not
    attempt without a particle. Afterwards both are excited again.

    Args:
        bsm: the heralding station.
        parties: Alice and Bob.
        excitation: each node's beam of the entangling pulse.
        attempts: for each node.

    Returns:
        Clicks of all four detectors an attempt, by node that was excited; darks are in both.

    Raises:
        NotReady: a trap does not load.
        DeviceError: an instrument failed.
    """
    for party in parties.values():
        party.prepare()
    bsm.excitation.prepare()
    return {name: found.clicks / found.attempts for name, found in node_clicks(bsm, parties, excitation, attempts).items()}


def node_clicks(bsm: HeraldStation, parties: Mapping[str, Party], excitation: Mapping[str, Beam], attempts: int) -> dict[str, ClickCounts]:
    """The same as counts, for nodes that are ready; they are ready afterwards, but may have lost their particles.

    Args:
        bsm: the heralding station.
        parties: Alice and Bob.
        excitation: each node's beam of the entangling pulse, on.
        attempts: for each node.

    Returns:
        By node that was excited.

    Raises:
        NotReady: a trap does not load.
        DeviceError: an instrument failed.
    """
    found = {}
    for name in parties:
        blocked = [beam for other, beam in excitation.items() if other != name]
        beams_off(blocked)
        try:
            found[name] = _clicks(bsm, parties, attempts)
        finally:
            for beam in blocked:
                beam_on(beam)
    return found


def _clicks(bsm: HeraldStation, parties: Mapping[str, Party], attempts: int) -> ClickCounts:
    bsm.excitation.tally()  # what others have counted is of no concern
    done = clicks = 0
    while done < attempts:
        _load(bsm, parties)
        bsm.excitation.run_for(attempts - done)
        tally = bsm.excitation.tally()
        done += tally.attempts
        clicks += sum(tally.singles)
    return ClickCounts(clicks, done)


def _load(bsm: HeraldStation, parties: Mapping[str, Party]) -> None:
    for party in parties.values():
        party.clock.sleep_until_ps(bsm.clock.now_ps())
        if not party.loading.present():
            party.loading.run()
    bsm.clock.sleep_until_ps(max(party.clock.now_ps() for party in parties.values()))
