"""``eventready key``: from a run's two logs to one key, on one machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .key_options import choices, key_options

if TYPE_CHECKING:
    from .key_report import KeyReport


@click.command("key")
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--pool", type=click.Path(path_type=Path), help="Folder of pools from `eventready keys init`; else the run makes its own.")
@key_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
def command(run_dir: Path, pool: Path | None, analysis: str | None, credit: int | None, code: str | None, as_json: bool) -> None:
    """Make a key from the finished key run in RUN_DIR: error correction, Bell test, privacy amplification, authentication.

    Alice and Bob are two state machines that read only their own logs and exchange seven messages. That both logs lie on one machine makes
    it a demonstration; see `eventready session` for two machines. An abort is a normal outcome. A run gives one key or none.

    \b
    Examples:
      eventready run oxford --purpose key --rounds 1500000 --out runs/key
      eventready key runs/key
      eventready key runs/key --analysis renyi
    """  # noqa: D301 - \b keeps click from wrapping the examples
    from ..protocol.run_folder import RunFolder
    from .key_report import print_key_report, write_key_html
    from .key_run import make_key

    report: KeyReport = make_key(RunFolder(run_dir), pool, choices(analysis, credit, code))
    page = run_dir / "key.html"
    write_key_html(report, page)
    if as_json:
        click.echo(json.dumps(_plain(report), indent=2))
    else:
        print_key_report(report)
        click.echo(f"report: {page}")
    if report.result.bob.outcome != "key":
        sys.exit(1)


def _plain(report: KeyReport) -> dict[str, Any]:
    return {
        "outcome": report.result.bob.outcome,
        "reason": report.result.bob.reason,
        "key_bits": report.plan.key_bits if report.result.bob.outcome == "key" else 0,
        "rounds": report.plan.rounds,
        "syndrome_bits": report.plan.syndrome_bits,
        "seed_bits": report.plan.seed_bits,
        "analysis": report.plan.analysis,
        "elapsed_s": report.result.elapsed_s,
        "stages": [stage._asdict() for stage in report.result.stages],
        "assumptions": list(report.plan.assumptions),
    }
