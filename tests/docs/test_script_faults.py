"""The page about fault scripts: its script runs, and its tables name all that there is."""

import re
from pathlib import Path

from eventready.stations.link import open_link
from eventready.twin.fault_script import LINE_FAULTS, SLOT_FAULTS, parse_fault_script
from eventready.twin.physics.disturbed import QUANTITIES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "script-faults.md").read_text(encoding="utf-8")


def test_the_page_s_script_runs(tmp_path, close_instruments):
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    script = parse_fault_script(text, "the page")
    with open_link("munich", seed=7) as link:
        result = link.run(tmp_path / "run", rounds=150, faults=script)
    assert (result.rounds, len(script.slots), len(script.quantities), len(script.drifts), len(script.lines)) == (150, 2, 2, 1, 1)
    truth = (result.folder.truth / "disturbances.jsonl").read_text(encoding="utf-8")
    assert "unlocked" in truth
    assert "line bob" in truth


def test_the_line_faults_of_the_page_are_read():
    (text,) = re.findall(r"^```\n(- \{line.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert {fault.fault for fault in parse_fault_script(f"faults:\n{text}", "the page").lines} == {"lossy", "garbled"}


def test_the_tables_are_complete():
    for fault in (*SLOT_FAULTS, *LINE_FAULTS):
        assert f"| `{fault}` |" in PAGE
    for quantity in QUANTITIES:
        node, _, name = quantity.partition(".")
        assert f"`alice.{name}`" in PAGE if node in ("alice", "bob") else f"`{quantity}`" in PAGE
