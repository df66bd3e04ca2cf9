"""``eventready config``: check, copy and describe station and link files."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group("config")
def command() -> None:
    """Station and link files: check them, copy a preset's, print their schema."""


@command.command("check")
@click.argument("link")
def check(link: str) -> None:
    """Check all files of a LINK; no instrument is touched.

    \b
    Examples:
      eventready config check munich
      eventready config check lab/
    """  # noqa: D301 - \b keeps click from wrapping the examples
    from ..stations.config import load_link

    config = load_link(link)
    for warning in config.warnings:
        click.echo(f"warning: {warning}", err=True)
    sites = ", ".join(f"{name} ({' and '.join(site.nodes)})" for name, site in config.link.sites.items())
    click.echo(f"{config.link.name}: all files are right; {len(config.link.roles)} roles; sites: {sites}")


@command.command("copy")
@click.argument("link")
@click.argument("directory", type=click.Path(path_type=Path))
def copy(link: str, directory: Path) -> None:
    """Copy the files of a LINK to a DIRECTORY, to be edited for your own lab."""
    from ..stations.config import copy_link

    for path in copy_link(link, directory):
        click.echo(str(path))


@command.command("schema")
@click.option("--station", is_flag=True, help="Of a Station file instead of a link file.")
def schema(station: bool) -> None:
    """Print the JSON Schema, for an editor's completion."""
    from ..stations.config import link_schema, station_schema

    click.echo(json.dumps(station_schema() if station else link_schema(), indent=2))
