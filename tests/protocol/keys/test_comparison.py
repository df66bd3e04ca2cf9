"""What two pools make of each other's offsets: skips, restored backups, forgeries."""

import shutil
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.errors import KeyPoolError
from eventready.protocol.authentication import Direction
from eventready.protocol.keys.comparison import MOST_SKIPPED
from eventready.protocol.keys.entries import NOWHERE, Position
from eventready.protocol.keys.offsets import OFFSETS_BYTES, PoolOffsets
from eventready.protocol.keys.pool import KeyPool

A_TO_B, B_TO_A = Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE
TWO_EACH = {A_TO_B: 2, B_TO_A: 2}
SESSIONS = [bytes([k]) * 16 for k in range(1, 9)]


@pytest.fixture
def session(pair, meet):
    """A session of both parties from its beginning: agree, reserve, confirm; returns their words."""

    def run(name, alice=pair[0], bob=pair[1]):
        meet(alice, bob)
        pads = [pool.reserve(name, TWO_EACH) for pool in (alice, bob)]
        said = alice.offsets(), bob.offsets()
        alice.confirm(name, said[1])
        bob.confirm(name, said[0])
        return pads

    return run


@pytest.fixture
def backup(tmp_path):
    """Copies of a party's pool, and putting one back."""

    class Backups:
        def take(self, party, name="backup"):
            shutil.copytree(tmp_path / party, tmp_path / f"{party}-{name}")

        def restore(self, pool, party, name="backup"):
            pool.close()
            shutil.rmtree(tmp_path / party)
            shutil.copytree(tmp_path / f"{party}-{name}", tmp_path / party)
            return KeyPool.open(tmp_path / party, fsync=lambda handle: None)

    return Backups()


def test_pools_that_agree_go_on(pair, session, numbers):
    for k in range(3):
        pads = session(SESSIONS[k])
        assert numbers(pads[0]) == numbers(pads[1]) == [2 * k, 2 * k + 1, 2**40 + 2 * k, 2**40 + 2 * k + 1]
    assert pair[0].balance().skipped_pad_bits == 0


def test_what_only_one_party_began_is_skipped_by_the_other(pair, session, meet, numbers, tmp_path):
    """Alice reserves and dies; Bob never hears of it. That is no error, at neither end."""
    alice, bob = pair
    meet(alice, bob)
    alice.reserve(SESSIONS[0], TWO_EACH)
    alice.close()
    with KeyPool.open(tmp_path / "alice") as alice:
        pads = session(SESSIONS[1], alice, bob)
        assert numbers(pads[0]) == numbers(pads[1]) == [2, 3, 2**40 + 2, 2**40 + 3]
    assert bob.balance().skipped_pad_bits == 4 * 64


def test_each_direction_is_skipped_to_where_both_agree(pair, meet, numbers):
    alice, bob = pair
    meet(alice, bob)
    alice.reserve(SESSIONS[0], {A_TO_B: 5, B_TO_A: 1})
    bob.reserve(SESSIONS[1], {A_TO_B: 1, B_TO_A: 4})
    meet(alice, bob)
    given_words = [numbers(pool.reserve(SESSIONS[2], {A_TO_B: 1, B_TO_A: 1})) for pool in pair]
    assert given_words[0] == given_words[1] == [5, 2**40 + 4]


@pytest.mark.parametrize("party", ["alice", "bob"])
def test_a_restored_backup_is_noticed_at_both_ends_and_repeats_nothing(pair, session, backup, numbers, party):
    pools = dict(zip(("alice", "bob"), pair, strict=True))
    session(SESSIONS[0])
    backup.take(party)
    used = set(numbers(session(SESSIONS[1])[0])) | set(numbers(session(SESSIONS[2])[0]))
    with backup.restore(pools[party], party) as restored:
        other = pools["bob" if party == "alice" else "alice"]
        said = restored.offsets(), other.offsets()
        with pytest.raises(
            KeyPoolError, match=r"restored from a backup or a snapshot.*8 one-time words that may have been used were skipped"
        ):
            restored.agree(said[1])
        with pytest.raises(KeyPoolError, match="the peer's pool is older than it was"):
            other.agree(said[0])
        with pytest.raises(KeyPoolError, match="only after both parties have compared"):
            restored.reserve(SESSIONS[3], TWO_EACH)
        pools[party] = restored
        for k in (4, 5):  # and the next sessions begin as if nothing had been
            words = numbers(session(SESSIONS[k], pools["alice"], pools["bob"])[0])
            assert not used & set(words)
            used |= set(words)


def test_a_backup_that_lost_only_an_entry_is_noticed_too(pair, session, backup):
    """Nothing was used since, but what was retired or handed out would be forgotten."""
    session(SESSIONS[0])
    backup.take("bob")
    pair[1].add_generated(SESSIONS[0], b"\xaa", 8)
    pair[1].take_generated(SESSIONS[0], 8)
    session(SESSIONS[1])
    bob = backup.restore(pair[1], "bob")
    with bob, pytest.raises(KeyPoolError, match="restored"):
        bob.agree(pair[0].offsets())


def test_a_backup_that_went_on_by_itself_is_noticed(pair, session, backup):
    """Its journal is longer than what the peer has seen, and another one."""
    session(SESSIONS[0])
    backup.take("bob")
    session(SESSIONS[1])
    with backup.restore(pair[1], "bob") as bob:
        for k in range(40):
            bob.retire(bytes([100 + k]) * 16)
        with pytest.raises(KeyPoolError, match="restored"):
            bob.agree(pair[0].offsets())
        session(SESSIONS[2], bob=bob)


def test_the_same_backup_twice(pair, session, backup, numbers):
    session(SESSIONS[0])
    backup.take("alice")
    used = set(numbers(session(SESSIONS[1])[0]))
    alice, bob = pair
    for k in (2, 3):
        alice = backup.restore(alice, "alice")
        with pytest.raises(KeyPoolError, match="restored"):
            alice.agree(bob.offsets())
        words = set(numbers(session(SESSIONS[k], alice, bob)[0]))
        assert not used & words
        used |= words
    alice.close()


def test_a_pool_put_back_to_its_beginning_is_noticed(pair, session, backup):
    backup.take("bob")
    session(SESSIONS[0])
    with backup.restore(pair[1], "bob") as bob:
        said = bob.offsets()
        with pytest.raises(KeyPoolError, match="restored"):
            bob.agree(pair[0].offsets())
        with pytest.raises(KeyPoolError, match="older than it was"):
            pair[0].agree(said)
        session(SESSIONS[1], bob=bob)


# -- confirming ----------------------------------------------------------------------------------------------------------------------------


def test_words_are_confirmed_only_when_both_have_set_them_aside(pair, meet):
    alice, bob = pair
    meet(alice, bob)
    with pytest.raises(KeyPoolError, match="has not reserved any"):
        alice.confirm(SESSIONS[0], bob.offsets())
    alice.reserve(SESSIONS[0], TWO_EACH)
    with pytest.raises(KeyPoolError, match="has not set the one-time words of this session aside"):
        alice.confirm(SESSIONS[0], bob.offsets())
    bob.reserve(SESSIONS[0], {A_TO_B: 2, B_TO_A: 1})
    with pytest.raises(KeyPoolError, match="has not set"):
        alice.confirm(SESSIONS[0], bob.offsets())


def test_a_confirmed_word_is_remembered_by_the_peer(pair, meet, backup, numbers):
    """Alice is restored to just before she reserved: only what Bob has on record can tell her."""
    alice, bob = pair
    meet(alice, bob)
    backup.take("alice")
    used = numbers(alice.reserve(SESSIONS[0], TWO_EACH))
    bob.reserve(SESSIONS[0], TWO_EACH)
    alice.confirm(SESSIONS[0], bob.offsets())
    with backup.restore(alice, "alice") as alice:
        meet(alice, bob)
        assert not set(used) & set(numbers(alice.reserve(SESSIONS[1], TWO_EACH)))


# -- what comes from elsewhere -------------------------------------------------------------------------------------------------------------


def test_the_pool_of_another_pair_or_the_same_party_is_refused(tmp_path, pair):
    KeyPool.create_pair(tmp_path / "c", tmp_path / "d", seed_bits=8, pad_words=20)
    with KeyPool.open(tmp_path / "d") as stranger, pytest.raises(KeyPoolError, match="a pool of another pair"):
        pair[0].agree(stranger.offsets())
    with pytest.raises(KeyPoolError, match="both parties have the pool of alice"):
        pair[0].agree(pair[0].offsets())


def forged(pool, **fields):
    return replace(pool.offsets(), **fields)


@pytest.mark.parametrize(
    "fields",
    [{"used": (21, 0)}, {"used": (2**64 - 1, 0)}, {"seen": Position(2**64 - 1, bytes(16))}, {"position": Position(2**40, bytes(16))}],
    ids=str,
)
def test_claims_that_cannot_be_change_nothing(tmp_path, pair, fields, session):
    before = (tmp_path / "alice" / "journal.log").read_bytes()
    with pytest.raises(KeyPoolError, match=r"damaged or forged\. Nothing was skipped"):
        pair[0].agree(forged(pair[1], **fields))
    assert (tmp_path / "alice" / "journal.log").read_bytes() == before
    session(SESSIONS[0])


def test_a_forger_cannot_burn_the_pool(tmp_path, labelled):
    with KeyPool.create(tmp_path / "a", labelled()) as alice, KeyPool.create(tmp_path / "b", labelled("bob")) as bob:
        with pytest.raises(KeyPoolError, match=rf"has used {MOST_SKIPPED + 1} one-time words more .*at most {MOST_SKIPPED} are skipped"):
            alice.agree(forged(bob, used=(MOST_SKIPPED, 1)))
        assert alice.balance().used_pad_bits == 0
        alice.agree(forged(bob, used=(MOST_SKIPPED, 0)))
        assert alice.balance().skipped_pad_bits == 64 * MOST_SKIPPED
        alice.agree(forged(bob, used=(2000, 0)), most_skipped=2000)
        alice.skip({A_TO_B: 2})
        assert alice.balance().skipped_pad_bits == 64 * 2002
        with pytest.raises(KeyPoolError, match="not as many"):
            alice.skip({A_TO_B: 2999})


def test_forged_positions_cost_a_session_and_not_the_pool(pair, session):
    """Somebody tells Alice of a journal of Bob's that never was. Bob then takes himself for restored, once."""
    session(SESSIONS[0])
    pair[0].agree(forged(pair[1], position=Position(10**6, b"x" * 16)))
    with pytest.raises(KeyPoolError, match="restored"):
        pair[1].agree(pair[0].offsets())
    session(SESSIONS[1])
    pair[0].agree(forged(pair[1]))
    with pytest.raises(KeyPoolError, match="restored"):
        pair[0].agree(forged(pair[1], seen=Position(7777, b"y" * 16)))
    with pytest.raises(KeyPoolError, match="older than it was"):
        pair[0].agree(forged(pair[1], position=NOWHERE))
    session(SESSIONS[2])


def test_offsets_travel_as_bytes(pair, meet):
    meet(*pair)
    said = pair[0].offsets()
    assert len(said.encode()) == OFFSETS_BYTES
    assert PoolOffsets.decode(said.encode()) == said


@given(st.binary(max_size=150))
def test_bytes_that_are_no_offsets_are_refused(data):
    with pytest.raises(KeyPoolError, match="the peer's message about its key pool"):
        PoolOffsets.decode(data)


@given(st.integers(0, OFFSETS_BYTES - 1), st.integers(0, 255), st.integers(0, OFFSETS_BYTES + 9))
def test_changed_offsets_are_read_or_refused_and_nothing_else(place, byte, size):
    good = PoolOffsets(bytes(16), "bob", (1, 2), bytes(16), NOWHERE, NOWHERE).encode()
    data = bytearray(good)
    data[place] = byte
    try:
        assert PoolOffsets.decode(bytes(data)).encode() == data
    except KeyPoolError:
        assert place < 4 or place == 20
    changed = good[:size].ljust(size, b"\0")
    if size != OFFSETS_BYTES:
        with pytest.raises(KeyPoolError):
            PoolOffsets.decode(changed)
