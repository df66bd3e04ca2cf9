"""What the pages say is true as far as a machine can tell: links lead somewhere, commands parse, code compiles, tables match the source."""

import re
import shlex
from pathlib import Path
from typing import get_args

import click
import pytest

from eventready.cli import cli
from eventready.protocol.records import RECORD_DTYPE, Flag
from eventready.protocol.run_folder import RunFolder
from eventready.stations.messages import Message
from eventready.stations.states import MOVES, State

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
BLOCK = re.compile(r"^```([\w{}]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FORBIDDEN = re.compile(r"\.\./shared|\bissues? #?\d|/tmp/|/work/|/home/|\bTODO\b|\bFIXME\b", re.IGNORECASE)
"""Pages stand alone: nothing that only the writer's machine or tracker knows, and nothing left to be written."""


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(language):
    found = [(name, k, block) for name in NAMES for k, block in enumerate(BLOCK.finditer(text(name)))]
    return [pytest.param(block[2], id=f"{name}-{k}") for name, k, block in found if block[1] == language]


def commands():
    lines = [line for block in blocks("") for line in block.values[0].splitlines() if line.startswith("eventready ")]
    return [pytest.param(shlex.split(line, comments=True)[1:], id=line) for line in lines]


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    prose = BLOCK.sub("", text(name))
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if target.startswith(("https://", "http://")):
            continue
        path, _, fragment = target.partition("#")
        page = (ROOT / name).parent / path if path else ROOT / name
        found = page.exists() and page.resolve().is_relative_to(ROOT)
        if found and fragment:
            found = fragment in map(anchor, re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE))
        if not found:
            broken.append(target)
    assert broken == []


def parse(command, words):
    """Parse a command line without running it; raises click's UsageError."""
    context = click.Context(command)
    if not isinstance(command, click.Group):
        return command.make_context(command.name, list(words))
    inner = command.get_command(context, words[0]) if words else None
    if inner is None:
        raise click.UsageError(f"no command in {words}")
    return parse(inner, words[1:])


@pytest.mark.parametrize("arguments", commands())
def test_commands_parse(arguments):
    parse(cli, arguments)


def test_a_command_with_an_unknown_option_would_be_found():
    with pytest.raises(click.UsageError):
        parse(cli, ["run", "munich", "--round", "3"])
    with pytest.raises(click.UsageError):
        parse(cli, ["rnu", "munich"])


@pytest.mark.parametrize("source", blocks("python"))
def test_python_compiles(source):
    compile(source, "page", "exec")


@pytest.mark.parametrize("name", NAMES)
def test_pages_stand_alone(name):
    found = FORBIDDEN.search(text(name))
    assert found is None, found


def table(name, head):
    """The rows of the first table on a page whose first column is called ``head``: lists of cells."""
    rows = re.search(rf"^\| {head} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", text(name), re.MULTILINE)[1]
    return [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows.splitlines()]


def test_the_table_of_states_is_the_one_in_force():
    rows = table("docs/explanations/architecture.md", "from")
    told = {State(before.strip("`")): frozenset(State(state) for state in re.findall(r"`(\w+)`", after)) for before, after in rows}
    assert told == MOVES


def test_the_record_is_the_one_on_disk():
    kinds = {"u1": "u8", "u2": "u16", "u4": "u32", "u8": "u64", "i8": "i64"}
    told = [(row[0].strip("`"), row[1]) for row in table("docs/reference/record.md", "field")]
    assert told == [(name, kinds[RECORD_DTYPE[name].str[1:]]) for name in RECORD_DTYPE.names]
    assert {row[0].strip("`"): int(row[1]) for row in table("docs/reference/record.md", "flag")} == {flag.name: flag.value for flag in Flag}


def test_every_file_of_a_run_is_described(tmp_path):
    folder = RunFolder(tmp_path)
    party_files = [path(party) for path in (folder.log, folder.events, folder.party_manifest) for party in ("alice", "bob", "public")]
    keys = [folder.chain_key(party) for party in ("alice", "bob")]
    files = [folder.link_yaml, folder.manifest, folder.blocks_db, folder.engine_log, folder.report, *party_files, *keys]
    told = set(re.findall(r"`([^`]+)`", " ".join(row[0] for row in table("docs/reference/run-folder.md", "file"))))
    assert {path.relative_to(tmp_path).as_posix() for path in files} <= told
    assert {"alice/", "bob/", "truth/"} <= told


def options(command, context, path=()):
    """Every command's path with its long options."""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from options(command.get_command(context, name), context, (*path, name))
    else:
        yield path, {word for parameter in command.params for word in parameter.opts if word.startswith("--") and word != "--help"}


def test_every_command_and_option_is_in_the_reference():
    page = text("docs/reference/cli.md")
    sections = dict(re.findall(r"^## eventready (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    commands = list(options(cli, click.Context(cli)))
    assert {path[0] for path, _ in commands} == set(sections)
    for path, known in commands:
        section = sections[path[0]]
        assert all(word in section for word in path[1:])
        assert known <= set(re.findall(r"--[a-z]+", section)), path
    everything = set().union(*(known for _, known in commands), {"--help", "--verbose", "--version"})
    assert set(re.findall(r"--[a-z]+", page)) <= everything


def test_every_page_is_reachable_from_the_index():
    pages = {page.relative_to(ROOT / "docs").with_suffix("").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    entries = [line for found in BLOCK.finditer(text("docs/index.md")) if found[1] == "{toctree}" for line in found[2].splitlines()]
    listed = {
        path.relative_to(ROOT / "docs").with_suffix("").as_posix()
        for entry in entries
        if entry and not entry.startswith(":")
        for path in (ROOT / "docs").glob(f"{entry}.md")
    }
    assert pages - listed == {"index"}


def test_the_messages_are_the_ones_in_force():
    names = {message.__name__ for message in get_args(Message)}
    page = text("docs/explanations/architecture.md")
    drawn = next(found[2] for found in BLOCK.finditer(page) if "alice" in found[2])
    assert names <= set(re.findall(r"[A-Z]\w+", drawn))
    assert names == set(re.findall(r"`([A-Z]\w+)`", text("docs/decisions/0004-messages-without-settings.md").split("## Why")[0]))
