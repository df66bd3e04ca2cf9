"""What an installed package must contain, and what importing it may cost."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("instruments", "drivers", "twin", "sequences", "stations", "protocol", "station_configs")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("setuptools", minversion="77", reason="building a wheel needs setuptools >= 77")
    import shutil

    copy = tmp_path_factory.mktemp("copy") / "eventready"
    copy.mkdir()
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", *FOLDERS)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "src", copy / "src", ignore=ignore)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(out), str(copy)]
    subprocess.run(command, check=True)
    with zipfile.ZipFile(next(out.glob("*.whl"))) as archive:
        return set(archive.namelist())


def test_every_source_and_data_file_is_in_the_wheel(wheel):
    wanted = {
        f"eventready/{path.relative_to(ROOT).as_posix()}"
        for folder in FOLDERS
        for pattern in ("*.py", "*.yaml")
        for path in (ROOT / folder).rglob(pattern)
    }
    assert wanted
    assert wanted - wheel == set()


def test_nothing_else_is_in_the_wheel(wheel):
    assert {name.split("/")[0] for name in wheel if ".dist-info" not in name} == {"eventready"}


def test_every_folder_with_python_files_is_a_package():
    # find_packages() passes over a folder without __init__.py, silently.
    missing = [
        path.parent.relative_to(ROOT)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    ]
    assert missing == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_root_folders_refuse_to_be_imported_under_their_bare_names(folder):
    result = subprocess.run([sys.executable, "-c", f"import {folder}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "beyond top-level package" in result.stderr


def test_importing_the_package_is_light():
    code = "import sys, eventready; print(sorted({'numpy', 'numba', 'qcodes', 'pydantic', 'matplotlib', 'pandas'} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONWARNINGS": "error"}
    )
    assert result.stdout.strip() == "[]"
