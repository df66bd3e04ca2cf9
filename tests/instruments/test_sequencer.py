"""The sequencer role: what it lets through as a herald."""

import threading

import pytest

from eventready.errors import ConfigError, DeviceConnectionError, DeviceFault, DeviceProtocolError, NotReady, SequenceError
from eventready.instruments import ExitReason, HeraldResult, HeraldTally, Played, SequencerCounters
from eventready.instruments.mock import MockHeraldingSequencer, MockProgram

pytestmark = pytest.mark.usefixtures("close_instruments")


class Entangler(MockHeraldingSequencer):
    """With counters as narrow as the gateware's."""

    counter_bits = 14


@pytest.fixture
def sequencer(sim_clock):
    sequencer = Entangler("s", clock=sim_clock)
    sequencer.load(MockProgram())
    return sequencer


def test_runs_across_the_width_of_the_counters(sequencer):
    for _ in range(7):
        sequencer.state.patterns.append(None)
        assert sequencer.run(5000) == (ExitReason.LIMIT, 0, sequencer.clock.now_ps(), 5000, None, "")
    assert sequencer.counters() == (35000 % 16384, 35000 % 16384)
    assert sequencer.run(5000).reason is ExitReason.HERALD


def test_a_missed_reference_vetoes_that_herald_only(sequencer):
    sequencer.state.missed_references = 1
    result = sequencer.run(100)
    assert (result.reason, result.veto) == (ExitReason.VETOED, "1 cycles but 0 reference pulses (modulo 2^14)")
    assert sequencer.run(100).reason is ExitReason.HERALD


def test_a_missed_reference_without_a_herald_is_told(sequencer):
    """There is nothing to veto, but somebody will want to know."""
    sequencer.state.missed_references = 2
    sequencer.state.patterns.append(None)
    result = sequencer.run(100)
    assert result.reason is ExitReason.LIMIT
    assert "100 cycles but 98 reference pulses" in result.veto


def test_counters_that_stand_still_veto(sequencer, mocker):
    """Both stuck agree with each other, but not with the attempts."""
    mocker.patch.object(sequencer, "_do_counters", return_value=SequencerCounters(0, 0))
    assert "1 attempts but 0 cycles counted" in sequencer.run(100).veto


@pytest.mark.parametrize("pattern", [0b0000, 0b0001, 0b0111, 0b1111, 0b0110])
def test_only_accepted_patterns_herald(sequencer, pattern):
    sequencer.state.patterns.append(pattern)
    result = sequencer.run(100)
    assert result.reason is ExitReason.VETOED
    assert f"{pattern:#06b}" in result.veto


def test_a_herald_does_not_come_again(sequencer, mocker):
    first = sequencer.run(100)
    mocker.patch.object(sequencer.clock, "now_ps", return_value=first.time_ps)
    result = sequencer.run(100)
    assert result.reason is ExitReason.VETOED
    assert "not after the one at" in result.veto


def test_a_run_that_fails_does_not_spoil_the_next(sequencer):
    sequencer.fail_next(DeviceConnectionError("s", "gone"))
    with pytest.raises(DeviceConnectionError):
        sequencer.run(100)
    assert sequencer.run(100).reason is ExitReason.HERALD


def test_not_ready_is_passed_on(sim_clock):
    sequencer = Entangler("t", clock=sim_clock, script={"run": [HeraldResult(ExitReason.NOT_READY, 0, 5, 3)]})
    sequencer.load(MockProgram())
    assert sequencer.run(100) == (ExitReason.NOT_READY, 0, 5, 3, None, "")


def test_nothing_runs_without_a_program(mock_heralding_sequencer):
    for use in (lambda: mock_heralding_sequencer.run(1), lambda: mock_heralding_sequencer.play("readout")):
        with pytest.raises(NotReady, match="no program is loaded"):
            use()
    assert mock_heralding_sequencer.readiness() == (False, ("no program is loaded",))
    mock_heralding_sequencer.load(MockProgram(digest="abc"))
    assert mock_heralding_sequencer.program_digest() == "abc"
    assert mock_heralding_sequencer.readiness().ok


def test_a_load_that_fails_leaves_nothing_loaded(sequencer):
    sequencer.fail_next()
    with pytest.raises(DeviceConnectionError):
        sequencer.load(MockProgram(digest="new"))
    assert sequencer.program_digest() == ""
    with pytest.raises(NotReady):
        sequencer.run(1)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_run_has_attempts(sequencer, limit):
    before = len(sequencer.calls)
    with pytest.raises(ConfigError):
        sequencer.run(limit)
    assert len(sequencer.calls) == before


def test_the_branch_that_was_asked_for_is_played(sim_clock):
    sequencer = Entangler("t", clock=sim_clock, script={"play": [Played(0, 1, 1, 2)]})
    sequencer.load(MockProgram())
    with pytest.raises(DeviceFault, match="another branch was played") as caught:
        sequencer.play("readout", 1)
    assert not any(char in str(caught.value) for char in "01")
    with pytest.raises(SequenceError, match="no section 'shuttle'"):
        sequencer.play("shuttle")


@pytest.mark.parametrize("played", [Played(0, 1, 5, 4), Played(0, 9, 1, 4)])
def test_times_of_a_section_are_in_order(sim_clock, played):
    sequencer = Entangler("t", clock=sim_clock, script={"play": [played]})
    sequencer.load(MockProgram())
    with pytest.raises(DeviceProtocolError, match="times out of order"):
        sequencer.play("readout")


@pytest.mark.parametrize(
    ("played", "arm", "error"), [(Played(0, 1, 1, 2), 1, DeviceFault), (Played(0, 1, 5, 4), None, DeviceProtocolError)]
)
def test_a_section_looked_up_once_is_checked_each_time(sim_clock, played, arm, error):
    sequencer = Entangler("t", clock=sim_clock, script={"play": [Played(arm or 0, 1, 1, 2), played]})
    sequencer.load(MockProgram())
    play = sequencer.player("readout")
    assert play(arm) == (arm or 0, 1, 1, 2)
    with pytest.raises(error):
        play(arm)


def test_a_section_is_looked_up_in_the_program_that_is_loaded(sequencer, mocker):
    earlier = sequencer.player("readout")
    assert earlier().arm == 0
    sequencer.load(MockProgram(digest="another"))
    with pytest.raises(NotReady, match="no longer loaded"):
        earlier()
    later = sequencer.player("readout")
    assert later().arm == 0
    mocker.patch.object(sequencer, "_do_load", side_effect=DeviceConnectionError("s", "gone"))
    with pytest.raises(DeviceConnectionError):
        sequencer.load(MockProgram())
    with pytest.raises(NotReady, match="no longer loaded"):
        later()
    with pytest.raises(NotReady, match="no program is loaded"):
        sequencer.player("readout")


def test_a_section_that_was_looked_up_is_played_under_the_lock(sim_clock, mocker):
    lock = mocker.MagicMock(wraps=threading.RLock())
    sequencer = Entangler("t", clock=sim_clock, lock=lock)
    sequencer.load(MockProgram())
    held = []
    mocker.patch.object(sequencer, "_do_play")
    sequencer._do_play.side_effect = lambda *_: held.append(lock.acquire.call_count - lock.release.call_count) or Played(0, 1, 1, 2)
    play = sequencer.player("readout")
    play()
    assert held == [1]
    sequencer._do_play.side_effect = DeviceFault("t", "stuck")
    with pytest.raises(DeviceFault):
        play()
    assert lock.acquire.call_count == lock.release.call_count == 2


def test_results_do_not_show_the_input():
    shown = repr(HeraldResult(ExitReason.HERALD, 3, 10, 20, latched=7)) + repr(Played(7, 1, 2, 3))
    assert "7" not in shown
    assert "latched=None" in repr(HeraldResult(ExitReason.LIMIT, 0, 10, 20))


def a_tally(**changes):
    return HeraldTally(10, (2, 1, 0, 0), (5, 0, 0, 1), 1000, (8, 1, 0, 1, *[0] * 12))._replace(**changes)


def test_singles_and_attempts_follow_from_the_patterns():
    sound = a_tally()
    assert HeraldTally.of_patterns(sound.patterns, sound.off_gate, 1000) == sound


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"attempts": 11}, "11 attempts, but patterns of 10"),
        ({"singles": (2, 1, 0, 1)}, "singles"),
        ({"off_gate": (-1, 0, 0, 0)}, "negative"),
        ({"off_gate_ps": 0}, "not to be there"),
        ({"singles": (2, 1, 0)}, "3 singles"),
        ({"patterns": (9, 1)}, "2 patterns"),
    ],
)
def test_counters_that_contradict_each_other_are_refused(sim_clock, changes, problem):
    sequencer = Entangler("t", clock=sim_clock, script={"tally": [a_tally(), a_tally(**changes)]})
    sequencer.load(MockProgram())
    assert sequencer.tally() == a_tally()
    with pytest.raises(DeviceProtocolError, match=problem):
        sequencer.tally()


def test_there_is_no_tally_without_a_program(sim_clock):
    with pytest.raises(NotReady, match="nothing has been counted"):
        Entangler("t", clock=sim_clock).tally()


def test_the_mock_tells_the_counts_that_it_is_given(sequencer):
    sequencer.state.patterns.append(None)
    sequencer.run(1000)
    sequencer.state.singles, sequencer.state.off_gate = [4, 0, 0, 1], [0, 7, 0, 0]
    tally = sequencer.tally()
    assert (tally.attempts, tally.singles, tally.off_gate) == (1000, (4, 0, 0, 1), (0, 7, 0, 0))
    assert sum(sequencer.tally().patterns) == 0
