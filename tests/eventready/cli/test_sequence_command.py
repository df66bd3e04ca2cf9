"""``eventready sequence``: check, draw, compile."""

import pytest

from eventready.sequences.findings import time_text
from eventready.stations.config import copy_link


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("link", ["munich", "oxford"])
def test_check_finds_nothing_in_the_links_that_come_with_the_package(eventready, link):
    code, out, _ = eventready("sequence", "check", link)
    assert code == 0
    assert out.startswith("nothing found; ")


def test_check_ends_with_1_if_there_is_a_finding(eventready, tmp_path):
    copy_link("munich", tmp_path / "lab")
    path = tmp_path / "lab" / "link.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('pump_start: "0.6 us"', 'pump_start: "0.48 us"'), encoding="utf-8")
    code, out, err = eventready("sequence", "check", "lab")
    assert code == 1
    assert len(out.splitlines()) == 2  # at both nodes
    assert all("needs 20 ns more lead time" in line for line in out.splitlines())
    assert err.strip() == "2 findings"
    assert len(eventready("sequence", "check", "lab", "--node", "bob")[1].splitlines()) == 1


def test_check_against_another_target(eventready):
    code, out, _ = eventready("sequence", "check", "munich", "--target", "artiq")
    assert code == 1
    assert "19.2 us, longer than the 8.184 us" in out


def test_draw_prints_text_or_writes_a_file(eventready, tmp_path):
    code, out, _ = eventready("sequence", "draw", "oxford", "--node", "bob")
    assert code == 0
    assert "bob.qubit" in out
    assert "alice." not in out
    for name in ("a.svg", "b.png"):
        code, out, _ = eventready("sequence", "draw", "munich", "--attempt", "--out", name)
        assert (code, out.strip()) == (0, name)
        assert (tmp_path / name).stat().st_size > 10_000
    code, _, err = eventready("sequence", "draw", "munich", "--out", "c.pdf")
    assert code == 2
    assert "a .svg or a .png" in err


def test_compile_prints_or_writes_every_device_of_a_node(eventready, tmp_path):
    code, out, _ = eventready("sequence", "compile", "munich", "--node", "bob")
    assert code == 0
    assert "== bob_streamer, Swabian Pulse Streamer 8/2" in out
    assert "TABLE,ENTRY,1,2,80.000000MHz,26.99dBm,0.000000deg,20000" in out
    assert "alice" not in out
    assert eventready("sequence", "compile", "oxford", "--node", "bsm", "--out", "words.txt")[:2] == (0, "words.txt\n")
    assert "register  3  0x000f69c3  patterns: psi+, psi+, psi-, psi-" in (tmp_path / "words.txt").read_text(encoding="utf-8")


def test_compile_for_a_target_that_cannot(eventready):
    code, out, err = eventready("sequence", "compile", "munich", "--target", "artiq", "--node", "bob")
    assert (code, out) == (1, "")
    assert "use pulse-streamer" in err


def test_a_sequence_file_that_is_missing_or_wrong(eventready, tmp_path):
    copy_link("munich", tmp_path / "lab")
    path = tmp_path / "lab" / "link.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("\nsequence:\n", "\nsequence:\n  file: mine.py\n"), encoding="utf-8")
    code, _, err = eventready("sequence", "check", "lab")
    assert code == 2
    assert "sequence.file: cannot read" in err
    (tmp_path / "lab" / "mine.py").write_text("def link_round(timings, plan):\n    return timings.nothing\n", encoding="utf-8")
    code, _, err = eventready("sequence", "check", "lab")
    assert code == 2
    assert "mine.py:2: AttributeError" in err


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0, "0 ns"),
        (1, "1 ps"),
        (-1, "-1 ps"),
        (18_200, "18.2 ns"),
        (19_200_000, "19.2 us"),
        (7_432_375, "7.432375 us"),
        (10**12, "1 s"),
        (20_005 * 10**6, "20.005 ms"),
        (-1_050_000, "-1.05 us"),
    ],
)
def test_times_are_printed_exactly(time, text):
    assert time_text(time) == text
