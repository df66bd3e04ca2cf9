"""Damaged, hostile and growing logs: everything is noticed and located, and nothing but LogCorrupt is raised."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.errors import LogCorrupt
from eventready.protocol.frames import MAGIC, MAX_FRAME, MAX_RECORDS, Kind
from eventready.protocol.log_reader import read_header
from eventready.protocol.round_log import PUBLIC_KEY, LogClosed, LogContents, LogHeader, LogTail, RoundLogWriter, read_log

KEY = bytes(range(32))


def no_fsync(handle):
    pass


# Damage


def test_every_flipped_byte_in_a_closed_log_is_noticed_and_located(closed_log, log_path):
    data = log_path.read_bytes()
    for position in range(len(data)):
        frame = max(k for k, offset in enumerate(closed_log) if offset <= position)
        for mask in (1 << position % 8, 0xFF):
            log_path.write_bytes(data[:position] + bytes([data[position] ^ mask]) + data[position + 1 :])
            if frame == len(closed_log) - 2:  # the close frame: the log is no longer closed
                contents = read_log(log_path, KEY)
                assert (contents.closed, contents.torn_bytes) == (False, len(data) - closed_log[frame])
            else:
                with pytest.raises(LogCorrupt, match=f"frame {frame} at byte {closed_log[frame]} |no whole header"):
                    read_log(log_path, KEY)


def test_what_was_read_cannot_be_changed_by_accident(closed_log, log_path):
    with pytest.raises(ValueError, match="read-only"):
        read_log(log_path, KEY).records["outcome"] = 0


def test_message_says_file_byte_frame_and_rounds(closed_log, log_path):
    data = bytearray(log_path.read_bytes())
    data[closed_log[4] + 20] ^= 1
    log_path.write_bytes(data)
    with pytest.raises(LogCorrupt) as caught:
        read_log(log_path, KEY)
    message = str(caught.value)
    for part in (
        str(log_path),
        f"frame 4 at byte {closed_log[4]}",
        "(after round 4 and before round 8)",
        f"follows at byte {closed_log[5]}",
    ):
        assert part in message


def test_damage_in_the_middle_is_never_repaired(log_path, create_log, make_rounds, append_all, frame_offsets):
    writer = create_log()
    append_all(writer, make_rounds(0, 9))
    writer.abandon()
    data = bytearray(log_path.read_bytes())
    data[frame_offsets(data)[2] + 5] ^= 0x80
    log_path.write_bytes(data)
    with pytest.raises(LogCorrupt, match=r"frame 2 .*after round 2 and before round 6"):
        RoundLogWriter.reopen(log_path, KEY)
    assert log_path.read_bytes() == data


def test_damage_is_told_from_a_torn_tail_even_if_the_magic_stands_in_a_record(log_path, create_log, make_rounds, frame_offsets):
    rounds = make_rounds(0, 2)
    rounds["herald_ps"] = int.from_bytes(MAGIC, "little")
    writer = create_log()
    for record in rounds:
        writer.append(record.tobytes())
        writer.commit()
    writer.abandon()
    data = bytearray(log_path.read_bytes())
    data[frame_offsets(data)[1]] ^= 1
    log_path.write_bytes(data)
    with pytest.raises(LogCorrupt, match=rf"frame 1 .*follows at byte {frame_offsets(data)[2]}"):
        RoundLogWriter.reopen(log_path, KEY)


def test_more_rubbish_than_a_crash_can_leave_is_damage(log_path, create_log):
    create_log().abandon()
    with log_path.open("ab") as file:
        file.write(bytes(MAX_FRAME))
    assert read_log(log_path, KEY).torn_bytes == MAX_FRAME
    with log_path.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(LogCorrupt, match="more than a crash can leave"):
        read_log(log_path, KEY)


def test_a_log_torn_at_any_byte_goes_on(log_path, create_log, make_rounds, append_all, caplog, frame_offsets):
    writer = create_log()
    append_all(writer, make_rounds(0, 7))
    writer.abandon()
    data = log_path.read_bytes()
    offsets = frame_offsets(data)
    rounds_at = dict(zip(offsets, (None, 0, 3, 6, 7), strict=True))
    for size in range(len(data) + 1):
        log_path.write_bytes(data[:size])
        whole = max(offset for offset in offsets if offset <= size)
        if whole == 0:
            with pytest.raises(LogCorrupt, match="no whole header"):
                RoundLogWriter.reopen(log_path, KEY)
            continue
        assert read_log(log_path, KEY).torn_bytes == size - whole
        caplog.clear()
        writer = RoundLogWriter.reopen(log_path, KEY, fsync=no_fsync)
        assert log_path.read_bytes() == data[:whole]
        assert writer.torn_bytes == size - whole
        assert [record.levelname for record in caplog.records] == (["WARNING"] if size > whole else [])
        append_all(writer, make_rounds(rounds_at[whole], 8))
        writer.close()
        assert read_log(log_path, KEY).records.tobytes() == make_rounds(0, 8).tobytes()


def test_frames_cannot_be_removed_swapped_or_repeated(closed_log, log_path):
    data = log_path.read_bytes()
    frames = [data[start:end] for start, end in itertools.pairwise(closed_log)]
    for order in ([0, 1, 3, 4, 5, 6], [0, 2, 1, 3, 4, 5, 6], [0, 1, 1, 2, 3, 4, 5, 6]):
        log_path.write_bytes(b"".join(frames[k] for k in order))
        with pytest.raises(LogCorrupt):
            read_log(log_path, KEY)


def test_another_key_is_refused(closed_log, log_path):
    with pytest.raises(LogCorrupt, match=r"frame 0 at byte 0 .*does not fit the chain key"):
        read_log(log_path, bytes(32))
    with pytest.raises(ValueError, match="32 bytes"):
        read_log(log_path, b"short")


# Well-made frames that say what no log may say

CLOSE = (Kind.CLOSE, bytes(8))
SEGMENT = (Kind.SEGMENT, b'{"facts":{},"number":1}')


@pytest.mark.parametrize(
    ("frames", "complaint"),
    [
        ([(Kind.CLOSE, b"\1" + bytes(7))], "frame 1 .*is of kind 4"),
        ([SEGMENT, (Kind.SEGMENT, b'{"facts":{},"number":3}')], "segment 2 must come next"),
        ([(Kind.SEGMENT, b'{"facts":{}, "number":1}')], "canonical"),
        ([(Kind.SEGMENT, b'{"facts":{},"number":true}')], "1 or more"),
        ([(Kind.SEGMENT, b'{"number":1}')], "exactly the fields"),
        ([(Kind.SEGMENT, b"[" * 100_000)], "not JSON"),
        ([(Kind.SEGMENT, b"7" * 10_000)], "not JSON"),
        ([(Kind.SEGMENT, b"\xff")], "not JSON"),
        ([(Kind.RECORDS, bytes(47))], "whole number"),
        ([(Kind.RECORDS, b"")], "whole number"),
        ([(5, b"")], "newer version"),
        ([(Kind.HEADER, b"{}")], "cannot stand here"),
        ([CLOSE, SEGMENT], "follows the close frame"),
        ([CLOSE, (Kind.RECORDS, bytes(48))], "follows the close frame"),
    ],
)
def test_frames_out_of_place(log_path, make_header, frames, complaint, chained):
    log_path.write_bytes(chained(KEY, (Kind.HEADER, make_header().payload()), *frames))
    with pytest.raises(LogCorrupt, match=complaint):
        read_log(log_path, KEY)


def test_what_a_crash_left_behind_the_close_frame_is_cut_off(closed_log, log_path):
    data = log_path.read_bytes()
    log_path.write_bytes(data + bytes(600))
    contents = read_log(log_path, KEY)
    assert (contents.closed, contents.torn_bytes) == (True, 600)
    with pytest.raises(LogClosed, match="new run"):
        RoundLogWriter.reopen(log_path, KEY, fsync=no_fsync)
    assert log_path.read_bytes() == data


@pytest.mark.parametrize("first", [SEGMENT, CLOSE, (Kind.RECORDS, bytes(48)), (9, b"")])
def test_the_first_frame_is_a_header(log_path, first, chained):
    log_path.write_bytes(chained(KEY, first))
    with pytest.raises(LogCorrupt, match="must be one"):
        read_log(log_path, KEY)


@pytest.mark.parametrize(
    "change",
    [{"schema": 2}, {"schema": "1"}, {"extra": 1}, {"party": 5}, {"party": []}, {"facts": []}, {"facts": {"a": {}}}, {"run_id": None}],
)
def test_a_header_that_is_not_ours_is_refused(log_path, make_header, change, chained):
    fields = json.loads(make_header().payload()) | change
    payload = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    log_path.write_bytes(chained(KEY, (Kind.HEADER, payload)))
    with pytest.raises(LogCorrupt, match="kind 1 and wrong"):
        read_log(log_path, KEY)


def test_a_header_has_one_form_only(log_path, make_header, chained):
    log_path.write_bytes(chained(KEY, (Kind.HEADER, make_header().payload().replace(b",", b", "))))
    with pytest.raises(LogCorrupt, match="canonical"):
        read_log(log_path, KEY)


def test_a_frame_larger_than_any_writer_makes_is_refused(log_path, make_header, make_rounds, chained):
    rounds = make_rounds(0, MAX_RECORDS + 1)
    log_path.write_bytes(chained(KEY, (Kind.HEADER, make_header().payload()), (Kind.RECORDS, rounds.tobytes())))
    with pytest.raises(LogCorrupt, match=r"frame 1 .*more than a crash can leave"):
        read_log(log_path, KEY)


# Hostile bytes: LogCorrupt or a log, and no other exception

HEADER = (Kind.HEADER, LogHeader("r", "public", "c", "s", "twin", "key").payload())


def read_hostile(log_path, data):
    log_path.write_bytes(data)
    try:
        assert isinstance(read_log(log_path, PUBLIC_KEY), LogContents)
    except LogCorrupt:
        pass


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    frames=st.lists(st.tuples(st.integers(0, 6), st.binary(max_size=200)), max_size=6),
    first=st.sampled_from([[], [HEADER]]),
    tail=st.binary(max_size=80),
)
def test_any_well_made_frames(tmp_path_factory, frames, first, tail, chained):
    read_hostile(tmp_path_factory.getbasetemp() / "hostile.log", chained(PUBLIC_KEY, *first, *frames) + tail)


SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(value=st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
@pytest.mark.parametrize(("first", "kind"), [([], Kind.HEADER), ([HEADER], Kind.SEGMENT)])
def test_any_json(tmp_path_factory, first, kind, value, chained):
    read_hostile(tmp_path_factory.getbasetemp() / "hostile.log", chained(PUBLIC_KEY, *first, (kind, json.dumps(value).encode())))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.binary(max_size=300), magic_at=st.integers(0, 100))
def test_any_bytes(tmp_path_factory, data, magic_at):
    read_hostile(tmp_path_factory.getbasetemp() / "hostile.log", data[:magic_at] + MAGIC + data[magic_at:])


# Following a log while it grows


def test_tail_sees_every_round_once_however_the_file_grows(closed_log, log_path, tmp_path, make_rounds):
    data = log_path.read_bytes()
    growing = tmp_path / "growing.log"
    growing.write_bytes(b"")
    tail = LogTail(growing, KEY)
    seen = []
    with growing.open("ab") as file:
        for k in range(len(data)):
            file.write(data[k : k + 1])
            file.flush()
            seen.append(tail.read_new())
    assert np.concatenate(seen).tobytes() == make_rounds(0, 10).tobytes()
    assert tail.closed
    assert tail.header == read_header(log_path, KEY)


def test_tail_follows_a_crash_and_a_reopening(log_path, create_log, make_rounds, append_all):
    writer = create_log()
    tail = LogTail(log_path, KEY)
    append_all(writer, make_rounds(0, 4))
    assert tail.read_new().size == 4
    writer.abandon()
    with log_path.open("ab") as file:
        file.write(b"EvR\x01 torn")
    assert tail.read_new().size == 0
    writer = RoundLogWriter.reopen(log_path, KEY, fsync=no_fsync)
    append_all(writer, make_rounds(4, 6))
    assert tail.read_new().tobytes() == make_rounds(4, 6).tobytes()
    writer.abandon()


def test_tail_looks_twice_at_a_frame_that_was_being_written(log_path, create_log, make_rounds, append_all, mocker, frame_offsets):
    writer = create_log()
    append_all(writer, make_rounds(0, 6))
    writer.abandon()
    data = log_path.read_bytes()
    second = frame_offsets(data)[1]
    log_path.write_bytes(data[: second + 40] + bytes(50) + data[second + 90 :])
    tail = LogTail(log_path, KEY)
    feed = tail._decoder.feed

    def finish_and_feed(seen):
        log_path.write_bytes(data)
        return feed(seen)

    mocker.patch.object(tail._decoder, "feed", finish_and_feed)
    assert tail.read_new().tobytes() == make_rounds(0, 6).tobytes()


def test_tail_notices_damage_and_shortening(log_path, create_log, make_rounds, append_all, frame_offsets):
    writer = create_log()
    append_all(writer, make_rounds(0, 3))
    tail = LogTail(log_path, KEY)
    tail.read_new()
    append_all(writer, make_rounds(3, 9))
    writer.abandon()
    data = bytearray(log_path.read_bytes())
    data[frame_offsets(data)[2] + 30] ^= 1
    log_path.write_bytes(data)
    with pytest.raises(LogCorrupt, match=r"frame 2 .*after round 2 and before round 6"):
        tail.read_new()
    log_path.write_bytes(data[:100])
    with pytest.raises(LogCorrupt, match="shorter"):
        tail.read_new()
