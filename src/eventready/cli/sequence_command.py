"""``eventready sequence``: check, draw and compile the hardware-timed sequence of a link."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..sequences.language import Item
    from ..sequences.wiring import Wiring

_NODE = click.option("--node", type=click.Choice(["alice", "bob", "bsm"]), help="Only what this node does.")
_TARGET = click.option(
    "--target",
    type=click.Choice(["artiq", "pulse-streamer", "moglabs"]),
    help="What if all devices were this one? By default each is what the link file calls it.",
)


@click.group("sequence")
def command() -> None:
    """The hardware-timed part of a round: check it, draw it, compile it for its devices."""


@command.command("check")
@click.argument("link")
@_TARGET
@_NODE
def check(link: str, target: str | None, node: str | None) -> None:
    """Say everything that is wrong with the sequence of a LINK, and what of it leaks; exit code 1 if there is anything.

    \b
    Examples:
      eventready sequence check munich
      eventready sequence check munich --target artiq      would it run on the entangler?
    """  # noqa: D301 - \b keeps click from wrapping the examples
    from ..sequences.check import check as find

    tree, wiring = _described(link, target)
    found = [str(one) for one in find(tree, wiring) if node is None or node in str(one)]
    for text in found:
        click.echo(text)
    if found:
        click.echo(f"{len(found)} finding{'s' if len(found) != 1 else ''}", err=True)
        sys.exit(1)
    devices = ", ".join(f"{device} ({kind})" for device, kind in wiring.devices.items())
    click.echo(f"nothing found; {len(wiring.lines)} lines on {devices}")


@command.command("draw")
@click.argument("link")
@_NODE
@click.option("--attempt", is_flag=True, help="One attempt instead of the whole round.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A file that ends in .svg or .png; by default text.")
def draw(link: str, node: str | None, attempt: bool, out: Path | None) -> None:
    """Draw the sequence of a LINK: every line at the atom and at its port.

    \b
    Examples:
      eventready sequence draw oxford --node bob
      eventready sequence draw munich --attempt --out attempt.svg
    """  # noqa: D301 - \b keeps click from wrapping the examples
    tree, wiring = _described(link, None)
    if out is None:
        from ..sequences.text_form import text_form

        click.echo(text_form(tree, wiring, node=node, attempt_only=attempt), nl=False)
        return
    if out.suffix.lower() not in (".svg", ".png"):
        raise ConfigError(f"--out {out}: a drawing is a .svg or a .png")
    from ..sequences.draw import figure, write

    write(figure(tree, wiring, node=node, attempt_only=attempt), out)
    click.echo(str(out))


@command.command("compile")
@click.argument("link")
@_TARGET
@_NODE
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A text file; by default the screen.")
def compile_(link: str, target: str | None, node: str | None, out: Path | None) -> None:
    """Compile the sequence of a LINK: registers, steps and RF tables, device by device.

    \b
    Examples:
      eventready sequence compile oxford --node bsm
      eventready sequence compile munich --out tables.txt
    """  # noqa: D301 - \b keeps click from wrapping the examples
    from ..sequences.compile import compile as compile_for
    from ..sequences.listing import listing
    from ..sequences.targets import TARGETS

    tree, wiring = _described(link, target)
    chosen = wiring if node is None else wiring.of_node(node)
    parts = []
    for device, kind in chosen.devices.items():
        if kind not in TARGETS:
            raise ConfigError(f"sequence.devices.{device}: there is no kind of device {kind!r}; it is one of {', '.join(TARGETS)}")
        compiled = compile_for(tree, wiring.of_device(device), TARGETS[kind])
        parts.append(f"== {device}, {TARGETS[kind].title}\n{listing(compiled)}")
    text = "\n".join(parts)
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8", newline="\n")
        click.echo(str(out))


def _described(link: str, target: str | None) -> tuple[Item, Wiring]:
    from ..sequences.rewire import moved_to
    from ..sequences.targets import TARGETS
    from ..stations.config import load_link
    from ..stations.link_sequence import link_round, link_wiring

    config = load_link(link)
    tree, wiring = link_round(config), link_wiring(config)
    return tree, wiring if target is None else moved_to(wiring, TARGETS[target], tree)
