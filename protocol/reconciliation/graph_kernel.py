"""The compiled half of a code's graph: its edges from a seed, and syndromes. :mod:`.graph_reference` says both in plain Python.

Random numbers are splitmix64's (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): the graph must be
the same at both parties, on every machine and with every version of numpy. It is public and need not be unpredictable.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)


@njit(nogil=True, cache=True)
def shuffle(values: Any, state: Any) -> None:  # noqa: ANN401
    """Shuffle in place (Fisher and Yates, from the end); a draw below b is the upper half of (upper 32 random bits) times b.

    Args:
        values: int32, shape (n,), n < 2**32.
        state: uint64, shape (1,), is changed.
    """
    counter = state[0]
    for i in range(values.shape[0] - 1, 0, -1):
        counter += _GAMMA
        z = (counter ^ (counter >> _S30)) * _MIX1
        z = (z ^ (z >> _S27)) * _MIX2
        z ^= z >> _S31
        j = np.int64(((z >> _S32) * np.uint64(i + 1)) >> _S32)
        kept = values[i]
        values[i] = values[j]
        values[j] = kept
    state[0] = counter


@njit(nogil=True, cache=True)
def connect(variables: Any, check_bounds: Any, edge_bounds: Any, first: Any, last: Any, state: Any, neighbours: Any) -> None:  # noqa: ANN401
    """Write the edges of one class of variables at positions ``first`` to ``last - 1`` into the lists of the checks.

    A position's variables are shuffled once for each of their edges and cut into as many chunks as the stratum has check positions.
    What comes to a check position is dealt to its checks in turn, so that every check gets the same from everywhere.

    Args:
        variables: (begins, ends, strata, slots), int64; see :class:`.layout.VariableClass`.
        check_bounds: int64, shape (check positions + 1,): first check of each.
        edge_bounds: int64, shape (check positions + 1,): first edge of each.
        first: first variable position to do.
        last: the one after the last.
        state: uint64, shape (1,): of the random numbers; is changed.
        neighbours: int32, shape (edges,), is written: variables, check after check.
    """
    begins, ends, strata, slots = variables
    for position in range(first, last):
        size = ends[position] - begins[position]
        mixed = np.arange(begins[position], ends[position]).astype(np.int32)
        for k in range(strata.shape[0] - 1):
            shuffle(mixed, state)
            pieces = strata[k + 1] - strata[k]
            for r in range(pieces):
                place = position + strata[k] + r
                count = check_bounds[place + 1] - check_bounds[place]
                edges = edge_bounds[place + 1] - edge_bounds[place]
                base, longer = edges // count, edges % count
                slot = slots[position, strata[k] + r]
                turn, check = slot // count, slot % count
                for i in range(r * size // pieces, (r + 1) * size // pieces):
                    neighbours[edge_bounds[place] + check * base + min(check, longer) + turn] = mixed[i]
                    check += 1
                    if check == count:
                        check, turn = 0, turn + 1


@njit(nogil=True, cache=True)
def list_edges(low: Any, neighbours: Any, edges: Any) -> None:  # noqa: ANN401
    """List the edges of each variable of low degree, in the order of the checks.

    Args:
        low: as for :func:`tangle`.
        neighbours: the same.
        edges: the same, is written.
    """
    count = np.zeros(edges.shape[0], np.int8)
    for edge in range(neighbours.shape[0]):
        number = low[neighbours[edge]]
        if number >= 0:
            edges[number, count[number]] = edge
            count[number] += 1


@njit(nogil=True, cache=True)
def tangle(variable: Any, low: Any, starts: Any, neighbours: Any, edges: Any, check_of: Any, seen: Any, mark: Any) -> Any:  # noqa: ANN401
    """Which of the edges of a low variable leads to one that shares an earlier check with it, as 0, 1 or 2; -1 if none does.

    Args:
        variable: of the low degree.
        low: int32, shape (variables,): number of each variable among those of low degree, -1 for the others.
        starts: int32, shape (checks + 1,).
        neighbours: int32, shape (edges,).
        edges: int32, shape (low variables, 3): their edges, in the order of the checks when they were listed.
        check_of: int32, shape (edges,).
        seen: int32, shape (variables,), is changed; -2 for variables that do not matter.
        mark: 0 or more, and not in ``seen``.
    """
    found = -1
    seen[variable] = -2
    for k in range(edges.shape[1]):
        check = check_of[edges[low[variable], k]]
        for edge in range(starts[check], starts[check + 1]):
            last = seen[neighbours[edge]]
            if last == mark:
                found = k
                break
            if last != -2:
                seen[neighbours[edge]] = mark
        if found >= 0:
            break
    seen[variable] = -1
    return found


@njit(nogil=True, cache=True)
def exchange(neighbours: Any, edges: Any, low: Any, mine: Any, theirs: Any) -> None:  # noqa: ANN401
    """Exchange the variables, both of low degree, of two edges."""
    one, two = neighbours[mine], neighbours[theirs]
    i, j = 0, 0
    while edges[low[one], i] != mine:
        i += 1
    while edges[low[two], j] != theirs:
        j += 1
    edges[low[one], i], edges[low[two], j] = theirs, mine
    neighbours[mine], neighbours[theirs] = two, one


@njit(nogil=True, cache=True)
def untangle(tangled: Any, low: Any, starts: Any, neighbours: Any, edges: Any, check_of: Any, places: Any, state: Any, tries: Any) -> Any:  # noqa: ANN401
    """Let no two variables of low degree share two checks: exchange such an edge with another one at the same check position.

    Two of them that are wrong together would confirm each other in it. The layout remains what it was.

    Args:
        tangled: int32, the variables that share two checks with another one, in rising order.
        low: as for :func:`tangle`.
        starts: the same.
        neighbours: the same, is changed.
        edges: the same, is changed.
        check_of: the same.
        places: (place of each check, first edge of each check position): int32, shape (checks,); int64, shape (check positions + 1,).
        state: uint64, shape (1,): of the random numbers; is changed.
        tries: exchanges to try for each edge.

    Returns:
        How many variables are still tangled.
    """
    place_of, edge_bounds = places
    seen = np.where(low < 0, -2, -1).astype(np.int32)
    mark, left = 0, 0
    for variable in tangled:
        tried = 0
        while True:
            k = tangle(variable, low, starts, neighbours, edges, check_of, seen, mark)
            mark += 1
            if k < 0 or tried == tries:
                left += k >= 0
                break
            tried += 1
            mine = edges[low[variable], k]
            place = place_of[check_of[mine]]
            theirs = edge_bounds[place] + below(state, edge_bounds[place + 1] - edge_bounds[place])
            other = neighbours[theirs]
            if low[other] < 0 or check_of[theirs] == check_of[mine]:
                continue
            exchange(neighbours, edges, low, mine, theirs)
            if tangle(other, low, starts, neighbours, edges, check_of, seen, mark) >= 0:
                exchange(neighbours, edges, low, mine, theirs)
            mark += 1
    return left


@njit(nogil=True, cache=True)
def below(state: Any, bound: Any) -> Any:  # noqa: ANN401
    """A whole number from 0 to ``bound`` - 1: the upper half of (upper 32 random bits) times the bound."""
    state[0] += _GAMMA
    z = (state[0] ^ (state[0] >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    z ^= z >> _S31
    return np.int64(((z >> _S32) * np.uint64(bound)) >> _S32)


@njit(nogil=True, cache=True)
def parities(starts: Any, neighbours: Any, bits: Any, out: Any) -> None:  # noqa: ANN401
    """Parity of each check.

    Args:
        starts: int32, shape (checks + 1,): first edge of each check.
        neighbours: int32, shape (edges,).
        bits: uint8, shape (variables,), 0 or 1, in the order of the graph.
        out: uint8, shape (checks,), is written.
    """
    for check in range(out.shape[0]):
        parity = np.uint8(0)
        for edge in range(starts[check], starts[check + 1]):
            parity ^= bits[neighbours[edge]]
        out[check] = parity
