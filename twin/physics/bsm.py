"""The Bell-state measurement: the exact distribution of click patterns, and the two-atom state behind each.

Built in two steps. First the optics, quantum: two photons on a beam splitter leave in a pair of modes (arm, polarisation); M of
the interference is left when their wave packets overlap by M. Then everything that has no phase: loss, a photon in the wrong
port of a polarising beam splitter (it keeps its polarisation there, so it interferes with nothing), deaf detectors, photons of
a double emission, dark counts. Those are independent causes of clicks, and a detector shows whether any of its causes occurred.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .parameters import DETECTORS, BsmParameters, LinkParameters, NodeParameters
from .states import BellState, Matrix, atom_photon_state, unpolarised_atom

Vector = npt.NDArray[np.float64]

PATTERNS = 1 << len(DETECTORS)
_MODES = [(arm, polarisation) for arm in (0, 1) for polarisation in (0, 1)]  # in the order of DETECTORS
_OR = np.bitwise_or.outer(np.arange(PATTERNS), np.arange(PATTERNS))


class Photons(enum.Enum):
    """Which nodes' photons reached the detectors' modes in an attempt."""

    NONE = "none"
    ALICE = "alice"
    BOB = "bob"
    PAIR = "pair"
    DOUBLE = "double"
    """Some node sent two, or more than that happened: nothing of use is left in the atoms."""


@dataclass(frozen=True, eq=False)
class Course:
    """One hidden course of an attempt.

    Attributes:
        photons: whose they were.
        modes: mode that each photon left in, numbered like :data:`.parameters.DETECTORS`; empty for NONE and DOUBLE.
        state: two-atom operator that it leaves, shape (D, D); its trace is the course's probability.
    """

    photons: Photons
    modes: tuple[int, ...]
    state: Matrix


@dataclass(frozen=True, eq=False)
class HeraldDistribution:
    """What one excitation attempt leads to.

    Attributes:
        probability: of each click pattern, shape (16,), sum 1. Bit k of the index is detector k of ``DETECTORS``.
        state: two-atom operator behind each pattern at the moment of the clicks, shape (16, D, D) with D = levels**2 and
            Alice's index first. Not normalised: the trace of ``state[k]`` is ``probability[k]``, so patterns add up.
    """

    probability: Vector
    state: Matrix


def herald_distribution(parameters: LinkParameters, present: tuple[bool, bool] = (True, True)) -> HeraldDistribution:
    """Exact distribution of the click patterns of one attempt.

    Pair of photons: for j != k, Pi_jk = w1+ w1 + w2+ w2 + M (w1+ w2 + w2+ w1) with w1 = u_j(A) x u_k(B), w2 = u_k(A) x u_j(B),
    and Pi_jj = (1 + M) w1+ w1, u_j(s) being the amplitudes of source s in mode j.

    Args:
        parameters: of the link.
        present: whether Alice's and Bob's atoms are there. A trap without an atom sends no photon; the state it contributes is
            unpolarised and means nothing, ask for its readout with ``present=False`` too.

    Returns:
        Read-only arrays; a pure function of its arguments.
    """
    clicks = _mode_clicks(parameters.bsm)
    dark = _dark_clicks(parameters.bsm)
    operators, patterns = [], []
    for course in hidden_courses(parameters, present):
        if course.photons is Photons.DOUBLE:
            numbers = _numbers(parameters, present)
            weight = float(np.trace(course.state).real)
            made = _double_emission(numbers, _splitter(parameters.bsm), clicks) / weight if weight > 0 else np.zeros(PATTERNS)
        else:
            made = _photon_clicks(clicks, np.zeros(len(_MODES)))
            for mode in course.modes:
                made = _either(made, clicks[mode])
        operators.append(course.state)
        patterns.append(_either(made, dark))
    state = np.einsum("nk,nab->kab", np.array(patterns), np.array(operators))
    probability = np.einsum("kaa->k", state).real.copy()
    for array in (state, probability):
        array.setflags(write=False)
    return HeraldDistribution(probability, state)


def hidden_courses(parameters: LinkParameters, present: tuple[bool, bool] = (True, True)) -> list[Course]:
    """Everything that the photons of one attempt can do, apart from loss at the detectors and dark counts; probabilities sum to 1.

    Args:
        parameters: of the link; a node's efficiency says which photons are talked about (those within a gate, or all of them).
        present: whether Alice's and Bob's atoms are there.
    """
    levels = parameters.levels
    nodes = (parameters.alice, parameters.bob)
    numbers = _numbers(parameters, present)
    (none_a, one_a, two_a), (none_b, one_b, two_b) = numbers
    amplitudes = _splitter(parameters.bsm)
    photon_a, photon_b = (atom_photon_state(node, levels) for node in nodes)
    idle_a, idle_b = (unpolarised_atom(node, levels) for node in nodes)
    idle = _pair(idle_a, idle_b)

    courses = [Course(Photons.NONE, (), none_a * none_b * idle)]
    for mode, (arm, pol) in enumerate(_MODES):
        from_a = amplitudes[0, arm] ** 2 * one_a * none_b
        from_b = amplitudes[1, arm] ** 2 * none_a * one_b
        courses.append(Course(Photons.ALICE, (mode,), from_a * _pair(photon_a[pol, pol], idle_b)))
        courses.append(Course(Photons.BOB, (mode,), from_b * _pair(idle_a, photon_b[pol, pol])))
    for first in range(len(_MODES)):
        for second in range(first, len(_MODES)):
            state = _two_photon_state(photon_a, photon_b, first, second, amplitudes, parameters.bsm.mode_overlap)
            courses.append(Course(Photons.PAIR, (first, second), one_a * one_b * state))
    doubles = two_a + two_b - two_a * two_b
    courses.append(Course(Photons.DOUBLE, (), doubles * idle))
    return courses


def bell_state_patterns(parameters: LinkParameters) -> dict[int, tuple[BellState, float]]:
    """Which Bell state each click pattern heralds.

    Returns:
        For every pattern whose state has a fidelity above 1/2 with a Bell state: that state, and the fidelity at the moment of
        the clicks.
    """
    distribution = herald_distribution(parameters)
    found: dict[int, tuple[BellState, float]] = {}
    for pattern in np.flatnonzero(distribution.probability):
        state, weight = distribution.state[pattern], distribution.probability[pattern]
        fidelity = {bell: fidelity_with(state, bell) / weight for bell in BellState}
        best = max(fidelity, key=fidelity.__getitem__)
        if fidelity[best] > 0.5:
            found[int(pattern)] = (best, float(fidelity[best]))
    return found


def fidelity_with(state: Matrix, bell: BellState) -> float:
    """<Bell|state|Bell> of a two-atom operator of shape (D, D), D = 4 or 9."""
    vector = bell.vector(round(state.shape[0] ** 0.5))
    return float((vector.conj() @ state @ vector).real)


def _pair(alice: Matrix, bob: Matrix) -> Matrix:
    product: Matrix = np.kron(alice, bob).astype(np.complex128)
    return product


def photon_numbers(node: NodeParameters) -> tuple[float, float, float]:
    """Probabilities that 0, 1, 2 photons of a node reach the detectors."""
    survives = node.efficiency * node.channel_transmission
    arrives = node.pumping * node.excitation * survives
    again = node.second_photon * survives
    return 1 - arrives, arrives * (1 - again), arrives * again


def _numbers(parameters: LinkParameters, present: tuple[bool, bool]) -> list[tuple[float, float, float]]:
    nodes = (parameters.alice, parameters.bob)
    return [photon_numbers(node) if there else (1.0, 0.0, 0.0) for node, there in zip(nodes, present, strict=True)]


def _splitter(bsm: BsmParameters) -> Vector:
    """Real amplitudes [source, arm] of the fibre beam splitter; unitary, so two photons in two arms pick up the minus sign."""
    through, reflected = bsm.transmission**0.5, (1 - bsm.transmission) ** 0.5
    return np.array([[through, reflected], [reflected, -through]])


def _two_photon_state(photon_a: Matrix, photon_b: Matrix, first: int, second: int, amplitudes: Vector, overlap: float) -> Matrix:
    """Two-atom operator left when one photon leaves in mode ``first`` and one in mode ``second``."""
    (arm_j, j), (arm_k, k) = _MODES[first], _MODES[second]
    direct = amplitudes[0, arm_j] * amplitudes[1, arm_k]  # A in the first mode, B in the second
    crossed = amplitudes[0, arm_k] * amplitudes[1, arm_j]
    straight = direct**2 * _pair(photon_a[j, j], photon_b[k, k])
    if first == second:
        bunched: Matrix = (1 + overlap) * straight
        return bunched
    swapped = crossed**2 * _pair(photon_a[k, k], photon_b[j, j])
    interference = _pair(photon_a[j, k], photon_b[k, j]) + _pair(photon_a[k, j], photon_b[j, k])
    state: Matrix = straight + swapped + overlap * direct * crossed * interference
    return state


def _photon_clicks(clicks: Vector, modes: Vector) -> Vector:
    """Patterns of one photon that is in mode m with probability ``modes[m]`` and otherwise nowhere."""
    pattern: Vector = modes @ clicks
    pattern[0] += 1 - modes.sum()
    return pattern


def _mode_clicks(bsm: BsmParameters) -> Vector:
    """Patterns [mode, pattern] of a photon that left in one mode: right port or wrong port, seen or not."""
    clicks = np.zeros((len(_MODES), PATTERNS))
    for mode, (arm, pol) in enumerate(_MODES):
        for port, share in ((pol, 1 - bsm.pbs_extinction), (1 - pol, bsm.pbs_extinction)):
            detector = 2 * arm + port
            clicks[mode, 1 << detector] = share * bsm.detector_efficiency[detector]
        clicks[mode, 0] = 1 - clicks[mode, 1:].sum()
    return clicks


def _double_emission(numbers: list[tuple[float, float, float]], amplitudes: Vector, clicks: Vector) -> Vector:
    """Patterns of the attempts in which some node sent two photons; the sum is their probability, not 1.

    The two come one after the other and each leaves the atom anew, so they interfere with nothing, are unpolarised, and leave
    nothing of use in the atoms. What the partner's photon knows of its own atom in such an attempt is neglected.
    """
    nothing = _photon_clicks(clicks, np.zeros(len(_MODES)))
    by_number = []
    for source in (0, 1):
        one = _photon_clicks(clicks, np.repeat(amplitudes[source] ** 2 / 2, 2))
        by_number.append((nothing, one, _either(one, one)))
    total = np.zeros(PATTERNS)
    for n_a in range(3):
        for n_b in range(3):
            if max(n_a, n_b) == 2:
                total += numbers[0][n_a] * numbers[1][n_b] * _either(by_number[0][n_a], by_number[1][n_b])
    return total


def _dark_clicks(bsm: BsmParameters) -> Vector:
    """Patterns of the dark counts alone."""
    pattern = np.zeros(PATTERNS)
    pattern[0] = 1.0
    for detector, dark in enumerate(bsm.dark_probability):
        one = np.zeros(PATTERNS)
        one[0], one[1 << detector] = 1 - dark, dark
        pattern = _either(pattern, one)
    return pattern


def _either(first: Vector, second: Vector) -> Vector:
    """Patterns of two independent causes together: sums of products only, so that a pattern of 1e-20 keeps its digits."""
    together: Vector = np.bincount(_OR.reshape(-1), weights=np.outer(first, second).reshape(-1), minlength=PATTERNS).astype(np.float64)
    return together
