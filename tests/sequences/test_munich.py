"""The Munich programs: times add up as the link file gives them, and any random input has an arm."""

from __future__ import annotations

import dataclasses
import math

import pytest

from eventready.errors import SequenceError
from eventready.sequences.attempts import herald_program
from eventready.sequences.munich import MunichTimings, node_program
from eventready.sequences.program import Action

TIMINGS = MunichTimings(
    attempt=19.2e-6,
    excitation=4e-6,
    gate_start=18.2e-9,
    gate=60e-9,
    attempts_per_burst=200,
    attempt_limit=500_000,
    burst_cooling=0.2e-3,
    input_delay=1e-6,
    readout_delay=20e-6,
    readout_pulse=200e-9,
)
ANGLES = [math.radians(angle) for angle in (-22.5, 22.5, -45.0, 0.0)]


def test_the_herald_is_known_when_the_slower_photons_gate_has_closed() -> None:
    program = herald_program(TIMINGS, 3.43e-6, [3, 12])
    loop = program.loop
    assert loop is not None
    assert program.node == "bsm"
    assert program.accepted_patterns == (3, 12)
    assert loop.herald_ps == 4_000_000 + 3_430_000 + 18_200 + 60_000
    assert (loop.attempt_ps, loop.attempts_per_burst, loop.gap_ps) == (19_200_000, 200, 200_000_000)
    assert (loop.gate_start_ps, loop.gate_ps, loop.limit_attempts) == (18_200, 60_000, 500_000)
    assert not program.sections
    assert program.input_bits == 0


@pytest.mark.parametrize("node", ["alice", "bob"])
def test_each_input_is_played_on_its_own_beam_at_its_own_angle(node: str) -> None:
    angles = ANGLES if node == "alice" else ANGLES[1::-1]
    program = node_program(node, TIMINGS, angles)
    assert program.node == node
    assert program.loop is None
    for section in program.sections.values():
        assert [(arm.beam, arm.angle, arm.phase) for arm in section.arms] == [(k, angle, 0.0) for k, angle in enumerate(angles)]


def test_input_then_readout() -> None:
    sections = node_program("alice", TIMINGS, ANGLES).sections
    assert list(sections) == ["input", "readout"]
    assert (sections["input"].action, sections["input"].acts_ps, sections["input"].length_ps) == (Action.LATCH, 1_000_000, 1_000_000)
    assert (sections["readout"].action, sections["readout"].acts_ps) == (Action.ANALYSE, 20_000_000)
    assert sections["readout"].length_ps == 20_200_000


@pytest.mark.parametrize(("inputs", "bits"), [(1, 0), (2, 1), (4, 2), (8, 3)])
def test_the_input_bits_name_every_arm_and_no_other(inputs: int, bits: int) -> None:
    program = node_program("alice", TIMINGS, [0.1 * k for k in range(inputs)])
    assert program.input_bits == bits
    assert len(program.sections["readout"].arms) == 1 << bits


@pytest.mark.parametrize("inputs", [0, 3, 5, 6, 7])
def test_inputs_that_random_bits_cannot_choose_evenly_are_refused(inputs: int) -> None:
    with pytest.raises(SequenceError, match=f"alice.*{inputs} inputs.*power of two"):
        node_program("alice", TIMINGS, [0.1 * k for k in range(inputs)])


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(MunichTimings)])
def test_every_timing_is_in_a_program(field: str) -> None:
    changed = dataclasses.replace(TIMINGS, **{field: 2 * getattr(TIMINGS, field)})
    before = [herald_program(TIMINGS, 0.0, [3]).digest, node_program("alice", TIMINGS, ANGLES).digest]
    after = [herald_program(changed, 0.0, [3]).digest, node_program("alice", changed, ANGLES).digest]
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
