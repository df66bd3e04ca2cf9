"""The detector role: freeing one that has latched."""

import math
from collections import deque

import pytest

from eventready.errors import ConfigError, DeviceFault


@pytest.fixture
def latched(mock_single_photon_detector):
    mock_single_photon_detector.set_enabled(True)
    mock_single_photon_detector.state.overloaded = True
    mock_single_photon_detector.calls.clear()
    return mock_single_photon_detector


def told(detector):
    return [call.name if not call.arguments else f"{call.name}({call.arguments[0]})" for call in detector.calls]


def test_bias_goes_off_and_on_and_only_then_the_overload_is_forgotten(latched):
    start = latched.clock.now()
    assert latched.free(0.1)
    assert told(latched) == ["overloaded", "set_enabled(False)", "enabled", "set_enabled(True)", "enabled", "reset_overload", "overloaded"]
    assert latched.clock.now() - start == pytest.approx(0.2)
    assert latched.readiness().ok


def test_one_that_is_in_order_is_left_alone(mock_single_photon_detector):
    mock_single_photon_detector.set_enabled(True)
    mock_single_photon_detector.calls.clear()
    assert mock_single_photon_detector.free(0.1)
    assert set(told(mock_single_photon_detector)) == {"overloaded"}


def test_one_that_latches_again_is_not_free(latched):
    latched._script["overloaded"] = deque([True, True])
    assert not latched.free(0.1)
    assert latched.is_overloaded()


@pytest.mark.parametrize("answers", [[True], [False, False]], ids=["stays on", "does not come back"])
def test_one_whose_bias_does_not_obey_counts_as_latched(latched, answers):
    latched._script["enabled"] = deque(answers)
    with pytest.raises(DeviceFault, match="detector was set to"):
        latched.free(0.1)
    assert "reset_overload" not in told(latched)
    assert latched.is_overloaded()


@pytest.mark.parametrize("recovery", [0.0, -1.0, math.inf, math.nan])
def test_recovery_takes_a_time(latched, recovery):
    with pytest.raises(ConfigError, match="cannot recover"):
        latched.free(recovery)
    assert latched.calls == []
