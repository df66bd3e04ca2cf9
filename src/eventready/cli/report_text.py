"""The report on the screen."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from .report_html import page_of
from .report_model import RunReport
from .report_page import Page
from .report_tables import Table


def print_report(report: RunReport, console: Console | None = None) -> None:
    """Print the report of a run, as :func:`print_page` does.

    Args:
        report: what to print.
        console: where; standard output by default.
    """
    print_page(page_of(report), console)


def print_page(page: Page, console: Console | None = None) -> None:
    """Print what happened in words, then tables, then what to know about them.

    Pure ASCII where the output is piped or the terminal does not speak UTF-8. Text from files is printed literally: control characters
    are escaped, and markup in it means nothing.

    Args:
        page: what to print.
        console: where; standard output by default.
    """
    console = console or Console()
    fancy = console.is_terminal and console.encoding.lower().startswith("utf")
    console.print(_literal(page.headline, fancy, style="bold"))
    for table in page.tables:
        console.print()
        console.print(_drawn(table, fancy))
        if table.note:
            console.print(_literal(table.note, fancy, style="dim"))
    console.print()
    for note in (*page.cautions, *page.notes):
        item = RichTable.grid(padding=(0, 1))
        item.add_row("*", _literal(note, fancy))
        console.print(item)


def _drawn(table: Table, fancy: bool) -> RichTable:
    drawn = RichTable(
        title=_literal(table.title, fancy),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD if fancy else box.ASCII,
        show_header=bool(table.header),
    )
    for number, head in enumerate(table.header or [""] * len(table.rows[0])):
        drawn.add_column(_literal(head, fancy), justify="right" if number else "left", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(_literal(cell, fancy) for cell in row))
    return drawn


def _literal(text: str, fancy: bool, style: str = "") -> Text:
    printable = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    return Text(printable if fancy else printable.encode("ascii", "backslashreplace").decode("ascii"), style=style)
