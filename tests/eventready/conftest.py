"""The command line, in this process and in others."""

import subprocess
import sys

import pytest
from qcodes.instrument import Instrument

from eventready.cli import main


@pytest.fixture
def eventready(monkeypatch, capsys):
    """Call ``eventready WORD...`` and get its exit code, what it printed, and what it said on standard error."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["eventready", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        printed = capsys.readouterr()
        assert not dict(Instrument._all_instruments), "a command leaves nothing open"
        return code, printed.out, printed.err

    return call


@pytest.fixture
def eventready_child():
    """Start ``eventready WORD...`` as a process of its own; it is killed after the test if it still runs."""
    children = []

    def start(*words, before=""):
        program = f"{before}\nfrom eventready.cli import main\nmain()"
        child = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()
