"""``eventready plan``: what a run needs and what key it gives, before it is begun."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.planning import Analysis, OneBasisPlan
    from ..protocol.renyi import TestCredit

_EXPECTED = {"oxford": (2.64, 0.018), "munich": (2.578, 0.078)}
"""S and Q that the published plans and curves are for."""
_NO_RENYI = (
    "--analysis renyi is for oxford only. In the munich protocol as published half of the rounds are announced with their outcomes, and "
    "devices with memory can hide earlier key bits in those: S and Q stay as they are and the key leaks. Its finite key holds against "
    "collective attacks, which is what eventready plan munich computes; docs/explanations/renyi-analysis.md shows the attack."
)
_OTHER = {"oxford": ((2.60, 0.018), (2.68, 0.014), (2.70, 0.015)), "munich": ((2.50, 0.09), (2.65, 0.06))}
_ACCOUNTS: dict[tuple[Analysis, TestCredit], tuple[str, str]] = {
    ("eat2022", 0): ("black", "analysis of 2022"),
    ("renyi", 0): ("tab:blue", "Renyi, r_t = 0"),
    ("renyi", 1): ("tab:red", "Renyi, r_t = 1"),
}
"""The ways to prove the length of a key, each with the colour and the name of its curves."""


@click.command("plan")
@click.argument("game", type=click.Choice(["oxford", "munich"]))
@click.option("--rounds", type=click.IntRange(min=1), help="n; by default 1 500 000 (oxford), 1 000 000 (munich).")
@click.option("--s", "chsh", type=float, help="CHSH value that the link reaches at least; by default that of the publication.")
@click.option("--qber", type=float, help="Error rate that it reaches at most, e.g. 0.018.")
@click.option("--gamma", "test_fraction", default="13/256", show_default=True, help="Share of test rounds (oxford): a dyadic fraction.")
@click.option("--soundness", type=float, help="By default 1e-10 (oxford), 1e-5 (munich).")
@click.option(
    "--analysis",
    type=click.Choice(["eat2022", "renyi"]),
    default="eat2022",
    show_default=True,
    help="What proves the length (oxford): that of the publication, or Renyi accumulation with Toeplitz hashing.",
)
@click.option("--credit", type=click.IntRange(0, 1), default=0, show_default=True, help="1: count on the entropy of test rounds (renyi).")
@click.option("--syndrome", type=click.IntRange(min=0), help="Bits of error correction (oxford), if the code needs others than usual.")
@click.option("--curve", type=click.Path(path_type=Path, dir_okay=False), help="Draw key rate against rounds to this file (SVG, PNG, PDF).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    game: str,
    rounds: int | None,
    chsh: float | None,
    qber: float | None,
    test_fraction: str,
    soundness: float | None,
    analysis: Analysis,
    credit: TestCredit,
    syndrome: int | None,
    curve: Path | None,
    as_json: bool,
) -> None:
    """Plan a run of the OXFORD protocol (one key basis, entropy accumulation) or of the MUNICH protocol (two, collective attacks).

    \b
    Examples:
      eventready plan oxford
      eventready plan oxford --rounds 5000000 --s 2.68 --qber 0.014
      eventready plan oxford --analysis renyi --credit 1 --syndrome 272000
      eventready plan munich --rounds 200000 --curve fig5.svg
    """  # noqa: D301 - \b keeps click from wrapping the examples
    s, q = (given if given is not None else usual for given, usual in zip((chsh, qber), _EXPECTED[game], strict=True))
    if game == "munich":
        if analysis == "renyi":
            raise ConfigError(_NO_RENYI)
        if credit or syndrome is not None:
            raise ConfigError("--credit and --syndrome are for oxford; munich's curve has an efficiency of error correction built in")
    asked = _Options(test_fraction, soundness, analysis, credit)
    facts = _munich(rounds or 1_000_000, s, q, soundness) if game == "munich" else _oxford(rounds or 1_500_000, s, q, asked, syndrome)
    if curve is not None:
        _draw(game, s, q, asked if syndrome is None else dataclasses.replace(asked, efficiency=facts["efficiency_f"]), curve)
        facts["curve"] = str(curve)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    resting_on = facts.pop("assumptions", ())
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):<{width}}  {_text(value)}")
    if resting_on:
        click.echo("\nThe key rests on:")
    for text in resting_on:
        click.echo(textwrap.fill(text, 100, subsequent_indent="    "))


@dataclasses.dataclass(frozen=True)
class _Options:
    """What several parts of a plan need as it was asked for."""

    test_fraction: str
    soundness: float | None
    analysis: Analysis
    credit: TestCredit
    efficiency: float | None = None


def _oxford(rounds: int, s: float, q: float, asked: _Options, syndrome: int | None) -> dict[str, Any]:
    from ..protocol.planning import fewest_one_basis_rounds, plan_one_basis

    gamma, security = _fraction(asked.test_fraction), _security(asked.soundness)
    plan: OneBasisPlan = plan_one_basis(
        rounds,
        s,
        q,
        test_fraction=gamma,
        security=security,
        syndrome_bits=syndrome,
        analysis=asked.analysis,
        test_credit=asked.credit,
    )
    efficiency = None if syndrome is None else plan.efficiency
    fewest = fewest_one_basis_rounds(
        s, q, test_fraction=gamma, security=security, efficiency=efficiency, analysis=asked.analysis, test_credit=asked.credit
    )
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
        "analysis": plan.analysis,
        "extractor": plan.extractor,
        "seed_bits": plan.seed_bits,
        "pre_shared_bits": plan.used_bits,
        "key_bits": plan.key_bits,
        "net_bits": plan.net_bits if plan.key_bits else 0,
        "rate": plan.key_bits / plan.rounds,
        "soundness": plan.security.soundness,
        "key_from_rounds": fewest,
        **_renyi_facts(plan, q, efficiency),
        "assumptions": list(plan.assumptions),
    }


def _renyi_facts(plan: OneBasisPlan, qber: float, efficiency: float | None) -> dict[str, Any]:
    """What a plan by the Renyi analysis says besides; nothing for the other."""
    if plan.renyi is None:
        return {}
    from ..protocol.first_key import fewest_renyi_rounds

    first = fewest_renyi_rounds(8 * plan.winning - 4, qber, security=plan.security, efficiency=efficiency, test_credit=plan.test_credit)
    return {
        "key_from_rounds_at_best_fraction": None if first is None else first[0],
        "best_fraction": None if first is None else f"{first[1]}/256",
        "test_credit": plan.test_credit,
        "order": plan.renyi.order,
        "epsilon_of_verification": plan.renyi.verification,
        "epsilon_of_amplification": plan.renyi.amplification,
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


def _draw(game: str, s: float, q: float, asked: _Options, path: Path) -> None:
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    low, high = (4.9, 9.0) if game == "oxford" else (4.7, 8.0)
    rounds = np.logspace(low, high, 40)
    for link, options, style, color in _lines(game, (s, q), asked):
        rates = [max(0.0, _rate(game, options)(n, *link)) for n in rounds]
        label = f"S = {link[0]:g}, Q = {link[1]:.1%}" + (f", {_account(options)[1]}" if game == "oxford" else "")
        axes.semilogx(rounds, rates, style, color=color, label=label)
    axes.set_xlabel("rounds")
    axes.set_ylabel("key bits a round")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize="small")
    axes.grid(alpha=0.3)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: the curve cannot be written ({error})") from error


def _lines(game: str, link: tuple[float, float], asked: _Options) -> list[tuple[tuple[float, float], _Options, str, str]]:
    """What is drawn: links, options, line styles and colours. Several links as asked for, and this one by the other accounts."""
    own = "black" if game == "munich" else _account(asked)[0]
    lines = [(one, asked, style, own) for one, style in zip((link, *_OTHER[game]), ("-", "--", "-.", ":"), strict=False)]
    if game == "oxford":
        others = [dataclasses.replace(asked, analysis=analysis, credit=credit) for analysis, credit in _ACCOUNTS]
        lines += [(link, options, "-", _account(options)[0]) for options in others if options != asked]
    return lines


def _account(asked: _Options) -> tuple[str, str]:
    return _ACCOUNTS[asked.analysis, asked.credit]


def _rate(game: str, asked: _Options) -> Callable[[float, float, float], float]:
    from ..protocol.finite_key import collective_key_rate
    from ..protocol.planning import one_basis_rate

    if game == "munich":
        return lambda n, s, q: collective_key_rate(n, s, q, soundness=1e-5 if asked.soundness is None else asked.soundness)
    gamma, security = _fraction(asked.test_fraction), _security(asked.soundness)
    return lambda n, s, q: one_basis_rate(
        n,
        s,
        q,
        test_fraction=gamma,
        security=security,
        efficiency=asked.efficiency,
        analysis=asked.analysis,
        test_credit=asked.credit,
    )


def _security(soundness: float | None) -> Any:  # noqa: ANN401 - imported late
    from ..protocol.finite_key import Security

    return Security() if soundness is None else Security.of(soundness)


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
