from collections import deque

import pytest

from eventready.errors import ConfigError, DeviceFault, KeyPoolError, NotReady
from eventready.instruments import LatchedInput, Played
from eventready.stations.procedures.inputs import HardwareInput, Input, PoolInput
from eventready.testing import MockHeraldingSequencer, MockProgram, MockRandomSource

HERALD_PS = 5_000_000


@pytest.fixture
def sequencer(sim_clock, close_instruments):
    device = MockHeraldingSequencer("sequencer", sections=("input",), clock=sim_clock)
    device.load(MockProgram())
    return device


@pytest.fixture
def source(sim_clock, close_instruments):
    return MockRandomSource("qrng", latch_bits=2, clock=sim_clock)


@pytest.fixture
def hardware(sequencer, source, sim_clock):
    return HardwareInput(sequencer, source, sim_clock)


def pool(source, sim_clock, **kwargs):
    return PoolInput(source, sim_clock, **({"bytes_per_round": 2, "rounds": 10} | kwargs))


def test_an_input_is_never_printed():
    assert "3" not in repr(Input(3, 12)) and "3" not in str(Input(3, 12))
    assert "3" not in f"{Input(3, 12)}"


def test_the_hardware_s_input_is_read_back_with_its_time(hardware, sequencer, source):
    sequencer.state.arms.append(3)
    source.latch([LatchedInput(3, HERALD_PS + 1)])
    assert tuple(hardware.run(HERALD_PS, 0)) == (3, HERALD_PS + 1)
    assert [call.arguments for call in sequencer.calls if call.name == "play"] == [("input", None)], "no arm is asked for: hardware chooses"


def test_nothing_is_drawn_when_the_hardware_s_input_is_prepared(hardware, sequencer, source):
    hardware.prepare()
    hardware.make_safe()
    assert "play" not in sequencer.names()
    assert not {"read", "read_latched"} & set(source.names())


@pytest.mark.parametrize("latched", [HERALD_PS, HERALD_PS - 1])
def test_an_input_as_old_as_the_herald_is_refused(hardware, sequencer, source, latched):
    sequencer.state.arms.append(3)
    source.latch([LatchedInput(3, latched)])
    with pytest.raises(DeviceFault, match="round 7: the input was drawn before its herald"):
        hardware.run(HERALD_PS, 7)


def test_another_input_than_the_applied_one_is_refused_without_saying_which(hardware, sequencer, source):
    sequencer.state.arms.append(3)
    source.latch([LatchedInput(2, HERALD_PS + 1)])
    with pytest.raises(DeviceFault) as caught:
        hardware.run(HERALD_PS, 7)
    assert "latch line" in str(caught.value)
    assert not set("23") & set(str(caught.value))


def test_no_latch_is_no_default_input(hardware, sequencer):
    sequencer.state.arms.append(0)
    with pytest.raises(NotReady):
        hardware.run(HERALD_PS, 7)


def test_times_that_cannot_be_are_refused_without_saying_the_input(hardware, sequencer, source):
    sequencer._script["play"] = deque([Played(3, 10, 9, 8)])
    with pytest.raises(Exception, match="times out of order") as caught:
        hardware.run(HERALD_PS, 7)
    assert "3" not in str(caught.value)


def test_a_pool_is_filled_once_and_before_the_first_round(source, sim_clock):
    inputs = pool(source, sim_clock)
    with pytest.raises(NotReady, match="prepare"):
        inputs.run(0, 0)
    for _ in range(2):
        inputs.prepare()
    assert source.pool_bytes() == 20
    inputs.run(0, 0)
    assert source.pool_bytes() == 18


def test_every_round_has_its_own_place_in_the_pool(sim_clock, close_instruments):
    data = bytes(range(20))
    inputs = pool(MockRandomSource("known", data=data, clock=sim_clock), sim_clock)
    inputs.prepare()
    assert [inputs.run(0, n).bits for n in range(10)] == [int.from_bytes(data[2 * n : 2 * n + 2], "little") for n in range(10)]


def test_a_round_s_bits_are_given_once_and_skipped_ones_never(source, sim_clock):
    inputs = pool(source, sim_clock)
    inputs.prepare()
    inputs.run(0, 4)
    for used in (4, 3, 0):
        with pytest.raises(KeyPoolError):
            inputs.run(0, used)
    inputs.run(0, 9)
    with pytest.raises(KeyPoolError, match="used up"):
        inputs.run(0, 10)


def test_a_resumed_segment_counts_from_its_first_round(sim_clock, close_instruments):
    data = bytes(range(100, 106))
    inputs = pool(MockRandomSource("known", data=data, clock=sim_clock), sim_clock, first=7)
    assert inputs.draw_lost(7, 1) == int.from_bytes(data[:2], "little")
    inputs.prepare()
    assert inputs.run(0, 8).bits == int.from_bytes(data[2:4], "little")
    assert inputs.run(0, 9).bits == int.from_bytes(data[4:6], "little")


def test_a_segment_without_rounds_needs_no_bits(source, sim_clock):
    inputs = pool(source, sim_clock, first=10)
    inputs.prepare()
    assert source.pool_bytes() == 0
    with pytest.raises(NotReady):
        inputs.run(0, 10)


def test_an_unhealthy_source_fills_no_pool_and_gives_nothing_out_of_one(source, sim_clock):
    inputs = pool(source, sim_clock, rounds=1000)
    source.state.stuck_at = 0
    with pytest.raises(DeviceFault, match="SP 800-90B"):
        inputs.prepare()
    assert source.pool_bytes() == 0
    with pytest.raises((DeviceFault, NotReady)):
        inputs.run(0, 0)


def test_a_lost_round_s_hardware_input_is_drawn_afresh(hardware, source, sequencer):
    assert 0 <= hardware.draw_lost(3, 2) < 4
    assert "play" not in sequencer.names(), "drawn and recorded, never applied"
    with pytest.raises(ConfigError):
        hardware.draw_lost(3, 0)
