"""The key pool: what is given out, what is refused, what is on disk."""

import errno
import json
import logging
import os
import stat
import sys

import numpy as np
import pytest

from eventready.errors import ConfigError, KeyPoolError, LogCorrupt
from eventready.protocol.authentication import Direction, require_tag, tag
from eventready.protocol.keys.entries import NOWHERE
from eventready.protocol.keys.material import PoolMaterial
from eventready.protocol.keys.pool import KeyPool
from eventready.protocol.keys.reading import read_ledger

A_TO_B, B_TO_A = Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE
TWO_EACH = {A_TO_B: 2, B_TO_A: 2}
FIRST, SECOND, THIRD = (bytes([k]) * 16 for k in (1, 2, 3))


def reopen(pool, folder):
    pool.close()
    return KeyPool.open(folder)


# -- making and opening --------------------------------------------------------------------------------------------------------------------


def test_a_pair_is_equal_and_random(tmp_path):
    KeyPool.create_pair(tmp_path / "a", tmp_path / "b", seed_bits=1003, pad_words=7)
    with KeyPool.open(tmp_path / "a") as alice, KeyPool.open(tmp_path / "b") as bob:
        assert (alice.party, bob.party) == ("alice", "bob")
        assert alice.identity == bob.identity
        assert len(alice.identity) == 16
        assert alice.hash_key() == bob.hash_key()
        assert len(alice.hash_key()) == 160
        assert alice.seed(1003) == bob.seed(1003)
    materials = [PoolMaterial.read(tmp_path / name / "material.bin") for name in "ab"]
    assert materials[0].pads == materials[1].pads
    parts = [materials[0].identity, materials[0].seed, materials[0].hash_key, *materials[0].pads, materials[0].journal_key]
    assert len(set(parts)) == len(parts)
    KeyPool.create_pair(tmp_path / "c", tmp_path / "d", seed_bits=1003, pad_words=7)
    others = PoolMaterial.read(tmp_path / "c" / "material.bin")
    assert all(one != other for one, other in zip(parts[:3], (others.identity, others.seed, others.hash_key), strict=True))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_owner_can_read_it(tmp_path, pair):
    pair[0].add_generated(FIRST, b"\xaa", 8)
    for path in [tmp_path / "alice", *(tmp_path / "alice").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_pool_is_never_written_over(tmp_path, labelled, pair):
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match="there is something here already"):
        KeyPool.create(tmp_path / "alice", labelled())
    with pytest.raises(ConfigError, match="there is something here already"):
        KeyPool.create_pair(tmp_path / "new", tmp_path / "bob", seed_bits=8, pad_words=1)
    assert not (tmp_path / "new").exists()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_one_process_at_a_time_holds_a_pool(tmp_path, pair):
    with pytest.raises(ConfigError, match="another process"):
        KeyPool.open(tmp_path / "alice")
    assert read_ledger(tmp_path / "alice")[1].used == (0, 0)  # but one may look
    pair[0].close()
    KeyPool.open(tmp_path / "alice").close()


def test_what_is_no_pool_is_refused(tmp_path, pair):
    with pytest.raises(ConfigError, match="there is no key pool here"):
        KeyPool.open(tmp_path)
    pair[0].close()
    (tmp_path / "alice" / "journal.log").unlink()
    with pytest.raises(KeyPoolError, match="has no journal"):
        KeyPool.open(tmp_path / "alice")


@pytest.mark.parametrize(("seed_bits", "pad_words"), [(-1, 1), (8, 0), (2**40, 1)])
def test_sizes_that_cannot_be_are_refused(seed_bits, pad_words):
    with pytest.raises(ConfigError, match="cannot be made"):
        PoolMaterial.draw("alice", seed_bits=seed_bits, pad_words=pad_words)


def test_a_source_that_runs_dry_makes_no_pool(tmp_path):
    with pytest.raises(KeyPoolError, match="gave 3 bytes instead of"):
        KeyPool.create_pair(tmp_path / "a", tmp_path / "b", seed_bits=80, pad_words=1, source=lambda size: bytes(3))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [0, 30, 200, -1])
def test_damaged_material_is_refused(tmp_path, pair, place):
    pair[0].close()
    path = tmp_path / "alice" / "material.bin"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(KeyPoolError, match="damaged"):
        KeyPool.open(tmp_path / "alice")
    path.write_bytes(b"")
    with pytest.raises(KeyPoolError, match="damaged"):
        KeyPool.open(tmp_path / "alice")


def test_the_journal_of_another_pool_is_refused(tmp_path, pair):
    """Bob's is under the same key; one of another pair is not."""
    for pool in pair:
        pool.close()
    KeyPool.create_pair(tmp_path / "c", tmp_path / "d", seed_bits=8, pad_words=20)
    for other, said in (("bob", "not of the material beside it"), ("c", "does not fit the pool's material")):
        (tmp_path / "alice" / "journal.log").write_bytes((tmp_path / other / "journal.log").read_bytes())
        with pytest.raises(LogCorrupt, match=said):
            KeyPool.open(tmp_path / "alice")


# -- what can be used again ----------------------------------------------------------------------------------------------------------------


def test_the_seed_is_cut_to_length(tmp_path):
    stream = np.random.default_rng(5)
    KeyPool.create_pair(tmp_path / "a", tmp_path / "b", seed_bits=77, pad_words=1, source=stream.bytes)
    bits = np.unpackbits(np.frombuffer(np.random.default_rng(5).bytes(10), np.uint8))[:77]
    with KeyPool.open(tmp_path / "a") as pool:
        for length in (0, 1, 8, 63, 76, 77):
            assert pool.seed(length) == np.packbits(bits[:length]).tobytes()
        for length in (78, -1):
            with pytest.raises(KeyPoolError, match=f"{length} bits and this pool has 77; make new pools"):
                pool.seed(length)


# -- what is used once ---------------------------------------------------------------------------------------------------------------------


def test_sessions_get_words_of_their_own_the_same_at_both_ends(pair, meet, numbers):
    alice, bob = pair
    meet(alice, bob)
    given = [numbers(pool.reserve(FIRST, {A_TO_B: 3, B_TO_A: 2})) for pool in pair]
    assert given[0] == given[1] == [0, 1, 2, 2**40, 2**40 + 1]
    given = [numbers(pool.reserve(SECOND, {B_TO_A: 1})) for pool in pair]
    assert given[0] == given[1] == [2**40 + 2]
    given = [numbers(pool.reserve(THIRD, {A_TO_B: 1})) for pool in pair]
    assert given[0] == given[1] == [3]


def test_words_serve_as_pads(pair, meet):
    alice, bob = pair
    meet(alice, bob)
    ours, theirs = (pool.reserve(FIRST, TWO_EACH) for pool in pair)
    place = {"session": FIRST, "direction": A_TO_B, "number": 1}
    said = tag(b"syndrome", hash_key=alice.hash_key(), pad=ours.word(A_TO_B, 1), **place)
    require_tag(b"syndrome", hash_key=bob.hash_key(), pad=theirs.word(A_TO_B, 1), **place, tag=said)
    with pytest.raises(KeyPoolError, match="has reserved 2 one-time words for alice to bob and asks for number 2"):
        ours.word(A_TO_B, 2)
    with pytest.raises(KeyPoolError, match="asks for number -1"):
        ours.word(A_TO_B, -1)


def test_a_session_that_is_taken_up_again_gets_the_same_words(tmp_path, pair, meet, numbers):
    meet(*pair)
    first = numbers(pair[0].reserve(FIRST, TWO_EACH))
    pair[0].reserve(SECOND, TWO_EACH)
    with reopen(pair[0], tmp_path / "alice") as again:
        assert numbers(again.reserve(FIRST, TWO_EACH)) == first
        with pytest.raises(KeyPoolError, match="other numbers"):
            again.reserve(FIRST, {A_TO_B: 2, B_TO_A: 3})


def test_a_session_that_is_over_gets_nothing_more(tmp_path, pair, meet):
    meet(*pair)
    pair[0].reserve(FIRST, TWO_EACH)
    pair[0].retire(FIRST)
    pair[0].retire(FIRST)
    pair[0].retire(SECOND)  # ended before it reserved anything
    with reopen(pair[0], tmp_path / "alice") as again:
        for session in (FIRST, SECOND):
            with pytest.raises(KeyPoolError, match="this session is over"):
                again.reserve(session, TWO_EACH)


def test_nothing_is_reserved_before_offsets_were_compared(tmp_path, pair, meet):
    with pytest.raises(KeyPoolError, match="only after both parties have compared"):
        pair[0].reserve(FIRST, TWO_EACH)
    meet(*pair)
    pair[0].reserve(FIRST, TWO_EACH)
    with reopen(pair[0], tmp_path / "alice") as again, pytest.raises(KeyPoolError, match="only after both parties have compared"):
        again.reserve(SECOND, TWO_EACH)


def test_a_pool_that_is_used_up_says_so_and_loses_nothing(pair, meet, numbers):
    meet(*pair)
    pair[0].reserve(FIRST, {A_TO_B: 19})
    with pytest.raises(KeyPoolError, match=r"not enough one-time words left.*2 alice to bob, 2 bob to alice"):
        pair[0].reserve(SECOND, TWO_EACH)
    assert numbers(pair[0].reserve(SECOND, {A_TO_B: 1})) == [19]


@pytest.mark.parametrize("words", [{}, {A_TO_B: 0}, {A_TO_B: -1, B_TO_A: 3}])
def test_numbers_that_cannot_be_are_refused(pair, meet, words):
    meet(*pair)
    for ask in (pair[0].reserve, pair[0].refill):
        with pytest.raises(ConfigError, match="no number of one-time words"):
            ask(FIRST, words)
    with pytest.raises(ConfigError, match="no number of one-time words"):
        pair[0].skip(words)
    with pytest.raises(ConfigError, match="16 bytes, this one has 3"):
        pair[0].reserve(b"abc", TWO_EACH)


def test_words_are_on_record_before_they_are_given(tmp_path, labelled, meet):
    """When ``reserve`` has not returned, the sync has failed or not been asked for; when it has, a copy of the disk knows of it."""
    synced = []

    def fsync(handle):
        synced.append(os.fstat(handle).st_size)

    with KeyPool.create(tmp_path / "a", labelled(), fsync=fsync) as alice, KeyPool.create(tmp_path / "b", labelled("bob")) as bob:
        meet(alice, bob)
        before = synced[-1]
        alice.reserve(FIRST, TWO_EACH)
        assert synced[-1] == (tmp_path / "a" / "journal.log").stat().st_size > before
        alice.retire(FIRST)
        assert synced[-1] == (tmp_path / "a" / "journal.log").stat().st_size


def test_after_a_failed_sync_the_pool_gives_nothing_more(tmp_path, labelled, meet, numbers):
    fail = []

    def fsync(handle):
        if fail:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with KeyPool.create(tmp_path / "a", labelled(), fsync=fsync) as alice, KeyPool.create(tmp_path / "b", labelled("bob")) as bob:
        meet(alice, bob)
        alice.add_generated(THIRD, b"\xaa", 8)
        first = numbers(alice.reserve(FIRST, TWO_EACH))
        fail.append(1)
        with pytest.raises(KeyPoolError, match="a write or sync failed: Input/output error"):
            alice.reserve(SECOND, TWO_EACH)
        fail.clear()
        for again in (
            lambda: alice.reserve(FIRST, TWO_EACH),
            lambda: alice.reserve(SECOND, TWO_EACH),
            lambda: alice.retire(FIRST),
            lambda: alice.take_generated(THIRD, 8),
            alice.offsets,
            lambda: alice.agree(bob.offsets()),
        ):
            with pytest.raises(KeyPoolError, match="no more can be done with this pool"):
                again()
    with KeyPool.open(tmp_path / "a") as alice:
        assert numbers(alice.reserve(FIRST, TWO_EACH)) == first


def test_a_closed_pool_does_nothing(pair):
    pair[0].close()
    pair[0].close()
    with pytest.raises(KeyPoolError, match="it was closed"):
        pair[0].offsets()


# -- damage --------------------------------------------------------------------------------------------------------------------------------


def test_damage_in_the_middle_is_never_skipped_over(tmp_path, pair, meet):
    meet(*pair)
    for k in range(5):
        pair[0].reserve(bytes([k]) * 16, TWO_EACH)
    pair[0].close()
    path = tmp_path / "alice" / "journal.log"
    whole = path.read_bytes()
    last = whole.rfind(b"EvR\x01")
    for place in range(0, last, 7):
        data = bytearray(whole)
        data[place] ^= 0x10
        path.write_bytes(data)
        with pytest.raises(LogCorrupt, match=r"journal.log: entry \d+ at byte \d+"):
            KeyPool.open(tmp_path / "alice")


def test_a_torn_tail_is_cut_off_and_told(tmp_path, pair, meet, numbers, caplog):
    meet(*pair)
    first = numbers(pair[0].reserve(FIRST, TWO_EACH))
    path = tmp_path / "alice" / "journal.log"
    before = path.read_bytes()
    pair[0].reserve(SECOND, TWO_EACH)
    pair[0].close()
    whole = path.read_bytes()
    for size in range(len(before) + 1, len(whole)):
        path.write_bytes(whole[:size])
        caplog.clear()
        with KeyPool.open(tmp_path / "alice") as pool:
            assert numbers(pool.reserve(FIRST, TWO_EACH)) == first
        assert f"cut off {size - len(before)} bytes" in caplog.text
        assert path.read_bytes() == before


def test_a_word_is_bound_to_one_content(tmp_path, pair, meet, numbers):
    """Also after the pool was closed: the digest is on record before the word is given out."""
    meet(*pair)
    pool, contents = pair[0], [bytes([k]) * 32 for k in range(3)]
    words = numbers(pool.reserve(FIRST, TWO_EACH))
    given = [pool.word(FIRST, direction, number, contents[0]) for direction in (A_TO_B, B_TO_A) for number in (0, 1)]
    assert [int.from_bytes(word, "big") for word in given] == words
    pool = reopen(pool, tmp_path / "alice")
    assert pool.word(FIRST, A_TO_B, 1, contents[0]) == given[1]
    for other in contents[1:]:
        with pytest.raises(KeyPoolError, match="used for another content"):
            pool.word(FIRST, A_TO_B, 1, other)
    with pytest.raises(KeyPoolError, match="asks for number 2"):
        pool.word(FIRST, A_TO_B, 2, contents[0])
    with pytest.raises(KeyPoolError, match="has not reserved"):
        pool.word(SECOND, A_TO_B, 0, contents[0])
    with pytest.raises(ConfigError, match="a digest has 32 bytes"):
        pool.word(FIRST, A_TO_B, 0, b"short")
    pool.retire(FIRST)
    with pytest.raises(KeyPoolError, match="over"):
        pool.word(FIRST, A_TO_B, 1, contents[0])
    pool.close()


def test_an_entry_that_the_pool_would_not_write_is_refused(tmp_path, pair, labelled, chained):
    """Whole frames under the right key: only somebody who has it could write them, or a mistake of ours."""
    from eventready.protocol.keys.entries import Bound, Compared, Created, Generated, Refilled, Reserved, Restored, Retired, Taken, encode

    pair[0].close()
    path = tmp_path / "alice" / "journal.log"
    material = labelled(words=20)
    created = encode(Created(material.identity, "alice", (20, 20)), 1)
    wrong = [
        [created, encode(Compared((1, 21), NOWHERE), 2)],
        [created, encode(Compared((5, 5), NOWHERE), 2), encode(Compared((4, 9), NOWHERE), 3)],
        [created, encode(Compared((5, 5), NOWHERE), 3)],
        [created, encode(Restored((0, 0), NOWHERE, NOWHERE), 1)],
        [created, encode(Reserved(FIRST, (0, 1), (1, 1)), 2)],
        [created, encode(Reserved(FIRST, (0, 0), (0, 0)), 2)],
        [created, encode(Reserved(FIRST, (0, 0), (21, 0)), 2)],
        [created, encode(Reserved(FIRST, (0, 0), (1, 1)), 2), encode(Reserved(FIRST, (1, 1), (1, 1)), 3)],
        [created, encode(Retired(FIRST), 2), encode(Reserved(FIRST, (0, 0), (1, 1)), 3)],
        [created, encode(Retired(FIRST), 2), encode(Retired(FIRST), 3)],
        [created, encode(Generated(FIRST, 8, False), 2), encode(Generated(FIRST, 8, False), 3)],
        [created, encode(Generated(FIRST, 8, False), 2), encode(Taken(FIRST, 9), 3)],
        [created, encode(Taken(FIRST, 1), 2)],
        [created, encode(Refilled(FIRST, (1, 0)), 2)],
        [created, encode(Bound(FIRST, A_TO_B, 0, bytes(32)), 2)],
        [created, encode(Reserved(FIRST, (0, 0), (1, 1)), 2), encode(Bound(FIRST, A_TO_B, 1, bytes(32)), 3)],
        [created, encode(Reserved(FIRST, (0, 0), (1, 1)), 2), *(encode(Bound(FIRST, A_TO_B, 0, bytes([k]) * 32), 3 + k) for k in (0, 1))],
        [created, created],
        [created, (99, bytes(8))],
        [created, (2, bytes(8))],
        [(1, created[1][:24] + b"\x07" + created[1][25:])],
        [encode(Retired(FIRST), 1)],
    ]
    for frames in wrong:
        path.write_bytes(chained(material.journal_key, *frames))
        with pytest.raises(LogCorrupt, match="is whole and wrong"):
            KeyPool.open(tmp_path / "alice")
    path.write_bytes(chained(material.journal_key, created, encode(Compared((5, 5), NOWHERE), 2)))
    KeyPool.open(tmp_path / "alice").close()


# -- generated keys ------------------------------------------------------------------------------------------------------------------------


def test_generated_keys_are_kept_and_handed_out_once(tmp_path, pair):
    key = np.random.default_rng(3).bytes(12) + b"\xf0"
    bits = np.unpackbits(np.frombuffer(key, np.uint8))[:100]
    assert pair[0].add_generated(FIRST, key, 100, simulated=False) == 100
    assert pair[0].add_generated(SECOND, b"\x80", 1) == 101
    assert pair[0].take_generated(FIRST, 13) == np.packbits(bits[:13]).tobytes()
    with reopen(pair[0], tmp_path / "alice") as pool:
        assert pool.take_generated(FIRST, 80) == np.packbits(bits[13:93]).tobytes()
        with pytest.raises(KeyPoolError, match="7 bits left, and 8 are asked for"):
            pool.take_generated(FIRST, 8)
        assert pool.take_generated(FIRST, 7) == np.packbits(bits[93:]).tobytes()
        with pytest.raises(KeyPoolError, match="0 bits left"):
            pool.take_generated(FIRST, 1)
        with pytest.raises(KeyPoolError, match="has made no key"):
            pool.take_generated(THIRD, 1)
        assert [(key.session, key.bits, key.taken, key.simulated) for key in pool.generated()] == [
            (FIRST, 100, 100, False),
            (SECOND, 1, 0, True),
        ]


def test_a_run_makes_one_key(tmp_path, pair):
    pair[0].add_generated(FIRST, b"\xaa", 8)
    with reopen(pair[0], tmp_path / "alice") as pool:
        assert pool.add_generated(FIRST, b"\xaa", 8) == 8  # as after a crash, when nobody knows whether it was kept
        for key, bits, simulated in ((b"\xab", 8, True), (b"\xaa\x00", 16, True), (b"\xaa", 7, True), (b"\xaa", 8, False)):
            with pytest.raises(KeyPoolError, match="a second one is refused"):
                pool.add_generated(FIRST, key, bits, simulated=simulated)


@pytest.mark.parametrize(("key", "bits"), [(b"", 0), (b"\0", 9), (b"\0\0", 8), (b"\1", 7)])
def test_a_key_that_is_not_as_long_as_told_is_refused(pair, key, bits):
    with pytest.raises(KeyPoolError, match="bits"):
        pair[0].add_generated(FIRST, key, bits)


def test_a_damaged_generated_key_is_noticed(tmp_path, pair):
    pair[0].add_generated(FIRST, b"\xaa" * 20, 160)
    [path] = (tmp_path / "alice" / "generated").iterdir()
    data = bytearray(path.read_bytes())
    data[9] ^= 1
    path.write_bytes(data)
    with pytest.raises(LogCorrupt, match="not there or damaged"):
        pair[0].take_generated(FIRST, 8)
    path.unlink()
    with pytest.raises(LogCorrupt, match="not there or damaged"):
        pair[0].take_generated(FIRST, 8)
    assert pair[0].generated()[0].taken == 0


def test_generated_key_becomes_one_time_words(tmp_path, pair, meet, numbers):
    alice, bob = pair
    words = [100, 101, 2**50]
    key = b"\xc0" + b"".join(word.to_bytes(8, "big") for word in words) + b"\x01"
    for pool in pair:
        pool.add_generated(FIRST, key, len(key) * 8, simulated=False)
    alice.take_generated(FIRST, 8)
    bob.take_generated(FIRST, 8)
    alice.refill(FIRST, {A_TO_B: 2, B_TO_A: 1})
    with pytest.raises(KeyPoolError, match="have not turned the same generated keys"):
        meet(alice, bob)
    bob.refill(FIRST, {A_TO_B: 2, B_TO_A: 1})
    meet(alice, bob)
    given = [numbers(pool.reserve(SECOND, {A_TO_B: 22, B_TO_A: 21})) for pool in pair]
    assert given[0] == given[1] == [*range(20), 100, 101, *(2**40 + k for k in range(20)), 2**50]
    with reopen(alice, tmp_path / "alice") as again:
        assert numbers(again.reserve(SECOND, {A_TO_B: 22, B_TO_A: 21})) == given[0]
        assert again.take_generated(FIRST, 8) == b"\x01"


def test_a_simulated_key_becomes_no_pads_unless_by_name(pair):
    pair[0].add_generated(FIRST, bytes(8), 64)
    with pytest.raises(KeyPoolError, match="simulated run"):
        pair[0].refill(FIRST, {A_TO_B: 1})
    pair[0].refill(FIRST, {A_TO_B: 1}, allow_simulated=True)
    with pytest.raises(KeyPoolError, match="0 bits left, and 64"):
        pair[0].refill(FIRST, {A_TO_B: 1}, allow_simulated=True)


# -- the balance ---------------------------------------------------------------------------------------------------------------------------


def test_the_published_balance(tmp_path, meet):
    """Nadlinger et al., Nature 607, 682 (2022), Table 1."""
    KeyPool.create_pair(tmp_path / "a", tmp_path / "b", seed_bits=1_201_886, pad_words=2)
    with KeyPool.open(tmp_path / "a") as alice, KeyPool.open(tmp_path / "b") as bob:
        sheet = alice.balance()
        assert (sheet.seed_bits, sheet.hash_key_bits, sheet.pad_bits) == (1_201_886, 1_280, 256)
        assert (sheet.before, sheet.after, sheet.net) == (1_203_422, 1_203_422, 0)
        meet(alice, bob)
        alice.reserve(FIRST, TWO_EACH)
        assert alice.balance().after == 1_203_166
        alice.add_generated(FIRST, bytes(11_986), 95_884)
        alice.retire(FIRST)
        sheet = alice.balance()
        assert (sheet.before, sheet.after, sheet.net) == (1_203_422, 1_299_050, 95_628)
        alice.take_generated(FIRST, 1000)
        alice.refill(FIRST, {A_TO_B: 3}, allow_simulated=True)
        sheet = alice.balance()
        assert (sheet.net, sheet.taken_bits, sheet.refilled_bits, sheet.unused_pad_bits) == (95_628, 1000, 192, 192)
        assert sheet.untaken_bits == 95_884 - 1192
        assert sheet.simulated_bits == 95_884
        assert sheet.skipped_pad_bits == 0


# -- secrets -------------------------------------------------------------------------------------------------------------------------------


def test_nothing_secret_is_told(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    KeyPool.create_pair(tmp_path / "a", tmp_path / "b", seed_bits=800, pad_words=7)
    material = PoolMaterial.read(tmp_path / "a" / "material.bin")
    with KeyPool.open(tmp_path / "a") as alice, KeyPool.open(tmp_path / "b") as bob:
        alice.skip({A_TO_B: 4})
        said = [alice.offsets(), bob.offsets()]
        alice.agree(said[1])
        pads = alice.reserve(FIRST, TWO_EACH)
        alice.add_generated(FIRST, b"\xc3" * 32, 256)
        texts = [repr(thing) for thing in (alice, material, pads, *said, alice.generated())]
        for call in (lambda: alice.reserve(SECOND, TWO_EACH), lambda: alice.seed(801), lambda: bob.confirm(FIRST, said[0])):
            with pytest.raises(KeyPoolError) as caught:
                call()
            texts.append(str(caught.value))
    told = "\n".join([*texts, caplog.text])
    secrets = [material.seed, material.hash_key, *material.pads, material.journal_key, pads.word(A_TO_B, 0), b"\xc3" * 32]
    for secret in secrets:
        assert secret.hex()[:16] not in told
        assert repr(secret)[2:20] not in told
    assert json.dumps(said[0].used)[1:-1] not in told
    assert "used" not in repr(said[0])
