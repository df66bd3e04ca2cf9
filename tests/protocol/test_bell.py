"""E, S, Q and omega against the published Munich numbers, brute force, and simulated error bars."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.errors import ConfigError
from eventready.protocol.bell import (
    GAMES,
    MUNICH_GAME,
    OXFORD_GAME,
    Counts,
    chsh_s,
    chsh_wins,
    correlator,
    outcome_codes,
    qber,
    qber_errors,
    s_from_omega,
)
from eventready.protocol.estimate import proportion

# Zhang et al., Nature 607, 687 (2022): the counts behind the printed E, Q and errors (x, y): (n, n_equal).
MUNICH = {(0, 0): (448, 35), (1, 1): (412, 32), (2, 0): (379, 76), (3, 0): (434, 73), (2, 1): (414, 335), (3, 1): (416, 63)}


def munich_counts() -> Counts:
    n, n_equal = np.zeros((2, 4, 2), dtype=int)
    for pair, (rounds, equal) in MUNICH.items():
        n[pair], n_equal[pair] = rounds, equal
    return Counts(n, n_equal)


def random_rounds(rng, game, size):
    limits = (game.settings_a, game.settings_b, 2, 2)
    return [rng.integers(0, limit, size, dtype=np.uint8) for limit in limits]


def test_munich_correlators_as_printed():
    printed = {(2, 0): (-0.599, 0.041), (3, 0): (-0.664, 0.036), (2, 1): (0.618, 0.039), (3, 1): (-0.697, 0.035)}
    for pair, (value, sigma) in printed.items():
        e = correlator(munich_counts(), pair)
        assert (round(e.value, 3), round(e.sigma, 3)) == (value, sigma)


def test_munich_s_q_and_wins():
    counts = munich_counts()
    s, q0, q1, q = (chsh_s(counts, MUNICH_GAME), *(qber(counts, MUNICH_GAME, pair) for pair in ((0, 0), (1, 1), None)))
    assert (round(s.value, 3), round(s.sigma, 3)) == (2.578, 0.076)
    assert (round(q0.value, 4), round(q0.sigma, 4)) == (0.0781, 0.0127)
    assert (round(q1.value, 4), round(q1.sigma, 4)) == (0.0777, 0.0132)
    assert (round(q.value, 3), round(q.sigma, 3)) == (0.078, 0.009)
    assert chsh_wins(counts, MUNICH_GAME) == (1352, 1643)


def test_the_games_use_every_pair_once():
    for game in GAMES.values():
        roles = [game.role(pair) for pair in game.pairs]
        assert len(roles) == game.settings_a * game.settings_b
        assert roles.count("test") == len(game.chsh) == 4
        assert roles.count("key") == len(game.key_pairs)
    assert MUNICH_GAME.unused == ((0, 1), (1, 0))
    assert OXFORD_GAME.unused == ((1, 2),)


def test_ideal_munich_state_reaches_tsirelson_and_no_errors():
    """E = -cos 2(alpha + beta) at the published angles (Zhang et al., "DIQKD implementation")."""
    alpha, beta = np.radians([-22.5, 22.5, -45, 0]), np.radians([22.5, -22.5])
    n = np.full((4, 2), 10**9)
    counts = Counts(n, np.rint(n * (1 - np.cos(2 * (alpha[:, None] + beta))) / 2).astype(int))
    assert chsh_s(counts, MUNICH_GAME).value == pytest.approx(2 * math.sqrt(2), abs=1e-8)
    assert qber(counts, MUNICH_GAME).value == 0


def test_oxford_wins_are_a_xor_b_equal_x_y_and_key_errors_are_unequal():
    x, y, a, b = random_rounds(np.random.default_rng(1), OXFORD_GAME, 5000)
    counts = Counts.from_rounds(x, y, a, b, OXFORD_GAME)
    test, key = y < 2, (x == 0) & (y == 2)
    assert chsh_wins(counts, OXFORD_GAME) == (np.sum((a ^ b)[test] == (x & y)[test]), np.sum(test))
    assert qber_errors(counts, OXFORD_GAME, (0, 2)) == (np.sum((a != b)[key]), np.sum(key))


def test_s_and_game_agree_when_all_pairs_are_played_equally():
    equal = np.array([[0, 0], [0, 0], [17, 88], [23, 5]])
    counts = Counts(np.full((4, 2), 100), equal)
    omega = proportion(*chsh_wins(counts, MUNICH_GAME))
    assert s_from_omega(omega).value == pytest.approx(chsh_s(counts, MUNICH_GAME).value)


@settings(deadline=None)
@given(st.sampled_from(list(GAMES.values())), st.integers(0, 2**32), st.integers(0, 60), st.integers(0, 60))
def test_counts_of_two_halves_add_up_to_those_of_the_whole(game, seed, size, split):
    rounds = random_rounds(np.random.default_rng(seed), game, size)
    halves = Counts.from_rounds(*(c[:split] for c in rounds), game) + Counts.from_rounds(*(c[split:] for c in rounds), game)
    whole = Counts.from_rounds(*rounds, game)
    brute = np.zeros((game.settings_a, game.settings_b, 2, 2), dtype=int)
    for x, y, a, b in zip(*rounds, strict=True):
        brute[x, y, a, b] += 1
    for counts in (halves, whole):
        np.testing.assert_array_equal(counts.outcomes, brute)
        np.testing.assert_array_equal(counts.n, brute.sum(axis=(2, 3)))
        np.testing.assert_array_equal(counts.n_equal, brute[..., 0, 0] + brute[..., 1, 1])
    assert whole.rounds == size


def test_a_sum_with_a_published_table_keeps_no_single_outcomes():
    rounds = random_rounds(np.random.default_rng(2), MUNICH_GAME, 100)
    total = munich_counts() + Counts.from_rounds(*rounds, MUNICH_GAME)
    assert total.outcomes is None
    assert total.rounds == 2503 + 100


def test_counts_are_read_only_and_silent():
    table = np.array([[3, 2]])
    counts = Counts(table, table)
    table[0, 0] = 9
    assert counts.n[0, 0] == 3
    with pytest.raises(ValueError, match="read-only"):
        counts.n[0, 0] = 1
    assert repr(counts) == "Counts()"


def test_wrong_rounds_are_refused_without_their_values():
    x, y, a, b = random_rounds(np.random.default_rng(3), MUNICH_GAME, 20)
    public = b.copy()
    public[7] = 255
    with pytest.raises(ConfigError, match=r"Bob's outcomes must lie in 0\.\.1; round 7 does not") as refused:
        Counts.from_rounds(x, y, a, public, MUNICH_GAME)
    assert "255" not in str(refused.value)
    with pytest.raises(ConfigError, match=r"Alice's settings must lie in 0\.\.1"):
        Counts.from_rounds(np.full(20, 2), y, a, b, OXFORD_GAME)
    with pytest.raises(ConfigError, match="Alice's settings must lie"):
        Counts.from_rounds(-x.astype(int) - 1, y, a, b, MUNICH_GAME)
    with pytest.raises(ConfigError, match="same rounds"):
        Counts.from_rounds(x, y[:-1], a, b, MUNICH_GAME)
    with pytest.raises(ConfigError, match="column of integers"):
        outcome_codes(x * 0.5, y, a, b, MUNICH_GAME)


@pytest.mark.parametrize(
    ("n", "n_equal", "outcomes"),
    [
        ([[3]], [[4]], None),
        ([[3]], [[-1]], None),
        ([[3]], [[1, 1]], None),
        ([3], [1], None),
        ([[3.5]], [[1.0]], None),
        ([[3]], [[1]], [[[[1, 1], [1, 1]]]]),
        ([[4]], [[1]], [[[[1, 1], [1, 1]]]]),
        ([[4]], [[2]], [[[[2, -1], [3, 0]]]]),
        ([[4]], [[2]], [[1, 1], [1, 1]]),
    ],
)
def test_impossible_counts_are_refused(n, n_equal, outcomes):
    with pytest.raises(ConfigError, match="counts"):
        Counts(np.array(n), np.array(n_equal), None if outcomes is None else np.array(outcomes))


def test_counts_of_different_games_do_not_add():
    with pytest.raises(ConfigError, match="different games"):
        _ = munich_counts() + Counts(np.ones((2, 3), dtype=int), np.ones((2, 3), dtype=int))


def test_nothing_is_estimated_without_rounds():
    empty = Counts.from_rounds([], [], [], [], MUNICH_GAME)
    assert chsh_s(empty, MUNICH_GAME) is None
    assert qber(empty, MUNICH_GAME) is None
    assert correlator(empty, (0, 0)) is None
    assert proportion(*chsh_wins(empty, MUNICH_GAME)) is None


def test_intervals_do_not_collapse_when_all_rounds_agree():
    s = chsh_s(Counts(np.full((4, 2), 5), np.array([[0, 0], [0, 0], [0, 5], [0, 0]])), MUNICH_GAME)
    assert (s.value, s.sigma) == (4, 0)
    assert s.low < 2.9  # five rounds a pair prove nothing
    assert s.high == pytest.approx(4)


@pytest.mark.parametrize("scale", [1, 0.1])
def test_error_bars_cover_the_truth(scale):
    """4000 simulated Munich runs of 1/1 and 1/10 of its length.

    Coverage has a standard deviation of 0.35 %; the test allows 2 % around 95 %, as Wilson's interval oscillates by about 1 % at
    the smaller size. False alarm below 0.3 % for a random seed; the seed is fixed.
    """
    rng = np.random.default_rng(20220727)
    n = np.array([[448, 420], [420, 412], [379, 414], [434, 416]])
    n = (n * scale).astype(int)
    p = np.array([[0.08, 0.5], [0.5, 0.08], [0.2, 0.81], [0.17, 0.15]])
    true_s = sum(sign * (2 * p[pair] - 1) for pair, sign in MUNICH_GAME.chsh)
    runs = [Counts(n, rng.binomial(n, p)) for _ in range(4000)]
    s = [chsh_s(run, MUNICH_GAME) for run in runs]
    e = [correlator(run, (3, 0)) for run in runs]
    q = [qber(run, MUNICH_GAME) for run in runs]
    for estimates, truth in ((s, true_s), (e, 2 * 0.17 - 1), (q, 0.08)):
        coverage = np.mean([estimate.low <= truth <= estimate.high for estimate in estimates])
        assert 0.93 < coverage < 0.97
        assert np.std([estimate.value for estimate in estimates]) == pytest.approx(np.mean([v.sigma for v in estimates]), rel=0.06)
