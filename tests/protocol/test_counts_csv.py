import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.errors import ConfigError
from eventready.protocol.bell import GAMES, MUNICH_GAME, OXFORD_GAME
from eventready.protocol.counts_csv import parse_counts, read_counts

MUNICH = "X,Y,n,n_equal\n0,0,448,35\n1,1,412,32\n2,0,379,76\n3,0,434,73\n2,1,414,335\n3,1,416,63\n"


def parse(text, game=None):
    return parse_counts(text.encode(), "counts.csv", game)


def test_the_published_table(tmp_path):
    path = tmp_path / "counts.csv"
    path.write_text(MUNICH, encoding="utf-8")
    counts, game = read_counts(path)
    assert game is MUNICH_GAME
    np.testing.assert_array_equal(counts.n, [[448, 0], [0, 412], [379, 414], [434, 416]])
    np.testing.assert_array_equal(counts.n_equal, [[35, 0], [0, 32], [76, 335], [73, 63]])
    assert counts.outcomes is None


@pytest.mark.parametrize(
    "text",
    [
        MUNICH.replace("\n", "\r\n"),
        "\ufeff" + MUNICH,
        MUNICH.replace(",", " , "),
        "\n" + MUNICH.replace("\n", "\n\n"),
        MUNICH.rstrip("\n"),
        '"X","Y","n","n_equal"' + MUNICH[13:],
    ],
)
def test_what_spreadsheets_write_is_understood(text):
    np.testing.assert_array_equal(parse(text)[0].n_equal, parse(MUNICH)[0].n_equal)


def test_columns_go_by_name():
    counts, game = parse("n_equal,Y,n,X\n7,2,9,0\n")
    assert game is OXFORD_GAME
    assert counts.of((0, 2)) == (9, 7)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", None, "empty"),
        ("\n\n", None, "empty"),
        ("X,Y,n,n_equal\n", 1, "without a single round"),
        ("X,Y,n,n_equal\n3,0,0,0\n", 2, "without a single round"),
        ("X,Y,n\n3,0,4\n", 1, "column n_equal is missing"),
        ("X;Y;n;n_equal\n3;0;4;1\n", 1, "column X is missing.*separated by commas"),
        ("X,Y,n,n,n_equal\n3,0,4,4,1\n", 1, "column n is there more than once"),
        ("X,Y,A,n,n_equal\n3,0,1,4,1\n", 1, "unknown column 'A'"),
        ("X,Y,n,n_equal\n3,0,4,1\n3,1,4\n", 3, "3 fields where the header has 4"),
        ("X,Y,n,n_equal\n3,0,4,1,9\n", 2, "5 fields"),
        ("X,Y,n,n_equal\n3,0,-4,1\n", 2, "n='-4' is negative"),
        ("X,Y,n,n_equal\n3,0,4,5\n", 2, "n_equal=5 is more than n=4"),
        ("X,Y,n,n_equal\n3,0,4,1\n2,0,4,1\n3,0,1,1\n", 4, "X=3, Y=0 occurs a second time"),
        ("X,Y,n,n_equal\n3,0,four,1\n", 2, "n='four' is not a whole number"),
        ("X,Y,n,n_equal\n3,0,4.0,1\n", 2, "not a whole number"),
        ("X,Y,n,n_equal\n3,0,1e3,1\n", 2, "not a whole number"),
        ("X,Y,n,n_equal\n3,0,nan,1\n", 2, "not a whole number"),
        ("X,Y,n,n_equal\n3,0,1_0,1\n", 2, "not a whole number"),
        ("X,Y,n,n_equal\n3,0,\u0664,1\n", 2, r"n='\\u0664' is not a whole number"),
        ("X,Y,n,n_equal\n3,0,,1\n", 2, "n='' is missing"),
        ("X,Y,n,n_equal\n3,0,1000000000001,1\n", 2, "is more than 1000000000000"),
        ("X,Y,n,n_equal\n3,0," + "9" * 5000 + ",1\n", 2, "is more than 1000000000000"),
        ("X,Y,n,n_equal\n3,0,\x1b[2J,1\n", 2, r"n='\\x1b\[2J' is not"),
        ("X,Y,n,n_equal\n7,0,4,1\n", 2, "no pair of settings of any game"),
        ("X,Y,n,n_equal\n3,0,4,1\n0,2,4,1\n", None, "no game .* has all of its settings"),
        ("X,Y,n,n_equal\n0,0,4,1\n1,1,4,1\n", None, "fit munich and oxford; name the game"),
        ('X,Y,n,n_equal\n3,0,4,"1\n', 2, "not CSV"),
    ],
)
def test_every_complaint_names_file_line_and_reason(text, line, reason):
    with pytest.raises(ConfigError, match=reason) as refused:
        parse(text)
    message = str(refused.value)
    assert message.startswith("counts.csv" if line is None else f"counts.csv, line {line}: ")
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 300


def test_a_named_game_decides_and_is_held_to():
    assert parse("X,Y,n,n_equal\n0,0,4,1\n", OXFORD_GAME)[0].n.shape == (2, 3)
    assert parse("X,Y,n,n_equal\n0,0,4,1\n", MUNICH_GAME)[0].n.shape == (4, 2)
    with pytest.raises(ConfigError, match=r"line 4: X=2, Y=0 is no pair .* oxford game, which has X in 0\.\.1 and Y in 0\.\.2"):
        parse(MUNICH, OXFORD_GAME)


def test_unreadable_files(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.csv: cannot be read"):
        read_counts(tmp_path / "nowhere.csv")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_counts(tmp_path)
    with pytest.raises(ConfigError, match=r"counts\.csv, line 2: not UTF-8"):
        parse_counts(b"X,Y,n,n_equal\n3,0,4,\xff\n", "counts.csv")
    big = tmp_path / "big.csv"
    big.write_bytes(b"0" * (1 << 20) + b"0")
    with pytest.raises(ConfigError, match="longer than 1048576 bytes"):
        read_counts(big)


ALPHABET = st.text(alphabet="0123456789,\n\r\"'-. XYn_equal;\x00\u0660\ufeff", max_size=120)


@settings(deadline=None)
@given(st.binary(max_size=120) | ALPHABET.map(str.encode) | ALPHABET.map(lambda body: b"X,Y,n,n_equal\n" + body.encode()))
def test_arbitrary_bytes_are_counts_or_a_config_error(data):
    try:
        counts, game = parse_counts(data, "counts.csv")
    except ConfigError as error:
        assert str(error).startswith("counts.csv")
        assert str(error).isascii()
    else:
        assert counts.n.shape == (game.settings_a, game.settings_b)
        assert counts.rounds > 0


@settings(deadline=None)
@given(st.sampled_from(list(GAMES.values())), st.data())
def test_a_written_table_is_read_back(game, data):
    pairs = data.draw(st.lists(st.sampled_from(game.pairs), min_size=1, unique=True))
    rows = {}
    for pair in pairs:
        n = data.draw(st.integers(1, 10**12))
        rows[pair] = (n, data.draw(st.integers(0, n)))
    counts, _ = parse("X,Y,n,n_equal\n" + "".join(f"{x},{y},{n},{k}\n" for (x, y), (n, k) in rows.items()), game)
    for pair in game.pairs:
        assert counts.of(pair) == rows.get(pair, (0, 0))
