"""The page about drivers is run as it stands: its files in a package of their own, its tests, its row in the catalogue, a link with it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from eventready.stations.config import copy_link
from eventready.twin.devices import Fault

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "add-a-driver.md"
FILE = re.compile(r"^```python\n# (my_lab/\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENTRY = re.compile(r"^```toml\n\[project\.entry-points\.\"eventready\.devices\"\]\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def package(tmp_path):
    """The page's package, as if it were installed."""
    text = PAGE.read_text(encoding="utf-8")
    files = dict(FILE.findall(text))
    assert len(files) == text.count("```python\n") == 4, "a block that is not run"
    for name, source in {"my_lab/__init__.py": "", **files}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding="utf-8")
    metadata = tmp_path / "my_lab-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-lab\nVersion: 1.0\n", encoding="utf-8")
    (entry,) = ENTRY.findall(text)
    (metadata / "entry_points.txt").write_text("[eventready.devices]\n" + entry.replace('"', ""), encoding="utf-8")
    return tmp_path


def run(package, *words):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}
    result = subprocess.run(
        [sys.executable, *map(str, words)], cwd=package, capture_output=True, text=True, encoding="utf-8", env=environment
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def eventready(package, *words):
    return run(package, "-c", "from eventready.cli import main; main()", *words)


def test_the_page_s_tests_pass_and_print_the_ten_faults(package):
    printed = run(package, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "--rootdir", package, "my_lab")
    assert " passed" in printed
    assert "skipped" not in printed
    for fault in Fault:
        assert re.search(rf"^{re.escape(fault.value)}  +(typed error|true state) \(\d", printed, re.MULTILINE), fault


def test_the_page_s_device_runs_in_a_link_over_the_wire(package):
    assert re.search(r"^Shutter +SRS +SR470 +serial, 9600 baud +yes +my_lab\.sr470\.SR470 ", eventready(package, "drivers"), re.MULTILINE)
    copy_link("munich", package / "lab")
    lab2 = package / "lab" / "lab2.yaml"
    text = lab2.read_text(encoding="utf-8")
    found = re.search(r"    type: eventready\.drivers\.thorlabs\.SC10\n    address: COM5\n    init: .*\n", text)
    lab2.write_text(text.replace(found[0], "    type: my_lab.sr470.SR470\n    address: COM6\n"), encoding="utf-8")
    said = eventready(package, "run", "lab", "--rounds", "5", "--seed", "1", "--hardware", "wire", "--out", "run")
    assert re.search(r"^  bob_shutter: SR470 at socket://127\.0\.0\.1:\d+, a simulated device$", said, re.MULTILINE)
    assert "5/5 rounds" in said
