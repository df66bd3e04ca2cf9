"""``eventready list``: what there is."""

from __future__ import annotations

import click


@click.command("list")
def command() -> None:
    """List the links that come with the package, the twin's presets, and the roles with what stands behind them."""
    from ..stations.catalogue import TWIN_ROLES, devices
    from ..stations.config import link_names, load_link
    from ..twin.physics.preset import load_preset, preset_names

    click.echo("links (eventready run LINK):")
    for name in link_names():
        link = load_link(name).link
        click.echo(f"  {name:<20} {link.platform}, twin preset {link.preset}, {len(link.roles)} roles")
    click.echo("presets of the twin (preset: in a link file):")
    for name in preset_names():
        preset = load_preset(name)
        click.echo(f"  {name:<20} {' '.join(preset.note.split())[:100]}")
    click.echo("roles:")
    drivers = {role: [device.driver for device in devices() if device.role == role] for role in TWIN_ROLES}
    for role, twin in TWIN_ROLES.items():
        click.echo(f"  {role:<22} {', '.join(drivers[role]) or 'no driver yet'}; twin: {twin.rpartition('.')[2]}")
