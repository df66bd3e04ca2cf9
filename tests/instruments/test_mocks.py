"""Every mock keeps what its role promises, and is a useful mock."""

import pytest

from eventready.errors import ConfigError, DeviceFault
from eventready.instruments import Position, PulseStep, PulseTable
from eventready.instruments.mock import truths
from eventready.testing import (
    AomConformance,
    CurrentSourceConformance,
    HeraldingSequencerConformance,
    LaserConformance,
    MockProgram,
    MockShutter,
    PolarimeterConformance,
    PulseGeneratorConformance,
    RandomSourceConformance,
    RfOutputConformance,
    RfSourceConformance,
    RotatorConformance,
    ShutterConformance,
    SinglePhotonDetectorConformance,
    TimeTaggerConformance,
)


class OfMock:
    """A mock is its own fault line."""

    @pytest.fixture
    def fault_line(self, device):
        return device


class TestLaser(OfMock, LaserConformance):
    @pytest.fixture
    def device(self, mock_laser):
        return mock_laser

    @pytest.fixture
    def truth(self, device):
        return truths.LaserTruth(device)


class TestRfOutput(OfMock, RfOutputConformance):
    @pytest.fixture
    def device(self, mock_rf_output):
        return mock_rf_output

    @pytest.fixture
    def truth(self, device):
        return truths.RfOutputTruth(device)


class TestRfSource(OfMock, RfSourceConformance):
    @pytest.fixture
    def device(self, mock_rf_source):
        return mock_rf_source

    @pytest.fixture
    def truth(self, device):
        return truths.RfSourceTruth(device)


class TestAom(AomConformance):
    @pytest.fixture
    def device(self, mock_aom):
        return mock_aom

    @pytest.fixture
    def fault_line(self, device):
        return device.source

    @pytest.fixture
    def truth(self, device):
        return truths.AomTruth(device)


class TestShutter(OfMock, ShutterConformance):
    @pytest.fixture
    def device(self, mock_shutter):
        return mock_shutter

    @pytest.fixture
    def truth(self, device):
        return truths.ShutterTruth(device)


class TestUnconfirmedShutter(OfMock, ShutterConformance):
    @pytest.fixture
    def device(self, sim_clock, close_instruments):
        return MockShutter("uniblitz", confirmed=False, clock=sim_clock)


class TestDetector(OfMock, SinglePhotonDetectorConformance):
    @pytest.fixture
    def device(self, mock_single_photon_detector):
        return mock_single_photon_detector

    @pytest.fixture
    def truth(self, device):
        return truths.DetectorTruth(device)


class TestRandomSource(OfMock, RandomSourceConformance):
    @pytest.fixture
    def device(self, mock_random_source):
        return mock_random_source

    @pytest.fixture
    def truth(self, device):
        return truths.RandomTruth(device)


class TestTagger(OfMock, TimeTaggerConformance):
    @pytest.fixture
    def device(self, mock_time_tagger):
        return mock_time_tagger

    @pytest.fixture
    def truth(self, device):
        return truths.TaggerTruth(device)


class TestSequencer(OfMock, HeraldingSequencerConformance):
    @pytest.fixture
    def device(self, mock_heralding_sequencer):
        return mock_heralding_sequencer

    @pytest.fixture
    def program(self):
        return MockProgram()

    @pytest.fixture
    def truth(self, device):
        return truths.SequencerTruth(device)


class TestPulseGenerator(OfMock, PulseGeneratorConformance):
    @pytest.fixture
    def device(self, mock_pulse_generator):
        return mock_pulse_generator

    @pytest.fixture
    def truth(self, device):
        return truths.PulseGeneratorTruth(device)


class TestCurrentSource(OfMock, CurrentSourceConformance):
    @pytest.fixture
    def device(self, mock_current_source):
        return mock_current_source

    @pytest.fixture
    def truth(self, device):
        return truths.CurrentSourceTruth(device)


class TestPolarimeter(OfMock, PolarimeterConformance):
    @pytest.fixture
    def device(self, mock_polarimeter):
        return mock_polarimeter

    @pytest.fixture
    def truth(self, device):
        return truths.PolarimeterTruth(device)


class TestRotator(OfMock, RotatorConformance):
    @pytest.fixture
    def device(self, mock_rotator):
        return mock_rotator

    @pytest.fixture
    def truth(self, device):
        return truths.RotatorTruth(device)


def test_a_script_is_followed_then_the_state(sim_clock, close_instruments):
    fault = DeviceFault("m", "as scripted")
    shutter = MockShutter("m", clock=sim_clock, script={"position": [Position.MOVING, fault, Position.OPEN]})
    assert shutter.position() is Position.MOVING
    with pytest.raises(DeviceFault, match="as scripted"):
        shutter.position()
    assert [shutter.position(), shutter.position()] == [Position.OPEN, Position.CLOSED]


def test_a_script_for_nothing_is_a_mistake():
    with pytest.raises(ConfigError, match="never asked for postion"):
        MockShutter("m", script={"postion": [Position.OPEN]})


def test_calls_are_recorded_with_their_arguments(mock_laser):
    mock_laser.set_power(0.05)
    mock_laser.set_emission(True)
    assert mock_laser.names() == ["set_power", "power", "interlock_closed", "set_emission", "emission"]
    assert ("set_power", (0.05,)) in mock_laser.calls


def test_a_fault_happens_once(mock_laser):
    mock_laser.fail_next(DeviceFault("mock_laser", "out of diode"))
    with pytest.raises(DeviceFault, match="out of diode"):
        mock_laser.emission()
    assert mock_laser.emission() is False


def test_a_mock_goes_with_pytest_mock(mock_shutter, mocker):
    spy = mocker.spy(mock_shutter, "set_open")
    mocker.patch.object(mock_shutter, "_do_position", return_value=Position.UNKNOWN)
    mock_shutter.set_open(True)
    spy.assert_called_once_with(True)
    assert mock_shutter.position() is Position.UNKNOWN


def test_a_table_comes_to_its_end(mock_pulse_generator):
    mock_pulse_generator.load(PulseTable((PulseStep(1000, 1),)))
    mock_pulse_generator.arm()
    mock_pulse_generator.trigger()
    assert mock_pulse_generator.running()
    mock_pulse_generator.finish()
    assert not mock_pulse_generator.running()
