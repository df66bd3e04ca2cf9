import pytest

from eventready.clock import SimClock
from eventready.errors import ConfigError, DeviceFault, NotReady
from eventready.instruments import Position
from eventready.instruments.mock import MockShutter
from eventready.stations.procedures.preparation import Preparation, wait_until_ready


@pytest.fixture
def filter_(sim_clock, close_instruments):
    shutter = MockShutter("filter", clock=sim_clock)
    shutter.state.position = Position.OPEN
    return shutter


@pytest.fixture
def preparation(sim_clock, mock_laser, mock_aom, mock_shutter, filter_):
    return Preparation(
        sim_clock,
        beams=[mock_laser, mock_aom],
        cooling_time=5e-3,
        instruments={"bob.trap": mock_laser, "bob.excitation": mock_aom},
        shutter=mock_shutter,
        filters=[filter_],
        shutter_timeout=20e-3,
    )


def test_everything_is_brought_where_attempts_start(preparation, mock_laser, mock_aom, mock_shutter, filter_, sim_clock):
    preparation.prepare()
    assert mock_laser.emission()
    assert mock_aom.enabled()
    assert mock_shutter.position() is Position.OPEN
    assert filter_.position() is Position.CLOSED
    assert preparation.unready() == []
    preparation.run()
    assert sim_clock.now() == pytest.approx(5e-3)


def test_the_filter_is_in_the_beam_before_the_shutter_opens_and_light_comes_on(preparation, mock_laser, mock_shutter, filter_):
    filter_.ignore_commands()
    with pytest.raises(DeviceFault, match="filter: not closed"):
        preparation.prepare()
    assert mock_shutter.calls == []
    assert mock_laser.calls == []


def test_a_filter_whose_position_nobody_measures_is_refused(sim_clock, close_instruments):
    blind = MockShutter("blind", confirmed=False, clock=sim_clock)
    preparation = Preparation(sim_clock, beams=[], cooling_time=0.0, instruments={}, filters=[blind])
    with pytest.raises(ConfigError, match="position is not measured"):
        preparation.prepare()


def test_what_is_not_ready_is_said_in_words_with_its_slot(preparation, mock_laser, filter_):
    preparation.prepare()
    mock_laser.state.locked = False
    filter_.state.position = Position.OPEN
    assert preparation.unready() == [
        "bob.trap: not locked",
        "filter: the spectral filter is not confirmed in the beam: the blade is seen open",
    ]
    mock_laser.state.locked = True
    mock_laser.fail_next()
    assert len(preparation.unready()) == 2, "an instrument that does not answer is not ready"
    filter_.fail_next()
    assert len(preparation.unready()) == 1, "the same holds for a blade"


def test_a_node_is_ready_while_its_shutter_is_open_and_only_then(preparation, mock_shutter):
    preparation.prepare()
    assert preparation.unready() == []
    for position in (Position.CLOSED, Position.MOVING, Position.UNKNOWN):
        mock_shutter.state.position = position
        assert preparation.unready()[0] == f"mock_shutter: the way to the fibre is not confirmed open: the blade is seen {position}"
    mock_shutter.state.position = Position.OPEN
    mock_shutter.fail_next()
    assert len(preparation.unready()) == 1
    assert preparation.unready() == []


def test_make_safe_darkens(preparation, mock_laser, mock_aom):
    preparation.prepare()
    for _ in range(2):
        preparation.make_safe()
    assert not mock_laser.emission()
    assert not mock_aom.enabled()


def test_waiting_ends_when_nothing_is_unready_any_more():
    clock = SimClock()
    answers = [["not locked"], ["not locked"], []]
    wait_until_ready("bob", clock, lambda: answers.pop(0), 1.0, 3600.0)
    assert clock.now() == 2.0


def test_what_can_be_mended_is_and_then_it_is_asked_again_at_once():
    clock = SimClock()
    answers = [["latched"], ["latched"], ["latched"], []]
    mended = [False, True, False]
    wait_until_ready("bob", clock, lambda: answers.pop(0), 1.0, 3600.0, lambda: mended.pop(0))
    assert (clock.now(), mended) == (2.0, [])


def test_patience_ends():
    clock = SimClock()
    with pytest.raises(NotReady, match="bob: not ready for 10 s: not locked"):
        wait_until_ready("bob", clock, lambda: ["not locked"], 1.0, 10.0)
    assert 10 < clock.now() <= 12
