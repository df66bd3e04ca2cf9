"""Why nothing of a single test may be announced: devices with memory that hide earlier key bits in the outcomes of test rounds.

Both boxes remember a parity of earlier key outcomes and flip their output with it in test rounds. Nobody who looks at S and Q can tell,
since both outcomes are flipped or none is. Whoever sees the announced outcomes, and already knew something of what they would have been
without the flip, learns of the parity. Entropies here are von Neumann's; the leak is there in every measure.
"""

import itertools
import math

import numpy as np
import pytest
from scipy import optimize

from eventready.errors import ConfigError
from eventready.protocol.bell import OXFORD_GAME, Counts
from eventready.protocol.entropy import binary_entropy, one_basis_entropy
from eventready.protocol.planning import plan_one_basis

S = 2.64
PARITY_OF = 4


def entropy(states):
    """Entropy in bits of a classical variable together with E: of the block-diagonal matrix with these unnormalised blocks."""
    values = np.concatenate([np.linalg.eigvalsh(state) for state in states])
    values = values[values > 1e-15]
    return float(-(values * np.log2(values)).sum())


def observable(radians):
    return np.array([[math.cos(radians), math.sin(radians)], [math.sin(radians), -math.cos(radians)]])


def mixture(weights):
    """Purification of a Bell-diagonal state, indexed [Alice, Bob, E]: Phi+, Phi-, Psi+, Psi-."""
    bell = np.array([[[1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, 1], [1, 0]], [[0, 1], [-1, 0]]]) / math.sqrt(2)
    return np.einsum("k,kij,ke->ije", np.sqrt(weights), bell, np.eye(4))


def blocks(psi, a, b):
    """E's states for the outcomes (0, 0), (0, 1), (1, 0), (1, 1)."""
    projectors = [[(np.eye(2) + sign * m) / 2 for sign in (1, -1)] for m in (a, b)]
    return [np.einsum("ije,ik,jl,klf->fe", psi, p, q, psi) for p, q in itertools.product(*projectors)]


def flipped(states):
    """The outcomes as announced, both flipped by a uniform bit that E does not know."""
    return [(state + other) / 2 for state, other in zip(states, states[::-1], strict=True)]


def leak(psi, alice, bob):
    """Bits of the parity that E learns from the announced outcomes of one test round, averaged over its settings."""
    gains = [entropy(flipped(states)) + 1 - entropy(states) for states in (blocks(psi, a, b) for a in alice for b in bob)]
    return 1 + float(np.mean([entropy(flipped(blocks(psi, a, b))) - entropy(blocks(psi, a, b)) for a in alice for b in bob])) * 1.0 if False else float(np.mean(gains)) - 1


def chsh(psi, alice, bob):
    e = np.array([[sum(sign * np.trace(m) for sign, m in zip((1, -1, -1, 1), blocks(psi, a, b), strict=True)) for b in bob] for a in alice])
    return float(e.sum() - 2 * e[1, 1])


def strategy(free):
    """A Bell-diagonal state and angles of all four observables from real numbers."""
    weights = np.exp(free[:4] - free[:4].max())
    return mixture(weights / weights.sum()), [observable(free[4]), observable(free[5])], [observable(free[6]), observable(free[7])]


def worst_leak():
    """The most that a strategy of a given S leaks, by constrained minimisation from a few starts."""
    rng, found = np.random.default_rng(31), []
    for _ in range(6):
        start = np.concatenate([[0, -2, -4, -4], [0, math.pi / 2, math.pi / 4, -math.pi / 4]]) + 0.3 * rng.normal(size=8)
        result = optimize.minimize(
            lambda free: -leak(*strategy(free)),
            start,
            method="SLSQP",
            constraints={"type": "ineq", "fun": lambda free: chsh(*strategy(free)) - S},
            options={"maxiter": 300, "ftol": 1e-10},
        )
        if result.success:
            found.append((-result.fun, result.x))
    return max(found, key=lambda pair: pair[0])


if __name__ == "__main__":
    v, x = worst_leak()
    print(v, chsh(*strategy(x)), np.exp(x[:4]-x[:4].max()), x[4:])
    c = math.sqrt(S * S / 4 - 1)
    p = np.array([(1 + c) / 2, (1 - c) / 2, 0, 0]); t = math.atan(c)
    st = mixture(p), [observable(0), observable(math.pi/2)], [observable(t), observable(-t)]
    print(chsh(*st), leak(*st))
