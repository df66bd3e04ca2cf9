"""Pools whose one-time words tell which they are, so that a test sees when one comes twice."""

import pytest

from eventready.protocol.authentication import Direction
from eventready.protocol.keys.entries import DIRECTIONS
from eventready.protocol.keys.material import PoolMaterial
from eventready.protocol.keys.pool import KeyPool

BOTH = {Direction.ALICE_TO_BOB: 2, Direction.BOB_TO_ALICE: 2}


def no_fsync(handle):
    pass


@pytest.fixture(scope="session")
def labelled():
    """Material whose word k of direction d is the number d * 2^40 + k."""

    def make(party="alice", words=5000, seed_bits=100):
        pads = tuple(b"".join((d << 40 | k).to_bytes(8, "big") for k in range(words)) for d in range(2))
        return PoolMaterial(b"pools of one day", party, seed_bits, bytes(-(-seed_bits // 8)), bytes(range(160)), pads, bytes(range(32)))

    return make


@pytest.fixture(scope="session")
def numbers():
    """The words of a session as the numbers that they are."""

    def of(pads):
        return [int.from_bytes(pads.word(direction, k), "big") for direction in DIRECTIONS for k in range(pads.count(direction))]

    return of


@pytest.fixture
def pair(tmp_path, labelled):
    """Alice's and Bob's pools, open, with a ``fsync`` that does nothing."""
    pools = [KeyPool.create(tmp_path / party, labelled(party, words=20), fsync=no_fsync) for party in ("alice", "bob")]
    yield pools
    for pool in pools:
        pool.close()


@pytest.fixture(scope="session")
def meet():
    """Both tell each other their offsets and agree."""

    def both(alice, bob):
        said = alice.offsets(), bob.offsets()
        alice.agree(said[1])
        bob.agree(said[0])

    return both
