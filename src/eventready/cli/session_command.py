"""``eventready session``: one party of a session, on a machine of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError
from .key_options import choices, key_options

if TYPE_CHECKING:
    from ..protocol.session.channel import Channel
    from ..protocol.session.machine import Machine
    from ..protocol.session.plan import SessionPlan

_PATIENCE_S = 600.0


@click.group("session")
def command() -> None:
    """Make a key from a run whose logs lie on two machines, Alice's and Bob's.

    One of the two listens, the other one connects. A broken session goes on where it was when both commands are given again.

    \b
    Examples:
      eventready session certificate alice          makes alice.crt (give it to Bob) and alice.key
      eventready session alice runs/key --pool pools/alice --listen 0.0.0.0:7700 \\
          --certificate alice.crt --key alice.key --peer bob.crt
      eventready session bob runs/key --pool pools/bob --connect lab1:7700 \\
          --certificate bob.crt --key bob.key --peer alice.crt
    """  # noqa: D301 - \b keeps click from wrapping the examples


@command.command("certificate")
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=".", show_default=True, help="Where to.")
def certificate(name: str, folder: Path) -> None:
    """Make NAME.crt, to be given to the other party, and NAME.key, to be kept."""
    from ..protocol.session.certificate import make_certificate

    if not name.isidentifier():
        raise ConfigError(f"{name!r}: a name of letters, digits and underscores is needed")
    for path in make_certificate(name, folder):
        click.echo(path)


def _party(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """The options that both parties have."""
    path = click.Path(path_type=Path, dir_okay=False)
    options = (
        click.argument("run_dir", type=click.Path(path_type=Path, file_okay=False)),
        click.option("--pool", required=True, type=click.Path(path_type=Path, file_okay=False), help="This party's key pool."),
        click.option("--listen", help="HOST:PORT to wait at; port 0 takes a free one and says which."),
        click.option("--connect", help="HOST:PORT where the other party listens."),
        click.option("--certificate", required=True, type=path, help="This party's certificate."),
        click.option("--key", required=True, type=path, help="Its private key."),
        click.option("--peer", required=True, type=path, help="The other party's certificate."),
        key_options,
        click.option("--patience", type=float, default=_PATIENCE_S, show_default=True, help="Seconds to wait for the other party."),
    )

    def decorate(function: Callable[..., None]) -> click.Command:
        for option in reversed(options):
            function = option(function)
        return command.command(name)(function)

    return decorate


@_party("alice")
def alice(**options: Any) -> None:  # noqa: ANN401 - click's
    """Alice's part, with RUN_DIR holding her log, the run's link.yaml and its manifest."""
    from ..protocol.session.alice import Alice

    _serve(Alice, **options)


@_party("bob")
def bob(**options: Any) -> None:  # noqa: ANN401 - click's
    """Bob's part, with RUN_DIR holding his log, the run's link.yaml and its manifest."""
    from ..protocol.session.bob import Bob

    _serve(Bob, **options)


def _serve(
    kind: type[Machine],
    *,
    run_dir: Path,
    pool: Path,
    listen: str | None,
    connect: str | None,
    certificate: Path,
    key: Path,
    peer: Path,
    analysis: str | None,
    credit: int | None,
    code: str | None,
    patience: float,
) -> None:
    from ..protocol.keys.pool import KeyPool
    from ..protocol.run_folder import RunFolder, load_run
    from ..protocol.session.both import transcript_of
    from ..protocol.session.channel import converse
    from ..protocol.session.rounds import PartyRounds
    from ..protocol.session.tls import Identity
    from ..stations.key_plan import plan_session

    if (listen is None) == (connect is None):
        raise ConfigError("give either --listen or --connect; the other party gives the other one")
    folder, party = RunFolder(run_dir), kind.party
    plan, _ = plan_session(folder, party, **choices(analysis, credit, code))
    rounds = PartyRounds.of(load_run(folder.path, party), plan)
    with KeyPool.open(pool) as opened:
        machine = kind(plan, rounds, opened, transcript_of(folder, party), on_stage=_tell)
        line = _line(listen, connect, Identity(certificate, key, peer), plan, patience)
        try:
            converse(machine, line)
        finally:
            line.close()
    ending = machine.ending
    if ending is None or ending.outcome != "key":
        click.echo(f"no key: {ending.outcome if ending else 'not ended'} ({ending.reason if ending else ''})")
        sys.exit(1)
    click.echo(f"{ending.reason} of {'simulated ' if plan.simulated else ''}key are in {pool}")


def _line(listen: str | None, connect: str | None, identity: Any, plan: SessionPlan, patience: float) -> Channel:  # noqa: ANN401 - imported late
    from ..protocol.session.tls import Listener, call

    if connect is not None:
        return call(_address(connect), identity, plan, patience)
    listener = Listener(_address(str(listen)), identity, patience)
    try:
        click.echo("listening at {}:{}".format(*listener.address), err=True)
        return listener.accept(plan)
    finally:
        listener.close()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"{text!r}: write an address as HOST:PORT, such as 127.0.0.1:7700")
    return host, int(port)


def _tell(stage: str, share: float) -> None:
    if share >= 1:
        click.echo(stage, err=True)
