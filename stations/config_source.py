"""YAML text to plain data that remembers its lines; nothing here knows what the data mean.

The files are untrusted: they are limited in size, read without any YAML tag, anchor or alias, and a key that stands twice is an
error instead of a silent overwrite. Numbers, truth values and text are told apart by ruamel.yaml, as QCoDeS does it, so both read
the same values out of a Station file.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ..errors import ConfigError

MAX_BYTES = 256 * 1024
"""A link with five hundred instruments stays below a quarter of this."""

MAX_DEPTH = 20
MAX_INT = 2**63 - 1
_MAX_LENGTH = 600

KeyPath = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top of the file."""

_TAG = "tag:yaml.org,2002:"
_SCALARS = {_TAG + kind for kind in ("str", "int", "float", "bool", "null")}


class Problem(NamedTuple):
    """One mistake: where it stands, and what to do about it."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        """One short line of ASCII, whatever the file holds: keys and values are quoted in it."""
        text = ": ".join(part for part in (f"{self.file}:{self.line}", self.key, self.message) if part)
        shown = re.sub(r"[^ -~]", lambda match: match[0].encode("unicode_escape").decode(), text[:_MAX_LENGTH])
        return shown if len(text) <= _MAX_LENGTH else f"{shown} ..."


@dataclass
class Source:
    """One YAML file as plain data.

    Attributes:
        name: what messages call the file.
        data: the mapping at its top: dicts, lists, text, finite numbers, bools and None.
        problems: what was wrong with it as YAML; ``data`` then holds the rest.
        lines: where every key and list item stands, counted from 1.
    """

    name: str
    data: dict[str, object] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def line(self, path: KeyPath) -> int:
        """Line of a key or list item; of the nearest thing around it where it is not there itself."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Make a problem that points at ``path``."""
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
        return Problem(self.name, self.line(path), key, message)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def suggest(word: str, known: Iterable[str]) -> str:
    """The end of a message about a word that is not known: the nearest known one, else all of them."""
    known = list(known)
    close = nearest(word, known)
    if close:
        return f"; did you mean {close!r}?"
    return f"; there are: {', '.join(known)}" if known else ""


def read_text(path: Path) -> str:
    """Read a configuration file.

    Raises:
        ConfigError: it cannot be read, is larger than :data:`MAX_BYTES`, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"{path} is larger than {MAX_BYTES // 1024} kB; it cannot be a configuration file")
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def parse_yaml(name: str, text: str) -> Source:
    """Read one YAML document; whatever is wrong with it is in ``problems``, nothing is raised.

    Args:
        name: what messages call the file.
        text: its text.
    """
    source = Source(name)
    directive = re.search(r"^%", text, re.MULTILINE)
    if directive:  # %YAML 1.1 would change what "yes" or "010" means
        line = text.count("\n", 0, directive.start()) + 1
        source.problems.append(Problem(name, line, "", "YAML directives ('%' at the start of a line) are not allowed; remove the line"))
        return source
    try:
        _build_document(source, text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        source.problems.append(Problem(name, line, "", f"this is not YAML: {error.problem}; look at the indentation, brackets and colons"))
    except YAMLError:
        source.problems.append(Problem(name, 1, "", "this is not YAML text; it has a character that no text file contains"))
    return source


class _ShallowComposer(Composer):
    """ruamel's composer with a bound on nesting, since it calls itself for every level."""

    depth = 0

    def compose_node(self, parent: Node | None, index: object) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ComposerError(problem="nested too deeply", problem_mark=self.parser.peek_event().start_mark)
        node: Node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _build_document(source: Source, text: str) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _ShallowComposer
    top = yaml.compose(text)
    if top is None or not top.value:
        source.problems.append(Problem(source.name, 1, "", "the file is empty"))
    elif isinstance(top, MappingNode):
        source.data = _Builder(source, yaml).mapping(top, ())
    else:
        source.problems.append(Problem(source.name, 1, "", "the file is not a list of 'key: value' lines"))


@dataclass
class _Builder:
    """Walks ruamel's node tree, which has the lines, and notes what we do not accept."""

    source: Source
    yaml: YAML

    def mapping(self, node: MappingNode, path: KeyPath) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag != _TAG + "str" or key_node.anchor:
                self._refuse(line, path, "a key must be plain text; quote it if it looks like a number")
                continue
            key = key_node.value
            here = (*path, key)
            if key in data:
                self._refuse(line, here, f"the key stands twice, here and in line {self.source.line(here)}; remove one")
                continue
            self.source.lines[here] = line
            data[key] = self.value(value_node, here)
        return data

    def value(self, node: Node, path: KeyPath) -> object:
        line = node.start_mark.line + 1
        self.source.lines.setdefault(path, line)
        if node.anchor:
            self._refuse(line, path, "anchors and aliases ('&', '*') are not allowed; write the value out at each place")
            return None
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return self.mapping(node, path)
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and node.tag in _SCALARS:
            return self.scalar(node, path)
        what = repr(node.value[:40]) if isinstance(node, ScalarNode) else "this"
        self._refuse(line, path, f"{what} is not plain text, a number, a list or a mapping; quote it if it is text")
        return None

    def scalar(self, node: ScalarNode, path: KeyPath) -> object:
        try:
            value: object = self.yaml.constructor.construct_object(node)
        except ValueError:  # an integer of thousands of digits
            value = math.inf
        if isinstance(value, int | float) and not abs(value) <= MAX_INT:
            self._refuse(node.start_mark.line + 1, path, "the number is too large, or none")
            return None
        return value

    def _refuse(self, line: int, path: KeyPath, message: str) -> None:
        self.source.problems.append(self.source.problem(path, message)._replace(line=line))
