"""The compiled half of the herald search: one pass over the tags; what goes from block to block is in the array ``carried``.

:mod:`.herald_search` is the interface and holds the rules of the arguments; :mod:`.herald_reference` says in numpy what must come out.

Whether the next tag is a reference, and whether a click is in its gate, is what no processor guesses, and a wrong guess costs more than
all the rest. So the tags go by in chunks that stay in the cache, in four steps none of which branches on what a tag is: references and
clicks are told apart (:func:`_split`), clicks are held against their gates (:func:`_gate`), the patterns of cycles that are over are
counted (:func:`_judge`), and the few that herald are written out (:func:`_write`). Each step goes only through what the one before has
left over. Where a step picks things out, it writes every one to the next free place and moves on from that place only if it is to stay.

The steps are compiled into :func:`scan` and are no kernels of their own. Indices are unsigned, which spares numba's test for negative ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable

from .herald_rule import NO_CLICK

# What a channel is, in the table ``kind`` of channels; the two lowest bits of a detector are its number.
OTHER, REFERENCE, DETECTOR = 0, 4, 8

# Places in ``rule``: openings and lengths of the four gates, from the reference edge until the last gate has closed, how much later than
# in the world the clicks are here (see :func:`delay`), and whether each of the 16 patterns is accepted.
OPENS_PS, LENGTH_PS, SPAN_PS, DELAY_PS, ACCEPTED = 0, 4, 8, 9, 10
RULE = ACCEPTED + 16

# Places in ``carried``: the cycle in hand, time of the last tag, the loss looked at last, first clicks of the cycle in hand, and the
# counters. How many cycles have no click, the first of the 16 patterns, is not counted here. SINGLES, REPEATS, OUTSIDE must stay together.
REFERENCE_PS, CYCLES, PATTERN, LAST_PS, LOSS = range(5)
FIRST_PS, SINGLES, REPEATS, OUTSIDE, LOST, BY_PATTERN = 5, 9, 13, 17, 21, 22
CARRIED = BY_PATTERN + 16

# What ``scan`` returns in place of a number of heralds.
BACKWARDS, TIES = -1, -2

CHUNK = 1024
"""Tags that are gone through at a time. ``scan`` may find this many heralds more than there is room for, and one."""

_U = np.uint64
_0, _1, _2, _3, _4 = (np.uint64(number) for number in range(5))


class Chunk(NamedTuple):
    """What is known of a chunk: of its cycles, by number from the cycle in hand (0) on; and of its clicks, in order.

    Attributes:
        edges: int64, ps: reference edges.
        patterns: uint8: detectors that have clicked in their gates.
        clicks: int64, ps after the edge, eight a cycle: first clicks of the four detectors, and a bin for the other clicks of each.
        places: int64, of each click: its place among the tags.
        owners: int64, of each click: four times its cycle, plus its detector.
        touched: int64: cycles with a pattern, in order.
    """

    edges: Any
    patterns: Any
    clicks: Any
    places: Any
    owners: Any
    touched: Any


@njit(nogil=True, cache=True)
def scan(times: Any, channels: Any, start: Any, now: Any, ordered: Any, kind: Any, rule: Any, losses: Any, carried: Any, out: Any) -> Any:  # noqa: ANN401
    """Go through the tags from ``start`` on, until they end or ``out`` is full; then decide the cycle in hand if it is over at ``now``.

    At equal times references come first, whatever the order in the stream; tags of one time must therefore come in one array.

    Args:
        times: int64, shape (n,), ps.
        channels: uint16, shape (n,).
        start: where to begin.
        now: ps; all tags before this time have been handed in.
        ordered: whether the tags are as :func:`references_first` gives them.
        kind: uint8, shape (65536,): what each channel is.
        rule: int64, shape (``RULE``,); no gate opens at a negative time.
        losses: int64, shape (m, 2), ps: start and end; sorted by start, so the first that ends late enough also starts first.
        carried: int64, shape (``CARRIED``,), is changed. ``carried[LOSS]`` must be 0 with new losses.
        out: ``HERALD_DTYPE``, shape (room + ``CHUNK`` + 1,), for the heralds found.

    Returns:
        Where it stopped, and the number of heralds. (place, ``BACKWARDS``): at some tag after that place time goes back. (place, ``TIES``):
        to go on from there, the tags must be ordered first.
    """
    count, room = times.shape[0], out.shape[0] - CHUNK - 1
    chunk = _chunk(min(CHUNK, count - start), carried)
    found, i = 0, start
    while True:
        end = min(i + CHUNK, count)
        while not ordered and i < end < count and times[end] == times[end - 1]:
            end -= 1  # no cut through tags of one time as long as their order is not known to be right
        if i < end:
            backwards, ties = _steps(times[i:end], carried[LAST_PS])
            if backwards:
                return i, BACKWARDS
            right = ordered or not ties or _references_are_first(times, channels, i, end, kind)
        else:
            right = i >= count  # else a whole chunk has one time
        if not right:
            return (i, found) if found else (i, TIES)
        last, clicks = _split(times, channels, i, end, kind, chunk)
        touched = _gate(times, clicks, last, rule, carried, chunk)
        in_hand = touched > 0 and chunk.touched[touched - 1] == last
        over = in_hand and end >= count and now - chunk.edges[last] >= rule[SPAN_PS]
        if over:
            chunk.edges[last + 1] = now
        accepted = _judge(touched - int(in_hand and not over), rule, carried, chunk)
        found = _write(accepted, found, rule, losses, carried, out, chunk)
        if over:
            chunk.patterns[last] = 0
        _carry(last, carried, chunk)
        if i < end:
            carried[LAST_PS] = times[end - 1]
        i = end
        if i >= count or found >= room:
            return i, found


@njit(nogil=True, cache=True)
def references_first(times: Any, channels: Any, start: Any, kind: Any) -> Any:  # noqa: ANN401
    """Channels in an order in which, from ``start`` on, references come first among tags of one time; times stay as they are.

    What else has one time may change places: a detector's clicks are alike, and nothing depends on the order of several detectors'.
    """
    ordered = channels.copy()
    free = start  # the first place of this time at which no reference is
    for i in range(start, times.shape[0]):
        if times[i] != times[free]:
            free = i
        if kind[ordered[i]] == REFERENCE:
            ordered[i], ordered[free] = ordered[free], ordered[i]
            free += 1
    return ordered


@register_jitable
def _chunk(tags: Any, carried: Any) -> Any:  # noqa: ANN401
    """Room for a chunk of so many tags, with the cycle in hand as its cycle 0."""
    chunk = Chunk(
        np.empty(tags + 2, np.int64),
        np.empty(tags + 2, np.uint8),
        np.empty(8 * (tags + 2), np.int64),
        np.empty(tags + 2, np.int64),
        np.empty(tags + 2, np.int64),
        np.empty(tags + 2, np.int64),
    )
    chunk.edges[0], chunk.patterns[0] = carried[REFERENCE_PS], carried[PATTERN]
    chunk.clicks[:4] = carried[FIRST_PS : FIRST_PS + 4]
    return chunk


@register_jitable
def _steps(times: Any, last: Any) -> Any:  # noqa: ANN401
    """How many times are before the one before them, the first of them before ``last``; and how many are the same."""
    now, before = times[1:], times[:-1]
    backwards, ties = np.int64(times[0] < last), 0
    for k in range(now.shape[0]):
        backwards += now[k] < before[k]
        ties += now[k] == before[k]
    return backwards, ties


@register_jitable
def _references_are_first(times: Any, channels: Any, begin: Any, end: Any, kind: Any) -> Any:  # noqa: ANN401
    """Whether among tags of one time no reference comes after another tag."""
    for i in range(begin + 1, end):
        if times[i] == times[i - 1] and kind[channels[i]] == REFERENCE and kind[channels[i - 1]] != REFERENCE:
            return False
    return True


@register_jitable
def _split(times: Any, channels: Any, begin: Any, end: Any, kind: Any, chunk: Any) -> Any:  # noqa: ANN401
    """Tell references and clicks apart: number of the last cycle, and number of clicks."""
    edges, places, owners = chunk.edges, chunk.places, chunk.owners
    cycle, clicks = _0, _0
    for i in range(begin, end):
        what = _U(kind[channels[_U(i)]])
        edges[cycle + _1] = times[_U(i)]
        cycle += (what >> _2) & _1  # the bit of REFERENCE
        places[clicks], owners[clicks] = i, (cycle << _2) + (what & _3)
        clicks += what >> _3  # the bit of DETECTOR
    return np.int64(cycle), np.int64(clicks)


@register_jitable
def _gate(times: Any, clicks: Any, last: Any, rule: Any, carried: Any, chunk: Any) -> Any:  # noqa: ANN401
    """Hold the clicks against their gates; the number of cycles, up to the ``last``, with a pattern."""
    edges, patterns, first, places, owners, touched = chunk.edges, chunk.patterns, chunk.clicks, chunk.places, chunk.owners, chunk.touched
    patterns[1 : last + 1] = 0
    touched[0] = 0
    count = _U(patterns[0] != 0)
    for k in range(clicks):
        owner = _U(owners[_U(k)])
        cycle, detector = owner >> _2, owner & _3
        offset = times[_U(places[_U(k)])] - edges[cycle]
        # One comparison for both ends of the gate: what is before its opening is far behind its end, unsigned.
        inside = _U(_U(offset - rule[detector]) < _U(rule[detector + _U(LENGTH_PS)]))
        pattern = _U(patterns[cycle])
        again = inside & (pattern >> detector)
        outside = _1 - inside
        carried[_U(SINGLES) + _4 * (again + (outside << _1)) + detector] += 1
        first[(cycle << _3) + _4 * (outside + again) + detector] = offset
        patterns[cycle] = pattern | (inside << detector)
        touched[count] = cycle
        count += inside & _U(pattern == _0)
    return np.int64(count)


@register_jitable
def _judge(count: Any, rule: Any, carried: Any, chunk: Any) -> Any:  # noqa: ANN401
    """Count the patterns of cycles that are over; keep those that are accepted, and return how many they are."""
    touched = chunk.touched
    accepted = _0
    for k in range(count):
        cycle = touched[_U(k)]
        pattern = _U(chunk.patterns[_U(cycle)])
        carried[_U(BY_PATTERN) + pattern] += 1
        touched[accepted] = cycle
        accepted += _U(rule[_U(ACCEPTED) + pattern])
    return np.int64(accepted)


@register_jitable
def _write(count: Any, found: Any, rule: Any, losses: Any, carried: Any, out: Any, chunk: Any) -> Any:  # noqa: ANN401
    """Write out the cycles that herald, those that a loss touches left out; the number of heralds found until now."""
    loss, delay_ps = carried[LOSS], rule[DELAY_PS]
    for k in range(count):
        cycle = chunk.touched[k]
        reference, pattern = chunk.edges[cycle], np.int64(chunk.patterns[cycle])
        while loss < losses.shape[0] and losses[loss, 1] < reference - delay_ps:
            loss += 1
        if loss < losses.shape[0] and losses[loss, 0] < min(chunk.edges[cycle + 1], reference + rule[SPAN_PS]):
            carried[LOST] += 1
            continue
        row = out[found]
        row.reference_ps, row.cycle, row.pattern = reference, carried[CYCLES] - 1 + cycle, pattern
        for detector in range(4):
            clicked = pattern >> detector & 1
            # A product where a choice is meant, lest the compiler make a branch of it.
            row.clicks_ps[detector] = NO_CLICK + clicked * (chunk.clicks[8 * cycle + detector] - delay_ps - NO_CLICK)
        found += 1
    carried[LOSS] = loss
    return found


@register_jitable
def _carry(last: Any, carried: Any, chunk: Any) -> None:  # noqa: ANN401
    """Make the last cycle the cycle in hand, here and in ``carried``."""
    chunk.edges[0], chunk.patterns[0] = chunk.edges[last], chunk.patterns[last]
    for detector in range(4):
        chunk.clicks[detector] = chunk.clicks[8 * last + detector]
    carried[REFERENCE_PS], carried[PATTERN] = chunk.edges[0], chunk.patterns[0]
    carried[FIRST_PS : FIRST_PS + 4] = chunk.clicks[:4]
    carried[CYCLES] += last


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
        while waiting < i and (kind[channels[waiting]] < DETECTOR or times[waiting] + delay_ps < time):
            if kind[channels[waiting]] >= DETECTOR:
                new_times[written] = times[waiting] + delay_ps
                new_channels[written] = channels[waiting]
                written += 1
            waiting += 1
        if kind[channels[i]] == REFERENCE:
            new_times[written] = time
            new_channels[written] = channels[i]
            written += 1
    return waiting, written
