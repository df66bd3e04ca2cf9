"""Commits in the background: a round counts as durable when the disk has said so, not before."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.protocol.records import NOT_PUBLIC, RECORD_STRUCT
from eventready.protocol.round_log import PUBLIC_KEY, GroupCommit, LogHeader, LogStopped, RoundLogWriter, read_log

HEADER = LogHeader("run", "public", "config", "sequence", "twin", "characterise")


def record(index):
    return RECORD_STRUCT.pack(index, 1000 * index, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, NOT_PUBLIC, NOT_PUBLIC)


class Disk:
    """An fsync that waits to be let through, and may fail; a write that may fail."""

    def __init__(self):
        self.open = threading.Event()
        self.open.set()
        self.error = self.write_error = None
        self.syncs = 0
        self.writers = set()

    def fsync(self, descriptor):
        assert self.open.wait(10)
        self.syncs += 1
        if self.error is not None:
            raise self.error
        os.fsync(descriptor)

    def write(self, descriptor, data):
        self.writers.add(threading.get_ident())
        if self.write_error is not None:
            raise self.write_error
        return os.write(descriptor, data)


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def log(tmp_path, disk):
    writer = RoundLogWriter.create(tmp_path / "rounds.log", HEADER, PUBLIC_KEY, fsync=disk.fsync, write=disk.write)
    with ThreadPoolExecutor(1) as executor:
        yield GroupCommit(writer, executor)
        disk.open.set()
    writer.abandon()


def durable_on_disk(tmp_path):
    return len(read_log(tmp_path / "rounds.log", PUBLIC_KEY).records)


def wait(log):
    while (durable := log.poll()) is None:
        pass
    return durable


def test_the_loop_goes_on_while_the_disk_works_and_nothing_is_durable_before_it_says_so(log, disk):
    disk.open.clear()
    for index in range(3):
        log.append(record(index))
    log.start()
    assert log.poll() is None
    log.append(record(3))
    log.start()  # a commit is under way: this one waits for the next call
    assert log.poll() is None
    disk.open.set()
    assert wait(log) == 2
    assert log.poll() is None, "each commit is told once"
    assert log.commit() == 3


def test_what_is_to_be_left_stays_in_memory(log, tmp_path):
    for index in range(5):
        log.append(record(index))
    log.start(leave=2)
    assert wait(log) == 2
    assert durable_on_disk(tmp_path) == 3
    assert log.commit() == 4


def test_commit_waits_for_the_one_under_way(log, disk, tmp_path):
    log.append(record(0))
    disk.open.clear()
    log.start()
    log.append(record(1))
    threading.Timer(0.05, disk.open.set).start()
    assert log.commit() == 1
    assert durable_on_disk(tmp_path) == 2


@pytest.mark.parametrize("ask", [lambda log: wait(log), lambda log: log.commit()])
def test_a_disk_that_fails_in_the_background_stops_the_log_for_good(log, disk, ask):
    log.append(record(0))
    disk.error = OSError(5, "Input/output error")
    log.start()
    with pytest.raises(LogStopped, match="Input/output error"):
        ask(log)
    disk.error = None
    with pytest.raises(LogStopped):
        log.append(record(1))
    with pytest.raises(LogStopped):
        log.commit()


@pytest.mark.parametrize("ask", [lambda log: wait(log), lambda log: log.commit()])
def test_a_write_that_fails_in_the_background_stops_the_log_for_good(log, disk, ask, tmp_path):
    log.append(record(0))
    log.commit()
    log.append(record(1))
    disk.write_error = OSError(28, "No space left on device")
    log.start()
    with pytest.raises(LogStopped, match="No space left on device"):
        ask(log)
    disk.write_error = None
    with pytest.raises(LogStopped):
        log.append(record(2))
    assert durable_on_disk(tmp_path) == 1


def test_a_group_is_written_by_the_thread_that_waits_for_the_disk(log, disk):
    disk.writers.clear()
    log.append(record(0))
    log.start()
    assert wait(log) == 0
    assert len(disk.writers) == 1
    assert threading.get_ident() not in disk.writers


def test_nothing_may_be_written_while_a_sync_is_under_way(tmp_path):
    writer = RoundLogWriter.create(tmp_path / "rounds.log", HEADER, PUBLIC_KEY)
    writer.append(record(0))
    assert writer.begin_commit()
    writer.append(record(1))
    for write in (writer.commit, writer.begin_commit):
        with pytest.raises(LogStopped, match="has not ended"):
            write()
        writer.append(record(1))
    writer.sync()
    assert writer.end_commit() == 0
    writer.abandon()


def test_nothing_appended_is_nothing_to_commit(log, disk):
    before = disk.syncs
    log.start()
    assert log.poll() is None
    assert log.commit() is None
    assert disk.syncs == before


@given(st.lists(st.sampled_from(["append", "start", "start leaving one", "poll", "commit"]), max_size=40))
def test_any_order_of_calls_keeps_every_round_once(tmp_path_factory, calls):
    path = tmp_path_factory.mktemp("log") / "rounds.log"
    writer = RoundLogWriter.create(path, HEADER, PUBLIC_KEY, fsync=lambda descriptor: None)
    index, told = 0, -1
    with ThreadPoolExecutor(1) as executor:
        log = GroupCommit(writer, executor)
        for call in calls:
            durable = None
            if call == "append":
                log.append(record(index))
                index += 1
            elif call == "poll":
                durable = log.poll()
            elif call == "commit":
                durable = log.commit()
                assert index == 0 or durable == index - 1
            else:
                log.start(leave=1 if call.endswith("one") else 0)
            if durable is not None:
                assert told <= durable < index
                told = durable
                assert len(read_log(path, PUBLIC_KEY).records) > durable
        log.commit()
    writer.close()
    assert list(read_log(path, PUBLIC_KEY).records["index"]) == list(range(index))
