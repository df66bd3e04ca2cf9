"""The graph of a code, in arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .layout import Layout, layout
from .spec import LOW_DEGREE, CodeSpec

_STEPS = 16
"""Parts in which a class of edges is drawn, for whoever wants to see progress."""
_SLOTS = 2**22
"""Of a table that leaves few pairs of checks to be looked at closely."""
TRIES = 20
"""Exchanges to try for an edge that makes a tangle; in small graphs some remain."""


@dataclass(frozen=True)
class Graph:
    """A code's graph; all of it is public.

    Attributes:
        width: in positions.
        order: int32, shape (rounds,): the round that stands at each place of the line. They are mixed, so that a bad hour in the laboratory
            is a little noise everywhere and not a wall that the decoder cannot pass.
        check_bounds: int64, shape (check positions + 1,): first check of each.
        starts: int32, shape (checks + 1,): first edge of each check.
        neighbours: int32, shape (edges,): variables, check after check.
    """

    width: int
    order: NDArray[np.int32] = field(repr=False)
    check_bounds: NDArray[np.int64] = field(repr=False)
    starts: NDArray[np.int32] = field(repr=False)
    neighbours: NDArray[np.int32] = field(repr=False)

    def parities(self, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Parity of each check; bits (0 or 1) in the order of the line."""
        from .graph_kernel import parities

        out = np.empty(len(self.starts) - 1, np.uint8)
        parities(self.starts, self.neighbours, bits, out)
        return out


def draw_graph(spec: CodeSpec, progress: Callable[[float], None] | None = None) -> Graph:
    """Draw the graph of a code.

    Args:
        spec: the code.
        progress: is told the part that is done, 0 to 1.

    Raises:
        ConfigError: these numbers leave a position without a check.
    """
    from .graph_kernel import connect, shuffle

    plan = layout(spec)
    state = np.array([spec.seed], np.uint64)
    order = np.arange(spec.rounds, dtype=np.int32)
    shuffle(order, state)
    neighbours = np.empty(int(plan.edge_bounds[-1]), np.int32)
    steps = [spec.positions * k // _STEPS for k in range(_STEPS + 1)]
    for number, variables in enumerate(plan.classes):
        parts = variables.begins, variables.ends, variables.strata, variables.slots
        for k in range(_STEPS):
            connect(parts, plan.check_bounds, plan.edge_bounds, steps[k], steps[k + 1], state, neighbours)
            if progress is not None:
                progress((number * _STEPS + k + 1) / ((len(plan.classes) + 1) * _STEPS))
    _untangle(plan, neighbours, state)
    if progress is not None:
        progress(1.0)
    return Graph(spec.width, order, plan.check_bounds, plan.starts, neighbours)


def _untangle(plan: Layout, neighbours: NDArray[np.int32], state: NDArray[np.uint64]) -> None:
    from .graph_kernel import list_edges, untangle

    variables = plan.classes[-1]
    low = np.full(int(variables.ends[-1]), -1, np.int32)
    chosen = np.zeros(len(low), bool)
    for begin, end in zip(variables.begins.tolist(), variables.ends.tolist(), strict=True):
        chosen[begin:end] = True
    low[chosen] = np.arange(np.count_nonzero(chosen), dtype=np.int32)
    edges = np.zeros((np.count_nonzero(chosen), LOW_DEGREE), np.int32)
    check_of = np.repeat(np.arange(len(plan.starts) - 1, dtype=np.int32), np.diff(plan.starts))
    place_of = np.repeat(np.arange(len(plan.check_bounds) - 1, dtype=np.int32), np.diff(plan.check_bounds))
    list_edges(low, neighbours, edges)
    tangled = np.flatnonzero(chosen)[_tangled(check_of[edges])].astype(np.int32)
    untangle(tangled, low, plan.starts, neighbours, edges, check_of, (place_of, plan.edge_bounds), state, TRIES)


def _tangled(checks: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which variables share two checks with another one.

    Args:
        checks: shape (variables, 3), rising.
    """
    pairs = np.concatenate([checks[:, one].astype(np.int64) << 32 | checks[:, two] for one, two in ((0, 1), (0, 2), (1, 2))])
    ordered = np.sort(pairs)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    flagged = np.zeros(_SLOTS, bool)
    flagged[_slot(twice)] = True
    tangled = flagged[_slot(pairs)]
    tangled[tangled] = np.isin(pairs[tangled], twice)
    one, two, three = tangled.reshape(3, -1)
    return one | two | three


def _slot(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    return (pairs ^ (pairs >> 13)) % _SLOTS
