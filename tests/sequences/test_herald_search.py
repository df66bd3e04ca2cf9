"""Heralds in time tags: what one is, by hand; the compiled search against the one in numpy; any split into blocks gives the same."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.errors import ConfigError, DeviceProtocolError
from eventready.sequences import herald_kernel, herald_search
from eventready.sequences.herald_reference import search_whole
from eventready.sequences.herald_search import (
    HERALD_DTYPE,
    MAX_TIME_PS,
    NO_CLICK,
    GatedDetector,
    HeraldRule,
    HeraldSearch,
    warm_up,
)

SYNC, CH, CV, DH, DV, OTHER = 0, 1, 2, 3, 4, 9
RULE = HeraldRule(SYNC, tuple(GatedDetector(channel, 100, 50) for channel in (CH, CV, DH, DV)), accepted=(0b0011, 0b1100))
EARLY = dataclasses.replace(RULE, detectors=tuple(GatedDetector(channel, -20, 50) for channel in (CH, CV, DH, DV)))


def arrays(tags):
    return np.array([time for time, _ in tags], np.int64), np.array([channel for _, channel in tags], np.int16)


def rows(heralds):
    """Heralds as plain (reference, cycle, pattern, clicks)."""
    columns = (heralds[name].tolist() for name in ("reference_ps", "cycle", "pattern", "clicks_ps"))
    return list(zip(*columns, strict=True))


def search(tags, losses=(), rule=RULE, end_ps=None):
    """Feed all tags at once; the heralds as rows, and the counters."""
    one = HeraldSearch(rule)
    heralds = np.concatenate([one.feed(*arrays(tags), losses), one.finish(end_ps)])
    return rows(heralds), one.counters


def cycles(tags, losses=(), rule=RULE, end_ps=None):
    """Numbers of the cycles that herald."""
    return [cycle for _, cycle, _, _ in search(tags, losses, rule, end_ps)[0]]


# -- what a herald is, by hand -------------------------------------------------------------------------------------------------------------


def test_two_clicks_of_an_accepted_pair_in_their_gates_are_a_herald():
    heralds, counters = search([(1000, SYNC), (1110, CV), (1120, CH), (2000, SYNC), (2130, DH), (2149, DV), (3000, SYNC)])
    assert heralds == [
        (1000, 0, 0b0011, [120, 110, NO_CLICK, NO_CLICK]),
        (2000, 1, 0b1100, [NO_CLICK, NO_CLICK, 130, 149]),
    ]
    assert counters.references == 3
    assert counters.singles == (1, 1, 1, 1)
    assert counters.repeats == counters.outside == (0, 0, 0, 0)
    assert counters.patterns == (1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0)
    assert counters.lost == 0


def test_one_more_click_vetoes():
    heralds, counters = search([(0, SYNC), (110, CH), (120, CV), (130, DV), (1000, SYNC)])
    assert heralds == []
    assert counters.patterns[0b1011] == 1


def test_a_pattern_that_is_not_accepted_is_no_herald():
    assert cycles([(0, SYNC), (110, CH), (120, DH), (1000, SYNC)]) == []
    assert cycles([(0, SYNC), (110, CH), (1000, SYNC)]) == []


@pytest.mark.parametrize(("offset", "inside"), [(99, False), (100, True), (149, True), (150, False)])
def test_a_gate_is_open_from_its_start_and_closed_at_its_end(offset, inside):
    heralds, counters = search(sorted([(0, SYNC), (offset, CH), (120, CV), (1000, SYNC)]))
    assert bool(heralds) == inside
    assert counters.outside[0] == (not inside)


def test_a_click_outside_its_gate_does_not_veto():
    heralds, counters = search([(0, SYNC), (50, DV), (110, CH), (120, CV), (150, DH), (700, DV), (1000, SYNC)])
    assert heralds == [(0, 0, 0b0011, [110, 120, NO_CLICK, NO_CLICK])]
    assert counters.outside == (0, 0, 1, 2)


def test_only_the_first_click_of_a_detector_in_its_gate_counts():
    heralds, counters = search([(0, SYNC), (90, CH), (110, CH), (111, CH), (120, CV), (149, CH), (160, CH), (1000, SYNC)])
    assert heralds == [(0, 0, 0b0011, [110, 120, NO_CLICK, NO_CLICK])]
    assert (counters.singles[0], counters.repeats[0], counters.outside[0]) == (1, 2, 2)


def test_each_detector_has_its_own_gate():
    rule = HeraldRule(SYNC, (GatedDetector(CH, 10, 5), GatedDetector(CV, 300, 5)), accepted=(0b11,))
    assert cycles([(0, SYNC), (12, CH), (303, CV), (1000, SYNC), (1012, CH), (1013, CV), (2000, SYNC)], rule=rule) == [0]


def test_without_a_reference_there_is_no_gate():
    heralds, counters = search([(110, CH), (120, CV), (1000, SYNC)])
    assert heralds == []
    assert counters.outside == (1, 1, 0, 0)
    assert counters.singles == (0, 0, 0, 0)


def test_a_missed_reference_leaves_no_gate_open():
    """At a period of 1000 ps the reference at 1000 ps is missing: the clicks after it are in no gate, not in a stale one."""
    heralds, counters = search([(0, SYNC), (1110, CH), (1120, CV), (2000, SYNC), (2110, CH), (2120, CV), (3000, SYNC)])
    assert [(reference, cycle) for reference, cycle, _, _ in heralds] == [(2000, 1)]
    assert counters.outside == (1, 1, 0, 0)


def test_the_next_reference_ends_a_cycle_although_its_gates_are_open():
    # In cycle 0 the second click comes after the next reference, and too early for the gate of that one.
    heralds, counters = search([(0, SYNC), (110, CH), (115, SYNC), (120, CV), (1000, SYNC)])
    assert heralds == []
    assert counters.patterns[0b0001] == 1
    assert counters.outside[1] == 1
    # What has clicked until then decides; a third click comes too late to veto.
    assert cycles([(0, SYNC), (110, CH), (112, CV), (115, SYNC), (120, DV), (1000, SYNC)]) == [0]


def test_a_reference_comes_before_a_click_of_the_same_time():
    rule = HeraldRule(SYNC, (GatedDetector(CH, 0, 10), GatedDetector(CV, 0, 10)), accepted=(0b11,))
    for order in ([(5, CH), (5, SYNC), (5, CV)], [(5, SYNC), (5, CH), (5, CV)], [(5, CV), (5, CH), (5, SYNC)]):
        heralds, counters = search([(0, SYNC), *order, (50, SYNC)], rule=rule)
        assert heralds == [(5, 1, 0b11, [0, 0, NO_CLICK, NO_CLICK])]
        assert counters.patterns[:4] == (2, 0, 0, 1)
        assert counters.outside == (0, 0)


def test_of_two_references_at_one_time_the_second_counts():
    assert cycles([(0, SYNC), (0, SYNC), (110, CH), (110, CV), (500, SYNC)]) == [1]


def test_a_click_before_its_reference_belongs_to_a_negative_gate():
    heralds, _ = search([(0, SYNC), (985, CH), (1000, SYNC), (1010, CV), (2000, SYNC)], rule=EARLY)
    assert heralds == [(1000, 1, 0b0011, [-15, 10, NO_CLICK, NO_CLICK])]


@pytest.mark.parametrize(("time", "inside"), [(979, False), (980, True), (1000, True), (1029, True), (1030, False)])
def test_borders_of_a_negative_gate(time, inside):
    heralds, _ = search(sorted([(0, SYNC), (time, CH), (1000, SYNC), (1010, CV), (2000, SYNC)]), rule=EARLY)
    assert [cycle for _, cycle, _, _ in heralds] == [1] * inside


def test_with_negative_gates_a_click_belongs_to_one_cycle_only():
    """References 30 ps apart: a click at 15 ps is in the gates of both; it belongs to the cycle that has begun last, at 10 ps."""
    heralds, counters = search([(0, SYNC), (5, CH), (6, CV), (15, DH), (16, DV), (30, SYNC), (1000, SYNC)], rule=EARLY, end_ps=2000)
    # The first cycle began before the first tag, when nobody looked; it heralds not.
    assert heralds == [(30, 1, 0b1100, [NO_CLICK, NO_CLICK, -15, -14])]
    assert counters.lost == 1
    assert sum(counters.singles) == 4


def test_a_gate_may_close_before_its_reference():
    rule = HeraldRule(SYNC, (GatedDetector(CH, -100, 50),), accepted=(1,))
    heralds, counters = search([(0, SYNC), (920, CH), (960, CH), (1000, SYNC), (2000, SYNC)], rule=rule)
    assert heralds == [(1000, 1, 1, [-80, NO_CLICK, NO_CLICK, NO_CLICK])]
    assert counters.outside == (1,)


HERALD = [(1000, SYNC), (1110, CH), (1120, CV), (2000, SYNC), (3000, SYNC)]


@pytest.mark.parametrize(
    ("loss", "heralds"),
    [
        ((900, 999), True),
        ((900, 1000), False),
        ((1100, 1100), False),
        ((1130, 1140), False),
        ((1149, 1300), False),
        ((1150, 1300), True),  # the last gate has closed
        ((0, 5000), False),
        ((2000, 2500), True),
    ],
)
def test_no_herald_of_a_cycle_that_a_loss_touches(loss, heralds):
    assert cycles(HERALD, [loss]) == [0] * heralds
    assert search(HERALD, [loss])[1].lost == (not heralds)


@pytest.mark.parametrize(("loss", "heralds"), [((900, 979), True), ((900, 980), False), ((1049, 1060), False), ((1050, 1060), True)])
def test_a_loss_touches_a_negative_gate_and_the_references_that_decide_about_it(loss, heralds):
    """The cycle begins 20 ps before its reference, and until 20 ps after its last gate a lost reference would have taken its clicks."""
    tags = [(0, SYNC), (985, CH), (1000, SYNC), (1010, CV), (2000, SYNC)]
    assert cycles(tags, [loss], rule=EARLY) == [1] * heralds


def test_after_a_lost_reference_the_one_before_opens_no_gate():
    """Gates longer than the period: the reference at 1000 ps is lost, and clicks after it are in gates that were opened at 0 ps."""
    rule = dataclasses.replace(RULE, detectors=tuple(GatedDetector(channel, 100, 2000) for channel in (CH, CV, DH, DV)))
    tags = [(0, SYNC), (1500, CH), (1510, CV), (5000, SYNC), (9000, SYNC)]
    assert cycles(tags, rule=rule) == [0]
    assert cycles(tags, [(900, 1100)], rule=rule) == []


def test_a_cycle_that_the_end_of_the_stream_cuts_heralds_not():
    tags = [(0, SYNC), (110, CH), (120, CV)]
    assert cycles(tags) == []
    assert cycles(tags, end_ps=149) == []
    assert cycles(tags, end_ps=150) == [0]
    assert search(tags)[1].lost == 1
    assert search(tags)[1].patterns[0b0011] == 1


def test_a_herald_is_told_as_soon_as_it_is_decided():
    one = HeraldSearch(RULE)
    assert len(one.feed(*arrays([(0, SYNC), (110, CH), (120, CV)]))) == 0
    assert len(one.feed(*arrays([(149, OTHER)]))) == 0
    assert len(one.feed(*arrays([(150, OTHER)]))) == 1
    assert one.counters.patterns[0b0011] == 1
    assert len(one.finish()) == 0


def test_cycles_are_counted_through_blocks_and_other_channels_ignored():
    one = HeraldSearch(RULE)
    one.feed(*arrays([(k * 1000, SYNC) for k in range(70)]))
    one.feed(*arrays([(70_000, SYNC), (70_105, OTHER), (70_105, -CH), (70_110, CH), (70_120, CV)]))
    heralds = one.feed(*arrays([(71_000, SYNC)]))
    assert heralds["cycle"].tolist() == [70]
    assert heralds.dtype == HERALD_DTYPE
    assert one.counters.outside == (0, 0, 0, 0)


def test_times_of_weeks_and_before_zero():
    late = MAX_TIME_PS - 5000
    for start in (late, -5000):
        tags = [(time + start, channel) for time, channel in HERALD]
        assert [reference for reference, _, _, _ in search(tags)[0]] == [1000 + start]
        early = [(time + start, channel) for time, channel in [(0, SYNC), (985, CH), (1000, SYNC), (1010, CV), (2000, SYNC)]]
        assert cycles(early, rule=EARLY) == [1]


def test_a_search_without_tags():
    one = HeraldSearch(RULE)
    assert len(one.feed(*arrays([]))) == len(one.finish()) == 0
    assert one.counters.references == sum(one.counters.patterns) == 0


# -- compiled against numpy, and any split -------------------------------------------------------------------------------------------------

CHANNELS = st.sampled_from([SYNC, SYNC, SYNC, CH, CV, DH, DV, OTHER, -CH])


@st.composite
def rules(draw):
    gates = [GatedDetector(channel, draw(st.integers(-6, 6)), draw(st.integers(1, 9))) for channel in (CH, CV, DH, DV)]
    used = draw(st.integers(1, 4))
    patterns = draw(st.sets(st.integers(1, 2**used - 1), min_size=1))
    return HeraldRule(SYNC, tuple(gates[:used]), tuple(patterns))


@st.composite
def streams(draw):
    steps = draw(st.lists(st.tuples(st.integers(0, 4), CHANNELS), max_size=60))
    times = np.cumsum([step for step, _ in steps], dtype=np.int64) + draw(st.integers(-50, 50))
    channels = np.array([channel for _, channel in steps], np.int16)
    starts = draw(st.lists(st.tuples(st.integers(-60, 260), st.integers(0, 9)), max_size=4))
    return times, channels, sorted((start, start + length) for start, length in starts)


def fed(one, times, channels, losses, cuts):
    """Feed in pieces; each loss comes with the block that has the first tag after its start."""
    edges = [0, *sorted(cuts), len(times)]
    heralds, losses = [], list(losses)
    for begin, end in pairwise(edges):
        due = [loss for loss in losses if begin < end and loss[0] < times[end - 1]]
        losses = losses[len(due) :]
        heralds.append(one.feed(times[begin:end], channels[begin:end], due))
    heralds.append(one.feed(times[:0], channels[:0], losses))
    return np.concatenate(heralds)


@given(rules(), streams(), st.data())
def test_the_compiled_search_finds_what_numpy_finds_however_the_stream_is_cut(rule, stream, data):
    times, channels, losses = stream
    cuts = data.draw(st.lists(st.integers(0, len(times)), max_size=5))
    end_ps = data.draw(st.none() | st.integers(0, 20))
    if end_ps is not None:
        end_ps += int(times[-1]) if len(times) else 0
    one = HeraldSearch(rule, room=data.draw(st.sampled_from([1, 2, 1000])))
    heralds = np.concatenate([fed(one, times, channels, losses, cuts), one.finish(end_ps)])
    expected, counters = search_whole(rule, times, channels, losses, end_ps)
    assert rows(heralds) == rows(expected)
    assert one.counters == counters
    clicks = [int((channels == detector.channel).sum()) for detector in rule.detectors]
    assert [sum(kinds) for kinds in zip(counters.singles, counters.repeats, counters.outside, strict=True)] == clicks
    assert sum(counters.patterns) == counters.references


def busy_stream(rng, tags):
    """Ties, doubled and missing references, repeated clicks."""
    times = np.cumsum(rng.choice([0, 1, 2, 3, 20], tags), dtype=np.int64)
    return times, rng.choice(np.array([SYNC, CH, CV, DH, DV, OTHER], np.int16), tags, p=[0.3, 0.16, 0.16, 0.16, 0.16, 0.06])


BUSY_RULES = [
    HeraldRule(SYNC, tuple(GatedDetector(channel, start, 6) for channel in (CH, CV, DH, DV)), accepted=(1, 2, 3, 5, 10, 12))
    for start in (1, 0, -4)
]


@pytest.mark.parametrize("rule", BUSY_RULES)
def test_every_cut_gives_the_same_and_what_is_told_depends_on_the_tags_so_far_only(rule):
    times, channels = busy_stream(np.random.default_rng(5), 150)
    losses = [(start, start + 6) for start in range(15, 700, 30)] + [(705, 706), (706, 710)]
    tag_by_tag = HeraldSearch(rule)
    told = []
    for k in range(len(times)):
        due = [loss for loss in losses if (k == 0 or loss[0] >= times[k - 1]) and loss[0] < times[k]]
        told += rows(tag_by_tag.feed(times[k : k + 1], channels[k : k + 1], due))
        halves, prefix = HeraldSearch(rule), HeraldSearch(rule)
        known = [loss for loss in losses if loss[0] < times[k]]
        assert rows(fed(prefix, times[: k + 1], channels[: k + 1], known, [])) == told
        assert prefix.counters == tag_by_tag.counters
        both = rows(fed(halves, times, channels, losses, [k])) + rows(halves.finish())
        whole, counters = search_whole(rule, times, channels, losses)
        assert both == rows(whole)
        assert halves.counters == counters
    assert told + rows(tag_by_tag.finish()) == rows(whole)
    assert len(whole) > 3
    assert counters.lost > 0


@pytest.mark.parametrize("rule", BUSY_RULES)
def test_a_long_stream_in_blocks_of_many_sizes(rule, monkeypatch):
    monkeypatch.setattr(herald_search, "_CHUNK", 7_001)
    rng = np.random.default_rng(6)
    times, channels = busy_stream(rng, 200_000)
    losses = [(start, start + 30) for start in sorted(rng.integers(0, times[-1], 200).tolist())]
    cuts = rng.integers(0, len(times), 50).tolist()
    one = HeraldSearch(rule, room=100)
    heralds = np.concatenate([fed(one, times, channels, losses, cuts), one.finish()])
    expected, counters = search_whole(rule, times, channels, losses)
    assert np.array_equal(heralds, expected)
    assert one.counters == counters
    assert len(heralds) > 1000


@pytest.mark.parametrize("before", range(herald_kernel.CHUNK - 6, herald_kernel.CHUNK + 2))
def test_a_tie_is_never_cut_by_the_chunks_of_the_compiled_search(before):
    """Clicks listed before the reference of their time, wherever a chunk of the kernel ends; everything else is in order."""
    rule = dataclasses.replace(RULE, detectors=tuple(GatedDetector(channel, 0, 50) for channel in (CH, CV, DH, DV)))
    late = before * 1000
    tags = [(k * 1000, SYNC) for k in range(before)] + [(late, CV), (late, OTHER), (late, CH), (late, SYNC), (late + 1000, SYNC)]
    heralds, counters = search(tags, rule=rule)
    assert heralds == [(late, before, 0b0011, [0, 0, NO_CLICK, NO_CLICK])]
    assert counters.outside == (0, 0, 0, 0)


@pytest.mark.parametrize("room", [1, 1000])
def test_more_tags_of_one_time_than_the_compiled_search_takes_at_once(room):
    rng = np.random.default_rng(8)
    rule = dataclasses.replace(RULE, detectors=tuple(GatedDetector(channel, 0, 50) for channel in (CH, CV, DH, DV)))
    times = np.repeat(np.array([0, 7, 100, 120, 900], np.int64), [1, 3000, 1, 2500, 1])
    channels = rng.choice(np.array([SYNC, CH, CV, OTHER], np.int16), len(times))
    channels[times == 7] = np.where(np.arange(3000) < 2000, CV, channels[times == 7])  # no reference within the first chunk
    one = HeraldSearch(rule, room=room)
    heralds = np.concatenate([one.feed(times, channels), one.finish(2000)])
    expected, counters = search_whole(rule, times, channels, end_ps=2000)
    assert rows(heralds) == rows(expected)
    assert {7, 120} <= set(heralds["reference_ps"].tolist())  # the two times of which there are so many
    assert one.counters == counters


def test_memory_does_not_grow_with_losses_that_have_passed():
    one = HeraldSearch(RULE)
    for k in range(500):
        one.feed(*arrays([(k * 1000, SYNC), (k * 1000 + 500, OTHER)]), [(k * 1000 + 200, k * 1000 + 300)])
    assert len(one._losses) < 5


# -- arguments -----------------------------------------------------------------------------------------------------------------------------


def test_read_only_and_strided_arrays_are_searched_by_the_same_code():
    warm_up()
    names = ("scan", "delay", "references_first")
    known = {name: len(getattr(herald_kernel, name).signatures) for name in names}
    assert known == dict.fromkeys(names, 1)
    tags = np.zeros(len(HERALD), [("time", "<i8"), ("channel", "<i2"), ("flags", "u1")])
    tags["time"], tags["channel"] = arrays(HERALD)
    tags.flags.writeable = False
    for rule in (RULE, EARLY):
        one = HeraldSearch(rule)
        one.feed(tags["time"], tags["channel"])
        one.finish()
        packed = HeraldSearch(rule)
        packed.feed(*(np.frombuffer(array.tobytes(), array.dtype) for array in arrays(HERALD)))
        packed.finish()
        assert one.counters == packed.counters
        assert one.counters.references == 3
    assert {name: len(getattr(herald_kernel, name).signatures) for name in names} == known


@pytest.mark.parametrize(
    ("times", "channels", "words"),
    [
        (np.array([1.0]), np.array([1], np.int16), "float64"),
        (np.array([1], np.uint64), np.array([1], np.int16), "uint64"),
        (np.array([1], ">i8"), np.array([1], np.int16), ">i8"),
        (np.array([1], np.int64), np.array([1], np.uint8), "uint8"),
        ([1], [1], "list"),
        (np.array([1, 2], np.int64), np.array([1], np.int16), "shape"),
        (np.array([[1]], np.int64), np.array([[1]], np.int16), "shape"),
    ],
)
def test_other_arrays_are_refused_and_the_search_goes_on(times, channels, words):
    one = HeraldSearch(RULE)
    with pytest.raises(ConfigError, match=words):
        one.feed(times, channels)
    assert len(one.feed(*arrays(HERALD))) == 1


@pytest.mark.parametrize("rule", [RULE, EARLY])
@pytest.mark.parametrize(
    "blocks",
    [
        [[(5, SYNC), (4, SYNC), (9, SYNC)]],
        [[(5, SYNC), (9, CH), (8, OTHER), (9, OTHER)]],
        [[(5, SYNC), (9, CH), (8, CH)]],
        [[(5, SYNC), (9, CH), (9, SYNC), (8, SYNC)]],
        [[(5, SYNC), (9, CH)], [(8, CH)]],
        [[(5, SYNC), (9, SYNC)], [(8, CH), (9, CH)]],
        [[(5, SYNC), (9, SYNC)], [(9, CH), (8, CH)]],
    ],
)
def test_times_that_go_back_end_the_search(rule, blocks):
    one = HeraldSearch(rule, source="lab1_tagger")
    with pytest.raises(DeviceProtocolError, match="lab1_tagger: tags go back in time"):
        for block in blocks:
            one.feed(*arrays(block))
    with pytest.raises(ConfigError, match="this search is over"):
        one.feed(*arrays([(100, SYNC)]))
    with pytest.raises(ConfigError, match="this search is over"):
        one.finish()


@pytest.mark.parametrize("place", [herald_kernel.CHUNK + shift for shift in (-1, 0, 1)])
def test_times_that_go_back_between_chunks_of_the_kernel_are_noticed(place):
    times = np.arange(3 * herald_kernel.CHUNK, dtype=np.int64) * 10
    times[place:] -= 15
    with pytest.raises(DeviceProtocolError, match=f"go back in time from {10 * place - 10} to {10 * place - 15} ps"):
        HeraldSearch(RULE).feed(times, np.full(len(times), OTHER, np.int16))


def test_times_that_go_back_between_chunks_are_noticed(monkeypatch):
    monkeypatch.setattr(herald_search, "_CHUNK", 2)
    with pytest.raises(DeviceProtocolError, match="go back in time from 9 to 8 ps"):
        HeraldSearch(EARLY).feed(*arrays([(5, CH), (9, SYNC), (8, OTHER), (100, OTHER)]))


@pytest.mark.parametrize("time", [MAX_TIME_PS + 1, -MAX_TIME_PS])
def test_times_beyond_the_range_are_refused(time):
    with pytest.raises(DeviceProtocolError, match="beyond"):
        HeraldSearch(RULE).feed(*arrays([(time, SYNC)]))


@pytest.mark.parametrize(("loss", "words"), [((700, 600), "ends before it starts"), ((499, 600), "after the tag at 500 ps")])
def test_losses_that_cannot_be_are_refused(loss, words):
    one = HeraldSearch(RULE)
    one.feed(*arrays([(0, SYNC), (500, SYNC)]))
    with pytest.raises(DeviceProtocolError, match=words):
        one.feed(*arrays([(1000, SYNC)]), [loss])


def test_a_finished_search_is_over():
    one = HeraldSearch(RULE)
    one.feed(*arrays(HERALD))
    with pytest.raises(ConfigError, match="cannot end at 2999 ps"):
        one.finish(2999)
    one.finish()
    with pytest.raises(ConfigError, match="has been finished"):
        one.finish()
    with pytest.raises(ConfigError, match="has been finished"):
        one.feed(*arrays(HERALD))


def test_a_search_needs_room():
    with pytest.raises(ConfigError, match="room for 0"):
        HeraldSearch(RULE, room=0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reference": CV}, "need one each"),
        ({"reference": 2**15}, "16 bit"),
        ({"reference": "0"}, "16 bit"),
        ({"accepted": ()}, "no accepted pattern"),
        ({"accepted": (0, 3)}, r"\[0\]"),
        ({"accepted": (16,)}, r"\[16\]"),
        ({"accepted": (True,)}, r"\[True\]"),
        ({"detectors": ()}, "0 detectors"),
        ({"detectors": tuple(GatedDetector(k, 0, 1) for k in range(1, 6))}, "5 detectors"),
        ({"detectors": (GatedDetector(CH, 0, 0),), "accepted": (1,)}, "nothing can click"),
        ({"detectors": (GatedDetector(CH, 0.5, 1),), "accepted": (1,)}, "whole ps"),
        ({"detectors": (GatedDetector(CH, 2**31 - 2, 2),), "accepted": (1,)}, "32 bit"),
        ({"detectors": (GatedDetector(CH, -(2**31), 2),), "accepted": (1,)}, "32 bit"),
    ],
)
def test_rules_that_make_no_sense_are_refused(change, words):
    with pytest.raises(ConfigError, match=words):
        dataclasses.replace(RULE, **change)


def test_the_widest_gates_that_are_allowed_work():
    widest = HeraldRule(SYNC, (GatedDetector(CH, -(2**31) + 1, 2**32 - 2),), accepted=(1,))
    tags = [(0, SYNC), (10, CH), (2**31 + 5, SYNC), (2**34, SYNC)]
    assert search(tags, rule=widest)[0] == [(2**31 + 5, 1, 1, [10 - 5 - 2**31, NO_CLICK, NO_CLICK, NO_CLICK])]
