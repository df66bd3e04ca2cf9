"""The page about sequences: its file runs, on the twin too, and its mistakes are found as it prints them."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from eventready.cli import cli
from eventready.errors import SequenceError
from eventready.sequences.check import check
from eventready.stations.assembly import programs
from eventready.stations.config import copy_link, load_link
from eventready.stations.link import open_link
from eventready.stations.link_sequence import link_round, link_wiring

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "write-a-sequence.md"
TEXT = PAGE.read_text(encoding="utf-8")
RIGHT, WRONG_READOUT, BROKEN_LAB = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
FINDINGS, TIMELINE = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
WRONG = RIGHT[: RIGHT.index("def readout")] + WRONG_READOUT


@pytest.fixture
def my_lab(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy_link("munich", "my-lab")
    link = Path("my-lab/link.yaml")
    named = re.search(r"```yaml\n(sequence:\n  file: .*?\n)```", TEXT)[1]
    link.write_text(link.read_text(encoding="utf-8").replace("sequence:\n", named, 1), encoding="utf-8")
    return Path("my-lab")


def test_the_file_of_the_page_is_right_and_runs_on_the_twin(my_lab):
    (my_lab / "my_sequence.py").write_text(RIGHT, encoding="utf-8")
    config = load_link(my_lab)
    assert check(link_round(config), link_wiring(config)) == []
    assert programs(config)["bob"].sections["readout"].length_ps == 20_300_000
    with open_link(str(my_lab), seed=3) as link:
        link.run("run", rounds=3)
    again = load_link("run")
    assert programs(again)["bob"].digest == programs(config)["bob"].digest  # the run keeps the file


def test_the_mistakes_of_the_page_are_found_as_printed(my_lab):
    (my_lab / "my_sequence.py").write_text(WRONG, encoding="utf-8")
    result = CliRunner().invoke(cli, ["sequence", "check", "my-lab", "--node", "bob"])
    assert result.exit_code == 1
    assert result.stdout == FINDINGS


def test_a_leak_is_refused_on_the_twin_too(my_lab):
    (my_lab / "my_sequence.py").write_text(WRONG, encoding="utf-8")
    with pytest.raises(SequenceError, match=r"cannot be run:\n.*input=.*leak"):
        programs(load_link(my_lab))


def play(text, *options):
    Path("my-lab/my_sequence.py").write_text(text, encoding="utf-8")
    return CliRunner().invoke(cli, ["sequence", "play", "my-lab", *options])


def test_the_page_s_play_is_what_it_prints(my_lab):
    result = play(RIGHT, "--seed", "7")
    assert result.exit_code == 0
    assert TIMELINE in result.stdout
    assert "fallback" not in result.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("20 * us + 50 * ns, width_ps=250", "20 * us + 100 * ns, width_ps=200"), "nothing is projected: not all the light that it takes"),
        (('if node == "bob":', "if True:"), "shutter_closed did not come within 20 ms"),
    ],
)
def test_the_page_s_mistakes_show_in_a_play_as_it_says(my_lab, change, said):
    assert change[0] in RIGHT
    assert said in TEXT
    assert said in play(RIGHT.replace(*change), "--seed", "7", "--reveal").stdout


def test_the_page_s_broken_lab_prints_what_it_says(capsys):
    exec(compile(BROKEN_LAB, "page", "exec"), {})  # noqa: S102 - the page's own code
    said = re.search(r"print\(trace.nodes\[\"bob\"\].fallback\)  # (.*)", BROKEN_LAB)[1]
    out = capsys.readouterr().out
    assert out.startswith(said + "\n")
    assert f"fallback output: {said}" in out
