"""Trevisan's extractor: Reed-Solomon-Hadamard bits, made with parts of the seed that a block weak design chooses.

Its seed is short, and can be used again with the next run. It is secure against quantum side information (De, Portmann, Vidick and
Renner, SIAM J. Comput. 41, 915 (2012); Mauerer, Portmann and Scholz, arXiv:1212.0520). The conventions are in
:mod:`.trevisan_reference` (one bit of the key) and :mod:`.design` (which bits of the seed it is made with).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError
from .design import BlockDesign, Overlap
from .extractor import Progress, checked
from .field import exponents, reduction_polynomial
from .parallel import in_pieces

_PIECE = 2048
"""Bits of the key that are made at a time; a multiple of what the kernels take side by side."""


@dataclass(frozen=True)
class Trevisan:
    """The extractor for one length of input and key.

    Attributes:
        input_bits: n.
        output_bits: length of the key, m.
        error: of the whole extractor; m times that of one bit.
        field_bits: l; one bit of the key is made with 2 l bits of the seed.
        design: which.
    """

    input_bits: int
    output_bits: int
    error: float
    field_bits: int
    design: BlockDesign

    @classmethod
    def of(cls, input_bits: int, output_bits: int, error: float, *, overlap: Overlap = "e") -> Trevisan:
        """The extractor with l = ceil(log2 n + 2 log2(2 m / error)) and the smallest seed for that.

        That is the one of Nadlinger et al., Nature 607, 682 (2022): which construction they took is inferred, it gives their 1 201 886
        bits exactly. The source needs a smooth min-entropy of m + 4 log2(m / error) + 6 bits.

        Args:
            input_bits: n.
            output_bits: length of the key, m.
            error: of the whole extractor.
            overlap: of the design within a block (:class:`.design.BlockDesign`); "2" takes a shorter seed.

        Raises:
            ConfigError: a length or the error is out of range.
        """
        if not 1 < output_bits <= input_bits:
            raise ConfigError(f"an extractor from {input_bits} to {output_bits} bits: it needs two bits out at least, and not fewer in")
        if not 0 < error < 1:
            raise ConfigError(f"the error of an extractor lies between 0 and 1; it cannot be {error:g}")
        length = math.ceil(math.log2(input_bits) + 2 * math.log2(2 * output_bits / error))
        return cls(input_bits, output_bits, error, length, BlockDesign(output_bits, 2 * length, overlap))

    @property
    def seed_bits(self) -> int:
        """Length of the seed."""
        return self.design.seed_bits

    def extract(self, bits: NDArray[np.uint8], seed: bytes, *, threads: int | None = None, progress: Progress | None = None) -> bytes:
        """The key; see :meth:`.extractor.Extractor.extract`.

        Raises:
            ConfigError: bits or seed have another form.
        """
        return self.extract_with(fastest_kernel(self.field_bits), bits, seed, threads=threads, progress=progress)

    def extract_with(
        self, kernel: ModuleType, bits: NDArray[np.uint8], seed: bytes, *, threads: int | None = None, progress: Progress | None = None
    ) -> bytes:
        """The key by a kernel of one's choice, one of :func:`usable_kernels`; they all give the same."""
        seed_bits = np.unpackbits(checked(self, bits, seed, threads), count=self.seed_bits)
        evaluate = kernel.evaluator(self._coefficients(bits), np.array(exponents(reduction_polynomial(self.field_bits)), np.int64))
        key = np.zeros(self.output_bits, np.uint8)

        def make(first: int, last: int) -> None:
            chosen = seed_bits[self.design.places(first, last)]
            key[first:last] = evaluate(chosen[:, : self.field_bits], chosen[:, self.field_bits :])

        in_pieces(make, self.output_bits, _PIECE, threads, progress)
        return np.packbits(key).tobytes()

    def _coefficients(self, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Coefficients of the polynomial, one bit an entry, shape (number, field_bits): the highest power and its highest bit first."""
        number = -(-self.input_bits // self.field_bits)
        padded = np.zeros(number * self.field_bits, np.uint8)
        padded[: self.input_bits] = bits
        return padded.reshape(number, self.field_bits)


def usable_kernels(field_bits: int) -> list[ModuleType]:
    """The kernels that work on this machine and for such a field, the fastest first."""
    from . import clmul, sliced

    return [*([clmul] if clmul.usable(field_bits) else []), sliced]


def fastest_kernel(field_bits: int) -> ModuleType:
    """The kernel that :meth:`Trevisan.extract` takes."""
    return usable_kernels(field_bits)[0]
