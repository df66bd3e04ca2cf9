#!/usr/bin/env python3
"""The project's chores, with nothing but Python: ``python3 tasks.py demo`` (on Windows ``py tasks.py demo``).

Commands:
  demo    make .venv, install, run the Munich link for its 3342 rounds on the twin, end with a report and a figure
  test    make .venv, install, run the tests (further arguments go to pytest; --slow adds the slow ones)
  lint    ruff and the import layers
  types   mypy --strict on the package as it would be installed
  docs    build the documentation, warnings are errors
  bench   print the benchmark tables (name one to run only that: bench round_loop; bench reconciliation full)
  links   directory links src/eventready/<folder> for editors that do not follow editable installs
  all     test, lint, types, docs, demo

The virtual environment stands in .venv, or where EVENTREADY_VENV says.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("EVENTREADY_VENV", ROOT / ".venv")).absolute()
STAGE = ROOT / ".stage"
FOLDERS = ("instruments", "drivers", "twin", "sequences", "stations", "protocol", "station_configs")
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")


def run(*command: str | Path, **environment: str) -> None:
    """Run a command in the project's folder; end with its exit code if it fails."""
    words = [str(word) for word in command]
    print("+", " ".join([Path(words[0]).name, *words[1:]]), flush=True)
    result = subprocess.run(words, cwd=ROOT, env={**os.environ, "PYTHONUTF8": "1", **environment}, check=False)
    if result.returncode:
        sys.exit(result.returncode)


def tool(name: str) -> Path:
    """Path of a program in the virtual environment."""
    return BIN / (f"{name}.exe" if os.name == "nt" else name)


def install(*extras: str) -> None:
    """Make the virtual environment and install the project with ``extras``; do nothing if that has been done already."""
    if sys.version_info < (3, 11):
        sys.exit(f"eventready needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    wanted = ",".join(sorted(extras))
    fingerprint = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + (ROOT / "setup.py").read_bytes() + str(ROOT).encode())
    fingerprint.update(sys.version.encode())
    stamp = VENV / f"installed-{wanted or 'plain'}"
    if stamp.exists() and stamp.read_text(encoding="ascii") == fingerprint.hexdigest():
        return
    if not tool("python").exists():
        print(f"making {VENV.name} with Python {sys.version.split()[0]}", flush=True)
        if subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False).returncode:
            sys.exit("could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv")
    print("installing (the first time takes some minutes: QCoDeS brings about 70 packages)", flush=True)
    run(tool("python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", f".[{wanted}]" if wanted else ".")
    stamp.write_text(fingerprint.hexdigest(), encoding="ascii")


def stage() -> None:
    """Install the package into .stage as a user would get it.

    mypy and import-linter see nothing of an editable install, and a stale build keeps deleted modules: hence always afresh, from a copy.
    """
    shutil.rmtree(STAGE, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "eventready"
        copy.mkdir()
        for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, copy / name)
        for name in (*FOLDERS, "src"):
            shutil.copytree(
                ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", *FOLDERS if name == "src" else ())
            )
        run(tool("python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", STAGE, copy)


def test(arguments: list[str]) -> None:
    """Run the tests; --slow adds those marked slow, --staged tests the package as it would be installed."""
    install("test", *(["dev"] if "--staged" in arguments else []))
    selection = [] if "--slow" in arguments else ["-m", "not slow"]
    environment = {}
    if "--staged" in arguments:
        stage()
        environment["PYTHONPATH"] = str(STAGE)
    rest = [argument for argument in arguments if argument not in ("--slow", "--staged")]
    # pytest itself and not `python -m pytest`: the latter would make the root folders importable under their bare names.
    run(tool("pytest"), *selection, *rest, **environment)


def lint(arguments: list[str]) -> None:
    """Ruff, and the import layers on the staged package."""
    install("dev", "test")
    run(tool("ruff"), "check", *arguments, ".")
    run(tool("ruff"), "format", "--check", ".")
    stage()
    run(tool("lint-imports"), PYTHONPATH=str(STAGE))


def types(arguments: list[str]) -> None:
    """Mypy --strict on the staged package."""
    install("dev", "test")
    stage()
    run(tool("mypy"), "-p", "eventready", *arguments, MYPYPATH=str(STAGE), PYTHONPATH=str(STAGE))


def docs(arguments: list[str]) -> None:
    """Build the documentation to build/docs."""
    install("docs")
    run(tool("sphinx-build"), "-W", "--keep-going", "-q", *arguments, "docs", ROOT / "build" / "docs")
    print(f"documentation: {ROOT / 'build' / 'docs' / 'index.html'}")


def bench(arguments: list[str]) -> None:
    """Run the benchmarks, or those named; other words go to each of them."""
    install("test")
    known = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))
    options = [word for word in arguments if word not in known]
    for name in [word for word in arguments if word in known] or known:
        run(tool("python"), ROOT / "benchmarks" / f"{name}.py", *options)


def demo(arguments: list[str]) -> None:
    """Run the Munich link for its 3342 rounds on the twin."""
    install()
    folder = ROOT / "runs" / time.strftime("demo-%Y%m%d-%H%M%S")
    run(tool("eventready"), "run", "munich", "--out", folder, *arguments)


def links(arguments: list[str]) -> None:
    """Make git-ignored directory links for editors (symbolic links; junctions on Windows)."""
    for name in FOLDERS:
        link = ROOT / "src" / "eventready" / name
        if link.exists():
            continue
        if os.name == "nt":
            run("cmd", "/c", "mklink", "/J", link, ROOT / name)
        else:
            link.symlink_to(ROOT / name, target_is_directory=True)


def everything(arguments: list[str]) -> None:
    """Test, lint, types, docs, demo."""
    for command in (test, lint, types, docs, demo):
        command([])


COMMANDS = {"demo": demo, "test": test, "lint": lint, "types": types, "docs": docs, "bench": bench, "links": links, "all": everything}


def main() -> None:
    """Run the chore that the command line names."""
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        print(__doc__)
        sys.exit(0 if sys.argv[1:] in ([], ["-h"], ["--help"]) else 2)
    COMMANDS[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    main()
