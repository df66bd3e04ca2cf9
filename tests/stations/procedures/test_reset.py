import pytest

from eventready.errors import DeviceFault
from eventready.stations.procedures.reset import EmptyTrap, Scramble
from eventready.testing import MockHeraldingSequencer, MockProgram


def test_the_trap_is_dark_for_the_configured_time(mock_laser, sim_clock):
    empty = EmptyTrap(mock_laser, sim_clock, 1e-3)
    empty.prepare()
    dark_from = []
    real = mock_laser._do_set_emission
    mock_laser._do_set_emission = lambda on: (dark_from.append((on, sim_clock.now())), real(on))[1]
    empty.run()
    assert dark_from == [(False, 0.0), (True, pytest.approx(1e-3))]
    assert mock_laser.emission()


def test_a_trap_that_stays_on_is_noticed(mock_laser, sim_clock):
    """The atom in it carries the outcome, so the shutter must not open."""
    empty = EmptyTrap(mock_laser, sim_clock, 1e-3)
    empty.prepare()
    mock_laser.ignore_commands()
    with pytest.raises(DeviceFault, match="emission"):
        empty.run()


def test_safe_is_dark(mock_laser, sim_clock):
    empty = EmptyTrap(mock_laser, sim_clock, 1e-3)
    empty.prepare()
    empty.make_safe()
    assert not mock_laser.emission()


def test_scrambling_is_one_section_whatever_was_read(sim_clock, close_instruments):
    sequencer = MockHeraldingSequencer("sequencer", sections=("scramble",), section=1e-4, clock=sim_clock)
    sequencer.load(MockProgram())
    scramble = Scramble(sequencer)
    scramble.prepare()
    scramble.run()
    scramble.make_safe()
    assert [call.arguments for call in sequencer.calls if call.name == "play"] == [("scramble", None)] * 3
    assert sim_clock.now() == pytest.approx(3e-4)
