"""Where the text of a link's files comes from: a folder, or the one text that a run keeps of them all.

The one text is the link file, then each other file after a line ``--- # file: NAME``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError
from .config_source import Source, parse_yaml, read_text, suggest

LINK_FILE = "link.yaml"
_PART = re.compile(r"^--- # file: (\S+)[^\S\n]*\n", re.MULTILINE)


class LinkTexts:
    """The texts of one link's files.

    Args:
        path: the link file, or the one text of a run.

    Attributes:
        used: the texts that have been asked for, by file name, the link file first.

    Raises:
        ConfigError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        whole = read_text(path)
        text, *parts = _PART.split(whole)
        self._parts = dict(zip(parts[::2], parts[1::2], strict=True))
        # Blank lines in front of a part keep the line numbers of the whole.
        starts = [whole.count("\n", 0, match.end()) for match in _PART.finditer(whole)]
        self._starts = dict(zip(self._parts, starts, strict=False))
        self.used: dict[str, str] = {path.name: text}

    def link(self) -> Source:
        """Read the link file."""
        return parse_yaml(self._path.name, self.used[self._path.name])

    def station(self, name: str) -> Source:
        """Read a Station file.

        Raises:
            ConfigError: it is not there, or cannot be read.
        """
        if not self._parts:
            self.used[name] = read_text(self._path.parent / name)
            return parse_yaml(name, self.used[name])
        if name not in self._parts:
            raise ConfigError(f"{self._path.name} has no part {name!r}{suggest(name, self._parts)}")
        self.used[name] = self._parts[name]
        return parse_yaml(self._path.name, "\n" * self._starts[name] + self._parts[name])

    def plain(self, name: str) -> str:
        """Read a file that is no YAML, e.g. a sequence.

        Raises:
            ConfigError: it is not there, or cannot be read.
        """
        if self._parts and name not in self._parts:
            raise ConfigError(f"{self._path.name} has no part {name!r}{suggest(name, self._parts)}")
        self.used[name] = self._parts[name] if self._parts else read_text(self._path.parent / name)
        return self.used[name]


def join_texts(texts: Mapping[str, str]) -> str:
    """Make one text out of all files, the link file first; :class:`LinkTexts` takes it apart again."""
    (_, link), *stations = ((name, text if text.endswith("\n") else text + "\n") for name, text in texts.items())
    return link + "".join(f"--- # file: {name}\n{text}" for name, text in stations)
