"""What the tags of a run of attempts say, on whole streams of tags and on tags put down by hand."""

import numpy as np
import pytest

from eventready.instruments import Loss, TagBlock
from eventready.sequences.herald_rule import GatedDetector, HeraldRule
from eventready.stations.monitors.time_tags import TagFindings, TagRule, TimeTags, look_at_tags
from eventready.stations.tag_simulation import tag_stream

ATTEMPT, PAUSE, TOLERANCE = 1000, 5000, 3
HERALD = HeraldRule(0, tuple(GatedDetector(channel, 100, 50) for channel in (1, 2, 3, 4)), (0b0011, 0b1100))
RULE = TagRule(HERALD, ATTEMPT, PAUSE, TOLERANCE)


def block(tags, losses=()):
    tags = sorted(tags)
    times, channels = zip(*tags, strict=True) if tags else ((), ())
    return TagBlock(np.array(times, np.int64), np.array(channels, np.int16), tuple(Loss(*loss) for loss in losses))


def burst(count, start=0):
    return [(start + ATTEMPT * k, 0) for k in range(count)]


CLICKS = [(9120, 1), (9149, 2)]  # in the gate of the last of ten attempts


def test_no_tags_say_nothing():
    assert look_at_tags(block([]), RULE) == TagFindings()


def test_a_sound_run_shows_its_herald():
    assert look_at_tags(block(burst(10) + CLICKS), RULE) == TagFindings(patterns=(0b0011,))


def test_clicks_outside_a_gate_are_nowhere_in_the_findings():
    """A particle's fluorescence, say."""
    readout = [(9_150 + 10 * k, 1 + k % 4) for k in range(500)]
    assert look_at_tags(block(burst(10) + CLICKS + readout), RULE) == look_at_tags(block(burst(10) + CLICKS), RULE)


@pytest.mark.parametrize("late", [-TOLERANCE, 0, TOLERANCE])
def test_edges_may_jitter_and_bursts_may_pause(late):
    assert look_at_tags(block(burst(4) + burst(4, 3 * ATTEMPT + PAUSE + late)), RULE).odd_ps is None


@pytest.mark.parametrize(
    ("references", "odd_ps"),
    [
        ([0, 1000, 3000, 4000], 2000),
        ([0, 1000, 2004, 3000], 1004),
        ([0, 1000, 1996, 3000], 996),
        ([0, 1000, 1500, 2000], 500),
        ([0, 1000, 6004], 5004),
        ([0, 1000, 7000], 6000),
    ],
    ids=["missing", "late", "early", "one too many", "pause too long", "missing at a pause"],
)
def test_an_edge_that_is_missing_or_late_is_seen(references, odd_ps):
    assert look_at_tags(block([(time, 0) for time in references]), RULE).odd_ps == odd_ps


def test_a_loss_explains_a_missing_edge_and_is_told_itself():
    found = look_at_tags(block([(0, 0), (1000, 0), (4000, 0)], [(1500, 3900), (3000, 3950)]), RULE)
    assert found == TagFindings(losses=2, lost_ps=2450)
    elsewhere = look_at_tags(block([(0, 0), (2000, 0), (3000, 0)], [(5000, 5100)]), RULE)
    assert (elsewhere.odd_ps, elsewhere.lost_ps) == (2000, 100)


@pytest.mark.parametrize(("loss", "shown"), [((100, 8900), True), ((9100, 9110), False), ((8999, 9000), False), ((9149, 10**6), False)])
def test_a_herald_shows_where_no_loss_touches_its_cycle(loss, shown):
    assert look_at_tags(block(burst(10) + CLICKS, [loss]), RULE).patterns == ((0b0011,) if shown else ())


@pytest.mark.parametrize("change", ["no reference", "late reference", "one click more", "clicks of another pattern"])
def test_no_herald_shows_where_the_sequencer_s_is_not_in_the_tags(change):
    tags = {
        "no reference": burst(9) + CLICKS,
        "late reference": [*burst(9), (9100, 0), *CLICKS],
        "one click more": [*burst(10), *CLICKS, (9130, 3)],
        "clicks of another pattern": [*burst(10), (9120, 1), (9149, 3)],
    }[change]
    assert look_at_tags(block(tags), RULE).patterns == ()


def test_a_whole_simulated_stream_is_sound(config_of):
    """Every reference edge and click of some seconds; a detector click off any gate is no sign of anything."""
    config = config_of("oxford")
    stream, herald = tag_stream(config, 5)
    tags = stream.stretch(0).tags
    rule = TagRule.of_loop(herald, stream._loop, 1000)
    found = look_at_tags(TagBlock(*tags), rule)
    assert (found.odd_ps, found.losses) == (None, 0)
    references = np.flatnonzero(tags.channels == 0)
    assert len(references) > 10_000
    gone = references[len(references) // 2 + 7]
    holed = look_at_tags(TagBlock(np.delete(tags.times_ps, gone), np.delete(tags.channels, gone)), rule)
    assert holed.odd_ps == 2 * stream._loop.attempt_ps


# -- alarms --------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def monitor():
    return TimeTags("bsm", 60.0)


SOUND = TagFindings(patterns=(0b0011,))


def test_a_sound_tagger_raises_nothing(monitor):
    for second in range(100):
        assert monitor.found(second, 1.0, SOUND, RULE, 0b0011) == []
        assert monitor.found(second + 0.5, 0.5, TagFindings(), RULE, None) == []


def test_a_loss_is_told_at_once_with_its_share(monitor):
    (alarm,) = monitor.found(100.0, 2.0, TagFindings(2, 500_000_000_000), RULE, 0b0011)
    assert (alarm.monitor, alarm.node, alarm.at_s, alarm.since_s, alarm.sigma) == ("tags lost", "bsm", 100.0, 98.0, None)
    assert alarm.text == "the tagger overflowed: 2 times, 0.5 s, 25 % of 2 s of attempts"


def test_while_it_goes_on_it_is_told_once_in_a_while_and_nothing_is_left_out(monitor):
    told = [alarm for k in range(125) for alarm in monitor.found(float(k), 1.0, TagFindings(1, 10**12), RULE, None)]
    assert [alarm.at_s for alarm in told] == [0.0, 60.0, 120.0]
    assert [alarm.text.split()[3] for alarm in told] == ["1", "60", "60"]
    assert all(", 100 % of " in alarm.text for alarm in told)


def test_a_short_loss_in_the_quiet_after_an_alarm_is_told_when_that_is_over(monitor):
    monitor.found(0.0, 1.0, TagFindings(1, 10**12), RULE, None)
    assert monitor.found(10.0, 1.0, TagFindings(1, 10**12), RULE, None) == []
    assert monitor.found(30.0, 1.0, TagFindings(), RULE, None) == []
    (alarm,) = monitor.found(70.0, 2.0, TagFindings(), RULE, None)
    assert alarm.text == "the tagger overflowed: 1 times, 1 s, 25 % of 4 s of attempts"
    assert monitor.found(200.0, 2.0, TagFindings(), RULE, None) == []


def test_a_reference_edge_that_is_missing_is_told(monitor):
    (alarm,) = monitor.found(5.0, 1.0, TagFindings(odd_ps=2_100_000), RULE._replace(attempt_ps=1_050_000), None)
    assert alarm.monitor == "reference edges"
    assert alarm.text == "a reference edge is missing or late: two are 2.1 us apart, attempts 1.05 us"
    assert monitor.found(6.0, 1.0, TagFindings(odd_ps=2_100_000), RULE, None) == []


@pytest.mark.parametrize(
    ("findings", "pattern", "words"),
    [
        (TagFindings(), 0b0011, "the sequencer heralds 0b0011, the tags none"),
        (TagFindings(patterns=(0b1100,)), 0b0011, "the sequencer heralds 0b0011, the tags 0b1100"),
        (TagFindings(patterns=(0b1100,)), None, "the sequencer heralds none, the tags 0b1100"),
        (TagFindings(patterns=(0b1100, 0b0011)), 0b0011, "the sequencer heralds 0b0011, the tags 0b1100, 0b0011"),
    ],
)
def test_tags_that_show_something_else_than_the_sequencer_are_told(monitor, findings, pattern, words):
    (alarm,) = monitor.found(5.0, 1.0, findings, RULE, pattern)
    assert (alarm.monitor, alarm.text.partition(":")[0]) == ("reference edges", words)


def test_a_loss_is_not_told_twice_as_a_herald_that_is_missing(monitor):
    (alarm,) = monitor.found(5.0, 1.0, TagFindings(1, 10), RULE, 0b0011)
    assert alarm.monitor == "tags lost"
