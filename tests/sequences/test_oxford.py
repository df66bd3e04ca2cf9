"""The Oxford programs: frames, arm tables, times."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.sequences.attempts import herald_program
from eventready.sequences.oxford import OxfordTimings, arm_table, in_frame, node_program
from eventready.sequences.program import Action
from eventready.twin.physics import BellState, frame

TIMINGS = OxfordTimings(
    attempt=1.05e-6,
    excitation=580e-9,
    gate_start=0.0,
    gate=15e-9,
    attempts_per_burst=190,
    attempt_limit=400_000,
    burst_cooling=20e-6,
    shuttle=200e-6,
    input_delay=2e-6,
    rotation=50e-6,
    scramble=100e-6,
    reconnect=200e-6,
    recool=1.8e-3,
)
AXES = [math.radians(angle) for angle in (45.0, -45.0, 0.0)]
FRAMES = ("psi+", "psi-")
PATTERNS = {3: "psi+", 12: "psi+", 9: "psi-", 6: "psi-"}


@settings(deadline=None, derandomize=True)
@given(st.floats(-10, 10), st.sampled_from(FRAMES))
def test_the_frame_is_the_one_of_the_physics(theta: float, state: str) -> None:
    difference = in_frame(theta, state) - frame(theta, BellState(state))
    assert math.remainder(difference, 2 * math.pi) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("state", FRAMES)
@pytest.mark.parametrize(("theta_a", "theta_b"), [(0.0, math.pi / 4), (math.pi / 2, -math.pi / 4), (0.3, 1.1)])
def test_in_its_frame_every_herald_looks_like_phi_plus(state: str, theta_a: float, theta_b: float) -> None:
    # From the states alone: <psi| A x B |psi> with observables cos(t) Z + sin(t) X.
    def observable(theta: float) -> np.ndarray:
        return math.cos(theta) * np.diag([1.0, -1.0]) + math.sin(theta) * np.array([[0.0, 1.0], [1.0, 0.0]])

    def correlation(vector: np.ndarray, theta: float) -> float:
        return float(vector @ np.kron(observable(theta_a), observable(theta)) @ vector)

    sign = 1 if state == "psi+" else -1
    psi = np.array([0, 1, sign, 0]) / math.sqrt(2)
    phi_plus = np.array([1, 0, 0, 1]) / math.sqrt(2)
    assert correlation(psi, in_frame(theta_b, state)) == pytest.approx(correlation(phi_plus, theta_b), abs=1e-12)


@pytest.mark.parametrize("state", ["phi+", "phi-", "Psi+", ""])
def test_a_state_that_no_pattern_heralds_has_no_frame(state: str) -> None:
    with pytest.raises(KeyError):
        in_frame(0.0, state)


@settings(deadline=None, derandomize=True)
@given(st.permutations(FRAMES), st.integers(1, 4), st.booleans())
def test_the_arm_table_finds_the_arm_of_the_input_in_the_herald_s_frame(frames: list[str], inputs: int, turns: bool) -> None:
    axes = [0.1 + 0.2 * k for k in range(inputs)]
    arms = node_program("bob", TIMINGS, axes, frames if turns else ()).sections["rotate"].arms
    table = arm_table(axes, frames if turns else (), PATTERNS)
    assert set(table) == {(setting, pattern) for setting in range(inputs) for pattern in PATTERNS}
    for (setting, pattern), arm in table.items():
        state = PATTERNS[pattern]
        assert arms[arm].angle == (in_frame(axes[setting], state) if turns else axes[setting])
        assert arms[arm].name == (f"input {setting}, {state}" if turns else f"input {setting}")


def test_no_two_choices_of_one_pattern_share_an_arm() -> None:
    table = arm_table(AXES, FRAMES, PATTERNS)
    for pattern in PATTERNS:
        assert len({table[setting, pattern] for setting in range(3)}) == 3


def test_the_herald_is_known_when_the_slower_photons_gate_has_closed() -> None:
    loop = herald_program(TIMINGS, 4.9e-9, list(PATTERNS)).loop
    assert loop is not None
    assert loop.herald_ps == 580_000 + 4_900 + 0 + 15_000
    assert loop.burst_ps == 190 * 1_050_000 + 20_000_000
    assert (loop.gate_start_ps, loop.gate_ps, loop.limit_attempts) == (0, 15_000, 400_000)
    assert herald_program(TIMINGS, 4.9e-9, list(PATTERNS)).accepted_patterns == (3, 12, 9, 6)


def test_the_sections_of_a_round() -> None:
    sections = node_program("bob", TIMINGS, AXES, FRAMES).sections
    found = {name: (section.action, section.acts_ps, section.length_ps) for name, section in sections.items()}
    assert found == {
        "shuttle": (Action.DISCONNECT, 0, 200_000_000),
        "rotate": (Action.ANALYSE, 52_000_000, 52_000_000),
        "scramble": (Action.SCRAMBLE, 0, 100_000_000),
        "reconnect": (Action.CONNECT, 0, 2_000_000_000),
    }
    assert node_program("bob", TIMINGS, AXES, FRAMES).input_bits == 0


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(OxfordTimings)])
def test_every_timing_is_in_a_program(field: str) -> None:
    changed = dataclasses.replace(TIMINGS, **{field: 2 * getattr(TIMINGS, field) or 1e-9})
    before = [herald_program(TIMINGS, 0.0, [3]).digest, node_program("bob", TIMINGS, AXES, FRAMES).digest]
    after = [herald_program(changed, 0.0, [3]).digest, node_program("bob", changed, AXES, FRAMES).digest]
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
