"""Exports: every integer as it is, whole or not at all."""

import csv
import os
import stat

import numpy as np
import pyarrow.parquet
import pytest
import xarray

from eventready.errors import ConfigError
from eventready.protocol.export import FORMATS, MEANINGS, export
from eventready.protocol.records import MAX_U32, NO_INDEX
from eventready.protocol.round_array import COLUMNS
from eventready.protocol.round_log import RoundLogWriter
from eventready.protocol.run_folder import RunFolder, load_run


@pytest.fixture
def extreme_run(tmp_path, make_header, make_rounds, make_vetoed, append_all):
    """Values that do not survive a float: 2**53 + 1, 2**63 - 1, 2**64 - 2."""
    folder = RunFolder.create(tmp_path / "run")
    for party in ("alice", "public"):
        rounds = make_rounds(0, 4, party)
        rounds["index"] = [0, 2**53 + 1, 2**63 - 1, 2**64 - 2]
        rounds["herald_ps"] = [-(2**63), 2**53 + 1, 269_999_999_999_999_999, 2**63 - 1]
        rounds["attempts"] = MAX_U32
        writer = RoundLogWriter.create(folder.log(party), make_header(party), folder.key(party))
        append_all(writer, rounds)
        if party == "public":
            append_all(writer, make_vetoed(1))
        writer.abandon()
    return folder


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [int(row[name]) for row in rows] for name in rows[0]}


def read_parquet(path):
    return {name: column.to_pylist() for name, column in zip(COLUMNS, pyarrow.parquet.read_table(path).columns, strict=True)}


def read_netcdf(path):
    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        return {name: dataset[name].to_numpy().tolist() for name in dataset.data_vars}


READERS = {"csv": read_csv, "parquet": read_parquet, "netcdf": read_netcdf}


@pytest.mark.parametrize("party", ["alice", "public"])
@pytest.mark.parametrize("format", FORMATS)
def test_every_integer_survives(extreme_run, tmp_path, format, party):
    out = export(extreme_run.path, party, format, tmp_path / "out")
    rounds = load_run(extreme_run.path, party)
    assert READERS[format](out) == {name: rounds[name].tolist() for name in COLUMNS}
    assert 2**53 + 1 in rounds["index"]
    assert (NO_INDEX in rounds["index"]) == (party == "public")


def test_types_units_and_meanings_are_in_the_file(extreme_run, tmp_path):
    rounds = load_run(extreme_run.path, "alice")
    schema = pyarrow.parquet.read_schema(export(extreme_run.path, "alice", "parquet", tmp_path / "a.parquet"))
    assert schema.metadata[b"party"] == b"alice"
    assert schema.metadata[b"finished"] == b"no"
    with xarray.open_dataset(export(extreme_run.path, "alice", "netcdf", str(tmp_path / "a.nc")), engine="h5netcdf") as dataset:
        assert (dataset.attrs["run_id"], dataset.attrs["hardware"]) == ("run-7", "twin")
        for name in COLUMNS:
            unit, meaning = MEANINGS[name]
            assert schema.field(name).metadata == {b"units": unit.encode(), b"long_name": meaning.encode()}
            assert (dataset[name].attrs["units"], dataset[name].attrs["long_name"]) == (unit, meaning)
            assert np.dtype(schema.field(name).type.to_pandas_dtype()) == dataset[name].dtype == rounds.dtype[name]


@pytest.mark.parametrize("format", FORMATS)
def test_a_run_without_rounds(tmp_path, make_run, format):
    out = export(make_run(0).path, "alice", format, tmp_path / "out")
    assert out.stat().st_size > 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("format", FORMATS)
def test_only_its_owner_can_read_it(extreme_run, tmp_path, format):
    assert stat.S_IMODE(export(extreme_run.path, "alice", format, tmp_path / "out").stat().st_mode) == 0o600


@pytest.mark.parametrize("format", FORMATS)
def test_a_failure_leaves_nothing(extreme_run, tmp_path, mocker, format):
    mocker.patch("os.replace", side_effect=OSError(28, "No space left on device"))
    (tmp_path / "exports").mkdir()
    with pytest.raises(OSError, match="No space"):
        export(extreme_run.path, "alice", format, tmp_path / "exports" / "out")
    assert list((tmp_path / "exports").iterdir()) == []


def test_wrong_requests_are_refused_clearly(extreme_run, tmp_path):
    existing = tmp_path / "existing.csv"
    existing.write_text("precious")
    for party, format, out, complaint in (
        ("alice", "csv", existing, "this file exists"),
        ("alice", "xlsx", tmp_path / "a", "one of csv, parquet, netcdf"),
        ("eve", "csv", tmp_path / "a", "no party 'eve'"),
        ("alice", "csv", tmp_path / "no" / "a", "there is no folder"),
    ):
        with pytest.raises(ConfigError, match=complaint):
            export(extreme_run.path, party, format, out)
    assert existing.read_text() == "precious"
    assert not (tmp_path / "a").exists()
