"""The pulse generator role: tables that cannot be played, triggers that nobody waits for."""

import pytest

from eventready.errors import DeviceFault, NotReady, SequenceError
from eventready.instruments import PulseStep, PulseTable

GOOD = PulseStep(1000, 1, (0.5,))


@pytest.mark.parametrize(
    "step",
    [
        PulseStep(0, 0),
        PulseStep(-1000, 0),
        PulseStep(1500, 0),
        PulseStep(2**32 * 1000, 0),
        PulseStep(1000, 256),
        PulseStep(1000, -1),
        PulseStep(1000, 0, (0.0, 0.0, 0.0)),
        PulseStep(1000, 0, (1.5,)),
        PulseStep(1000, 0, (float("nan"),)),
    ],
)
def test_an_impossible_step_is_named_before_the_device_is_touched(mock_pulse_generator, step):
    with pytest.raises(SequenceError, match="mock_pulse_generator: step 1 "):
        mock_pulse_generator.load(PulseTable((GOOD, step)))
    assert mock_pulse_generator.calls == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (PulseTable(()), "0 steps"),
        (PulseTable((GOOD,), runs=0), "0 runs"),
        (PulseTable((GOOD,), idle_digital=256), "idle state"),
        (PulseTable((GOOD,), idle_analog=(-2.0,)), "idle state"),
    ],
)
def test_an_impossible_table_is_refused(mock_pulse_generator, table, message):
    with pytest.raises(SequenceError, match=message):
        mock_pulse_generator.load(table)
    assert mock_pulse_generator.calls == []


def test_loading_stops_what_is_playing(mock_pulse_generator):
    mock_pulse_generator.load(PulseTable((GOOD,), runs=None))
    mock_pulse_generator.arm()
    mock_pulse_generator.trigger()
    with pytest.raises(NotReady, match="being played"):
        mock_pulse_generator.arm()
    mock_pulse_generator.load(PulseTable((GOOD, GOOD)))
    assert not mock_pulse_generator.running()
    assert not mock_pulse_generator.armed()


def test_a_load_that_fails_leaves_nothing_to_arm(mock_pulse_generator):
    mock_pulse_generator.load(PulseTable((GOOD,)))
    mock_pulse_generator.fail_next(DeviceFault("g", "memory"))
    with pytest.raises(DeviceFault):
        mock_pulse_generator.load(PulseTable((GOOD,)))
    with pytest.raises(NotReady, match="no table is loaded"):
        mock_pulse_generator.arm()


def test_a_trigger_that_is_lost_is_noticed(mock_pulse_generator):
    mock_pulse_generator.load(PulseTable((GOOD,)))
    with pytest.raises(NotReady, match="would be lost"):
        mock_pulse_generator.trigger()
    mock_pulse_generator.arm()
    mock_pulse_generator.ignore_commands()
    with pytest.raises(DeviceFault, match="still waits after a trigger"):
        mock_pulse_generator.trigger()


def test_arming_twice_arms_once(mock_pulse_generator):
    mock_pulse_generator.load(PulseTable((GOOD,)))
    mock_pulse_generator.arm()
    mock_pulse_generator.arm()
    assert mock_pulse_generator.names().count("arm") == 1
