"""Logs and runs to test with, disks that lose power, writers that are killed."""

import errno
import os
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from eventready.protocol.frames import GENESIS, OVERHEAD, Chain
from eventready.protocol.records import NO_INDEX, NOT_PUBLIC, RECORD_DTYPE, Flag
from eventready.protocol.round_log import PARTIES, LogHeader, RoundLogWriter
from eventready.protocol.run_folder import RunFolder


@pytest.fixture(scope="session")
def make_rounds():
    """Rounds ``start`` to ``stop - 1`` of a party, the same whenever they are made."""

    def make(start, stop, party="alice"):
        index = np.arange(start, stop, dtype=np.uint64)
        rounds = np.zeros(len(index), RECORD_DTYPE)
        rounds["index"] = index
        rounds["herald_ps"] = index * np.uint64(82_000_000_000_003)
        rounds["isolated_ns"] = 700
        rounds["attempts"] = index % np.uint64(9973)
        rounds["pattern"] = 1 + index % np.uint64(4)
        if party == "public":
            rounds["setting"] = rounds["outcome"] = NOT_PUBLIC
        else:
            draws = np.random.default_rng([PARTIES.index(party), 7]).integers(0, 2, (stop, 4))[start:].T
            rounds["counts"] = 12 + 3 * draws[0]
            rounds["setting"], rounds["outcome"] = draws[1] + draws[2], draws[3]
        return rounds

    return make


@pytest.fixture(scope="session")
def make_vetoed():
    def make(count):
        vetoed = np.zeros(count, RECORD_DTYPE)
        vetoed["index"], vetoed["flags"], vetoed["setting"], vetoed["outcome"] = NO_INDEX, Flag.VETOED, NOT_PUBLIC, NOT_PUBLIC
        return vetoed

    return make


@pytest.fixture(scope="session")
def make_header():
    def make(party="alice", **fields):
        defaults = {"run_id": "run-7", "config_digest": "c0ffee", "sequence_digest": "5e9", "hardware": "twin", "purpose": "characterise"}
        return LogHeader(party=party, **(defaults | fields))

    return make


@pytest.fixture(scope="session")
def append_all():
    """Append an array of records in commits of ``group``."""

    def append(writer, records, group=3):
        for start in range(0, len(records), group):
            for record in records[start : start + group]:
                writer.append(record.tobytes())
            writer.commit()

    return append


@pytest.fixture(scope="session")
def frame_offsets():
    """Where the frames of a log begin, and where the last one ends."""

    def offsets_of(data):
        offsets = [0]
        while offsets[-1] < len(data):
            offsets.append(offsets[-1] + OVERHEAD + struct.unpack_from("<I", data, offsets[-1] + 8)[0])
        return offsets

    return offsets_of


@pytest.fixture(scope="session")
def chained():
    """A log of arbitrary kinds and payloads whose checksums are right."""

    def chain(key, *frames):
        data, head = b"", GENESIS
        for kind, payload in frames:
            frame, head = Chain(key).seal(head, kind, payload)
            data += frame
        return data

    return chain


@pytest.fixture
def log_path(tmp_path):
    return tmp_path / "rounds.log"


@pytest.fixture
def create_log(log_path, make_header):
    """Create the log at ``log_path``, with a ``fsync`` that does nothing."""

    def create(party="alice", key=bytes(range(32)), fsync=lambda handle: None, write=os.write):
        return RoundLogWriter.create(log_path, make_header(party), key, fsync=fsync, write=write)

    return create


@pytest.fixture
def closed_log(log_path, create_log, make_rounds, append_all, frame_offsets):
    """A closed log of seven frames: header, two of records, a segment, two of records, close; returns their offsets."""
    writer = create_log()
    append_all(writer, make_rounds(0, 5))
    writer.abandon()
    writer = RoundLogWriter.reopen(log_path, bytes(range(32)), fsync=lambda handle: None)
    writer.begin_segment({"why": "power cut"})
    append_all(writer, make_rounds(5, 10))
    writer.close()
    return frame_offsets(log_path.read_bytes())


@pytest.fixture
def make_run(tmp_path, make_rounds, make_vetoed, make_header, append_all):
    """A run folder with ``count`` rounds a party (or a number for each), finished or not."""

    def make(count=20, *, name="run", finish=True, counts=None, **fields):
        folder = RunFolder.create(tmp_path / name, link_yaml="link: munich\n")
        for party in PARTIES:
            writer = RoundLogWriter.create(folder.log(party), make_header(party, **fields), folder.key(party), fsync=lambda handle: None)
            append_all(writer, make_rounds(0, (counts or {}).get(party, count), party))
            if party == "public":
                append_all(writer, make_vetoed(2))
            if finish:
                writer.close()
            else:
                writer.abandon()
        if finish:
            folder.write_manifest()
        return folder

    return make


# -- a disk that loses power ---------------------------------------------------------------------------------------------------------------

SECTOR = 512


class PowerCut(Exception):
    """The process is gone."""


class Disk:
    """What the platter holds beside the file as processes see it; stands in for ``os.write`` and ``os.fsync``.

    A sync that fails drops the dirty sectors: the cache still shows them, the platter never gets them (Linux does this).
    """

    def __init__(self, path, rng):
        self.path, self.rng = path, rng
        self.platter = b""
        self.dirty = set()
        self.calls_left = 0
        self.failed_syncs = 0

    def _count_down(self):
        self.calls_left -= 1
        if self.calls_left < 0:
            raise PowerCut

    def write(self, handle, data):
        start, size = os.lseek(handle, 0, os.SEEK_CUR), self.rng.randint(1, len(data))
        os.write(handle, data[:size])
        self.dirty.update(range(start // SECTOR, (start + size - 1) // SECTOR + 1))
        self._count_down()
        return size

    def fsync(self, handle):
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return
        self._count_down()
        if self.rng.random() < 0.05:
            self.dirty.clear()
            self.failed_syncs += 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        cache = self.path.read_bytes()
        platter = bytearray(self.platter[: len(cache)].ljust(len(cache), b"\0"))
        for sector in self.dirty:
            platter[sector * SECTOR : (sector + 1) * SECTOR] = cache[sector * SECTOR : (sector + 1) * SECTOR]
        self.platter = bytes(platter)
        self.dirty.clear()
        self._count_down()

    def cut_power(self):
        """Leave behind what the platter may hold. Synced bytes survive the rewriting of the sector that they share with unsynced ones."""
        cache, old, rng = self.path.read_bytes(), self.platter, self.rng
        shortest, longest = sorted((len(old), len(cache)))
        length = rng.choice((shortest, longest, rng.randint(shortest, longest), longest + rng.randint(1, 3 * SECTOR)))
        found = bytearray(old[:length].ljust(length, b"\0"))
        beyond_cache = range(len(cache) // SECTOR, length // SECTOR + 1)
        for sector in self.dirty.union(beyond_cache):
            start, stop = max(sector * SECTOR, min(len(old), len(cache))), min((sector + 1) * SECTOR, length)
            if start < stop:
                lost, new = bytes(found[start:stop]), cache[start:stop].ljust(stop - start, b"\0")
                found[start:stop] = rng.choice((lost, new, bytes(stop - start), rng.randbytes(stop - start)))
        self.path.write_bytes(found)
        self.platter = bytes(found)
        self.dirty.clear()


@pytest.fixture(scope="session")
def make_disk():
    return Disk


@pytest.fixture(scope="session")
def power_cut():
    return PowerCut


# -- writers that are killed ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def start_child():
    """The child imports what it needs and waits; it is started ahead, so that this overlaps with the life of the one before."""

    def start(script):
        command = [sys.executable, str(Path(__file__).parent / script)]
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # starting numpy's threads would take a third of the test's time
        return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return start


@pytest.fixture(scope="session")
def run_and_kill():
    """Returns what the child acknowledged before it was killed: when ``until`` says so of the messages so far."""

    def run(child, line, until):
        messages = []
        with child:
            child.stdin.write(line.encode())
            child.stdin.flush()
            while not until(messages):
                message = child.stdout.read(8)
                if len(message) < 8:
                    raise AssertionError(f"the writer ended by itself: {child.stderr.read().decode()}")
                messages += struct.unpack("<q", message)
            child.kill()
            rest = child.stdout.read()
            messages += struct.unpack(f"<{len(rest) // 8}q", rest[: len(rest) // 8 * 8])
        return [index for index in messages if index >= 0]

    return run


@pytest.fixture(scope="session")
def spin():
    def until_over(seconds):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass

    return until_over
