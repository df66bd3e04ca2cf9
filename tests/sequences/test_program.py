"""Attempt loops count exactly, and a program's digest is the program."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.errors import SequenceError
from eventready.sequences.program import Action, Arm, AttemptLoop, Program, Section, sections_by_name, to_ps

LOOP = AttemptLoop(
    attempt_ps=7, attempts_per_burst=3, gap_ps=5, herald_ps=6, limit_attempts=100, gate_start_ps=1, gate_ps=2
)  # small primes, so that no two wrong sums agree

loops = st.builds(
    AttemptLoop,
    attempt_ps=st.integers(1, 50),
    attempts_per_burst=st.integers(1, 12),
    gap_ps=st.integers(0, 40),
    herald_ps=st.just(1),
    limit_attempts=st.just(1),
    gate_start_ps=st.just(0),
    gate_ps=st.just(1),
)


def starts(loop: AttemptLoop, attempts: int) -> list[int]:
    """Start of every attempt, one after the other, as a sequencer steps through them."""
    found, now_ps = [], 0
    for attempt in range(attempts):
        if attempt and attempt % loop.attempts_per_burst == 0:
            now_ps += loop.gap_ps
        found.append(now_ps)
        now_ps += loop.attempt_ps
    return found


@settings(deadline=None, derandomize=True)
@given(loops)
def test_start_of_attempt_is_what_stepping_gives(loop: AttemptLoop) -> None:
    assert [loop.start_of_attempt_ps(k) for k in range(60)] == starts(loop, 60)


@settings(deadline=None, derandomize=True)
@given(loops, st.integers(-10, 400))
def test_attempts_begun_before_counts_the_list(loop: AttemptLoop, elapsed_ps: int) -> None:
    assert loop.attempts_begun_before_ps(elapsed_ps) == sum(start < elapsed_ps for start in starts(loop, 401))


@settings(deadline=None, derandomize=True)
@given(loops, st.integers(0, 10**12))
def test_the_two_are_inverse(loop: AttemptLoop, attempt: int) -> None:
    start_ps = loop.start_of_attempt_ps(attempt)
    assert loop.attempts_begun_before_ps(start_ps) == attempt
    assert loop.attempts_begun_before_ps(start_ps + 1) == attempt + 1


@settings(deadline=None, derandomize=True)
@given(loops, st.integers(0, 1000))
def test_a_burst_is_one_period(loop: AttemptLoop, attempt: int) -> None:
    assert loop.start_of_attempt_ps(attempt + loop.attempts_per_burst) - loop.start_of_attempt_ps(attempt) == loop.burst_ps


# -- digest ----------------------------------------------------------------------------------------------------------------------------

# Few values each, so that equal programs come up as often as unequal ones, also ones that differ only in how a number is written.
angles = st.sampled_from([0, 0.0, -0.0, 1, 1.0])
arms = st.builds(Arm, name=st.just("a"), angle=angles, phase=angles, beam=st.integers(0, 1))
sections = st.builds(
    Section,
    name=st.sampled_from("st"),
    action=st.just(Action.ANALYSE),
    length_ps=st.just(5),
    acts_ps=st.integers(0, 1),
    arms=st.lists(arms, max_size=1).map(tuple),
)
programs = st.builds(
    Program,
    node=st.just("alice"),
    loop=st.sampled_from([None, LOOP]),
    accepted_patterns=st.sampled_from([(), (3,), (3, 12), (12, 3)]),
    sections=st.lists(sections, max_size=2, unique_by=lambda section: section.name).map(lambda found: sections_by_name(*found)),
    input_bits=st.just(0),
)


@settings(deadline=None, derandomize=True)
@given(programs, programs)
def test_digests_are_equal_if_and_only_if_programs_are(one: Program, other: Program) -> None:
    assert (one.digest == other.digest) is (one == other)


def full_program() -> Program:
    arm = Arm("input 0", angle=0.25, phase=0.5, beam=1)
    section = Section("readout", Action.ANALYSE, length_ps=20, acts_ps=10, arms=(arm, Arm("input 1", 0.75)))
    return Program("alice", loop=LOOP, accepted_patterns=(3, 12), sections=sections_by_name(section), input_bits=1)


def other_than(value: int | tuple[int, ...]) -> int | tuple[int, ...]:
    return value + 1 if isinstance(value, int) else (value[0] + 1, *value[1:])


def variations() -> dict[str, Program]:
    """A program for every field of every dataclass in it, with only that field changed."""
    program = full_program()
    section = program.sections["readout"]
    arm = section.arms[0]
    found = {}
    for field in dataclasses.fields(Arm):
        value = getattr(arm, field.name)
        changed = dataclasses.replace(arm, **{field.name: value + ("x" if isinstance(value, str) else 1)})
        found[f"arm.{field.name}"] = with_section(program, dataclasses.replace(section, arms=(changed, section.arms[1])))
    for name, value in {"name": "other", "action": Action.LATCH, "length_ps": 21, "acts_ps": 11, "arms": section.arms[::-1]}.items():
        found[f"section.{name}"] = with_section(program, dataclasses.replace(section, **{name: value}))
    for field in dataclasses.fields(AttemptLoop):
        found[f"loop.{field.name}"] = dataclasses.replace(
            program, loop=dataclasses.replace(LOOP, **{field.name: other_than(getattr(LOOP, field.name))})
        )
    for name, value in {
        "node": "bob",
        "loop": None,
        "accepted_patterns": (12, 3),
        "sections": {},
        "input_bits": 2,
        "sequence": "other",
    }.items():
        found[name] = dataclasses.replace(program, **{name: value})
    return found


def with_section(program: Program, section: Section) -> Program:
    return dataclasses.replace(program, sections=sections_by_name(section))


def test_the_variations_cover_every_field() -> None:
    names = {"arm": Arm, "section": Section, "loop": AttemptLoop}
    wanted = {f"{prefix}.{field.name}" for prefix, cls in names.items() for field in dataclasses.fields(cls)}
    assert set(variations()) == wanted | {field.name for field in dataclasses.fields(Program)}


@pytest.mark.parametrize("what", variations())
def test_a_changed_field_changes_the_digest(what: str) -> None:
    assert variations()[what].digest != full_program().digest


def test_all_variations_differ_from_each_other() -> None:
    digests = [program.digest for program in variations().values()]
    assert len(set(digests)) == len(digests)


def test_the_order_of_sections_does_not_matter() -> None:
    one, two = Section("a", Action.SCRAMBLE, 1), Section("b", Action.CONNECT, 2)
    assert Program("x", sections=sections_by_name(one, two)).digest == Program("x", sections=sections_by_name(two, one)).digest


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (0.0, -0.0)])
def test_one_angle_in_two_spellings_is_one_digest(one: float, other: float) -> None:
    programs = [with_section(Program("x"), Section("s", Action.ANALYSE, 1, arms=(Arm("a", angle, angle),))) for angle in (one, other)]
    assert programs[0] == programs[1]
    assert programs[0].digest == programs[1].digest


# -- refusals --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("acts_ps", [-1, 11])
def test_a_section_acts_within_its_length(acts_ps: int) -> None:
    with pytest.raises(SequenceError, match=f"'readout'.*{acts_ps} ps.*10 ps"):
        Section("readout", Action.ANALYSE, length_ps=10, acts_ps=acts_ps)


def test_a_section_name_is_used_once() -> None:
    section = Section("readout", Action.ANALYSE, length_ps=10)
    with pytest.raises(SequenceError, match="readout"):
        sections_by_name(section, section)


def test_the_table_of_sections_is_read_only() -> None:
    table = sections_by_name(Section("readout", Action.ANALYSE, length_ps=10))
    assert isinstance(table, MappingProxyType)


def test_whole_picoseconds() -> None:
    assert to_ps(19.2e-6) == 19_200_000
    assert to_ps(18.2e-9) == 18_200
    assert to_ps(75 * 3600.0) == 75 * 3600 * 10**12
