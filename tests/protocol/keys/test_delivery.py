"""Delivery: whole files of equal names at both ends, once a session, and no simulated key by accident."""

import errno
import os
import stat
import sys

import numpy as np
import pytest

from eventready.errors import ConfigError, KeyPoolError
from eventready.protocol.keys import delivery
from eventready.protocol.keys.delivery import deliver

KEY = np.random.default_rng(9).bytes(100)
REAL = {"simulated": False, "allow_simulated": False}


def test_a_key_is_cut_and_written_the_same_at_both_ends(tmp_path):
    ends = [deliver(tmp_path / end, "run-7", KEY, **REAL) for end in ("alice", "bob")]
    assert [path.name for path in ends[0]] == [path.name for path in ends[1]] == ["run-7_0.cor", "run-7_1.cor", "run-7_2.cor"]
    for end in ends:
        assert b"".join(path.read_bytes() for path in end) == KEY[:96]
        assert {path.name for path in end[0].parent.iterdir()} == {"run-7_0.cor", "run-7_1.cor", "run-7_2.cor", ".run-7.delivered"}


def test_the_published_key_is_374_keys(tmp_path):
    paths = deliver(tmp_path, "oxford", bytes(11_986), bits=95_884, **REAL)
    assert len(paths) == 374


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_owner_can_read_them(tmp_path):
    for path in deliver(tmp_path / "out", "s", KEY, **REAL):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700


def test_bits_behind_the_last_one_are_no_key(tmp_path):
    """255 bits make 31 keys of 8 bits and not 32."""
    paths = deliver(tmp_path, "s", b"\xff" * 31 + b"\xfe", key_size_bits=8, bits=255, **REAL)
    assert len(paths) == 31
    with pytest.raises(KeyPoolError, match="set behind the last one"):
        deliver(tmp_path, "t", b"\xff" * 32, key_size_bits=8, bits=255, **REAL)
    with pytest.raises(KeyPoolError, match="has 33 bytes"):
        deliver(tmp_path, "t", b"\xff" * 32, key_size_bits=8, bits=257, **REAL)


def test_a_simulated_key_is_delivered_by_name_only_and_named_so(tmp_path):
    with pytest.raises(ConfigError, match="comes from a simulated run"):
        deliver(tmp_path, "s", KEY, simulated=True, allow_simulated=False)
    with pytest.raises(ConfigError, match="comes from a simulated run"):
        deliver(tmp_path, "s", KEY, simulated=True)
    assert list(tmp_path.iterdir()) == []
    paths = deliver(tmp_path, "s", KEY, simulated=True, allow_simulated=True)
    assert [path.name for path in paths] == [f"s_{k}.simulated.cor" for k in range(3)]
    assert deliver(tmp_path, "t", KEY, simulated=False, allow_simulated=True)[0].name == "t_0.cor"


@pytest.mark.parametrize("fetched", ["nothing", "one", "all", "marker"])
def test_a_second_key_of_a_run_is_refused(tmp_path, fetched):
    """Whatever of the first has been fetched and deleted meanwhile; and no file is touched."""
    paths = deliver(tmp_path, "s", KEY, **REAL)
    for path in {"nothing": [], "one": paths[:1], "all": paths, "marker": [tmp_path / ".s.delivered"]}[fetched]:
        path.unlink()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for simulated in (False, True):
        with pytest.raises(ConfigError, match="delivered here, or that was begun"):
            deliver(tmp_path, "s", KEY[::-1], simulated=simulated, allow_simulated=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    deliver(tmp_path, "s2", KEY, **REAL)


def test_of_two_at_once_one_delivers(tmp_path, mocker):
    """The other looked before the first had begun."""
    deliver(tmp_path, "s", KEY, **REAL)
    mocker.patch.object(delivery, "require_deliverable")
    with pytest.raises(ConfigError, match="exists"):
        deliver(tmp_path, "s", KEY[::-1], **REAL)
    assert (tmp_path / "s_0.cor").read_bytes() == KEY[:32]


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_disk_that_fills_up_leaves_whole_files_and_no_second_try(tmp_path, mocker, written):
    real, left = os.replace, [written]

    def replace(source, target):
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        left[0] -= 1
        real(source, target)

    mocker.patch("os.replace", replace)
    with pytest.raises(OSError, match="No space left"):
        deliver(tmp_path, "s", KEY, **REAL)
    left[0] = 99
    found = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
    assert found == [f"s_{k}.cor" for k in range(written)]
    assert all(len((tmp_path / name).read_bytes()) == 32 for name in found)
    assert not list(tmp_path.glob(".*.tmp"))
    with pytest.raises(ConfigError, match="that was begun"):
        deliver(tmp_path, "s", KEY, **REAL)


@pytest.mark.parametrize("name", ["", "a_b", "../a", "a/b", "-a", ".a", "a b", "a" * 65, "ä", "a\n"])
def test_names_that_are_no_names_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be the name of a delivery"):
        deliver(tmp_path / "out", name, KEY, **REAL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("size", "said"), [(0, "multiple of 8"), (12, "multiple of 8"), (-8, "multiple of 8"), (808, "not enough for one of 808")]
)
def test_sizes_that_cannot_be_are_refused(tmp_path, size, said):
    with pytest.raises(ConfigError, match=said):
        deliver(tmp_path / "out", "s", KEY, key_size_bits=size, **REAL)
    assert list(tmp_path.iterdir()) == []
