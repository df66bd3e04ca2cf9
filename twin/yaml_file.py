"""YAML files of the twin, read with a complaint for every mistake: file, line, key and a suggestion.

The YAML is parsed but never constructed: all leaves are taken as the text that stands there, so no tag has any effect.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..errors import ConfigError


class Entry(NamedTuple):
    """A key and its value in a file.

    Attributes:
        line: where the key stands, from 1.
        node: the value; None for nothing.
    """

    line: int
    node: Node | None


class YamlFile:
    """One file while it is read.

    Args:
        text: of the file.
        where: its name, for messages.
        kind: what it is, for messages, e.g. ``"a preset"``.

    Raises:
        ConfigError: it is no YAML. So does every method, for what is wrong.
    """

    def __init__(self, text: str, where: str, kind: str) -> None:
        self._where = where
        try:
            self.top = Entry(1, YAML(typ="safe", pure=True).compose(text))
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ConfigError(f"{where}:{line}: not YAML: {error.problem}") from error
        except YAMLError as error:
            raise ConfigError(f"{where}:1: not YAML: {error}") from error
        except RecursionError as error:
            raise ConfigError(f"{where}:1: brackets are nested too deeply for {kind}") from error

    def mapping(self, entry: Entry, what: str, required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Entry]:
        """The entries of a mapping, by key, in the order of the file."""
        if not isinstance(entry.node, MappingNode):
            self.fail(entry, f"{what} must be a mapping, 'key: value' lines{' with ' + ', '.join(required) if required else ''}")
        found: dict[str, Entry] = {}
        for key_node, value in entry.node.value:
            here = Entry(key_node.start_mark.line + 1, value)
            key = self.text(Entry(here.line, key_node), "a key")
            if key in found:
                self.fail(here, f"{key!r} stands here twice, first in line {found[key].line}")
            if key not in (*required, *optional):
                self.fail(here, f"unknown key {key!r}{suggest(key, (*required, *optional))}")
            found[key] = here
        for key in required:
            if key not in found:
                self.fail(entry, f"{what} has no {key!r}; it needs {', '.join(required)}")
        return found

    def sequence(self, entry: Entry, what: str) -> list[Entry]:
        """The entries of a list."""
        if not isinstance(entry.node, SequenceNode):
            self.fail(entry, f"{what} must be a list, lines that begin with '- '")
        return [Entry(node.start_mark.line + 1, node) for node in entry.node.value]

    def text(self, entry: Entry, what: str) -> str:
        """A single text or number, as it stands there."""
        if not isinstance(entry.node, ScalarNode) or not entry.node.value.strip():
            self.fail(entry, f"{what} must be a single text or number, and not empty")
        return str(entry.node.value).strip()

    def fail(self, entry: Entry, message: str) -> NoReturn:
        """Complain about an entry."""
        raise ConfigError(f"{self._where}:{entry.line}: {message}")


def suggest(name: str, known: Iterable[str]) -> str:
    """``; did you mean ...?``, or nothing where nothing comes close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
