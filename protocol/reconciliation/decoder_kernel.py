"""The compiled half of the decoder: sum-product, check after check, over a window of positions that slides along the graph.

:mod:`.decoder_reference` has the same step in plain Python, with exact functions; :mod:`.decoder` says which steps are made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

# The table of phi(x) = -ln tanh(x/2) goes by the upper half of a float32: sign, 8 bits of exponent, 7 of mantissa.
LOWEST, HIGHEST = np.float32(2.0**-17), np.float32(31.9375)
FIRST_KEY = (127 - 17) << 7
KEYS = 22 << 7

# Places in ``state`` of a window: its edges (the positions there belong to it), edges of the graph gone through so far, and passes since
# one of its edges moved.
NEAR, FAR, WORK, IDLE = range(4)
STATE = 4

# Rows of the scratch space: what a check hears, the size of that, phi of the size.
HEARD, SIZE, PHI = range(3)
SCRATCH = 3


@njit(nogil=True, cache=True)
def update_checks(graph: Any, memory: Any, scratch: Any, first: Any, last: Any) -> Any:  # noqa: ANN401
    """Update checks ``first`` to ``last - 1`` in turn; each hears at once what the one before it found out.

    Args:
        graph: (starts, neighbours): int32, first edge of each check (and the end), variable of each edge.
        memory: (wanted, messages, beliefs, phi): uint8 parity that each check must have; float32 last message of each edge to its variable,
            changed; float32 log-likelihood ratio of each variable, changed; float32 table of phi.
        scratch: (floats, keys): float32 of shape (``SCRATCH``, largest degree), and the same memory as int32.
        first: first check.
        last: the one after the last.

    Returns:
        How many of them the signs of the beliefs did not satisfy when their turn came.
    """
    starts, neighbours = graph
    wanted, messages, beliefs, phi = memory
    floats, keys = scratch
    unsatisfied = 0
    for check in range(first, last):
        begin = starts[check]
        degree = starts[check + 1] - begin
        parity = wanted[check]
        decided = parity
        for k in range(degree):
            belief = beliefs[neighbours[begin + k]]
            heard = belief - messages[begin + k]
            decided ^= belief < 0
            parity ^= heard < 0
            floats[HEARD, k] = heard
            floats[SIZE, k] = min(max(abs(heard), LOWEST), HIGHEST)
        total = np.float32(0)
        for k in range(degree):
            y = phi[(keys[SIZE, k] >> 16) - FIRST_KEY]
            floats[PHI, k] = y
            total += y
        unsatisfied += decided
        for k in range(degree):
            floats[SIZE, k] = min(max(total - floats[PHI, k], LOWEST), HIGHEST)
        for k in range(degree):
            message = phi[(keys[SIZE, k] >> 16) - FIRST_KEY]
            heard = floats[HEARD, k]
            if parity ^ (heard < 0):
                message = -message
            messages[begin + k] = message
            beliefs[neighbours[begin + k]] = heard + message
    return unsatisfied


@njit(nogil=True, cache=True)
def sweep(graph: Any, memory: Any, scratch: Any, check_bounds: Any, first: Any, last: Any, step: Any, state: Any) -> Any:  # noqa: ANN401
    """Update the check positions from ``first`` to ``last``, both included.

    Returns:
        How many of the first positions were satisfied when their turn came.
    """
    satisfied, position = 0, first
    clean = True
    while True:
        begin, end = check_bounds[position], check_bounds[position + 1]
        clean &= update_checks(graph, memory, scratch, begin, end) == 0
        satisfied += clean
        state[WORK] += graph[0][end] - graph[0][begin]
        if position == last:
            return satisfied
        position += step


@njit(nogil=True, cache=True)
def slide(graph: Any, memory: Any, scratch: Any, check_bounds: Any, state: Any, window: Any, bounds: Any, passes: Any) -> Any:  # noqa: ANN401
    """Move a window of fixed size away from an end: its near edge follows the positions that are satisfied.

    Args:
        graph: as for :func:`update_checks`.
        memory: the same.
        scratch: the same.
        check_bounds: int64, shape (check positions + 1,): first check of each.
        state: int64, shape (``STATE``,), is changed; ``state[FAR]`` is not used.
        window: (size, step): positions in it, and 1 or -1, the direction in which it moves.
        bounds: (limit, most work, most idle passes): a position beyond which it must not look, and when to give up.
        passes: at most so many now.

    Returns:
        Whether this is over: at the limit, or given up.
    """
    size, step = window
    limit, most_work, most_idle = bounds
    for _ in range(passes):
        far = state[NEAR] + step * (size - 1)
        if (far - limit) * step > 0 or state[WORK] > most_work or state[IDLE] > most_idle:
            return True
        moved = sweep(graph, memory, scratch, check_bounds, state[NEAR], far, step, state)
        state[NEAR] += step * moved
        state[IDLE] = 0 if moved else state[IDLE] + 1
    return False


@njit(nogil=True, cache=True)
def close_in(graph: Any, memory: Any, scratch: Any, check_bounds: Any, state: Any, bounds: Any, passes: Any) -> Any:  # noqa: ANN401
    """Narrow a window from both edges, sweeping to and fro, until nothing of it is left.

    Args:
        graph: as for :func:`update_checks`.
        memory: the same.
        scratch: the same.
        check_bounds: int64, shape (check positions + 1,): first check of each.
        state: int64, shape (``STATE``,), is changed.
        bounds: (most work, most idle passes): when to give up.
        passes: at most so many now.

    Returns:
        Whether this is over: nothing left, or given up.
    """
    most_work, most_idle = bounds
    for _ in range(passes):
        if state[NEAR] > state[FAR] or state[WORK] > most_work or state[IDLE] > most_idle:
            return True
        moved = sweep(graph, memory, scratch, check_bounds, state[NEAR], state[FAR], 1, state)
        state[NEAR] += moved
        if state[NEAR] <= state[FAR]:
            back = sweep(graph, memory, scratch, check_bounds, state[FAR], state[NEAR], -1, state)
            state[FAR] -= back
            moved += back
        state[IDLE] = 0 if moved else state[IDLE] + 1
    return False
