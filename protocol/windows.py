"""Moving averages of S and Q along a run, with 95 % bands: the figure that shows a link drifting.

As in Nadlinger et al., Nature 607, 682 (2022), Fig. 3: a window of 100 000 rounds, binomial statistics within it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from .bell import BellGame, outcome_codes
from .estimate import wilson

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MovingWindows:
    """S and Q in windows of equal length; all arrays have the shape (windows,).

    Attributes:
        end: number of rounds up to and with the last one of the window.
        s: 4 (2 omega - 1) of the test rounds in the window; nan where it has none.
        s_low: lower end of the 95 % band.
        s_high: upper end of the 95 % band.
        qber: errors over key rounds in the window; nan where it has none.
        qber_low: lower end of the 95 % band.
        qber_high: upper end of the 95 % band.
    """

    end: npt.NDArray[np.int64]
    s: Floats
    s_low: Floats
    s_high: Floats
    qber: Floats
    qber_low: Floats
    qber_high: Floats


def moving_windows(
    settings_a: npt.ArrayLike,
    settings_b: npt.ArrayLike,
    outcomes_a: npt.ArrayLike,
    outcomes_b: npt.ArrayLike,
    game: BellGame,
    *,
    window: int = 100_000,
    stride: int = 1_000,
) -> MovingWindows:
    """Compute S and Q in moving windows, in a time that does not depend on the window.

    S is taken from the win rate and not from four correlators: a window of a short run may miss one pair, and the band of a win
    rate is plain binomial.

    Args:
        settings_a: Alice's x of every round, integers, shape (rounds,).
        settings_b: Bob's y.
        outcomes_a: Alice's outcome bits.
        outcomes_b: Bob's outcome bits.
        game: says which rounds test, which make key, and what wins.
        window: length of a window in rounds (of any kind).
        stride: rounds between the starts of two windows.

    Returns:
        The windows that fit in whole; none if the run is shorter than one.

    Raises:
        ConfigError: window or stride below 1, columns of unequal length, or a value that the game does not know.
    """
    if window < 1 or stride < 1:
        raise ConfigError(f"a moving window needs a length and a stride of at least one round, not {window} and {stride}")
    codes = outcome_codes(settings_a, settings_b, outcomes_a, outcomes_b, game)
    ends = np.arange(window, codes.size + 1, stride, dtype=np.int64)
    tests, wins, keys, errors = (_in_windows(flags[codes], ends, window) for flags in _flags(game))
    with np.errstate(invalid="ignore"):
        omega, error_rate = wins / tests, errors / keys
    omega_low, omega_high = wilson(wins, tests)
    return MovingWindows(ends, 8 * omega - 4, 8 * omega_low - 4, 8 * omega_high - 4, error_rate, *wilson(errors, keys))


def _flags(game: BellGame) -> npt.NDArray[np.bool_]:
    """For every outcome code: is it a test, a won test, a key round, a wrong key round? Shape (4, codes)."""
    flags = np.zeros((4, game.settings_a, game.settings_b, 2, 2), dtype=np.bool_)
    equal = np.eye(2, dtype=np.bool_)
    for pair, sign in game.chsh:
        flags[0][pair], flags[1][pair] = True, equal if sign > 0 else ~equal
    for pair in game.key_pairs:
        flags[2][pair], flags[3][pair] = True, equal if game.key_anticorrelated else ~equal
    return flags.reshape(4, -1)


def _in_windows(flags: npt.NDArray[np.bool_], ends: npt.NDArray[np.int64], window: int) -> npt.NDArray[np.int64]:
    total = np.concatenate(([0], np.cumsum(flags, dtype=np.int64)))
    inside: npt.NDArray[np.int64] = total[ends] - total[ends - window]
    return inside
