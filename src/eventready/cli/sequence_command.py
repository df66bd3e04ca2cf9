"""``eventready sequence``: check, draw, compile and play the hardware-timed sequence of a link."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..sequences.language import Item
    from ..sequences.wiring import Wiring
    from ..twin.world import Level
    from .played_rounds import Rounds

_NODE = click.option("--node", type=click.Choice(["alice", "bob", "bsm"]), help="Only what this node does.")
_TARGET = click.option(
    "--target",
    type=click.Choice(["artiq", "pulse-streamer", "moglabs"]),
    help="What if all devices were this one? By default each is what the link file calls it.",
)


@click.group("sequence")
def command() -> None:
    """The hardware-timed part of a round: check it, draw it, compile it for its devices, play it on the twin."""


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


@command.command("play")
@click.argument("link")
@click.option("--rounds", type=click.IntRange(min=1), default=1, show_default=True, help="Heralded rounds.")
@click.option("--seed", type=click.IntRange(min=0), help="Of everything random; a fresh one by default.")
@click.option(
    "--level",
    type=click.Choice(["rounds", "clicks"]),
    default="rounds",
    show_default=True,
    help="Of the twin. rounds: heralds from their closed form. clicks: heralds found by software in photons and dark counts; slower.",
)
@click.option("--reveal", is_flag=True, help="Show inputs, counts and outcomes of the round. For characterisation only.")
def play(link: str, rounds: int, seed: int | None, level: Level, reveal: bool) -> None:
    """Play the sequence of a LINK on the simulated lab, without stations: one round as a time line, or many for rate, S and Q.

    Attempts are sampled, not stepped. What fails after a herald gives the fallback output, and the time line says why. A wait that
    neither the lab nor the other node answers is never answered.

    \b
    Examples:
      eventready sequence play munich --seed 7
      eventready sequence play oxford --rounds 20000
      eventready sequence play my-lab --reveal             with input, counts and outcome
    """  # noqa: D301 - \b keeps click from wrapping the examples
    from ..stations.config import load_link
    from .played_rounds import Rounds
    from .progress import ProgressLine

    if reveal and rounds > 1:
        raise ConfigError("--reveal shows one round; leave out --rounds")
    seed = secrets.randbits(64) if seed is None else seed
    player = Rounds(load_link(link), seed, level)
    if rounds == 1:
        _one_round(player, seed, reveal)
        return
    with ProgressLine() as progress:
        player.many(rounds, progress.show)
    _many_rounds(player, seed)


def _one_round(player: Rounds, seed: int, reveal: bool) -> None:
    from ..twin.trace import timeline

    trace = player.one()
    click.echo(f"seed {seed}; {player.played.unheralded} plays without a herald came before", err=True)
    click.echo(timeline(trace, reveal=reveal), nl=False)


def _many_rounds(player: Rounds, seed: int) -> None:
    from .notation import qber_short, short
    from .progress import duration

    played = player.played
    s, q = player.s_and_q()
    plays = played.unheralded + played.counts.rounds
    click.echo(f"{played.counts.rounds} rounds in {duration(played.simulated_s)} of the experiment's time, {plays} plays, seed {seed}")
    click.echo(f"rate  {played.rate:.4g} /s since the first attempt, loading included")
    click.echo(f"S     {short(s)}")
    click.echo(f"Q     {qber_short(q, player.game)}")
    for party, n in played.fallbacks.items():
        if n:
            click.echo(f"{party}: {n} rounds with the fallback output; look at one with --reveal")


def _described(link: str, target: str | None) -> tuple[Item, Wiring]:
    from ..sequences.rewire import moved_to
    from ..sequences.targets import TARGETS
    from ..stations.config import load_link
    from ..stations.link_sequence import link_round, link_wiring

    config = load_link(link)
    tree, wiring = link_round(config), link_wiring(config)
    return tree, wiring if target is None else moved_to(wiring, TARGETS[target], tree)
