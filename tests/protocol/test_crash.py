"""200 writer processes are killed, one after the other, in the same log: no acknowledged round is lost, none is invented."""

import random

import numpy as np

from eventready.protocol.records import RECORD_DTYPE
from eventready.protocol.round_log import LogHeader, RoundLogWriter, read_log

KEY = bytes(range(32))
KILLS = 200
PLACES = ("write", "before_sync", "after_sync", "anywhere")


def expected(count):
    """The rounds that crash_writer.py writes."""
    index = np.arange(count, dtype=np.uint64)
    rounds = np.zeros(count, RECORD_DTYPE)
    rounds["index"], rounds["herald_ps"] = index, index * np.uint64(1_000_003)
    for value, name in enumerate(("isolated_ns", "input_ns", "readout_ns", "done_ns"), start=1):
        rounds[name] = value
    for name, period in (("attempts", 9973), ("counts", 17), ("pattern", 4), ("setting", 3)):
        rounds[name] = index % np.uint64(period)
    rounds["outcome"] = index % np.uint64(5) % np.uint64(2)
    return rounds


def test_killed_writers(tmp_path, start_child, run_and_kill, spin, caplog):
    caplog.set_level("ERROR")
    rng = random.Random(71)  # noqa: S311 - seeded on purpose
    path = tmp_path / "rounds.log"
    header = LogHeader("r", "alice", "c", "s", "twin", "key")
    RoundLogWriter.create(path, header, KEY).abandon()
    acknowledged = -1
    torn = 0
    child = start_child("crash_writer.py")
    for kill in range(KILLS):
        place, commit, seed = PLACES[kill % len(PLACES)], rng.randint(0, 4), rng.randrange(2**32)
        moment = rng.uniform(0, 2e-3)

        def until(messages, place=place, commit=commit, moment=moment):
            if place != "anywhere":
                return -2 in messages
            if len(messages) < commit:
                return False
            spin(moment)
            return True

        current, child = child, start_child("crash_writer.py") if kill < KILLS - 1 else None
        messages = run_and_kill(current, f"{path} {KEY.hex()} {place} {commit} {seed}\n", until)
        acknowledged = max([acknowledged, *messages])

        contents = read_log(path, KEY)
        assert len(contents.records) > acknowledged
        assert contents.records.tobytes() == expected(len(contents.records)).tobytes()
        torn += contents.torn_bytes > 0
        writer = RoundLogWriter.reopen(path, KEY)
        assert writer.torn_bytes == contents.torn_bytes
        rounds = expected(len(contents.records) + 2)
        for record in rounds[-2:]:
            writer.append(record.tobytes())
        acknowledged = writer.commit()
        writer.abandon()

    assert read_log(path, KEY).records.tobytes() == expected(acknowledged + 1).tobytes()
    assert torn >= KILLS // len(PLACES) * 0.5, "of the writers that were killed in the middle of a write, hardly any tore a frame"
