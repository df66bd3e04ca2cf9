import math
from dataclasses import replace

import numpy as np
import pytest

from eventready.errors import ConfigError
from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME
from eventready.protocol.entropy import (
    TSIRELSON,
    asymptotic_rate,
    binary_entropy,
    critical_point,
    key_entropy,
    key_per_sifted_bit,
    one_basis_entropy,
    two_basis_entropy,
    two_basis_tangent,
)


def brute_force_f(s: float) -> float:
    """F(S) by minimising over a grid, straight from the definition in Masini, Pironio and Woodhead, arXiv:2107.08894."""
    sigma = np.linspace(0, 1, 400_001)[:-1]
    m = (s / 2 - sigma) / np.sqrt(1 - sigma**2)
    e2 = np.where((m >= 0) & (m <= 1), sigma**2 * m**2 + 1 - sigma**2, np.inf).min()
    return 1 - binary_entropy((1 + math.sqrt(e2)) / 2)


def test_binary_entropy():
    assert binary_entropy(0.5) == 1
    assert binary_entropy(0) == binary_entropy(1) == 0
    assert binary_entropy(0.11) == pytest.approx(0.49992, abs=1e-5)


def test_one_basis_values():
    """S = 2.64: 0.637118, the value of a numerical (Brown-Fawzi-Fawzi) optimisation too."""
    assert one_basis_entropy(2.64) == pytest.approx(0.637118, abs=5e-7)
    assert one_basis_entropy(2) == one_basis_entropy(-2.8) == 0
    assert one_basis_entropy(TSIRELSON) == one_basis_entropy(3) == pytest.approx(1)


def test_two_basis_values():
    s_tangent, slope = two_basis_tangent()
    assert s_tangent == pytest.approx(2.265302, abs=1e-6)
    assert slope == pytest.approx(1.166425, abs=1e-6)
    assert two_basis_entropy(2.578) == pytest.approx(0.67596, abs=5e-6)
    assert two_basis_entropy(2) == two_basis_entropy(-2.8) == 0
    assert two_basis_entropy(TSIRELSON) == two_basis_entropy(3) == pytest.approx(1)


@pytest.mark.parametrize("s", [2.3, 2.4256, 2.578, 2.7, 2.82])
def test_two_basis_bound_is_the_minimum_it_is_defined_by(s):
    assert two_basis_entropy(s) == pytest.approx(brute_force_f(s), abs=1e-8)


def test_two_basis_bound_is_the_convex_hull():
    s = np.linspace(2, TSIRELSON, 400)
    bound = np.array([two_basis_entropy(v) for v in s])
    assert (np.diff(bound, 2) > -1e-12).all()  # convex
    f = np.array([brute_force_f(v) for v in s[1:-1:20]])
    assert (bound[1:-1:20] <= f + 1e-9).all()  # below F
    # on the line it lies strictly below (by 3e-5): F itself is not convex there
    assert two_basis_entropy(2.1) < brute_force_f(2.1) - 2e-5


def test_two_bases_beat_one():
    for s in np.linspace(2.01, 2.82, 50):
        assert two_basis_entropy(s) > one_basis_entropy(s)


def test_critical_points():
    """Published: 2.362 and 0.082 (two bases, numerical bound of Schwonnek et al.), 0.071 (one); ours are analytic."""
    s2, q2 = critical_point(MUNICH_GAME)
    assert (s2, q2) == (pytest.approx(2.355517, abs=1e-6), pytest.approx(0.083600, abs=1e-6))
    assert s2 == pytest.approx(2.362, rel=0.003)
    assert q2 == pytest.approx(0.082, rel=0.02)
    s1, q1 = critical_point(OXFORD_GAME)
    assert (s1, q1) == (pytest.approx(2.42401, abs=5e-6), pytest.approx(0.07149, abs=5e-6))


def test_munich_rates():
    """Zhang et al., Nature 607, 687 (2022): 0.07 of 0.25, and still positive at S = 2.4256, Q = 0.107."""
    assert asymptotic_rate(MUNICH_GAME, 2.578, (0.078, 0.078)) == pytest.approx(0.0702, abs=5e-5)
    assert asymptotic_rate(MUNICH_GAME, 2.4256, (0.107, 0.107)) == pytest.approx(0.0015, abs=5e-5)
    assert asymptotic_rate(MUNICH_GAME, TSIRELSON, (0, 0)) == pytest.approx(0.25)
    assert asymptotic_rate(MUNICH_GAME, 2.0, (0.1, 0.1)) < 0
    # two error rates count by their entropies, not by their mean
    assert asymptotic_rate(MUNICH_GAME, 2.578, (0.02, 0.136)) > asymptotic_rate(MUNICH_GAME, 2.578, (0.078, 0.078))


def test_oxford_rates():
    assert asymptotic_rate(OXFORD_GAME, 2.64, (0.018,)) == pytest.approx(0.5071, abs=5e-5)
    assert asymptotic_rate(OXFORD_GAME, 2.677, (0.0144,)) == pytest.approx(0.5834, abs=5e-5)


def test_wrong_arguments_are_refused():
    with pytest.raises(ConfigError, match="needs 2 error rates"):
        asymptotic_rate(MUNICH_GAME, 2.5, (0.1,))
    with pytest.raises(ConfigError, match="error rates"):
        key_per_sifted_bit(OXFORD_GAME, 2.5, (1.1,))
    untested = replace(OXFORD_GAME, key_pairs=((3, 2),))
    with pytest.raises(ConfigError, match="does not test"):
        key_entropy(untested, 2.5)
