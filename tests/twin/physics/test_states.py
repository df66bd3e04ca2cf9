"""Atom, photon, fibre, dephasing, excitation, gate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eventready.twin.physics import (
    BellState,
    LinkParameters,
    NodeParameters,
    coherence,
    dephased,
    excitation_probability,
    gate_capture,
    mode_overlap,
)
from eventready.twin.physics.states import PAULI_X, PAULI_Y, PAULI_Z, atom_photon_state

RB_LIFETIME = 26.2348e-9


def test_labels_reproduce_the_decay_of_the_atom() -> None:
    """(|L>|down_z> + |R>|up_z>)/sqrt 2 is (|H>|down_x> + |V>|up_x>)/sqrt 2 with V = (L + R)/sqrt 2, H = i(L - R)/sqrt 2."""
    # rows: L, R and up_z, down_z
    left, right = np.eye(2, dtype=complex)
    up_z, down_z = np.eye(2, dtype=complex)
    decay = (np.kron(left, down_z) + np.kron(right, up_z)) / np.sqrt(2)
    up_x, down_x = (up_z + down_z) / np.sqrt(2), 1j * (up_z - down_z) / np.sqrt(2)
    vertical, horizontal = (left + right) / np.sqrt(2), 1j * (left - right) / np.sqrt(2)
    state = atom_photon_state(NodeParameters(efficiency=1.0), 2)  # [p, p', a, a']
    labels = [np.kron(photon, atom) for photon in (horizontal, vertical) for atom in (up_x, down_x)]
    density = sum(
        state[p, q, a, b] * np.outer(labels[2 * p + a], labels[2 * q + b].conj())
        for p in (0, 1)
        for q in (0, 1)
        for a in (0, 1)
        for b in (0, 1)
    )
    np.testing.assert_allclose(density, np.outer(decay, decay.conj()), rtol=0, atol=1e-15)
    # and the m_F basis, in which the atom dephases, is the axis Y of the labels
    m_f = np.outer(up_z, up_z.conj()) - np.outer(down_z, down_z.conj())
    in_labels = np.array([[row.conj() @ m_f @ column for column in (up_x, down_x)] for row in (up_x, down_x)])
    np.testing.assert_allclose(in_labels, -PAULI_Y, rtol=0, atol=1e-15)


@pytest.mark.parametrize("levels", [2, 3])
def test_photon_is_unpolarised_whatever_the_node_does(levels: int) -> None:
    node = NodeParameters(efficiency=0.1, visibility=0.9, leak=0.05 if levels == 3 else 0.0, fibre_rotation=0.3, fibre_retardance=1.0)
    photon = np.einsum("pqaa->pq", atom_photon_state(node, levels))
    np.testing.assert_allclose(photon, np.eye(2) / 2, rtol=0, atol=1e-15)


def test_fidelity_of_the_photon_state() -> None:
    """F = 1/4 + 3/4 v in the qubits; a leak takes its share."""
    state = atom_photon_state(NodeParameters(efficiency=0.1, visibility=0.8, leak=0.1), 3)
    ket = np.zeros((2, 3))
    ket[0, 1] = ket[1, 0] = np.sqrt(0.5)  # H down + V up
    fidelity = np.einsum("pa,pqab,qb->", ket, state, ket).real
    assert fidelity == pytest.approx(0.9 * (1 / 4 + 3 / 4 * 0.8))


def correlator(state: np.ndarray, operator: np.ndarray) -> float:
    return float(np.trace(state @ np.kron(operator, operator)).real)


@pytest.mark.parametrize(("platform", "kept"), [("rb87", PAULI_Y), ("sr88", PAULI_Z)])
def test_dephasing_spares_the_axis_of_the_zeeman_states(platform: str, kept: np.ndarray) -> None:
    node = NodeParameters(efficiency=0.1, coherence_time=330e-6)
    link = LinkParameters(platform, node, node)
    ket = BellState.PSI_PLUS.vector(link.levels)
    state = dephased(np.outer(ket, ket.conj()), link, 100e-6, 200e-6)
    if platform == "rb87":
        qubit = [0, 1, 3, 4]  # up up, up down, down up, down down among the nine
        state = state[np.ix_(qubit, qubit)]
    lost = math.exp(-((100 / 330) ** 2)) * math.exp(-((200 / 330) ** 2))
    pure = BellState.PSI_PLUS.vector()
    for pauli in (PAULI_X, PAULI_Y, PAULI_Z):
        before = correlator(np.outer(pure, pure.conj()), pauli)
        assert correlator(state, pauli) == pytest.approx(before if pauli is kept else lost * before, abs=1e-14)


def test_coherence_forms() -> None:
    assert coherence(NodeParameters(efficiency=0.1, coherence_time=2.0), 2.0) == pytest.approx(math.exp(-1))
    assert coherence(NodeParameters(efficiency=0.1, coherence_time=2.0), 1.0) == pytest.approx(math.exp(-0.25))
    assert coherence(NodeParameters(efficiency=0.1, coherence_time=2.0, coherence_exponent=1.0), 1.0) == pytest.approx(math.exp(-0.5))
    assert coherence(NodeParameters(efficiency=0.1), 1e9) == 1.0


def test_excitation_is_a_pulse_area() -> None:
    assert excitation_probability(0.5, 0.5) == pytest.approx(1)
    assert excitation_probability(0.125, 0.5) == pytest.approx(0.5)  # half the field, half a pi pulse
    assert excitation_probability(2.0, 0.5) == pytest.approx(0, abs=1e-15)
    assert excitation_probability(0.0, 0.5) == 0


def test_gate_after_the_pulse_costs_a_factor_of_four_in_pairs() -> None:
    """Zhang et al., Methods: time filtering reduces the rate by 4; a gate that opens after ln 2 lifetimes does that."""
    early = gate_capture(RB_LIFETIME, 0.0, 1e-6)
    late = gate_capture(RB_LIFETIME, math.log(2) * RB_LIFETIME, 1e-6)
    assert (early / late) ** 2 == pytest.approx(4, rel=1e-9)
    assert gate_capture(RB_LIFETIME, -10e-9, 5e-9) == 0


@pytest.mark.parametrize(("offset", "detuning"), [(0.0, 0.0), (4e-9, 0.0), (-4e-9, 3e6), (0.0, 10e6)])
def test_mode_overlap_is_the_integral_over_both_packets(offset: float, detuning: float) -> None:
    times = np.linspace(-50e-9, 800e-9, 850_001)
    step = times[1] - times[0]

    def packet(start: float, frequency: float) -> np.ndarray:
        since = times - start
        amplitude = np.where(since >= 0, np.exp(-np.maximum(since, 0) / 2 / RB_LIFETIME), 0.0) / np.sqrt(RB_LIFETIME)
        return amplitude * np.exp(-2j * np.pi * frequency * since)

    integral = np.sum(packet(0.0, 0.0).conj() * packet(offset, detuning)) * step
    assert mode_overlap(RB_LIFETIME, offset, detuning) == pytest.approx(abs(integral) ** 2, rel=1e-3)
