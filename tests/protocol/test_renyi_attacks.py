"""Attacks on the one-round Renyi bound: strategies of a device maker who holds the purification, none of which may fall below it.

The entropy is not trusted to an iteration: each one ends with a primal and a dual value, between which the true one lies, and the test
requires the two to agree. Without that, a poor sigma_E shows violations that are none.
"""

import itertools
import math

import numpy as np
import pytest
from scipy import optimize

from eventready.protocol.renyi_entropy import one_basis_renyi_entropy

ORDERS = (1.01, 1.3, 2.0, 5.0)
TOLERANCE = 1e-8


def power(matrices, exponent):
    """Powers of positive matrices, shape (..., d, d)."""
    values, vectors = np.linalg.eigh(matrices)
    values = np.maximum(values, 1e-15) ** exponent
    return (vectors * values[..., None, :]) @ vectors.conj().swapaxes(-1, -2)


def trace(matrices):
    return np.trace(matrices, axis1=-2, axis2=-1).real


def entropy(states, order, rounds=400):
    """H^up of a classical outcome given E, in bits: a lower and an upper value, each shape (batch,).

    ``states``: E's unnormalised states, one an outcome, shape (batch, outcomes, d, d). With u = (a - 1)/a,
    2^(-u H) = min over sigma of ||sigma^(-u/2) rho sigma^(-u/2)||_a = max over tau of [Tr X^(1/(1 + u))]^(1 + u),
    X = Tr_A rho^(1/2) tau^u rho^(1/2): every sigma bounds H from below, every tau from above. The iteration goes from sigma to the best
    tau, from there to the best sigma, and a step towards it that is right at once where everything commutes.
    """
    u = (order - 1) / order
    states = states + 1e-13 * np.eye(states.shape[-1])
    root, sigma = power(states, 0.5), states.sum(axis=1)
    low = np.full(len(states), -np.inf)
    high = np.full(len(states), np.inf)
    for _ in range(rounds):
        sigma = sigma / trace(sigma)[:, None, None]
        sandwiched = root @ power(sigma, -u)[:, None] @ root
        norm = trace(power(sandwiched, order)).sum(axis=1)
        low = np.maximum(low, -np.log2(norm) / order / u)
        x = (root @ power(sandwiched, order - 1) @ root).sum(axis=1) / norm[:, None, None] ** u
        best = power(x, 1 / (1 + u))
        high = np.minimum(high, -np.log2(trace(best)) * (1 + u) / u)
        if (high - low).max() < TOLERANCE / 10:
            break
        step = (1 + u) / order
        values, vectors = np.linalg.eigh(step * logarithm(best / trace(best)[:, None, None]) + (1 - step) * logarithm(sigma))
        sigma = (vectors * np.exp(values)[:, None, :]) @ vectors.conj().swapaxes(-1, -2)
    return low, high


def logarithm(matrices):
    values, vectors = np.linalg.eigh(matrices)
    return (vectors * np.log(np.maximum(values, 1e-15))[..., None, :]) @ vectors.conj().swapaxes(-1, -2)


def sign(matrices):
    values, vectors = np.linalg.eigh(matrices)
    return (vectors * np.where(values >= 0, 1.0, -1.0)[..., None, :]) @ vectors.conj().swapaxes(-1, -2)


def played(psi, a0, a1):
    """S with Bob's best observables, these, and E's states for the outcomes of A_0.

    ``psi``: pure states, shape (batch, dA, dB, dE); ``a0``, ``a1``: observables with values +-1, shape (batch, dA, dA).
    """
    seen = [np.einsum("nije,nik,nkle->njl", psi.conj(), a, psi) for a in (a0 + a1, a0 - a1)]
    bob = [sign((m + m.conj().swapaxes(-1, -2)) / 2).swapaxes(-1, -2) for m in seen]
    s = sum(np.abs(np.linalg.eigvalsh((m + m.conj().swapaxes(-1, -2)) / 2)).sum(axis=-1) for m in seen)
    halves = [(np.eye(psi.shape[1]) + k * a0) / 2 for k in (1, -1)]
    states = np.stack([np.einsum("nije,nik,nkjf->nfe", psi.conj(), half, psi) for half in halves], axis=1)
    return s, bob, states


def gaussian(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def observables(rng, batch, dimension):
    """Two observables a row: by Jordan's lemma blocks of two dimensions, here at random angles and in a slightly turned basis."""
    angles = rng.uniform(0.3, 0.7, size=(batch, dimension // 2)) * math.pi
    first, second = (np.zeros((batch, dimension, dimension), complex) for _ in range(2))
    for k in range(dimension // 2):
        c, s, at = np.cos(angles[:, k]), np.sin(angles[:, k]), slice(2 * k, 2 * k + 2)
        first[:, at, at] = np.array([[1, 0], [0, -1]])
        second[:, at, at] = np.stack([np.stack([c, s], -1), np.stack([s, -c], -1)], -2)
    turn, _ = np.linalg.qr(np.eye(dimension) + 0.3 * rng.uniform(size=(batch, 1, 1)) * gaussian(rng, batch, dimension, dimension))
    return [turn @ a @ turn.conj().swapaxes(-1, -2) for a in (first, second)]


def random_strategies(rng, batch, dimension, eve):
    """Near a maximally entangled state, where there is something to attack: S > 2 in most; complex noise of a random size."""
    noise = gaussian(rng, batch, dimension, dimension, eve)
    noise *= (rng.uniform(0, 0.9, batch) / np.linalg.norm(noise.reshape(batch, -1), axis=1))[:, None, None, None]
    psi = noise
    psi[..., 0] += np.eye(dimension) / math.sqrt(dimension)
    psi /= np.linalg.norm(psi.reshape(batch, -1), axis=1)[:, None, None, None]
    return psi, *observables(rng, batch, dimension)


def bounds(s, order):
    return np.array([one_basis_renyi_entropy(value, order) for value in s])


def phi_mixtures(p):
    """The mixture of Phi+ and Phi- with weights (1 +- c)/2, c = 2p - 1: A_0 = Z, A_1 = X, S = 2 sqrt(1 + c^2)."""
    psi = np.zeros((len(p), 2, 2, 2), complex)
    for k, weight in enumerate((p, 1 - p)):
        psi[:, 0, 0, k] = np.sqrt(weight / 2)
        psi[:, 1, 1, k] = (1 - 2 * k) * np.sqrt(weight / 2)
    return psi, *(np.broadcast_to(np.array(a, complex), (len(p), 2, 2)) for a in ([[1, 0], [0, -1]], [[0, 1], [1, 0]]))


@pytest.mark.parametrize("order", ORDERS)
def test_the_entropy_of_known_cases(order):
    """A classical E (Arimoto's entropy, in closed form), a trivial one, and one that knows everything."""
    joint = np.array([[0.3, 0.1], [0.15, 0.45]])
    low, high = entropy(np.array([[np.diag(row) for row in joint]]), order)
    arimoto = order / (1 - order) * math.log2(((joint**order).sum(axis=0) ** (1 / order)).sum())
    assert low[0] <= arimoto + 1e-9
    assert (low[0], high[0]) == pytest.approx((arimoto, arimoto), abs=1e-8)
    nothing, everything = np.full((1, 2, 1, 1), 0.5), np.array([[[[0.5, 0], [0, 0]], [[0, 0], [0, 0.5]]]])
    assert entropy(nothing, order)[0] == pytest.approx(1, abs=1e-9)
    assert entropy(everything, order)[1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_the_bound_is_met_somewhere(order):
    s, _, states = played(*phi_mixtures(np.linspace(0.55, 0.995, 12)))
    low, high = entropy(states, order)
    assert (high - low).max() < TOLERANCE
    assert low == pytest.approx(bounds(s, order), abs=2e-8)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("dimension", "eve", "batch"), [(2, 4, 800), (4, 4, 200)])
def test_no_random_strategy_falls_below(order, dimension, eve, batch):
    attack(np.random.default_rng([21, dimension]), order, dimension, eve, batch)


@pytest.mark.slow
@pytest.mark.parametrize("order", (*ORDERS, 1.1, 20.0))
@pytest.mark.parametrize(("dimension", "eve", "batch"), [(2, 4, 6000), (4, 16, 250)])
def test_no_random_strategy_falls_below_in_a_larger_campaign(order, dimension, eve, batch):
    attack(np.random.default_rng([22, dimension]), order, dimension, eve, batch)


def attack(rng, order, dimension, eve, batch):
    s, _, states = played(*random_strategies(rng, batch, dimension, eve))
    low, high = entropy(states, order)
    assert (high - low).max() < TOLERANCE
    assert (s > 2).mean() > 0.3  # there was something to attack
    assert (low - bounds(s, order)).min() > -TOLERANCE


def angle(radians):
    """Observables in the plane of Z and X, shape (batch, 2, 2)."""
    c, s = np.cos(radians), np.sin(radians)
    return np.stack([np.stack([c, s], -1), np.stack([s, -c], -1)], -2).astype(complex)


def unpacked(points):
    """States of two qubits and a purifier of four dimensions from 32 real numbers a row."""
    psi = (points[:, :16] + 1j * points[:, 16:32]).reshape(-1, 2, 2, 4)
    return psi / np.linalg.norm(psi.reshape(len(psi), -1), axis=1)[:, None, None, None]


def minimised(excess, seed, angles):
    """The least of ``excess`` that L-BFGS finds over all such states and some angles, and its value at the start."""
    rng = np.random.default_rng(seed)
    psi, _, _ = random_strategies(rng, 1, 2, 4)
    first = np.concatenate([psi.real.ravel(), psi.imag.ravel(), rng.uniform(1.3, 1.8, angles)])
    away = 1e-5 * np.eye(len(first))

    def value_and_slope(point):
        values = excess(np.vstack([point, point + away, point - away]))
        return values[0], (values[1 : 1 + len(point)] - values[1 + len(point) :]) / 2e-5

    found = optimize.minimize(value_and_slope, first, jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return found.fun, value_and_slope(first)[0]


def tangent(target, order):
    """The tangent of the bound at one S: to have all strategies above every tangent is to have them above the convex bound."""
    low, middle, high = bounds((target - 1e-6, target, target + 1e-6), order)
    return lambda s: middle + (high - low) / 2e-6 * (s - target)


@pytest.mark.parametrize("order", [1.05, 2.0])
@pytest.mark.parametrize(("seed", "target"), [(1, 2.64), (2, 2.3)])
def test_a_minimiser_gets_to_the_bound_and_no_further(order, seed, target):
    line = tangent(target, order)

    def excess(points):
        a1 = angle(points[:, 32])
        s, _, states = played(unpacked(points), angle(np.zeros(len(points))), a1)
        low, high = entropy(states, order)
        assert (high - low).max() < TOLERANCE
        return low - line(s)

    least, at_first = minimised(excess, [23, seed], 1)
    assert -TOLERANCE < least < 1e-6
    assert at_first > 1e-3


@pytest.mark.parametrize("order", ORDERS)
def test_no_mixture_of_two_blocks_falls_below(order):
    """A device that plays one of two strategies, and tells Eve which: 2^(-u H) is then the mean of both, and so is S."""
    rng, u = np.random.default_rng(24), (order - 1) / order
    psi, a0, a1 = random_strategies(rng, 400, 2, 4)
    extremes, *z_x = phi_mixtures(rng.uniform(0.5, 1, 400))
    games = [played(psi, a0, a1), played(extremes, *z_x)]
    s = np.concatenate([game[0] for game in games])
    low = np.concatenate([entropy(game[2], order)[0] for game in games])
    one, other, share = rng.integers(0, 800, 5000), rng.integers(0, 800, 5000), rng.uniform(size=5000)
    mixed = -np.log2(share * 2 ** (-u * low[one]) + (1 - share) * 2 ** (-u * low[other])) / u
    assert (mixed - bounds(share * s[one] + (1 - share) * s[other], order)).min() > -TOLERANCE


def flagged(first, second, share):
    """E's states when she holds the flag: block-diagonal."""
    d, e = first.shape[-1], second.shape[-1]
    mixed = np.zeros((*first.shape[:-2], d + e, d + e), complex)
    mixed[..., :d, :d], mixed[..., d:, d:] = share * first, (1 - share) * second
    return mixed


@pytest.mark.parametrize("order", ORDERS)
def test_a_flag_mixes_as_the_tests_suppose(order):
    rng, u = np.random.default_rng(25), (order - 1) / order
    (_, _, first), (_, _, second) = (played(*random_strategies(rng, 20, 2, eve)) for eve in (4, 2))
    parts = [2 ** (-u * entropy(states, order)[0]) for states in (first, second)]
    low, high = entropy(flagged(first, second, 0.3), order)
    assert (high - low).max() < TOLERANCE
    assert low == pytest.approx(-np.log2(0.3 * parts[0] + 0.7 * parts[1]) / u, abs=1e-7)


def both_outcomes(psi, a, b):
    """E's states for the four pairs of outcomes."""
    alice, bob = ([(np.eye(m.shape[-1]) + k * m) / 2 for k in (1, -1)] for m in (a, b))
    return np.stack([np.einsum("nije,nik,njl,nklf->nfe", psi.conj(), p, q, psi, optimize=True) for p in alice for q in bob], axis=1)


def a_test_round(psi, alice, bob, order):
    """S, and the entropy of Alice's outcome and the test result together; Eve learns the settings, which are uniform.

    Given the settings, outcome and test result are one to one with both parties' outcomes.
    """
    u, s, mean = (order - 1) / order, 0.0, 0.0
    for (x, a), (y, b) in itertools.product(enumerate(alice), enumerate(bob)):
        states = both_outcomes(psi, a, b)
        s = s + (-1) ** (x * y) * trace(states) @ (1, -1, -1, 1)
        mean = mean + 2 ** (-u * entropy(states, order)[0]) / 4
    return s, -np.log2(mean) / u


@pytest.mark.parametrize("order", [1.01, 1.3, 2.0])
def test_the_lemma_behind_r_t_1_has_no_counterexample_among_these(order):
    """Evidence, no proof."""
    rng = np.random.default_rng(26)
    for psi, a0, a1 in (random_strategies(rng, 400, 2, 4), phi_mixtures(np.linspace(0.5, 1, 50)), random_strategies(rng, 40, 4, 4)):
        best_s, bob, _ = played(psi, a0, a1)
        s, joint = a_test_round(psi, (a0, a1), bob, order)
        assert s == pytest.approx(best_s)
        assert (joint - bounds(s, order)).min() > 0.2


@pytest.mark.parametrize(("order", "target"), [(1.01, 2.05), (1.01, 2.64), (2.0, 2.64)])
def test_a_minimiser_finds_no_counterexample_to_the_lemma_either(order, target):
    line = tangent(target, order)

    def slack(points):
        zero = angle(np.zeros(len(points)))
        s, joint = a_test_round(unpacked(points), (zero, angle(points[:, 32])), (zero, angle(points[:, 33])), order)
        return joint - line(s)

    least, at_first = minimised(slack, [27, round(100 * target)], 2)
    assert 0 < least < at_first
