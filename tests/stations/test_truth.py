"""Faults of a simulated run: what the stations make of them, and that only ``truth/`` knows."""

from __future__ import annotations

import json

import pytest

from eventready.errors import ConfigError
from eventready.protocol.run_folder import RunFolder
from eventready.stations.link import open_link
from eventready.stations.resume import resume_link
from eventready.stations.truth import read_truth
from eventready.twin.fault_script import parse_fault_script

SCRIPT = parse_fault_script(
    'faults:\n  - {slot: bob.readout, fault: unlocked, at: "10 min", for: "30 min"}\n'
    '  - {quantity: bsm.dark_rate, value: "1 kHz", at: "0 s", for: "5 min"}\n'
    'drifts:\n  - {quantity: bob.fibre_rotation, sigma: "2 deg", time: "1 h"}\n',
    "faults.yaml",
)


def events(folder: RunFolder, node: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in folder.events(node).read_text(encoding="utf-8").splitlines()]


def changes(folder: RunFolder) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder.truth / "disturbances.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def link(close_instruments):
    with open_link("munich", seed=5) as opened:
        yield opened


def test_a_laser_that_unlocks_suspends_the_run_which_goes_on_when_it_has_locked_again(link, tmp_path):
    result = link.run(tmp_path / "run", rounds=40, faults=SCRIPT)
    assert result.rounds == 40
    suspended = next(event for event in events(result.folder, "bob") if event["to"] == "suspended")
    assert "bob.readout" in suspended["cause"]
    assert "lock" in suspended["cause"]
    heralds_s = result.folder.read_log("public").records["herald_ps"] / 1e12
    begun, over = suspended["t_s"], 40 * 60
    assert 600 <= begun < 700, "noticed at the next look at the instruments"
    assert not ((heralds_s > begun) & (heralds_s < over)).any()
    assert (heralds_s > over).any()


def test_only_the_truth_knows_what_happened(link, tmp_path):
    folder = link.run(tmp_path / "run", rounds=40, faults=SCRIPT).folder
    known = {(change["what"], change["value"]) for change in changes(folder)}
    assert {("bob.readout", "unlocked"), ("bob.readout", "unlocked: over"), ("bsm.dark_rate", 1000.0), ("bsm.dark_rate", 0.0)} <= known
    assert sum(what == "bob.fibre_rotation" for what, _ in known) > 20
    for path in folder.path.rglob("*"):
        if path.is_file() and folder.truth not in path.parents:
            assert b"fibre_rotation" not in path.read_bytes(), path


def test_faults_end_with_the_run(link, tmp_path):
    link.run(tmp_path / "first", rounds=5, faults=parse_fault_script('faults: [{slot: bob.shutter, fault: stuck, at: "20 h"}]', "f"))
    link.clocks["bob"].sleep(30 * 3600)
    assert not link.world.ports["bob.shutter"].stuck
    assert link.run(tmp_path / "second", rounds=5).rounds == 5


def test_a_resumed_run_meets_the_rest_of_its_faults(close_instruments, tmp_path):
    with open_link("munich", seed=5) as first:
        first.clocks["bsm"].call_at(300, lambda: first.request_stop("enough"))
        stop = first.run(tmp_path / "run", rounds=40, faults=SCRIPT)
    assert stop.stopped
    assert read_truth(stop.folder) == (5, "rounds")
    with resume_link(stop.folder) as again:
        assert again.resume(stop.folder).rounds == 40
    assert ("bob.readout", "unlocked: over") in {(change["what"], change["value"]) for change in changes(stop.folder)}


def test_a_link_of_clicks_runs_and_is_resumed_as_one(close_instruments, tmp_path):
    with open_link("oxford", seed=6, level="clicks") as first:
        first.clocks["bsm"].call_at(first.clocks["bsm"].now() + 0.1, lambda: first.request_stop("enough"))
        stop = first.run(tmp_path / "run", rounds=60)
    assert stop.stopped
    assert read_truth(stop.folder) == (6, "clicks")
    with resume_link(stop.folder) as again:
        assert again.world.level == "clicks"
        assert again.resume(stop.folder).rounds == 60


def test_a_script_that_does_not_fit_the_link_is_refused_and_leaves_no_run(link, tmp_path):
    script = parse_fault_script('faults: [{slot: bob.window, fault: stuck, at: "1 s"}]', "f")
    with pytest.raises(ConfigError, match=r"nothing in the slot 'bob\.window'"):
        link.run(tmp_path / "run", rounds=5, faults=script)
    assert not (tmp_path / "run").exists()


def test_on_real_hardware_there_is_no_script(link, tmp_path):
    link.world = None
    with pytest.raises(ConfigError, match="for the twin"):
        link.run(tmp_path / "run", rounds=5, faults=SCRIPT)
