"""The herald search said once more, in numpy and for a whole stream at once: slow, short, and what the compiled one is tested against.

It shares no step with :mod:`.herald_search`: here every click looks up its cycle, there the tags are gone through once.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .herald_rule import HERALD_DTYPE, NO_CLICK, PATTERNS, HeraldCounters, HeraldRule, Heralds

_FAR = 2**62 + 2**40


def search_whole(
    rule: HeraldRule,
    times: NDArray[np.int64],
    channels: NDArray[np.int16],
    losses: Iterable[tuple[int, int]] = (),
    end_ps: int | None = None,
) -> tuple[Heralds, HeraldCounters]:
    """Heralds and counters of a whole stream; arguments as for ``HeraldSearch.feed`` and ``finish``, not checked."""
    references = times[channels == rule.reference]
    pattern = np.zeros(len(references), np.uint8)
    clicks = np.full((len(references), 4), NO_CLICK, np.int32)
    singles, repeats, outside = [], [], []
    for bit, detector in enumerate(rule.detectors):
        click_times = times[channels == detector.channel]
        cycle = np.searchsorted(references, click_times + rule.delay_ps, "right") - 1
        click_times, cycle, early = click_times[cycle >= 0], cycle[cycle >= 0], int(np.sum(cycle < 0))
        offset = click_times - references[cycle]
        gated = (offset >= detector.start_ps) & (offset < detector.end_ps)
        hit, first = np.unique(cycle[gated], return_index=True)
        clicks[hit, bit] = offset[gated][first]
        pattern[hit] |= np.uint8(1 << bit)
        singles.append(len(hit))
        repeats.append(int(gated.sum()) - len(hit))
        outside.append(early + int((~gated).sum()))
    accepted = np.isin(pattern, rule.accepted)
    touched = accepted & _touched(rule, times, references, losses, end_ps)
    found = np.flatnonzero(accepted & ~touched)
    heralds = np.empty(len(found), HERALD_DTYPE)
    heralds["reference_ps"], heralds["cycle"] = references[found], found
    heralds["clicks_ps"], heralds["pattern"] = clicks[found], pattern[found]
    patterns = tuple(np.bincount(pattern, minlength=PATTERNS).tolist())
    return heralds, HeraldCounters(len(references), tuple(singles), tuple(repeats), tuple(outside), patterns, int(touched.sum()))


def _touched(
    rule: HeraldRule, times: NDArray[np.int64], references: NDArray[np.int64], losses: Iterable[tuple[int, int]], end_ps: int | None
) -> NDArray[np.bool_]:
    """Which cycles a loss touches; before the first tag and from the end of the stream on all is lost."""
    touched = np.zeros(len(references), bool)
    if len(references):
        begin = references - rule.delay_ps
        end = np.minimum(np.append(references[1:], _FAR), references + rule.end_ps + rule.delay_ps)
        stream = [(-_FAR, int(times[0]) - 1), (int(times[-1]) if end_ps is None else end_ps, _FAR)]
        for lost_from, lost_until in [*losses, *stream]:
            touched |= (lost_from < end) & (lost_until >= begin)
    return touched
