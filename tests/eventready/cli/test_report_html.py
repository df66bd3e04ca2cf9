"""report.html is whole by itself, and safe to open; the JSON is plain."""

import dataclasses
import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from eventready.cli.report_data import collect
from eventready.cli.report_html import render, to_json, write_html
from eventready.errors import ConfigError

VOID = {"meta", "link", "br", "img", "hr", "input"}
REPORTS = ["munich", "oxford", "key", "counts"]


class Page(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text, self.open, self.cells = Counter(), [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "svg"} & set(self.open):
            self.text.append(data)


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_is_whole_and_loads_nothing(name, pages):
    source = pages[name]
    page = Page(source)
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object", "embed", "image", "a"} & set(page.tags)
    for key, value in page.attributes:
        assert not key.startswith("on")
        if key in ("href", "src", "xlink:href", "action", "data"):
            assert value.startswith("#")
    assert not re.search(r"url\((?!#)|@import", source)
    assert source.startswith("<!DOCTYPE html>")
    assert 'charset="utf-8"' in source


@pytest.mark.parametrize(("name", "figures"), [("munich", 2), ("oxford", 1), ("key", 1), ("counts", 0)])
def test_figures_are_inlined(name, figures, pages):
    source = pages[name]
    page = Page(source)
    assert page.tags["figure"] == page.tags["svg"] == page.tags["figcaption"] == figures
    identities = [value for key, value in page.attributes if key == "id"]
    assert len(identities) == len(set(identities))
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', source))
    assert used <= set(identities)
    assert bool(used) == bool(figures)


def test_text_from_files_is_escaped(munich_report):
    evil = "<script>alert(1)</script>&\"'"
    public = dataclasses.replace(munich_report.public, link=evil, run_id=evil, preset=evil, noted={evil: evil})
    preset = dataclasses.replace(munich_report.joint.preset, name=evil, note=evil)
    joint = dataclasses.replace(munich_report.joint, preset=preset)
    page = Page(render(dataclasses.replace(munich_report, public=public, joint=joint, source=evil)))
    assert page.tags["script"] == 0
    assert "".join(page.text).count(evil) >= 6


@pytest.mark.parametrize("name", REPORTS)
def test_page_and_json_say_the_same(name, pages, request):
    text = " ".join(Page(pages[name]).text)
    said = to_json(request.getfixturevalue(f"{name}_report"))
    assert said["headline"] in text
    assert all(note in text for note in said["notes"])


def test_a_key_report_holds_nothing_joint(key_report, pages):
    text = "".join(Page(pages["key"]).text) + json.dumps(to_json(key_report))
    assert not re.search(r"\b[SQE] ?[=:] ?-?\d|omega|QBER|p-value|isibility|key rate|A = B|sigma", text)
    said = to_json(key_report)
    assert (said["analysis"], said["preset"], said["flags"], said["flagged_rounds"]) == (None,) * 4
    assert all((p["s"], p["qber"], p["preset_s"], p["preset_qber"]) == (None,) * 4 for p in said["patterns"])


def test_json_has_the_numbers_of_the_run(munich_report, make_munich):
    said = json.loads(json.dumps(to_json(munich_report), allow_nan=False))
    assert said["analysis"]["s"]["value"] == munich_report.joint.analysis.s.value
    assert said["public"]["rounds"] == 150
    assert said["public"]["rounds_per_hour"] == munich_report.public.rounds_per_hour
    assert said["preset"]["s"]["value"] == munich_report.joint.preset.s.value
    assert said["patterns"][0]["clicks"] == "ch cv"
    flagged = to_json(collect(make_munich(flags=[2, 0, 2])))
    assert flagged["flags"] == [{"party": "bob", "flag": "lost", "rounds": 2}]


@pytest.mark.parametrize("name", REPORTS)
def test_json_has_json_types_only(name, request):
    def plain(value):
        if isinstance(value, dict):
            return all(type(key) is str and plain(item) for key, item in value.items())
        return all(map(plain, value)) if type(value) is list else value is None or type(value) in (str, int, float, bool)

    assert plain(to_json(request.getfixturevalue(f"{name}_report")))


def test_the_file_is_replaced_whole(key_report, pages, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("an earlier report", encoding="utf-8")
    write_html(key_report, path)
    assert path.read_text(encoding="utf-8") == pages["key"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_report_that_cannot_be_written_says_so(key_report, tmp_path):
    with pytest.raises(ConfigError, match="cannot write the report"):
        write_html(key_report, tmp_path / "nowhere" / "report.html")
