from collections import deque

import pytest

from eventready.errors import DeviceFault, NotReady
from eventready.stations.procedures.trap_loading import TrapLoading

WINDOW, POLL, TIMEOUT, THRESHOLD = 20e-3, 10e-3, 1.0, 24


@pytest.fixture
def make(sim_clock, mock_single_photon_detector, mock_aom, mock_laser):
    def load(counts, *, keep_light, makers=True):
        detector = mock_single_photon_detector
        detector._script["count"] = deque(counts)
        loading = TrapLoading(
            "alice",
            sim_clock,
            detector=detector,
            light=[mock_aom],
            makers=[mock_laser] if makers else [],
            keep_light=keep_light,
            threshold=THRESHOLD,
            window=WINDOW,
            poll=POLL,
            timeout=TIMEOUT,
        )
        loading.prepare()
        return loading

    return load


@pytest.mark.parametrize("keep_light", [True, False])
def test_loading_goes_on_until_a_particle_is_seen(make, keep_light, sim_clock, mock_single_photon_detector, mock_aom, mock_laser):
    loading = make([0, 5, THRESHOLD - 1, THRESHOLD], keep_light=keep_light)
    seconds = loading.run()
    assert seconds == pytest.approx(4 * WINDOW + 3 * POLL) == pytest.approx(sim_clock.now())
    assert mock_single_photon_detector.state.enabled
    assert not mock_laser.emission(), "what only loading needs goes off again"
    assert mock_aom.enabled() is keep_light


def test_the_threshold_itself_is_a_particle(make):
    assert make([THRESHOLD], keep_light=True).present()
    assert not make([THRESHOLD - 1], keep_light=True).present()


@pytest.mark.parametrize("keep_light", [True, False])
def test_a_look_needs_light_and_no_loading_beams(make, keep_light, mock_aom, mock_laser):
    loading = make([THRESHOLD], keep_light=keep_light)
    assert loading.look() == THRESHOLD
    assert mock_aom.enabled() is keep_light
    assert "set_emission" not in mock_laser.names()


@pytest.mark.parametrize("keep_light", [True, False])
def test_a_trap_that_stays_empty_ends_it_in_words(make, keep_light, sim_clock, mock_aom, mock_laser):
    loading = make([0] * 1000, keep_light=keep_light)
    with pytest.raises(NotReady, match=r"alice: no particle in the trap after 1 s of loading.*threshold 24 counts in 20 ms"):
        loading.run()
    assert TIMEOUT < sim_clock.now() < TIMEOUT + 2 * (WINDOW + POLL)
    assert not mock_laser.emission()
    assert mock_aom.enabled() is keep_light


def test_light_does_not_stay_on_after_a_look_that_failed(make, mock_aom):
    loading = make([DeviceFault("spd", "overloaded")], keep_light=False)
    with pytest.raises(DeviceFault):
        loading.look()
    assert not mock_aom.enabled()


def test_make_safe_may_come_at_any_time_and_twice(make, mock_aom, mock_laser):
    loading = make([], keep_light=False)
    for _ in range(2):
        loading.make_safe()
    assert not mock_laser.emission()
    assert not mock_aom.enabled()
