"""How long checking and compiling a sequence takes, beside qupulse on the nearest job that both can do.

The job of the last lines: 200 attempts of Munich and the cooling after them, Bob's digital lines, from the description to one flat list
of what is played. Ours: check against the device, take the delays off, steps of 8 digital ports as the Pulse Streamer takes them.
qupulse: the same edges as table templates on two channels, create_program, then unroll into 201 waveforms. qupulse checks nothing against
a device here and leaves sampling to the device's driver, which this leaves out; it carries symbolic parameters and arbitrary waveforms,
which ours has not. So the ratio says that neither is a bottleneck, not which one is better. It has no herald, no choice and no leak
check to compare.

qupulse is no dependency: ``pip install qupulse`` to see its lines.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable

from eventready.sequences.check import check
from eventready.sequences.compile import compile as compile_for
from eventready.sequences.digest import digest
from eventready.sequences.language import Item
from eventready.sequences.lowering import lower
from eventready.sequences.targets import TARGETS
from eventready.sequences.wiring import Wiring
from eventready.stations.config import load_link
from eventready.stations.link_sequence import link_round, link_wiring

REPEATS = 50


def median_ms(job: Callable[[], object]) -> float:
    """Median time of a job, the first call left out."""
    job()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def described(name: str) -> tuple[Item, Wiring]:
    """Round and wiring of a link."""
    config = load_link(name)
    return link_round(config), link_wiring(config)


def qupulse_job() -> Callable[[], object] | str:
    """200 attempts and cooling with qupulse; or why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from qupulse.pulses import RepetitionPT, SequencePT, TablePT
    except ImportError as error:
        return f"skipped, {error}; pip install qupulse"
    attempt = TablePT({"pump": [(0, 0), (100, 1), (3100, 0), (19200, 0)], "excitation": [(0, 0), (3500, 1), (3522, 0), (19200, 0)]})
    cooling = TablePT({"pump": [(0, 0), (200_000, 0)], "excitation": [(0, 0), (200_000, 0)]})
    burst = SequencePT(RepetitionPT(attempt, 200), cooling)

    def job() -> object:
        program = burst.create_program()
        program.children[0].unroll()
        assert len(program.children) == 201
        return program

    return job


def main() -> None:
    """Measure and print."""
    rows: list[tuple[str, float | str, str]] = []
    for name in ("munich", "oxford"):
        tree, wiring = described(name)
        rows.append((f"{name}: check of the whole round, all devices", median_ms(lambda t=tree, w=wiring: check(t, w)), "aim < 1 ms"))
        rows.append((f"{name}: digest", median_ms(lambda t=tree, w=wiring: digest(t, w)), ""))
        rows.append((f"{name}: lower to a node's program", median_ms(lambda t=tree: lower(t, "bob")), ""))
    tree, wiring = described("munich")
    streamer = wiring.of_device("bob_streamer")
    target = TARGETS["pulse-streamer"]
    compiled = median_ms(lambda: compile_for(tree, streamer, target))
    steps = len(compile_for(tree, streamer, target)[0].digital)
    rows.append((f"munich: check and compile 200 unrolled attempts, {steps} steps", compiled, "aim < 50 ms"))
    job = qupulse_job()
    rows.append(
        ("qupulse: 200 attempts and cooling, create_program and unroll", job if isinstance(job, str) else median_ms(job), "see above")
    )
    print(f"{'':<66} {'ms, median':>10}")
    for name, value, note in rows:
        print(f"{name:<66} {value if isinstance(value, str) else f'{value:>10.3f}'}  {note}")


if __name__ == "__main__":
    main()
