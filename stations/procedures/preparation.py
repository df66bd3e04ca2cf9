"""Cooling and state preparation: everything that must be on and locked before the first attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...clock import Clock
from ...errors import NotReady
from ...instruments import Position, Role, Shutter
from .beams import Beam, beam_on, beams_off
from .detector_reset import DetectorReset
from .isolation import require_confirmed


def nothing_to_mend() -> bool:
    """Leave it to people."""
    return False


def wait_until_ready(
    node: str,
    clock: Clock,
    unready: Callable[[], list[str]],
    retry_interval: float,
    patience: float,
    mend: Callable[[], bool] = nothing_to_mend,
) -> None:
    """Ask again and again until nothing is unready.

    Args:
        node: for the message.
        clock: the node's clock.
        unready: says why the node is not ready.
        retry_interval: pause between two questions, s.
        patience: how long this may last, s.
        mend: puts right what can be put right from here, in a time above 0; says whether it is worth asking again at once.

    Raises:
        NotReady: it lasted longer.
    """
    give_up = clock.now() + patience
    while reasons := unready():
        if clock.now() > give_up:
            raise NotReady(f"{node}: not ready for {patience:g} s: {'; '.join(reasons)}")
        if not mend():
            clock.sleep(retry_interval)


class Preparation:
    """Switch on what the attempts need, cool, and say whether the node is ready.

    Args:
        clock: the node's clock.
        beams: light of the attempts and of the readout; the fast sequencer gates it.
        cooling_time: after loading, s.
        instruments: all of the node's instruments by slot; the node is ready when every one of them is.
        shutter: between the atom and the fibre, open while attempting: a node whose shutter somebody has closed is not ready.
        filters: confirmed in the beam while attempting.
        shutter_timeout: for a blade to arrive, s.
        detector_reset: frees detectors of the node that have latched; None leaves that to people.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        beams: Sequence[Beam],
        cooling_time: float,
        instruments: Mapping[str, Role],
        shutter: Shutter | None = None,
        filters: Sequence[Shutter] = (),
        shutter_timeout: float = 1.0,
        detector_reset: DetectorReset | None = None,
    ) -> None:
        self.detector_reset = detector_reset
        self._clock = clock
        self._beams = tuple(beams)
        self._cooling_time = cooling_time
        self._instruments = dict(instruments)
        self._shutter = shutter
        self._filters = tuple(filters)
        self._shutter_timeout = shutter_timeout

    def prepare(self) -> None:
        """Put the filters in, open the way to the fibre, switch the light on.

        Raises:
            ConfigError: the position of a filter is not measured.
            DeviceError: an instrument did not obey.
        """
        for filter_ in self._filters:
            require_confirmed(filter_)
            filter_.set_open(False)
            filter_.wait_for(Position.CLOSED, self._shutter_timeout)
        if self._shutter is not None:
            self._shutter.set_open(True)
            self._shutter.wait_for(Position.OPEN, self._shutter_timeout)
        for beam in self._beams:
            beam_on(beam)

    def run(self) -> None:
        """Cool for the configured time."""
        self._clock.sleep(self._cooling_time)

    def unready(self) -> list[str]:
        """Why the node is not ready, in words; empty when it is."""
        reasons = []
        for slot, instrument in self._instruments.items():
            readiness = instrument.readiness()
            reasons += [f"{slot}: {reason}" for reason in readiness.reasons]
        for filter_ in self._filters:
            reasons += [
                f"{filter_.name}: the spectral filter is not confirmed in the beam: {reason}"
                for reason in filter_.reasons_not_at(Position.CLOSED)
            ]
        if self._shutter is not None:
            reasons += [
                f"{self._shutter.name}: the way to the fibre is not confirmed open: {reason}"
                for reason in self._shutter.reasons_not_at(Position.OPEN)
            ]
        return reasons

    def make_safe(self) -> None:
        """Darken the beams."""
        beams_off(self._beams)
