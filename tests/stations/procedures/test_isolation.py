import pytest

from eventready.errors import ConfigError, DeviceFault
from eventready.instruments.mock import MockShutter
from eventready.stations.assembly import programs
from eventready.stations.config import load_link
from eventready.stations.procedures.isolation import ShutterIsolation, ShuttleIsolation
from eventready.testing import MockHeraldingSequencer
from eventready.twin.ports import ShutterPort
from eventready.twin.roles import TwinShutter


@pytest.fixture
def port():
    return ShutterPort(travel_ps=5_000_000_000)


@pytest.fixture
def isolation(port, sim_clock, close_instruments):
    return ShutterIsolation(TwinShutter("shutter", port, sim_clock), sim_clock, 20e-3)


def test_a_command_does_not_wait_and_a_confirmation_does(isolation, port, sim_clock):
    isolation.prepare()
    start = sim_clock.now_ps()
    isolation.command()
    assert sim_clock.now_ps() == start
    assert not port.is_closed(start)
    seen_ps = isolation.confirm()
    assert seen_ps == sim_clock.now_ps()
    assert port.is_closed(seen_ps)
    assert 5e9 <= seen_ps - start <= 7e9


def test_a_shutter_that_sticks_is_never_confirmed(isolation, port):
    isolation.prepare()
    port.stuck = True
    isolation.command()
    with pytest.raises(DeviceFault, match=r"not closed within 0\.02 s, the blade was seen open"):
        isolation.confirm()


def test_opening_is_seen_too(isolation, port, sim_clock):
    port.stuck = True
    with pytest.raises(DeviceFault, match="not open within"):
        isolation.prepare()
    port.stuck = False
    isolation.reconnect()
    assert port.is_open(sim_clock.now_ps())


def test_safe_is_closed(isolation, port, sim_clock):
    isolation.prepare()
    for _ in range(2):
        isolation.make_safe()
    sim_clock.sleep(6e-3)
    assert port.is_closed(sim_clock.now_ps())


def test_a_shutter_without_position_sensor_isolates_nothing(sim_clock, close_instruments):
    """It would repeat what it was told, and the fluorescence would start while the blade still moves."""
    blind = ShutterIsolation(MockShutter("blind", confirmed=False, clock=sim_clock), sim_clock, 20e-3)
    with pytest.raises(ConfigError, match="position is not measured"):
        blind.prepare()


def test_shuttling_takes_the_time_to_settle(sim_clock, close_instruments):
    sequencer = MockHeraldingSequencer("sequencer", sections=("shuttle", "reconnect"), section=200e-6, clock=sim_clock)
    isolation = ShuttleIsolation(sequencer)
    isolation.make_safe()  # nothing is loaded, so nothing can be connected
    assert "play" not in sequencer.names()
    sequencer.load(programs(load_link("oxford"))["alice"])
    isolation.prepare()
    start_ps = sim_clock.now_ps()
    assert isolation.run() == start_ps + 200_000_000 == sim_clock.now_ps()
    isolation.make_safe()
    assert [call.arguments[0] for call in sequencer.calls if call.name == "play"] == ["reconnect", "shuttle", "shuttle"]
