import json
import subprocess
import sys

import numpy as np
import pytest

from eventready.errors import ConfigError
from eventready.protocol.analysis import analyse
from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME, Counts
from eventready.protocol.counts_csv import parse_counts

PUBLISHED = b"X,Y,n,n_equal\n0,0,448,35\n1,1,412,32\n2,0,379,76\n3,0,434,73\n2,1,414,335\n3,1,416,63\n"
ANGLES = np.radians([-22.5, 22.5, -45, 0])


def json_types(value):
    if isinstance(value, dict):
        return {type(key) for key in value} | {kind for item in value.values() for kind in json_types(item)}
    if isinstance(value, list):
        return {list} | {kind for item in value for kind in json_types(item)}
    return {type(value)}


def full_munich():
    rng = np.random.default_rng(11)
    n_equal_p = np.array([[0.08, 0.5], [0.5, 0.08], [0.2, 0.81], [0.17, 0.15]])
    probabilities = np.stack([n_equal_p / 2, (1 - n_equal_p) / 2, (1 - n_equal_p) / 2, n_equal_p / 2], axis=-1)
    return Counts.from_outcomes(np.array([[rng.multinomial(418, p) for p in row] for row in probabilities]).reshape(4, 2, 2, 2))


def test_the_published_munich_table():
    """Zhang et al., Nature 607, 687 (2022), from its counts."""
    result = analyse(*parse_counts(PUBLISHED, "munich"), rng_bias=1e-5)
    assert result.rounds == 2503
    assert (round(result.s.value, 3), round(result.s.sigma, 3)) == (2.578, 0.076)
    assert [round(q.qber.value, 4) for q in result.qbers] == [0.0781, 0.0777]
    assert [round(q.qber.sigma, 4) for q in result.qbers] == [0.0127, 0.0132]
    assert [(q.errors, q.n) for q in result.qbers] == [(35, 448), (32, 412)]
    assert (result.chsh.wins, result.chsh.trials) == (1352, 1643)
    assert result.chsh.s.value == pytest.approx(8 * 1352 / 1643 - 4)
    assert result.local_realism.p == "9.26e-13"
    # 0.0702 at the rounded S = 2.578, Q = 0.078; the counts themselves give a little more.
    assert result.key_rate.rate == pytest.approx(0.0703, abs=5e-5)
    assert result.key_rate.max_rate == 0.25
    assert result.key_rate.rate == pytest.approx(0.25 * (result.key_rate.entropy - result.key_rate.error_correction))
    # "also the original DIQKD protocol achieves a positive key rate for the observed S and Q0 (or Q1)"
    assert all(surplus > 0 for surplus in result.key_rate.one_basis)


def test_it_says_what_the_published_table_lacks():
    result = analyse(*parse_counts(PUBLISHED, "munich"))
    assert (result.visibilities, result.fidelity, result.no_signalling) == (None, None, None)
    assert len(result.not_computed) == 2
    assert "(0,1), (1,0)" in result.not_computed[0]
    assert "fidelity bound" in result.not_computed[0]
    assert "own outcomes" in result.not_computed[1]


def test_a_full_table_is_analysed_whole():
    result = analyse(full_munich(), MUNICH_GAME, angles=ANGLES)
    assert result.not_computed == ()
    assert len(result.no_signalling.tests) == 16
    mean = sum(fit.visibility.value for fit in result.visibilities) / 2
    assert result.fidelity.value == pytest.approx(1 / 9 + 8 / 9 * mean)
    assert analyse(full_munich(), MUNICH_GAME, angles=ANGLES, levels=2).fidelity.value == pytest.approx(1 / 4 + 3 / 4 * mean)


def test_oxford_table():
    table = np.array(
        [[[[40, 10], [10, 40]], [[40, 10], [10, 40]], [[98, 2], [1, 99]]], [[[40, 10], [10, 40]], [[9, 41], [40, 10]], [[0, 0], [0, 0]]]]
    )
    result = analyse(Counts.from_outcomes(table), OXFORD_GAME)
    assert result.s.value == pytest.approx(0.6 * 3 + 0.62)
    assert result.qber.value == pytest.approx(3 / 200)
    assert result.key_rate.max_rate == 1
    assert len(result.no_signalling.tests) == 6
    assert [sentence.split(":")[0] for sentence in result.not_computed] == ["Visibility fit and fidelity bound"]


@pytest.mark.parametrize(
    ("counts", "game"),
    [
        (parse_counts(PUBLISHED, "munich")[0], MUNICH_GAME),
        (full_munich(), MUNICH_GAME),
        (Counts.from_rounds([], [], [], [], OXFORD_GAME), OXFORD_GAME),
    ],
)
def test_to_dict_has_json_types_only(counts, game):
    result = analyse(counts, game, angles=ANGLES)
    plain = result.to_dict()
    assert json_types(plain) <= {dict, list, str, int, float, bool, type(None)}
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["not_computed"] == list(result.not_computed)


def test_an_empty_table_is_all_reasons():
    result = analyse(Counts.from_rounds([], [], [], [], MUNICH_GAME), MUNICH_GAME)
    assert (result.s, result.chsh, result.local_realism, result.qber, result.key_rate) == (None,) * 5
    subjects = [sentence.split(":")[0] for sentence in result.not_computed]
    assert subjects == [
        "S, omega and the p-value of local realism",
        "QBER",
        "Visibility fit and fidelity bound",
        "Key rate",
        "No-signalling tests",
    ]


def test_one_missing_pair_is_named():
    table = PUBLISHED.replace(b"2,1,414,335\n", b"").replace(b"1,1,412,32\n", b"")
    first, second, *_ = analyse(*parse_counts(table, "munich")).not_computed
    assert first.endswith("(x,y) = (2,1).")
    assert second.endswith("(x,y) = (1,1).")


def test_missing_angles_are_named():
    assert analyse(full_munich(), MUNICH_GAME).not_computed == ("Visibility fit and fidelity bound: Alice's readout angles are not given.",)


def test_a_local_model_with_skewed_settings_proves_nothing():
    """Always-equal outcomes lose only at (1,1), which is hardly played: 99.7 % of the games won, and no violation."""
    n = np.array([[1000, 1000, 0], [1000, 10, 0]])
    result = analyse(Counts(n, n), OXFORD_GAME)
    assert result.chsh.omega.value > 0.99
    assert result.s.value == pytest.approx(2)
    assert result.local_realism is None
    assert any("not played equally often" in sentence for sentence in result.not_computed)


def test_counts_of_another_game_are_refused():
    with pytest.raises(ConfigError, match="do not belong to the oxford game"):
        analyse(full_munich(), OXFORD_GAME)


def test_importing_the_statistics_does_not_import_scipy():
    modules = ", ".join(f"eventready.protocol.{name}" for name in ("analysis", "windows", "counts_csv"))
    code = f"import sys, {modules}; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
