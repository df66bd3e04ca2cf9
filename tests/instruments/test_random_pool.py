"""The pool: whatever is asked of it, no byte comes twice and none out of place."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from eventready.errors import KeyPoolError
from eventready.instruments.random_pool import RandomPool


class PoolAgainstList(RuleBasedStateMachine):
    """The pool beside a list of all bytes that were ever put in; None where one is gone."""

    def __init__(self):
        super().__init__()
        self.pool = RandomPool()
        self.everything = []
        self.next = 0

    @rule(data=st.binary(max_size=20))
    def append(self, data):
        self.pool.append(data)
        self.everything += data

    @rule(ahead=st.integers(-5, 10), n_bytes=st.integers(-1, 10))
    def take(self, ahead, n_bytes):
        position = self.next + ahead
        if ahead < 0 or n_bytes < 0 or position + n_bytes > len(self.everything):
            with pytest.raises(KeyPoolError):
                self.pool.take(position, n_bytes)
        else:
            assert list(self.pool.take(position, n_bytes)) == self.everything[position : position + n_bytes]
            self.next = position + n_bytes

    @rule()
    def wipe(self):
        self.pool.wipe()
        self.next = len(self.everything)

    @invariant()
    def what_is_left(self):
        assert len(self.pool) == len(self.everything) - self.next

    @invariant()
    def what_is_used_is_overwritten(self):
        held = self.pool._bytes
        used = len(held) - len(self.pool)
        assert held[:used] == bytes(used)


TestPool = PoolAgainstList.TestCase


def test_messages_and_repr_tell_no_secret():
    pool = RandomPool()
    pool.append(b"\xab" * 77)
    pool.take(31, 2)
    assert repr(pool) == "<RandomPool with 44 bytes>"
    for position, n_bytes in ((31, 1), (40, 100)):
        with pytest.raises(KeyPoolError) as caught:
            pool.take(position, n_bytes)
        assert not any(char.isdigit() for char in str(caught.value))


def test_what_is_wiped_is_overwritten():
    pool = RandomPool()
    pool.append(b"secret")
    held = pool._bytes
    pool.append(b"more")
    assert held == bytes(6)
    held = pool._bytes
    pool.wipe()
    assert held == bytes(10)
