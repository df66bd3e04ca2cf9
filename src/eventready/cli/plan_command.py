"""``eventready plan``: what a run needs and what key it gives, before it is begun."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.planning import OneBasisPlan

_EXPECTED = {"oxford": (2.64, 0.018), "munich": (2.578, 0.078)}
"""S and Q that the published plans and curves are for."""
_OTHER = {"oxford": ((2.60, 0.018), (2.68, 0.014), (2.70, 0.015)), "munich": ((2.50, 0.09), (2.65, 0.06))}


@click.command("plan")
@click.argument("game", type=click.Choice(["oxford", "munich"]))
@click.option("--rounds", type=click.IntRange(min=1), help="n; by default 1 500 000 (oxford), 1 000 000 (munich).")
@click.option("--s", "chsh", type=float, help="CHSH value that the link reaches at least; by default that of the publication.")
@click.option("--qber", type=float, help="Error rate that it reaches at most, e.g. 0.018.")
@click.option("--gamma", "test_fraction", default="13/256", show_default=True, help="Share of test rounds (oxford): a dyadic fraction.")
@click.option("--soundness", type=float, help="By default 1e-10 (oxford), 1e-5 (munich).")
@click.option("--curve", type=click.Path(path_type=Path, dir_okay=False), help="Draw key rate against rounds to this file (SVG, PNG, PDF).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    game: str,
    rounds: int | None,
    chsh: float | None,
    qber: float | None,
    test_fraction: str,
    soundness: float | None,
    curve: Path | None,
    as_json: bool,
) -> None:
    """Plan a run of the OXFORD protocol (one key basis, entropy accumulation) or of the MUNICH protocol (two, collective attacks).

    \b
    Examples:
      eventready plan oxford
      eventready plan oxford --rounds 5000000 --s 2.68 --qber 0.014
      eventready plan munich --rounds 200000 --curve fig5.svg
    """  # noqa: D301 - \b keeps click from wrapping the examples
    s, q = (given if given is not None else usual for given, usual in zip((chsh, qber), _EXPECTED[game], strict=True))
    facts = (
        _oxford(rounds or 1_500_000, s, q, test_fraction, soundness) if game == "oxford" else _munich(rounds or 1_000_000, s, q, soundness)
    )
    if curve is not None:
        _draw(game, s, q, test_fraction, soundness, curve)
        facts["curve"] = str(curve)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):<{width}}  {_text(value)}")


def _oxford(rounds: int, s: float, q: float, test_fraction: str, soundness: float | None) -> dict[str, Any]:
    from ..protocol.planning import fewest_one_basis_rounds, plan_one_basis

    gamma, security = _fraction(test_fraction), _security(soundness)
    plan: OneBasisPlan = plan_one_basis(rounds, s, q, test_fraction=gamma, security=security)
    fewest = fewest_one_basis_rounds(s, q, test_fraction=gamma, security=security)
    return {
        "rounds": plan.rounds,
        "S": s,
        "QBER": q,
        "test_fraction": plan.test_fraction,
        "threshold_of_wins": plan.threshold,
        "most_losses": plan.most_losses,
        "abort_probability": plan.abort_probability,
        "syndrome_bits": plan.syndrome_bits,
        "efficiency_f": plan.efficiency,
        "seed_bits": plan.seed_bits,
        "pre_shared_bits": plan.used_bits,
        "key_bits": plan.key_bits,
        "net_bits": plan.net_bits if plan.key_bits else 0,
        "rate": plan.key_bits / plan.rounds,
        "soundness": plan.security.soundness,
        "key_from_rounds": fewest,
    }


def _munich(rounds: int, s: float, q: float, soundness: float | None) -> dict[str, Any]:
    from ..protocol.bell import MUNICH_GAME
    from ..protocol.entropy import asymptotic_rate, critical_point
    from ..protocol.finite_key import collective_key_rate, fewest_rounds

    epsilon = 1e-5 if soundness is None else soundness
    rate = collective_key_rate(rounds, s, q, soundness=epsilon)
    critical_s, critical_q = critical_point(MUNICH_GAME)
    return {
        "rounds": rounds,
        "S": s,
        "QBER": q,
        "key_bits": max(0, int(rate * rounds)),
        "rate": max(0.0, rate),
        "asymptotic_rate": asymptotic_rate(MUNICH_GAME, s, [q, q]),
        "soundness": epsilon,
        "key_from_rounds": fewest_rounds(lambda n: collective_key_rate(n, s, q, soundness=epsilon)),
        "critical_S": critical_s,
        "critical_QBER": critical_q,
    }


def _draw(game: str, s: float, q: float, test_fraction: str, soundness: float | None, path: Path) -> None:
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    low, high = (5.7, 9.0) if game == "oxford" else (4.7, 8.0)
    rounds = np.logspace(low, high, 40)
    for (one_s, one_q), style in zip(((s, q), *_OTHER[game]), ("-", "--", "-.", ":"), strict=False):
        rates = [max(0.0, _rate(game, test_fraction, soundness)(n, one_s, one_q)) for n in rounds]
        axes.semilogx(rounds, rates, style, color="black", label=f"S = {one_s:g}, Q = {one_q:.1%}")
    axes.set_xlabel("rounds")
    axes.set_ylabel("key bits a round")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: the curve cannot be written ({error})") from error


def _rate(game: str, test_fraction: str, soundness: float | None) -> Callable[[float, float, float], float]:
    from ..protocol.finite_key import collective_key_rate
    from ..protocol.planning import one_basis_rate

    if game == "munich":
        return lambda n, s, q: collective_key_rate(n, s, q, soundness=1e-5 if soundness is None else soundness)
    gamma, security = _fraction(test_fraction), _security(soundness)
    return lambda n, s, q: one_basis_rate(n, s, q, test_fraction=gamma, security=security)


def _security(soundness: float | None) -> Any:  # noqa: ANN401 - imported late
    from ..protocol.finite_key import Security

    usual = Security()
    return (
        usual
        if soundness is None
        else dataclasses.replace(
            usual, soundness=soundness, accumulation=soundness, amplification=usual.amplification * soundness / usual.soundness
        )
    )


def _fraction(text: str) -> float:
    top, _, bottom = text.partition("/")
    try:
        return float(top) / float(bottom or 1)
    except (ValueError, ZeroDivisionError) as error:
        raise ConfigError(f"--gamma {text!r}: write a fraction such as 13/256") from error


def _text(value: object) -> str:
    if value is None:
        return "never"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.8g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
