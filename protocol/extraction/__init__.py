"""Privacy amplification: a short secret key out of long outcomes that are partly known. Kernels are loaded when they are first used."""

from .extractor import Extractor
from .toeplitz import Toeplitz
from .trevisan import Trevisan

__all__ = ["Extractor", "Toeplitz", "Trevisan"]
