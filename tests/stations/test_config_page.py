"""The page for a lab shows real output: the mistakes it names, made in a copy, give the lines it prints."""

import re
from pathlib import Path

import pytest

from eventready.errors import ConfigError
from eventready.stations.config import copy_link, load_link

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "describe-your-lab.md"


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_page_shows_what_is_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy_link("munich", "my-lab")
    link, lab2 = Path("my-lab/link.yaml"), Path("my-lab/lab2.yaml")
    edit(link, 'shutter_time: "5 ms"', "shutter_time: 5")
    edit(link, "- close_shutter", "- close_shuter")
    edit(link, "    - shutter_confirmed\n    - fluorescence\n", "    - fluorescence\n    - shutter_confirmed\n")
    edit(link, "bob.filter: bob_filter", "bob.filter: bob_shutter")
    edit(lab2, "parameters:", "paramters:")
    with pytest.raises(ConfigError) as caught:
        load_link("my-lab")
    (shown,) = re.findall(r"```\n(\d+ problems.*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert str(caught.value) == shown


def test_the_page_shows_lines_of_the_files(tmp_path):
    page = PAGE.read_text(encoding="utf-8")
    copied = [path.read_text(encoding="utf-8") for path in copy_link("munich", tmp_path)]
    first, *_ = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert any(first in text for text in copied)
    (order,) = re.findall(r"order:\n  bob: (\[.*?\])\n", page)
    assert order.strip("[]").split(", ") == list(load_link("munich").link.order.bob)
