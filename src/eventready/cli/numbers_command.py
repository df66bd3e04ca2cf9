"""``eventready numbers``: what the two papers print beside what is worked out here."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..protocol.published import Number


_PIPED_WIDTH = 170
"""Characters a line where nobody knows how wide the paper is: formulas are not broken then."""


@click.command("numbers")
@click.option("--markdown", is_flag=True, help="As a table for a document.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(markdown: bool, as_json: bool) -> None:
    """Work out the numbers of both papers, and show paper, ours, ratio and formula. Exit code 1 if one does not agree.

    \b
    Examples:
      eventready numbers
      eventready numbers --markdown > numbers.md
    """  # noqa: D301 - \b keeps click from wrapping the examples
    from ..protocol.published import published_numbers

    numbers = published_numbers()
    if as_json:
        click.echo(json.dumps([_plain(number) for number in numbers], indent=2))
    elif markdown:
        click.echo(as_markdown(numbers))
    else:
        _print(numbers)
    if not all(number.agrees for number in numbers):
        sys.exit(1)


def as_markdown(numbers: tuple[Number, ...]) -> str:
    """The table in Markdown."""
    lines = ["| number | paper | ours | ratio | formula |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(_cells(number))} |" for number in numbers)])


def _print(numbers: tuple[Number, ...]) -> None:
    from rich.console import Console

    from .report_page import Page
    from .report_tables import Table
    from .report_text import print_page

    wrong = [number.name for number in numbers if not number.agrees]
    headline = f"{len(numbers)} numbers; " + (
        f"not as printed: {', '.join(wrong)}" if wrong else "all as printed, within what the formulas allow"
    )
    table = Table("Paper and ours", ("", "paper", "ours", "ratio", "formula"), tuple(map(_cells, numbers)))
    console = Console()
    print_page(Page("numbers", headline, (), (table,), (), ""), console if console.is_terminal else Console(width=_PIPED_WIDTH))


def _cells(number: Number) -> tuple[str, str, str, str, str]:
    paper = "-" if number.paper is None else _shown(number.paper, number.digits)
    ratio = "-" if number.ratio is None else f"{number.ratio:.5f}"
    return number.name, paper, _shown(number.ours, number.digits), ratio, number.formula


def _shown(value: float, digits: int) -> str:
    if value == int(value) or value >= 1e5:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def _plain(number: Number) -> dict[str, object]:
    return {"name": number.name, "paper": number.paper, "ours": number.ours, "ratio": number.ratio, "formula": number.formula}
