import pytest

from eventready.instruments import ExitReason
from eventready.sequences.program import AttemptLoop, Program
from eventready.stations.procedures.excitation import Excitation

LOOP = AttemptLoop(
    attempt_ps=10**6, attempts_per_burst=10, gap_ps=10**7, herald_ps=10**5, limit_attempts=50, gate_start_ps=0, gate_ps=15_000
)
PROGRAM = Program("bsm", loop=LOOP, accepted_patterns=(0b0011,))


@pytest.fixture
def excitation(mock_heralding_sequencer, mock_single_photon_detector):
    procedure = Excitation(mock_heralding_sequencer, [mock_single_photon_detector], PROGRAM)
    procedure.prepare()
    return procedure


def test_attempts_go_on_until_a_herald_or_the_program_s_limit(excitation, mock_heralding_sequencer, mock_single_photon_detector):
    assert mock_single_photon_detector.state.enabled
    assert mock_heralding_sequencer.program_digest() == PROGRAM.digest
    mock_heralding_sequencer.state.patterns.extend([None, 0b0011])
    assert excitation.run()[:1] == (ExitReason.LIMIT,)
    result = excitation.run()
    assert (result.reason, result.pattern) == (ExitReason.HERALD, 0b0011)
    assert [call.arguments for call in mock_heralding_sequencer.calls if call.name == "run"] == [(50,), (50,)]


def test_a_herald_that_the_counters_contradict_is_a_veto(excitation, mock_heralding_sequencer):
    mock_heralding_sequencer.state.missed_references = 1
    result = excitation.run()
    assert result.reason is ExitReason.VETOED
    assert "reference pulses" in result.veto


def test_safe_is_dark_detectors(excitation, mock_heralding_sequencer, mock_single_photon_detector):
    for _ in range(2):
        excitation.make_safe()
    assert not mock_single_photon_detector.state.enabled
    assert "make_safe" in mock_heralding_sequencer.names()


def test_a_program_without_attempts_is_refused(mock_heralding_sequencer):
    with pytest.raises(ValueError, match="no attempt loop"):
        Excitation(mock_heralding_sequencer, [], Program("alice"))
