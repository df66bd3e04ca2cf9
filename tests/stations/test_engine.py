"""Whole runs with files: what stands in the logs, and what is left when something fails in the middle."""

import itertools
import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from scipy import stats

import eventready.stations.engine as engine_module
from eventready.errors import ConfigError, DeviceConnectionError, DeviceFault, EventreadyError, NotReady
from eventready.protocol.durable_file import DurableFile
from eventready.protocol.records import NO_INDEX, NOT_PUBLIC, RoundType
from eventready.protocol.round_log import LogStopped, LogTail, read_log
from eventready.protocol.run_folder import RunFolder, load_run
from eventready.stations.resume import resume_link
from eventready.twin.ports import BeamPort, DetectorPort, ShutterPort

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


# -- durability ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("interval", "rounds"), [(0.0, 40), (1e-4, 600)])
def test_no_party_has_a_round_on_disk_before_the_public_log_has(open_twin, tmp_path, mocker, interval, rounds):
    """At every fsync of a party's log, what that makes durable is compared with what the public log has synced."""
    mocker.patch.object(engine_module, "GROUP_COMMIT_S", interval)
    folder = RunFolder(tmp_path / "run")
    last, syncs = {"alice": -1, "bob": -1, "public": -1}, []
    tails = {}
    real = DurableFile.sync

    def sync(file):
        name = file.path.parent.name
        size = file.path.stat().st_size
        real(file)
        if name in last and size:
            tail = tails.setdefault(name, LogTail(folder.log(name), folder.key(name)))
            index = tail.read_new()["index"]
            last[name] = int(index[index != NO_INDEX].max(initial=np.uint64(0))) if len(index) else last[name]
            syncs.append(name)
            assert max(last["alice"], last["bob"]) <= last["public"]

    mocker.patch.object(DurableFile, "sync", sync)
    open_twin("oxford").run(tmp_path / "run", rounds=rounds)
    assert last == dict.fromkeys(("alice", "bob", "public"), rounds - 1)
    assert min(syncs.count(name) for name in last) > 3


def test_progress_counts_what_is_on_disk(open_twin, tmp_path, mocker):
    mocker.patch("eventready.stations.monitor._REFRESH_S", 0.0)
    folder = RunFolder(tmp_path / "run")
    shown = []

    def check(progress):
        shown.append(progress.rounds)
        for party in ("alice", "bob"):
            assert len(read_log(folder.log(party), folder.key(party)).records) >= progress.rounds

    result = open_twin("oxford").run(tmp_path / "run", rounds=200, on_progress=check)
    assert shown[-1] == result.rounds == result.goal == 200
    assert shown == sorted(shown)


# -- faults in the middle ------------------------------------------------------------------------------------------------------------------


def everything_is_safe(link):
    """Looked up at the ports, which no role can deceive."""
    ports = link.world.ports
    stays_on = {"oxford": ("cooling", "repump"), "munich": ()}[link.config.link.name]
    for slot, port in ports.items():
        node, _, name = slot.partition(".")
        if isinstance(port, BeamPort):
            assert port.on is (name in stays_on), slot
        elif isinstance(port, DetectorPort):
            assert not port.on, slot
        elif isinstance(port, ShutterPort):
            assert port.is_closed(link.clocks[node].now_ps()), slot
    for side, party in enumerate(("alice", "bob")):
        assert link.wiring.roles[f"{party}.qrng"].pool_bytes() == 0
        if link.config.link.name == "oxford" and link.wiring.roles[f"{party}.sequencer"].program_digest():
            assert not link.world.connected[side]
    return True


def loading_breaks(link):
    detector = link.wiring.roles["bob.detector"]
    detector._do_count = lambda duration: (_ for _ in ()).throw(DeviceConnectionError(detector.name, "the connection broke"))


def trap_stays_empty(link):
    for trap in link.world.traps:
        trap.load_mean_s = 1e9


def never_ready(link):
    link.world.ports["alice.excitation_laser"].locked = False


def shutter_cannot_open(link):
    link.world.ports["bob.shutter"].stuck = True


def attempts_break(link):
    sequencer = link.wiring.roles["bsm.sequencer"]
    sequencer._do_run = lambda limit: (_ for _ in ()).throw(DeviceConnectionError(sequencer.name, "the connection broke"))


@pytest.mark.parametrize(
    ("name", "fault", "error", "words"),
    [
        ("oxford", loading_breaks, DeviceConnectionError, "bob_spd: the connection broke"),
        ("munich", loading_breaks, DeviceConnectionError, "bob_spd: the connection broke"),
        ("munich", trap_stays_empty, NotReady, "alice: no particle in the trap after 60 s"),
        ("oxford", never_ready, NotReady, "alice: not ready for 21600 s: alice.excitation_laser: not locked"),
        ("munich", shutter_cannot_open, DeviceFault, "bob_shutter: not open"),
        ("oxford", attempts_break, DeviceConnectionError, "bsm_sequencer: the connection broke"),
    ],
)
def test_a_run_that_cannot_begin_ends_with_a_typed_error_and_everything_safe(open_twin, tmp_path, name, fault, error, words, events_of):
    link = open_twin(name)
    fault(link)
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(error) as caught:
        link.run(folder.path, rounds=5)
    assert str(caught.value).startswith(words)
    if fault is shutter_cannot_open:
        link.world.ports["bob.shutter"].stuck = False
    assert everything_is_safe(link)
    assert not folder.is_finished
    assert {party: len(load_run(folder.path, party)) for party in ("alice", "bob", "public")} == dict.fromkeys(
        ("alice", "bob", "public"), 0
    )
    last = events_of(folder, "public")[-1]
    assert last["to"] == "fault"
    assert words in last["cause"]


@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_a_fault_in_the_middle_leaves_a_run_that_can_be_resumed(open_twin, tmp_path, name, events_of):
    link = open_twin(name)
    folder = RunFolder(tmp_path / "run")
    real = link.world.run_attempts

    def break_at(*args):
        if len(heralds) == 7:
            raise DeviceConnectionError("bsm_sequencer", "the connection broke")
        attempted = real(*args)
        heralds.extend([attempted] if attempted.heralded else [])
        return attempted

    heralds = []
    link.world.run_attempts = break_at
    with pytest.raises(DeviceConnectionError):
        link.run(folder.path, rounds=12)
    assert everything_is_safe(link)
    link.close()
    assert [len(load_run(folder.path, party)) for party in ("alice", "bob", "public")] == [7, 7, 7]
    with resume_link(folder) as again:
        result = again.resume(folder)
    assert (result.rounds, result.stopped) == (12, "")
    folder.verify()
    assert (load_run(folder.path, "bob")["flags"] == 0).all(), "nothing was lost: the fault came between two rounds"
    lines = events_of(folder, "public")
    assert [line["to"] for line in lines].count("fault") == 1
    assert lines[-1]["to"] == "idle"


def test_a_link_can_run_again_after_a_fault(open_twin, tmp_path):
    link = open_twin("oxford")
    port = link.world.ports["alice.photoionisation"]
    port.interlock_closed = False
    with pytest.raises(EventreadyError, match="interlock"):
        link.run(tmp_path / "first", rounds=3)
    port.interlock_closed = True
    assert link.run(tmp_path / "second", rounds=3).rounds == 3
    assert link.run(tmp_path / "third", rounds=3).rounds == 3


def test_an_interrupt_from_the_keyboard_breaks_off_in_good_order(open_twin, tmp_path):
    link = open_twin("oxford")
    folder = RunFolder(tmp_path / "run")

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        link.run(folder.path, rounds=1_000_000, on_progress=interrupt)
    assert everything_is_safe(link)
    rounds = [len(load_run(folder.path, party)) for party in ("alice", "bob", "public")]
    assert rounds[2] - 1 <= min(rounds) <= max(rounds) <= rounds[2]
    assert json.loads(folder.events("public").read_text(encoding="utf-8").splitlines()[-1])["cause"] == "KeyboardInterrupt"


@pytest.mark.parametrize("broken", ["public", "alice", "bob"])
def test_a_disk_that_fails_leaves_no_party_ahead_of_the_public_log(open_twin, tmp_path, mocker, broken):
    """Else the logs would contradict each other, and the run could never go on."""
    folder = RunFolder(tmp_path / "run")
    real = DurableFile.write_at
    writes = []

    def write_at(file, offset, data):
        if file.path == folder.log(broken):
            writes.append(offset)
            if len(writes) > 5:
                raise OSError(28, "No space left on device")
        real(file, offset, data)

    mocker.patch.object(DurableFile, "write_at", write_at)
    mocker.patch.object(engine_module, "GROUP_COMMIT_S", 0.0)
    link = open_twin("oxford")
    with pytest.raises(LogStopped, match=r"rounds\.log: a write or sync failed: No space left on device"):
        link.run(folder.path, rounds=15)
    assert everything_is_safe(link)
    link.close()
    mocker.stopall()
    rounds = {party: len(load_run(folder.path, party)) for party in ("alice", "bob", "public")}
    assert max(rounds["alice"], rounds["bob"]) <= rounds["public"]
    assert rounds[broken] == 4
    with resume_link(folder) as again:
        assert again.resume(folder).rounds == 15
    folder.verify()


@pytest.mark.parametrize("party", ["alice", "bob"])
def test_a_qrng_that_fails_after_a_herald_ends_the_run_and_the_round_is_lost_but_not_invented(open_twin, tmp_path, party):
    link = open_twin("oxford")
    folder = RunFolder(tmp_path / "run")
    take = type(link.wiring.roles[f"{party}.qrng"]).take
    source, taken = link.wiring.roles[f"{party}.qrng"], []

    def fail(position, n_bytes):
        taken.append(position)
        if len(taken) == 8:
            raise DeviceFault(source.name, "SP 800-90B repetition count failed")
        return take(source, position, n_bytes)

    source.take = fail
    with pytest.raises(DeviceFault, match="SP 800-90B"):
        link.run(folder.path, rounds=20)
    assert everything_is_safe(link)
    link.close()
    assert len(load_run(folder.path, party)) == 7
    assert len(load_run(folder.path, "public")) == 8
    with resume_link(folder) as again:
        again.resume(folder)
    folder.verify()
    flags = load_run(folder.path, party)["flags"]
    assert np.flatnonzero(flags).tolist() == [7]


# -- stopping ------------------------------------------------------------------------------------------------------------------------------


def test_a_request_to_stop_finishes_the_round_and_the_run_can_go_on(open_twin, tmp_path):
    link = open_twin("oxford")
    folder = RunFolder(tmp_path / "run")
    result = link.run(folder.path, rounds=100_000, on_progress=lambda progress: link.request_stop("enough"))
    assert result.stopped == "enough"
    assert 0 < result.rounds < 100_000
    assert not folder.is_finished
    assert [len(load_run(folder.path, party)) for party in ("alice", "bob", "public")] == [result.rounds] * 3
    assert everything_is_safe(link)
    with pytest.raises(ConfigError, match="not finished"):
        folder.verify()


def test_vetoes_are_counted_logged_and_told(open_twin, tmp_path, events_of):
    link = open_twin("oxford")
    folder = RunFolder(tmp_path / "run")
    port = link.world.ports["bsm.sequencer"]
    real, seen = port.run, []

    def miss(*args):
        attempted = real(*args)
        seen.append(attempted)
        port.missed_references = int(attempted.heralded and len(seen) % 4 == 0)
        return attempted

    port.run = miss
    result = link.run(folder.path, rounds=12)
    public = load_run(folder.path, "public")
    vetoed = public["index"] == NO_INDEX
    assert result.vetoes == vetoed.sum() > 0
    assert public["index"][~vetoed].tolist() == list(range(12))
    told = [line["cause"] for line in events_of(folder, "public") if "vetoed" in line["cause"]]
    assert len(told) == result.vetoes
    assert all("reference pulses" in cause for cause in told)
    folder.verify()


def test_what_the_result_says(open_twin, tmp_path):
    result = open_twin("munich").run(tmp_path / "run", rounds=4)
    public = load_run(tmp_path / "run", "public")
    assert (result.rounds, result.goal, result.vetoes, result.stopped) == (4, 4, 0, "")
    assert result.simulated_s == pytest.approx(public["herald_ps"][-1] * 1e-12)
    assert result.rounds_per_s == pytest.approx(4 / result.elapsed_s)
