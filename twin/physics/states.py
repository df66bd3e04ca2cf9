"""Atom and photon: states, signs, excitation, the fibre, dephasing.

Labels. Atom: index 0 is |up>_x, 1 is |down>_x, 2 (Rb only) is m_F = 0, the leak. Photon: 0 is H, 1 is V. In these labels the
pair that a decay makes is (|H>|down> + |V>|up>)/sqrt 2 (Zhang et al., Nature 607, 687 (2022), Fig. 3), so that projecting two
photons on (HV +- VH)/sqrt 2 leaves two atoms in (up down +- down up)/sqrt 2 (their equation 2). X, Y, Z are the Pauli operators
of (up, down). For Rb the m_F basis is the axis Y; the ion's Zeeman states are the axis Z.
"""

from __future__ import annotations

import enum
import math

import numpy as np
import numpy.typing as npt

from .parameters import LinkParameters, NodeParameters, Platform

Matrix = npt.NDArray[np.complex128]

UP, DOWN, LEAK = 0, 1, 2
H, V = 0, 1
PAULI_X: Matrix = np.array([[0, 1], [1, 0]], dtype=np.complex128)
PAULI_Y: Matrix = np.array([[0, -1j], [1j, 0]], dtype=np.complex128)
PAULI_Z: Matrix = np.array([[1, 0], [0, -1]], dtype=np.complex128)


class BellState(enum.Enum):
    """The four Bell states of (up, down): psi = (up down +- down up)/sqrt 2, phi = (up up +- down down)/sqrt 2."""

    PHI_PLUS = "phi+"
    PHI_MINUS = "phi-"
    PSI_PLUS = "psi+"
    PSI_MINUS = "psi-"

    def vector(self, levels: int = 2) -> Matrix:
        """The state as a vector.

        Args:
            levels: of one atom, 2 or 3.

        Returns:
            Amplitudes, shape (levels**2,), Alice's index first.
        """
        amplitude = np.zeros((levels, levels), dtype=np.complex128)
        first, second = ((UP, UP), (DOWN, DOWN)) if self.value.startswith("phi") else ((UP, DOWN), (DOWN, UP))
        amplitude[first] = math.sqrt(0.5)
        amplitude[second] = math.sqrt(0.5) if self.value.endswith("+") else -math.sqrt(0.5)
        return amplitude.reshape(-1)


def unpolarised_atom(node: NodeParameters, levels: int) -> Matrix:
    """State of an atom of which no photon tells anything: half up, half down, but for the leak.

    Returns:
        Density matrix, shape (levels, levels).
    """
    population = np.zeros(levels)
    population[[UP, DOWN]] = (1 - node.leak) / 2
    if levels > LEAK:
        population[LEAK] = node.leak
    state: Matrix = np.diag(population).astype(np.complex128)
    return state


def jones_matrix(node: NodeParameters) -> Matrix:
    """What the fibre does to (H, V): a rotation, then a retardance. Shape (2, 2), unitary."""
    cosine, sine = math.cos(node.fibre_rotation), math.sin(node.fibre_rotation)
    half = np.exp(0.5j * node.fibre_retardance)
    jones: Matrix = np.diag([half.conjugate(), half]) @ np.array([[cosine, -sine], [sine, cosine]])
    return jones


def atom_photon_state(node: NodeParameters, levels: int) -> Matrix:
    """State of one atom and its photon as it reaches the Bell-state measurement, given that it does.

    With weight (1 - leak) the qubit pair v |Psi><Psi| + (1 - v) 1/4, |Psi> = (|H>|down> + |V>|up>)/sqrt 2; with weight ``leak``
    the atom in m_F = 0 beside an unpolarised photon. The photon's own state is exactly unpolarised, so single clicks say
    nothing about visibility, leak or fibre.

    Returns:
        Array [p, p', a, a'] of shape (2, 2, levels, levels): photon row and column, then atom row and column; trace 1.
    """
    pair = np.zeros((2, levels), dtype=np.complex128)
    pair[H, DOWN] = pair[V, UP] = math.sqrt(node.visibility * (1 - node.leak) / 2)
    state = np.einsum("pa,qb->pqab", pair, pair.conj())
    for photon in (H, V):
        state[photon, photon, UP, UP] += (1 - node.leak) * (1 - node.visibility) / 4
        state[photon, photon, DOWN, DOWN] += (1 - node.leak) * (1 - node.visibility) / 4
        if levels > LEAK:
            state[photon, photon, LEAK, LEAK] += node.leak / 2
    jones = jones_matrix(node)
    turned: Matrix = np.einsum("pr,rsab,qs->pqab", jones, state, jones.conj())
    return turned


def excitation_probability(power: float, pi_pulse_power: float) -> float:
    """Probability that a pulse excites the atom: sin^2(pi/2 sqrt(P/P_pi)), a resonant pulse whose area goes as sqrt(P).

    Args:
        power: of the pulse (or of the RF that drives its AOM, well below saturation), watts.
        pi_pulse_power: the power at which the pulse is a pi pulse, watts.
    """
    return math.sin(math.pi / 2 * math.sqrt(max(0.0, power) / pi_pulse_power)) ** 2


def gate_capture(lifetime: float, start: float, length: float, jitter: float = 0.0) -> float:
    """Share of an exponential decay that falls into a gate.

    Args:
        lifetime: of the excited state, seconds.
        start: of the gate after the excitation, seconds.
        length: of the gate, seconds.
        jitter: standard deviation of a click's time, seconds.
    """
    return _clicks_after(start, lifetime, jitter) - _clicks_after(start + length, lifetime, jitter)


def _clicks_after(time: float, lifetime: float, jitter: float) -> float:
    """Share of the clicks later than ``time``: an exponential, smeared with a Gaussian (exponentially modified Gaussian)."""
    if jitter == 0:
        return math.exp(-max(0.0, time) / lifetime)
    late = math.erfc(time / jitter / math.sqrt(2)) / 2
    smeared = math.erfc((jitter / lifetime - time / jitter) / math.sqrt(2)) / 2
    return late + math.exp(min(700.0, (jitter / lifetime) ** 2 / 2 - time / lifetime)) * smeared


def mode_overlap(lifetime: float, offset: float, detuning: float) -> float:
    """Overlap M = |<phi_A|phi_B>|^2 of two exponentially decaying photons.

    Args:
        lifetime: of the excited state, seconds.
        offset: delay between the two photons' starts, seconds.
        detuning: difference of their frequencies, hertz.

    Returns:
        exp(-|offset|/lifetime) / (1 + (2 pi detuning lifetime)^2), the square of the integral over both amplitudes.
    """
    return math.exp(-abs(offset) / lifetime) / (1 + (2 * math.pi * detuning * lifetime) ** 2)


def coherence(node: NodeParameters, delay: float) -> float:
    """The atom's remaining coherence exp(-(t/T)^n) after ``delay`` seconds."""
    return math.exp(-((delay / node.coherence_time) ** node.coherence_exponent))


SPLITTING = {"rb87": 1.4e10, "sr88": 2.8e10}
"""Zeeman splitting of the two qubit states, Hz/T: m_F = +-1 of Rb-87 5S1/2 F=1 (g_F = 1/2, two magnetons), m_J = +-1/2 of Sr-88+ 5S1/2."""


def precession(node: NodeParameters, platform: Platform, delay: float) -> float:
    """Angle by which the qubit turns about the axis of its Zeeman states in ``delay`` seconds, radians."""
    return 2 * math.pi * SPLITTING[platform] * node.field * delay


def dephased(state: Matrix, parameters: LinkParameters, delay_a_s: float, delay_b_s: float) -> Matrix:
    """Let both atoms precess and dephase in the basis of their Zeeman states.

    Args:
        state: two-atom operator or a stack of them, shape (..., levels**2, levels**2).
        parameters: of the link.
        delay_a_s: from the herald to Alice's readout, seconds.
        delay_b_s: from the herald to Bob's readout, seconds.

    Returns:
        The dephased operators, same shape and traces.
    """
    levels = parameters.levels
    flip = np.eye(levels, dtype=np.complex128)
    flip[:2, :2] = PAULI_Y if parameters.platform == "rb87" else PAULI_Z
    unit = np.eye(levels, dtype=np.complex128)
    qubit = np.diag(np.arange(levels) < LEAK).astype(np.complex128)
    for node, delay, operator, qubits in (
        (parameters.alice, delay_a_s, np.kron(flip, unit), np.kron(qubit, unit)),
        (parameters.bob, delay_b_s, np.kron(unit, flip), np.kron(unit, qubit)),
    ):
        if node.field:
            half = precession(node, parameters.platform, delay) / 2
            turn = (np.eye(levels**2) - qubits) + math.cos(half) * qubits - 1j * math.sin(half) * operator @ qubits
            state = turn @ state @ turn.conj().T
        kept = (1 + coherence(node, delay)) / 2
        state = kept * state + (1 - kept) * (operator @ state @ operator)
    return state
