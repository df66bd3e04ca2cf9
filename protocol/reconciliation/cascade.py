"""Cascade: Bob looks for his errors by asking Alice for parities (Brassard and Salvail, EUROCRYPT '93).

The bits are cut into blocks, in another public order in each pass. Where the parity of a block differs there is an error, found by
halving. Setting it right changes the parity of a block in every other pass, in which another error then shows itself. Every parity that
Alice has told is kept and used again.

For small blocks it takes fewer bits than a code, but many messages, and they go both ways: what Bob asks next depends on his bits, so
that whoever hears it learns their parities as well. A key length that allows for a one-way syndrome does not cover that
without an argument of its own. Hence both directions are counted; which count a proof wants is for the proof to say.

As in :mod:`.code`, nothing runs in constant time, and that the bits agree in the end has to be verified.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError

Bits = NDArray[np.uint8]
Queries = NDArray[np.int64]
"""Shape (queries, 3): pass, first place and the one after the last, in the order of that pass."""

_SECOND_BLOCK = 4
"""Length of the second pass' blocks in that of the first; later passes have two blocks."""


@dataclass(frozen=True)
class CascadeSpec:
    """What both parties agree on; public.

    Attributes:
        rounds: n.
        error_rate: that is expected.
        seed: of the orders, 64 bits.
        passes: after the second, a pair of errors that is left survives each with a probability of a half.

    Raises:
        ConfigError: out of range.
    """

    rounds: int
    error_rate: float
    seed: int
    passes: int = 14

    def __post_init__(self) -> None:
        if not 2 <= self.rounds < 2**31 or not 0 < self.error_rate < 0.5 or not 1 <= self.passes <= 64 or not 0 <= self.seed < 2**64:
            raise ConfigError(
                f"{self.rounds} rounds, error rate {self.error_rate:g}, {self.passes} passes, seed {self.seed}: Cascade takes 2 rounds or "
                "more, an error rate between 0 and 1/2, 1 to 64 passes, and a seed of 64 bits"
            )

    def blocks(self, number: int) -> list[int]:
        """Where the blocks of a pass begin, and the end.

        The first blocks have 2 to the power of ceil(log2(1/Q) - 1/2) rounds, the second 4 times as many (Martinez-Mateo et al.,
        "Demystifying the information reconciliation protocol Cascade", Quantum Inf. Comput. 15, 453 (2015)): powers of two
        halve without a rest.
        """
        size = -(-self.rounds // 2)
        if number < 2:
            size = min(size, 2 ** math.ceil(math.log2(1 / self.error_rate) - 0.5) * _SECOND_BLOCK**number)
        return [*range(0, self.rounds, size), self.rounds]

    def orders(self) -> list[NDArray[np.int32]]:
        """The round at each place, in each pass."""
        from .graph_kernel import shuffle

        state, order = np.array([self.seed], np.uint64), np.arange(self.rounds, dtype=np.int32)
        orders = []
        for _ in range(self.passes):
            shuffle(order, state)
            orders.append(order.copy())
        return orders


class CascadeAlice:
    """Alice: answers with parities of her bits.

    Args:
        spec: as Bob has it.
        bits: uint8, shape (rounds,), 0 or 1.

    Raises:
        ConfigError: bits of another form.
    """

    def __init__(self, spec: CascadeSpec, bits: Bits) -> None:
        _require_bits(spec, bits)
        self._spec = spec
        self._sums = [_sums(bits, order) for order in spec.orders()]
        self._told = 0

    @property
    def leaked_alice(self) -> int:
        """Parities told so far."""
        return self._told

    def answer(self, queries: Queries) -> bytes:
        """Parities of the blocks that Bob asks for, eight a byte, the first in the highest bit.

        Raises:
            ConfigError: there is no such block. Nothing is told, then.
        """
        n, asked = self._spec.rounds, np.asarray(queries)
        if asked.ndim != 2 or asked.shape[1] != 3 or asked.dtype.kind != "i":
            raise ConfigError(f"queries of {asked.dtype} and shape {asked.shape}; expected whole numbers of shape (queries, 3)")
        number, begin, end = asked.T
        if np.any((number < 0) | (number >= self._spec.passes) | (begin < 0) | (begin >= end) | (end > n)):
            raise ConfigError(
                f"a query for a block that is not within {self._spec.passes} passes of {n} rounds; do both have the same numbers?"
            )
        parities = np.array([self._sums[k][j] ^ self._sums[k][i] for k, i, j in asked.tolist()], np.uint8)
        self._told += len(parities)
        return np.packbits(parities).tobytes()


@dataclass
class _Pass:
    """What Bob knows of a pass.

    Attributes:
        order: the round at each place.
        place: the place of each round.
        tops: where its blocks begin, and the end.
        told: Alice's parity of blocks, of halves and halves of halves, by (begin, end).
        odd: those of them of which Bob's parity is another.
    """

    order: NDArray[np.int32] = field(repr=False)
    place: NDArray[np.int64] = field(repr=False)
    tops: list[int]
    told: dict[tuple[int, int], int] = field(repr=False, default_factory=dict)
    odd: set[tuple[int, int]] = field(repr=False, default_factory=set)

    def known_around(self, place: int) -> Iterator[tuple[int, int]]:
        """Blocks with a place in them of which Alice's parity is known, from the largest down."""
        size = self.tops[1] - self.tops[0]
        begin = place // size * size
        end = min(begin + size, self.tops[-1])
        yield begin, end
        while (begin, (begin + end) // 2) in self.told:
            middle = (begin + end) // 2
            begin, end = (begin, middle) if place < middle else (middle, end)
            yield begin, end

    def odd_leaves(self) -> list[tuple[int, int]]:
        """The odd blocks of which no smaller part is known."""
        return [(begin, end) for begin, end in self.odd if (begin, (begin + end) // 2) not in self.told]


class CascadeBob:
    """Bob: asks, and sets his bits right. Give the answer to each of his :attr:`queries` to :meth:`hear` until there are none.

    Args:
        spec: as Alice has it.
        bits: uint8, shape (rounds,), 0 or 1; not changed.

    Raises:
        ConfigError: bits of another form.
    """

    def __init__(self, spec: CascadeSpec, bits: Bits) -> None:
        _require_bits(spec, bits)
        self._bits = bits.copy()
        self._passes = [_Pass(order, np.argsort(order), spec.blocks(k)) for k, order in enumerate(spec.orders())]
        self._heard = 0
        self._talk = self._converse()
        self._queries: Queries | None = next(self._talk)

    @property
    def queries(self) -> Queries | None:
        """What to send to Alice now; None when this is over."""
        return self._queries

    @property
    def leaked_bob(self) -> int:
        """Parities of Bob's bits that his questions give away: for each one that he hears, whether he goes on in that block."""
        return self._heard

    @property
    def bits(self) -> Bits:
        """What Alice has, if verification agrees. Secret.

        Raises:
            ConfigError: there are still questions.
        """
        if self._queries is not None:
            raise ConfigError("Cascade is not over: answer Bob's queries first")
        return self._bits.copy()

    def hear(self, answer: bytes) -> None:
        """Take Alice's answer to :attr:`queries`.

        Raises:
            ConfigError: nothing was asked, or the answer is of another length.
        """
        if self._queries is None:
            raise ConfigError("an answer, but Bob has asked nothing")
        if len(answer) != -(-len(self._queries) // 8):
            raise ConfigError(f"an answer of {len(answer)} bytes to {len(self._queries)} queries")
        parities = np.unpackbits(np.frombuffer(answer, np.uint8), count=len(self._queries))
        for (k, begin, end), parity in zip(self._queries.tolist(), parities.tolist(), strict=True):
            self._passes[k].told[begin, end] = parity
        self._heard += len(parities)
        try:
            self._queries = next(self._talk)
        except StopIteration:
            self._queries = None

    def _converse(self) -> Generator[Queries, None, None]:
        """Pass by pass: ask for all blocks, then mend until no block of which Alice's parity is known, in any pass so far, is odd."""
        for number, one in enumerate(self._passes):
            blocks = list(pairwise(one.tops))
            yield np.array([(number, begin, end) for begin, end in blocks], np.int64)
            sums = self._sums_of(number)
            one.odd = {(i, j) for i, j in blocks if one.told[i, j] != sums[j] ^ sums[i]}
            while any(other.odd for other in self._passes):
                rounds = yield from self._find(*self._cheapest())
                self._bits[rounds] ^= 1
                for other in self._passes[: number + 1]:
                    for place in other.place[rounds].tolist():
                        other.odd ^= set(other.known_around(place))

    def _cheapest(self) -> tuple[int, list[tuple[int, int]]]:
        """A pass, and those of its odd blocks that take the fewest questions, or one more. They do not overlap."""
        leaves = {number: one.odd_leaves() for number, one in enumerate(self._passes) if one.odd}
        number = min(leaves, key=lambda k: min(end - begin for begin, end in leaves[k]))
        shortest = min(end - begin for begin, end in leaves[number])
        return number, sorted((begin, end) for begin, end in leaves[number] if end - begin <= 2 * shortest)

    def _find(self, number: int, blocks: list[tuple[int, int]]) -> Generator[Queries, None, list[int]]:
        """Halve blocks of odd difference, all in step, until each is one round; returns these rounds."""
        one, sums = self._passes[number], self._sums_of(number)
        found = []
        while blocks:
            whole = [(begin, end) for begin, end in blocks if end - begin > 1]
            found += [int(one.order[begin]) for begin, end in blocks if end - begin == 1]
            if whole:
                yield np.array([(number, begin, (begin + end) // 2) for begin, end in whole], np.int64)
            blocks = []
            for begin, end in whole:
                middle = (begin + end) // 2
                # What was told of the whole and of one half says the other half without a question.
                one.told[middle, end] = one.told[begin, end] ^ one.told[begin, middle]
                differs = one.told[begin, middle] != sums[middle] ^ sums[begin]
                blocks.append((begin, middle) if differs else (middle, end))
            one.odd |= set(blocks)
        return found

    def _sums_of(self, number: int) -> list[int]:
        return _sums(self._bits, self._passes[number].order)


def _sums(bits: Bits, order: NDArray[np.int32]) -> list[int]:
    """Parity of what is before each place, and of everything."""
    sums: list[int] = np.concatenate([[0], np.bitwise_xor.accumulate(bits[order])]).tolist()
    return sums


def _require_bits(spec: CascadeSpec, bits: Bits) -> None:
    if bits.dtype != np.uint8 or bits.shape != (spec.rounds,) or int(bits.max()) > 1:
        raise ConfigError(
            f"Cascade of {spec.rounds} rounds wants uint8 of shape ({spec.rounds},), 0 or 1; this is {bits.dtype} of {bits.shape}"
        )
