"""The command line: ``eventready``. Commands load what they need when they are called, so that ``--help`` is fast."""

from __future__ import annotations

import logging
import sys
from importlib import import_module

import click

from ..errors import ConfigError, EventreadyError

_COMMANDS = {
    "run": "run_command",
    "analyse": "analyse_command",
    "export": "export_command",
    "config": "config_command",
    "sequence": "sequence_command",
    "list": "list_command",
    "drivers": "drivers_command",
    "probe": "probe_command",
    "plan": "plan_command",
    "numbers": "numbers_command",
    "key": "key_command",
    "session": "session_command",
    "keys": "keys_command",
    "simulate": "simulate_command",
    "warmup": "warmup_command",
}


_HELP = ["-h", "--help"]


class _Commands(click.Group):
    """A group that imports a command's module when the command is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f".{_COMMANDS[cmd_name]}", __name__).command
        # click keeps a command's help option once made, so it must not depend on the context of the first call.
        command.context_settings["help_option_names"] = _HELP
        return command


@click.command(cls=_Commands, context_settings={"help_option_names": _HELP})
@click.option("-v", "--verbose", is_flag=True, help="Show the log on the screen, too.")
@click.version_option(package_name="eventready")
def cli(verbose: bool) -> None:
    """Stations of an event-ready entanglement link, and device-independent keys from their rounds.

    \b
    Examples:
      eventready list                      what there is
      eventready run munich                both stations of the Munich link, on the digital twin
      eventready run oxford --rounds 100000
      eventready analyse runs/munich-...   statistics and report of a run
      eventready plan oxford               what a key run needs and gives
      eventready key runs/oxford-...       from a key run to the key
      eventready config copy munich lab/   the files to edit for your own lab
      eventready sequence draw munich      the hardware-timed part of a round
      eventready probe COM5 --driver SC10  look at one device
      eventready keys init pools           the secret bits that both parties share beforehand
      eventready warmup                    compile now what else is compiled at first use
    """  # noqa: D301 - \b keeps click from wrapping the examples
    logging.getLogger("eventready").setLevel(logging.INFO)
    for name in ("eventready", "qcodes"):
        logging.getLogger(name).addHandler(logging.NullHandler())  # else Python prints warnings, with tracebacks, on its own
    if verbose:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        logging.getLogger("eventready").addHandler(handler)


def main() -> None:
    """Run the command line; exit code 0: done, 1: ended without a result, 2: wrong input."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a character must not end a run
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(1)
    except ConfigError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    except EventreadyError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"error: {error.filename or 'system'}: {error.strerror or error}", err=True)
        sys.exit(1)
