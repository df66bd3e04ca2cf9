"""``eventready export``: one party's rounds for other programs."""

from __future__ import annotations

from pathlib import Path

import click

_SUFFIX = {"csv": ".csv", "parquet": ".parquet", "netcdf": ".nc"}


@click.command("export")
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--party", type=click.Choice(["alice", "bob", "public"]), required=True, help="Whose rounds.")
@click.option("--format", "form", type=click.Choice(sorted(_SUFFIX)), default="csv", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="File to write; by default PARTY.csv and so on in the current folder.")
def command(run_dir: Path, party: str, form: str, out: Path | None) -> None:
    """Export one party's rounds. Alice's and Bob's files hold settings and outcomes: keep them as private as the logs.

    \b
    Example:
      eventready export runs/first --party alice --format parquet
    """  # noqa: D301 - \b keeps click from wrapping the example
    from ..protocol.export import export

    target = out or Path(party + _SUFFIX[form])
    export(run_dir, party, form, target)
    click.echo(str(target))
