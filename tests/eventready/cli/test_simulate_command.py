"""``eventready simulate tags``: a file that other people's readers open, with the heralds that it says."""

import re

import numpy as np
import pytest
from click.testing import CliRunner

from eventready.cli import cli, main
from eventready.sequences.herald_search import HeraldSearch
from eventready.sequences.ptu import read_ptu
from eventready.stations.config import load_link
from eventready.stations.tag_simulation import tag_stream


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("tags") / "oxford.ptu"
    result = CliRunner().invoke(cli, ["simulate", "tags", "oxford", "--seconds", "0.5", "--seed", "7", "--out", str(path)])
    assert result.exit_code == 0, result.output
    return path, result.stdout


def test_the_file_holds_the_stream(written):
    path, _ = written
    times, channels = read_ptu(path)
    stream, _ = tag_stream(load_link("oxford"), 7)
    blocks = list(stream.blocks(0.5))
    np.testing.assert_array_equal(times, np.concatenate([block.times_ps for block in blocks]))
    np.testing.assert_array_equal(channels, np.concatenate([block.channels for block in blocks]))


def test_what_is_printed_is_in_the_file(written):
    path, printed = written
    times, channels = read_ptu(path)
    _, rule = tag_stream(load_link("oxford"), 7)
    search = HeraldSearch(rule)
    heralds = len(search.feed(times, channels)) + len(search.finish())
    numbers = [int(number.replace(",", "")) for number in re.findall(r"([\d,]+) (?:tags|reference|heralds)", printed)]
    assert numbers == [len(times), int((channels == 0).sum()), heralds]
    assert heralds == pytest.approx(0.5 * 0.87e6 * 2.19e-4, abs=4 * 95**0.5)


def test_another_reader_opens_it(written):
    ptufile = pytest.importorskip("ptufile", reason="ptufile is part of the test extra")
    path, _ = written
    times, channels = read_ptu(path)
    with ptufile.PtuFile(path) as file:
        records = file.decode_records()
    ours = records[records["channel"] >= 0]  # overflows have a negative one
    assert np.count_nonzero(ours["time"] == 0) <= 1
    np.testing.assert_array_equal(np.sort(ours["time"].astype(np.int64)), times)
    assert np.count_nonzero(channels) > 0


def test_the_same_seed_writes_the_same_tags(written, tmp_path):
    path, _ = written
    again = tmp_path / "again.ptu"
    CliRunner().invoke(cli, ["simulate", "tags", "oxford", "--seconds", "0.5", "--seed", "7", "--out", str(again)])
    for found, wanted in zip(read_ptu(again), read_ptu(path), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seconds", "0"], "positive time"),
        (["--seconds", "-1"], "positive time"),
        (["--seconds", "nan"], "positive time"),
        (["--seconds", "1", "--out", "{there}"], "exists and is not overwritten"),
    ],
)
def test_wrong_words_are_refused_and_nothing_is_written(words, message, tmp_path, monkeypatch, capsys):
    there = tmp_path / "there.ptu"
    there.write_bytes(b"precious")
    out = [] if "--out" in words else ["--out", str(tmp_path / "new.ptu")]
    monkeypatch.setattr("sys.argv", ["eventready", "simulate", "tags", "oxford", *(word.format(there=there) for word in words), *out])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["there.ptu"]
    assert there.read_bytes() == b"precious"
