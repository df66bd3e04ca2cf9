"""``eventready run``: rounds, progress, report."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..protocol.run_folder import RunFolder
    from ..stations.engine import RunResult
    from ..stations.link import Link
    from .progress import ProgressLine


@click.command("run")
@click.argument("link", required=False)
@click.option("--rounds", type=click.IntRange(min=1), help="Accepted heralds to stop at; by default what the link file plans.")
@click.option(
    "--purpose",
    type=click.Choice(["characterise", "key"]),
    default="characterise",
    show_default=True,
    help="characterise: S and Q are shown, and no key can be made. key: nothing joint is looked at.",
)
@click.option(
    "--hardware",
    type=click.Choice(["twin", "wire", "real"]),
    default="twin",
    show_default=True,
    help="twin: in memory. wire: real drivers against device simulators. real: the instruments in the Station files.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Of the twin; a fresh one by default.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; by default runs/LINK-TIME.")
@click.option("--resume", type=click.Path(path_type=Path, file_okay=False), help="Go on with the interrupted run in this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
@click.pass_context
def command(
    context: click.Context,
    link: str | None,
    rounds: int | None,
    purpose: str,
    hardware: str,
    seed: int | None,
    out: Path | None,
    resume: Path | None,
    as_json: bool,
) -> None:
    """Run rounds on a LINK: a preset's name, a folder, or the path of a link file.

    Ends with a report on the screen and in report.html. Ctrl-C finishes the round in hand; the run can then be resumed.

    \b
    Examples:
      eventready run munich
      eventready run oxford --rounds 100000 --seed 7 --out runs/first
      eventready run --resume runs/first
    """  # noqa: D301 - \b keeps click from wrapping the examples
    from .progress import ProgressLine

    if (link is None) == (resume is None):
        raise ConfigError("give a LINK to run, or --resume RUN; see eventready run --help")
    settled = [f"--{name}" for name in ("rounds", "purpose", "hardware", "seed", "out") if _is_given(context, name)]
    if resume is not None and settled:
        raise ConfigError(f"--resume goes on with a run as it was begun; leave out {', '.join(settled)}")
    with ProgressLine() as progress:
        if resume is not None:
            result = _resume(resume, progress)
        else:
            result = _run(str(link), rounds, purpose, hardware, seed, out, progress)
    if result.stopped:
        click.echo(
            f'stopped after {result.rounds} of {result.goal} rounds; go on with: eventready run --resume "{result.folder.path}"', err=True
        )
        sys.exit(1)
    _report(result, as_json)


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT


def _run(
    link: str, rounds: int | None, purpose: str, hardware: str, seed: int | None, out: Path | None, progress: ProgressLine
) -> RunResult:
    from ..protocol.run_folder import RunFolder
    from ..stations.link import open_link

    if out is not None:
        RunFolder.require_free(out)  # before any instrument is opened
    with open_link(link, hardware=hardware, seed=seed) as opened:
        for warning in opened.config.warnings:
            click.echo(f"warning: {warning}", err=True)
        folder = out or Path("runs") / time.strftime(f"{opened.name}-%Y%m%d-%H%M%S")
        click.echo(_stands_behind(opened), err=True)
        with _stop_on_interrupt(opened):
            return opened.run(folder, rounds=rounds, purpose=purpose, on_progress=progress.show)


def _resume(path: Path, progress: ProgressLine) -> RunResult:
    from ..protocol.run_folder import RunFolder
    from ..stations.resume import resume_link

    folder = RunFolder(path)
    with resume_link(folder) as opened:
        click.echo(_stands_behind(opened), err=True)
        with _stop_on_interrupt(opened):
            return opened.resume(folder, on_progress=progress.show)


def _stands_behind(link: Link) -> str:
    """Say what stands behind the roles."""
    return f"{link.name}: " + "\n  ".join(link.describe_hardware())


@contextmanager
def _stop_on_interrupt(link: Link) -> Iterator[None]:
    """Ctrl-C finishes the round in hand; a second one breaks off at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        click.echo("\nfinishing the round in hand; Ctrl-C again to break off at once", err=True)
        link.request_stop("Ctrl-C")

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _report(result: RunResult, as_json: bool) -> None:
    from .report_data import collect
    from .report_html import to_json, write_html
    from .report_text import print_report

    report = collect(result.folder)
    write_html(report, result.folder.report)
    if as_json:
        click.echo(json.dumps({"run": _summary(result), **to_json(report)}, indent=2))
    else:
        print_report(report)
        click.echo(f"{result.rounds_per_s:,.0f} rounds a second of real time, {result.elapsed_s:.1f} s")
        click.echo(f"report: {result.folder.report}")


def _summary(result: RunResult) -> dict[str, object]:
    folder: RunFolder = result.folder
    return {
        "folder": str(folder.path),
        "rounds": result.rounds,
        "simulated_s": result.simulated_s,
        "elapsed_s": result.elapsed_s,
        "rounds_per_s": result.rounds_per_s,
        "vetoes": result.vetoes,
    }
