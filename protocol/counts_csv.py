"""Reads a published table of counts: one line per pair of settings, columns X, Y, n (rounds) and n_equal (equal outcomes).

The file is somebody else's, so nothing about it is taken for granted; every complaint names the file, the line and the reason.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np

from ..errors import ConfigError
from .bell import GAMES, BellGame, Counts, Pair

COLUMNS = ("X", "Y", "n", "n_equal")
MAX_BYTES = 1 << 20
"""A table has a dozen short lines; anything near this size is another file."""
MAX_ROUNDS = 10**12
"""More rounds than any experiment has, and few enough for exact arithmetic."""

_COUNT = re.compile(r"[0-9]{1,13}")


def read_counts(path: str | Path, game: BellGame | None = None) -> tuple[Counts, BellGame]:
    """Read a table of counts from a file.

    Args:
        path: the CSV file.
        game: the Bell game it belongs to; None takes the only one that has all of its settings.

    Returns:
        The counts (pairs that are not in the table have no rounds, and single outcomes are unknown) and the game.

    Raises:
        ConfigError: the file cannot be read, is not such a table, or fits more than one game.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    return parse_counts(data, str(path), game)


def parse_counts(data: bytes, source: str, game: BellGame | None = None) -> tuple[Counts, BellGame]:
    """Parse the bytes of such a file; ``source`` is its name in messages. Otherwise as :func:`read_counts`."""
    rows = _rows(_text(data, source), source, game)
    if game is None:
        game = _only_game(rows, source)
    n, n_equal = np.zeros((2, game.settings_a, game.settings_b), dtype=np.int64)
    for pair, (rounds, equal) in rows.items():
        n[pair], n_equal[pair] = rounds, equal
    return Counts(n, n_equal), game


def _text(data: bytes, source: str) -> str:
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{source}: longer than {MAX_BYTES} bytes; a table of counts has one short line per pair of settings")
    try:
        return data.decode("utf-8-sig")  # spreadsheets put a byte order mark in front
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{source}, line {line}: not UTF-8 text ({error.reason}); save the table as CSV in UTF-8") from error


def _rows(text: str, source: str, game: BellGame | None) -> dict[Pair, tuple[int, int]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    rows: dict[Pair, tuple[int, int]] = {}
    try:
        for fields in reader:
            cells = [field.strip() for field in fields]
            where = f"{source}, line {reader.line_num}"
            if not any(cells):
                continue
            if not header:
                header = _checked_header(cells, where)
                continue
            pair, numbers = _row(cells, header, where)
            _check_settings(pair, game, where)
            if pair in rows:
                raise ConfigError(f"{where}: the pair X={pair[0]}, Y={pair[1]} occurs a second time; add its counts up into one line")
            rows[pair] = numbers
    except csv.Error as error:
        raise ConfigError(f"{source}, line {reader.line_num}: not CSV: {error}") from error
    if not header:
        raise ConfigError(f"{source}: empty; a table of counts begins with the line {','.join(COLUMNS)}")
    if not any(rounds for rounds, _ in rows.values()):
        raise ConfigError(f"{source}, line {reader.line_num}: the table ends without a single round")
    return rows


def _checked_header(cells: list[str], where: str) -> list[str]:
    wanted = f"the first line must be {','.join(COLUMNS)}, in any order and separated by commas"
    for column in COLUMNS:
        if cells.count(column) != 1:
            raise ConfigError(f"{where}: column {column} is {'missing' if column not in cells else 'there more than once'}; {wanted}")
    unknown = [cell for cell in cells if cell not in COLUMNS]
    if unknown:
        raise ConfigError(f"{where}: unknown column {_shown(unknown[0])}; {wanted}")
    return cells


def _row(cells: list[str], header: list[str], where: str) -> tuple[Pair, tuple[int, int]]:
    if len(cells) != len(header):
        raise ConfigError(f"{where}: {len(cells)} fields where the header has {len(header)}")
    named = dict(zip(header, cells, strict=True))
    x, y, rounds, equal = (_count(named[column], column, where) for column in COLUMNS)
    if equal > rounds:
        raise ConfigError(f"{where}: n_equal={equal} is more than n={rounds}")
    return (x, y), (rounds, equal)


def _count(cell: str, column: str, where: str) -> int:
    if _COUNT.fullmatch(cell) and int(cell) <= MAX_ROUNDS:
        return int(cell)
    if re.fullmatch(r"-[0-9]+", cell):
        reason = "is negative"
    elif re.fullmatch(r"[0-9]+", cell):
        reason = f"is more than {MAX_ROUNDS}"
    else:
        reason = "is not a whole number" if cell else "is missing"
    raise ConfigError(f"{where}: {column}={_shown(cell)} {reason}")


def _shown(cell: str) -> str:
    """A hostile cell, safe to print: ASCII, escaped, short."""
    return ascii(cell if len(cell) <= 40 else cell[:40] + "...")


def _fits(pair: Pair, game: BellGame) -> bool:
    return pair[0] < game.settings_a and pair[1] < game.settings_b


def _check_settings(pair: Pair, game: BellGame | None, where: str) -> None:
    if game is not None and not _fits(pair, game):
        ranges = f"X in 0..{game.settings_a - 1} and Y in 0..{game.settings_b - 1}"
        raise ConfigError(f"{where}: X={pair[0]}, Y={pair[1]} is no pair of settings of the {game.name} game, which has {ranges}")
    if game is None and not any(_fits(pair, known) for known in GAMES.values()):
        raise ConfigError(f"{where}: X={pair[0]}, Y={pair[1]} is no pair of settings of any game ({', '.join(GAMES)})")


def _only_game(rows: dict[Pair, tuple[int, int]], source: str) -> BellGame:
    fitting = [game for game in GAMES.values() if all(_fits(pair, game) for pair in rows)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ConfigError(f"{source}: its settings fit {' and '.join(game.name for game in fitting)}; name the game that was played")
    raise ConfigError(f"{source}: no game ({', '.join(GAMES)}) has all of its settings; name the game to see the line that does not fit")
