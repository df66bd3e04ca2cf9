"""The ``truth/`` of a simulated run: what only the simulation knows, apart from everything that stations and protocol read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import get_args

from ..clock import Clock
from ..errors import ConfigError
from ..protocol.run_folder import RunFolder
from ..twin.disturbances import Disturbances
from ..twin.fault_script import FaultScript, load_fault_script
from ..twin.lines import Line
from ..twin.world import Level, World

_WORLD, _FAULTS, _CHANGES = "world.json", "faults.yaml", "disturbances.jsonl"


def write_truth(folder: RunFolder, world: World, seed: int, faults: FaultScript | None) -> None:
    """Begin it: with what a resumed run needs."""
    folder.truth.mkdir()
    truth = {"seed": seed, "preset": world.preset.name, "level": world.level}
    (folder.truth / _WORLD).write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    if faults is not None:
        (folder.truth / _FAULTS).write_text(faults.text, encoding="utf-8")


def read_truth(folder: RunFolder) -> tuple[int, Level]:
    """Seed and level of the twin.

    Raises:
        ConfigError: they cannot be read.
    """
    path = folder.truth / _WORLD
    try:
        truth = json.loads(path.read_text(encoding="utf-8"))
        seed, level = truth["seed"], truth["level"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: the twin's seed cannot be read ({error}); without it the run cannot go on") from error
    if type(seed) is not int or seed < 0:
        raise ConfigError(f"{path}: the seed must be a whole number from 0 on")
    for known in get_args(Level):
        if level == known:
            return seed, known
    raise ConfigError(f"{path}: the level is {level!r}; it is one of {', '.join(get_args(Level))}")


@contextmanager
def disturbed(folder: RunFolder, world: World, seed: int, segment: int, clocks: Mapping[str, Clock]) -> Iterator[dict[str, Line]]:
    """Have the faults of the run's script happen within the block; what they did is appended to the truth.

    Yields:
        The lines between the nodes, by party; none where the script leaves them alone.

    Raises:
        ConfigError: a fault that cannot befall this link.
    """
    script = folder.truth / _FAULTS
    if not script.exists():
        yield {}
        return
    with (folder.truth / _CHANGES).open("a", encoding="utf-8") as changes:
        try:
            disturbances = Disturbances(load_fault_script(script), seed, changes)
            world.disturb(disturbances, clocks)
            yield disturbances.lines(min(clock.now_ps() for clock in clocks.values()), segment)
        finally:
            world.end_disturbance()
