import pytest

from eventready.errors import InterlockOpen
from eventready.stations.procedures.beams import beam_off, beam_on, beams_off


def test_a_laser_emits_and_an_aom_transmits_all_it_can(mock_laser, mock_aom):
    for beam in (mock_laser, mock_aom):
        beam_on(beam)
    assert mock_laser.emission()
    assert mock_aom.enabled()
    assert mock_aom.transmission() == pytest.approx(1.0)
    for beam in (mock_laser, mock_aom):
        beam_off(beam)
    assert not mock_laser.emission()
    assert not mock_aom.enabled()


def test_the_power_of_an_aom_is_set_before_its_rf_comes_on(mock_aom):
    beam_on(mock_aom)
    names = mock_aom.source.names()
    assert names.index("set_power") < names.index("set_enabled")


def test_switching_is_idempotent(mock_laser):
    for _ in range(2):
        beam_on(mock_laser)
    assert mock_laser.emission()
    for _ in range(2):
        beam_off(mock_laser)
    assert not mock_laser.emission()


def test_several_beams_go_dark_the_last_one_first(mocker):
    order = []
    mocker.patch("eventready.stations.procedures.beams.beam_off", order.append)
    beams_off(["cooling", "repump"])
    assert order == ["repump", "cooling"]


def test_an_open_interlock_is_not_hidden(mock_laser):
    mock_laser.state.interlock_closed = False
    with pytest.raises(InterlockOpen):
        beam_on(mock_laser)
