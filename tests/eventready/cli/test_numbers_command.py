"""``eventready numbers``: the table of both papers' numbers, and the page that shows it."""

import dataclasses
import json
from pathlib import Path

import pytest

from eventready.cli import numbers_command
from eventready.protocol import published
from eventready.protocol.published import published_numbers

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "numbers.md"


@pytest.fixture(scope="module")
def numbers():
    return published_numbers()


@pytest.fixture
def at_once(numbers, mocker):
    """They take ten seconds; once is enough."""
    mocker.patch.object(published, "published_numbers", return_value=numbers)


def test_every_printed_number_comes_out(numbers):
    assert [number.name for number in numbers if not number.agrees] == []
    assert len({number.name for number in numbers}) == len(numbers) > 25


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Oxford: bits revealed for error correction", 296_517),
        ("Oxford: seed of the extractor", 1_201_886),
        ("Oxford: secret bits before", 1_203_422),
        ("Munich: S", 2.578),
        ("Munich: critical S, two key bases", 2.3555),
        ("Delft 2015: p-value of local realism", 0.039175),
    ],
)
def test_ours_are_worked_out(numbers, name, value):
    (found,) = (number for number in numbers if number.name == name)
    assert found.ours == pytest.approx(value, rel=2e-4)


def test_the_rate_at_the_papers_worst_case_is_positive(numbers):
    (found,) = (number for number in numbers if "to be positive" in number.name)
    assert found.ours > 0


def test_the_page_holds_the_table(numbers):
    assert PAGE.read_text(encoding="utf-8").endswith(numbers_command.as_markdown(numbers) + "\n"), "eventready numbers --markdown makes it"


@pytest.mark.usefixtures("at_once")
def test_on_the_screen_and_as_json(eventready, numbers):
    code, out, _ = eventready("numbers")
    assert code == 0 and out.isascii()
    assert "all as printed" in out and "296,517" in out
    code, out, _ = eventready("numbers", "--json")
    assert code == 0 and len(json.loads(out)) == len(numbers)


def test_one_that_does_not_agree_is_told(eventready, numbers, mocker):
    wrong = (dataclasses.replace(numbers[0], ours=2.6), *numbers[1:])
    mocker.patch.object(published, "published_numbers", return_value=wrong)
    code, out, _ = eventready("numbers")
    assert code == 1 and "not as printed: Munich: S" in out
