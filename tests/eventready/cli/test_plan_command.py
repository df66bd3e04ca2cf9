"""``eventready plan``."""

import json

import pytest
from click.testing import CliRunner

from eventready.cli import cli, main
from eventready.protocol.finite_key import PUBLISHED_ASSUMPTIONS
from eventready.protocol.renyi import assumptions


def plan(*words):
    result = CliRunner().invoke(cli, ["plan", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_oxford_prints_the_plan():
    printed = plan("oxford")
    for number in ("0.82553763", "296,517", "1,201,886", "95,885", "13,289"):
        assert number in printed


def test_oxford_as_json():
    facts = json.loads(plan("oxford", "--rounds", "3000000", "--json"))
    assert facts["key_bits"] / 3e6 == pytest.approx(0.1674, abs=1e-4)
    assert facts["key_from_rounds"] == pytest.approx(1.069e6, rel=2e-3)


def test_oxford_by_the_renyi_analysis_says_what_it_rests_on():
    words = ("oxford", "--analysis", "renyi", "--credit", "1", "--syndrome", "272000")
    facts = json.loads(plan(*words, "--json"))
    assert facts["key_bits"] == pytest.approx(374_166, abs=1)
    assert (facts["extractor"], facts["seed_bits"]) == ("toeplitz", 1_500_000 + facts["key_bits"] - 1)
    assert facts["key_from_rounds_at_best_fraction"] <= facts["key_from_rounds"] < 2e5
    assert facts["epsilon_of_verification"] + facts["epsilon_of_amplification"] == pytest.approx(1e-10)
    assert facts["assumptions"] == list(assumptions(1))
    printed = " ".join(plan(*words).split())
    for text in assumptions(1):
        assert text in printed


def test_each_analysis_prints_its_own_assumptions_and_not_the_others():
    printed = " ".join(plan("oxford").split())
    assert "The key rests on:" in printed
    for text in PUBLISHED_ASSUMPTIONS:
        assert " ".join(text.split()) in printed
    assert "THIRD PARTY" not in printed


def test_curves_of_all_accounts(tmp_path, monkeypatch):
    """Several links as asked for, and the same link by the two other accounts."""
    asked = []

    def rate(n, s, q, **options):
        asked.append((s, options["analysis"], options["test_credit"], options["efficiency"]))
        return 0.1

    monkeypatch.setattr("eventready.protocol.planning.one_basis_rate", rate)
    monkeypatch.setattr("eventready.protocol.planning.fewest_one_basis_rounds", lambda *_, **__: 1e5)
    monkeypatch.setattr("eventready.protocol.first_key.fewest_renyi_rounds", lambda *_, **__: None)
    plan("oxford", "--analysis", "renyi", "--syndrome", "272000", "--curve", str(tmp_path / "both.svg"))
    assert {line[1:3] for line in asked if line[0] == 2.64} == {("eat2022", 0), ("renyi", 0), ("renyi", 1)}
    assert {line[1:3] for line in asked if line[0] != 2.64} == {("renyi", 0)}
    assert [*{line[3] for line in asked}] == [pytest.approx(1.15607, abs=1e-5)]
    drawn = (tmp_path / "both.svg").read_text(encoding="utf-8")
    assert all(name in drawn for name in ("Renyi, r_t = 0", "Renyi, r_t = 1", "analysis of 2022"))


def test_munich_with_its_curve(tmp_path):
    facts = json.loads(plan("munich", "--json", "--curve", str(tmp_path / "fig5.svg")))
    assert facts["asymptotic_rate"] == pytest.approx(0.0702, abs=5e-5)
    assert facts["key_from_rounds"] == pytest.approx(1.72e5, rel=2e-3)
    assert (facts["critical_S"], facts["critical_QBER"]) == pytest.approx((2.3555, 0.0836), abs=5e-5)
    assert (tmp_path / "fig5.svg").read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["oxford", "--s", "2"], "2 < S"),
        (["oxford", "--gamma", "many"], "13/256"),
        (["oxford", "--rounds", "1000"], "more rounds, or more tests"),
        (["munich", "--qber", "0.7"], "error rate"),
        (["munich", "--analysis", "renyi"], "devices with memory"),
        (["munich", "--credit", "1"], "for oxford"),
        (["munich", "--syndrome", "1000"], "for oxford"),
        (["oxford", "--credit", "1"], "belongs to the renyi analysis"),
        (["oxford", "--analysis", "renyi", "--soundness", "1e-18"], "64-bit hashes"),
        (["munich", "--curve", "curve.tape"], "cannot be written"),
    ],
)
def test_wrong_words_are_refused(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["eventready", "plan", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
