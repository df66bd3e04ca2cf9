import pytest

from eventready.errors import DeviceFault
from eventready.stations.procedures.readout import FluorescenceReadout

WINDOW, THRESHOLD = 20e-3, 24


@pytest.fixture
def readout(mock_single_photon_detector, mock_aom):
    procedure = FluorescenceReadout(mock_single_photon_detector, window=WINDOW, threshold=THRESHOLD, light=[mock_aom])
    procedure.prepare()
    return procedure


@pytest.mark.parametrize(("counts", "outcome"), [(0, 0), (THRESHOLD - 1, 0), (THRESHOLD, 1), (90, 1)])
def test_counts_from_the_threshold_on_are_a_one(readout, mock_single_photon_detector, counts, outcome):
    mock_single_photon_detector.state.rate = counts / WINDOW
    assert readout.run() == (counts, outcome)


def test_the_light_is_on_during_the_window_only(sim_clock, mock_single_photon_detector, mock_aom, mocker):
    lit = []
    real = mock_single_photon_detector._do_count
    mocker.patch.object(mock_single_photon_detector, "_do_count", lambda duration: (lit.append(mock_aom.enabled()), real(duration))[1])
    readout = FluorescenceReadout(mock_single_photon_detector, window=WINDOW, threshold=THRESHOLD, light=[mock_aom])
    readout.prepare()
    readout.run()
    assert lit == [True]
    assert not mock_aom.enabled()
    assert sim_clock.now() == pytest.approx(WINDOW)


def test_a_detector_that_fails_gives_no_outcome_and_leaves_no_light_on(readout, mock_single_photon_detector, mock_aom):
    mock_single_photon_detector.state.overloaded = True
    with pytest.raises(DeviceFault, match="overloaded"):
        readout.run()
    assert not mock_aom.enabled()


def test_make_safe_darkens_and_disables(readout, mock_single_photon_detector, mock_aom):
    for _ in range(2):
        readout.make_safe()
    assert not mock_single_photon_detector.state.enabled
    assert not mock_aom.enabled()
