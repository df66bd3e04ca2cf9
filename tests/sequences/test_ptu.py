"""T2 files: bytes by the vendor's description, round trips in any blocks, other people's readers, and files that mean harm."""

import struct
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.errors import ConfigError
from eventready.sequences import ptu_header, ptu_kernel
from eventready.sequences.ptu import PtuReader, PtuWriter, read_ptu, write_ptu
from eventready.sequences.ptu_header import ANSI, BLOB, EMPTY, FLOAT, FLOATS, INT, WIDE, write_header
from eventready.sequences.ptu_records import decode_reference, encode

GOLDEN = {
    "overflow x1": ("010000fe", None),
    "sync at 1000": ("e8030080", (1000, 0)),
    "input 1 at 12345": ("39300000", (12345, 1)),
    "input 4 at 5": ("05000006", (5, 4)),
    "marker 1 at 7": ("07000082", (7, -1)),
}
"""Golden records, made by hand from the vendor's description of the format."""


def tags(*pairs):
    return np.array([time for time, _ in pairs], np.int64), np.array([channel for _, channel in pairs], np.int16)


def write(path, times, channels, cuts=(), **options):
    edges = [0, *sorted(cuts), len(times)]
    with write_ptu(path, **options) as file:
        for begin, end in pairwise(edges):
            file.write(times[begin:end], channels[begin:end])
    return path


def handmade(path, records=(), values=(), number=None):
    """A file with any records, and with header values replaced or (None) left out."""
    header = {
        "TTResultFormat_TTTRRecType": (INT, 0x00010207),
        "TTResultFormat_BitsPerRecord": (INT, 32),
        "MeasDesc_GlobalResolution": (FLOAT, 1e-12),
        "TTResult_NumberOfRecords": (INT, len(records) if number is None else number),
    } | dict(values)
    data = write_header([(name, *value) for name, value in header.items() if value is not None])
    path.write_bytes(data + b"".join(struct.pack("<I", record) for record in records))
    return path


def decoded(records, wraps=0):
    """What the compiled reader makes of records, in units of 1."""
    times, channels = np.empty(len(records), np.int64), np.empty(len(records), np.int16)
    written, place = ptu_kernel.decode(np.array(records, np.uint32), wraps, 2**37, 1, times, channels)
    return (times[:written], channels[:written], place) if written >= 0 else (written, place)


# -- the format ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("raw", "tag"), GOLDEN.values(), ids=GOLDEN)
def test_golden_records_are_read(raw, tag):
    times, channels, wraps = decoded(np.frombuffer(bytes.fromhex(raw), "<u4"))
    assert list(zip(times.tolist(), channels.tolist(), strict=True)) == ([tag] if tag else [])
    assert wraps == (tag is None)


@pytest.mark.parametrize(("raw", "tag"), [pair for pair in GOLDEN.values() if pair[1]])
def test_golden_records_are_written(raw, tag):
    records, _ = encode(*tags(tag), 0)
    assert records.astype("<u4").tobytes().hex() == raw


def test_overflows_count_how_often_the_time_has_wrapped():
    records, wraps = encode(*tags((2**25, 1), (2**25 + 5, 0), (4 * 2**25 + 6, 2)), 0)
    assert [f"{record:08x}" for record in records] == ["fe000001", "00000000", "80000005", "fe000003", "02000006"]
    assert wraps == 4


def test_more_wraps_than_one_overflow_can_say():
    records, wraps = encode(*tags((3 * 2**50 + 9, 1)), 0)
    assert [f"{record:08x}" for record in records] == ["ffffffff", "ffffffff", "ffffffff", "fe000003", "00000009"]
    assert wraps == 3 * 2**25
    assert decoded(records)[0].tolist() == [3 * 2**50 + 9]


def test_an_overflow_of_old_firmware_says_nothing_and_means_one():
    assert decoded([0xFE000000, 0x00000001])[0].tolist() == [2**25 + 1]


def test_a_header_has_what_other_readers_ask_for(tmp_path):
    write(tmp_path / "a.ptu", *tags((0, 0), (10, 3), (1_500_000_000, 0)), resolution_ps=5, comment="first light")
    with PtuReader(tmp_path / "a.ptu") as file:
        header = file.header
        assert (file.resolution_ps, file.records) == (5, 4)
    assert header["File_Comment"] == "first light"
    assert (header["Measurement_Mode"], header["Measurement_SubMode"]) == (2, 0)
    assert header["TTResultFormat_TTTRRecType"] == 0x00010207
    assert header["TTResultFormat_BitsPerRecord"] == 32
    assert header["MeasDesc_GlobalResolution"] == 5e-12
    assert header["TTResult_NumberOfRecords"] == 4
    assert header["MeasDesc_AcquisitionTime"] == 2
    assert header["TTResult_SyncRate"] == 1333
    assert header["HW_InpChannels"] == 3
    made = datetime(1899, 12, 30) + timedelta(days=header["File_CreatingTime"])
    assert abs(made - datetime.now()) < timedelta(minutes=10)


def test_header_values_of_all_types(tmp_path):
    values = {"Text": (ANSI, "µs"), "None": (EMPTY, None), "Number": (INT, -3), "Float": (FLOAT, 0.25), "Bool": (ptu_header.BOOL, 1)}
    path = handmade(tmp_path / "a.ptu", values=values)
    end = path.read_bytes().index(b"Header_End")
    arrays = [
        (b"Wide", 2, WIDE, "Ω".encode("utf-16-le") + b"\0\0"),
        (b"Blob", -1, BLOB, b"abc"),
        (b"Floats", 0, FLOATS, struct.pack("<2d", 1, 2)),
    ]
    more = b"".join(struct.pack("<32siIq", name, index, kind, len(data)) + data for name, index, kind, data in arrays)
    path.write_bytes(path.read_bytes()[:end] + more + path.read_bytes()[end:])
    with PtuReader(path) as file:
        header = file.header
    assert {name: header[name] for name in values} == {"Text": "µs", "None": None, "Number": -3, "Float": 0.25, "Bool": True}
    assert (header["Wide(2)"], header["Blob"], header["Floats(0)"]) == ("Ω", b"abc", (1.0, 2.0))


# -- round trips ---------------------------------------------------------------------------------------------------------------------------


@st.composite
def streams(draw):
    resolution = draw(st.sampled_from([1, 4, 5, 80]))
    gap = st.integers(0, 9) | st.integers(0, 3 * 2**25) | st.integers(2**50, 2**53)
    pairs = draw(st.lists(st.tuples(gap, st.integers(-15, 64)), max_size=40))
    return np.cumsum([gap for gap, _ in pairs], dtype=np.int64) * resolution, np.array([c for _, c in pairs], np.int16), resolution


@given(streams(), st.data())
def test_what_is_written_is_read_in_any_blocks(tmp_path_factory, stream, data):
    times, channels, resolution = stream
    cuts = data.draw(st.lists(st.integers(0, len(times)), max_size=4))
    path = write(tmp_path_factory.mktemp("trip") / "a.ptu", times, channels, cuts, resolution_ps=resolution)
    with PtuReader(path) as file:
        blocks = list(file.blocks(data.draw(st.sampled_from([1, 2, 7, 10_000]))))
    read_times, read_channels = (np.concatenate([block[k] for block in blocks] or [[]]) for k in (0, 1))
    assert read_times.tolist() == times.tolist()
    assert read_channels.tolist() == channels.tolist()


@given(st.lists(st.integers(0, 2**32 - 1).filter(lambda record: not 15 < record >> 25 & 63 < 63 or record < 2**31)), st.integers(0, 2**20))
def test_the_compiled_reader_reads_what_numpy_reads(records, wraps):
    (times, channels), after = decode_reference(np.array(records, np.uint32), wraps)
    compiled = decoded(records, wraps)
    assert compiled[0].tolist() == times.tolist()
    assert compiled[1].tolist() == channels.tolist()
    assert compiled[2] == after


def test_a_long_file_is_read_in_blocks_of_bounded_size(tmp_path):
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.integers(0, 2_000_000, 300_000), dtype=np.int64)
    channels = rng.integers(0, 9, 300_000).astype(np.int16)
    path = write(tmp_path / "a.ptu", times, channels, cuts=[17, 100_001])
    assert np.array_equal(read_ptu(path)[0], times)
    assert np.array_equal(read_ptu(path)[1], channels)
    with PtuReader(path) as file:
        assert max(len(block) for block, _ in file.blocks(1000)) <= 1000
        first, second = file.blocks(5000), file.blocks(5000)  # two readings at a time do not disturb each other
        for one, other in zip(first, second, strict=True):
            assert np.array_equal(one[0], other[0])


def test_a_file_without_tags(tmp_path):
    times, channels = read_ptu(write(tmp_path / "a.ptu", *tags()))
    assert (times.dtype, channels.dtype, len(times), len(channels)) == (np.int64, np.int16, 0, 0)


# -- other people's readers ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def foreign(tmp_path):
    """A file for other readers, and its tags: sync, inputs, wraps, several wraps at once."""
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.choice([0, 1, 500, 10**6, 10**8], 5000), dtype=np.int64) * 5
    channels = rng.integers(0, 5, 5000).astype(np.int16)
    return write(tmp_path / "a.ptu", times, channels, cuts=[1234], resolution_ps=5), times, channels


def test_ptufile_reads_the_same_tags(foreign):
    ptufile = pytest.importorskip("ptufile")
    path, times, channels = foreign
    with ptufile.PtuFile(path) as file:
        assert not file.is_t3
        assert file.global_resolution == 5e-12
        records = file.decode_records()
        raw = file.read_records()
    clicks = raw >> 25 != 0x7F
    assert np.array_equal(records["time"][clicks] * 5, times)
    assert np.array_equal(records["channel"][clicks], np.where(channels == 0, 0, channels - 1))  # it calls both sync and input 1 channel 0


@pytest.mark.slow  # because of what it imports
def test_phconvert_reads_the_same_tags(foreign):
    reader = pytest.importorskip("phconvert.pqreader")
    path, times, channels = foreign
    got_times, got_channels, _, meta, _ = reader.load_ptu(str(path), ovcfunc="base")
    assert np.array_equal(got_times * 5, times)
    assert np.array_equal(got_channels, np.where(channels == 0, 64, channels - 1))  # it calls sync 64
    assert meta["timestamps_unit"] == 5e-12


# -- what may go wrong while writing -------------------------------------------------------------------------------------------------------


def test_a_file_that_exists_is_not_overwritten(tmp_path):
    path = write(tmp_path / "a.ptu", *tags((5, 1)))
    with pytest.raises(ConfigError, match="not overwritten"), write_ptu(path):
        pass
    assert read_ptu(path)[0].tolist() == [5]


def test_a_file_appears_when_it_is_whole_and_vanishes_when_it_fails(tmp_path):
    with pytest.raises(RuntimeError, match="detector"), write_ptu(tmp_path / "a.ptu") as file:
        file.write(*tags((5, 1)))
        assert not (tmp_path / "a.ptu").exists()
        raise RuntimeError("detector on fire")
    assert list(tmp_path.iterdir()) == []


def test_what_a_crash_leaves_can_be_read(tmp_path):
    with (tmp_path / "crashed.ptu").open("wb") as file:
        writer = PtuWriter(file)
        writer.write(*tags((5, 1), (2**30, 0)))
        writer.write(*tags((2**30 + 1, 2)))
    assert read_ptu(tmp_path / "crashed.ptu")[0].tolist() == [5, 2**30, 2**30 + 1]
    torn = (tmp_path / "crashed.ptu").read_bytes()[:-1]
    (tmp_path / "torn.ptu").write_bytes(torn)
    with pytest.raises(ConfigError, match="3 bytes too many"):
        read_ptu(tmp_path / "torn.ptu")
    assert read_ptu(tmp_path / "torn.ptu", recover=True)[0].tolist() == [5, 2**30]


@pytest.mark.parametrize(
    ("blocks", "options", "words"),
    [
        ([tags((-1, 0))], {}, "at 0 ps or later"),
        ([tags((5, 0), (4, 0))], {}, "not go back"),
        ([tags((5, 0)), tags((4, 0))], {}, "not go back"),
        ([tags((5, 0), (7, 0))], {"resolution_ps": 5}, "no multiple"),
        ([tags((5, 65))], {}, "channels 65 to 65"),
        ([tags((5, -16))], {}, "channels -16"),
        ([(np.array([1.0]), np.array([1], np.int16))], {}, "float64"),
        ([(np.array([1], np.int64), np.array([1], np.int32))], {}, "int32"),
        ([(np.array([1, 2], np.int64), np.array([1], np.int16))], {}, "shape"),
        ([], {"resolution_ps": 0}, "resolution of 0"),
    ],
)
def test_tags_that_cannot_be_written_are_refused(tmp_path, blocks, options, words):
    with pytest.raises(ConfigError, match=words), write_ptu(tmp_path / "a.ptu", **options) as file:
        for block in blocks:
            file.write(*block)
    assert list(tmp_path.iterdir()) == []


# -- files that mean harm ------------------------------------------------------------------------------------------------------------------


def test_every_truncation_is_noticed(tmp_path):
    whole = write(tmp_path / "a.ptu", *tags((5, 1), (2**30, 0), (2**30 + 1, 2))).read_bytes()
    for length in range(len(whole)):
        (tmp_path / "cut.ptu").write_bytes(whole[:length])
        with pytest.raises(ConfigError, match=r"cut\.ptu"):
            read_ptu(tmp_path / "cut.ptu")


@given(st.data())
def test_no_damage_crashes_the_reader(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damage") / "a.ptu"
    whole = bytearray(write(path, *tags((5, 1), (2**30, 0), (2**30 + 1, 2))).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + 4] = data.draw(st.binary(min_size=1, max_size=8))
    path.write_bytes(bytes(whole))
    for recover in (False, True):
        try:
            times, channels = read_ptu(path, recover=recover)
        except ConfigError as error:
            assert "a.ptu" in str(error)
        else:
            assert len(times) == len(channels) <= len(whole) // 4


@pytest.mark.parametrize(
    ("values", "number", "words"),
    [
        ({"TTResultFormat_TTTRRecType": (INT, 0x00010307)}, None, "0x00010307; only T2"),
        ({"TTResultFormat_TTTRRecType": (INT, -1)}, None, "0xffffffff"),
        ({"TTResultFormat_TTTRRecType": None}, None, "no whole number TTResultFormat_TTTRRecType"),
        ({"TTResultFormat_TTTRRecType": (FLOAT, 1.0)}, None, "no whole number TTResultFormat_TTTRRecType"),
        ({"TTResultFormat_BitsPerRecord": (INT, 64)}, None, "64 bits a record"),
        ({"MeasDesc_GlobalResolution": None}, None, "is None"),
        ({"MeasDesc_GlobalResolution": (FLOAT, float("nan"))}, None, "is nan"),
        ({"MeasDesc_GlobalResolution": (FLOAT, -1e-12)}, None, "1 ps to 1 us"),
        ({"MeasDesc_GlobalResolution": (FLOAT, 1e300)}, None, "1 ps to 1 us"),
        ({"MeasDesc_GlobalResolution": (FLOAT, 2.5e-12)}, None, "no whole number of ps"),
        ({"TTResult_NumberOfRecords": None}, None, "no whole number TTResult_NumberOfRecords"),
        ({}, 3, "tells of 3 records, there are 2"),
        ({}, 1, "tells of 1 records, there are 2"),
        ({}, 2**62, "there are 2"),
        ({}, -1, "there are 2"),
        ({"Odd": (0x12345678, 3)}, None, "unknown type 0x12345678"),
        ({"Odd": (ANSI, 2**40)}, None, "'Odd' at byte .* claims a length of 1099511627776 bytes"),
        ({"Odd": (BLOB, -8)}, None, "claims a length of -8"),
        ({"Odd": (WIDE, 10**6)}, None, "claims a length of 1000000"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, values, number, words):
    with pytest.raises(ConfigError, match=rf"a\.ptu.*{words}"):
        read_ptu(handmade(tmp_path / "a.ptu", [1, 2], values, number))


def test_other_files_are_refused(tmp_path):
    for data in (b"", b"PQTTTR", b"RIFF" * 100, b"PQHISTO\0" + b"1.0.00\0\0"):
        (tmp_path / "a.ptu").write_bytes(data)
        with pytest.raises(ConfigError, match="no PicoQuant file of time tags"):
            read_ptu(tmp_path / "a.ptu")


def test_a_header_without_end_is_refused_soon(tmp_path, monkeypatch):
    tag = struct.pack("<32siIq", b"Again", -1, EMPTY, 0)
    (tmp_path / "a.ptu").write_bytes(ptu_header.MAGIC + ptu_header.VERSION + tag * 20_000)
    with pytest.raises(ConfigError, match="no Header_End in 10000 tags"):
        read_ptu(tmp_path / "a.ptu")
    monkeypatch.setattr(ptu_header, "MAX_HEADER", 10_000)
    with pytest.raises(ConfigError, match="no Header_End in 10000 tags or 10000 bytes"):
        read_ptu(tmp_path / "a.ptu")


def test_records_that_mean_nothing_are_refused_with_their_place(tmp_path):
    path = handmade(tmp_path / "a.ptu", [1, 2, 0x80000000 | 16 << 25])
    with pytest.raises(ConfigError, match="record 2 is 0xa0000000"):
        read_ptu(path)
    with PtuReader(path) as file, pytest.raises(ConfigError, match="record 2 is"):
        list(file.blocks(1))


def test_times_beyond_64_bit_are_refused(tmp_path):
    path = handmade(tmp_path / "a.ptu", [0xFFFFFFFF] * 10_000 + [1])
    with pytest.raises(ConfigError, match=r"record 8192: times beyond 2\*\*63 ps"):
        read_ptu(path)


@pytest.mark.parametrize(("unit", "wraps"), [(1, 2**38 - 1), (80, 2**63 // 80 // 2**25 - 1)])
def test_the_latest_times_that_fit_are_exact(tmp_path, unit, wraps):
    overflows = [0xFE000000 | 2**25 - 1] * (wraps // (2**25 - 1)) + [0xFE000000 | wraps % (2**25 - 1)]
    values = {"MeasDesc_GlobalResolution": (FLOAT, unit * 1e-12)}
    times, _ = read_ptu(handmade(tmp_path / "a.ptu", [*overflows, 2**25 - 1], values))
    assert times.tolist() == [(wraps * 2**25 + 2**25 - 1) * unit]
    with pytest.raises(ConfigError, match="106 days"):
        read_ptu(handmade(tmp_path / "b.ptu", [*overflows, 0xFE000001, 0], values))


def test_a_file_that_shrinks_while_it_is_read_is_noticed(tmp_path):
    path = handmade(tmp_path / "a.ptu", range(10))
    with PtuReader(path) as file:
        blocks = file.blocks(5)
        next(blocks)
        with path.open("r+b") as cut:
            cut.truncate(path.stat().st_size - 20)
        with pytest.raises(ConfigError, match="after 5 of 10 records"):
            next(blocks)


def test_blocks_need_a_record_at_least(tmp_path):
    with PtuReader(handmade(tmp_path / "a.ptu")) as file, pytest.raises(ConfigError, match="one is the least"):
        list(file.blocks(0))
