"""The Oxford programs: frames, arm tables, times."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.sequences import oxford
from eventready.sequences.language import ROUND_TYPE, Apart, Choose, Tone, Wait
from eventready.sequences.lowering import lower
from eventready.sequences.oxford import arm_table, in_frame
from eventready.sequences.program import Action
from eventready.sequences.tree import blocks, walk
from eventready.twin.physics import BellState, frame

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
def test_the_arm_table_finds_the_arm_of_the_input_in_the_herald_s_frame(oxford_link, frames, inputs, turns) -> None:
    axes = [0.1 + 0.2 * k for k in range(inputs)]
    heralds = sorted(oxford_link.plan.heralds, key=lambda herald: frames.index(herald.name))
    node = "bob" if turns else "alice"
    plan = dataclasses.replace(oxford_link.plan, heralds=heralds, settings={"alice": axes, "bob": axes})
    arms = lower(oxford.link_round(oxford_link.timings, plan), node).sections["rotate"].arms
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


def test_the_herald_is_known_when_the_gate_has_closed(oxford_link) -> None:
    program = lower(oxford_link.tree, "bsm")
    assert program.loop.herald_ps == 580_000 + 4_900 + 0 + 15_000
    assert program.loop.burst_ps == 190 * 1_050_000 + 20_000_000
    assert (program.loop.gate_start_ps, program.loop.gate_ps, program.loop.limit_attempts) == (0, 15_000, 400_000)
    assert program.accepted_patterns == (3, 12, 9, 6)


def test_the_sections_of_a_round(oxford_link) -> None:
    sections = lower(oxford_link.tree, "bob").sections
    found = {name: (section.action, section.acts_ps, section.length_ps) for name, section in sections.items()}
    assert found == {
        "shuttle": (Action.DISCONNECT, 0, 200_000_000),
        "rotate": (Action.ANALYSE, 52_000_000, 52_000_000),
        "scramble": (Action.SCRAMBLE, 0, 100_000_000),
        "reconnect": (Action.CONNECT, 0, 2_000_000_000),
    }
    assert lower(oxford_link.tree, "bob").input_bits == 0


def test_nothing_hangs_on_the_round_s_type(oxford_link) -> None:
    """X = 0 is one arm, in test and key rounds: there is no choice in which the type could appear."""
    choices = [item for _, item in walk(oxford_link.tree) if isinstance(item, Choose)]
    assert {item.symbol for item in choices} == {"input", "herald"}
    for node, inputs in (("alice", 2), ("bob", 3)):
        parts = next(item for _, item in walk(oxford_link.tree) if isinstance(item, Apart)).parts
        arms = [item.arms for _, item in walk(parts[node]) if isinstance(item, Choose) and item.symbol == "input"]
        assert all(list(each) == list(range(inputs)) for each in arms)


def test_the_ion_is_out_of_the_focus_before_its_input_is_used(oxford_link) -> None:
    for part in next(item for _, item in walk(oxford_link.tree) if isinstance(item, Apart)).parts.values():
        names = [path.rpartition("/")[2] for path, _ in walk(part)]
        order = [
            names.index(name) for name in ("shuttle", "wait isolated_both", f"wait {ROUND_TYPE}", "rotate", "fluorescence", "scramble")
        ]
        assert order == sorted(order)
    slot = next(item for _, item in walk(oxford_link.tree) if isinstance(item, Wait) and item.event == ROUND_TYPE)
    assert slot.fixed  # its length tells nothing


def test_an_axis_is_the_phase_of_the_second_quarter_turn(oxford_link) -> None:
    """From the two rotations alone: U+ Z U is cos(axis) Z + sin(axis) X, and every axis costs the same light."""
    tones = {"alice.qubit": Tone(80e6, 27.0), "bob.qubit": Tone(80e6, 27.0)}
    tree = oxford.link_round(oxford_link.timings, dataclasses.replace(oxford_link.plan, tones=tones))
    x, y, z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0])

    def quarter(phase: float) -> np.ndarray:
        return (np.eye(2) - 1j * (math.cos(phase) * x + math.sin(phase) * y)) / math.sqrt(2)

    found = set()
    for _, block in blocks(tree):
        if block.name != "rotate":
            continue
        first, second = block.pulses
        axis = second.does.basis.angle
        turn = quarter(second.drive.phase) @ quarter(first.drive.phase)
        np.testing.assert_allclose(turn.conj().T @ z @ turn, math.cos(axis) * z + math.sin(axis) * x, atol=1e-9)
        assert (first.width_ps, second.width_ps) == (25_000_000, 25_000_000)
        found.add(round(axis, 6))
    assert len(found) >= 5
