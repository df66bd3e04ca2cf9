"""Bits with errors on them."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def make_noise():
    """Alice's bits, Bob's guess and the kind of each round: ``shares`` of the rounds have ``rates`` of errors."""

    def make(rounds, rates, shares=(1.0,), seed=1):
        rng = np.random.default_rng(seed)
        bits = rng.integers(0, 2, rounds, dtype=np.uint8)
        kind = rng.choice(len(rates), rounds, p=shares).astype(np.uint8)
        return bits, bits ^ (rng.random(rounds) < np.array(rates)[kind]), kind

    return make
