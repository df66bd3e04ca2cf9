"""Laser, RF source, AOM, shutter, detector, rotator: what the roles add to their drivers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.errors import ConfigError, DeviceFault, DeviceProtocolError, InterlockOpen
from eventready.instruments import Aom, AomCalibration, Position, Tolerance
from eventready.instruments.mock import MockAom, MockLaser, MockRfSource, MockShutter, MockSinglePhotonDetector

pytestmark = pytest.mark.usefixtures("close_instruments")


def test_an_open_interlock_forbids_light_but_not_darkness(mock_laser):
    mock_laser.set_emission(True)
    mock_laser.state.interlock_closed = False
    mock_laser.calls.clear()
    with pytest.raises(InterlockOpen, match="the interlock is open"):
        mock_laser.set_emission(True)
    assert mock_laser.names() == ["interlock_closed"]
    mock_laser.set_emission(False)
    assert mock_laser.readiness().reasons == ("the interlock is open", "no emission")


def test_a_laser_says_what_is_missing():
    laser = MockLaser("l")
    laser.state.locked = False
    assert laser.readiness().reasons == ("no emission", "not locked")
    laser.state.locked = None  # a laser without a lock lacks nothing
    laser.set_emission(True)
    assert laser.readiness().ok


def test_a_silent_clip_is_noticed(mock_laser, mocker):
    mocker.patch.object(mock_laser, "_do_power", return_value=0.02)
    with pytest.raises(DeviceFault, match=r"setpoint was set to 0.05, but the device reports 0.02"):
        mock_laser.set_power(0.05)


def test_a_driver_says_how_coarse_its_device_is(mocker, sim_clock):
    class Coarse(MockRfSource):
        power_tolerance = Tolerance(relative=0.02)

    source = Coarse("c", clock=sim_clock)
    mocker.patch.object(source, "_do_power", return_value=1.01)
    source.set_power(1.0)
    with pytest.raises(DeviceFault):
        source.set_power(1.1)


@given(st.floats(0, 1))
def test_transmission_and_power_are_inverse(transmission):
    calibration = AomCalibration(saturation_power_w=0.7)
    power = calibration.power_for(transmission)
    assert 0 <= power <= 0.7 * (1 + 1e-12)
    assert calibration.transmission_at(power) == pytest.approx(transmission, abs=1e-9)


def test_transmission_by_hand():
    """Half of the light at a quarter of the saturation power; beyond saturation it falls again."""
    aom = MockAom("a", AomCalibration(saturation_power_w=2.0, delay=3e-7, rise_time=5e-8))
    aom.set_transmission(0.5)
    assert aom.source.state.power == pytest.approx(0.5)
    aom.source.state.power = 8.0
    assert aom.transmission() == pytest.approx(0.0, abs=1e-12)
    assert (aom.delay, aom.rise_time) == (3e-7, 5e-8)


@pytest.mark.parametrize("limits", [(0.0, 0.9), (0.1, 2.0)])
def test_an_aom_needs_a_source_that_reaches(limits):
    source = MockRfSource("s", power_limits=limits)
    with pytest.raises(ConfigError, match=r"saturates at 1.0 W, but s goes from"):
        Aom("a", source, AomCalibration(1.0))


@pytest.mark.parametrize("wrong", [{"saturation_power_w": 0}, {"saturation_power_w": math.nan}, {"delay": -1e-9}, {"rise_time": math.inf}])
def test_a_calibration_is_possible(wrong):
    with pytest.raises(ConfigError):
        AomCalibration(**{"saturation_power_w": 1.0, **wrong})


def test_an_aom_is_its_source(mock_aom):
    mock_aom.enabled(True)
    assert mock_aom.source.state.enabled
    assert mock_aom.lock is mock_aom.source.lock
    mock_aom.source.fail_next()
    assert "connection broke" in mock_aom.readiness().reasons[0]
    assert mock_aom.get_idn()["model"] == "AOM on mock_aom_source"
    mock_aom.make_safe()
    assert not mock_aom.source.state.enabled


def test_a_blade_on_its_way(sim_clock):
    shutter = MockShutter("s", clock=sim_clock, poll_interval=0.5e-3, script={"position": [Position.MOVING] * 10})
    shutter.wait_for("closed", 1.0)  # a name will do
    assert sim_clock.now() == pytest.approx(5e-3)


def test_open_is_neither_true_nor_false_on_the_way():
    shutter = MockShutter("s", script={"position": [Position.MOVING, Position.UNKNOWN, Position.MOVING, Position.UNKNOWN]})
    assert [shutter.open(), shutter.open()] == [None, None]
    assert shutter.readiness().reasons == ("the blade is moving",)
    assert shutter.readiness().reasons == ("the blade is at an unknown position",)


def test_setting_open_waits_and_notices_a_stuck_blade(mock_shutter):
    mock_shutter.ignore_commands()
    with pytest.raises(DeviceFault, match="not open within 1 s, the blade was seen closed"):
        mock_shutter.open(True)
    mock_shutter.set_open(True)  # only a command


@pytest.mark.parametrize("position", [Position.MOVING, Position.UNKNOWN])
def test_only_ends_can_be_waited_for(mock_shutter, position):
    with pytest.raises(ConfigError, match="can wait for open or closed"):
        mock_shutter.wait_for(position, 0.0)


def test_a_shutter_without_read_back_admits_it(sim_clock):
    shutter = MockShutter("u", confirmed=False, clock=sim_clock)
    assert shutter.position() is Position.UNKNOWN
    shutter.make_safe()
    assert shutter.position() is Position.CLOSED
    assert shutter.confirmed is False


def test_safe_is_closed_in_truth(mock_shutter):
    mock_shutter.set_open(True)
    mock_shutter.ignore_commands()
    with pytest.raises(DeviceFault, match="not closed"):
        mock_shutter.make_safe()


def test_an_overload_during_a_count_spoils_it():
    detector = MockSinglePhotonDetector("d", script={"overloaded": [False, True]})
    detector.set_enabled(True)
    detector.count(1e-3)
    with pytest.raises(DeviceFault, match="its counts mean nothing"):
        detector.count(1e-3)
    assert detector.overloaded()  # the device has forgotten, the role has not
    assert detector.readiness().reasons == ("overloaded or latched since the last reset",)
    detector.reset_overload()
    assert detector.readiness().ok


def test_the_rate_is_per_second(mock_single_photon_detector):
    detector = mock_single_photon_detector
    detector.state.rate = 5000.0
    detector.set_enabled(True)
    detector.integration_time(0.2)
    assert detector.count_rate() == detector.count_rate.get() == pytest.approx(5000.0)
    assert detector.clock.now() == pytest.approx(0.4)


def test_a_rate_is_not_measured_by_a_snapshot(mock_single_photon_detector):
    mock_single_photon_detector.snapshot(update=True)
    assert "count" not in mock_single_photon_detector.names()


def test_negative_counts_are_no_counts():
    detector = MockSinglePhotonDetector("d", script={"count": [-1]})
    with pytest.raises(DeviceProtocolError):
        detector.count(1e-3)


@pytest.mark.parametrize("duration", [0.0, -1.0, math.nan, math.inf])
def test_a_window_has_a_length(mock_single_photon_detector, duration):
    with pytest.raises(ConfigError, match="cannot count for"):
        mock_single_photon_detector.count(duration)
    assert mock_single_photon_detector.calls == []


def test_the_dark_rate_is_a_calibration():
    assert MockSinglePhotonDetector("d").dark_rate() is None
    detector = MockSinglePhotonDetector("e", dark_rate=12.5)
    assert detector.dark_rate() == 12.5
    detector.dark_rate(13.0)
    assert detector.snapshot()["parameters"]["dark_rate"]["value"] == 13.0


def test_a_mount_that_rests_elsewhere_is_noticed(mock_rotator):
    mock_rotator.set_angle(1.0)
    mock_rotator.wait(1.0)
    mock_rotator.state.angle = 1.1
    with pytest.raises(DeviceFault, match=r"sent to 1.0 rad, rests at 1.1 rad"):
        mock_rotator.wait(1.0)
    mock_rotator.state.angle = 1.0 - 2 * math.pi  # the same orientation
    mock_rotator.wait(1.0)


def test_a_mount_that_never_stops_is_noticed(mock_rotator):
    mock_rotator.state.moving = True
    with pytest.raises(DeviceFault, match="still turning after 2 s"):
        mock_rotator.wait(2.0)
    assert mock_rotator.readiness().reasons == ("the mount is turning",)
    with pytest.raises(DeviceFault, match="still turning after 10 s"):
        mock_rotator.make_safe()
