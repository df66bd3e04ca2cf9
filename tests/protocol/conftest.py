"""Logs and runs to test with."""

import os
import struct

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
