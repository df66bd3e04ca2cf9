"""The page about the key pool says what is on disk and on the wire."""

import re
from pathlib import Path

from eventready.protocol.authentication import HEAD_BYTES, Direction
from eventready.protocol.keys import entries
from eventready.protocol.keys.comparison import MOST_SKIPPED
from eventready.protocol.keys.pool import KeyPool

PAGE = (Path(__file__).resolve().parents[2] / "docs/reference/key-pool.md").read_text(encoding="utf-8")


def rows(head):
    table = re.search(rf"^\| {head} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)[1]
    return [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in table.splitlines()]


def test_every_file_of_a_pool_is_described(tmp_path):
    KeyPool.create_pair(tmp_path / "a", tmp_path / "b", seed_bits=8, pad_words=1)
    with KeyPool.open(tmp_path / "a") as pool:
        pool.add_generated(bytes(16), b"\xaa", 8)
    found = {path.name + ("/" if path.is_dir() else "") for path in (tmp_path / "a").iterdir()}
    assert found == {row[0].strip("`") for row in rows("file")}


def test_the_entries_are_the_ones_in_force():
    told = {int(kind): name.strip("`") for kind, name, _ in rows("kind")}
    assert told == {form.kind: entry.__name__ for entry, form in entries._FORMS.items()}


def test_the_head_of_a_tag_is_as_long_as_told():
    assert sum(int(row[1]) for row in rows("part")) == HEAD_BYTES
    assert f"The head has {HEAD_BYTES} bytes" in PAGE.replace("\n", " ")
    assert {way.name: way.value for way in Direction} == {"ALICE_TO_BOB": 1, "BOB_TO_ALICE": 2}
    assert f"Up to {MOST_SKIPPED} words" in PAGE
