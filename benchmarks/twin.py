"""How fast the twin is at each of its levels, one core, beside the memory that it writes to, and beside other people's programs.

Seconds are those of the processor, so that other work on the machine matters less.

L1 draws whole rounds in closed form. L2 draws photons and dark counts of every attempt that has any. L3 makes the tag stream with every
reference edge, which is then searched for heralds. The physical limit is a copy of as many bytes in memory, in the same run.

After that SeQUeNCe does the same job, attempts and heralded rounds, if a Python that has it is named; it is no dependency, and brings a
hundred packages. At last the search in a sparse and in a dense stream, with other people's tag readers: the tables of tags.py. What the
stations do around the twin is in round_loop.py.

    python benchmarks/twin.py [--sequence PYTHON]

SeQUeNCe goes into an environment of its own: ``python -m venv peer``, ``peer/bin/pip install sequence==0.8.5``; then ``--sequence
peer/bin/python``, or the environment variable EVENTREADY_SEQUENCE_PYTHON, which also reaches ``tasks.py bench``.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from peers import sequence_table
from peers.sequence_table import Speed
from tags import one_core
from tags import report as report_tags

from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME
from eventready.sequences.herald_search import HeraldRule, HeraldSearch
from eventready.stations.assembly import programs
from eventready.stations.config import load_link
from eventready.stations.tag_simulation import tag_stream
from eventready.twin.clicks import ClickPhysics
from eventready.twin.optics import Optics
from eventready.twin.physics import expected
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS, OXFORD_ANALYSES, OXFORD_PATTERNS
from eventready.twin.physics.preset import load_preset
from eventready.twin.rounds import ROUND_DTYPE, RoundSampler

LINKS = ("munich", "oxford")
ROUNDS = 5_000_000
ATTEMPTS = 1 << 22
TAGS = 4_000_000
CLOSED = {
    "munich": (MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, (20e-6, 20e-6)),
    "oxford": (OXFORD_ANALYSES, OXFORD_PATTERNS, OXFORD_GAME, (0.0, 0.0)),
}
TAG_BYTES = 10


def best(job: Callable[[], float], times: int = 3) -> float:
    """The highest rate of several runs; the machine's other work only ever lowers one."""
    return max(job() for _ in range(times))


def rate(amount: float, job: Callable[[], object]) -> float:
    """Amount a second."""
    start = time.process_time()
    job()
    return amount / (time.process_time() - start)


def copied(size: int) -> float:
    """Items of ``size`` bytes that a copy in memory moves a second."""
    source = np.ones(200_000_000 // 8)
    target = source.copy()
    return best(lambda: rate(source.nbytes / size, lambda: np.copyto(target, source)), 5)


def measure(name: str) -> Speed:
    """Measure and print all levels of a link."""
    config = load_link(name)
    preset = load_preset(config.link.preset)
    loop = programs(config)["bsm"].loop
    analyses, patterns, game, delays = CLOSED[name]
    expectation = expected(preset, *analyses, patterns, game, delays)
    settings = np.full(expectation.correlators.shape, 1 / expectation.correlators.size)
    sampler = RoundSampler(expectation, settings, seed=1)
    rounds = best(lambda: rate(ROUNDS, lambda: sampler.draw(ROUNDS)))
    line(f"{name}: L1, rounds", rounds, copied(ROUND_DTYPE.itemsize), "rounds/s")

    optics = Optics(preset, {})
    physics = ClickPhysics(optics.all_photons(optics.parameters(0, (True, True), loop), loop), optics.click_timings(), loop.attempt_ps)
    rng = np.random.default_rng(1)
    attempts = best(lambda: rate(ATTEMPTS, lambda: physics.draw(rng, ATTEMPTS)))
    line(f"{name}: L2, attempts", attempts, None, "attempts/s")

    stream, rule = tag_stream(config, 1)
    seconds = 60.0 if name == "munich" else 6.0
    blocks = list(stream.blocks(seconds))
    count = sum(len(block.times_ps) for block in blocks)
    copy = copied(TAG_BYTES)
    line(f"{name}: L3, tags made", best(lambda: rate(count, lambda: list(stream.blocks(seconds)))), copy, "tags/s")
    line(f"{name}: heralds searched in them", best(lambda: rate(count, lambda: search(blocks, rule))), copy, "tags/s")
    return Speed(attempts, rounds, expectation.probability)


def search(blocks: Sequence[Any], rule: HeraldRule) -> None:
    """All heralds of the blocks."""
    found = HeraldSearch(rule)
    for block in blocks:
        found.feed(block.times_ps, block.channels)
    found.finish()


def line(name: str, value: float, limit: float | None, unit: str) -> None:
    """One row of the table."""
    ratio = f"{value / limit:16.3f}" if limit is not None else f"{'':>16}"
    print(f"{name:<44} {value / 1e6:>9.1f} M {unit:<10}{ratio}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How fast the twin is, beside memory and other programs.")
    parser.add_argument(
        "--sequence", metavar="PYTHON", default=os.environ.get("EVENTREADY_SEQUENCE_PYTHON"), help="a Python that has SeQUeNCe"
    )
    python = parser.parse_args().sequence
    one_core()
    print(f"{'':<44} {'rate':>11} {'ratio to a copy':>26}")
    speeds = {name: measure(name) for name in LINKS}
    print()
    sequence_table.report(python, speeds)
    report_tags(TAGS)


if __name__ == "__main__":
    main()
