"""Whole runs with files: what reaches the disk and when, and what is left when something fails in the middle."""

import json
import logging

import numpy as np
import pytest

import eventready.stations.engine as engine_module
from eventready.errors import ConfigError, DeviceConnectionError, DeviceFault, EventreadyError, NotReady
from eventready.protocol.durable_file import DurableFile
from eventready.protocol.records import NO_INDEX
from eventready.protocol.round_log import LogStopped, LogTail, read_log
from eventready.protocol.run_folder import RunFolder, load_run
from eventready.stations.resume import resume_link
from eventready.twin.ports import BeamPort, DetectorPort, ShutterPort

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

    def breaks():
        raise DeviceConnectionError(detector.name, "the connection broke")

    detector._do_counter = lambda duration: breaks


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
@pytest.mark.parametrize(("interval", "good"), [(0.0, 4), (1000.0, 0)], ids=["every round", "all at the end"])
def test_a_disk_that_fails_leaves_no_party_ahead_of_the_public_log(open_twin, tmp_path, mocker, broken, interval, good):
    """Else the logs would contradict each other, and the run could never go on."""
    folder = RunFolder(tmp_path / "run")
    real = DurableFile.write_at
    writes = []

    def write_at(file, offset, data):
        if file.path == folder.log(broken):
            writes.append(offset)
            if len(writes) > 1 + good:
                raise OSError(28, "No space left on device")
        real(file, offset, data)

    mocker.patch.object(DurableFile, "write_at", write_at)
    mocker.patch.object(engine_module, "GROUP_COMMIT_S", interval)
    link = open_twin("oxford")
    with pytest.raises(LogStopped, match=r"rounds\.log: a write or sync failed: No space left on device"):
        link.run(folder.path, rounds=15)
    assert everything_is_safe(link)
    link.close()
    mocker.stopall()
    rounds = {party: len(load_run(folder.path, party)) for party in ("alice", "bob", "public")}
    assert max(rounds["alice"], rounds["bob"]) <= rounds["public"]
    assert rounds[broken] == good
    with resume_link(folder) as again:
        assert again.resume(folder).rounds == 15
    folder.verify()


@pytest.mark.parametrize("party", ["alice", "bob"])
def test_a_qrng_that_fails_after_a_herald_ends_the_run_and_the_round_is_lost_but_not_invented(open_twin, tmp_path, party):
    link = open_twin("oxford")
    folder = RunFolder(tmp_path / "run")
    take = link.wiring.roles[f"{party}.qrng"].taker()
    source, taken = link.wiring.roles[f"{party}.qrng"], []

    def fail(position, n_bytes):
        taken.append(position)
        if len(taken) == 8:
            raise DeviceFault(source.name, "SP 800-90B repetition count failed")
        return take(position, n_bytes)

    source.taker = lambda: fail
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


def test_the_engine_log_keeps_what_instruments_say_and_lets_go_of_the_loggers(open_twin, tmp_path):
    loggers = [logging.getLogger(name) for name in ("eventready", "qcodes")]
    before = [(list(logger.handlers), logger.level) for logger in loggers]
    link = open_twin("oxford")
    link.world.ports["bob.qrng"].stuck_at = 0
    with pytest.raises(DeviceFault, match="SP 800-90B"):
        link.run(tmp_path / "run", rounds=5)
    told = (tmp_path / "run" / "engine.log").read_text(encoding="utf-8")
    assert "health alarm" in told
    assert "run to 5 rounds" in told
    assert [(list(logger.handlers), logger.level) for logger in loggers] == before
