"""Bits to extract from, and how keys are compared."""

import hashlib

import numpy as np
import pytest


@pytest.fixture(scope="session")
def bits_of():
    """Bits that everybody can make again: SHAKE-256 of a name."""

    def bits(name, count):
        return np.unpackbits(np.frombuffer(hashlib.shake_256(name.encode()).digest(-(-count // 8)), np.uint8), count=count)

    return bits


@pytest.fixture(scope="session")
def packed():
    """Bits as bytes."""
    return lambda bits: np.packbits(bits).tobytes()
