"""How fast the twin is at each of its levels, one core, beside the memory that it writes to.

L1 draws whole rounds in closed form. L2 draws photons and dark counts of every attempt that has any. L3 makes the tag stream with every
reference edge, and the last line searches it for heralds. The physical limit is a copy of as many bytes in memory, in the same run.
What the stations do around it is in round_loop.py; other people's tag readers are in tags.py.

No other simulator is beside it here: SeQUeNCe simulates an attempt with its classical messages as discrete events and has no herald
search, no dark counts and no second photons, so that attempts a second are all that could be compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME
from eventready.sequences.herald_search import HeraldSearch
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
    start = time.perf_counter()
    job()
    return amount / (time.perf_counter() - start)


def copied(size: int) -> float:
    """Items of ``size`` bytes that a copy in memory moves a second."""
    source = np.ones(200_000_000 // 8)
    target = source.copy()
    return best(lambda: rate(source.nbytes / size, lambda: np.copyto(target, source)), 5)


def main() -> None:
    """Measure and print."""
    print(f"{'':<44} {'rate':>16} {'ratio to a copy':>16}")
    for name in LINKS:
        config = load_link(name)
        preset = load_preset(config.link.preset)
        loop = programs(config)["bsm"].loop
        analyses, patterns, game, delays = CLOSED[name]
        expectation = expected(preset, *analyses, patterns, game, delays)
        settings = np.full(expectation.correlators.shape, 1 / expectation.correlators.size)
        sampler = RoundSampler(expectation, settings, seed=1)
        line(f"{name}: L1, rounds", best(lambda s=sampler: rate(ROUNDS, lambda: s.draw(ROUNDS))), copied(ROUND_DTYPE.itemsize), "rounds/s")

        optics = Optics(preset, {})
        physics = ClickPhysics(optics.all_photons(optics.parameters(0, (True, True), loop), loop), optics.click_timings(), loop.attempt_ps)
        rng = np.random.default_rng(1)
        line(f"{name}: L2, attempts", best(lambda p=physics, r=rng: rate(ATTEMPTS, lambda: p.draw(r, ATTEMPTS))), None, "attempts/s")

        stream, rule = tag_stream(config, 1)
        seconds = 60.0 if name == "munich" else 6.0
        blocks = list(stream.blocks(seconds))
        count = sum(len(block.times_ps) for block in blocks)
        copy = copied(TAG_BYTES)
        line(f"{name}: L3, tags made", best(lambda s=stream, n=count, t=seconds: rate(n, lambda: list(s.blocks(t)))), copy, "tags/s")
        line(f"{name}: heralds searched in them", best(lambda b=blocks, n=count, r=rule: rate(n, lambda: search(b, r))), copy, "tags/s")


def search(blocks: list, rule: object) -> None:
    """All heralds of the blocks."""
    found = HeraldSearch(rule)
    for block in blocks:
        found.feed(block.times_ps, block.channels)
    found.finish()


def line(name: str, value: float, limit: float | None, unit: str) -> None:
    """One row of the table."""
    ratio = f"{value / limit:16.3f}" if limit is not None else f"{'':>16}"
    print(f"{name:<44} {value / 1e6:>9.1f} M {unit:<10}{ratio}")


if __name__ == "__main__":
    main()
