"""Opening the link that an interrupted run was made with, so that the run can go on."""

from __future__ import annotations

import json

from ..errors import ConfigError
from ..protocol.run_folder import RunFolder
from .engine import last_herald_ps
from .link import Link, open_link


def resume_link(folder: RunFolder) -> Link:
    """Open the link of an interrupted run, its clocks behind the last herald; :meth:`.link.Link.resume` then goes on.

    A simulated segment gets random streams of its own: with the first one's it would draw the same bits again.

    Raises:
        ConfigError: this is no run, or it is finished.
        LogCorrupt: a log is damaged.
    """
    if folder.is_finished:
        raise ConfigError(f"{folder.path}: this run is finished; start a new one")
    contents = folder.read_log("public")
    header = contents.header
    segment = len(contents.segments) + 1
    start_ps = last_herald_ps(folder) + 1
    seed = None if header.hardware == "real" else _seed(folder)
    return open_link(folder.link_yaml, hardware=header.hardware, seed=seed, segment=segment, start_ps=start_ps)


def _seed(folder: RunFolder) -> int:
    path = folder.truth / "world.json"
    try:
        seed = json.loads(path.read_text(encoding="utf-8"))["seed"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: the twin's seed cannot be read ({error}); without it the run cannot go on") from error
    if type(seed) is not int or seed < 0:
        raise ConfigError(f"{path}: the seed must be a whole number from 0 on")
    return seed
