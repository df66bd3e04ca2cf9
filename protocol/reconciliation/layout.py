"""Where everything is in a code's graph: which variables stand at which position, how many checks are at each, which edges are whose.

Variables stand on a line of positions, checks on a longer one: a variable at p has its edges at check positions p to p + width - 1, which
are cut into as many strata as it has edges, one edge a stratum. At both ends checks have fewer variables than elsewhere: there a
decoder begins, and from there it works inwards (threshold saturation; Kudekar, Richardson and Urbanke, IEEE Trans. Inf. Theory 59,
7761 (2013)). What the ends cost is paid by the middle, as m is given: so there are only as many more checks as it takes to begin.

All of it is computed in integers, so that it is the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError
from .spec import LOW_DEGREE, CodeSpec

_BOOST = 13, 10
"""At an end checks have fewer edges than in the middle by this factor (or more, where all of them are there)."""

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class VariableClass:
    """Variables of one degree.

    Attributes:
        begins: shape (positions,): the first of them at each position.
        ends: shape (positions,): the one after the last.
        strata: shape (degree + 1,): offset from the variable's position at which each stratum begins, and the width.
        slots: shape (positions, width): at which place in the list of the edges of a check position those from this position begin.
    """

    begins: Integers
    ends: Integers
    strata: Integers
    slots: Integers


@dataclass(frozen=True)
class Layout:
    """The part of a graph that has nothing random in it.

    Attributes:
        classes: variables of high degree, then those of low degree.
        check_bounds: shape (check positions + 1,): first check of each position.
        edge_bounds: shape (check positions + 1,): first edge of each position.
        starts: int32, shape (checks + 1,): first edge of each check.
    """

    classes: tuple[VariableClass, ...]
    check_bounds: Integers
    edge_bounds: Integers
    starts: NDArray[np.int32]


def layout(spec: CodeSpec) -> Layout:
    """Lay a code out.

    Raises:
        ConfigError: a check position would have edges and no check, or more checks than edges.
    """
    bounds = np.array([p * spec.rounds // spec.positions for p in range(spec.positions + 1)], np.int64)
    middle = bounds[:-1] + np.array([spec.high_rounds(int(size)) for size in np.diff(bounds)], np.int64)
    edges = np.zeros(spec.positions + spec.width - 1, np.int64)
    high = _class(spec.degree, bounds[:-1], middle, spec.width, edges)
    low = _class(LOW_DEGREE, middle, bounds[1:], spec.width, edges)
    check_bounds = _share_out(spec, edges)
    counts = np.diff(check_bounds)
    if np.any((counts < 1) | (counts > edges)):
        raise ConfigError(
            f"{spec.rounds} rounds and {spec.syndrome_bits} checks on {spec.positions} positions of width {spec.width}: a position "
            "would have no check, or checks without a variable; take fewer positions"
        )
    edge_bounds = np.concatenate([[0], np.cumsum(edges)])
    return Layout((high, low), check_bounds, edge_bounds, _starts(counts, edges, edge_bounds))


def _class(degree: int, begins: Integers, ends: Integers, width: int, edges: Integers) -> VariableClass:
    """Lay out the edges of one class; adds their numbers to ``edges``."""
    strata = np.array([k * width // degree for k in range(degree + 1)], np.int64)
    positions, sizes = len(begins), ends - begins
    slots = np.zeros((positions, width), np.int64)
    for begin, end in pairwise(strata.tolist()):
        for offset in range(begin, end):
            r, pieces = offset - begin, end - begin
            slots[:, offset] = edges[offset : offset + positions]
            edges[offset : offset + positions] += (r + 1) * sizes // pieces - r * sizes // pieces
    return VariableClass(begins, ends, strata, slots)


def _share_out(spec: CodeSpec, edges: Integers) -> Integers:
    """The first check of each position: their numbers go with the edges, but no position has more than one in the middle."""
    total = int(edges.sum())
    weights = [min(_BOOST[1] * total, _BOOST[0] * spec.positions * int(count)) for count in edges]
    bounds, so_far, everything = [0], 0, sum(weights)
    for weight in weights:
        so_far += weight
        bounds.append((2 * spec.syndrome_bits * so_far + everything) // (2 * everything))
    return np.array(bounds, np.int64)


def _starts(counts: Integers, edges: Integers, edge_bounds: Integers) -> NDArray[np.int32]:
    """The first edge of each check; within a position the first checks have one more than the others if it does not come out even."""
    base, longer = edges // counts, edges % counts
    place = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = edge_bounds[place] + number * base[place] + np.minimum(number, longer[place])
    return np.append(starts, edge_bounds[-1]).astype(np.int32)
