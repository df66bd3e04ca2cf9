"""Alarms in the report: whose files are read, and what a damaged line does."""

import json
import shutil

import pytest

from eventready.cli.report_data import collect
from eventready.cli.report_html import to_json
from eventready.cli.report_tables import tables
from eventready.errors import LogCorrupt
from eventready.protocol.run_folder import RunFolder


def line(node, at_s, **changes):
    return json.dumps({"t_s": at_s, "node": node, "alarm": f"{node}'s monitor", "since_s": at_s, "cause": "moved"} | changes) + "\n"


@pytest.fixture
def alarmed(tmp_path):
    """A copy of a run, with alarms in the files of all three."""

    def make(run):
        folder = RunFolder(shutil.copytree(run.path, tmp_path / "run"))
        for party, node, at_s in (("bob", "bob", 30.0), ("public", "bsm", 20.0), ("alice", "alice", 10.0)):
            with folder.events(party).open("a", encoding="utf-8") as file:
                file.write(line(node, at_s))
        return folder

    return make


def test_a_characterise_run_shows_the_alarms_of_all_in_order(alarmed, munich_run):
    report = collect(alarmed(munich_run))
    assert [(alarm.node, alarm.at_s) for alarm in report.alarms] == [("alice", 10.0), ("bsm", 20.0), ("bob", 30.0)]
    (table,) = [table for table in tables(report) if table.title == "Alarms"]
    assert table.rows[1] == ("bsm's monitor", "bsm", "20.0 s", "moved")
    assert to_json(report)["alarms"][0] == {"node": "alice", "monitor": "alice's monitor", "at_s": 10.0, "text": "moved"}


def test_of_a_key_run_nobody_reads_the_parties_files(alarmed, key_run):
    folder = alarmed(key_run)
    folder.events("alice").write_bytes(b"not to be read\n")
    assert [alarm.node for alarm in collect(folder).alarms] == ["bsm"]


def test_a_run_without_alarms_has_no_table(munich_report):
    assert munich_report.alarms == ()
    assert "Alarms" not in {table.title for table in tables(munich_report)}


@pytest.mark.parametrize("damage", ["{", "[]", '"alarm"', line("bsm", 1.0, t_s="late").strip(), '{"alarm": "x"}'])
def test_a_damaged_line_is_named(alarmed, munich_run, damage):
    folder = alarmed(munich_run)
    number = len(folder.events("public").read_text(encoding="utf-8").splitlines()) + 1
    with folder.events("public").open("a", encoding="utf-8") as file:
        file.write(damage + "\n")
    with pytest.raises(LogCorrupt, match=f"events.jsonl: line {number} is no event"):
        collect(folder)


def test_the_end_of_a_line_that_a_crash_cut_off_is_passed_over(alarmed, munich_run):
    folder = alarmed(munich_run)
    with folder.events("public").open("a", encoding="utf-8") as file:
        file.write(line("bsm", 40.0)[:25])
    assert len(collect(folder).alarms) == 3


def test_many_alarms_are_counted_and_not_all_listed(alarmed, munich_run):
    folder = alarmed(munich_run)
    with folder.events("public").open("a", encoding="utf-8") as file:
        file.writelines(line("bsm", 100.0 + n) for n in range(50))
    (table,) = [table for table in tables(collect(folder)) if table.title == "Alarms"]
    assert len(table.rows) == 30
    assert "23 more" in table.note
