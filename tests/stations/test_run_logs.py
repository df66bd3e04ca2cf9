"""What stands in the logs of a whole run, and what a key run keeps to itself."""

import itertools
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from scipy import stats

from eventready.protocol.records import NO_INDEX, NOT_PUBLIC, RoundType
from eventready.protocol.run_folder import RunFolder, load_run

ALARM = 1e-6
"""Probability that a statistical test fails although nothing is wrong. The seeds are fixed, so it is spent once, when the code changes."""

RUNS = [("munich", 150, "characterise"), ("oxford", 6000, "characterise"), ("oxford", 4000, "key")]
EVERY_RUN = pytest.mark.parametrize("run", RUNS, ids=lambda run: "-".join(map(str, run)))


@pytest.fixture
def folder(finished_run, run):
    return finished_run(*run)


# -- logs of a finished run ----------------------------------------------------------------------------------------------------------------


@EVERY_RUN
def test_a_finished_run_verifies_and_all_logs_hold_the_same_rounds(folder, run):
    folder.verify()
    rounds = {party: load_run(folder.path, party) for party in ("alice", "bob", "public")}
    accepted = rounds["public"][rounds["public"]["index"] != NO_INDEX]
    for party in ("alice", "bob"):
        assert rounds[party].finished
        assert (rounds[party]["index"] == np.arange(run[1], dtype=np.uint64)).all()
        for field in ("herald_ps", "pattern", "attempts"):
            assert (rounds[party][field] == accepted[field]).all()
        assert (rounds[party]["flags"] == 0).all()
    assert (rounds["alice"]["round_type"] == rounds["bob"]["round_type"]).all()
    assert (accepted["setting"] == NOT_PUBLIC).all()
    assert (accepted["outcome"] == NOT_PUBLIC).all()


@EVERY_RUN
def test_times_of_a_record_are_in_the_order_of_the_round(folder, run):
    order = {
        ("munich", "alice"): ("input_ns", "readout_ns", "done_ns"),
        ("munich", "bob"): ("input_ns", "readout_ns", "isolated_ns", "done_ns"),
        ("oxford", "alice"): ("isolated_ns", "input_ns", "readout_ns", "done_ns"),
        ("oxford", "bob"): ("isolated_ns", "input_ns", "readout_ns", "done_ns"),
    }
    for party in ("alice", "bob"):
        records = load_run(folder.path, party)
        times = [records[field].astype(np.int64) for field in order[run[0], party]]
        assert (times[0] > 0).all()
        for earlier, later in itertools.pairwise(times):
            assert (earlier < later).all()
        assert (np.diff(records["herald_ps"]) > records["done_ns"][:-1].astype(np.int64) * 1000).all(), "the next herald follows the round"


@EVERY_RUN
def test_settings_are_uniform_where_they_are_free_and_independent_of_each_other(folder, run):
    """Chi-squared, at :data:`ALARM` each."""
    records = {party: load_run(folder.path, party) for party in ("alice", "bob")}
    tested = np.isin(records["bob"]["round_type"], [RoundType.TEST, RoundType.SELF])
    count = {"munich": {"alice": 4, "bob": 2}, "oxford": {"alice": 2, "bob": 2}}[run[0]]
    table = np.zeros((count["alice"], count["bob"]))
    np.add.at(table, (records["alice"]["setting"][tested], records["bob"]["setting"][tested]), 1)
    for party, axis in (("alice", 1), ("bob", 0)):
        assert stats.chisquare(table.sum(axis)).pvalue > ALARM, party
    assert stats.chi2_contingency(table).pvalue > ALARM
    if run[0] == "oxford":
        assert (records["alice"]["setting"][~tested] == 0).all()
        assert (records["bob"]["setting"][~tested] == 2).all()


@EVERY_RUN
def test_the_share_of_test_rounds_is_the_planned_one(folder, run):
    """Exact binomial test at :data:`ALARM`."""
    types = load_run(folder.path, "bob")["round_type"]
    if run[0] == "munich":
        assert (types == RoundType.SELF).all()
    else:
        share = {"characterise": 1 / 2, "key": 13 / 256}[run[2]]
        assert stats.binomtest(int((types == RoundType.TEST).sum()), len(types), share).pvalue > ALARM


@EVERY_RUN
def test_every_herald_pattern_of_the_link_occurs(folder, run):
    patterns = set(load_run(folder.path, "public")["pattern"].tolist())
    assert patterns == {"munich": {0b0011, 0b1100}, "oxford": {0b0011, 0b1100, 0b1001, 0b0110}}[run[0]]


@EVERY_RUN
def test_every_line_of_the_events_parses_and_tells_its_cause(folder, events_of):
    for name in ("alice", "bob", "public"):
        lines = events_of(folder, name)
        assert all(set(line) == {"t_s", "node", "from", "to", "cause"} for line in lines)
        assert {line["node"] for line in lines} == {"bsm" if name == "public" else name}
        times = [line["t_s"] for line in lines]
        assert times == sorted(times)
        assert lines[-1]["to"] == "idle"
        paused = {"suspended", "recalibrating"}
        assert all(line["from"] == "attempting" for line in lines if line["to"] in paused)


@EVERY_RUN
def test_headers_say_what_was_run(folder, run, config_of):
    headers = [folder.read_header(party) for party in ("alice", "bob", "public")]
    assert len({header.run_id for header in headers}) == 1
    assert len({header.sequence_digest for header in headers}) == 3
    for header in headers:
        assert (header.hardware, header.purpose, header.config_digest) == ("twin", run[2], config_of(run[0]).digest)
        assert header.facts["rounds"] == run[1]


# -- key runs ------------------------------------------------------------------------------------------------------------------------------


def test_a_key_run_shows_and_stores_nothing_that_depends_on_an_outcome(open_twin, tmp_path, mocker, caplog, capfd):
    joined = mocker.patch("eventready.stations.monitor.LiveJoin", side_effect=AssertionError("a key run was joined"))
    mocker.patch("eventready.stations.monitor._REFRESH_S", 0.0)
    caplog.set_level("DEBUG", logger="eventready")
    progress = []
    link = open_twin("oxford")
    run = link.run(tmp_path / "run", rounds=2500, purpose="key", on_progress=progress.append).folder
    assert joined.call_count == 0
    assert len(progress) > 3
    assert all(shown.chsh_s is None and shown.qber is None for shown in progress)
    assert not run.is_characterised
    assert not any(mark.exists() for mark in run._marks())
    with closing(sqlite3.connect(run.blocks_db)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'results-%'")]
        (columns,) = [[row[1] for row in database.execute(f'PRAGMA table_info("{table}")')] for table in tables]
        assert database.execute(f'SELECT COUNT(*) FROM "{tables[0]}"').fetchone()[0] >= 2  # noqa: S608 - our own table
        snapshot = database.execute("SELECT snapshot FROM runs").fetchone()[0]
    assert columns == ["id", "block", "rounds", "end_s", "herald_rate", "attempts"]
    told = caplog.text + "".join(capfd.readouterr()) + snapshot
    for file in (run.engine_log, *(run.events(party) for party in ("alice", "bob", "public"))):
        told += file.read_text(encoding="utf-8") if file.exists() else ""
    for word in ("chsh", "qber", "outcome", "bright_counts", "atom_present", "setting"):
        assert word not in told.lower(), word


def test_a_characterise_run_is_marked_before_its_first_round(open_twin, tmp_path):
    link = open_twin("oxford")
    seen = []
    link.run(tmp_path / "run", rounds=3, on_progress=lambda progress: seen.append(RunFolder(tmp_path / "run").is_characterised))
    assert seen
    assert all(seen)
