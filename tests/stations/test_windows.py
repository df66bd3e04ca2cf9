from collections import deque

import pytest

from eventready.clock import SimClock
from eventready.errors import DeviceFault
from eventready.stations.windows import DetectorWindow


@pytest.fixture
def window(mock_single_photon_detector):
    mock_single_photon_detector.state.rate = 1000.0
    mock_single_photon_detector.set_enabled(True)
    return DetectorWindow(mock_single_photon_detector, SimClock())


def test_a_look_takes_place_at_the_time_of_the_node_that_looks(window, mock_single_photon_detector, sim_clock):
    window._clock.sleep(5.0)
    assert window.count(0.1) == 100
    assert window._clock.now() == sim_clock.now() == pytest.approx(5.1)


def test_a_device_whose_owner_is_ahead_makes_the_node_wait(window, sim_clock):
    sim_clock.sleep(7.0)
    window.count(0.1)
    assert window._clock.now() == sim_clock.now() == pytest.approx(7.1)


def test_time_passes_for_the_node_also_when_the_count_means_nothing(window, mock_single_photon_detector):
    mock_single_photon_detector.state.overloaded = True
    with pytest.raises(DeviceFault, match="overloaded"):
        window.count(0.1)
    assert window._clock.now() == pytest.approx(0.1)


def test_a_window_switches_on_and_never_off(window, mock_single_photon_detector):
    window.set_enabled(False)
    window.make_safe()
    assert mock_single_photon_detector.state.enabled
    mock_single_photon_detector.set_enabled(False)
    window.set_enabled(True)
    assert mock_single_photon_detector.state.enabled


def test_a_window_tells_the_device_s_readiness(window, mock_single_photon_detector):
    assert window.readiness().ok
    mock_single_photon_detector.set_enabled(False)
    assert window.readiness().reasons == ("the detector is disabled",)


def test_a_latched_device_is_freed_at_the_time_of_the_node_that_looks(window, mock_single_photon_detector, sim_clock):
    mock_single_photon_detector.state.overloaded = True
    window._clock.sleep(5.0)
    assert window.is_overloaded()
    assert window.free(0.1)
    assert not mock_single_photon_detector.is_overloaded()
    assert window._clock.now() == sim_clock.now() == pytest.approx(5.2)


def test_time_passes_for_the_node_also_when_the_device_does_not_obey(window, mock_single_photon_detector):
    mock_single_photon_detector.state.overloaded = True
    mock_single_photon_detector._script["enabled"] = deque([False, False])
    with pytest.raises(DeviceFault):
        window.free(0.1)
    assert window._clock.now() == pytest.approx(0.1)


def test_a_window_can_do_nothing_else(window):
    """No bias, no threshold: those are the owner's."""
    offered = {name for name in dir(window) if not name.startswith("_")}
    assert offered == {"count", "counter", "free", "is_overloaded", "make_safe", "name", "readiness", "set_enabled"}
