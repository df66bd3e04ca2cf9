"""The report on the screen."""

import dataclasses
import io

import pytest
from rich.console import Console

from eventready.cli.report_data import collect
from eventready.cli.report_text import print_report


def printed(report, **console):
    encoding = console.pop("encoding", "utf-8")
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    print_report(report, Console(file=file, width=console.pop("width", 80), **console))
    file.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("name", ["munich", "oxford", "key", "counts"])
def test_piped_output_is_plain(name, request):
    text = printed(request.getfixturevalue(f"{name}_report"))
    assert text.isascii()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_first_line_says_what_happened(munich_report, key_report):
    assert printed(munich_report).startswith("munich (simulated): 150 rounds in ")
    assert printed(key_report).startswith("oxford (simulated): 500 rounds in ")


def test_a_terminal_gets_lines_and_bold(munich_report):
    text = printed(munich_report, force_terminal=True)
    assert "\N{BOX DRAWINGS LIGHT HORIZONTAL}" in text
    assert "\x1b[1m" in text
    assert printed(munich_report, force_terminal=True, encoding="latin-1").isascii()


def test_cells_are_not_broken(oxford_report):
    text = printed(oxford_report)
    for pattern in oxford_report.patterns:
        assert f"| {pattern.clicks}: {pattern.state} |" in text


def test_text_from_files_is_printed_literally(munich_report):
    evil = dataclasses.replace(munich_report.public, link="[red]a\x1b[2Jb", noted={"host": "\N{DEGREE SIGN}\r[bold]"})
    report = dataclasses.replace(munich_report, public=evil)
    text = printed(report)
    assert text.startswith(r"[red]a\x1b[2Jb (simulated)")
    assert r"\xb0\r[bold]" in text
    assert "\x1b[2J" not in printed(report, force_terminal=True)


def test_a_run_without_a_round_can_be_shown(make_munich):
    text = printed(collect(make_munich(0, finish=False, goal=50)))
    assert text.startswith("munich (simulated): 0 of 50 rounds in 0.0 s of simulated time. S cannot be told")


def test_it_goes_to_standard_output(counts_report, capsys):
    print_report(counts_report)
    assert capsys.readouterr().out.startswith("counts.csv: 2,503 rounds. S = 2.578(76)")
