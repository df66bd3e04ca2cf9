"""``eventready plan``."""

import json

import pytest
from click.testing import CliRunner

from eventready.cli import cli, main


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
