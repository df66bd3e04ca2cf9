"""Level L3: the tag stream of a link that attempts, every reference edge included, as a time tagger would deliver it.

Channel 0 is the reference edge of each attempt (the laser pulse as it arrives at the detectors), channels 1 to 4 are the detectors in the
order of :data:`~.physics.parameters.DETECTORS`. The stream is made in stretches of whole bursts, each from a random stream of its own, so
that the same seed gives the same tags however they are asked for.

The traps are taken to hold their particles all the time; heralds do not stop the attempts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..sequences.herald_rule import GatedDetector, HeraldRule
from ..sequences.program import PS_PER_S, AttemptLoop
from .clicks import ClickPhysics, ClickTimings, Hidden, surviving
from .physics.parameters import DETECTORS, LinkParameters

REFERENCE_CHANNEL = 0
_STRETCH_ATTEMPTS = 1 << 18
"""About so many attempts are made at a time."""


def herald_rule(loop: AttemptLoop, accepted: tuple[int, ...]) -> HeraldRule:
    """What heralds in these tags: accepted patterns of clicks in the loop's gate.

    Args:
        loop: whose gate counts.
        accepted: click patterns.
    """
    detectors = tuple(GatedDetector(bit + 1, loop.gate_start_ps, loop.gate_ps) for bit in range(len(DETECTORS)))
    return HeraldRule(REFERENCE_CHANNEL, detectors, accepted)


class Tags(NamedTuple):
    """A block of tags.

    Attributes:
        times_ps: sorted, int64.
        channels: int16.
    """

    times_ps: npt.NDArray[np.int64]
    channels: npt.NDArray[np.int16]


class Stretch(NamedTuple):
    """Tags of some bursts, and the truth behind them.

    Attributes:
        tags: of all channels.
        first_attempt: number of the first attempt in it.
        hidden: courses of the attempts in it, numbered from its own first one.
    """

    tags: Tags
    first_attempt: int
    hidden: Hidden


class TagStream:
    """The tags of a link.

    Args:
        parameters: of the link, its efficiencies those of all photons (:meth:`.optics.Optics.all_photons`).
        timings: of photons and detectors.
        loop: period, bursts and pauses.
        reference_ps: from the start of an attempt to its reference edge.
        seed: of all draws.
    """

    def __init__(self, parameters: LinkParameters, timings: ClickTimings, loop: AttemptLoop, reference_ps: int, seed: int) -> None:
        self.physics = ClickPhysics(parameters, timings, loop.attempt_ps)
        self._timings = timings
        self._loop = loop
        self._reference_ps = reference_ps
        self._seed = seed
        self._bursts = max(1, _STRETCH_ATTEMPTS // loop.attempts_per_burst)
        self._attempts = self._bursts * loop.attempts_per_burst
        starts = np.arange(self._bursts, dtype=np.int64)[:, None] * loop.burst_ps + np.arange(loop.attempts_per_burst) * loop.attempt_ps
        self._starts_ps: npt.NDArray[np.int64] = starts.reshape(-1) + reference_ps

    def stretch(self, number: int) -> Stretch:
        """The ``number``-th stretch of the stream, from 0; the same whenever it is asked for."""
        rng = np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=(number,)))
        clicks, hidden = self.physics.draw(rng, self._attempts)
        times_ps = self._starts_ps[clicks.attempt] + clicks.delay_ps
        detector = clicks.detector
        dark_ps, dark_detector = self._darks_of_the_pauses(rng)
        times_ps, detector = np.concatenate([times_ps, dark_ps]), np.concatenate([detector, dark_detector])
        order = np.argsort(times_ps, kind="stable")
        times_ps, detector = times_ps[order], detector[order]
        alive = surviving(times_ps, detector, round(self._timings.dead_time * PS_PER_S))
        tags = _with_references(self._starts_ps, times_ps[alive], detector[alive])
        begin_ps = number * self._bursts * self._loop.burst_ps
        return Stretch(Tags(tags.times_ps + begin_ps, tags.channels), number * self._attempts, hidden)

    def blocks(self, seconds: float, size: int = 1 << 20) -> Iterator[Tags]:
        """The tags of the first ``seconds``, ``size`` at a time, the last block shorter.

        Raises:
            ConfigError: no positive time or size.
        """
        if not seconds > 0 or size < 1:
            raise ConfigError(f"cannot make tags of {seconds!r} s in blocks of {size!r}; both must be above 0")
        end_ps = round(seconds * PS_PER_S)
        waiting: list[Tags] = []
        ready = 0
        for tags in self._until(end_ps):
            waiting.append(tags)
            ready += len(tags.times_ps)
            if ready >= size:
                joined = _join(waiting)
                whole = ready - ready % size
                for start in range(0, whole, size):
                    yield Tags(joined.times_ps[start : start + size], joined.channels[start : start + size])
                waiting, ready = [Tags(joined.times_ps[whole:], joined.channels[whole:])], ready - whole
        if ready:
            yield _join(waiting)

    def _until(self, end_ps: int) -> Iterator[Tags]:
        """Sorted stretches; a click that came just before or after a stretch's own time is handed to its neighbour."""
        length_ps = self._bursts * self._loop.burst_ps
        late = Tags(np.zeros(0, np.int64), np.zeros(0, np.int16))
        number = 0
        while True:
            # A click before the first reference of the next stretch, by jitter, still sorts in front of what that stretch holds.
            tags = _sorted(_join([late, self.stretch(number).tags]))
            safe_ps = min((number + 1) * length_ps, end_ps)
            cut = int(np.searchsorted(tags.times_ps, safe_ps))
            yield Tags(tags.times_ps[:cut], tags.channels[:cut])
            if safe_ps == end_ps:
                return
            late = Tags(tags.times_ps[cut:], tags.channels[cut:])
            number += 1

    def _darks_of_the_pauses(self, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
        """Dark counts go on between bursts."""
        loop = self._loop
        times, detectors = [np.zeros(0, np.int64)], [np.zeros(0, np.int8)]
        for detector in range(len(DETECTORS)):
            rate = self._timings.dark_rate[detector] if self.physics.hears[detector] else 0.0
            n = int(rng.poisson(rate * self._bursts * loop.gap_ps / PS_PER_S))
            burst, within = rng.integers(0, self._bursts, n), rng.integers(0, max(1, loop.gap_ps), n)
            times.append(burst * loop.burst_ps + loop.attempts_per_burst * loop.attempt_ps + within + self._reference_ps)
            detectors.append(np.full(n, detector, np.int8))
        return np.concatenate(times), np.concatenate(detectors)


def _with_references(references_ps: npt.NDArray[np.int64], clicks_ps: npt.NDArray[np.int64], detector: npt.NDArray[np.int8]) -> Tags:
    """Merge two sorted runs; at the same picosecond the reference comes first."""
    places = np.searchsorted(references_ps, clicks_ps, side="right") + np.arange(len(clicks_ps))
    times = np.empty(len(references_ps) + len(clicks_ps), np.int64)
    channels = np.zeros(len(times), np.int16)
    is_reference = np.ones(len(times), bool)
    is_reference[places] = False
    times[is_reference] = references_ps
    times[places] = clicks_ps
    channels[places] = detector + 1
    return Tags(times, channels)


def _join(parts: list[Tags]) -> Tags:
    if len(parts) == 1:
        return parts[0]
    return Tags(np.concatenate([part.times_ps for part in parts]), np.concatenate([part.channels for part in parts]))


def _sorted(tags: Tags) -> Tags:
    if (np.diff(tags.times_ps) >= 0).all():
        return tags
    order = np.argsort(tags.times_ps, kind="stable")
    return Tags(tags.times_ps[order], tags.channels[order])
