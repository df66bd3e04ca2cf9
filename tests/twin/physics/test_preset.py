"""Reading preset files: what is accepted, and how a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventready.errors import ConfigError
from eventready.twin.physics.preset import Preset, load_preset, preset_names

GOOD = """name: mine
platform: rb87
note: a test
base: munich-physics
fields:
  node.alice.leak: {value: 0.5, unit: "%", source: "a guess", tag: assumed}
  node.bob.fidelity_delay:
    value: 25
    unit: us
    source: "a guess"
    tag: assumed
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_names() -> None:
    assert preset_names() == ("munich-physics", "munich-point", "munich-visibility", "oxford")


def test_file_on_a_base(tmp_path: Path) -> None:
    preset = load_preset(write(tmp_path, GOOD))
    assert (preset.name, preset.platform, preset.note) == ("mine", "rb87", "a test")
    assert preset["node.alice.leak"] == 0.005
    assert preset["node.bob.fidelity_delay"] == 25e-6
    assert preset["node.bob.leak"] == load_preset("munich-physics")["node.bob.leak"]
    assert preset.fields["node.alice.leak"].unit == "%"
    assert load_preset(str(tmp_path / "mine.yaml")).fields == preset.fields


def test_fields_are_read_only() -> None:
    preset = load_preset("oxford")
    with pytest.raises(TypeError):
        preset.fields["bsm.dark_rate"] = preset.fields["bsm.dark_rate"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("node.alice.leak", "node.alice.laek", 6, "unknown key 'node.alice.laek'; did you mean 'node.alice.leak'?"),
        ("value: 0.5,", "", 6, "node.alice.leak has no 'value'"),
        ("value: 0.5", "value: 0.5, vaule: 1", 6, "unknown key 'vaule'; did you mean 'value'?"),
        ("value: 0.5", "value: yes", 6, "'yes %' is not a fraction"),
        ("value: 0.5", "value: 101", 6, "outside 0 to 1"),
        ("value: 0.5", "value: .nan", 6, "node.alice.leak"),
        ("value: 0.5", "value: .inf", 6, "node.alice.leak"),
        ("value: 0.5", "value: [0.5]", 6, "value of node.alice.leak must be a single text or number"),
        ("value: 25", "value: -25", 8, "is negative"),
        ("unit: us", "unit: ns ns", 8, "node.bob.fidelity_delay"),
        ("unit: us", "unit: uS", 8, "there is no unit 'uS' of time; did you mean"),
        ("unit: us", "unit: mW", 8, "'mW' is a unit of power, but a time is needed"),
        ("unit: us", 'unit: "1"', 8, "has no unit"),
        ("value: 25", "value: 25 us", 8, "node.bob.fidelity_delay"),
        ('source: "a guess"\n    tag', 'source: ""\n    tag', 10, "source of node.bob.fidelity_delay must be a single text"),
        ("tag: assumed}", "tag: asumed}", 6, "'asumed' is no tag; did you mean 'assumed'?"),
        ("platform: rb87", "platform: rb85", 2, "'rb85' is no platform; did you mean 'rb87'?"),
        ("platform: rb87", "platform: sr88", 4, "'munich-physics' is a preset of rb87"),
        ("base: munich-physics", "base: munich-fysics", 4, "no shipped preset to build on; did you mean 'munich-physics'?"),
        ("base: munich-physics\n", "", 4, "fields are missing"),
        ("note: a test\n", "", 1, "has no 'note'"),
        ("note: a test", "note: [a, test]", 3, "note must be a single text"),
        ("note: a test", "note: a test\nnots: a", 4, "unknown key 'nots'; did you mean 'note'?"),
        ("name: mine", "name: mine\nname: yours", 2, "'name' stands here twice, first in line 1"),
        ("platform: rb87", "platform: {rb87", 3, "not YAML"),
    ],
)
def test_wrong_file_is_refused_with_line_and_hint(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert GOOD.count(old) == 1 or old in ("platform: rb87", "node.alice.leak")
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_preset(path)
    message = str(caught.value)
    assert words in message
    assert message.startswith(f"{path}:{line}:")


def test_fields_that_are_a_list(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine.yaml:4: fields must be a mapping"):
        load_preset(write(tmp_path, "name: mine\nplatform: rb87\nnote: a test\nfields: []\n"))


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b", "name: \x00", "[" * 5000])
def test_file_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml:1: "):
        load_preset(write(tmp_path, text))


def test_missing_file_and_wrong_encoding(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read this preset.*munich-physics"):
        load_preset(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: \u00fc".encode("latin-1"))
    with pytest.raises(ConfigError, match="cannot read this preset"):
        load_preset(tmp_path / "latin.yaml")


def test_unknown_name() -> None:
    with pytest.raises(ConfigError, match="there is no preset 'munich-phsics'; did you mean 'munich-physics'"):
        load_preset("munich-phsics")
    with pytest.raises(ConfigError, match="shipped are munich-physics"):
        load_preset("zzz")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    position=st.integers(0, len(GOOD)),
    cut=st.integers(0, 12),
    junk=st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=8)
    | st.sampled_from(["!!python/object:os.system", "&a *a", "<<: *b", "? {}", "2001-99-99", "0o9", "1e999", "---", "%YAML 9"]),
)
def test_damaged_file_is_read_or_refused(tmp_path: Path, position: int, cut: int, junk: str) -> None:
    path = write(tmp_path, GOOD[:position] + junk + GOOD[position + cut :])
    try:
        assert isinstance(load_preset(path), Preset)
    except ConfigError as error:
        assert "mine.yaml" in str(error)


def test_with_values() -> None:
    preset = load_preset("munich-physics")
    moved = preset.with_values({"bsm.mode_overlap": 0.9, "node.alice.coherence_time": "300 us", "node.bob.leak": "1 %"})
    assert (moved["bsm.mode_overlap"], moved["node.alice.coherence_time"], moved["node.bob.leak"]) == (0.9, 300e-6, 0.01)
    assert moved.fields["bsm.mode_overlap"].tag == "assumed"
    assert preset["bsm.mode_overlap"] == 0.985
    assert moved.link_parameters().bsm.mode_overlap == 0.9


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"bsm.mode_overlp": 0.9}, "did you mean 'bsm.mode_overlap'"),
        ({"bsm.mode_overlap": 1.9}, "outside 0 to 1"),
        ({"bsm.mode_overlap": "3 us"}, "fraction"),
        ({"bsm.gate_length": "60"}, "has no unit"),
        ({"bsm.gate_length": float("nan")}, "not finite"),
        ({"bsm.gate_length": -1.0}, "negative"),
        ({"node.alice.load_shape": 0.0}, "must be above 0"),
    ],
)
def test_with_wrong_values(values: dict[str, float | str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_preset("munich-physics").with_values(values)


def test_fidelity_that_readout_rules_out() -> None:
    moved = load_preset("munich-physics").with_values({"node.alice.atom_photon_fidelity": 0.999})
    with pytest.raises(ConfigError, match=r"source visibility of 1\.0"):
        moved.link_parameters()


def test_unknown_field() -> None:
    with pytest.raises(ConfigError, match=r"has no field 'node\.alice\.eficiency'; did you mean 'node\.alice\.efficiency'"):
        load_preset("oxford")["node.alice.eficiency"]
