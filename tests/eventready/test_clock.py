import threading

from hypothesis import given
from hypothesis import strategies as st

from eventready.clock import SimClock, SystemClock


def test_simulated_sleep_takes_no_time_and_keeps_picoseconds():
    clock = SimClock()
    clock.sleep(75 * 3600)
    clock.sleep(1e-12)
    assert clock.now_ps() == 75 * 3600 * 10**12 + 1


def test_callbacks_fire_in_order_of_time_while_the_cursor_passes():
    clock = SimClock()
    seen = []
    clock.call_at(2.0, lambda: seen.append(("two", clock.now())))
    clock.call_at(1.0, lambda: seen.append(("one", clock.now())))
    clock.sleep(3.0)
    assert seen == [("one", 1.0), ("two", 2.0)]
    assert clock.now() == 3.0


def test_a_callback_may_ask_for_another():
    clock = SimClock()
    seen = []
    clock.call_at(1.0, lambda: clock.call_at(1.5, lambda: seen.append(clock.now())))
    clock.sleep(2.0)
    assert seen == [1.5]


def test_what_is_due_in_the_past_fires_at_once():
    clock = SimClock(start_ps=10**12)
    seen = []
    clock.call_at(0.5, lambda: seen.append(1))
    assert seen == [1]


@given(st.lists(st.integers(min_value=-(10**15), max_value=10**18)))
def test_the_cursor_never_goes_back(targets):
    clock = SimClock()
    for target in targets:
        before = clock.now_ps()
        clock.sleep_until_ps(target)
        assert clock.now_ps() == max(before, target)


def test_the_system_clock_runs_and_calls_back():
    clock = SystemClock()
    done = threading.Event()
    clock.call_at(clock.now() + 0.01, done.set)
    assert done.wait(5)
    before = clock.now_ps()
    clock.sleep(0.001)
    assert clock.now_ps() - before >= 10**9
