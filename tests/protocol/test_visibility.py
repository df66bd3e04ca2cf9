import numpy as np
import pytest

from eventready.errors import ConfigError
from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME, Counts
from eventready.protocol.estimate import normal
from eventready.protocol.visibility import fidelity_bound, fit_visibility, visibility_missing

ANGLES = np.radians([-22.5, 22.5, -45, 0])  # Zhang et al., Nature 607, 687 (2022), "DIQKD implementation"
BETA = np.radians([22.5, -22.5])


def sinusoid(visibility, rounds=10**8):
    e = -visibility * np.cos(2 * (ANGLES[:, None] + BETA))
    n = np.full((4, 2), rounds)
    return Counts(n, np.rint(n * (1 + e) / 2).astype(int))


def test_printed_fidelity():
    """F >= 0.892(23) from V = 0.869(25) and 0.888(45) (Zhang et al., "System measurements and performance")."""
    bound = fidelity_bound([normal(0.869, 0.025), normal(0.888, 0.045)])
    assert (round(bound.value, 4), round(bound.sigma, 4)) == (0.8920, 0.0229)


def test_fidelity_of_a_qubit_pair():
    assert fidelity_bound([normal(0.88, 0.01)], levels=2).value == pytest.approx(1 / 4 + 3 / 4 * 0.88)
    assert fidelity_bound([normal(1.0, 0.01)] * 2).value == pytest.approx(1)


@pytest.mark.parametrize(("e01", "e10"), [(0, 0), (-0.04, 0.04), (0.04, 0.04), (0.04, -0.04)])
def test_printed_visibilities_follow_from_the_counts_whatever_the_unpublished_pairs(e01, e10):
    """The printed 0.869 and 0.888 need E01 and E10, which are not published; small ones hardly move the fit."""
    n = np.array([[448, 420], [420, 412], [379, 414], [434, 416]])
    n_equal = np.array([[35, round(210 * (1 + e01))], [round(210 * (1 + e10)), 32], [76, 335], [73, 63]])
    fits = [fit_visibility(Counts(n, n_equal), MUNICH_GAME, ANGLES, y).visibility.value for y in (0, 1)]
    assert fits == pytest.approx([0.869, 0.888], abs=0.0015)


@pytest.mark.parametrize("visibility", [0.0, 0.3, 1.0])
def test_a_sinusoid_is_recovered(visibility):
    for y in (0, 1):
        fit = fit_visibility(sinusoid(visibility), MUNICH_GAME, ANGLES, y)
        assert fit.visibility.value == pytest.approx(visibility, abs=1e-7)
        assert fit.visibility.sigma > 0
        if visibility:
            assert fit.phase == pytest.approx(2 * BETA[y], abs=1e-6)


def test_error_of_the_visibility_covers_the_truth():
    """3000 runs of Munich's size: coverage 95 % within 1.6 %, four standard deviations (false alarm 6e-5), and the spread."""
    rng = np.random.default_rng(10)
    n = np.full((4, 2), 418)
    p = (1 - 0.87 * np.cos(2 * (ANGLES[:, None] + BETA))) / 2
    fits = [fit_visibility(Counts(n, rng.binomial(n, p)), MUNICH_GAME, ANGLES, 0).visibility for _ in range(3000)]
    assert 0.934 < np.mean([fit.low <= 0.87 <= fit.high for fit in fits]) < 0.966
    assert np.std([fit.value for fit in fits]) == pytest.approx(np.mean([fit.sigma for fit in fits]), rel=0.06)


def test_what_cannot_be_fitted_is_said():
    full = sinusoid(0.9)
    assert visibility_missing(full, MUNICH_GAME) is None
    holes = Counts(np.where(full.n * [[1, 0], [0, 1], [1, 1], [1, 1]], 5, 0), np.zeros((4, 2), dtype=int))
    assert visibility_missing(holes, MUNICH_GAME) == "there are no rounds with settings (x,y) = (0,1), (1,0)"
    with pytest.raises(ConfigError, match=r"\(0,1\), \(1,0\)"):
        fit_visibility(holes, MUNICH_GAME, ANGLES, 0)
    with pytest.raises(ConfigError, match="three settings"):
        fit_visibility(Counts(np.ones((2, 3), dtype=int), np.ones((2, 3), dtype=int)), OXFORD_GAME, [0.0, 1.0], 0)
    with pytest.raises(ConfigError, match="4 readout angles"):
        fit_visibility(full, MUNICH_GAME, ANGLES[:3], 0)
    with pytest.raises(ConfigError, match="4 readout angles"):
        fit_visibility(full, MUNICH_GAME, [0, 0, 0, np.nan], 0)
    with pytest.raises(ConfigError, match="90 degrees"):
        fit_visibility(full, MUNICH_GAME, np.radians([0, 90, 180, -90]), 0)
