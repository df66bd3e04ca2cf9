"""What is measured between rounds, and when."""

import math

from hypothesis import given
from hypothesis import strategies as st

from eventready.stations.schedule import Measurement, Schedule


def measurement(name, interval):
    return Measurement(name, interval, lambda: None)


def test_each_is_due_at_once_and_then_an_interval_later():
    schedule = Schedule([measurement("slow", 10.0), measurement("fast", 3.0)], 100.0)
    taken = {now: [found.name for found in schedule.take_due(float(now))] for now in range(100, 112)}
    assert {now: names for now, names in taken.items() if names} == {
        100: ["slow", "fast"],
        103: ["fast"],
        106: ["fast"],
        109: ["fast"],
        110: ["slow"],
    }
    assert schedule.next_s == 112.0


def test_none_is_never_due():
    schedule = Schedule()
    assert schedule.next_s == math.inf
    assert schedule.take_due(1e12) == []


@given(st.lists(st.integers(1, 10_000), max_size=4), st.lists(st.integers(0, 10_000), max_size=20))
def test_nothing_is_missed_and_nothing_made_too_early(intervals, waits):
    """However late one comes: something is due exactly from ``next_s`` on, and no two of a kind are closer than its interval."""
    schedule, last, now = Schedule([measurement(str(k), interval) for k, interval in enumerate(intervals)]), {}, 0
    for wait in waits:
        now += wait
        due = now >= schedule.next_s
        taken = schedule.take_due(now)
        assert bool(taken) == due
        for found in taken:
            assert now - last.get(found.name, -math.inf) >= found.interval
            last[found.name] = now
        assert schedule.next_s > now
