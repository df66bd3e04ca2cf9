"""Freeing detectors that have latched: when it is tried, how often, and what is said about it."""

import pytest

from eventready.clock import SimClock
from eventready.errors import DeviceConnectionError, DeviceFault
from eventready.stations.procedures.detector_reset import DetectorReset


@pytest.fixture
def detector(mocker):
    """Latched, and free after as many tries as ``frees_at`` says."""
    made = mocker.Mock(frees_at=1)
    made.is_overloaded.side_effect = lambda: made.free.call_count < made.frees_at
    made.free.side_effect = lambda recovery_s: made.free.call_count >= made.frees_at
    return made


@pytest.fixture
def clock():
    return SimClock()


@pytest.fixture
def notes():
    return []


@pytest.fixture
def reset(clock, detector):
    return DetectorReset(clock, {"spd": detector}, recovery=0.1, pause=1.0, tries=5)


def test_a_latched_detector_is_freed_at_once_and_the_note_says_so(reset, detector, notes):
    assert reset.reasons() == ["spd: overloaded or latched"]
    assert reset.run(0, notes.append)
    detector.free.assert_called_once_with(0.1)
    assert notes == ["spd: overloaded or latched; reset 1 of 5: in order again"]
    assert reset.reasons() == []


def test_nothing_is_done_to_a_detector_that_is_in_order(reset, detector, notes):
    detector.frees_at = 0
    assert not reset.run(0, notes.append)
    detector.free.assert_not_called()
    assert notes == []


def test_each_pause_is_twice_as_long_and_after_the_last_try_there_is_none(reset, detector, clock, notes):
    detector.frees_at = 99
    tried = []
    for _ in range(1000):
        before = detector.free.call_count
        assert not reset.run(0, notes.append)
        if detector.free.call_count > before:
            tried.append(clock.now())
        clock.sleep(0.5)
    assert tried == [0.0, 1.0, 3.0, 7.0, 15.0]
    assert notes[-1] == "spd: overloaded or latched; reset 5 of 5: latched again"
    assert len(notes) == 5


def test_a_detector_that_worked_for_a_whole_round_begins_anew(clock, detector, notes):
    """One round may have been lost to the latch itself; so two must have gone by."""
    detector.frees_at = 99
    reset = DetectorReset(clock, {"spd": detector}, recovery=0.1, pause=1.0, tries=1)
    tried = []
    for rounds in (5, 5, 6, 6, 7, 8, 9):
        before = detector.free.call_count
        reset.run(rounds, notes.append)
        tried += [rounds] * (detector.free.call_count - before)
        clock.sleep(1000.0)
    assert tried == [5, 7, 9]


def test_a_bias_that_does_not_obey_is_a_try_that_failed(reset, detector, notes):
    detector.frees_at = 99
    detector.free.side_effect = DeviceFault("spd", "detector was set to True, but the device reports False")
    assert not reset.run(0, notes.append)
    assert notes == [f"spd: overloaded or latched; reset 1 of 5: {detector.free.side_effect}"]


def test_a_connection_that_broke_is_not_hidden(reset, detector, notes):
    detector.frees_at = 99
    detector.free.side_effect = DeviceConnectionError("spd", "the connection broke")
    with pytest.raises(DeviceConnectionError):
        reset.run(0, notes.append)


def test_without_tries_it_is_left_to_people(clock, detector, notes):
    reset = DetectorReset(clock, {"spd": detector}, recovery=0.1, pause=1.0, tries=0)
    assert not reset.run(0, notes.append)
    detector.free.assert_not_called()


def test_each_detector_has_tries_of_its_own(clock, detector, mocker, notes):
    other = mocker.Mock()
    other.is_overloaded.return_value = True
    other.free.return_value = False
    reset = DetectorReset(clock, {"one": detector, "two": other}, recovery=0.1, pause=1.0, tries=5)
    assert reset.run(0, notes.append), "one of them came free"
    assert [note.rpartition(": ")[2] for note in notes] == ["in order again", "latched again"]
    assert not reset.run(0, notes.append)
    assert (detector.free.call_count, other.free.call_count) == (1, 1)
