"""``eventready keys``."""

import json
import os
import stat
import sys

import pytest

from eventready.protocol.authentication import Direction
from eventready.protocol.keys.pool import KeyPool

SESSION = bytes(range(16))
KEY = bytes(range(100, 200))


@pytest.fixture
def pools(eventready, tmp_path):
    """Small pools with one simulated and one other key; returns their folder."""
    assert eventready("keys", "init", tmp_path / "pools", "--seed", 1000, "--words", 8)[0] == 0
    for party in ("alice", "bob"):
        with KeyPool.open(tmp_path / "pools" / party) as pool:
            pool.add_generated(SESSION, KEY, 800, simulated=False)
            pool.add_generated(SESSION[::-1], KEY, 800)
    return tmp_path / "pools"


def test_init_makes_both_pools_and_says_how_to_carry_one(eventready, tmp_path):
    code, out, err = eventready("keys", "init", tmp_path / "new" / "pools", "--seed", 1000, "--words", 8)
    assert code == 0
    assert out.split() == [str(tmp_path / "new" / "pools" / party) for party in ("alice", "bob")]
    assert "Carry one of them to its site" in err
    assert "never restore one from a backup" in err
    for party in ("alice", "bob"):
        if sys.platform != "win32":
            assert stat.S_IMODE((tmp_path / "new" / "pools" / party).stat().st_mode) == 0o700
        with KeyPool.open(tmp_path / "new" / "pools" / party) as pool:
            assert (pool.party, pool.balance().seed_bits, pool.balance().pad_bits) == (party, 1000, 2 * 8 * 64)
    code, out, err = eventready("keys", "init", tmp_path / "new" / "pools")
    assert (code, out) == (2, "")
    assert "never written over" in err


def test_the_default_seed_is_that_of_the_published_run(eventready, tmp_path):
    assert eventready("keys", "init", tmp_path)[0] == 0
    code, out, err = eventready("keys", "balance", tmp_path / "bob")
    assert (code, err) == (0, "")
    rows = {line[:44].strip(): int(line[44:].replace(",", "")) for line in out.splitlines()}
    assert rows["extractor seed, can be used again"] == 1_201_886
    assert rows["one-time words"] == 2 * 2000 * 64
    assert rows["pre-shared before (K0)"] == 1_201_886 + 1280 + 256_000


def test_balance_adds_up(eventready, pools):
    with KeyPool.open(pools / "alice") as pool:
        pool.skip({Direction.ALICE_TO_BOB: 3})
        code, out, err = eventready("keys", "balance", pools / "alice", "--json")  # while another process holds it
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert facts["before"] == 1000 + 1280 + 1024
    assert facts["after"] == facts["before"] - 192 + 1600
    assert facts["net"] == 1408
    code, out, err = eventready("keys", "balance", pools / "alice")
    assert "net                                                1,408\n" in out
    assert err.startswith("800 of the generated bits come from simulated runs")


def test_list_shows_no_bit(eventready, pools):
    code, out, _ = eventready("keys", "list", pools / "alice")
    assert code == 0
    assert out.splitlines() == [
        f"{SESSION.hex()}  800 bits  0 handed out",
        f"{SESSION[::-1].hex()}  800 bits  0 handed out  simulated",
    ]


def test_export_gives_both_ends_the_same_once(eventready, pools, tmp_path):
    for party in ("alice", "bob"):
        code, out, _ = eventready("keys", "export", pools / party, "--session", SESSION.hex(), "--out", tmp_path / party)
        assert (code, out) == (0, f"3 keys of 256 bits in {tmp_path / party}\n")
        for k in range(3):
            assert (tmp_path / party / f"{SESSION.hex()}_{k}.cor").read_bytes() == KEY[32 * k : 32 * (k + 1)]
    code, _, err = eventready("keys", "export", pools / "bob", "--session", SESSION.hex(), "--out", tmp_path / "elsewhere")
    assert code == 2
    assert "0 bits of key are left" in err
    assert not (tmp_path / "elsewhere").exists()


def test_export_of_a_simulated_key_must_be_asked_for(eventready, pools, tmp_path):
    words = ("keys", "export", pools / "alice", "--session", SESSION[::-1].hex(), "--out", tmp_path / "out")
    code, _, err = eventready(*words)
    assert code == 2
    assert "comes from a simulated run" in err
    code, out, _ = eventready(*words, "--simulated", "--size", 128)
    assert (code, out) == (0, f"6 keys of 128 bits in {tmp_path / 'out'}\n")
    assert (tmp_path / "out" / f"{SESSION[::-1].hex()}_5.simulated.cor").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--session", "abc"), "32 hexadecimal digits"),
        (("--session", "00" * 16), "has made no key"),
        (("--session", SESSION.hex(), "--size", "12"), "multiple of 8"),
        (("--session", SESSION.hex(), "--size", "808"), "not enough for one of 808"),
    ],
)
def test_what_cannot_be_exported_takes_nothing(eventready, pools, tmp_path, words, said):
    code, out, err = eventready("keys", "export", pools / "alice", "--out", tmp_path / "out", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert " 0 handed out" in eventready("keys", "list", pools / "alice")[1]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is closed to this user")
def test_a_folder_that_is_closed_takes_nothing(eventready, pools, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    code, _, err = eventready("keys", "export", pools / "alice", "--session", SESSION.hex(), "--out", tmp_path / "closed")
    assert code == 1
    assert "Permission denied" in err
    assert " 0 handed out" in eventready("keys", "list", pools / "alice")[1]


def test_a_file_in_place_of_the_folder_takes_nothing(eventready, pools, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    code, _, err = eventready("keys", "export", pools / "alice", "--session", SESSION.hex(), "--out", tmp_path / "file" / "keys")
    assert code == 1
    assert err.startswith("error: ")
    assert " 0 handed out" in eventready("keys", "list", pools / "alice")[1]


def test_refill_and_skip(eventready, pools):
    code, out, _ = eventready("keys", "refill", pools / "alice", "--session", SESSION.hex(), "--words", 2)
    assert code == 0
    assert "now do the same at the other end" in out
    code, _, err = eventready("keys", "refill", pools / "alice", "--session", SESSION[::-1].hex(), "--words", 2)
    assert code == 1
    assert "simulated run" in err
    assert eventready("keys", "skip", pools / "alice", "--words", 9)[0] == 0
    code, _, err = eventready("keys", "skip", pools / "alice", "--words", 2)
    assert code == 1
    assert "not as many" in err
    facts = json.loads(eventready("keys", "balance", pools / "alice", "--json")[1])
    assert (facts["refilled_bits"], facts["skipped_pad_bits"], facts["net"]) == (256, 18 * 64, 1600 - 18 * 64)


def test_a_pool_that_is_held_or_is_none_is_refused(eventready, pools):
    with KeyPool.open(pools / "alice"):
        code, _, err = eventready("keys", "skip", pools / "alice", "--words", 1)
    assert code == 2
    assert "another process" in err
    code, _, err = eventready("keys", "balance", pools)
    assert code == 2
    assert "there is no key pool here" in err
