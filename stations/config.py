"""The files that describe a link: find, read, check, copy.

A link is one link file and one QCoDeS Station file a site. Wherever a link is asked for, it may be the name of a preset, a folder with
a ``link.yaml``, or the path of a link file. Everything wrong with the files is reported at once, with file, line and key, before any
instrument is touched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import Field, TypeAdapter

from .. import station_configs
from ..errors import ConfigError
from .config_checks import CHECKS
from .config_models import PLATFORMS, LinkFile, Rb87Link, Site, Sr88Link
from .config_source import Problem, Source, suggest
from .config_station import StationFile
from .config_texts import LINK_FILE, LinkTexts, join_texts
from .config_validate import validate
from .config_wiring import Files, instruments_of, unused_instruments
from .slots import PARTIES

_MAX_LINES = 50
_SPEED_OF_LIGHT = 299_792_458.0  # m/s, exact
_BY_PLATFORM = set(Rb87Link.model_fields) - set(LinkFile.model_fields)


@dataclass(frozen=True)
class LinkConfig:
    """A link whose files have passed every check: plain data, quantities in SI units.

    Attributes:
        path: the link file.
        link: its contents.
        stations: the Station file of each site, in the link file's order.
        texts: the files as they stand, by name, the link file first.
        digest: BLAKE2b (32 hex digits) over what all files say; comments and layout do not count, the order of the roles does.
        warnings: what is allowed but looks like an oversight.
    """

    path: Path
    link: Rb87Link | Sr88Link
    stations: Mapping[str, StationFile]
    texts: Mapping[str, str] = field(repr=False)
    digest: str
    warnings: tuple[str, ...]

    @property
    def source_text(self) -> str:
        """All files in one text, for the folder of a run; :func:`load_link` reads it back."""
        return join_texts(self.texts)

    def site_of(self, node: str) -> str:
        """Name of the site where a node stands."""
        return next(name for name, site in self.link.sites.items() if node in site.nodes)

    def delay(self, sender: str, receiver: str) -> float:
        """Seconds that light needs in the fibre from one node to another; between the parties it passes the Bell-state measurement."""
        lines = self.link.lines
        length = sum(getattr(lines, party) for party in PARTIES if (party == sender) != (party == receiver))
        return float(length * lines.group_index / _SPEED_OF_LIGHT)


def link_names() -> tuple[str, ...]:
    """Names of the links that come with the package."""
    return tuple(sorted(path.parent.name for path in _presets_folder().glob(f"*/{LINK_FILE}")))


def find_link(name_or_path: str | Path) -> Path:
    """Find a link file.

    Args:
        name_or_path: name of a preset (text without a slash), a folder, or the path of a link file.

    Returns:
        Path of the link file.

    Raises:
        ConfigError: there is none, or a name means both a preset and a folder here.
    """
    path = Path(name_or_path)
    inside = path / LINK_FILE if path.is_dir() else path
    if name_or_path in link_names():
        if inside.is_file():
            raise ConfigError(f"{name_or_path!r} is a preset and also a folder here; write './{name_or_path}' for the folder, or rename it")
        return _presets_folder() / name_or_path / LINK_FILE
    if inside.is_file():
        return inside
    if path.is_dir():
        raise ConfigError(f"the folder {path} has no {LINK_FILE}")
    raise ConfigError(f"there is no link {str(name_or_path)!r}{suggest(str(name_or_path), link_names())} (or give a folder or a link file)")


def load_link(name_or_path: str | Path) -> LinkConfig:
    """Read and check all files of a link. No instrument is touched; driver classes are imported.

    Args:
        name_or_path: as for :func:`find_link`.

    Raises:
        ConfigError: with every problem of every file, one a line: ``file:line: key: what is wrong``.
    """
    path = find_link(name_or_path)
    texts = LinkTexts(path)
    source = texts.link()
    problems = list(source.problems)
    if not source.data:
        raise ConfigError(_report(path, problems))
    draft, wrong = _validate_link(source, problems)
    stations, models = _read_stations({} if "sites" in wrong else draft.sites, source, texts, problems)
    if "sequence" not in wrong and draft.sequence.file is not None:
        try:
            texts.plain(draft.sequence.file)
        except ConfigError as error:
            problems.append(source.problem(("sequence", "file"), str(error)))
    files = Files(source, cast("Rb87Link | Sr88Link", draft), stations)  # a check sees only sections that are right
    problems += [problem for check, needs in CHECKS if not needs & wrong for problem in check(files)]
    if problems or not isinstance(draft, Rb87Link | Sr88Link):
        raise ConfigError(_report(path, problems))
    return LinkConfig(path, draft, models, texts.used, _digest(source, stations), unused_instruments(draft, stations))


def copy_link(name_or_path: str | Path, directory: str | Path) -> list[Path]:
    """Copy the files of a link, unchanged, into a folder where they can be edited.

    Returns:
        The files written.

    Raises:
        ConfigError: the link is wrong, a file of that name exists, or the folder cannot be written.
    """
    texts = load_link(name_or_path).texts
    folder = Path(directory)
    targets = {folder / (LINK_FILE if index == 0 else name): text for index, (name, text) in enumerate(texts.items())}
    taken = [str(target) for target in targets if target.exists()]
    if taken:
        raise ConfigError(f"{', '.join(taken)} exists already; choose another folder")
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target, text in targets.items():
            with target.open("x", encoding="utf-8", newline="\n") as file:
                written.append(target)
                file.write(text)
    except OSError as error:
        for target in written:  # half a copy could be mistaken for a link
            target.unlink(missing_ok=True)
        raise ConfigError(f"cannot write to {folder}: {error.strerror}") from error
    return written


def link_schema() -> dict[str, Any]:
    """JSON Schema of a link file, for editors."""
    adapter = TypeAdapter[Any](Annotated[Rb87Link | Sr88Link, Field(discriminator="platform")])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "eventready link file", **adapter.json_schema()}


def station_schema() -> dict[str, Any]:
    """JSON Schema of a Station file, for editors; stricter than the one of QCoDeS."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **StationFile.model_json_schema()}


def _presets_folder() -> Path:
    return Path(station_configs.__path__[0])


def _validate_link(source: Source, problems: list[Problem]) -> tuple[LinkFile, set[str]]:
    """The link file's sections and which of them are wrong; without a platform, only those that all platforms have."""
    platform = source.data.get("platform")
    model = PLATFORMS.get(str(platform))
    if model is None:
        message = f"{platform!r} is not known" if "platform" in source.data else "missing; it is needed"
        problems.append(source.problem(("platform",), message + suggest(str(platform), PLATFORMS)))
    link, wrong, found = validate(model or LinkFile, source)
    problems += [problem for problem in found if model or problem.key.partition(".")[0] not in _BY_PLATFORM]
    return link, wrong if model else wrong | _BY_PLATFORM


def _read_stations(
    sites: Mapping[str, Site], link: Source, texts: LinkTexts, problems: list[Problem]
) -> tuple[dict[str, Source], dict[str, StationFile]]:
    """The Station file of each site, as far as it can be read; problems are added to the list."""
    sources: dict[str, Source] = {}
    models: dict[str, StationFile] = {}
    for name, site in sites.items():
        if site.station in texts.used:
            continue  # check_sites says that a Station file belongs to one site
        try:
            source = texts.station(site.station)
        except ConfigError as error:
            problems.append(link.problem(("sites", name, "station"), str(error)))
            continue
        problems += source.problems
        if source.data:
            sources[name] = source
            models[name], _, found = validate(StationFile, source)
            problems += found
    return sources, models


def _digest(link: Source, stations: Mapping[str, Source]) -> str:
    roles = link.data["roles"]
    content = {
        "link": {**link.data, "roles": list(roles.items()) if isinstance(roles, dict) else roles},
        "stations": {name: instruments_of(station) for name, station in stations.items()},
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _report(path: Path, problems: list[Problem]) -> str:
    """One line a problem, in the order of the files."""
    lines = list(dict.fromkeys(str(problem) for problem in _in_order(problems)))
    head = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    more = [f"... and {len(lines) - _MAX_LINES} more"] if len(lines) > _MAX_LINES else []
    return "\n  ".join([f"{head} in the link {path.parent}; no instrument was touched", *lines[:_MAX_LINES], *more])


def _in_order(problems: list[Problem]) -> Iterator[Problem]:
    files = list(dict.fromkeys(problem.file for problem in problems))
    yield from sorted(problems, key=lambda problem: (files.index(problem.file), problem.line))
