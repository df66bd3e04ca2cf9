"""``eventready run``: what it takes, what it refuses, how it ends."""

import json
import os
import random
import re
import signal
import threading
import time

import numpy as np
import pytest
from qcodes.instrument import Instrument

from eventready.cli import run_command
from eventready.protocol.records import NO_INDEX, Flag
from eventready.protocol.run_folder import RunFolder, load_run
from eventready.stations.config import copy_link
from eventready.stations.link import Link
from eventready.stations.procedures.inputs import PoolInput
from eventready.twin.world import World

PARTIES = ("alice", "bob")
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows sends a child no SIGINT of its own, and has no RLIMIT_FSIZE")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_report(monkeypatch):
    """Reports have tests of their own, and take a second each."""
    monkeypatch.setattr(run_command, "_report", lambda result, as_json: None)


def refused(result, *words):
    """Exit code 2, one error in words, no traceback, nothing printed."""
    code, out, err = result
    assert code == 2, err
    assert out == ""
    assert "Traceback" not in err
    assert "error: " in err.lower()
    for word in words:
        assert word in err
    return True


# -- a run ---------------------------------------------------------------------------------------------------------------------------------


def test_a_run_and_its_result_as_json(eventready, tmp_path):
    code, out, err = eventready("run", "oxford", "--rounds", 400, "--seed", 3, "--out", "run", "--json")
    assert code == 0
    result = json.loads(out)
    assert (result["run"]["rounds"], result["run"]["vetoes"]) == (400, 0)
    assert result["run"]["folder"] == "run"
    assert "oxford: 28 twin roles" in err
    folder = RunFolder(tmp_path / "run")
    folder.verify()
    assert len(load_run(folder.path, "alice")) == 400
    assert "<html" in folder.report.read_text(encoding="utf-8").lower()


def test_a_run_without_an_output_folder_gets_one_under_runs(eventready, tmp_path):
    code, out, _ = eventready("run", "munich", "--rounds", 3)
    assert code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("munich-")
    assert str(folder.relative_to(tmp_path)) in out
    RunFolder(folder).verify()


@pytest.mark.usefixtures("no_report")
def test_a_seed_repeats_a_run(eventready, tmp_path):
    for name in ("a", "b"):
        assert eventready("run", "oxford", "--rounds", 30, "--seed", 3, "--out", name)[0] == 0
    assert load_run(tmp_path / "a", "bob").tobytes() == load_run(tmp_path / "b", "bob").tobytes()


def test_a_key_run_shows_no_statistics(eventready, tmp_path, mocker):
    """Neither on the screen nor in the report: what is looked at makes no key."""
    mocker.patch("eventready.stations.monitor._REFRESH_S", 0.0)
    code, out, err = eventready("run", "oxford", "--rounds", 300, "--seed", 3, "--purpose", "key", "--out", "run")
    assert code == 0
    folder = RunFolder(tmp_path / "run")
    assert not folder.is_characterised
    progress = [line for line in err.splitlines() if "rounds (" in line]
    assert progress
    assert not any("  S " in line or "  Q " in line for line in progress)
    assert "characterise" in out
    for line in out.splitlines():
        assert not line.strip().startswith(("S ", "Q ", "CHSH"))


def test_wire_runs_drivers_against_simulated_devices_and_says_which(eventready):
    code, out, err = eventready("run", "munich", "--rounds", 20, "--seed", 1, "--hardware", "wire", "--out", "run", "--json")
    assert code == 0, err
    assert json.loads(out)["run"]["rounds"] == 20  # nothing else is on standard output: QCoDeS' drivers greet there
    assert "munich: 32 twin roles, 5 drivers over loopback\n" in err
    assert re.search(
        r"^  alice_dlc\.laser1, alice_dlc\.laser2: DlcPro at socket://127\.0\.0\.1:\d+, a simulated device$", err, re.MULTILINE
    )
    assert re.search(r"^  bob_shutter: SC10 at socket://127\.0\.0\.1:\d+, a simulated device$", err, re.MULTILINE)
    assert re.search(r"^  bsm_sequencer, .*, bob_reference_plate, bob_coil: twin role$", err, re.MULTILINE)
    log = RunFolder("run").engine_log.read_text(encoding="utf-8")
    assert "bob_shutter: SC10 at socket://127.0.0.1:" in log
    assert not Instrument._all_instruments
    assert not [thread.name for thread in threading.enumerate() if "simulator" in thread.name]


@pytest.mark.usefixtures("no_report")
def test_a_link_of_one_s_own(eventready, tmp_path):
    assert eventready("config", "copy", "oxford", "lab")[0] == 0
    for link in ("lab", "lab/link.yaml"):
        code, _, err = eventready("run", link, "--rounds", 2, "--out", tmp_path / f"run-{len(link)}")
        assert code == 0, err


@pytest.mark.usefixtures("no_report")
def test_an_oversight_in_the_files_is_told_and_the_run_goes_on(eventready, tmp_path):
    copy_link("oxford", "lab")
    with open("lab/bsm.yaml", "a", encoding="utf-8") as file:
        file.write("  spare_laser:\n    type: eventready.twin.roles.TwinLaser\n")
    code, _, err = eventready("run", "lab", "--rounds", 2, "--out", "run")
    assert code == 0
    assert "warning: " in err
    assert "spare_laser" in err


# -- refused -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "munch"], ["there is no link 'munch'", "munich"]),
        (["run"], ["give a LINK to run, or --resume RUN"]),
        (["run", "munich", "--resume", "run"], ["give a LINK to run, or --resume RUN"]),
        (["run", "munich", "--rounds", "0"], ["--rounds", "0 is not in the range"]),
        (["run", "munich", "--rounds", "many"], ["--rounds", "'many' is not a valid integer"]),
        (["run", "munich", "--purpose", "fun"], ["--purpose", "'fun' is not one of"]),
        (["run", "munich", "--hardware", "reel"], ["--hardware", "'reel' is not one of"]),
        (["run", "munich", "--hardware", "real"], ["--hardware real, but 32 of 37 instruments are roles of the twin"]),
        (["run", "munich", "--seed", "-1"], ["--seed"]),
        (["run", "nowhere/link.yaml"], ["there is no link"]),
        (["run", "--resume", "nothing"], ["not the folder of a run"]),
        (["runn", "munich"], ["No such command 'runn'"]),
        (["run", "munich", "--round", "3"], ["No such option"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("run") else "",
)
def test_wrong_words_are_refused_and_nothing_is_written(eventready, tmp_path, words, said):
    assert refused(eventready(*words), *said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "value"), [("--rounds", 5), ("--purpose", "key"), ("--hardware", "wire"), ("--seed", 1), ("--out", "elsewhere")]
)
def test_what_is_settled_cannot_be_changed_when_a_run_is_resumed(eventready, option, value):
    """Silence would look like consent."""
    assert refused(eventready("run", "--resume", "run", option, value), "as it was begun", option)


def test_an_unknown_key_in_a_copied_link_is_named_with_its_line(eventready, tmp_path):
    copy_link("munich", "lab")
    text = (tmp_path / "lab" / "link.yaml").read_text(encoding="utf-8")
    (tmp_path / "lab" / "link.yaml").write_text(text.replace("  shutter_time:", "  shuter_time:"), encoding="utf-8")
    assert refused(eventready("run", "lab", "--out", "run"), "link.yaml:", "shuter_time", "shutter_time", "no instrument was touched")
    assert not (tmp_path / "run").exists()


def test_an_output_folder_that_holds_something_is_left_alone(eventready, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("precious", encoding="utf-8")
    assert refused(eventready("run", "oxford", "--rounds", 2, "--out", "run"), "exists and is not an empty folder")
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "thesis.tex"]
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert refused(eventready("run", "oxford", "--rounds", 2, "--out", "file"), "exists and is not an empty folder")


@pytest.mark.usefixtures("no_report")
def test_a_finished_run_is_not_resumed(eventready, tmp_path):
    assert eventready("run", "oxford", "--rounds", 2, "--out", "run")[0] == 0
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert refused(eventready("run", "--resume", "run"), "this run is finished; start a new one")
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before


def test_a_folder_that_is_no_run_is_not_resumed(eventready, tmp_path):
    (tmp_path / "photos").mkdir()
    assert refused(eventready("run", "--resume", "photos"), "not the folder of a run")
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert refused(eventready("run", "--resume", "file"), "file")


# -- ended without a result ----------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_report")
def test_a_fault_ends_the_run_with_its_reason_and_exit_code_1(eventready, tmp_path, mocker):
    real = Link.run

    def run(link, *args, **kwargs):
        link.world.ports["alice.photoionisation"].interlock_closed = False
        return real(link, *args, **kwargs)

    mocker.patch.object(Link, "run", run)
    code, out, err = eventready("run", "oxford", "--rounds", 5, "--out", "run")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("error: alice_photoionisation_laser: emission refused, the interlock is open")
    assert "Traceback" not in err
    mocker.stopall()
    assert eventready("run", "--resume", "run")[0] == 0
    RunFolder(tmp_path / "run").verify()


@pytest.mark.usefixtures("no_report")
def test_a_network_that_fails_by_script_ends_the_run_until_it_is_resumed(eventready, tmp_path):
    """For an hour the line to Bob is down now and then, and loses and alters messages: 400 rounds do not pass it unharmed."""
    (tmp_path / "faults.yaml").write_text(
        'faults:\n  - {line: bob, fault: down, every: "200 ms", for: "20 ms"}\n'
        '  - {line: bob, fault: lossy, probability: 0.5 %, at: "0 s", for: "1 h"}\n'
        '  - {line: alice, fault: garbled, probability: 2 %, at: "0 s", for: "1 h"}\n',
        encoding="utf-8",
    )
    words = ("run", "oxford", "--rounds", 400, "--seed", 3, "--purpose", "key", "--faults", "faults.yaml", "--out", "run")
    ends = []
    while (result := eventready(*words))[0]:
        code, out, err = result
        assert (code, out) == (1, "")
        assert "Traceback" not in err
        assert re.fullmatch(r"error: (alice|bob|bsm): .+ then resume the run.*", err.splitlines()[-1])
        ends.append(err)
        words = ("run", "--resume", "run")
        assert len(ends) < 60
    assert ends
    folder = RunFolder(tmp_path / "run")
    folder.verify()
    public, *parties = (load_run(folder.path, name) for name in ("public", *PARTIES))
    for party in parties:
        assert (party["herald_ps"] == public["herald_ps"]).all()
        assert (party["pattern"] == public["pattern"]).all()
    assert any(party["flags"].any() for party in parties)


def test_what_is_not_safe_is_told_without_a_traceback(eventready_child, tmp_path):
    """In a process of its own: pytest's handlers would catch what Python prints of a log that nobody listens to."""
    stuck = "from eventready.twin.roles import TwinLaser\nTwinLaser._do_set_emission = lambda self, on: self._port.set(0, on=True)"
    child = eventready_child("run", "oxford", "--rounds", 2, "--out", tmp_path / "run", before=stuck)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (1, "")
    assert "error: not everything is safe" in err.splitlines()[-1]
    assert "Traceback" not in err


@POSIX
def test_a_disk_that_is_full_from_the_beginning_leaves_nothing_behind(eventready_child, tmp_path):
    for limit in (4_000, 100_000):  # in the link file's copy; in the table's database
        limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
        child = eventready_child("run", "oxford", "--rounds", 3000, "--out", tmp_path / "run", before=limited)
        _, err = child.communicate(timeout=100)
        assert child.returncode in (1, 2)
        assert err.splitlines()[-1].startswith("error: ")
        assert "Traceback" not in err
        assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_report")
@POSIX
def test_a_disk_that_fills_up_ends_the_run_and_loses_nothing_that_was_acknowledged(eventready, eventready_child, tmp_path):
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (230_000, 230_000))"
    child = eventready_child("run", "oxford", "--rounds", 6000, "--seed", 3, "--out", tmp_path / "run", before=limited)
    _, err = child.communicate(timeout=100)
    assert child.returncode == 1, err
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("error: ")
    assert "rounds.log: a write or sync failed" in err
    folder = RunFolder(tmp_path / "run")
    assert not folder.is_finished
    before = {party: load_run(folder.path, party) for party in PARTIES}
    assert len(before["alice"]) > 1000
    assert eventready("run", "--resume", "run")[0] == 0
    folder.verify()
    for party in PARTIES:
        assert (load_run(folder.path, party)[: len(before[party])] == before[party]).all()


# -- Ctrl-C --------------------------------------------------------------------------------------------------------------------------------


def wait_for_rounds(folder, count, child):
    """Wait until the public log of a run holds so many records."""
    for _ in range(1000):
        if folder.log("public").exists() and folder.log("public").stat().st_size > 500 + 48 * count:
            return
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.02)  # noqa: TID251 - waits for another process
    pytest.fail("the run did not get under way")


@POSIX
def test_ctrl_c_finishes_the_round_says_how_to_resume_and_resuming_works(eventready, eventready_child, tmp_path):
    folder = RunFolder(tmp_path / "run")
    child = eventready_child("run", "oxford", "--rounds", 1_000_000, "--seed", 3, "--out", folder.path)
    wait_for_rounds(folder, 200, child)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 1, err
    assert out == ""
    assert "finishing the round in hand; Ctrl-C again to break off at once" in err
    assert "Traceback" not in err
    rounds = {party: load_run(folder.path, party) for party in (*PARTIES, "public")}
    done = len(rounds["public"])
    assert {len(records) for records in rounds.values()} == {done}, "the round in hand was finished"
    assert f'stopped after {done} of 1000000 rounds; go on with: eventready run --resume "{folder.path}"' in err
    assert all((rounds[party]["flags"] == 0).all() for party in PARTIES)

    again = eventready_child("run", "--resume", folder.path)
    wait_for_rounds(folder, done + 200, again)
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=60)
    assert again.returncode == 1
    after = load_run(folder.path, "alice")
    assert len(after) > done
    assert (after[:done] == rounds["alice"]).all()
    assert (after["flags"] == 0).all()


@pytest.mark.usefixtures("no_report")
def test_ctrl_c_before_the_first_round_is_not_forgotten(eventready, tmp_path, mocker):
    """It may come while the pool is filled and the first ions are loaded."""
    real = PoolInput.prepare

    def prepare(self):
        signal.raise_signal(signal.SIGINT)
        mocker.stopall()
        real(self)

    mocker.patch.object(PoolInput, "prepare", prepare)
    code, _, err = eventready("run", "oxford", "--rounds", 50, "--out", "run")
    assert code == 1
    assert "stopped after 0 of 50 rounds" in err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert eventready("run", "--resume", "run")[0] == 0
    assert len(load_run(tmp_path / "run", "bob")) == 50


@pytest.mark.usefixtures("no_report")
def test_a_second_ctrl_c_breaks_off_at_once(eventready, tmp_path, mocker):
    real = World.run_attempts
    calls = []

    def run_attempts(self, *args):
        calls.append(None)
        if len(calls) in (10, 11):
            signal.raise_signal(signal.SIGINT)
        return real(self, *args)

    mocker.patch.object(World, "run_attempts", run_attempts)
    mocker.patch("eventready.stations.herald_station.HeraldStation.request_stop")  # so that the first one alone would not end it
    code, _, err = eventready("run", "oxford", "--rounds", 50, "--out", "run")
    assert code == 1
    assert err.splitlines()[-1] == "stopped"
    assert "Traceback" not in err
    mocker.stopall()
    assert eventready("run", "--resume", "run")[0] == 0
    RunFolder(tmp_path / "run").verify()


# -- kill -9 -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_report")
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_kills_of_the_whole_command(eventready, eventready_child, tmp_path):
    """A round that is in both parties' logs stays; one that the crash swallowed says so; the command goes on to the end."""
    rng = random.Random(10)  # noqa: S311 - any moments will do, the same ones every time
    folder, goal = RunFolder(tmp_path / "run"), 60_000
    words = ["run", "oxford", "--rounds", goal, "--seed", 3, "--out", folder.path]
    known = {party: np.zeros(0) for party in PARTIES}
    lost = {party: set() for party in PARTIES}
    held = 0
    for _ in range(10):
        child = eventready_child(*words)
        wait_for_rounds(folder, held + rng.randrange(50, 4000), child)
        time.sleep(rng.random() * 0.05)  # noqa: TID251 - the moment of the kill
        child.kill()
        child.communicate()
        words = ["run", "--resume", folder.path]
        public = load_run(folder.path, "public")
        held = int((public["index"] != NO_INDEX).sum())
        for party in PARTIES:
            records = load_run(folder.path, party)
            assert len(records) <= held
            assert (records[: len(known[party])] == known[party]).all() if len(known[party]) else True
            known[party] = records
            lost[party] |= set(range(len(records), held))
    assert eventready(*words)[0] == 0
    folder.verify()
    for party in PARTIES:
        records = load_run(folder.path, party)
        assert len(records) == goal
        assert (records[: len(known[party])] == known[party]).all()
        flagged = set(np.flatnonzero(records["flags"] & Flag.LOST).tolist())
        assert flagged <= lost[party]
        assert set(np.flatnonzero(records["flags"]).tolist()) == flagged
    assert len(folder.read_log("public").segments) <= 10
