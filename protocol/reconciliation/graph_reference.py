"""A code's graph once more in plain Python: slow, and what the compiled one is tested against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .layout import Layout

_MASK = 2**64 - 1


def random_words(seed: int) -> Iterator[int]:
    """splitmix64: 64-bit words from a seed."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        yield z ^ (z >> 31)


def shuffled(values: Sequence[int], words: Iterator[int]) -> list[int]:
    """A shuffled copy: Fisher and Yates from the end, a draw below b being (upper 32 bits) * b / 2**32."""
    mixed = list(values)
    for i in range(len(mixed) - 1, 0, -1):
        j = ((next(words) >> 32) * (i + 1)) >> 32
        mixed[i], mixed[j] = mixed[j], mixed[i]
    return mixed


def draw_graph(plan: Layout, rounds: int, seed: int, tries: int) -> tuple[list[int], list[list[int]]]:
    """The order of the rounds, and the variables of each check."""
    words = random_words(seed)
    order = shuffled(range(rounds), words)
    chunks: dict[tuple[int, int, int], list[int]] = {}
    for number, variables in enumerate(plan.classes):
        for position, (begin, end) in enumerate(zip(variables.begins.tolist(), variables.ends.tolist(), strict=True)):
            mixed = list(range(begin, end))
            for start, stop in pairwise(variables.strata.tolist()):
                mixed = shuffled(mixed, words)
                for r in range(stop - start):
                    chunk = mixed[r * len(mixed) // (stop - start) : (r + 1) * len(mixed) // (stop - start)]
                    chunks[position + start + r, number, start + r] = chunk
    arriving: list[list[int]] = [[] for _ in plan.check_bounds[1:]]
    for key in sorted(chunks):
        arriving[key[0]] += chunks[key]
    counts = np.diff(plan.check_bounds).tolist()
    checks = [arrived[check::count] for arrived, count in zip(arriving, counts, strict=True) for check in range(count)]
    low = {v for begin, end in zip(plan.classes[-1].begins, plan.classes[-1].ends, strict=True) for v in range(begin, end)}
    untangle(plan, checks, low, words, tries)
    return order, checks


def untangle(plan: Layout, checks: list[list[int]], low: set[int], words: Iterator[int], tries: int) -> None:
    """Exchange edges, in place, until no two variables of low degree share two checks, or the tries are used up."""
    places = [list(range(i, j)) for i, j in pairwise(plan.check_bounds.tolist())]
    slots = [[(check, k) for check in here for k in range(len(checks[check]))] for here in places]
    place_of = {check: place for place, here in enumerate(places) for check in here}
    edges: dict[int, list[tuple[int, int]]] = {v: [] for v in sorted(low)}
    for check, variables in enumerate(checks):
        for k, variable in enumerate(variables):
            if variable in low:
                edges[variable].append((check, k))

    def tangle(variable: int) -> int:
        seen: set[int] = set()
        for k, (check, _) in enumerate(edges[variable]):
            others = (set(checks[check]) & low) - {variable}
            if others & seen:
                return k
            seen |= others
        return -1

    def exchange(mine: tuple[int, int], theirs: tuple[int, int]) -> None:
        one, two = checks[mine[0]][mine[1]], checks[theirs[0]][theirs[1]]
        i, j = edges[one].index(mine), edges[two].index(theirs)
        edges[one][i], edges[two][j] = theirs, mine
        checks[mine[0]][mine[1]], checks[theirs[0]][theirs[1]] = two, one

    for variable in [one for one in edges if tangle(one) >= 0]:
        for _ in range(tries):
            k = tangle(variable)
            if k < 0:
                break
            mine = edges[variable][k]
            place = slots[place_of[mine[0]]]
            theirs = place[((next(words) >> 32) * len(place)) >> 32]
            other = checks[theirs[0]][theirs[1]]
            if other not in low or theirs[0] == mine[0]:
                continue
            exchange(mine, theirs)
            if tangle(other) >= 0:
                exchange(mine, theirs)


def parities_of(checks: Sequence[Sequence[int]], bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Parity of each check."""
    return np.array([np.bitwise_xor.reduce(bits[list(check)]) for check in checks], np.uint8)
