"""Quantities as people write them in configuration files: ``"19.2 us"``, ``"780 nm"``, ``"-22.5 deg"``.

A quantity is a number, a space (optional) and one unit out of a fixed table; the result is a float in SI units. A bare number
is refused where a dimension is expected: ``5`` might be seconds or milliseconds.
"""

from __future__ import annotations

import difflib
import math
import re

from .errors import ConfigError

_PREFIXES = {"": 0, "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "c": -2, "k": 3, "M": 6, "G": 9, "T": 12}
_PREFIXED = {"time": "s", "frequency": "Hz", "power": "W", "voltage": "V", "current": "A", "length": "m", "magnetic flux density": "T"}
# A prefix that makes no sense with a unit is left out, so that a slip of the pen is an error and not a factor of a thousand.
_NO_PREFIX = {
    "s": {"c", "k", "M", "G", "T", "f"},
    "Hz": {"f", "p", "n", "u", "µ", "μ", "c"},
    "W": {"c", "f"},
    "T": {"k", "M", "G", "T", "c"},
}

UNITS: dict[str, dict[str, float]] = {
    dimension: {
        prefix + symbol: float(f"1e{exponent}") for prefix, exponent in _PREFIXES.items() if prefix not in _NO_PREFIX.get(symbol, set())
    }
    for dimension, symbol in _PREFIXED.items()
}
UNITS["time"] |= {"min": 60.0, "h": 3600.0, "d": 86400.0}
UNITS["frequency"] |= {"/s": 1.0, "1/s": 1.0, "cps": 1.0, "kcps": 1e3}
UNITS["angle"] = {"deg": math.pi / 180, "rad": 1.0, "mrad": 1e-3}
UNITS["field per current"] = {"T/A": 1.0, "uT/mA": 1e-3, "G/A": 1e-4, "mG/mA": 1e-4}
UNITS["temperature"] = {"K": 1.0, "mK": 1e-3}
UNITS["fraction"] = {"%": 0.01, "ppm": 1e-6}
"""For each dimension, the factor of every unit that is understood, to SI."""

_QUANTITY = re.compile(r"\s*([+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S*)\s*")


def parse_quantity(text: str | float, dimension: str) -> float:
    """Turn ``"19.2 us"`` into SI units.

    Args:
        text: number and unit, e.g. ``"52 kHz"``. A bare number is accepted for ``"fraction"`` only.
        dimension: a key of :data:`UNITS`.

    Returns:
        The value in SI units (seconds, hertz, watts, metres, radians, kelvins, tesla; a fraction is a plain number).

    Raises:
        ConfigError: no number, no unit, a unit of another dimension, or one that does not exist; the message suggests one.
    """
    units = UNITS[dimension]
    example = "0.5" if dimension == "fraction" else f"1 {next(iter(units))}"
    match = _QUANTITY.fullmatch(str(text)) if not isinstance(text, bool) else None
    if match is None:
        raise ConfigError(f"{text!r} is not {_a(dimension)}; write a number and a unit, e.g. {example!r}")
    number, unit = float(match[1]), match[2]
    if not math.isfinite(number):
        raise ConfigError(f"{text!r} is not finite")
    if not unit:
        if dimension == "fraction":
            return number
        raise ConfigError(f"{text!r} has no unit; {_a(dimension)} needs one, e.g. {f'{match[1]} {next(iter(units))}'!r}")
    if unit in units:
        # Dividing by an exact power of ten keeps "19.2 us" equal to 19.2e-6 to the last bit.
        factor = units[unit]
        return number * factor if factor >= 1 or dimension == "angle" else number / round(1 / factor)
    raise ConfigError(f"{text!r}: {_unit_hint(unit, dimension)}")


def _a(dimension: str) -> str:
    return f"{'an' if dimension[0] in 'aeiou' else 'a'} {dimension}"


def _unit_hint(unit: str, dimension: str) -> str:
    other = [name for name, table in UNITS.items() if unit in table]
    if other:
        return f"{unit!r} is a unit of {other[0]}, but {_a(dimension)} is needed here (e.g. {', '.join(list(UNITS[dimension])[:4])})"
    close = difflib.get_close_matches(unit, UNITS[dimension], n=1, cutoff=0.3)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"there is no unit {unit!r} of {dimension}{hint}"
