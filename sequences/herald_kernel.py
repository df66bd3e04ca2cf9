"""The compiled half of the herald search: one pass over the tags; what goes from block to block is in the array ``carried``.

:mod:`.herald_search` is the interface and holds the rules of the arguments; :mod:`.herald_reference` says in numpy what must come out.

``scan`` is one long function for the compiler's sake: handing arrays to another one costs two atomic operations each, which in dense
streams is more time than all the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

# What a channel is, in the table ``kind`` of channels; a detector is its bit.
REFERENCE = 4
OTHER = 5

# Places in ``rule``: openings and lengths of the four gates, from the reference edge until the last gate has closed, how much later than
# in the world the clicks are here (see :func:`delay`), and whether each of the 16 patterns is accepted.
OPENS_PS, LENGTH_PS, SPAN_PS, DELAY_PS, ACCEPTED = 0, 4, 8, 9, 10
RULE = ACCEPTED + 16

# Places in ``carried``: the cycle in hand, its first clicks (the second half is a bin for clicks that are not the first), time of the last
# tag, the loss looked at last, and the counters. How many cycles have no click, the first of the 16 patterns, is not counted but arbitrary.
REFERENCE_PS, CYCLES, PATTERN, LAST_PS, LOSS = range(5)
FIRST_PS, SINGLES, REPEATS, OUTSIDE, LOST, BY_PATTERN = 5, 13, 17, 21, 25, 26
CARRIED = BY_PATTERN + 16

# Columns of a herald found.
FOUND_REFERENCE, FOUND_CYCLE, FOUND_PATTERN, FOUND_CLICKS = range(4)
FOUND = FOUND_CLICKS + 4

BACKWARDS = -1

_NO_CLICK = -(2**31)


@njit(nogil=True, cache=True)
def scan(times: Any, channels: Any, start: Any, now: Any, kind: Any, rule: Any, losses: Any, carried: Any, out: Any) -> Any:  # noqa: ANN401
    """Go through the tags from ``start`` on, until they end or ``out`` is full; then decide the cycle in hand if it is over at ``now``.

    At equal times references come first, whatever the order in the stream; tags of one time must therefore come in one array.

    Args:
        times: int64, shape (n,), ps.
        channels: uint16, shape (n,).
        start: where to begin.
        now: ps; all tags before this time have been handed in.
        kind: uint8, shape (65536,): what each channel is.
        rule: int64, shape (``RULE``,); no gate opens at a negative time.
        losses: int64, shape (m, 2), ps: start and end; sorted by start, so the first that ends late enough also starts first.
        carried: int64, shape (``CARRIED``,), is changed. ``carried[LOSS]`` must be 0 with new losses.
        out: int64, shape (room + 1, ``FOUND``), for the heralds found.

    Returns:
        Where it stopped, and the number of heralds; (place, ``BACKWARDS``) of a tag that is before the one before it.
    """
    reference, cycles, pattern, last = carried[REFERENCE_PS], carried[CYCLES], carried[PATTERN], carried[LAST_PS]
    count, room = times.shape[0], out.shape[0] - 1
    ties_end = 0  # tags before this have one time, and their references have been dealt with
    found = 0
    i = start
    while True:
        # Nothing is in this loop but what happens at most tags. Unsigned indices spare numba's test for negative ones.
        edges = 0
        over = now
        stop = count if found < room else ties_end
        while i < stop and edges == 0:
            time = times[np.uint64(i)]
            if time < last:
                return i, BACKWARDS
            last = time
            what = kind[channels[np.uint64(i)]]
            if what == REFERENCE:
                if i >= ties_end:
                    if rule[np.uint64(ACCEPTED + pattern)]:
                        edges, over = 1, time
                    else:
                        carried[np.uint64(BY_PATTERN + pattern)] += 1
                        reference, pattern = time, 0
                        cycles += 1
            elif what < REFERENCE:
                if i + 1 < count and times[np.uint64(i + 1)] == time and i >= ties_end:
                    ties_end = i
                    while ties_end < count and times[ties_end] == time:
                        edges += int(kind[channels[ties_end]] == REFERENCE)
                        ties_end += 1
                    if edges:
                        over = time
                        break  # this click comes after those references
                # Without branches: whether a click is in its gate is what no processor guesses.
                bit = np.uint64(what)
                offset = time - reference
                inside = int(np.uint64(offset - rule[bit]) < np.uint64(rule[bit + np.uint64(LENGTH_PS)]))
                again = inside & (pattern >> what)
                carried[np.uint64(OUTSIDE - (OUTSIDE - SINGLES) * inside + (REPEATS - SINGLES) * again + what)] += 1
                carried[np.uint64(FIRST_PS + 4 * (1 - inside + again) + what)] = offset
                pattern |= inside << what
            i += 1

        # The cycle in hand is over: counted, and written out if it is a herald.
        if edges or (i >= count and pattern and now - reference >= rule[SPAN_PS]):
            carried[BY_PATTERN + pattern] += 1
            if rule[ACCEPTED + pattern]:
                loss = carried[LOSS]
                while loss < losses.shape[0] and losses[loss, 1] < reference - rule[DELAY_PS]:
                    loss += 1
                carried[LOSS] = loss
                if loss < losses.shape[0] and losses[loss, 0] < min(over, reference + rule[SPAN_PS]):
                    carried[LOST] += 1
                else:
                    out[found, FOUND_REFERENCE] = reference
                    out[found, FOUND_CYCLE] = cycles - 1
                    out[found, FOUND_PATTERN] = pattern
                    for detector in range(4):
                        clicked = pattern >> detector & 1
                        out[found, FOUND_CLICKS + detector] = carried[FIRST_PS + detector] - rule[DELAY_PS] if clicked else _NO_CLICK
                    found += 1
            pattern = 0
            if edges:
                reference = over
                cycles += edges
        if i >= count or (found >= room and i >= ties_end):
            break
    carried[REFERENCE_PS], carried[CYCLES], carried[PATTERN], carried[LAST_PS] = reference, cycles, pattern, last
    return i, found


@njit(nogil=True, cache=True)
def delay(times: Any, channels: Any, start: Any, last: Any, kind: Any, delay_ps: Any, new_times: Any, new_channels: Any) -> Any:  # noqa: ANN401
    """Delay the detectors against the reference: the stream as it would be with ``delay_ps`` more cable at each detector.

    Other channels are dropped. A click waits until the stream has passed its new time, so a reference at that time comes first.

    Args:
        times: int64, shape (n,); clicks that wait since the last call, then new tags.
        channels: uint16, shape (n,).
        start: where the new tags begin.
        last: time of the tag before ``start``.
        kind: uint8, shape (65536,): what each channel is.
        delay_ps: positive.
        new_times: for the delayed stream; shape (n,) is always enough.
        new_channels: the same.

    Returns:
        From where on clicks wait, and how many tags were written; (place, ``BACKWARDS``) of a tag that is before the one before it.
    """
    waiting, written = 0, 0
    for i in range(start, times.shape[0]):
        time = times[i]
        if time < last:
            return i, BACKWARDS
        last = time
        while waiting < i and (kind[channels[waiting]] >= REFERENCE or times[waiting] + delay_ps < time):
            if kind[channels[waiting]] < REFERENCE:
                new_times[written] = times[waiting] + delay_ps
                new_channels[written] = channels[waiting]
                written += 1
            waiting += 1
        if kind[channels[i]] == REFERENCE:
            new_times[written] = time
            new_channels[written] = channels[i]
            written += 1
    return waiting, written
