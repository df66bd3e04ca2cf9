"""The round log: what it keeps, what it refuses, and errors of the disk."""

import errno
import hashlib
import os
import re
import stat
import struct
import zlib

import numpy as np
import pytest

from eventready.errors import ConfigError, LogCorrupt
from eventready.protocol.frames import MAX_RECORDS, Kind
from eventready.protocol.log_contents import LogHeader
from eventready.protocol.log_reader import read_header
from eventready.protocol.records import NO_INDEX, RECORD_SIZE, Flag
from eventready.protocol.round_log import PUBLIC_KEY, LogClosed, LogStopped, RoundLogWriter, read_log

KEY = bytes(range(32))


def no_fsync(handle):
    pass


# What it keeps


def test_gives_back_what_was_committed(log_path, create_log, make_rounds, append_all):
    rounds = make_rounds(0, 1000)
    writer = create_log()
    append_all(writer, rounds, group=7)
    head = writer.close()
    contents = read_log(log_path, KEY)
    assert contents.records.tobytes() == rounds.tobytes()
    assert (contents.closed, contents.torn_bytes, contents.head, contents.segments) == (True, 0, head, ())
    assert contents.header == read_header(log_path, KEY) == writer.header


def test_every_block_of_records_is_bound_to_the_sequence_that_made_it(tmp_path, make_rounds):
    """The digests of all frames hang on the header's: the same rounds under another sequence are other frames, each of them."""
    digests = []
    for number, sequence in enumerate(("s", "s", "another")):
        path = tmp_path / f"{number}.log"
        writer = RoundLogWriter.create(path, LogHeader("r", "alice", "c", sequence, "twin", "key"), KEY, fsync=no_fsync)
        for record in make_rounds(0, 2):
            writer.append(record.tobytes())
            writer.commit()
        writer.abandon()
        data = path.read_bytes()
        places = [data.index(record.tobytes()) for record in make_rounds(0, 2)]
        digests.append([data[place - 32 : place] for place in places])  # a digest stands before its payload
    assert digests[0] == digests[1]
    assert digests[0][0] != digests[2][0]
    assert digests[0][1] != digests[2][1]


def test_layout_is_the_documented_one(log_path, create_log, make_rounds):
    """Frames made by hand from the table in frames.py, so that old logs stay readable."""
    record = make_rounds(0, 1).tobytes()
    writer = create_log()
    writer.append(record)
    writer.commit()
    writer.close()
    header = (
        b'{"config_digest":"c0ffee","facts":{},"hardware":"twin","party":"alice",'
        b'"purpose":"characterise","run_id":"run-7","schema":1,"sequence_digest":"5e9"}'
    )
    expected, digest = b"", bytes(32)
    for kind, payload in ((1, header), (2, record), (4, struct.pack("<Q", 1))):
        start = b"EvR\x01" + struct.pack("<II", kind, len(payload))
        frame = start + struct.pack("<I", zlib.crc32(start + payload)) + payload
        digest = hashlib.blake2b(digest + frame, digest_size=32, key=KEY, person=b"eventready-log-1").digest()
        expected += frame + digest
    assert log_path.read_bytes() == expected


def test_nothing_is_in_the_file_before_commit_and_all_is_after(log_path, create_log, make_rounds):
    synced = []
    writer = create_log(fsync=lambda handle: synced.append(log_path.stat().st_size))
    for record in make_rounds(0, 4):
        writer.append(record.tobytes())
    assert read_log(log_path, KEY).records.size == 0
    assert writer.commit() == 3
    assert read_log(log_path, KEY).records.size == 4
    assert synced[-1] == log_path.stat().st_size
    before = len(synced)
    assert writer.commit() == 3
    assert len(synced) == before, "nothing was pending, so there was nothing to write"
    writer.abandon()


def test_each_frame_is_synced_before_the_next_begins(log_path, create_log, make_rounds, frame_offsets):
    sizes = []
    writer = create_log(fsync=lambda handle: sizes.append(log_path.stat().st_size))
    for record in make_rounds(0, MAX_RECORDS + 5):
        writer.append(record.tobytes())
    assert writer.commit() == MAX_RECORDS + 4
    writer.abandon()
    assert sizes[-2:] == frame_offsets(log_path.read_bytes())[-2:]
    assert read_log(log_path, KEY).records.size == MAX_RECORDS + 5


def test_segments_say_where_they_begin(closed_log, log_path):
    (segment,) = read_log(log_path, KEY).segments
    assert (segment.number, segment.facts, segment.first_record) == (1, {"why": "power cut"}, 5)


def test_public_log_needs_no_key_and_holds_vetoed_heralds(log_path, create_log, make_rounds, make_vetoed, append_all):
    writer = create_log("public", PUBLIC_KEY)
    append_all(writer, make_vetoed(2))
    assert writer.durable_index is None
    append_all(writer, np.concatenate([make_rounds(0, 3, "public"), make_vetoed(1), make_rounds(3, 4, "public")]), group=5)
    assert writer.durable_index == 3
    writer.close()
    assert read_log(log_path, PUBLIC_KEY).records["index"].tolist() == [NO_INDEX, NO_INDEX, 0, 1, 2, NO_INDEX, 3]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_is_readable_by_its_owner_only(log_path, create_log):
    create_log().abandon()
    assert stat.S_IMODE(log_path.stat().st_mode) == 0o600


# What it refuses to write


@pytest.mark.parametrize("size", [0, RECORD_SIZE - 1, 2 * RECORD_SIZE])
def test_append_takes_one_record(create_log, size):
    writer = create_log()
    with pytest.raises(ValueError, match="48 bytes"):
        writer.append(bytes(size))
    writer.abandon()


def _falling(rounds):
    rounds["index"] = rounds["index"][::-1]


def _repeated(rounds):
    rounds["index"][3] = 2


def _vetoed(rounds):
    rounds["index"][2], rounds["flags"][2] = NO_INDEX, Flag.VETOED


def _spare(rounds):
    rounds["spare"][3] = 1


def _setting(rounds):
    rounds["setting"][3] = 1


def _outcome(rounds):
    rounds["outcome"][3] = 0


def _counts(rounds):
    rounds["counts"][3] = 12


def _index_despite_veto(rounds):
    rounds["flags"][1] = Flag.VETOED


MISFITS = [("alice", spoil) for spoil in (_falling, _repeated, _vetoed, _spare)] + [
    ("public", spoil) for spoil in (_falling, _repeated, _spare, _setting, _outcome, _counts, _index_despite_veto)
]


@pytest.mark.parametrize(("party", "spoil"), MISFITS)
def test_a_record_that_may_not_stand_there_stops_the_log(log_path, create_log, make_rounds, append_all, party, spoil):
    key = PUBLIC_KEY if party == "public" else KEY
    rounds = make_rounds(0, 4, party)
    spoil(rounds)
    writer = create_log(party, key)
    with pytest.raises(ValueError, match="may not stand there"):
        append_all(writer, rounds, group=4)
    with pytest.raises(LogStopped, match="refused"):
        writer.commit()
    writer.abandon()
    assert read_log(log_path, key).records.size == 0


@pytest.mark.parametrize(("party", "spoil"), MISFITS)
def test_nor_is_it_read(log_path, make_header, make_rounds, party, spoil, chained):
    key = PUBLIC_KEY if party == "public" else KEY
    rounds = make_rounds(0, 4, party)
    spoil(rounds)
    log_path.write_bytes(chained(key, (Kind.HEADER, make_header(party).payload()), (Kind.RECORDS, rounds.tobytes())))
    with pytest.raises(LogCorrupt, match=r"frame 1 at byte \d+ \((before the first round|after round [0-3])\) holds a record that may not"):
        read_log(log_path, key)


def test_a_misfit_is_located_in_its_frame(log_path, make_header, make_rounds, frame_offsets, chained):
    groups = [make_rounds(0, 3), make_rounds(3, 5), make_rounds(5, 9), make_rounds(9, 11)]
    groups[2]["spare"][1] = 1
    log_path.write_bytes(chained(KEY, (Kind.HEADER, make_header().payload()), *((Kind.RECORDS, group.tobytes()) for group in groups)))
    with pytest.raises(LogCorrupt, match=rf"frame 3 at byte {frame_offsets(log_path.read_bytes())[3]} \(after round 5\) .*spare"):
        read_log(log_path, KEY)


def test_order_holds_across_commits_and_reopening(log_path, create_log, make_rounds, append_all):
    writer = create_log()
    append_all(writer, make_rounds(0, 4))
    writer.abandon()
    writer = RoundLogWriter.reopen(log_path, KEY, fsync=no_fsync)
    assert (writer.durable_index, writer.record_count, writer.segment, writer.torn_bytes) == (3, 4, 0, 0)
    with pytest.raises(ValueError, match="record 4 may not stand there: its index"):
        append_all(writer, make_rounds(3, 4))
    writer.abandon()


def test_an_existing_log_is_not_overwritten(closed_log, log_path, create_log):
    before = log_path.read_bytes()
    with pytest.raises(ConfigError, match="never overwritten"):
        create_log()
    assert log_path.read_bytes() == before


def test_a_closed_log_is_not_reopened(closed_log, log_path):
    with pytest.raises(LogClosed, match="new run"):
        RoundLogWriter.reopen(log_path, KEY)


def test_one_writer_at_a_time(log_path, create_log):
    writer = create_log()
    with pytest.raises(ConfigError, match="another process"):
        RoundLogWriter.reopen(log_path, KEY)
    writer.abandon()
    RoundLogWriter.reopen(log_path, KEY, fsync=no_fsync).abandon()


def test_a_failed_reopening_lets_go_of_the_log(log_path, create_log):
    create_log().abandon()
    for _ in range(2):
        with pytest.raises(LogCorrupt, match="key"):
            RoundLogWriter.reopen(log_path, bytes(32))


@pytest.mark.parametrize(
    "fields",
    [{"run_id": ""}, {"run_id": "a/b"}, {"hardware": "lab"}, {"purpose": "fun"}, {"config_digest": "x\n"}]
    + [{"facts": {"a": value}} for value in ("\u00e9", "a\nb", [1], None, float("nan"), 2**63, "x" * 1001)]
    + [{"facts": {"": 1}}, {"facts": {f"n{k}": k for k in range(33)}}],
)
def test_a_header_with_nonsense_is_refused(make_header, fields):
    with pytest.raises(ValueError, match="must be"):
        make_header(**fields)


# Errors of the disk


class Fails:
    """Stands in for ``os.write`` or ``os.fsync``: fails once when told, after writing a part, and would succeed again."""

    def __init__(self, code, real):
        self.code, self.real, self.armed = code, real, False

    def __call__(self, handle, *data):
        if not self.armed:
            return self.real(handle, *data)
        self.armed = False
        for view in data:
            os.write(handle, view[:20])
        raise OSError(self.code, os.strerror(self.code))


@pytest.mark.parametrize(("where", "code"), [("write", errno.ENOSPC), ("fsync", errno.EIO), ("fsync", errno.ENOSPC)])
def test_after_an_error_of_the_disk_nothing_is_tried_again(log_path, create_log, make_rounds, append_all, where, code):
    real = {"write": os.write, "fsync": no_fsync}
    fails = Fails(code, real[where])
    writer = create_log(**{where: fails})
    append_all(writer, make_rounds(0, 6))
    fails.armed = True
    with pytest.raises(LogStopped, match=re.escape(os.strerror(code))) as first:
        append_all(writer, make_rounds(6, 9))
    assert str(log_path) in str(first.value)
    assert first.value.__cause__.errno == code
    size = log_path.stat().st_size
    for call in (lambda: writer.append(bytes(RECORD_SIZE)), writer.commit, lambda: writer.begin_segment({}), writer.close):
        with pytest.raises(LogStopped, match="takes no more"):
            call()
    assert log_path.stat().st_size == size
    again = RoundLogWriter.reopen(log_path, KEY, fsync=no_fsync)
    assert again.durable_index == (5 if where == "write" else 8)
    append_all(again, make_rounds(again.durable_index + 1, 12))
    again.close()
    assert read_log(log_path, KEY).records.tobytes() == make_rounds(0, 12).tobytes()


@pytest.mark.parametrize("where", ["write", "fsync"])
def test_a_log_that_cannot_begin_leaves_no_file(log_path, create_log, where):
    fails = Fails(errno.ENOSPC, None)
    fails.armed = True
    with pytest.raises(LogStopped, match="disk"):
        create_log(**{where: fails})
    assert not log_path.exists()


def test_a_log_that_cannot_be_locked_leaves_no_file(log_path, create_log, mocker):
    mocker.patch("eventready.protocol.durable_file._lock", side_effect=OSError(errno.ENOLCK, os.strerror(errno.ENOLCK)))
    with pytest.raises(OSError, match="lock"):
        create_log()
    assert not log_path.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows syncs no folders")
def test_the_name_of_a_new_log_is_made_durable_after_its_header(log_path, create_log):
    synced = []
    create_log(fsync=lambda handle: synced.append(stat.S_ISDIR(os.fstat(handle).st_mode))).abandon()
    assert synced == [False, True]


def test_a_write_that_does_nothing_is_an_error(log_path, create_log):
    with pytest.raises(LogStopped, match="nothing was written"):
        create_log(write=lambda handle, data: 0)


def test_partial_writes_are_completed(log_path, create_log, make_rounds, append_all):
    writer = create_log(write=lambda handle, data: os.write(handle, data[:11]))
    append_all(writer, make_rounds(0, 6))
    writer.close()
    assert read_log(log_path, KEY).records.tobytes() == make_rounds(0, 6).tobytes()


def test_an_interrupt_in_the_middle_of_a_write_stops_the_log(log_path, create_log, make_rounds, append_all):
    interrupted = []

    def write(handle, data):
        if interrupted:
            os.write(handle, data[:30])
            raise KeyboardInterrupt
        return os.write(handle, data)

    writer = create_log(write=write)
    append_all(writer, make_rounds(0, 3))
    interrupted.append(True)
    with pytest.raises(KeyboardInterrupt):
        append_all(writer, make_rounds(3, 6))
    interrupted.clear()
    with pytest.raises(LogStopped, match="interrupted"):
        writer.close()
    contents = read_log(log_path, KEY)
    assert (contents.records.size, contents.torn_bytes) == (3, 30)


# Secrets


def test_no_repr_or_message_shows_what_was_measured(log_path, create_log, make_header, chained):
    record = bytearray(48)
    record[42], record[46], record[47] = 77, 199, 201  # spare (wrong), setting, outcome
    writer = create_log()
    writer.append(bytes(record))
    with pytest.raises(ValueError, match="spare") as refused:
        writer.commit()
    log_path.write_bytes(chained(KEY, (Kind.HEADER, make_header().payload()), (Kind.RECORDS, bytes(record))))
    with pytest.raises(LogCorrupt) as corrupt:
        read_log(log_path, KEY)
    record[42] = 0
    log_path.write_bytes(chained(KEY, (Kind.HEADER, make_header().payload()), (Kind.RECORDS, bytes(record))))
    contents = read_log(log_path, KEY)
    shown = "".join(map(str, (refused.value, corrupt.value, repr(contents), contents, repr(writer)))).replace(str(log_path), "")
    for value in ("77", "199", "201", contents.head.hex(), KEY.hex(), str(KEY)):
        assert value not in shown
    writer.abandon()
