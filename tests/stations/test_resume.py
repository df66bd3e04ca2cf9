"""Crashes at any moment: what was acknowledged is there, what was not is flagged, nothing is invented, and the run goes on to its end."""

import random
import signal
import subprocess
import sys

import numpy as np
import pytest

import eventready.stations.engine as engine_module
from eventready.errors import ConfigError, LogCorrupt
from eventready.protocol.durable_file import DurableFile
from eventready.protocol.log_writer import RoundLogWriter
from eventready.protocol.records import NO_INDEX, Flag
from eventready.protocol.run_folder import RunFolder, load_run
from eventready.stations.link import Link
from eventready.stations.monitor import RunMonitor
from eventready.stations.resume import resume_link
from eventready.stations.round import Round
from eventready.twin.world import World

PARTIES = ("alice", "bob")
LOGS = (*PARTIES, "public")


class Crash(BaseException):
    """The power is gone."""


@pytest.fixture
def crash(mocker):
    """``crash.after(k)``: the process dies at the k-th thing that it does; nothing that it does afterwards reaches the disk."""

    class Power:
        def __init__(self):
            self.left = None
            self.acknowledged = -1

        def after(self, count):
            self.left = count

        def spend(self):
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    raise Crash

    power = Power()
    write, sync, pack, attempts, acknowledged = (
        DurableFile.write_at,
        DurableFile.sync,
        Round.pack,
        World.run_attempts,
        RunMonitor.acknowledged,
    )

    def torn_write(file, offset, data):
        if power.left == 0:
            write(file, offset, data[: len(data) // 2])
        power.spend()
        write(file, offset, data)

    def checked(real):
        def call(*args):
            power.spend()
            return real(*args)

        return call

    def acknowledge(monitor, index):
        power.acknowledged = index
        acknowledged(monitor, index)

    mocker.patch.object(DurableFile, "write_at", torn_write)
    mocker.patch.object(DurableFile, "sync", checked(sync))
    mocker.patch.object(Round, "pack", checked(pack))
    mocker.patch.object(World, "run_attempts", checked(attempts))
    mocker.patch.object(RunMonitor, "acknowledged", acknowledge)
    return power


def on_disk(folder):
    rounds = {name: load_run(folder.path, name) for name in LOGS}
    rounds["public"] = rounds["public"][rounds["public"]["index"] != NO_INDEX]
    return rounds


def check_before(folder, acknowledged):
    """After a crash: what was acknowledged is everywhere, and no party is ahead of the public log."""
    before = on_disk(folder)
    for party in PARTIES:
        assert acknowledged < len(before[party]) or acknowledged == -1
        assert len(before[party]) <= len(before["public"])
    return before


def check_after(folder, before, goal):
    """After the run was resumed and finished: what was there is untouched, what was lost says so, and all logs agree."""
    folder.verify()
    after = on_disk(folder)
    for name in LOGS:
        assert (after[name]["index"] == np.arange(goal, dtype=np.uint64)).all()
        assert (after[name][: len(before[name])] == before[name]).all()
    known = len(before["public"])
    for party in PARTIES:
        for field in ("pattern", "herald_ps", "attempts"):
            assert (after[party][field] == after["public"][field]).all()
        lost = np.zeros(goal, bool)
        lost[len(before[party]) : known] = True
        new = after[party]["flags"][len(before[party]) :] & Flag.LOST != 0
        assert (new == lost[len(before[party]) :]).all()
        assert (after[party]["outcome"][lost] == 0).all()
    types = {party: after[party]["round_type"] for party in PARTIES}
    assert (types["alice"] == types["bob"]).all(), "a party that lost a round takes the type that the other one has on record"
    return after


def run_until_crash(start):
    with pytest.raises(Crash):
        start()


@pytest.mark.parametrize(("name", "goal", "interval"), [("oxford", 30, 0.0), ("oxford", 120, 1e-4), ("munich", 12, 0.0)])
@pytest.mark.parametrize("seed", range(2))
def test_a_crash_anywhere_and_another_one_in_the_resumed_run(config_of, tmp_path, mocker, crash, name, goal, interval, seed):
    mocker.patch.object(engine_module, "GROUP_COMMIT_S", interval)
    mocker.patch.object(engine_module, "_break_off")  # a process that is dead writes nothing more
    rng = random.Random(f"{name}-{seed}")  # noqa: S311 - any moments will do, the same ones every time
    folder = RunFolder(tmp_path / "run")
    per_round = 3 + 2 * 3 * (interval == 0.0)
    link = Link(config_of(name), hardware="twin", seed=seed)
    try:
        crash.after(rng.randrange(20, goal * per_round))
        run_until_crash(lambda: link.run(folder.path, rounds=goal))
    finally:
        crash.left = None
        link.make_safe()
        link.close()
    before = check_before(folder, crash.acknowledged)

    with resume_link(folder) as again:
        crash.after(rng.randrange(2, 30))
        run_until_crash(lambda: again.resume(folder))
        crash.left = None
    between = check_before(folder, crash.acknowledged)
    assert all(len(between[party]) >= len(before[party]) for party in LOGS)

    with resume_link(folder) as again:
        assert again.resume(folder).rounds == goal
    after = check_after(folder, between, goal)
    for party in PARTIES:
        lost = np.flatnonzero(after[party]["flags"] & Flag.LOST)
        assert set(lost) <= set(range(len(before[party]), len(before["public"]))) | set(range(len(between[party]), len(between["public"])))


def stop_after(link, rounds):
    """Ask for a stop at that round."""
    real = World.run_attempts

    def run_attempts(*args):
        if link.bsm_node.index + 1 >= rounds:
            link.request_stop("enough")
        return real(link.world, *args)

    link.world.run_attempts = run_attempts


@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_a_resumed_segment_does_not_repeat_the_bits_of_the_one_before(open_twin, tmp_path, name):
    """Of 60 settings half would be the same by chance (a quarter for Munich's Alice); all 60: p < 2^-60."""
    folder = RunFolder(tmp_path / "run")
    link = open_twin(name)
    stop_after(link, 60)
    assert link.run(folder.path, rounds=120).stopped == "enough"
    link.close()
    first = len(load_run(folder.path, "alice"))
    assert first in (60, 61)
    with resume_link(folder) as again:
        again.resume(folder)
    for party in PARTIES:
        rounds = load_run(folder.path, party)
        half = min(first, 120 - first)
        for field in ("setting", "outcome", "attempts", "pattern"):
            assert (rounds[field][:half] != rounds[field][first : first + half]).any(), field
        assert (rounds["flags"] == 0).all()
    assert (np.diff(load_run(folder.path, "public")["herald_ps"]) > 0).all()


def test_a_run_is_resumed_twice_and_every_segment_is_noted(open_twin, tmp_path):
    folder = RunFolder(tmp_path / "run")
    link = open_twin("oxford")
    stop_after(link, 5)
    link.run(folder.path, rounds=30)
    link.close()
    for rounds in (10, 20):
        with resume_link(folder) as again:
            stop_after(again, rounds)
            assert again.resume(folder).stopped == "enough"
    with resume_link(folder) as again:
        assert again.resume(folder).stopped == ""
    folder.verify()
    for name in LOGS:
        assert [segment.number for segment in folder.read_log(name).segments] == [1, 2, 3]
    draws = [load_run(folder.path, "alice")["attempts"][start : start + 5].tolist() for start in (0, 7, 14, 21)]
    assert len({tuple(part) for part in draws}) == 4


def test_a_crash_when_all_rounds_are_done_but_no_log_is_closed(open_twin, tmp_path, mocker):
    folder = RunFolder(tmp_path / "run")
    link = open_twin("oxford")
    mocker.patch.object(RoundLogWriter, "close", side_effect=Crash)
    run_until_crash(lambda: link.run(folder.path, rounds=5))
    mocker.stopall()
    link.close()
    with resume_link(folder) as again:
        assert again.resume(folder).rounds == 5
    folder.verify()
    assert (load_run(folder.path, "alice")["flags"] == 0).all()


@pytest.mark.parametrize("closed", [1, 2, 3])
def test_a_crash_while_the_logs_are_being_closed(open_twin, tmp_path, mocker, closed):
    folder = RunFolder(tmp_path / "run")
    link = open_twin("oxford")
    real, calls = RoundLogWriter.close, []

    def close(writer):
        calls.append(writer)
        if len(calls) > closed:
            raise Crash
        return real(writer)

    mocker.patch.object(RoundLogWriter, "close", close)
    if closed == 3:
        mocker.patch.object(RunFolder, "write_manifest", side_effect=Crash)
    run_until_crash(lambda: link.run(folder.path, rounds=5))
    mocker.stopall()
    link.close()
    with resume_link(folder) as again, pytest.raises(ConfigError, match="only its manifest was missing; it has been written"):
        again.resume(folder)
    folder.verify()
    assert len(load_run(folder.path, "bob")) == 5


def test_events_of_a_crash_do_not_run_into_those_of_the_resumed_run(open_twin, tmp_path, events_of):
    folder = RunFolder(tmp_path / "run")
    link = open_twin("oxford")
    stop_after(link, 3)
    link.run(folder.path, rounds=6)
    link.close()
    whole = folder.events("alice").read_bytes()
    folder.events("alice").write_bytes(whole + b'{"t_s": 1.5, "node": "al')
    with resume_link(folder) as again:
        again.resume(folder)
    assert folder.events("alice").read_bytes().startswith(whole)
    assert len(events_of(folder, "alice")) > len(whole.splitlines())


# -- what cannot be resumed ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def stopped(config_of, tmp_path):
    """A run of 5 rounds of 10, on the link that made it, closed."""
    link = Link(config_of("oxford"), hardware="twin", seed=1)
    try:
        stop_after(link, 5)
        return link.run(tmp_path / "run", rounds=10).folder
    finally:
        link.close()


def test_a_finished_run_is_not_resumed(finished_run):
    with pytest.raises(ConfigError, match="this run is finished; start a new one"):
        resume_link(finished_run("oxford", 4000, "key"))


def test_nothing_is_not_resumed(tmp_path):
    with pytest.raises(ConfigError, match="not the folder of a run"):
        resume_link(RunFolder(tmp_path / "nothing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="not the folder of a run"):
        resume_link(RunFolder(tmp_path / "empty"))


def test_a_run_of_another_configuration_is_not_resumed(stopped, open_twin):
    link = open_twin("munich")
    with pytest.raises(ConfigError, match="another configuration"):
        link.resume(stopped)


def test_rounds_of_two_kinds_of_hardware_do_not_mix(stopped, open_twin):
    """A run that says `real` must not go on with the twin's rounds, nor the other way round."""
    link = open_twin("oxford", segment=1)
    link.hardware = "wire"
    with pytest.raises(ConfigError, match="begun with hardware 'twin', the link has 'wire'"):
        link.resume(stopped)


def test_a_link_with_the_random_streams_of_an_earlier_segment_is_refused(stopped, open_twin):
    link = open_twin("oxford", seed=1)
    with pytest.raises(ConfigError, match="draw the bits of an earlier segment again"):
        link.resume(stopped)
    assert stopped.read_log("public").segments == ()


def test_a_run_that_is_still_being_written_is_not_resumed(stopped):
    writer = RoundLogWriter.reopen(stopped.log("bob"), stopped.key("bob"))
    try:
        with resume_link(stopped) as link, pytest.raises(ConfigError, match="another process is writing this log"):
            link.resume(stopped)
    finally:
        writer.abandon()
    with resume_link(stopped) as link:
        assert link.resume(stopped).rounds == 10


def test_a_party_ahead_of_the_public_log_is_never_healed(stopped):
    header = stopped.read_header("public")
    stopped.log("public").unlink()
    RoundLogWriter.create(stopped.log("public"), header, stopped.key("public")).abandon()
    with resume_link(stopped) as link, pytest.raises(LogCorrupt, match=r"holds round [45]"):
        link.resume(stopped)
    with resume_link(stopped) as link, pytest.raises(LogCorrupt):
        link.resume(stopped)  # the logs were let go of


@pytest.mark.parametrize("content", ["", "{}", '{"seed": "1"}', '{"seed": -1}', '{"seed": true}', "[1]", '{"seed": 1.5}'])
def test_a_simulated_run_without_its_seed_cannot_go_on(stopped, content):
    (stopped.truth / "world.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="seed"):
        resume_link(stopped)


def test_a_damaged_log_is_not_resumed(stopped):
    data = bytearray(stopped.log("public").read_bytes())
    data[len(data) // 2] ^= 1
    stopped.log("public").write_bytes(data)
    with pytest.raises(LogCorrupt, match="public"):
        resume_link(stopped)


# -- kill -9 -------------------------------------------------------------------------------------------------------------------------------

CHILD = """
import sys
from eventready.protocol.run_folder import RunFolder
from eventready.stations.link import open_link
from eventready.stations.monitor import RunMonitor
from eventready.stations.resume import resume_link
acknowledged = RunMonitor.acknowledged
def tell(monitor, index):
    print(index, flush=True)
    acknowledged(monitor, index)
RunMonitor.acknowledged = tell
path, rounds = sys.argv[1], int(sys.argv[2])
if rounds:
    with open_link("oxford", seed=5) as link:
        link.run(path, rounds=rounds)
else:
    with resume_link(RunFolder(path)) as link:
        link.resume(RunFolder(path))
"""


def kill_after(acknowledgements, path, rounds):
    """Run the child until it has acknowledged something so often, kill it, and give what it acknowledged last."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path), str(rounds)], stdout=subprocess.PIPE, text=True)
    last = -1
    try:
        for _ in range(acknowledgements):
            last = int(child.stdout.readline())
    finally:
        child.kill()
        rest = child.stdout.read().splitlines()  # what it had said before it died counts as well
        child.stdout.close()
        child.wait()
    return int(rest[-1]) if rest and rest[-1].isdigit() and len(rest[-1]) >= len(str(last)) else last


@pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="kill -9 is of POSIX; TerminateProcess loses nothing of the system's cache either"
)
def test_kill_9(tmp_path):
    rng = random.Random(9)  # noqa: S311 - as above
    folder = RunFolder(tmp_path / "run")
    for rounds in (25_000, 0):  # more than a second of work: the child must not be done before it is killed
        acknowledged = kill_after(rng.randrange(3, 12), folder.path, rounds)
        before = check_before(folder, acknowledged)
        assert acknowledged > 0
    result = subprocess.run([sys.executable, "-c", CHILD, str(folder.path), "0"], capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stderr
    check_after(folder, before, 25_000)
