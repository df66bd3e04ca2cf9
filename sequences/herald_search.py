"""Find heralds in a stream of time tags, block by block; any split of the stream into blocks gives the same.

What a herald is (the hardware of the links decides likewise):

* A *cycle* begins with a reference edge and ends with the next one, or when its last gate has closed. A click belongs to the last cycle
  that has begun; without a reference there is no gate. A reference comes before a click of the same time.
* With a negative gate, cycles begin that much before their reference edge: as if every detector had so much more cable that no gate is
  negative any more. The last photons of a cycle can thus not be taken for the first of the next one, nor the other way round.
* Only the first click of a detector in its gate counts. Its pattern must be one of the accepted ones *exactly*: one more click vetoes.
* A cycle that a loss touches heralds not, nor one that the end of the stream cuts. What the tagger did not see could have vetoed.

:mod:`.herald_reference` says the same in numpy for a whole stream at once, and is what this is tested against.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, DeviceProtocolError
from . import herald_kernel as kernel
from .herald_rule import HERALD_DTYPE, NO_CLICK, PATTERNS, GatedDetector, HeraldCounters, HeraldRule, Heralds

__all__ = ["HERALD_DTYPE", "MAX_TIME_PS", "NO_CLICK", "GatedDetector", "HeraldCounters", "HeraldRule", "HeraldSearch", "Heralds"]

MAX_TIME_PS = 2**62
"""Later times are refused (53 days): sums of times must stay within 64 bit."""

MIN_TIME_PS = -(2**60)
_NEVER = -(2**61)  # the reference edge before the first one: so early that all its gates have closed
_ALWAYS = 2**62 + 2**33  # by then all gates have closed

_ROOM = 1 << 15  # heralds that the kernel finds before it hands them over
_CHUNK = 1 << 18  # tags that are delayed at a time

_Scalar = TypeVar("_Scalar", bound=np.generic)
_Times = NDArray[np.int64]
_Channels = NDArray[np.int16]
_Bytes = NDArray[np.uint8]  # of heralds: numpy copies records field by field, which takes several times as long


class HeraldSearch:
    """The search in one stream. Not for several threads at once; the kernels run without the interpreter's lock.

    Args:
        rule: which clicks are a herald.
        source: name of the tagger or file, for messages.
        room: heralds that are found before they are handed over; only speed depends on it.
    """

    def __init__(self, rule: HeraldRule, *, source: str = "time tags", room: int = _ROOM) -> None:
        if room < 1:
            raise ConfigError(f"{source}: room for {room} heralds; there must be one place at least")
        self._rule = rule
        self._delay_ps = rule.delay_ps
        self._source = source
        self._kind, self._gates = _kernel_rule(rule)
        self._carried = np.zeros(kernel.CARRIED, np.int64)
        self._carried[[kernel.REFERENCE_PS, kernel.LAST_PS]] = _NEVER
        self._out = np.empty(room + kernel.CHUNK + 1, HERALD_DTYPE)
        self._held_times, self._held_channels = np.empty(0, np.int64), np.empty(0, np.int16)
        self._seen_ps: int | None = None
        self._losses = np.empty((0, 2), np.int64)
        self._over = ""

    @property
    def counters(self) -> HeraldCounters:
        """Counters so far. Tags that wait for a decision (those of the last time, clicks before a negative gate) are not in yet."""
        numbers = self._carried.tolist()
        references, lost, patterns = numbers[kernel.CYCLES], numbers[kernel.LOST], numbers[kernel.BY_PATTERN :]
        patterns[0] = references - self._in_hand() - sum(patterns[1:])
        used = len(self._rule.detectors)
        singles, repeats, outside = (tuple(numbers[place : place + used]) for place in (kernel.SINGLES, kernel.REPEATS, kernel.OUTSIDE))
        return HeraldCounters(references, singles, repeats, outside, tuple(patterns), lost)

    def feed(self, times: _Times, channels: _Channels, losses: Iterable[tuple[int, int]] = ()) -> Heralds:
        """Search the next tags.

        Args:
            times: int64, shape (n,), ps, non-decreasing, also from block to block.
            channels: int16, shape (n,). Channels that the rule does not name are ignored.
            losses: (start_ps, end_ps) of times in which tags may be missing, both ends included; overlapping ones and several pieces of
                one are fine. A loss must come before, or together with, the first tag after its start.

        Returns:
            Heralds decided by these tags, in order of time. A cycle is decided by the first tag after it.

        Raises:
            ConfigError: arrays of other types or shapes, or the search is over.
            DeviceProtocolError: times go backwards, a loss ends before it starts or comes too late. The search is then over: what it
                found before stands, but nothing more can be found in this stream.
        """
        self._require_going_on()
        times, channels = _checked(self._source, times, channels)
        self._note_losses(losses)
        if not len(times):
            return self._collect([])
        self._check_ends(times)
        if self._seen_ps is None:
            self._add_losses([(-MAX_TIME_PS, int(times[0]) - 1)])  # before the stream: what a cycle begun there missed is not known
        pieces = list(self._delayed(times, channels) if self._delay_ps else self._in_order(times, channels))
        self._seen_ps = int(times[-1])
        pieces += self._settle(self._seen_ps)
        self._forget_losses(self._seen_ps)
        return self._collect(pieces)

    def finish(self, end_ps: int | None = None) -> Heralds:
        """Search what still waits; the search is over then.

        Args:
            end_ps: until when the tagger was taking tags; by default the time of the last tag. A cycle whose gates had not all closed
                by then heralds not.

        Returns:
            The last heralds.

        Raises:
            ConfigError: the search is over, or ``end_ps`` is before the last tag.
        """
        self._require_going_on()
        if self._seen_ps is None:
            self._over = "it has been finished"
            return self._collect([])
        end = self._seen_ps if end_ps is None else end_ps
        if end < self._seen_ps:
            raise ConfigError(f"{self._source}: the stream cannot end at {end} ps, there is a tag at {self._seen_ps} ps")
        self._add_losses([(min(end, MAX_TIME_PS), _ALWAYS)])
        if self._delay_ps:
            delayed, inputs = self._delay(np.array([_ALWAYS]), np.array([self._rule.reference], np.int16), self._seen_ps)
            pieces = list(self._scan(delayed[:-1], inputs[:-1]))  # without that last reference, which has only let the clicks out
        else:
            pieces = list(self._scan(self._held_times, self._held_channels.view(np.uint16)))
        pieces += self._settle(_ALWAYS)
        self._seen_ps = _ALWAYS
        self._over = "it has been finished"
        return self._collect(pieces)

    # -- the two ways through the tags -----------------------------------------------------------------------------------------------------

    def _in_order(self, times: _Times, channels: _Channels) -> Iterator[_Bytes]:
        """No negative gate: the tags as they are. Those of the last time wait, as a reference of that time may still come."""
        held = self._held_times, self._held_channels
        if len(held[0]):
            ties = int(np.searchsorted(times, held[0][0], "right"))
            if ties:
                self._require_one_time(times[:ties], held[0][0], times)
                held = np.append(held[0], times[:ties]), np.append(held[1], channels[:ties])
                times, channels = times[ties:], channels[ties:]
            if not len(times):
                self._held_times, self._held_channels = held
                return
            yield from self._scan(held[0], held[1].view(np.uint16))
        tail = int(np.searchsorted(times, times[-1], "left"))
        self._require_one_time(times[tail:], times[-1], times)
        yield from self._scan(times[:tail], channels[:tail].view(np.uint16))
        self._held_times, self._held_channels = times[tail:].copy(), channels[tail:].copy()

    def _delayed(self, times: _Times, channels: _Channels) -> Iterator[_Bytes]:
        """A negative gate: the detectors delayed, in pieces that fit into the cache."""
        last = _NEVER if self._seen_ps is None else self._seen_ps
        for begin in range(0, len(times), _CHUNK):
            new = times[begin : begin + _CHUNK], channels[begin : begin + _CHUNK]
            yield from self._scan(*self._delay(*new, last))
            last = int(new[0][-1])

    def _delay(self, times: _Times, channels: _Channels, last_ps: int) -> tuple[_Times, NDArray[np.uint16]]:
        """The stream with the detectors delayed, as far as it is known; the clicks that wait are held."""
        held = len(self._held_times)
        times, inputs = np.append(self._held_times, times), np.append(self._held_channels, channels).view(np.uint16)
        new_times, new_inputs = np.empty_like(times), np.empty_like(inputs)
        waiting, written = kernel.delay(times, inputs, held, last_ps, self._kind, self._delay_ps, new_times, new_inputs)
        if written == kernel.BACKWARDS:
            self._fail_backwards(np.append(last_ps, times[held:]))
        clicks = waiting + np.flatnonzero(self._kind[inputs[waiting:]] >= kernel.DETECTOR)
        self._held_times, self._held_channels = times[clicks], inputs[clicks].view(np.int16)
        return new_times[:written], new_inputs[:written]

    def _scan(self, times: _Times, channels: NDArray[np.uint16], now_ps: int = _NEVER) -> Iterator[_Bytes]:
        """Run the kernel over tags in order; then decide the cycle in hand if it is over by now."""
        times, channels = _read_only(times), _read_only(channels)
        self._carried[kernel.LOSS] = 0
        place, ordered = 0, False
        while True:
            place, found = kernel.scan(
                times, channels, place, now_ps, ordered, self._kind, self._gates, self._losses, self._carried, self._out
            )
            if found == kernel.BACKWARDS:
                self._fail_backwards(times)
            if found == kernel.TIES:
                channels, ordered = _read_only(kernel.references_first(times, channels, place, self._kind)), True
                continue
            if found:
                yield self._out[:found].view(np.uint8).copy()
            if place >= len(times):
                return

    def _settle(self, now_ps: int) -> Iterator[_Bytes]:
        """Decide the cycle in hand if it is over by now."""
        return self._scan(np.empty(0, np.int64), np.empty(0, np.uint16), now_ps)

    def _in_hand(self) -> bool:
        """Whether a cycle has begun that is not decided yet."""
        if not self._carried[kernel.CYCLES] or self._seen_ps is None:
            return False
        return self._seen_ps - int(self._carried[kernel.REFERENCE_PS]) < int(self._gates[kernel.SPAN_PS])

    # -- losses ----------------------------------------------------------------------------------------------------------------------------

    def _note_losses(self, losses: Iterable[tuple[int, int]]) -> None:
        """Take what the caller reports, after a check."""
        new = [(int(start), int(end)) for start, end in losses]
        for start, end in new:
            if end < start:
                self._fail(f"a loss from {start} to {end} ps ends before it starts")
            if self._seen_ps is not None and start < self._seen_ps:
                self._fail(f"a loss from {start} ps on is told after the tag at {self._seen_ps} ps has been searched")
        if new:
            self._add_losses(new)

    def _add_losses(self, losses: list[tuple[int, int]]) -> None:
        """Sort losses in by their start."""
        clipped = np.clip(np.array(losses, dtype=object), -MAX_TIME_PS, _ALWAYS).astype(np.int64)
        both = np.concatenate([self._losses, clipped])
        self._losses = both[np.argsort(both[:, 0], kind="stable")]

    def _forget_losses(self, now_ps: int) -> None:
        """Drop losses that no cycle can meet any more."""
        if len(self._losses):
            oldest = min(now_ps, int(self._carried[kernel.REFERENCE_PS])) if self._in_hand() else now_ps
            self._losses = self._losses[self._losses[:, 1] >= oldest - self._delay_ps]

    # -- arguments -------------------------------------------------------------------------------------------------------------------------

    def _check_ends(self, times: _Times) -> None:
        """First and last time; what is between them the kernels check."""
        first, last = int(times[0]), int(times[-1])
        if self._seen_ps is not None and first < self._seen_ps:
            self._fail(f"tags go back in time: a block begins at {first} ps, the one before it ended at {self._seen_ps} ps")
        if first < MIN_TIME_PS or last > MAX_TIME_PS:
            self._fail(f"times from {first} to {last} ps are beyond what can be searched ({MIN_TIME_PS} to {MAX_TIME_PS} ps)")

    def _require_one_time(self, ties: _Times, time: np.int64, times: _Times) -> None:
        """A search by halves is right in a sorted array only, and nobody has looked yet whether this one is."""
        if (len(ties) > 1 and np.any(ties != time)) or ties[0] != time:
            self._fail_backwards(times)

    def _fail_backwards(self, times: _Times) -> None:
        steps = np.flatnonzero(times[1:] < times[:-1])
        where = f" from {times[steps[0]]} to {times[steps[0] + 1]} ps" if len(steps) else ""
        self._fail(f"tags go back in time{where}")

    def _fail(self, problem: str) -> None:
        self._over = problem
        raise DeviceProtocolError(self._source, f"{problem}; heralds after this cannot be trusted, begin a new search on a sound stream")

    def _require_going_on(self) -> None:
        if self._over:
            raise ConfigError(f"{self._source}: this search is over ({self._over}); make a new one")

    @staticmethod
    def _collect(pieces: list[_Bytes]) -> Heralds:
        return np.concatenate([np.empty(0, np.uint8), *pieces]).view(HERALD_DTYPE)


def _checked(source: str, times: _Times, channels: _Channels) -> tuple[_Times, _Channels]:
    """Arrays of tags as the kernels take them, without a copy where they are whole."""
    if getattr(times, "dtype", None) != np.int64 or getattr(channels, "dtype", None) != np.int16:
        kinds = [str(getattr(tags, "dtype", type(tags).__name__)) for tags in (times, channels)]
        raise ConfigError(f"{source}: tags of type {kinds[0]} and {kinds[1]}; times must be int64 and channels int16")
    if times.ndim != 1 or times.shape != channels.shape:
        raise ConfigError(f"{source}: times of shape {times.shape} and channels of shape {channels.shape}; both must have shape (n,)")
    return np.ascontiguousarray(times), np.ascontiguousarray(channels)


def _read_only(tags: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """A view that cannot be written: kernels are compiled for one kind of array only, and memory maps are read-only."""
    view = tags.view()
    view.flags.writeable = False
    return view


def _kernel_rule(rule: HeraldRule) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The rule as the kernels want it, ``kind`` and ``rule``, with clicks delayed so that no gate is negative."""
    kind = np.full(2**16, kernel.OTHER, np.uint8)
    kind[rule.reference % 2**16] = kernel.REFERENCE
    gates = np.zeros(kernel.RULE, np.int64)
    for bit, detector in enumerate(rule.detectors):
        kind[detector.channel % 2**16] = kernel.DETECTOR + bit
        gates[kernel.OPENS_PS + bit] = detector.start_ps + rule.delay_ps
        gates[kernel.LENGTH_PS + bit] = detector.length_ps
    gates[kernel.SPAN_PS] = rule.end_ps + rule.delay_ps
    gates[kernel.DELAY_PS] = rule.delay_ps
    gates[kernel.ACCEPTED :] = np.isin(np.arange(PATTERNS), rule.accepted)
    return kind, gates


def warm_up() -> None:
    """Compile the kernels, or load them from their cache: a search with and one without a negative gate, and with a tie to be put right."""
    for start_ps in (0, -1):
        search = HeraldSearch(HeraldRule(0, (GatedDetector(1, start_ps, 5),), (1,)))
        search.feed(np.array([0, 1, 1, 9], np.int64), np.array([0, 1, 0, 0], np.int16))
        search.finish()
