"""Opening the link that an interrupted run was made with, so that the run can go on."""

from __future__ import annotations

from ..clock import PS_PER_S
from ..errors import ConfigError
from ..protocol.run_folder import RunFolder
from .engine import LOGS, last_herald_ps
from .events import last_event_s
from .link import Link, open_link
from .truth import read_truth


def resume_link(folder: RunFolder) -> Link:
    """Open the link of an interrupted run, its clocks behind the last herald and event; :meth:`.link.Link.resume` then goes on.

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
    # A run that gave up after hours of waiting does not meet them again.
    start_ps = max(last_herald_ps(folder) + 1, *(round(last_event_s(folder.events(name)) * PS_PER_S) for name in LOGS))
    if header.hardware == "real":
        return open_link(folder.link_yaml, hardware=header.hardware, segment=segment, start_ps=start_ps)
    seed, level = read_truth(folder)
    return open_link(folder.link_yaml, hardware=header.hardware, seed=seed, segment=segment, start_ps=start_ps, level=level)
