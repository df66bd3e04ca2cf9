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


# -- play ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("link", "words"), [("munich", ("wait shutter_closed", "empty_trap")), ("oxford", ("herald=psi", "scramble"))])
@pytest.mark.parametrize("level", ["rounds", "clicks"])
def test_play_prints_one_round_without_its_secrets(eventready, link, words, level):
    code, out, err = eventready("sequence", "play", link, "--seed", "7", "--level", level)
    assert code == 0
    assert err.startswith("seed 7; ")
    assert "herald   psi" in out
    assert all(word in out for word in words)
    assert "outcome read" in out
    assert "input/..." in out
    for secret in ("input=", "counts", "outcome 0", "outcome 1"):
        assert secret not in out
    code, revealed, _ = eventready("sequence", "play", link, "--seed", "7", "--level", level, "--reveal")
    assert code == 0
    assert all(secret in revealed for secret in ("input=", "counts", "outcome"))
    assert eventready("sequence", "play", link, "--seed", "7", "--level", level)[1] == out


def test_play_many_rounds_gives_rate_s_and_q_with_errors(eventready):
    code, out, err = eventready("sequence", "play", "oxford", "--rounds", "2000", "--seed", "2")  # no ion is lost meanwhile
    assert code == 0
    lines = dict(line.split(maxsplit=1) for line in out.splitlines()[1:])
    assert out.startswith("2000 rounds in ")
    s, error = lines["S"].rstrip(")").split("(")
    sigma = float(error) * 10 ** -len(s.partition(".")[2])
    assert 0.05 < sigma < 0.1
    assert abs(float(s) - 2.677) < 4 * sigma  # the twin's closed form; 6e-5 a seed
    assert lines["Q"].endswith(" %")
    assert 50 < float(lines["rate"].split()[0]) < 200
    assert "2,000 rounds (" in err


def test_play_refuses_what_makes_no_sense(eventready):
    code, _, err = eventready("sequence", "play", "oxford", "--rounds", "2", "--reveal")
    assert (code, "--reveal shows one round" in err) == (2, True)
    assert eventready("sequence", "play", "nowhere")[0] == 2
    assert eventready("sequence", "play", "oxford", "--rounds", "0")[0] == 2


OWN = """
from eventready.sequences import oxford
from eventready.sequences.language import Apart, Seq, Wait, us

def link_round(timings, plan):
    whole = oxford.link_round(timings, plan)
    attempts, apart = whole.items
    alice = apart.parts["alice"]
    changed = Seq(({first}, *alice.items{rest}), alice.fallback)
    return Seq((attempts, Apart({{"alice": changed, "bob": apart.parts["bob"]}})))
"""


@pytest.fixture
def own(tmp_path):
    """A link with a sequence of one's own: Oxford with another step first, and perhaps without some of the others."""

    def make(first, rest=""):
        copy_link("oxford", tmp_path / "lab")
        (tmp_path / "lab" / "own.py").write_text(OWN.format(first=first, rest=rest), encoding="utf-8")
        path = tmp_path / "lab" / "link.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("\nsequence:\n", "\nsequence:\n  file: own.py\n"), encoding="utf-8")
        return "lab"

    return make


def test_play_shows_where_a_round_of_one_s_own_fails(eventready, own):
    link = own('Wait("key_turned", 5 * us)')
    code, out, _ = eventready("sequence", "play", link, "--seed", "1")
    assert code == 0
    assert "fallback output: key_turned did not come within 5 us" in out
    assert "fallback output: isolated_both did not come within 10 ms" in out
    code, out, _ = eventready("sequence", "play", link, "--seed", "1", "--rounds", "30")
    assert code == 0
    assert "alice: 30 rounds with the fallback output" in out


def test_play_tells_no_s_of_other_inputs_than_the_game_has(eventready, own):
    link = own('Wait("key_turned", 5 * us, fixed=True)', rest="[:2]")
    code, _, err = eventready("sequence", "play", link, "--seed", "1", "--rounds", "30")
    assert code == 2
    assert "alice chooses among 0 inputs, and the game 'oxford' has 2" in err


def test_play_of_a_dark_link_ends(eventready, monkeypatch, tmp_path):
    monkeypatch.setattr("eventready.cli.played_rounds.PATIENCE", 2)
    copy_link("oxford", tmp_path / "lab")
    path = tmp_path / "lab" / "link.yaml"
    text = path.read_text(encoding="utf-8").replace('gate_start: "0 ns"', 'gate_start: "300 ns"')
    path.write_text(text.replace("attempt_limit: 400000", "attempt_limit: 4"), encoding="utf-8")
    code, _, err = eventready("sequence", "play", "lab", "--seed", "1")
    assert code == 1
    assert "2 plays without a herald, the last one because the limit was reached" in err
