"""Joining both parties' rounds: exact, marked, and refused where a key is to be made."""

import numpy as np
import pytest

from eventready.errors import ConfigError, LogCorrupt
from eventready.protocol.join import LiveJoin, join_run
from eventready.protocol.records import Flag, RoundType
from eventready.protocol.round_log import RoundLogWriter
from eventready.protocol.run_folder import RunFolder

COLUMNS = ("setting", "outcome", "flags", "herald_ps")


def check_joined(joined, alice, bob):
    assert np.array_equal(joined.index, alice["index"])
    assert np.array_equal(joined.pattern, alice["pattern"])
    for name in COLUMNS:
        assert np.array_equal(getattr(joined, f"alice_{name}"), alice[name])
        assert np.array_equal(getattr(joined, f"bob_{name}"), bob[name])


@pytest.fixture
def make_logs(tmp_path, make_header, append_all):
    """Unfinished logs of given records."""

    def make(alice, bob, bob_run="run-7"):
        folder = RunFolder.create(tmp_path / "logs")
        for party, records, run_id in (("alice", alice, "run-7"), ("bob", bob, bob_run)):
            writer = RoundLogWriter.create(folder.log(party), make_header(party, run_id=run_id), folder.key(party))
            append_all(writer, records)
            writer.abandon()
        return folder

    return make


@pytest.mark.parametrize("finish", [True, False])
def test_joins_equal_indices(make_run, make_rounds, finish):
    folder = make_run(50, finish=finish)
    joined = join_run(folder.path)
    check_joined(joined, make_rounds(0, 50), make_rounds(0, 50, "bob"))
    assert not np.array_equal(joined.alice_outcome, joined.bob_outcome)
    assert len(joined) == 50
    assert repr(joined) == "<JoinedRounds: 50 rounds>"
    assert folder.is_characterised


def test_a_key_run_is_refused_and_stays_good_for_keys(make_run):
    folder = make_run(purpose="key")
    for refused in (lambda: join_run(folder.path), lambda: LiveJoin(folder)):
        with pytest.raises(ConfigError, match="gives up its key"):
            refused()
    assert not folder.is_characterised
    assert len(join_run(folder.path, burn=True)) == 20
    assert folder.is_characterised


def test_a_key_run_on_real_hardware_is_never_joined(make_run):
    folder = make_run(purpose="key", hardware="real")
    for refused in (lambda: join_run(folder.path), lambda: join_run(folder.path, burn=True), lambda: LiveJoin(folder)):
        with pytest.raises(ConfigError, match="never joined"):
            refused()
    assert not folder.is_characterised
    assert len(join_run(make_run(name="test", purpose="characterise", hardware="real").path)) == 20


def test_the_mark_comes_before_the_first_look(make_run, mocker):
    folder = make_run()
    mocker.patch.object(RunFolder, "read_log", side_effect=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        join_run(folder.path)
    assert folder.is_characterised


def test_a_party_that_is_behind_is_named(make_run):
    folder = make_run(counts={"alice": 20, "bob": 18}, finish=False)
    with pytest.raises(LogCorrupt, match="alice's log holds 20 rounds and bob's 18; resume the run"):
        join_run(folder.path)


def test_logs_of_different_runs(make_logs, make_rounds):
    folder = make_logs(make_rounds(0, 3), make_rounds(0, 3, "bob"), bob_run="run-8")
    with pytest.raises(LogCorrupt, match="different runs"):
        join_run(folder.path)


def test_a_hole_is_located(make_logs, make_rounds):
    folder = make_logs(make_rounds(0, 6), np.delete(make_rounds(0, 7, "bob"), 4))
    with pytest.raises(LogCorrupt, match="round 4 is missing in bob's log"):
        join_run(folder.path)


@pytest.mark.parametrize(("name", "complaint"), [("pattern", "herald patterns"), ("round_type", "round types")])
def test_what_both_must_know_is_equal(make_logs, make_rounds, name, complaint):
    bob = make_rounds(0, 6, "bob")
    bob[name][5] ^= 1
    folder = make_logs(make_rounds(0, 6), bob)
    with pytest.raises(LogCorrupt, match=f"round 5 has different {complaint}"):
        join_run(folder.path)


@pytest.mark.parametrize("loser", ["alice", "bob"])
def test_the_round_type_of_a_lost_round_is_the_other_partys(make_logs, make_rounds, loser):
    records = {party: make_rounds(0, 6, party) for party in ("alice", "bob")}
    for party in records:
        records[party]["round_type"] = RoundType.TEST
    records[loser]["round_type"][3], records[loser]["flags"][3] = RoundType.SELF, Flag.LOST | Flag.FALLBACK
    joined = join_run(make_logs(**records).path)
    assert joined.round_type.tolist() == [RoundType.TEST] * 6
    assert np.flatnonzero(getattr(joined, f"{loser}_flags")).tolist() == [3]


def test_live_join_yields_each_round_once_when_both_have_it(tmp_path, make_header, make_rounds, append_all):
    folder = RunFolder.create(tmp_path / "run")
    with pytest.raises(ConfigError, match="never began"):
        LiveJoin(folder)
    writers = {party: RoundLogWriter.create(folder.log(party), make_header(party), folder.key(party)) for party in ("alice", "bob")}
    live = LiveJoin(folder)
    assert folder.is_characterised
    assert len(live.read_new()) == 0
    done = 0
    for alice_to, bob_to in ((5, 0), (5, 3), (5, 9), (12, 9), (12, 12)):
        for party, end in (("alice", alice_to), ("bob", bob_to)):
            index = writers[party].durable_index
            append_all(writers[party], make_rounds(0 if index is None else index + 1, max(end, 1), party))
        joined = live.read_new()
        both = min(max(alice_to, 1), max(bob_to, 1))
        check_joined(joined, make_rounds(done, both), make_rounds(done, both, "bob"))
        done = both
    assert done == 12
    for writer in writers.values():
        writer.abandon()


def test_live_join_notices_a_hole(tmp_path, make_header, make_rounds, append_all):
    folder = RunFolder.create(tmp_path / "run")
    writers = {party: RoundLogWriter.create(folder.log(party), make_header(party), folder.key(party)) for party in ("alice", "bob")}
    live = LiveJoin(folder)
    append_all(writers["alice"], make_rounds(0, 4))
    append_all(writers["bob"], make_rounds(0, 2, "bob"))
    assert len(live.read_new()) == 2
    append_all(writers["bob"], make_rounds(3, 4, "bob"))
    with pytest.raises(LogCorrupt, match="round 2 is missing in bob's log"):
        live.read_new()
    for writer in writers.values():
        writer.abandon()
