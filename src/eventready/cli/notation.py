"""Numbers as physicists print them. What could not be computed is a dash."""

from __future__ import annotations

from ..protocol.bell import BellGame
from ..protocol.estimate import Estimate


def short(estimate: Estimate | None) -> str:
    """Value and standard error in the parenthesis notation of both papers, e.g. ``2.578(76)``, ``0.0781(127)``.

    The error has two digits, or three where the first is a 1, so that rounding changes it by less than 3 %. An error of 0 means that
    all rounds agreed, not that the number is exact; then the 95 % interval stands in the parenthesis: ``0(0 to 0.161)``.
    """
    if estimate is None:
        return "-"
    if estimate.sigma == 0:
        return f"{estimate.value:g}({interval(estimate)})"
    decimals = _decimals(estimate.sigma)
    error = f"{estimate.sigma:.{decimals}f}"
    return f"{estimate.value:.{decimals}f}({error if estimate.sigma >= 1 else error.replace('.', '').lstrip('0')})"


def interval(estimate: Estimate | None) -> str:
    """The 95 % interval to the same decimals, e.g. ``2.418 to 2.714``."""
    if estimate is None:
        return "-"
    if estimate.sigma == 0:
        return f"{estimate.low:.3g} to {estimate.high:.3g}"
    decimals = _decimals(estimate.sigma)
    return f"{estimate.low:.{decimals}f} to {estimate.high:.{decimals}f}"


def _decimals(sigma: float) -> int:
    mantissa, exponent = f"{sigma:.2e}".split("e")
    return max(0, (2 if mantissa[0] == "1" else 1) - int(exponent))


def sigmas(deviation: float | None) -> str:
    """A deviation in standard errors, e.g. ``+1.2 sigma``; empty if there is none."""
    return "" if deviation is None else f"{deviation:+.1f} sigma"


def qber_short(estimate: Estimate | None, game: BellGame) -> str:
    """An error rate as the game's own paper prints it: ``0.078(9)`` for Munich, ``1.44(2) %`` for Oxford."""
    return f"{short(estimate.scaled(100))} %" if estimate is not None and _in_percent(game) else short(estimate)


def qber_interval(estimate: Estimate | None, game: BellGame) -> str:
    """Its 95 % interval, likewise."""
    return f"{interval(estimate.scaled(100))} %" if estimate is not None and _in_percent(game) else interval(estimate)


def qber_plain(value: float | None, game: BellGame) -> str:
    """An error rate without an error, likewise."""
    if value is None:
        return "-"
    return f"{100 * value:.2f} %" if _in_percent(game) else f"{value:.4f}"


def _in_percent(game: BellGame) -> bool:
    return game.name == "oxford"
