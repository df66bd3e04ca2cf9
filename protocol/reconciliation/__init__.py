"""Error correction: Bob's bits become Alice's, at the price of what she tells about them.

:class:`Code` is one-way (spatially coupled LDPC): a syndrome from Alice, fixed in length before the run. :mod:`.cascade` needs fewer bits
for small blocks, but answers go both ways.
"""

from .code import Code, Decoding
from .shipped import shipped_syndrome_bits
from .spec import CodeSpec

__all__ = ["Code", "CodeSpec", "Decoding", "shipped_syndrome_bits"]
