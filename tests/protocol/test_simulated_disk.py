"""Power cuts on a simulated disk: whatever was not synced may be lost, zeroed or garbled, sector by sector, and the length be anything."""

import random

import numpy as np
import pytest

from eventready.errors import LogCorrupt
from eventready.protocol.round_log import LogClosed, LogHeader, LogStopped, RoundLogWriter, read_log

KEY = bytes(range(32))
CRASHES = 4000
CRASHES_A_LOG = 20


def live(disk, make_rounds, acknowledged):
    """One life of a writer, until the power is cut or a sync fails. Updates ``acknowledged``: rounds and whether the log was closed."""
    header = LogHeader("r", "alice", "c", "s", "twin", "key")
    writer = None
    try:
        if disk.path.exists():
            writer = RoundLogWriter.reopen(disk.path, KEY, fsync=disk.fsync, write=disk.write)
            acknowledged["rounds"] = 0 if writer.durable_index is None else writer.durable_index + 1
            writer.begin_segment({})
        else:
            writer = RoundLogWriter.create(disk.path, header, KEY, fsync=disk.fsync, write=disk.write)
        acknowledged["begun"] = True
        for _ in range(disk.rng.randint(1, 6)):
            start = 0 if writer.durable_index is None else writer.durable_index + 1
            for record in make_rounds(start, start + disk.rng.choice((1, 2, 10, 60))):
                writer.append(record.tobytes())
            acknowledged["rounds"] = writer.commit() + 1
        if disk.rng.random() < 0.1:
            writer.close()
            acknowledged["closed"] = True
    finally:
        if writer is not None:
            writer.abandon()


def test_no_acknowledged_round_is_lost_and_none_is_wrong(tmp_path, make_rounds, make_disk, power_cut, caplog):
    caplog.set_level("ERROR")
    rng = random.Random(20220727)  # noqa: S311 - seeded on purpose
    crashes, torn, failed_syncs, log_number = 0, 0, 0, 0
    expected = make_rounds(0, 30_000)

    def known_rounds(start, stop):
        return expected[start:stop]

    while crashes < CRASHES:
        log_number += 1
        disk = make_disk(tmp_path / f"{log_number}.log", rng)
        acknowledged = {"begun": False, "rounds": 0, "closed": False}
        for _ in range(CRASHES_A_LOG):
            disk.calls_left = rng.randint(0, 40)
            try:
                live(disk, known_rounds, acknowledged)
            except (power_cut, LogStopped, OSError):
                pass
            if not disk.path.exists():
                break  # the header could not be written, so create() left nothing
            if rng.random() < 0.9:
                disk.cut_power()
                crashes += 1
            try:
                contents = read_log(disk.path, KEY)
            except LogCorrupt as error:
                assert "no whole header" in str(error)
                assert not acknowledged["begun"]
                break
            assert len(contents.records) >= acknowledged["rounds"]
            assert np.array_equal(contents.records, expected[: len(contents.records)])
            torn += contents.torn_bytes > 0
            if contents.closed:
                with pytest.raises(LogClosed):
                    RoundLogWriter.reopen(disk.path, KEY)
                assert read_log(disk.path, KEY).torn_bytes == 0
                break
            assert not acknowledged["closed"]
        failed_syncs += disk.failed_syncs
        disk.path.unlink(missing_ok=True)
    # The test is worth something only if it got there: fixed seed, so these numbers do not vary.
    assert torn > CRASHES // 4
    assert failed_syncs > 100
