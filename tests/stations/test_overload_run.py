"""Detectors that latch in whole runs on the twin: the station frees them, and the run goes on, or it ends and says why."""

import json

import pytest

from eventready.errors import NotReady
from eventready.protocol.records import NO_INDEX, Flag
from eventready.protocol.run_folder import load_run
from eventready.stations.link import Link
from eventready.twin.fault_script import parse_fault_script


@pytest.fixture
def run(tmp_path, config_of, close_instruments):
    def go(name, rounds, fault, seed=5, config=None, purpose="characterise"):
        script = parse_fault_script(f"faults: [{fault}]", "test")
        with Link(config or config_of(name), hardware="twin", seed=seed) as link:
            return link.run(tmp_path / "run", rounds=rounds, faults=script, purpose=purpose)

    return go


def tries(lines):
    return [line for line in lines if "; reset " in line["cause"]]


def truth(result):
    return [json.loads(line) for line in (result.folder.truth / "disturbances.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("purpose", ["characterise", "key"])
def test_a_detector_of_the_middle_that_latches_costs_one_veto_at_most(run, events_of, purpose):
    result = run("munich", 12, '{slot: bsm.detector_dv, fault: latched, at: "300 s"}', purpose=purpose)
    assert (result.rounds, result.stopped) == (12, "")
    (only,) = tries(events_of(result.folder, "public"))
    assert only["cause"] == "bsm_spd_dv: overloaded or latched; reset 1 of 12: in order again"
    assert (only["from"], only["to"]) == ("suspended", "suspended")
    assert 300 < only["t_s"] < 310 + 1, "asked at the latest when ten seconds of attempts have brought no herald"
    records = result.folder.read_log("public").records
    vetoed = records["index"] == NO_INDEX
    assert vetoed.sum() == result.vetoes <= 1
    assert (records["flags"][vetoed] == Flag.VETOED).all()
    for party in ("alice", "bob"):
        assert not tries(events_of(result.folder, party))
        assert not load_run(result.folder.path, party)["flags"].any()


def test_too_much_light_latches_it_again_until_it_is_over(run, events_of):
    result = run("munich", 12, '{slot: bsm.detector_ch, fault: overloaded, at: "300 s", for: "90 s"}')
    assert (result.rounds, result.stopped) == (12, "")
    struck, over = truth(result)
    assert (struck["value"], over["value"]) == ("overloaded", "overloaded: over")
    found = [line for name in ("public", "alice") for line in tries(events_of(result.folder, name))]
    assert len(found) > 3
    for line in found:
        free = line["cause"].endswith("in order again")
        assert free == (line["t_s"] > over["t_s"]), line
    assert sum(line["cause"].endswith("in order again") for line in found) == 1
    public = result.folder.read_log("public").records
    times = public["herald_ps"][public["index"] != NO_INDEX] * 1e-12
    assert not ((times > struck["t_s"]) & (times < over["t_s"])).any(), "no herald is accepted meanwhile"
    assert (times > over["t_s"]).any()


def test_light_that_stays_ends_the_run_when_patience_is_over(run, tmp_path, edited_link):
    config = edited_link("munich", ('patience: "1 h"', 'patience: "2 min"'), ("tries: 12", "tries: 4"))
    with pytest.raises(NotReady, match=r"bsm: not ready for 120 s: bsm_spd_dv: overloaded or latched"):
        run("munich", 30, '{slot: bsm.detector_dv, fault: overloaded, at: "300 s"}', config=config)
    lines = [json.loads(line) for line in (tmp_path / "run" / "public" / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["cause"].partition("; ")[2] for line in tries(lines)] == [f"reset {n} of 4: latched again" for n in range(1, 5)]
    assert lines[-1]["to"] == "fault"
    assert "not ready for 120 s" in lines[-1]["cause"]


@pytest.mark.parametrize(("name", "party"), [("munich", "bob"), ("oxford", "alice"), ("oxford", "bob")])
def test_a_readout_detector_that_latches_is_freed_by_its_party(run, events_of, name, party):
    result = run(name, 12 if name == "munich" else 300, f'{{slot: {party}.detector, fault: latched, at: "300 s"}}', seed=1)
    assert result.stopped == ""
    (only,) = tries(events_of(result.folder, party))
    assert only["cause"] == f"{party}.detector: overloaded or latched; reset 1 of 12: in order again"
    lost = load_run(result.folder.path, party)["flags"] != 0
    assert lost.sum() <= 1, "the round in which it latched has its fallback output, and no other"
    assert not load_run(result.folder.path, "bob" if party == "alice" else "alice")["flags"].any()
    assert result.vetoes == 0
