"""Messages are one form or refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.errors import SessionError
from eventready.protocol.authentication import Direction
from eventready.protocol.keys.offsets import OFFSETS_BYTES
from eventready.protocol.session.messages import HEAD, NUMBERS, UNTAGGED, Hello, Kind, Message, Reveal, body_bytes, decode

from .conftest import make_plan

PLAN = make_plan(rounds=1003)


def reveal(seed):
    rng = np.random.default_rng(seed)
    types, settings = rng.integers(0, 2, (2, PLAN.rounds), dtype=np.uint8)
    syndrome = np.packbits(rng.integers(0, 2, PLAN.code.syndrome_bits, dtype=np.uint8)).tobytes()
    return Reveal(rng.bytes(32), types, settings, rng.integers(0, 256, PLAN.rounds, dtype=np.uint8), syndrome, rng.bytes(8))


def a_message(direction, kind, seed=3):
    if kind in UNTAGGED:
        offsets = bytes(OFFSETS_BYTES)
        return Message(kind, direction, Hello(bytes(16), bytes(32), bytes(16), offsets).encode() if kind == Kind.HELLO else offsets)
    body = reveal(seed).encode() if kind == Kind.REVEAL else b"\x01"
    return Message(kind, direction, body, b"12345678")


@pytest.mark.parametrize(("direction", "kind"), NUMBERS)
def test_a_message_comes_out_as_it_went_in(direction, kind):
    message = a_message(direction, kind)
    assert decode(message.encode(), PLAN) == message


def test_a_reveal_comes_out_as_it_went_in():
    sent = reveal(1)
    body = sent.encode()
    assert len(body) == body_bytes(Kind.REVEAL, PLAN)
    got = Reveal.decode(body, PLAN)
    assert got.encode() == body
    for name in ("types", "settings", "patterns"):
        assert np.array_equal(getattr(got, name), getattr(sent, name))


@pytest.mark.parametrize(("direction", "kind"), NUMBERS)
def test_every_shorter_or_longer_one_is_refused(direction, kind):
    raw = a_message(direction, kind).encode()
    for length in {*range(min(len(raw), 40)), len(raw) - 1, len(raw) - 8, len(raw) - 9}:
        with pytest.raises(SessionError):
            decode(raw[:length], PLAN)
    with pytest.raises(SessionError):
        decode(raw + b"\x00", PLAN)


@given(st.binary(max_size=200))
def test_noise_is_refused_in_words(raw):
    with pytest.raises(SessionError):
        decode(raw, PLAN)


@given(st.sampled_from(list(NUMBERS)), st.integers(0, HEAD.size - 1), st.integers(1, 255))
def test_no_other_head_has_the_same_meaning(key, place, change):
    message = a_message(*key)
    raw = bytearray(message.encode())
    raw[place] ^= change
    try:
        got = decode(bytes(raw), PLAN)
    except SessionError:
        return
    assert (got.direction, got.kind) != key  # such as the hello of the other party; never the same in other bytes


def test_bits_behind_the_last_round_or_the_syndrome_are_refused():
    packed = -(-PLAN.rounds // 8)
    assert PLAN.rounds % 8 and PLAN.code.syndrome_bits % 8
    for last in (32 + packed - 1, 32 + 2 * packed - 1, body_bytes(Kind.REVEAL, PLAN) - 8 - 1):
        body = bytearray(reveal(1).encode())
        body[last] |= 1
        with pytest.raises(SessionError, match="bits set behind"):
            Reveal.decode(bytes(body), PLAN)


def test_nothing_secret_is_printed():
    message = a_message(Direction.ALICE_TO_BOB, Kind.REVEAL)
    assert len(repr(message)) < 200
    assert "array" not in repr(reveal(1))
