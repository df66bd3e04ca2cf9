"""Million tags a second of the herald search and of the .ptu reader, beside other readers and a plain copy of the tags in memory.

Two synthetic streams with one reference a microsecond: *sparse*, where 96 % of the tags are references and a detector clicks at 1 % of
them, and *dense*, where a detector clicks at every other reference and one tag in three is a reference. Clicks spread over twice the gate.
One core, seconds of the processor, best of several rounds in which all take their turn, as other work on the machine comes and goes. The
ratio is to the copy, which is what memory allows. Readers of files read the same file, from the page cache; what they return differs (see
the notes).

Beside them stand the readers that can be had from PyPI under a free licence and read such a file; one that is not installed is skipped.
Three are missing: PicoQuant's snAPI may be used with a licence that comes with a device, ETA (GPL) needs numpy 1, and PyTimeTag (GPL) has
files of its own. None of the readers finds heralds.

    python benchmarks/tags.py [MILLION_TAGS]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib import import_module, metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eventready.sequences import herald_search, ptu
from eventready.sequences.herald_reference import search_whole
from eventready.sequences.herald_search import GatedDetector, HeraldRule, HeraldSearch
from eventready.sequences.ptu_records import decode_reference

ROUNDS = 5
SECONDS = 0.1
BLOCK = 131_072
PERIOD_PS = 1_000_000
GATE_PS = (100_000, 50_000)
RULE = HeraldRule(0, tuple(GatedDetector(channel, *GATE_PS) for channel in (1, 2, 3, 4)), accepted=(0b0011, 0b1100, 0b1001, 0b0110))
EARLY = HeraldRule(0, tuple(GatedDetector(channel, -GATE_PS[0], 2 * GATE_PS[0]) for channel in (1, 2, 3, 4)), RULE.accepted)
STREAMS = {"sparse": 0.0104, "dense": 0.5}
"""Clicks a detector and reference."""

Tags = tuple[NDArray[np.int64], NDArray[np.int16]]


def stream(clicks: float, count: int) -> Tags:
    """A stream of about ``count`` tags with a probability of a click per detector and reference."""
    rng = np.random.default_rng(1)
    references = np.arange(round(count / (1 + 4 * clicks)), dtype=np.int64) * PERIOD_PS
    times, channels = [references], [np.zeros(len(references), np.int16)]
    for channel in (1, 2, 3, 4):
        clicked = references[rng.random(len(references)) < clicks]
        times.append(clicked + rng.integers(GATE_PS[0] - GATE_PS[1] // 2, GATE_PS[0] + 3 * GATE_PS[1] // 2, len(clicked)))
        channels.append(np.full(len(clicked), channel, np.int16))
    order = np.argsort(np.concatenate(times), kind="stable")
    return np.concatenate(times)[order], np.concatenate(channels)[order]


def search(tags: Tags, rule: HeraldRule, block: int) -> int:
    """Number of heralds."""
    one = HeraldSearch(rule)
    found = sum(len(one.feed(tags[0][k : k + block], tags[1][k : k + block])) for k in range(0, len(tags[0]), block))
    return found + len(one.finish())


def read(path: Path) -> int:
    """Read a file block by block; number of tags."""
    with ptu.PtuReader(path) as file:
        return sum(len(times) for times, _ in file.blocks())


def others(path: Path) -> dict[str, Callable[[], int]]:
    """Other readers that are installed, by name; each returns how many records it gives."""
    readers: dict[str, Callable[[], int]] = {}

    def with_ptufile() -> int:
        with import_module("ptufile").PtuFile(path) as file:
            return len(file.decode_records())

    for name, reader in {
        "ptufile": with_ptufile,
        "phconvert": lambda: len(import_module("phconvert.pqreader").load_ptu(str(path))[0]),
        "tttrlib": lambda: len(import_module("tttrlib").TTTR(str(path), "PTU")),
    }.items():
        try:
            readers[f"{name} {metadata.version(name)}, whole file"] = reader
        except metadata.PackageNotFoundError:
            print(f"{name}: skipped, not installed")
    return readers


def timed(job: Callable[[], int]) -> tuple[int, float]:
    """What a job returns, and how many seconds of the processor it takes; often enough for a clock of 16 ms, which some systems have."""
    start, runs = time.process_time(), 0
    while True:
        result, runs = job(), runs + 1
        spent = time.process_time() - start
        if spent >= SECONDS:
            return result, spent / runs


def measure(tags: Tags, path: Path) -> None:
    """Measure and print one stream."""
    copy = np.empty_like(tags[0]), np.empty_like(tags[1])
    with ptu.PtuReader(path) as file:
        raw = np.fromfile(path, "<u4", offset=path.stat().st_size - 4 * file.records)

    def copied() -> int:
        np.copyto(copy[0], tags[0])
        np.copyto(copy[1], tags[1])
        return len(copy[0])

    jobs: dict[str, Callable[[], int]] = {
        "copy of the tags in memory, 10 B each": copied,
        f"herald search, blocks of {BLOCK:,}": lambda: search(tags, RULE, BLOCK),
        "herald search, one block": lambda: search(tags, RULE, len(tags[0])),
        f"herald search, negative gate, blocks of {BLOCK:,}": lambda: search(tags, EARLY, BLOCK),
        "herald search in numpy, whole stream": lambda: len(search_whole(RULE, *tags)[0]),
        ".ptu reader, file to tags": lambda: read(path),
        ".ptu records in numpy": lambda: len(decode_reference(raw, 0)[0][0]),
        **others(path),
    }
    best, results = dict.fromkeys(jobs, float("inf")), dict.fromkeys(jobs, 0)
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            results[name], seconds = timed(job)
            best[name] = min(best[name], seconds)
    rate = {name: len(tags[0]) / seconds / 1e6 for name, seconds in best.items()}
    memory = rate["copy of the tags in memory, 10 B each"]
    print(f"{'':<60} {'Mtags/s':>8} {'ratio':>6} {'results':>11}")
    for name in jobs:
        print(f"{name:<60} {rate[name]:>8.0f} {rate[name] / memory:>6.2f} {results[name]:>11,}")


def one_core() -> None:
    """Stay on one core, where the system can be told to."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def report(count: int) -> None:
    """Measure and print both streams, of about ``count`` tags each."""
    herald_search.warm_up()
    ptu.warm_up()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other readers' affair
        for name, clicks in STREAMS.items():
            tags = stream(clicks, count)
            path = Path(folder) / f"{name}.ptu"
            with ptu.write_ptu(path) as file:
                start = time.process_time()
                file.write(*tags)
                written = time.process_time() - start
            size = path.stat().st_size / len(tags[0])
            print(f"\n{name}: {len(tags[0]):,} tags, {np.mean(tags[1] == 0):.1%} references, {size:.2f} B a tag as .ptu")
            measure(tags, path)
            print(f"{'.ptu writer, once':<60} {len(tags[0]) / written / 1e6:>8.0f}")
    print("\nptufile gives overflows as records of their own, and sync and input 1 the same channel; phconvert and tttrlib give tags only.")


def main() -> None:
    """Measure and print."""
    one_core()
    report(int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 10_000_000)


if __name__ == "__main__":
    main()
