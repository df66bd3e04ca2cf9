"""``eventready drivers``: the devices that there are drivers for."""

from __future__ import annotations

import json

import click

_COLUMNS = ("role", "vendor", "model", "transport", "simulator", "driver", "verified")


@click.command("drivers")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the drivers: role, device, transport, whether its device can be simulated, and how far each has been verified.

    Those of installed packages are among them. The name for eventready probe is the last part of the driver's path, or the model.

    \b
    Examples:
      eventready drivers
      eventready drivers --json
    """  # noqa: D301 - \b keeps click from wrapping the examples
    from ..stations.catalogue import devices

    rows = [
        {
            "role": row.role,
            "vendor": row.vendor,
            "model": row.model,
            "transport": row.transport,
            "simulator": row.simulator,
            "driver": row.driver,
            "parts": list(row.parts),
            "verified": row.verified,
        }
        for row in devices()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    table = [_COLUMNS, *(tuple(_cell(name, row[name]) for name in _COLUMNS) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(column: str, value: object) -> str:
    if column == "simulator":
        return "yes" if value else "no"
    return str(value) or "-"
