"""Tags: what was said passes, and nothing else does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.errors import AuthenticationFailed, EventreadyError
from eventready.protocol.authentication import HEAD_BYTES, Direction, encrypt_hash, hash_fits, require_tag, tag
from eventready.protocol.hashing_reference import vhash64_by_integers

RNG = np.random.default_rng(7)
HASH_KEY, PAD, OTHER_PAD = RNG.bytes(160), RNG.bytes(8), RNG.bytes(8)
SESSION, OTHER_SESSION = RNG.bytes(16), RNG.bytes(16)
KEYS = {"hash_key": HASH_KEY, "pad": PAD, "session": SESSION}
PLACE = KEYS | {"direction": Direction.ALICE_TO_BOB, "number": 3}


def refuse(message, sent, **place):
    with pytest.raises(AuthenticationFailed, match="does not fit its tag"):
        require_tag(message, **(PLACE | place), tag=sent)


@given(st.binary(max_size=300), st.sampled_from(Direction), st.integers(0, 2**64 - 1))
def test_what_was_said_passes(message, direction, number):
    place = KEYS | {"direction": direction, "number": number}
    require_tag(message, **place, tag=tag(message, **place))


def test_a_tag_is_the_hash_of_head_and_message_plus_the_pad():
    """Said once more by hand, from the table in docs/reference/key-pool.md."""
    message = b"accept"
    head = b"EvRtag-1" + SESSION + bytes([1]) + (3).to_bytes(8, "big") + len(message).to_bytes(8, "big")
    assert len(head) == HEAD_BYTES == 41
    expected = (vhash64_by_integers(head + message, HASH_KEY) + int.from_bytes(PAD, "big")) % 2**64
    assert tag(message, **PLACE) == expected.to_bytes(8, "big")


@given(st.binary(min_size=1, max_size=200), st.data())
@settings(max_examples=60)
def test_changed_shortened_and_lengthened_messages_are_refused(message, data):
    sent = tag(message, **PLACE)
    place = data.draw(st.integers(0, 8 * len(message) - 1))
    changed = bytearray(message)
    changed[place // 8] ^= 1 << place % 8
    cut = data.draw(st.integers(0, len(message) - 1))
    for wrong in (bytes(changed), message[:cut], message[len(message) - cut :], message + b"\0", b"\0" + message):
        refuse(wrong, sent)


@pytest.mark.parametrize(
    "place",
    [
        {"number": 2},
        {"number": 4},
        {"direction": Direction.BOB_TO_ALICE},
        {"session": OTHER_SESSION},
        {"pad": OTHER_PAD},
        {"hash_key": bytes(160)},
    ],
    ids=lambda place: next(iter(place)),
)
def test_a_message_at_another_place_is_refused(place):
    """Replayed, reordered, sent back, of another session; under the same pad (which the head must tell apart) or another."""
    sent = tag(b"accept", **PLACE)
    refuse(b"accept", sent, **place)
    refuse(b"accept", tag(b"accept", **(PLACE | place)))


@pytest.mark.parametrize("wrong", [b"", bytes(8), bytes(7), bytes(9)])
def test_a_tag_that_is_none_is_refused(wrong):
    refuse(b"accept", wrong)


@given(st.integers(0, 63))
def test_every_bit_of_the_tag_counts(place):
    sent = bytearray(tag(b"accept", **PLACE))
    sent[place // 8] ^= 1 << place % 8
    refuse(b"accept", bytes(sent))


def test_what_is_hashed_cannot_be_read_in_two_ways():
    """Bytes moved between head and message, and a raw key passed off as a message."""
    tags = {
        tag(b"", **PLACE),
        tag(bytes(8), **PLACE),
        tag(bytes(16), **PLACE),
        tag(b"", **(PLACE | {"number": 0})),
        encrypt_hash(b"", 0, **KEYS),
        encrypt_hash(bytes(1), 8, **KEYS),
        encrypt_hash(bytes(1), 7, **KEYS),
    }
    assert len(tags) == 7


def test_the_message_of_the_error_tells_where_and_no_secret():
    with pytest.raises(AuthenticationFailed) as caught:
        require_tag(b"secret syndrome", **(PLACE | {"direction": Direction.BOB_TO_ALICE}), tag=bytes(8))
    text = str(caught.value)
    assert isinstance(caught.value, EventreadyError)
    assert "message 3 from Bob to Alice (15 bytes)" in text
    for secret in (HASH_KEY, PAD, tag(b"secret syndrome", **(PLACE | {"direction": Direction.BOB_TO_ALICE}))):
        assert secret.hex() not in text
        assert repr(secret) not in text
    assert "syndrome" not in text


# -- the check of the raw key --------------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 1), min_size=1, max_size=200), st.data())
@settings(max_examples=60)
def test_a_raw_key_fits_its_hash_and_one_with_an_error_does_not(bits, data):
    packed = np.packbits(np.array(bits, np.uint8)).tobytes()
    encrypted = encrypt_hash(packed, len(bits), **KEYS)
    assert hash_fits(encrypted, packed, len(bits), **KEYS)
    bits[data.draw(st.integers(0, len(bits) - 1))] ^= 1
    wrong = np.packbits(np.array(bits, np.uint8)).tobytes()
    assert not hash_fits(encrypted, wrong, len(bits), **KEYS)
    assert not hash_fits(encrypted, packed, len(bits), **(KEYS | {"session": OTHER_SESSION}))
    assert not hash_fits(encrypted[:-1], packed, len(bits), **KEYS)


def test_the_length_in_bits_counts():
    """Both keys are one zero byte when packed."""
    assert not hash_fits(encrypt_hash(b"\0", 7, **KEYS), b"\0", 8, **KEYS)


@pytest.mark.parametrize(
    ("packed", "bits", "said"),
    [
        (b"\0", 9, "9 bits are 2 bytes, not 1"),
        (b"\0\0", 8, "8 bits are 1 bytes, not 2"),
        (b"\x01", 7, "must be zero"),
        (b"", -1, "a key cannot have -1 bits"),
    ],
)
def test_bits_that_are_not_as_long_as_told_are_refused(packed, bits, said):
    with pytest.raises(ValueError, match=said):
        encrypt_hash(packed, bits, **KEYS)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"session": bytes(15)}, "16 bytes, this one has 15"),
        ({"pad": bytes(9)}, "8 bytes, this one has 9"),
        ({"hash_key": bytes(128)}, "160 bytes, this one has 128"),
        ({"number": -1}, "not -1"),
        ({"number": 2**64}, "from 0 to"),
    ],
)
def test_arguments_of_another_length_are_a_mistake_of_the_caller(place, said):
    with pytest.raises(ValueError, match=said):
        tag(b"", **(PLACE | place))
    with pytest.raises(ValueError, match=said):
        require_tag(b"", **(PLACE | place), tag=bytes(8))
