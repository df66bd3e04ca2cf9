"""The numbers on the page about the Renyi analysis are those that the commands on it compute."""

import re
import shlex
from pathlib import Path

import pytest

from eventready.cli.plan_command import command
from eventready.protocol.planning import fewest_one_basis_rounds, one_basis_rate, plan_one_basis

PAGE = (Path(__file__).resolve().parents[2] / "docs/explanations/renyi-analysis.md").read_text(encoding="utf-8")
PLANS = re.findall(r"^\| `eventready plan (oxford.*?)` \| ([\d ]+) \|$", PAGE, re.MULTILINE)
FIRST = re.findall(r"^\| ([01]) \| (f = 1\.16|square-root rule) \| (\d+)/256 \| (\S+) \|$", PAGE, re.MULTILINE)


def test_both_tables_are_there():
    assert (len(PLANS), len(FIRST)) == (5, 4)


@pytest.mark.parametrize(("words", "bits"), PLANS)
def test_the_key_of_each_plan(words, bits):
    asked = command.make_context("plan", shlex.split(words)).params
    plan = plan_one_basis(1_500_000, 2.64, 0.018, syndrome_bits=asked["syndrome"], analysis=asked["analysis"], test_credit=asked["credit"])
    assert plan.key_bits == pytest.approx(int(bits.replace(" ", "")), abs=1)


@pytest.mark.parametrize(("credit", "code", "share", "rounds"), FIRST)
def test_from_how_many_rounds_there_is_key(credit, code, share, rounds):
    """To the digits printed; and the fraction printed is the best one, or as good."""
    options = {"efficiency": 1.16 if code.startswith("f") else None, "analysis": "renyi", "test_credit": int(credit)}
    found, *others = (fewest_one_basis_rounds(2.64, 0.018, test_fraction=(int(share) + k) / 256, **options) for k in (0, -4, 4))
    assert found == pytest.approx(float(rounds), rel=4e-3)
    assert found < min(others)


def test_where_the_analysis_of_2022_overtakes():
    for n, ahead in ((3e7, "renyi"), (1e8, "eat2022")):
        rates = {analysis: one_basis_rate(n, 2.64, 0.018, analysis=analysis) for analysis in ("renyi", "eat2022")}
        assert max(rates, key=rates.get) == ahead
