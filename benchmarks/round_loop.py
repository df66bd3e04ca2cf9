"""Rounds a second of the full engine, beside a QCoDeS Measurement that does the least that a round needs.

Our round is whole: three nodes and their messages, roles with their checks and locks, the twin's physics, random inputs out of a tested
pool, a record at each party and in the public log, every record in a group commit with fsync. QCoDeS' round is 6 parameter sets, 1 read
and 1 result, once as it is used by default and once flushed to disk every round, which is what "recorded" means in a run on real hardware.

The physical limit of the last two lines is the disk: the bare fsync is printed, too.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from qcodes.dataset import Measurement, initialise_or_create_database_at, load_or_create_experiment
from qcodes.instrument import Instrument
from qcodes.validators import Numbers

from eventready.stations.link import open_link

OXFORD_ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
QCODES_ROUNDS = 5_000
FLUSHED_ROUNDS = 200


def engine(folder: Path) -> float:
    """Rounds a second of the engine's loop, start-up excluded."""
    with open_link("oxford", seed=1) as link:
        return link.run(folder / "run", rounds=OXFORD_ROUNDS).rounds_per_s


def qcodes_loop(folder: Path, rounds: int, *, flush: bool) -> float:
    """Rounds a second of a QCoDeS Measurement with 6 sets, 1 read and 1 result a round."""
    initialise_or_create_database_at(str(folder / "qcodes.db"))
    load_or_create_experiment("round loop", "none")
    instrument = Instrument("round_loop")
    try:
        settings = [instrument.add_parameter(f"p{k}", set_cmd=_nothing, vals=Numbers(-1e9, 1e9)) for k in range(6)]
        reading = instrument.add_parameter("reading", get_cmd=lambda: 1.0, set_cmd=False)
        measurement = Measurement()
        for setting in settings:
            measurement.register_parameter(setting)
        measurement.register_parameter(reading, setpoints=tuple(settings))
        with measurement.run(write_in_background=False) as saver:
            start = time.perf_counter()
            for n in range(rounds):
                for setting in settings:
                    setting.set(n)
                saver.add_result(*[(setting, n) for setting in settings], (reading, reading.get()))
                if flush:
                    saver.flush_data_to_database()
            return rounds / (time.perf_counter() - start)
    finally:
        instrument.close()


def fsync_s(folder: Path) -> float:
    """Median time of one fsync after a small write."""
    times = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(200):
            file.write(b"x" * 52)
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def _nothing(value: float) -> None:
    del value


def best_of(n: int, measure: Callable[[Path], float]) -> float:
    """The best of ``n`` runs, each in a folder of its own: the machine's other work only ever slows one down."""
    rates = []
    for _ in range(n):
        with tempfile.TemporaryDirectory() as folder:
            rates.append(measure(Path(folder)))
    return max(rates)


def main() -> None:
    """Measure and print."""
    ours = best_of(2, engine)
    default = best_of(2, lambda folder: qcodes_loop(folder, QCODES_ROUNDS, flush=False))
    flushed = best_of(2, lambda folder: qcodes_loop(folder, FLUSHED_ROUNDS, flush=True))
    with tempfile.TemporaryDirectory() as folder:
        sync = fsync_s(Path(folder))
    rows = [
        (f"eventready, oxford, full engine, group commit ({OXFORD_ROUNDS:,} rounds)", ours),
        ("QCoDeS Measurement, 6 sets + 1 read + 1 result, default", default),
        ("QCoDeS Measurement, the same, flushed every round", flushed),
    ]
    print(f"{'':<72} {'rounds/s':>9} {'us/round':>9} {'ratio':>6}")
    for name, rate in rows:
        print(f"{name:<72} {rate:>9,.0f} {1e6 / rate:>9.1f} {ours / rate:>6.1f}")
    print(f"one fsync on this disk: {sync * 1e3:.2f} ms; the engine's budget is 20,000 rounds/s")


if __name__ == "__main__":
    main()
