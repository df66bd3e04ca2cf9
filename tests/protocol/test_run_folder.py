"""The folder of a run: made whole or not at all, and verified to the byte."""

import json
import os
import stat

import numpy as np
import pandas as pd
import pytest

from eventready.errors import ConfigError, LogCorrupt
from eventready.protocol.log_writer import RoundLogWriter
from eventready.protocol.round_array import COLUMNS
from eventready.protocol.run_folder import RunFolder, load_run

# Making one


def test_layout(tmp_path):
    folder = RunFolder.create(tmp_path / "new" / "run", link_yaml="link: munich\n")
    made = sorted(path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*"))
    assert made == ["alice", "alice/chain.key", "bob", "bob/chain.key", "link.yaml", "public"]
    assert folder.link_yaml.read_text() == "link: munich\n"
    names = {
        folder.manifest: "manifest.json",
        folder.log("alice"): "alice/rounds.log",
        folder.log("public"): "public/rounds.log",
        folder.events("bob"): "bob/events.jsonl",
        folder.party_manifest("bob"): "bob/manifest.json",
        folder.truth: "truth",
        folder.blocks_db: "blocks.db",
        folder.engine_log: "engine.log",
        folder.report: "report.html",
    }
    assert {path.relative_to(folder.path).as_posix() for path in names} == set(names.values())
    assert len({folder.key("alice"), folder.key("bob"), RunFolder.create(tmp_path / "other").key("alice")}) == 3
    assert (len(folder.key("alice")), folder.key("public")) == (32, b"")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_keys_and_private_folders_are_their_owners_only(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    for party in ("alice", "bob"):
        assert stat.S_IMODE(folder.chain_key(party).stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.party_folder(party).stat().st_mode) == 0o700


def test_an_empty_folder_may_be_taken(tmp_path):
    (tmp_path / "run").mkdir()
    assert RunFolder.create(tmp_path / "run").party_folder("alice").is_dir()


def test_a_taken_path_is_refused_and_left_alone(tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.tex").write_text("precious")
    file = tmp_path / "file"
    file.write_text("precious")
    for path in (taken, file, file / "below"):
        with pytest.raises(ConfigError, match="choose another output folder"):
            RunFolder.create(path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "taken", "thesis.tex"]


@pytest.mark.parametrize("broken", ["os.fsync", "pathlib.Path.write_text", "pathlib.Path.rename"])
def test_a_failure_leaves_nothing(tmp_path, mocker, broken):
    mocker.patch(broken, side_effect=OSError(28, "No space left on device"))
    with pytest.raises(ConfigError, match="No space left"):
        RunFolder.create(tmp_path / "run", link_yaml="x")
    assert list(tmp_path.iterdir()) == []


# Manifests and verification


def test_manifest_holds_public_facts_only(make_run):
    folder = make_run(20)
    manifest = json.loads(folder.manifest.read_text())
    assert manifest.pop("public_head") == json.loads(folder.party_manifest("public").read_text())["head"]
    assert manifest == {
        "schema": 1,
        "run_id": "run-7",
        "config_digest": "c0ffee",
        "hardware": "twin",
        "purpose": "characterise",
        "rounds": {"alice": 20, "bob": 20, "public": 20},
        "sequence_digests": {"alice": "5e9", "bob": "5e9", "public": "5e9"},
        "vetoed": 2,
        "segments": 0,
    }
    for party in ("alice", "bob"):
        private = json.loads(folder.party_manifest(party).read_text())
        assert (private["party"], private["rounds"]) == (party, 20)
        assert private["head"] not in folder.manifest.read_text()


def test_a_good_run_verifies_and_its_manifest_may_be_written_again(make_run):
    folder = make_run()
    folder.verify()
    before = folder.manifest.read_bytes()
    folder.write_manifest()
    assert folder.manifest.read_bytes() == before
    folder.verify()


@pytest.mark.parametrize("party", ["alice", "bob", "public"])
def test_every_flipped_byte_of_a_log_is_noticed_and_located(make_run, party):
    folder = make_run(4)
    log = folder.log(party)
    data = log.read_bytes()
    for position in range(len(data)):
        log.write_bytes(data[:position] + bytes([data[position] ^ 1 << position % 8]) + data[position + 1 :])
        with pytest.raises(LogCorrupt, match=r"rounds\.log: .*(byte \d+|no whole header)") as caught:
            folder.read_log(party)
        assert str(log) in str(caught.value)
    log.write_bytes(data)
    folder.verify()


def test_every_flipped_byte_of_a_manifest_or_key_is_noticed(make_run):
    folder = make_run(4)
    files = [folder.manifest, *(folder.party_manifest(party) for party in ("alice", "bob", "public"))]
    for path in (*files, folder.chain_key("alice")):
        data = path.read_bytes()
        complaint = path.name + ": from byte {} on" if path in files else "does not fit the chain key"
        for position in range(len(data)):
            path.write_bytes(data[:position] + bytes([data[position] ^ 1 << position % 8]) + data[position + 1 :])
            with pytest.raises(LogCorrupt, match=complaint.format(position)):
                folder.verify()
        path.write_bytes(data)
    folder.verify()


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_the_wrong_length(make_run, size):
    folder = make_run()
    folder.chain_key("bob").write_bytes(bytes(size))
    with pytest.raises(LogCorrupt, match=f"32 bytes, here are {size}"):
        folder.verify()


def test_a_log_cut_short_at_a_frame_or_lengthened_is_noticed(make_run):
    folder = make_run(4)
    log = folder.log("bob")
    data = log.read_bytes()
    for changed in (data[: -(8 + 48)], data + b"\0"):
        log.write_bytes(changed)
        with pytest.raises(LogCorrupt, match="does not end with a close frame"):
            folder.verify()


def test_a_log_written_anew_by_whoever_holds_the_key_is_noticed(make_run, make_header, make_rounds, append_all):
    folder = make_run(4)
    log = folder.log("alice")
    log.unlink()
    writer = RoundLogWriter.create(log, make_header("alice"), folder.key("alice"))
    append_all(writer, make_rounds(0, 4, "bob"))
    writer.close()
    for check in (folder.verify, lambda: load_run(folder.path, "alice")):
        with pytest.raises(LogCorrupt, match="one of the two was changed"):
            check()


def test_a_lost_manifest_of_a_party_is_noticed(make_run):
    folder = make_run()
    folder.party_manifest("alice").unlink()
    with pytest.raises(LogCorrupt, match="byte 0"):
        folder.verify()


def test_the_log_of_another_party_or_run_is_noticed(make_run):
    folder, other = make_run(4), make_run(4, name="other", run_id="run-8")
    for name in ("rounds.log", "chain.key"):
        (folder.path / "bob" / name).write_bytes((folder.path / "alice" / name).read_bytes())
    with pytest.raises(LogCorrupt, match="this is the log of alice"):
        folder.verify()
    for name in ("rounds.log", "chain.key"):
        (folder.path / "bob" / name).write_bytes((other.path / "bob" / name).read_bytes())
    with pytest.raises(LogCorrupt, match="different run_id"):
        folder.write_manifest()


def test_an_unfinished_run_gets_no_manifest(make_run):
    folder = make_run(finish=False)
    with pytest.raises(LogCorrupt, match="does not end with a close frame"):
        folder.write_manifest()
    assert not folder.is_finished
    assert not folder.party_manifest("alice").exists()
    with pytest.raises(ConfigError, match="resume it first"):
        folder.verify()


def test_a_party_without_a_record_of_a_herald_gets_no_manifest(make_run):
    folder = make_run(finish=False, counts={"bob": 19})
    for party in ("alice", "bob", "public"):
        RoundLogWriter.reopen(folder.log(party), folder.key(party)).close()
    with pytest.raises(LogCorrupt, match="bob's log holds 19 rounds and the public log 20"):
        folder.write_manifest()
    assert not folder.is_finished


@pytest.mark.parametrize("closed", [["alice"], ["bob", "public"], ["alice", "bob", "public"]])
def test_a_run_that_broke_off_while_it_was_being_closed_is_finished(make_run, closed):
    folder = make_run(finish=False)
    with pytest.raises(ConfigError, match="resume it"):
        folder.finish()
    for party in closed:
        RoundLogWriter.reopen(folder.log(party), folder.key(party)).close()
    with folder.log(closed[-1]).open("ab") as file:
        file.write(b"torn")
    folder.finish()
    folder.verify()
    assert folder.is_finished


def test_a_missing_round_gets_no_manifest(tmp_path, make_run, make_header, make_rounds, append_all):
    folder = make_run(6)
    log = folder.log("bob")
    log.unlink()
    writer = RoundLogWriter.create(log, make_header("bob"), folder.key("bob"))
    append_all(writer, np.delete(make_rounds(0, 6, "bob"), 2))
    writer.close()
    with pytest.raises(LogCorrupt, match="round 2 is missing"):
        folder.write_manifest()


def test_a_manifest_that_cannot_be_written_leaves_the_run_unfinished(make_run, mocker):
    folder = make_run()
    folder.manifest.unlink()
    mocker.patch("os.replace", side_effect=OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space"):
        folder.write_manifest()
    assert not folder.is_finished
    assert not list(folder.path.rglob("*.tmp"))


def test_characterised_is_marked_in_both_private_folders_and_stays(make_run):
    folder = make_run()
    assert not folder.is_characterised
    folder.mark_characterised()
    folder.mark_characterised()
    assert folder.is_characterised
    (folder.path / "alice" / "characterised").unlink()
    assert folder.is_characterised
    folder.verify()


# load_run


@pytest.mark.parametrize("party", ["alice", "bob", "public"])
def test_load_run(make_run, make_rounds, make_vetoed, party):
    rounds = load_run(str(make_run(20).path), party)
    expected = make_rounds(0, 20, party)
    if party == "public":
        expected = np.concatenate([expected, make_vetoed(2)])
    assert np.array_equal(rounds, expected)
    assert rounds.finished
    assert rounds.header.party == party


def test_load_run_of_an_unfinished_run(make_run, caplog):
    folder = make_run(finish=False)
    with folder.log("alice").open("ab") as file:
        file.write(b"torn")
    caplog.set_level("INFO")
    rounds = load_run(folder.path, "alice")
    assert (len(rounds), rounds.finished) == (20, False)
    assert "unfinished run; alice's log ends with 4 torn bytes" in caplog.text


def test_load_run_refuses_clearly(make_run, tmp_path):
    with pytest.raises(ConfigError, match=r"no party 'eve'; it is one of alice, bob, public"):
        load_run(make_run().path, "eve")
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigError, match="not the folder of a run"):
            load_run(path, "alice")


def test_to_pandas_keeps_every_integer(make_run):
    rounds = load_run(make_run().path, "public")
    frame = rounds.to_pandas()
    assert tuple(frame.columns) == COLUMNS
    for name in COLUMNS:
        assert frame[name].dtype == rounds.dtype[name]
        assert np.array_equal(frame[name].to_numpy(), rounds[name])
    assert isinstance(frame, pd.DataFrame)


def test_a_round_array_behaves_like_an_array_and_prints_no_secret(make_run):
    rounds = load_run(make_run().path, "bob")
    assert repr(rounds) == str(rounds) == f"{rounds}" == "<RoundArray: 20 rounds of bob>"
    some = rounds[rounds["index"] > 4]
    assert repr(some[:3]) == "<RoundArray: 3 rounds of bob>"
    assert type(rounds["outcome"]) is np.ndarray
    assert some.header is rounds.header
    assert some.to_pandas()["index"].tolist() == list(range(5, 20))
    assert repr(load_run(make_run(name="b", finish=False).path, "bob")) == "<RoundArray: 20 rounds of bob, run not finished>"
