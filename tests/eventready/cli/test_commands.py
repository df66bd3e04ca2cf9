"""The other commands, and what all commands share."""

import json
import logging
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from eventready import __version__, cli
from eventready.errors import DeviceFault
from eventready.protocol.run_folder import load_run
from eventready.stations.config import link_names
from eventready.stations.link import open_link


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(result, *words):
    code, out, err = result
    assert code == 2, err
    assert out == ""
    assert "Traceback" not in err
    assert "error: " in err.lower()
    for word in words:
        assert word in err
    return True


# -- all commands --------------------------------------------------------------------------------------------------------------------------


def test_help_lists_every_command_and_every_command_helps(eventready):
    code, out, _ = eventready("--help")
    assert code == 0
    for command in ("run", "analyse", "export", "config", "list", "warmup"):
        assert f"\n  {command} " in out
        code, text, _ = eventready(command, "-h")
        assert code == 0
        assert text.startswith(f"Usage: eventready {command}")


def test_help_is_fast_because_it_loads_nothing():
    """Neither QCoDeS nor numpy: those take a second."""
    program = (
        "import sys; sys.argv = ['eventready', '--help']\nfrom eventready.cli import main\ntry: main()\nfinally: print(sorted(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0
    assert not {"'qcodes'", "'numpy'", "'numba'", "'pydantic'"} & set(result.stdout.replace("[", "").replace(",", "").split())


def test_the_version_is_that_of_the_package(eventready):
    assert eventready("--version")[1].strip().endswith(__version__)


def test_a_command_that_there_is_not_is_refused(eventready):
    assert refused(eventready("fly"), "No such command 'fly'")
    assert eventready()[0] == 2


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DeviceFault("bob_trap", "does not obey"), 1, "error: bob_trap: does not obey"),
        (OSError(28, "No space left on device", "rounds.log"), 1, "error: rounds.log: No space left on device"),
        (OSError("odd"), 1, "error: system: odd"),
        (KeyboardInterrupt(), 1, "stopped"),
    ],
)
def test_what_ends_a_command_is_one_line(eventready, mocker, error, code, said):
    mocker.patch("eventready.stations.config.load_link", side_effect=error)
    got, out, err = eventready("config", "check", "munich")
    assert (got, out, err.strip()) == (code, "", said)


def test_a_mistake_of_ours_is_not_hidden(eventready, mocker):
    mocker.patch("eventready.stations.config.load_link", side_effect=ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        eventready("config", "check", "munich")


def test_verbose_shows_the_log_and_silence_hides_it(eventready, mocker):
    mocker.patch(
        "eventready.stations.config.load_link", side_effect=lambda name: logging.getLogger("eventready.x").warning("look: %s", name)
    )
    package = logging.getLogger("eventready")
    before = list(package.handlers)
    try:
        with pytest.raises(AttributeError):
            eventready("config", "check", "munich")
        with pytest.raises(AttributeError):
            eventready("-v", "config", "check", "munich")
        shown = [handler for handler in package.handlers if type(handler) is logging.StreamHandler]
        assert len(shown) == 1
    finally:
        package.handlers[:] = before


def test_all_that_is_printed_is_ascii(eventready):
    for words in (["list"], ["config", "schema"], ["config", "check", "munich"], ["run", "--help"], ["analyse", "--help"]):
        code, out, err = eventready(*words)
        assert code == 0
        assert (out + err).isascii()


def test_a_terminal_that_cannot_show_a_character_ends_nothing(mocker):
    stdout = mocker.patch.object(sys, "stdout")
    mocker.patch.object(cli, "cli")
    cli.main()
    stdout.reconfigure.assert_called_once_with(errors="replace")


# -- list ----------------------------------------------------------------------------------------------------------------------------------


def test_list_tells_links_presets_and_roles(eventready):
    code, out, _ = eventready("list")
    assert code == 0
    for name in (*link_names(), "munich-physics", "munich-visibility", "munich-point", "HeraldingSequencer", "TwinSequencer", "Shutter"):
        assert name in out


# -- config --------------------------------------------------------------------------------------------------------------------------------


def test_config_check_touches_no_instrument(eventready, mocker):
    opened = mocker.patch("qcodes.instrument.Instrument.__init__")
    code, out, err = eventready("config", "check", "munich")
    assert (code, err) == (0, "")
    assert out == "munich: all files are right; 38 roles; sites: lab1 (alice and bsm), lab2 (bob)\n"
    assert opened.call_count == 0


def test_config_copy_gives_files_that_are_right(eventready, tmp_path):
    code, out, _ = eventready("config", "copy", "munich", "lab")
    assert code == 0
    written = out.split()
    assert sorted(written) == sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "lab").iterdir())
    assert eventready("config", "check", "lab")[0] == 0
    assert refused(eventready("config", "copy", "munich", "lab"), "exists already; choose another folder")


def test_config_check_tells_every_problem_with_its_line(eventready, tmp_path):
    eventready("config", "copy", "oxford", "lab")
    path = tmp_path / "lab" / "link.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('attempt: "1.05 us"', 'attempt: "1.05 parsec"').replace("fallback: {alice: 0", "fallback: {alice: 7"), encoding="utf-8"
    )
    assert refused(eventready("config", "check", "lab"), "2 problems", "link.yaml:", "1.05 parsec", "fallback")


def test_config_schema_is_json(eventready):
    for words in (["config", "schema"], ["config", "schema", "--station"]):
        code, out, _ = eventready(*words)
        assert code == 0
        assert json.loads(out)["$schema"].startswith("https://json-schema.org")


def test_a_link_that_there_is_not_is_refused(eventready):
    assert refused(eventready("config", "check", "munch"), "there is no link 'munch'")
    assert refused(eventready("config", "copy", "munch", "lab"), "there is no link 'munch'")


# -- export --------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "suffix"), [("csv", "csv"), ("parquet", "parquet"), ("netcdf", "nc")])
def test_export_writes_a_party_s_rounds(eventready, oxford_run, tmp_path, form, suffix):
    code, out, _ = eventready("export", oxford_run.path, "--party", "bob", "--format", form)
    assert (code, out) == (0, f"bob.{suffix}\n")
    assert (tmp_path / f"bob.{suffix}").stat().st_size > 1000
    if form == "csv":
        frame = pd.read_csv(tmp_path / "bob.csv")
        assert np.array_equal(frame["setting"], load_run(oxford_run.path, "bob")["setting"])


def test_export_refuses_what_it_cannot_do(eventready, oxford_run, tmp_path):
    (tmp_path / "bob.csv").write_text("precious", encoding="utf-8")
    assert refused(eventready("export", oxford_run.path, "--party", "bob"), "bob.csv: this file exists")
    assert (tmp_path / "bob.csv").read_text(encoding="utf-8") == "precious"
    assert refused(eventready("export", oxford_run.path, "--party", "eve"), "'eve' is not one of")
    assert refused(eventready("export", oxford_run.path), "--party")
    assert refused(eventready("export", "nothing", "--party", "alice"), "not the folder of a run")
    assert refused(eventready("export", oxford_run.path, "--party", "alice", "--out", "no/a.csv"), "there is no folder no")
    assert refused(eventready("export", oxford_run.path, "--party", "alice", "--format", "xls"), "'xls' is not one of")


# -- analyse -------------------------------------------------------------------------------------------------------------------------------


def test_analyse_tells_a_run_again(eventready, oxford_run):
    code, out, err = eventready("analyse", oxford_run.path, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)
    assert oxford_run.report.is_file()


def test_analyse_of_a_key_run_looks_at_nothing_joint_unless_it_is_burned(eventready, tmp_path):
    with open_link("oxford", seed=4) as link:
        folder = link.run(tmp_path / "key", rounds=300, purpose="key").folder
    assert eventready("analyse", folder.path)[0] == 0
    assert not folder.is_characterised
    assert eventready("analyse", folder.path, "--burn")[0] == 0
    assert folder.is_characterised


def test_analyse_refuses_what_it_cannot_do(eventready, oxford_run, tmp_path):
    assert refused(eventready("analyse"), "give the folder of a run, or --counts CSV")
    assert refused(eventready("analyse", oxford_run.path, "--counts", "x.csv"), "give the folder of a run, or --counts CSV")
    assert refused(eventready("analyse", oxford_run.path, "--game", "munich"), "--game goes with --counts")
    assert refused(eventready("analyse", "nothing"), "not the folder of a run")
    assert refused(eventready("analyse", "--counts", "x.csv"), "x.csv: cannot be read")
    (tmp_path / "x.csv").write_text("X,Y,n,n_equal\n0,0,4,5\n", encoding="utf-8")
    assert refused(eventready("analyse", "--counts", "x.csv"), "x.csv")


def test_a_damaged_log_is_exit_code_1_and_says_where(eventready, finished_copy):
    data = bytearray(finished_copy.log("bob").read_bytes())
    data[len(data) // 2] ^= 1
    finished_copy.log("bob").write_bytes(data)
    for words in (["analyse", finished_copy.path], ["export", finished_copy.path, "--party", "bob"]):
        code, out, err = eventready(*words)
        assert (code, out) == (1, "")
        assert "rounds.log: frame" in err
        assert "Traceback" not in err


@pytest.fixture
def finished_copy(oxford_run, tmp_path):
    shutil.copytree(oxford_run.path, tmp_path / "copy")
    return type(oxford_run)(tmp_path / "copy")
