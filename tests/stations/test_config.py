import dataclasses
import io
import json
import re
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from eventready import station_configs
from eventready.errors import ConfigError
from eventready.sequences.munich import MunichTimings
from eventready.sequences.oxford import OxfordTimings
from eventready.stations.config import copy_link, find_link, link_names, link_schema, load_link, station_schema
from eventready.stations.config_models import LinkFile
from eventready.stations.config_timings import Rb87Timings, Sr88Timings
from eventready.stations.slots import SLOTS

PRESETS = Path(station_configs.__path__[0])
LINKS = ("munich", "oxford")
STATION_FILES = sorted(path for path in PRESETS.glob("*/*.yaml") if path.name != "link.yaml")


@pytest.fixture
def munich(tmp_path):
    return Path(shutil.copytree(PRESETS / "munich", tmp_path / "copy"))


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


# -- the links that come with the package ------------------------------------------------------------------------------


def test_the_links_that_come_with_the_package_are_listed():
    assert link_names() == LINKS


@pytest.mark.parametrize("name", LINKS)
def test_a_preset_loads_without_a_warning(name):
    config = load_link(name)
    assert config.link.name == name
    assert config.warnings == ()
    assert set(config.link.roles) == {f"{node}.{slot}" for node, slots in SLOTS[config.link.platform].items() for slot in slots}


def test_quantities_are_si_floats():
    link = load_link("munich").link
    assert link.timings.attempt == 19.2e-6
    assert link.timings.coherence_limit == 330e-6
    assert link.settings.alice == pytest.approx((-0.3926991, 0.3926991, -0.7853982, 0.0))
    assert link.calibration["bob.cooling"].saturation_power == 0.5
    assert link.lines.bob == 700.0


def test_roles_keep_the_order_in_which_they_are_loaded():
    roles = list(load_link("munich").link.roles)
    assert roles[0] == "bsm.sequencer"
    assert roles.index("bob.shutter") < roles.index("bob.trap")


def test_a_value_cannot_be_set_after_loading():
    config = load_link("oxford")
    with pytest.raises(ValueError, match="frozen"):
        config.link.timings.attempt = 1.0


def test_light_needs_its_time():
    munich = load_link("munich")
    one_way = 700 * 1.47 / 299_792_458
    assert munich.delay("bob", "bsm") == munich.delay("bsm", "bob") == pytest.approx(one_way)
    assert munich.delay("alice", "bsm") == 0
    assert load_link("oxford").delay("alice", "bob") == pytest.approx(2 * 1.47 / 299_792_458)
    assert load_link("oxford").delay("alice", "alice") == 0


def test_sites():
    config = load_link("munich")
    assert [config.site_of(node) for node in ("alice", "bsm", "bob")] == ["lab1", "lab1", "lab2"]
    assert config.stations["lab2"].instruments["bob_filter"].type == "eventready.twin.roles.TwinShutter"


@pytest.mark.parametrize(("kind", "model"), [(MunichTimings, Rb87Timings), (OxfordTimings, Sr88Timings)])
def test_every_timing_of_a_sequence_comes_from_the_link_file(kind, model):
    assert {field.name for field in dataclasses.fields(kind)} <= set(model.model_fields)


def test_oxford_spends_2_9_ms_between_herald_and_next_attempt():
    # Nadlinger et al.: 1.5e6 rounds in 7.9 h - 4.4 h are 8.4 ms a round, of which 5.5 ms are waiting for the herald.
    t = load_link("oxford").link.timings
    overhead = t.shuttle + t.round_type + t.input_delay + t.rotation + t.fluorescence + t.scramble + t.reconnect + t.recool
    assert overhead == pytest.approx(2.9e-3, rel=1e-9)


# -- finding and copying ---------------------------------------------------------------------------------------------------


def test_a_link_is_a_name_a_folder_or_a_file(munich):
    assert find_link("munich") == PRESETS / "munich" / "link.yaml"
    assert find_link(munich) == find_link(str(munich)) == find_link(munich / "link.yaml") == munich / "link.yaml"


def test_a_name_that_means_two_things_is_refused(munich, monkeypatch):
    munich.rename(munich.parent / "munich")
    monkeypatch.chdir(munich.parent)
    with pytest.raises(ConfigError, match=r"also a folder here; write './munich'"):
        find_link("munich")
    assert find_link("./munich") == find_link(Path("munich")) == Path("munich/link.yaml")


@pytest.mark.parametrize(
    ("name", "words"), [("munch", "did you mean 'munich'"), ("nowhere/link.yaml", "there is no link"), (".", "has no link.yaml")]
)
def test_a_link_that_is_not_there(name, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=words):
        load_link(name)


@pytest.mark.parametrize("name", LINKS)
def test_a_copy_is_verbatim_and_loads(name, tmp_path):
    written = copy_link(name, tmp_path / "a" / "b")
    assert {path.name for path in written} == {path.name for path in (PRESETS / name).glob("*.yaml")}
    for path in written:
        assert path.read_bytes() == (PRESETS / name / path.name).read_bytes()
    assert load_link(tmp_path / "a" / "b").digest == load_link(name).digest


def test_a_copy_overwrites_nothing(tmp_path):
    (tmp_path / "lab2.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"lab2\.yaml exists already"):
        copy_link("munich", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lab2.yaml"]
    assert (tmp_path / "lab2.yaml").read_text(encoding="utf-8") == "mine"


def test_half_a_copy_is_taken_back(tmp_path, mocker):
    opened = Path.open

    def full_disk(path, mode="r", **options):
        if path.name == "lab1.yaml" and "x" in mode:
            raise OSError(28, "No space left on device")
        return opened(path, mode, **options)

    mocker.patch.object(Path, "open", full_disk)
    with pytest.raises(ConfigError, match="No space left on device"):
        copy_link("munich", tmp_path / "copy")
    assert list((tmp_path / "copy").iterdir()) == []


def test_a_copy_to_where_a_file_stands(tmp_path):
    (tmp_path / "folder").write_text("a file", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot write to"):
        copy_link("munich", tmp_path / "folder")


# -- digest and the run's own copy -------------------------------------------------------------------------------------------


def test_the_digest_ignores_comments_and_layout(munich):
    before = load_link(munich).digest
    edit(munich / "link.yaml", 'burst_cooling: "0.2 ms"', 'burst_cooling:   "0.2 ms" # measured again')
    assert load_link(munich).digest == before
    assert re.fullmatch("[0-9a-f]{32}", before)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("link.yaml", 'burst_cooling: "0.2 ms"', 'burst_cooling: "0.3 ms"'),
        ("lab2.yaml", "[0.0, 0.1]}  # W", "[0.0, 0.2]}"),
        ("link.yaml", "  bob.qrng: bob_qrng\n  bob.shutter: bob_shutter\n", "  bob.shutter: bob_shutter\n  bob.qrng: bob_qrng\n"),
    ],
)
def test_the_digest_covers_every_file_and_the_order_of_loading(munich, file, old, new):
    before = load_link(munich).digest
    edit(munich / file, old, new)
    assert load_link(munich).digest != before


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(munich):
    before = load_link(munich).digest
    path = munich / "link.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_link(munich).digest == before


@pytest.mark.parametrize("name", LINKS)
def test_one_text_holds_all_files_and_can_be_read_back(name, tmp_path):
    config = load_link(name)
    run = tmp_path / "link.yaml"
    run.write_text(config.source_text, encoding="utf-8")
    again = load_link(tmp_path)
    assert again.digest == config.digest
    assert again.link == config.link
    assert again.source_text == config.source_text
    assert len(list(YAML(typ="safe", pure=True).load_all(io.StringIO(config.source_text)))) == len(config.texts)
    copy_link(run, tmp_path / "again")
    assert load_link(tmp_path / "again").digest == config.digest


def test_a_mistake_in_the_one_text_is_reported_with_its_line(tmp_path):
    text = load_link("munich").source_text.replace("    parameters: {pos", "    parametres: {pos")
    (tmp_path / "link.yaml").write_text(text, encoding="utf-8")
    line = 1 + text.count("\n", 0, text.index("parametres"))
    with pytest.raises(ConfigError, match=rf"link\.yaml:{line}: instruments\.bob_shutter\.parametres: unknown key; did you mean 'par"):
        load_link(tmp_path)


def test_a_part_that_the_one_text_lacks(tmp_path):
    text = load_link("munich").source_text.replace("--- # file: lab2.yaml", "--- # file: lab3.yaml")
    (tmp_path / "link.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"sites\.lab2\.station: link\.yaml has no part 'lab2\.yaml'; did you mean 'lab[13]\.yaml'"):
        load_link(tmp_path)


# -- warnings and schemas ------------------------------------------------------------------------------------------------------


def test_an_instrument_without_a_role_is_a_warning(munich):
    edit(munich / "lab1.yaml", "  alice_qrng:", "  wavemeter:\n    type: eventready.twin.roles.TwinLaser\n\n  alice_qrng:")
    (warning,) = load_link(munich).warnings
    assert re.fullmatch(r"lab1\.yaml:\d+: instruments\.wavemeter: fills no role and is not opened", warning)


def test_optional_roles_may_be_left_out(munich):
    edit(munich / "link.yaml", "  bob.paddle: bob_paddle        # optional\n", "")
    assert [line.split(": ")[1] for line in load_link(munich).warnings] == ["instruments.bob_paddle"]


def test_the_schemas_describe_every_key():
    schema = link_schema()
    json.dumps(schema)
    undescribed = [
        f"{name}.{key}"
        for name, part in (schema["$defs"] | station_schema()["$defs"]).items()
        for key, value in part["properties"].items()
        if not value.get("description")
    ]
    assert undescribed == []
    assert set(schema["$defs"]["Rb87Link"]["properties"]) >= set(LinkFile.model_fields) | {"platform", "timings"}


def test_the_schema_refuses_what_the_loader_refuses():
    jsonschema = pytest.importorskip("jsonschema")  # comes with QCoDeS
    data = YAML(typ="safe", pure=True).load((PRESETS / "oxford" / "link.yaml").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(link_schema())
    assert list(validator.iter_errors(data)) == []
    for wrong in ({"repport": 1}, {"platform": "sr99"}, {"timings": {**data["timings"], "attempt": 1.05}}, {"name": "Oxford 2"}):
        assert list(validator.iter_errors({**data, **wrong})) != []
    station = YAML(typ="safe", pure=True).load((PRESETS / "oxford" / "bsm.yaml").read_text(encoding="utf-8"))
    assert list(jsonschema.Draft202012Validator(station_schema()).iter_errors(station)) == []
