"""``eventready simulate``: what the twin would deliver, in files for other programs."""

from __future__ import annotations

import math
import secrets
import time
from pathlib import Path

import click

from ..errors import ConfigError

_TELL_EVERY_S = 0.5


@click.group("simulate")
def command() -> None:
    """Simulated data in files: time tags of a link."""


@command.command("tags")
@click.argument("link")
@click.option("--seconds", type=float, required=True, help="Length of the stream, of the experiment's time.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write (.ptu); it must not exist.")
@click.option("--seed", type=click.IntRange(min=0), help="A fresh one by default.")
def tags(link: str, seconds: float, out: Path, seed: int | None) -> None:
    """Write the time tags of a LINK's attempts: a PicoQuant T2 file (.ptu), which other people's readers open.

    The sync input is the reference edge of each attempt; inputs 1 to 4 are the detectors cH, cV, dH, dV. Photons, dark counts, jitter and
    dead time are those of the link's preset, gates and periods those of its sequence. Both traps hold their particles all the time. The
    heralds are counted by a search in these very tags.

    \b
    Examples:
      eventready simulate tags oxford --seconds 10 --out oxford.ptu
      eventready simulate tags my-lab --seconds 60 --seed 7 --out tags.ptu
    """  # noqa: D301 - \b keeps click from wrapping the examples
    from ..sequences.herald_search import HeraldSearch
    from ..sequences.ptu import write_ptu
    from ..stations.config import load_link
    from ..stations.tag_simulation import tag_stream

    if not (seconds > 0 and math.isfinite(seconds)):
        raise ConfigError(f"--seconds {seconds:g}: a stream lasts a positive time")
    config = load_link(link)
    seed = secrets.randbits(64) if seed is None else seed
    stream, rule = tag_stream(config, seed)
    search = HeraldSearch(rule, source=config.link.name)
    count = heralds = 0
    told = begun = time.perf_counter()
    with write_ptu(out, comment=f"eventready simulate tags: {config.link.name}, preset {config.link.preset}, seed {seed}") as file:
        for block in stream.blocks(seconds):
            file.write(block.times_ps, block.channels)
            heralds += len(search.feed(block.times_ps, block.channels))
            count += len(block.times_ps)
            if time.perf_counter() - told >= _TELL_EVERY_S:
                told = time.perf_counter()
                done = int(block.times_ps[-1]) * 1e-12
                left = (told - begun) * (seconds - done) / done
                click.echo(f"\r{done / seconds:4.0%}  {count / 1e6:,.1f} million tags  {left:.0f} s to go ", err=True, nl=False)
        heralds += len(search.finish())
    if told != begun:
        click.echo("\r" + " " * 60 + "\r", err=True, nl=False)
    references = search.counters.references
    click.echo(
        f"{out}: {seconds:g} s of {config.link.name}, {count:,} tags ({references:,} reference edges), {heralds:,} heralds, "
        f"{out.stat().st_size / 1e6:,.1f} MB, seed {seed}"
    )
