"""``eventready key`` and ``session``: from a simulated run to a key, of a soundness that is good for nothing but short tests."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from eventready.protocol.keys.generated import read_key
from eventready.protocol.keys.pool_folder import PoolFolder
from eventready.protocol.keys.reading import read_ledger
from eventready.protocol.planning import plan_one_basis
from eventready.protocol.run_folder import RunFolder
from eventready.stations import key_plan
from eventready.stations.config import copy_link
from eventready.stations.link import open_link

ROUNDS = 40_000
PROTOCOL = "protocol: {chsh: 2.66, qber: 0.0155, soundness: 0.5, analysis: renyi, credit: 1, code: shipped}"


@pytest.fixture(scope="module")
def loose_link(tmp_path_factory):
    """The Oxford link, planned so loosely that a few seconds of rounds make a key."""
    folder = tmp_path_factory.mktemp("loose")
    copy_link("oxford", folder)
    path = folder / "link.yaml"
    text, count = re.subn(r"^protocol: \{.*\}.*$", PROTOCOL, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert count == 1
    path.write_text(text.replace('test_fraction: "13/256"', 'test_fraction: "26/256"'), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def loose_run(loose_link, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "key"
    with open_link(loose_link, seed=11) as link:
        link.run(folder, rounds=ROUNDS, purpose="key")
    return folder


@pytest.fixture
def run(loose_run, tmp_path):
    """A copy of that run, whose key has not been made."""
    shutil.copytree(loose_run, tmp_path / "run")
    return tmp_path / "run"


def keys_of(pool):
    """Length and bits of the keys in a pool."""
    place, ledger = PoolFolder(pool), read_ledger(pool)[1]
    return [(key.bits, read_key(place.generated_key(key.sequence), key.bits)) for key in ledger.generated.values()]


def test_a_run_becomes_a_key(eventready, run):
    code, out, err = eventready("key", run)
    assert code == 0, err
    (alice,), (bob,) = keys_of(run / "alice" / "pool"), keys_of(run / "bob" / "pool")
    assert alice == bob
    bits, key = alice
    assert f"simulated key of {bits:,} bits" in out
    assert 0.35 < np.unpackbits(np.frombuffer(key, np.uint8))[:bits].mean() < 0.65  # 8 sigma of 3000 bits
    assert "Balance of secret bits" in out and "rests on" in out and "UNPROVED LEMMA" in out
    page = (run / "key.html").read_text(encoding="utf-8")
    assert "<svg" in page and key.hex() not in page
    assert not RunFolder(run).is_characterised
    assert out.isascii() and err.isascii()


def test_a_second_key_from_one_run_is_refused(eventready, run):
    assert eventready("key", run)[0] == 0
    before = keys_of(run / "alice" / "pool")
    code, out, err = eventready("key", run)
    assert (code, out) == (2, "")
    assert "gives one key" in err
    assert keys_of(run / "alice" / "pool") == before


def test_json(eventready, run):
    code, out, _ = eventready("key", run, "--json")
    found = json.loads(out)
    assert code == 0 and found["outcome"] == "key" and found["rounds"] == ROUNDS
    assert found["key_bits"] == keys_of(run / "bob" / "pool")[0][0]
    assert {stage["party"] for stage in found["stages"]} == {"alice", "bob"}


def test_an_abort_says_why_and_is_not_tried_again(eventready, run, mocker):
    """A plan that accepts no lost test at all."""
    mocker.patch.object(key_plan, "plan_one_basis", lambda *args, **rest: replace(plan_one_basis(*args, **rest), most_losses=0))
    code, out, _ = eventready("key", run)
    assert code == 1
    assert "No key" in out and "too many test rounds were lost" in out
    mocker.stopall()
    assert keys_of(run / "alice" / "pool") == keys_of(run / "bob" / "pool") == []
    code, _, err = eventready("key", run)
    assert code == 2 and "not tried again" in err


def test_what_makes_no_key_is_refused(eventready, run, tmp_path, key_run, oxford_run, munich_run):
    for path, words in (
        (key_run.path, "500 rounds"),
        (oxford_run.path, "characterise the link"),
        (munich_run.path, "characterise the link"),
        (tmp_path / "nothing", "not the folder of a run"),
    ):
        code, out, err = eventready("key", path)
        assert (code, out) == (2, ""), err
        assert words in err
    assert eventready("analyse", run, "--burn")[0] == 0
    code, _, err = eventready("key", run)
    assert code == 2 and "looked at together" in err


def test_a_changed_configuration_is_refused(eventready, run):
    path = run / "link.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("chsh: 2.66", "chsh: 2.5"), encoding="utf-8")
    code, _, err = eventready("key", run)
    assert code == 2 and "not the configuration" in err


def test_a_pool_of_ones_own(eventready, run, tmp_path):
    assert eventready("keys", "init", tmp_path / "pools", "--seed", 100_000, "--words", 8)[0] == 0
    code, _, err = eventready("key", run, "--pool", tmp_path / "pools")
    assert code == 0, err
    assert keys_of(tmp_path / "pools" / "alice") == keys_of(tmp_path / "pools" / "bob") != []
    assert not (run / "alice" / "pool").exists()


# -- two processes -------------------------------------------------------------------------------------------------------------------------


def split(run, tmp_path, party):
    """What that party's machine holds of a run."""
    folder = tmp_path / f"{party}_pc"
    folder.mkdir()
    for name in ("link.yaml", "manifest.json"):
        shutil.copy(run / name, folder / name)
    shutil.copytree(run / party, folder / party)
    return folder


def test_two_processes_on_two_machines_folders(eventready, run, tmp_path, monkeypatch):
    """Each with its own folder; a listener on the line sees TLS, and neither sees the other's files."""
    monkeypatch.chdir(tmp_path)
    for party in ("alice", "bob"):
        assert eventready("session", "certificate", party)[0] == 0
    assert eventready("keys", "init", "pools", "--seed", 100_000, "--words", 8)[0] == 0
    folders = {party: split(run, tmp_path, party) for party in ("alice", "bob")}
    command = [sys.executable, "-c", "from eventready.cli import main; main()", "session"]

    def arguments(party, peer, *line):
        return [
            *command, party, str(folders[party]), "--pool", f"pools/{party}", *line,
            "--certificate", f"{party}.crt", "--key", f"{party}.key", "--peer", f"{peer}.crt", "--patience", "60",
        ]  # fmt: skip

    alice = subprocess.Popen(
        arguments("alice", "bob", "--listen", "127.0.0.1:0"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    try:
        port = re.search(r"listening at 127\.0\.0\.1:(\d+)", alice.stderr.readline())[1]
        bob = subprocess.run(
            arguments("bob", "alice", "--connect", f"127.0.0.1:{port}"), capture_output=True, encoding="utf-8", timeout=100
        )
        out, err = alice.communicate(timeout=60)
    finally:
        alice.kill()
        alice.wait()
    assert bob.returncode == 0, bob.stderr
    assert alice.returncode == 0, err
    assert "of simulated key" in out and "of simulated key" in bob.stdout
    assert keys_of(tmp_path / "pools" / "alice") == keys_of(tmp_path / "pools" / "bob") != []


def test_a_session_needs_one_way_to_meet(eventready, run, tmp_path):
    common = ("session", "alice", run, "--pool", "p", "--certificate", "c", "--key", "k", "--peer", "p")
    for line in ((), ("--listen", "a:1", "--connect", "b:1")):
        code, _, err = eventready(*common, *line)
        assert code == 2 and "either --listen or --connect" in err
