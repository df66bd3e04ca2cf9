"""A second, brute-force calculation of the Bell-state measurement: two bosons in about forty modes, losses and all, as amplitudes.

It shares no step with the closed form: loss, wrong ports and deaf detectors are couplings to further modes, the beam splitter has
the symmetric (factor i) convention, and distinguishability is a second wave packet.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from eventready.twin.physics.bsm import herald_distribution
from eventready.twin.physics.parameters import BsmParameters, LinkParameters, NodeParameters


def random_link(seed: int, platform: str) -> LinkParameters:
    """A link with every imperfection at once, large."""
    rng = np.random.default_rng(seed)

    def node() -> NodeParameters:
        return NodeParameters(
            efficiency=rng.uniform(0.1, 0.9),
            channel_transmission=rng.uniform(0.3, 1),
            visibility=rng.uniform(0.5, 1),
            leak=rng.uniform(0, 0.3) if platform == "rb87" else 0.0,
            fibre_rotation=rng.uniform(-3, 3),
            fibre_retardance=rng.uniform(-3, 3),
        )

    return LinkParameters(
        platform,
        node(),
        node(),
        BsmParameters(
            transmission=rng.uniform(0.2, 0.8),
            mode_overlap=rng.uniform(0, 1),
            pbs_extinction=rng.uniform(0, 0.3),
            dark_probability=tuple(rng.uniform(0, 0.3, 4)),
            detector_efficiency=tuple(rng.uniform(0.2, 1, 4)),
        ),
    )


def pure_states(node: NodeParameters, levels: int) -> list[np.ndarray]:
    """The atom-photon state as unnormalised kets [atom, photon], photon (H, V)."""
    bell = []
    for sign, (first, second) in itertools.product((1, -1), (((1, 0), (0, 1)), ((0, 0), (1, 1)))):
        ket = np.zeros((levels, 2), dtype=complex)
        ket[first], ket[second] = np.sqrt(0.5), sign * np.sqrt(0.5)
        bell.append(ket)
    weights = [node.visibility + (1 - node.visibility) / 4] + [(1 - node.visibility) / 4] * 3
    kets = [np.sqrt((1 - node.leak) * weight) * ket for weight, ket in zip(weights, bell, strict=True)]
    if levels == 3:
        for photon in (0, 1):
            ket = np.zeros((3, 2), dtype=complex)
            ket[2, photon] = np.sqrt(node.leak / 2)
            kets.append(ket)
    return kets


def single_photon_map(link: LinkParameters, source: int) -> dict[tuple, np.ndarray]:
    """Final mode -> amplitudes for the input polarisations (H, V). A mode that clicks is called ("click", detector, ...)."""
    node, bsm = (link.alice, link.bob)[source], link.bsm
    cos, sin = np.cos(node.fibre_rotation), np.sin(node.fibre_rotation)
    fibre = np.diag([1, np.exp(1j * node.fibre_retardance)]) @ np.array([[cos, -sin], [sin, cos]])
    t, r = np.sqrt(bsm.transmission), 1j * np.sqrt(1 - bsm.transmission)
    arms = ((t, r), (r, t))[source]
    packets = ((1.0, 0.0), (np.sqrt(bsm.mode_overlap), np.sqrt(1 - bsm.mode_overlap)))[source]
    arrives = node.efficiency * node.channel_transmission
    modes = {}
    for pol, packet in itertools.product((0, 1), (0, 1)):
        modes["fibre", source, pol, packet] = np.sqrt(1 - arrives) * packets[packet] * np.eye(2)[pol]
        for arm, port in itertools.product((0, 1), (0, 1)):
            leak = bsm.pbs_extinction
            amplitude = np.sqrt(1 - leak) if port == pol else np.exp(0.7j) * np.sqrt(leak)
            reach = np.sqrt(arrives) * packets[packet] * fibre[pol] * arms[arm] * amplitude
            detector = 2 * arm + port
            seen = bsm.detector_efficiency[detector]
            modes["click", detector, pol, packet] = np.sqrt(seen) * reach
            modes["deaf", detector, pol, packet] = np.sqrt(1 - seen) * reach
    return modes


def brute_force(link: LinkParameters) -> np.ndarray:
    """Unnormalised two-atom operator behind each of the 16 patterns."""
    levels = link.levels
    maps = [single_photon_map(link, source) for source in (0, 1)]
    names = sorted({*maps[0], *maps[1]})
    zero = np.zeros(2)
    matrices = [np.array([modes.get(name, zero) for name in names]) for modes in maps]
    bits = [1 << name[1] if name[0] == "click" else 0 for name in names]
    photons = np.zeros((16, levels**2, levels**2), dtype=complex)
    for ket_a, ket_b in itertools.product(pure_states(link.alice, levels), pure_states(link.bob, levels)):
        a, b = matrices[0] @ ket_a.T, matrices[1] @ ket_b.T  # [mode, atom]
        for m in range(len(names)):
            for n in range(m, len(names)):
                direct, swapped = np.kron(a[m], b[n]), np.kron(a[n], b[m])
                # a+_m a+_n |0> is |1, 1> for two modes and sqrt(2) |2> for one.
                amplitude = direct + swapped if m != n else np.sqrt(2) * direct
                photons[bits[m] | bits[n]] += np.outer(amplitude, amplitude.conj())
    states = np.zeros_like(photons)
    dark = link.bsm.dark_probability
    for noise in range(16):
        weight = np.prod([dark[k] if noise >> k & 1 else 1 - dark[k] for k in range(4)])
        for pattern in range(16):
            states[pattern | noise] += weight * photons[pattern]
    return states


@pytest.mark.parametrize(("seed", "platform"), [(1, "rb87"), (2, "sr88"), (3, "sr88")])
def test_closed_form_agrees_with_brute_force(seed: int, platform: str) -> None:
    link = random_link(seed, platform)
    found = herald_distribution(link)
    states = brute_force(link)
    np.testing.assert_allclose(found.state, states, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.probability, np.einsum("kaa->k", states).real, rtol=0, atol=1e-12)


def test_double_emission_agrees_with_enumeration() -> None:
    """Photons of a double emission as independent particles, every course of events listed."""
    link = random_link(4, "sr88")
    link = replace(link, alice=replace(link.alice, second_photon=0.3), bob=replace(link.bob, second_photon=0.2))
    bsm = link.bsm
    numbers, once = [], []
    for node in (link.alice, link.bob):
        arrives = node.efficiency * node.channel_transmission
        numbers.append((1 - arrives, arrives * (1 - node.second_photon * arrives), arrives * node.second_photon * arrives))
        at_most_one = numbers[-1][1] / (1 - numbers[-1][2])
        once.append(replace(node, efficiency=at_most_one, channel_transmission=1.0, second_photon=0.0))

    def fates(source: int) -> list[tuple[float, int]]:
        to_arm_c = bsm.transmission if source == 0 else 1 - bsm.transmission
        found = []
        for arm, pol, wrong, seen in itertools.product((0, 1), repeat=4):
            detector = 2 * arm + (pol ^ wrong)
            weight = (1 - to_arm_c if arm else to_arm_c) / 2 * (bsm.pbs_extinction if wrong else 1 - bsm.pbs_extinction)
            efficiency = bsm.detector_efficiency[detector]
            found.append((weight * (efficiency if seen else 1 - efficiency), seen << detector))
        return found

    ordinary = (1 - numbers[0][2]) * (1 - numbers[1][2])
    wanted = ordinary * herald_distribution(replace(link, alice=once[0], bob=once[1])).probability
    noise = [(p, 1 << k) for k, p in enumerate(bsm.dark_probability)]
    for n_a, n_b in ((2, 0), (2, 1), (2, 2), (0, 2), (1, 2)):
        causes = [fates(0)] * n_a + [fates(1)] * n_b
        patterns = {0: numbers[0][n_a] * numbers[1][n_b]}
        for cause in [*causes, *([(1 - p, 0), (p, bit)] for p, bit in noise)]:
            merged: dict[int, float] = {}
            for (pattern, weight), (probability, bit) in itertools.product(patterns.items(), cause):
                merged[pattern | bit] = merged.get(pattern | bit, 0.0) + weight * probability
            patterns = merged
        for pattern, weight in patterns.items():
            wanted[pattern] += weight
    np.testing.assert_allclose(herald_distribution(link).probability, wanted, rtol=0, atol=1e-14)
