"""Options of whoever makes a key: what may differ from the link file."""

from __future__ import annotations

from collections.abc import Callable

import click

_OPTIONS = (
    click.option("--analysis", type=click.Choice(["eat2022", "renyi"]), help="Which proof the length rests on, if not the link file's."),
    click.option("--credit", type=click.IntRange(0, 1), help="r_t of the Renyi analysis: 1 rests on a lemma that is not proven."),
    click.option("--code", type=click.Choice(["paper", "shipped"]), help="How much error correction reveals, if not the link file's."),
)


def key_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options; both parties of a session must choose the same."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def choices(analysis: str | None, credit: int | None, code: str | None) -> dict[str, str | int]:
    """Those that were given, for :func:`~eventready.stations.key_plan.plan_session`."""
    asked: dict[str, str | int | None] = {"analysis": analysis, "credit": credit, "code": code}
    return {name: value for name, value in asked.items() if value is not None}
