"""A code in use: Alice's syndrome, and Bob's decoding of it.

Alice sends the syndrome of her bits. Bob has a guess of each bit and knows how good it is: in key rounds what he measured himself, in test
rounds what winning the game would make of it. He decodes the syndrome of the difference. That the result is what Alice has is not for him
to know, only that it has her syndrome: it must be verified with a hash.

Nothing in here runs in constant time: how long a decoding takes depends on the errors, and so do the memory addresses in use. Whoever can
time the decoding or shares the machine may learn about them. Do it on a machine that nobody else uses, and answer at fixed times.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError
from .graph import Graph, draw_graph
from .spec import CodeSpec

Bits = NDArray[np.uint8]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Decoding:
    """How a decoding ended.

    Attributes:
        bits: uint8, shape (rounds,): what Alice has if verification agrees; None if the decoder did not converge. Secret.
        converged: whether ``bits`` have the syndrome.
        sweeps: work done, as passes over the whole graph.
        unsatisfied: checks that the last guess did not satisfy; 0 if converged.
    """

    bits: Bits | None = field(repr=False)
    converged: bool
    sweeps: float
    unsatisfied: int


class Code:
    """A code, built from its specification: at every place and time the same.

    Args:
        spec: what it was built from.
        graph: its graph.
    """

    def __init__(self, spec: CodeSpec, graph: Graph) -> None:
        self.spec = spec
        self.graph = graph

    def __repr__(self) -> str:
        return f"Code({self.spec!r})"

    @classmethod
    def build(cls, spec: CodeSpec, progress: Progress | None = None) -> Code:
        """Build the code of a specification.

        Args:
            spec: the numbers both parties agreed on.
            progress: is told the part that is done, 0 to 1.

        Raises:
            ConfigError: these numbers leave a position without a check.
        """
        return cls(spec, draw_graph(spec, progress))

    @cached_property
    def digest(self) -> str:
        """BLAKE2b-256 of specification, order and edges, in hexadecimal; two parties with the same digest have the same code."""
        found = hashlib.blake2b(repr(self.spec).encode("ascii"), digest_size=32, person=b"eventready-code")
        for numbers in (self.graph.order, self.graph.starts, self.graph.neighbours):
            found.update(np.ascontiguousarray(numbers, "<i4").data)
        return found.hexdigest()

    def syndrome(self, bits: Bits) -> bytes:
        """The syndrome of Alice's bits.

        Args:
            bits: uint8, shape (rounds,), 0 or 1.

        Returns:
            m bits, big-endian within a byte, the last byte filled up with zeros.

        Raises:
            ConfigError: ``bits`` are not of this form.
        """
        self._require_bits("bits", bits)
        return np.packbits(self.graph.parities(bits[self.graph.order])).tobytes()

    def decode(
        self,
        syndrome: bytes,
        guess: Bits,
        kind: NDArray[np.uint8],
        error_rates: Sequence[float],
        *,
        threads: int | None = None,
        sweeps: float = 150,
        progress: Progress | None = None,
    ) -> Decoding:
        """Find the bits that have the syndrome and differ from the guess as errors at these rates would.

        Args:
            syndrome: from Alice.
            guess: uint8, shape (rounds,), 0 or 1: Bob's prediction of each bit.
            kind: uint8, shape (rounds,): which of the error rates each prediction has.
            error_rates: of each kind, above 0 and at most 1/2; expected before the run, never estimated from it.
            threads: 1 or 2; by default two where there are two processors. Changes nothing in the result.
            sweeps: when to give up; the work is bounded by some thirty more. With a syndrome as short as recommended it takes 30 to 80.
            progress: is told the part that is done, 0 to 1, in the calling thread; what it raises ends the decoding.

        Returns:
            The bits, or that there are none: a decoding that does not converge is a normal outcome.

        Raises:
            ConfigError: an argument is not of this form.
        """
        from .decoder import WindowDecoder

        self._require_bits("guess", guess)
        rates = self._require_rates(kind, error_rates)
        wanted = self._unpacked(syndrome) ^ self.graph.parities(guess[self.graph.order])
        if threads is not None and threads < 1:
            raise ConfigError(f"{threads} threads: it takes one at least")
        if not 0 < sweeps < 1e6:
            raise ConfigError(f"{sweeps} sweeps: take a positive number, such as 60")
        beliefs = np.log((1 - rates) / rates).astype(np.float32)[kind[self.graph.order]]
        decoder = WindowDecoder(self.graph, wanted, beliefs, sweeps, progress)
        outcome = decoder.run(min(2, os.cpu_count() or 1) if threads is None else threads)
        if outcome.unsatisfied:
            return Decoding(None, False, outcome.sweeps, outcome.unsatisfied)
        bits = np.empty_like(guess)
        bits[self.graph.order] = guess[self.graph.order] ^ outcome.errors
        return Decoding(bits, True, outcome.sweeps, 0)

    def _require_bits(self, name: str, bits: Bits) -> None:
        if bits.dtype != np.uint8 or bits.shape != (self.spec.rounds,):
            raise ConfigError(f"{name}: {bits.dtype} of shape {bits.shape}; this code wants uint8 of shape ({self.spec.rounds},)")
        if len(bits) and int(bits.max()) > 1:
            raise ConfigError(f"{name}: there are other values than 0 and 1 in it; are the bits still packed?")

    def _require_rates(self, kind: NDArray[np.uint8], error_rates: Sequence[float]) -> NDArray[np.float64]:
        rates = np.array(error_rates, np.float64)
        if rates.ndim != 1 or not 0 < len(rates) <= 256 or not np.all((rates > 0) & (rates <= 0.5)):
            raise ConfigError(f"error rates {tuple(error_rates)}: they must be above 0 and at most 1/2")
        if kind.dtype != np.uint8 or kind.shape != (self.spec.rounds,):
            raise ConfigError(f"kind: {kind.dtype} of shape {kind.shape}; this code wants uint8 of shape ({self.spec.rounds},)")
        if int(kind.max()) >= len(rates):
            raise ConfigError(f"kind: there are kinds above {len(rates) - 1}, but only {len(rates)} error rates")
        return rates

    def _unpacked(self, syndrome: bytes) -> Bits:
        wanted = self.spec.syndrome_bits
        if len(syndrome) != -(-wanted // 8):
            raise ConfigError(
                f"a syndrome of {len(syndrome)} bytes; this code's has {-(-wanted // 8)}. Do both parties have the same code?"
            )
        bits = np.unpackbits(np.frombuffer(syndrome, np.uint8))
        if bits[wanted:].any():
            raise ConfigError("a syndrome with more bits than this code has checks; do both parties have the same code?")
        return bits[:wanted]


def warm_up() -> None:
    """Compile all kernels, or load them from the cache."""
    from . import decoder_kernel, graph_kernel
    from .decoder import phi_table

    code = Code.build(CodeSpec(400, 200, 3, 20, 3, seed=1))
    bits = np.zeros(400, np.uint8)
    wrong = bits.copy()
    wrong[::40] = 1
    code.decode(code.syndrome(bits), wrong, bits, (0.03,), threads=1)
    # These are called by other kernels only, which from the cache come without them.
    edges, zeros = (np.array([0, 2], np.int32), np.arange(2, dtype=np.int32)), np.zeros((2, 1), np.int32)
    floats = np.zeros((decoder_kernel.SCRATCH, 2), np.float32)
    memory = np.zeros(1, np.uint8), np.zeros(2, np.float32), np.ones(2, np.float32), phi_table()
    decoder_kernel.update_checks(edges, memory, (floats, floats.view(np.int32)), np.int64(0), np.int64(1))
    decoder_kernel.sweep(edges, memory, (floats, floats.view(np.int32)), np.array([0, 1]), 0, 0, 1, np.zeros(4, np.int64))
    graph_kernel.below(np.zeros(1, np.uint64), np.int64(2))
    graph_kernel.tangle(np.int32(0), edges[1], *edges, zeros, edges[1], edges[1].copy(), np.int64(0))
    graph_kernel.exchange(edges[1].copy(), np.array([[0], [1]], np.int32), edges[1], np.int32(0), np.int64(1))
