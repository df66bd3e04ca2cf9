"""The tagger role: what it lets through as tags."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.errors import ConfigError, DeviceProtocolError, NotReady
from eventready.instruments import Loss, TagBlock


def block(times, losses=(), dtype=np.int64):
    return TagBlock(np.array(times, dtype), np.ones(len(times), np.int16), tuple(Loss(*loss) for loss in losses))


@pytest.fixture
def tagger(mock_time_tagger):
    mock_time_tagger.start((1, 2))
    return mock_time_tagger


def feed(tagger, a_block):
    tagger.state.block = a_block
    return tagger.read()


def test_blocks_follow_each_other(tagger):
    feed(tagger, block([1, 5, 5, 9]))
    feed(tagger, block([]))
    feed(tagger, block([9, 12]))  # two detectors may click in one picosecond, on both sides of a border
    feed(tagger, block([], losses=[(12, 20)]))
    with pytest.raises(DeviceProtocolError, match="reaches back to 11 ps, but the one before ended at 12 ps"):
        feed(tagger, block([11, 13]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (block([1, 2], dtype=np.uint64), "type uint64"),
        (TagBlock(np.zeros(2, np.int64), np.zeros(2, np.int32)), "int32"),
        (TagBlock(np.zeros(2, np.int64), np.zeros(3, np.int16)), "shape"),
        (TagBlock(np.zeros((2, 2), np.int64), np.zeros((2, 2), np.int16)), "shape"),
        (block([5, 4]), "back in time"),
        (block([1], losses=[(5, 4)]), "a loss ends before it starts"),
        (block([99], losses=[(49, 60)]), "reaches back to 49 ps"),
    ],
)
def test_wrong_blocks_are_refused(tagger, wrong, message):
    feed(tagger, block([50]))
    with pytest.raises(DeviceProtocolError, match=message):
        feed(tagger, wrong)


@given(st.lists(st.integers(0, 50), max_size=12))
def test_order_is_what_is_checked(times):
    """The check against its definition."""
    from eventready.instruments.mock import MockTimeTagger

    tagger = MockTimeTagger("t")
    try:
        tagger.start((1,))
        if times == sorted(times):
            assert feed(tagger, block(times)).times_ps.tolist() == times
        else:
            with pytest.raises(DeviceProtocolError):
                feed(tagger, block(times))
    finally:
        tagger.close()


def test_start_is_no_restart_unless_channels_change(tagger):
    feed(tagger, block([100]))
    tagger.start((1, 2))
    assert tagger.names().count("start") == 1
    tagger.start((3,))
    assert tagger.names().count("start") == 2
    feed(tagger, block([1]))  # a new acquisition has a time of its own


def test_what_is_left_can_be_read_after_the_end(tagger):
    tagger.state.block = block([7])
    tagger.stop()
    assert tagger.read().times_ps.tolist() == [7]


def test_no_tags_before_a_start(mock_time_tagger):
    with pytest.raises(NotReady, match="not started"):
        mock_time_tagger.read()


@pytest.mark.parametrize("channels", [(), (1, 1)])
def test_channels_are_given_once(mock_time_tagger, channels):
    with pytest.raises(ConfigError, match="needs channels"):
        mock_time_tagger.start(channels)
    assert mock_time_tagger.calls == []
