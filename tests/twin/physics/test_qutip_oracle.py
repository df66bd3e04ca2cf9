"""The Bell-state measurement once more, by other people's quantum mechanics: QuTiP, eight Fock modes and two atoms.

No loss and no wrong ports here, which :mod:`test_fock_oracle` couples to further modes; beam splitter, fibre, partly distinguishable wave
packets and mixed atom-photon states are all QuTiP's operators.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

from eventready.twin.physics.bsm import herald_distribution
from eventready.twin.physics.parameters import BsmParameters, LinkParameters, NodeParameters
from eventready.twin.physics.states import jones_matrix

qutip = pytest.importorskip("qutip", reason="QuTiP is part of the test extra")

FOCK = 3
"""Zero, one or two photons in a mode."""
MODES = list(itertools.product((0, 1), (0, 1), (0, 1)))
"""Arm, polarisation, wave packet."""


def random_link(seed: int) -> LinkParameters:
    rng = np.random.default_rng(seed)
    nodes = [
        NodeParameters(
            efficiency=1.0,
            visibility=rng.uniform(0.5, 1),
            fibre_rotation=rng.uniform(-3, 3),
            fibre_retardance=rng.uniform(-3, 3),
        )
        for _ in range(2)
    ]
    return LinkParameters("sr88", *nodes, BsmParameters(transmission=rng.uniform(0.2, 0.8), mode_overlap=rng.uniform(0, 1)))


@functools.cache
def creation(mode: int):
    parts = [qutip.qeye(FOCK)] * len(MODES)
    parts[mode] = qutip.create(FOCK)
    return qutip.tensor(parts)


def photon(link: LinkParameters, source: int, polarisation: int):
    """Creation operator of a node's photon, in the modes behind the beam splitter."""
    t, r = link.bsm.transmission**0.5, (1 - link.bsm.transmission) ** 0.5
    arms = ((t, r), (r, -t))[source]
    packets = ((1.0, 0.0), (link.bsm.mode_overlap**0.5, (1 - link.bsm.mode_overlap) ** 0.5))[source]
    fibre = jones_matrix((link.alice, link.bob)[source])
    return sum(
        arms[arm] * fibre[pol, polarisation] * packets[packet] * creation(k)
        for k, (arm, pol, packet) in enumerate(MODES)
        if packets[packet]
    )


def atom_photon_states(node: NodeParameters) -> list[tuple[float, dict[tuple[int, int], float]]]:
    """Bell states of atom (up, down) and photon (H, V) with their weights; the pair itself is (|down, H> + |up, V>)/sqrt 2."""
    found = []
    for flipped, sign in itertools.product((True, False), (1, -1)):
        terms = ((1, 0), (0, 1)) if flipped else ((0, 0), (1, 1))
        weight = (1 - node.visibility) / 4 + (node.visibility if flipped and sign == 1 else 0)
        found.append((weight, {terms[0]: 0.5**0.5, terms[1]: sign * 0.5**0.5}))
    return found


def pattern_projector(pattern: int):
    """Threshold detectors: one fires if there is a photon in either wave packet."""
    empty = qutip.fock_dm(FOCK, 0)
    projector = qutip.tensor([qutip.qeye(FOCK)] * len(MODES))
    for detector in range(4):
        dark = qutip.tensor([empty if 2 * arm + pol == detector else qutip.qeye(FOCK) for arm, pol, _ in MODES])
        fires = qutip.tensor([qutip.qeye(FOCK)] * len(MODES)) - dark
        projector = projector * (fires if pattern >> detector & 1 else dark)
    return projector


@pytest.mark.parametrize("seed", [1, 2])
def test_all_click_patterns_agree_with_qutip(seed: int) -> None:
    link = random_link(seed)
    vacuum = qutip.tensor([qutip.fock(FOCK, 0)] * len(MODES))
    sent = {(p, q): photon(link, 0, p) * (photon(link, 1, q) * vacuum) for p, q in itertools.product((0, 1), repeat=2)}
    states = np.zeros((16, 4, 4), complex)
    seen = {pattern: {key: pattern_projector(pattern) * ket for key, ket in sent.items()} for pattern in range(16)}
    for (weight_a, alice), (weight_b, bob) in itertools.product(atom_photon_states(link.alice), atom_photon_states(link.bob)):
        for pattern in range(16):
            ket = sum(
                a * b * qutip.tensor(seen[pattern][p, q], qutip.basis(2, atom_a), qutip.basis(2, atom_b))
                for ((atom_a, p), a), ((atom_b, q), b) in itertools.product(alice.items(), bob.items())
            )
            states[pattern] += weight_a * weight_b * ket.ptrace([len(MODES), len(MODES) + 1]).full()
    found = herald_distribution(link)
    np.testing.assert_allclose(found.state, states, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.probability, np.einsum("kaa->k", states).real, rtol=0, atol=1e-12)
    assert found.probability.sum() == pytest.approx(1, abs=1e-12)
