"""Warming up: every kernel there is, compiled once."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from eventready.cli.warmup_command import KERNELS, kernels

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("instruments", "drivers", "twin", "sequences", "stations", "protocol", "src")


def warmup(cache):
    command = [sys.executable, "-c", "from eventready.cli import main; main()", "warmup"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=110).stdout


@pytest.mark.slow
def test_the_second_time_nothing_is_compiled(tmp_path):
    first, second = warmup(tmp_path), warmup(tmp_path)
    for row in KERNELS:
        if row.optional and re.search(rf"{re.escape(row.name)} .* not for this processor", first):
            continue
        assert re.search(rf"{re.escape(row.name)} +\d+\.\d\d s  \d+ kernels?, compiled", first)
        assert re.search(rf"{re.escape(row.name)} +\d+\.\d\d s  \d+ kernels?, taken from the cache", second)
    assert f"kept in {tmp_path}" in first


def test_every_module_with_kernels_is_warmed_up():
    with_kernels = {
        path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if re.search(r"^@njit", path.read_text("utf-8"), re.M)
    }
    assert {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removeprefix("src.") for path in with_kernels} == {
        row.module for row in KERNELS
    }


def test_it_says_what_it_did(eventready):
    code, out, _ = eventready("warmup")
    assert code == 0
    assert re.match(r"numba \S+ +\d+\.\d\d s  loaded\n", out)
    assert all(row.name in out for row in KERNELS)


@pytest.mark.parametrize("row", KERNELS, ids=[row.module for row in KERNELS])
def test_warming_up_leaves_no_kernel_out(eventready, row):
    eventready("warmup")
    found = kernels(row)
    assert found
    left_out = [name for name, kernel in found.items() if not kernel.signatures]
    assert left_out == [] or (row.optional and left_out == list(found))
