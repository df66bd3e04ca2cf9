"""``eventready keys``: the pre-shared secret bits of the two parties, and the keys that came of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..protocol.authentication import Direction
    from ..protocol.keys.balance import Balance

_POOL = click.argument("pool", type=click.Path(path_type=Path))
_SESSION = click.option("--session", required=True, metavar="HEX", help="Which session's key; eventready keys list names them.")
_SIMULATED = click.option("--simulated", is_flag=True, help="Allow a key from a simulated run, which is worth nothing.")
_WORDS = click.option("--words", type=click.IntRange(min=1), required=True, help="How many for each direction.")


@click.group("keys")
def command() -> None:
    """Key pools: secret bits that both parties share. POOL is the folder of one party's pool.

    \b
    Examples:
      eventready keys init pools
      eventready keys balance pools/alice
      eventready keys export pools/alice --session 3f00... --out keys
    """  # noqa: D301 - \b keeps click from wrapping the examples


@command.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--seed", "seed_bits", type=click.IntRange(min=0), default=1_201_886, show_default=True, help="Bits of the extractor's seed.")
@click.option("--words", type=click.IntRange(min=1), default=2000, show_default=True, help="One-time words (64 bits) for each direction.")
def init(folder: Path, seed_bits: int, words: int) -> None:
    """Make both parties' pools, FOLDER/alice and FOLDER/bob, with equal contents from the operating system's random source.

    By default they last for 1000 sessions of the published protocol; eventready plan says how long a seed a run needs.
    """
    from ..protocol.keys.pool import KeyPool

    KeyPool.create_pair(folder / "alice", folder / "bob", seed_bits=seed_bits, pad_words=words)
    click.echo(f"{folder / 'alice'}\n{folder / 'bob'}")
    click.echo(
        "Carry one of them to its site on a medium that stays in your hands, and delete it here and there. Never copy a pool that has been "
        "used, and never restore one from a backup: a bit used twice betrays what it hides. Keep the folders out of backups.",
        err=True,
    )


@command.command("balance")
@_POOL
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def balance(pool: Path, as_json: bool) -> None:
    """What was pre-shared, what is left, what was gained. It may be asked while a session runs."""
    from ..protocol.keys.balance import balance_of
    from ..protocol.keys.reading import read_ledger

    material, ledger = read_ledger(pool)
    sheet = balance_of(ledger, material.seed_bits)
    if as_json:
        totals = {"before": sheet.before, "after": sheet.after, "net": sheet.net}
        click.echo(json.dumps(dataclasses.asdict(sheet) | totals, indent=2))
        return
    for name, value in _rows(sheet):
        click.echo(f"{name:<44}{value:>12,}")
    if sheet.simulated_bits:
        click.echo(f"{sheet.simulated_bits:,} of the generated bits come from simulated runs and are worth nothing as a key", err=True)


def _rows(sheet: Balance) -> list[tuple[str, int]]:
    return [
        ("extractor seed, can be used again", sheet.seed_bits),
        ("hash key, can be used again", sheet.hash_key_bits),
        ("one-time words", sheet.pad_bits),
        ("pre-shared before (K0)", sheet.before),
        ("one-time words used", -sheet.used_pad_bits),
        ("generated keys", sheet.generated_bits),
        ("after (K1)", sheet.after),
        ("net", sheet.net),
        ("skipped, of the used words", sheet.skipped_pad_bits),
        ("left: one-time words", sheet.unused_pad_bits),
        ("left: generated, not handed out", sheet.untaken_bits),
    ]


@command.command("list")
@_POOL
def list_keys(pool: Path) -> None:
    """The generated keys of a pool: session, bits, bits handed out, and whether simulated. Shows no bit of them."""
    from ..protocol.keys.reading import read_ledger

    for key in read_ledger(pool)[1].generated.values():
        click.echo(f"{key.session.hex()}  {key.bits} bits  {key.taken} handed out{'  simulated' if key.simulated else ''}")


@command.command("export")
@_POOL
@_SESSION
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to, e.g. one that a key server watches.")
@click.option("--size", type=int, default=256, show_default=True, help="Bits of each key, a multiple of 8; what is left over is dropped.")
@_SIMULATED
def export(pool: Path, session: str, out: Path, size: int, simulated: bool) -> None:
    """Hand a session's key out as files SESSION_0.cor, SESSION_1.cor, ... of equal names at both ends. Once, and for good.

    The bits are on record as used before the first file appears: if the export is interrupted, the rest of this key is lost at this end.
    """
    from ..protocol.keys.delivery import deliver, require_deliverable
    from ..protocol.keys.pool import KeyPool

    name = _session(session)
    with KeyPool.open(pool) as held:
        found = next((key for key in held.generated() if key.session == name), None)
        if found is None:
            raise ConfigError(f"{pool}: session {session} has made no key; eventready keys list names those that have")
        left = found.bits - found.taken
        require_deliverable(out, name.hex(), left, simulated=found.simulated, allow_simulated=simulated, key_size_bits=size)
        _require_writable(out)
        key = held.take_generated(name, left)
        paths = deliver(out, name.hex(), key, simulated=found.simulated, allow_simulated=simulated, key_size_bits=size, bits=left)
    click.echo(f"{len(paths)} keys of {size} bits in {out}")


@command.command("refill")
@_POOL
@_SESSION
@_WORDS
@_SIMULATED
def refill(pool: Path, session: str, words: int, simulated: bool) -> None:
    """Turn a part of a generated key into one-time words. Do the same at both ends, in the same order."""
    from ..protocol.keys.pool import KeyPool

    with KeyPool.open(pool) as held:
        held.refill(_session(session), _both(words), allow_simulated=simulated)
    click.echo(f"{words} one-time words more for each direction; now do the same at the other end")


@command.command("skip")
@_POOL
@_WORDS
def skip(pool: Path, words: int) -> None:
    """Give up the next one-time words for good, after the parties have lost track of each other."""
    from ..protocol.keys.pool import KeyPool

    with KeyPool.open(pool) as held:
        held.skip(_both(words))
    click.echo(f"{words} one-time words of each direction are given up")


def _require_writable(folder: Path) -> None:
    """Find out before the bits are taken from the pool for good."""
    from tempfile import TemporaryFile

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    TemporaryFile(dir=folder).close()


def _both(words: int) -> Mapping[Direction, int]:
    from ..protocol.authentication import Direction

    return dict.fromkeys(Direction, words)


def _session(text: str) -> bytes:
    try:
        name = bytes.fromhex(text)
    except ValueError:
        name = b""
    if len(name) != 16:
        raise ConfigError(f"--session {text}: a session's id is 32 hexadecimal digits; eventready keys list shows them")
    return name
