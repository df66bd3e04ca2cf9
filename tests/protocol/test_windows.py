import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.errors import ConfigError
from eventready.protocol.bell import GAMES, OXFORD_GAME, Counts, chsh_wins, qber
from eventready.protocol.estimate import proportion
from eventready.protocol.windows import moving_windows


def random_rounds(rng, game, size):
    return [rng.integers(0, limit, size, dtype=np.uint8) for limit in (game.settings_a, game.settings_b, 2, 2)]


@settings(deadline=None)
@given(st.sampled_from(list(GAMES.values())), st.integers(0, 2**32), st.integers(0, 50), st.integers(1, 30), st.integers(1, 9))
def test_windows_equal_brute_force(game, seed, size, window, stride):
    rounds = random_rounds(np.random.default_rng(seed), game, size)
    moving = moving_windows(*rounds, game, window=window, stride=stride)
    assert list(moving.end) == list(range(window, size + 1, stride))
    for i, end in enumerate(moving.end):
        counts = Counts.from_rounds(*(column[end - window : end] for column in rounds), game)
        omega, q = proportion(*chsh_wins(counts, game)), qber(counts, game)
        s = omega and (8 * omega.value - 4, 8 * omega.low - 4, 8 * omega.high - 4)
        expected_s = s or (np.nan,) * 3
        expected_q = (q.value, q.low, q.high) if q else (np.nan,) * 3
        np.testing.assert_allclose([moving.s[i], moving.s_low[i], moving.s_high[i]], expected_s, atol=1e-12)
        np.testing.assert_allclose([moving.qber[i], moving.qber_low[i], moving.qber_high[i]], expected_q, atol=1e-12)


def test_band_width_of_the_oxford_figure():
    """Nadlinger et al., Nature 607, 682 (2022), Fig. 3: 100 000 rounds, half of them tests, S = 2.677, Q = 1.44 %.

    Binomial half-widths at 95 %: 1.96 * 8 sqrt(w (1-w)/50000) = 0.026 and 1.96 sqrt(Q (1-Q)/50000) = 0.104 %.
    """
    rng = np.random.default_rng(4)
    size = 150_000
    test = rng.random(size) < 0.5
    x, y = np.where(test, rng.integers(0, 2, size), 0), np.where(test, rng.integers(0, 2, size), 2)
    a = rng.integers(0, 2, size)
    lost = rng.random(size) < np.where(test, 1 - (4 + 2.677) / 8, 0.0144)
    moving = moving_windows(x, y, a, a ^ (x & y & 1) * test ^ lost, OXFORD_GAME)
    assert len(moving.end) == 51
    np.testing.assert_allclose((moving.s_high - moving.s_low) / 2, 0.026, atol=5e-4)
    np.testing.assert_allclose((moving.qber_high - moving.qber_low) / 2, 0.00104, atol=5e-5)
    # five standard deviations of one window; the 51 windows overlap almost wholly
    assert abs(moving.s - 2.677).max() < 5 * 0.026 / 1.96
    assert abs(moving.qber - 0.0144).max() < 5 * 0.00104 / 1.96


def test_a_run_shorter_than_a_window_has_none():
    rounds = random_rounds(np.random.default_rng(5), OXFORD_GAME, 9)
    assert moving_windows(*rounds, OXFORD_GAME, window=10).end.size == 0


@pytest.mark.parametrize(("window", "stride"), [(0, 1), (1, 0), (-5, 1)])
def test_impossible_windows_are_refused(window, stride):
    with pytest.raises(ConfigError, match="at least one round"):
        moving_windows([], [], [], [], OXFORD_GAME, window=window, stride=stride)
