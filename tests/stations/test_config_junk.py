"""Whatever stands in the files: a ConfigError with places, or a link; never another exception, never a long wait."""

import functools
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from eventready import station_configs
from eventready.errors import ConfigError
from eventready.stations import config_checks
from eventready.stations.config import load_link
from eventready.stations.config_source import MAX_BYTES, parse_yaml

PRESETS = Path(station_configs.__path__[0])
LINK = (PRESETS / "munich" / "link.yaml").read_text(encoding="utf-8")
STATION = (PRESETS / "munich" / "lab2.yaml").read_text(encoding="utf-8")
LINK_DATA = YAML(typ="safe", pure=True).load(LINK)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1 us", "alice", "psi+", "a.b.C", ".", ".."]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(autouse=True, scope="module")
def presets_read_once():
    """Reading the twin's preset takes longer than everything else in load_link together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config_checks, "load_preset", functools.cache(config_checks.load_preset))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return Path(shutil.copytree(PRESETS / "munich", tmp_path_factory.mktemp("junk") / "link"))


def load(folder, file, raw):
    """Put ``raw`` into one file of a good link; return what load_link says."""
    path = folder / file
    good = path.read_bytes()
    path.write_bytes(raw)
    try:
        load_link(folder)
    except ConfigError as error:
        return str(error)
    finally:
        path.write_bytes(good)
    return ""


@given(raw=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_junk_bytes(folder, raw):
    assert load(folder, "link.yaml", raw) != ""


@given(text=st.text(alphabet="ab:,-[]{}&*!|>'\"%@`#?~ \t\n\u0085\u2028\ufeff0.", max_size=60), station=st.booleans())
@settings(max_examples=100, deadline=None)
def test_junk_yaml(folder, text, station):
    said = load(folder, "lab2.yaml" if station else "link.yaml", text.encode())
    assert said != ""


@given(section=st.sampled_from(sorted(LINK_DATA)), value=values)
@settings(max_examples=40, deadline=None)
def test_junk_in_a_section(folder, section, value):
    raw = json.dumps({**LINK_DATA, section: value}).encode()  # JSON is YAML, but for NaN, which is then text
    said = load(folder, "link.yaml", raw)
    assert said == "" or "problem" in said.splitlines()[0]


@given(key=st.sampled_from(["type", "address", "port", "init", "parameters", "add_parameters", "junk"]), value=values)
@settings(max_examples=40, deadline=None)
def test_junk_in_an_instrument(folder, key, value):
    data = YAML(typ="safe", pure=True).load(STATION)
    data["instruments"]["bob_spd"][key] = value
    said = load(folder, "lab2.yaml", json.dumps(data).encode())
    assert said == "" or "problem" in said.splitlines()[0]


@given(start=st.integers(0, len(LINK) - 1), length=st.integers(0, 30), new=st.text(alphabet="ab:,-[]{}&*\"' \n0", max_size=4))
@settings(max_examples=40, deadline=None)
def test_a_link_file_with_a_piece_torn_out(folder, start, length, new):
    load(folder, "link.yaml", (LINK[:start] + new + LINK[start + length :]).encode())


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "the file is empty"),
        (b"# nothing\n", "the file is empty"),
        (b"{}", "the file is empty"),
        (b"- a\n- b\n", "not a list of 'key: value' lines"),
        (b"name: \x00", "not YAML text"),
        (b"a: 1\n---\nb: 2\n", "this is not YAML: but found another document"),
        (b"name: \xff", "is not UTF-8 text (byte 6)"),
        (b"a: " + b"[" * 5_000, "1: this is not YAML: nested too deeply"),
        (b"#" * (MAX_BYTES + 1), "is larger than 256 kB"),
    ],
)
def test_files_that_are_no_configuration(folder, raw, words):
    assert words in load(folder, "link.yaml", raw)
    assert words in load(folder, "lab2.yaml", raw)


def test_nothing_in_a_file_reaches_the_terminal_unescaped(folder):
    raw = '"\\e[31m\\n\u00b5": 1\n"long": "{}"\nplatform: "\\a"\nname: "\\t"\n'.format("x" * 10_000).encode()
    said = load(folder, "link.yaml", raw)
    assert said.replace("\n", "").isascii()
    assert said.replace("\n", "").isprintable()
    assert max(map(len, said.splitlines())) < 700
    assert "\\x1b[31m\\n\\xb5: unknown key" in said


def test_a_report_stays_readable(folder):
    said = load(folder, "link.yaml", b"name: munich\n" * 2_000).splitlines()
    assert said[0].startswith("2011 problems")  # 1999 doubles, 12 sections missing
    assert len(said) == 52
    assert said[-1] == "  ... and 1961 more"


def test_a_billion_laughs_are_not_laughed():
    bomb = "a0: &a0 [ha]\n" + "".join(f"a{k + 1}: &a{k + 1} [*a{k}, *a{k}, *a{k}]\n" for k in range(60))
    source = parse_yaml("bomb.yaml", bomb)
    assert len(source.problems) == 61
    assert all(value is None for value in source.data.values())


@given(value=values)
@settings(max_examples=200, deadline=None)
def test_plain_data_is_read_as_ruamel_reads_it(value):
    text = json.dumps({"key": value})
    source = parse_yaml("file.yaml", text)
    if not source.problems:  # numbers beyond 2**63 are refused
        assert source.data == YAML(typ="safe", pure=True).load(text)
