"""``eventready analyse``: statistics of a run, or of a published table of counts."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..errors import ConfigError


@click.command("analyse")
@click.argument("run_dir", required=False, type=click.Path(path_type=Path))
@click.option("--counts", type=click.Path(path_type=Path), help="A CSV table with the columns X, Y, n, n_equal instead of a run.")
@click.option(
    "--game",
    type=click.Choice(["munich", "oxford"]),
    help="Which pairs of settings test and which make key, where the table does not tell.",
)
@click.option("--burn", is_flag=True, help="Look at a simulated key run all the same; no key can be made from it afterwards.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def command(run_dir: Path | None, counts: Path | None, game: str | None, burn: bool, as_json: bool) -> None:
    """Bell statistics and asymptotic key rate of a run, or of a table of counts.

    \b
    Examples:
      eventready analyse runs/munich-20260101-120000
      eventready analyse --counts counts.csv
    """  # noqa: D301 - \b keeps click from wrapping the examples
    from .report_data import collect, from_counts
    from .report_html import to_json, write_html
    from .report_text import print_report

    if (run_dir is None) == (counts is None):
        raise ConfigError("give the folder of a run, or --counts CSV; see eventready analyse --help")
    if run_dir is not None and game is not None:
        raise ConfigError("--game goes with --counts; a run knows which game it plays")
    if counts is not None:
        report = from_counts(counts, game)
    else:
        from ..protocol.run_folder import RunFolder

        folder = RunFolder(Path(str(run_dir)))
        report = collect(folder, burn=burn)
        write_html(report, folder.report)
    if as_json:
        click.echo(json.dumps(to_json(report), indent=2))
    else:
        print_report(report)
