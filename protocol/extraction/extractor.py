"""What all extractors have in common: how they are called, how bits lie in bytes, and what is refused.

One order everywhere: bit 0 comes first, and is the highest bit of the first byte (``numpy.packbits``). Unused low bits of a last byte are 0
in a key; in a seed they are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError

Progress = Callable[[float], None]


class Extractor(Protocol):
    """Makes a key out of outcomes that are partly known, with a seed that is independent of them."""

    @property
    def input_bits(self) -> int:
        """Number of outcomes, n."""
        ...

    @property
    def output_bits(self) -> int:
        """Length of the key, l."""
        ...

    @property
    def seed_bits(self) -> int:
        """Length of the seed."""
        ...

    def extract(self, bits: NDArray[np.uint8], seed: bytes, *, threads: int | None = None, progress: Progress | None = None) -> bytes:
        """The key, packed.

        Args:
            bits: the outcomes, 0 or 1, shape (``input_bits``,).
            seed: packed, ``seed_bits`` bits in as few bytes as hold them.
            threads: how many work; by default one a processor. The key does not depend on it.
            progress: is told now and then which share is done, in the calling thread; what it raises ends the extraction.

        Returns:
            ``output_bits`` bits in as few bytes as hold them, the unused low bits of the last one 0.

        Raises:
            ConfigError: bits or seed have another form. The message says which; it shows neither.
        """
        ...


def checked(extractor: Extractor, bits: NDArray[np.uint8], seed: bytes, threads: int | None) -> NDArray[np.uint8]:
    """Look at the arguments of ``extract``.

    Returns:
        The seed as an array of bytes.

    Raises:
        ConfigError: one of them is not as :meth:`Extractor.extract` says.
    """
    name = type(extractor).__name__
    if not isinstance(bits, np.ndarray) or bits.dtype != np.uint8 or bits.shape != (extractor.input_bits,):
        found = f"{bits.dtype} of shape {bits.shape}" if isinstance(bits, np.ndarray) else type(bits).__name__
        raise ConfigError(f"{name}: the bits must be a uint8 array of shape ({extractor.input_bits},), one bit an entry; this is {found}")
    if bits.size and bits.max() > 1:
        raise ConfigError(f"{name}: an entry of the bits is neither 0 nor 1; bits are not packed here")
    if not isinstance(seed, bytes):
        raise ConfigError(f"{name}: the seed must be bytes, not {type(seed).__name__}")
    size = bytes_for(extractor.seed_bits)
    if len(seed) != size:
        raise ConfigError(f"{name}: the seed has {len(seed)} bytes; {extractor.seed_bits} bits in {size} bytes are expected")
    if threads is not None and threads < 1:
        raise ConfigError(f"{name}: {threads} threads; there must be one at least")
    return np.frombuffer(seed, np.uint8)


def bytes_for(bits: int) -> int:
    """Bytes that hold so many bits."""
    return -(-bits // 8)
