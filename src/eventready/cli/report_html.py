"""The report for the run's folder: one HTML file that needs nothing else, and JSON for other programs."""

from __future__ import annotations

import dataclasses
import html
import re
from pathlib import Path

from ..errors import ConfigError
from ..protocol.durable_file import write_atomic
from .figures import Plot, plots
from .report_model import RunReport
from .report_page import Page
from .report_tables import Table, tables
from .report_words import cautions, headline, notes

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.2rem; color: #555; font-weight: 600; margin: 0; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
.headline { font-size: 1.3rem; line-height: 1.4; margin: .4rem 0 1rem; }
.cautions { border-left: 4px solid #d55e00; background: #fdf5ef; padding: .6rem 1rem .6rem 1.8rem; }
.notes { margin: 2rem 0; padding-left: 1.2rem; }
li { margin: .25rem 0; font-size: .92rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .9rem .2rem 0; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid #888; }
td { overflow-wrap: anywhere; }
figure { margin: 0; }
svg { width: 100%; height: auto; }
figcaption, .small { font-size: .85rem; color: #555; }
@media print {
  body { font-size: 10pt; margin: 0; max-width: none; }
  figure, table, .cautions { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""


def write_html(report: RunReport, path: Path) -> None:
    """Write the report; whoever opens the file finds the whole of it, or the one before.

    Raises:
        ConfigError: the file cannot be written.
    """
    write_page(render(report), path)


def write_page(page: str, path: Path) -> None:
    """Write a page; whoever opens the file finds the whole of it, or the one before.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        write_atomic(path, page.encode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot write the report ({error.strerror}); the run itself is not affected") from error


def render(report: RunReport) -> str:
    """The page of a run, with its figures."""
    return render_page(page_of(report), plots(report))


def page_of(report: RunReport) -> Page:
    """The words and tables of a run's report."""
    name = report.public.link if report.public is not None else Path(report.source).name
    return Page(name, headline(report), cautions(report), tables(report), notes(report), report.source)


def render_page(page: Page, figures: tuple[Plot, ...]) -> str:
    """A page: figures inlined, no script, nothing loaded from anywhere; text from files is escaped."""
    name = page.name
    parts = [
        f"<h1>{_text(f'eventready report: {name}')}</h1>",
        f'<p class="headline">{_text(page.headline)}</p>',
        _list("cautions", page.cautions),
        *(_figure(number, plot) for number, plot in enumerate(figures, start=1)),
        *(_table(table) for table in page.tables),
        _list("notes", page.notes),
        f'<p class="small">{_text(page.source)}</p>',
    ]
    body = "\n".join(parts)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(name)}: eventready report</title>
<style>{_STYLE}</style>
</head>
<body>
{body}
</body>
</html>
"""


def to_json(report: RunReport) -> dict[str, object]:
    """The report with JSON types only. The curves of the figures are left out: they follow from the logs."""
    joint, public = report.joint, report.public
    return {
        "headline": headline(report),
        "notes": [*cautions(report), *notes(report)],
        "source": report.source,
        "public": None if public is None else dataclasses.asdict(public) | {"rounds_per_hour": public.rounds_per_hour},
        "patterns": [dataclasses.asdict(pattern) for pattern in report.patterns],
        "analysis": None if joint is None else joint.analysis.to_dict(),
        "flagged_rounds": None if joint is None else joint.flagged_rounds,
        "flags": None
        if joint is None
        else [{"party": count.party, "flag": (count.flag.name or "").lower(), "rounds": count.rounds} for count in joint.flags],
        "alarms": [dataclasses.asdict(alarm) for alarm in report.alarms],
        "preset": None if joint is None or joint.preset is None else _plain(dataclasses.asdict(joint.preset)),
    }


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _text(text: str) -> str:
    return html.escape(text, quote=True)


def _list(kind: str, sentences: tuple[str, ...]) -> str:
    if not sentences:
        return ""
    items = "\n".join(f"<li>{_text(sentence)}</li>" for sentence in sentences)
    return f'<ul class="{kind}">\n{items}\n</ul>'


def _figure(number: int, plot: Plot) -> str:
    svg = _with_own_ids(plot.svg, f"figure{number}-")
    return (
        f"<h2>{_text(plot.title)}</h2>\n"
        f'<figure role="img" aria-label="{_text(plot.title)}">\n{svg}\n<figcaption>{_text(plot.caption)}</figcaption>\n</figure>'
    )


def _with_own_ids(svg: str, prefix: str) -> str:
    """Two figures on one page must not answer to the same names."""
    return re.sub(r'(\bid="|href="#|url\(#)', lambda match: match[1] + prefix, svg)


def _table(table: Table) -> str:
    cells = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in table.header)
    head = f"<thead><tr>{cells}</tr></thead>\n" if table.header else ""
    rows = "\n".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    note = f'\n<p class="small">{_text(table.note)}</p>' if table.note else ""
    return f'<h2>{_text(table.title)}</h2>\n<div class="wide"><table>\n{head}<tbody>\n{rows}\n</tbody>\n</table></div>{note}'
