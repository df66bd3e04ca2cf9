"""The run's own QCoDeS database."""

import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest
import qcodes
from qcodes.dataset import connect, load_by_id
from qcodes.station import Station

from eventready.errors import EventreadyError
from eventready.stations.blocks import Block, BlockTable

BLOCKS = [Block(0, 1000, 8.4, 119.0, 5000.0, 2.68, 0.014), Block(1, 1000, 16.8, 118.5, 5010.0, None, None)]


@pytest.fixture
def station(mock_laser):
    return Station(mock_laser, default=False)


def rows(path):
    with closing(connect(path)) as connection:
        dataset = load_by_id(1, conn=connection)
        about = {
            "names": (dataset.exp_name, dataset.sample_name, dataset.name),
            "completed": dataset.completed,
            "metadata": str(dataset.metadata),
            "snapshot": json.loads(dataset.snapshot_raw),
        }
        return about, dataset.get_parameter_data()


def test_a_block_is_a_row_that_qcodes_reads_back(tmp_path, station):
    with BlockTable(tmp_path / "blocks.db", "oxford", "run7", station, joint=True) as table:
        for block in BLOCKS:
            table.add(block)
    about, data = rows(tmp_path / "blocks.db")
    assert about["names"] == ("eventready oxford", "run7", "blocks")
    assert data["chsh_s"]["block"].tolist() == [0, 1]
    for name in ("rounds", "end_s", "herald_rate", "attempts", "chsh_s", "qber"):
        values = [getattr(block, name) for block in BLOCKS]
        np.testing.assert_equal(data[name][name].tolist(), [np.nan if value is None else value for value in values])
    assert list(about["snapshot"]["station"]["components"] or about["snapshot"]["station"]["instruments"]) == ["mock_laser"]
    assert about["completed"]


def test_a_table_of_a_key_run_has_no_room_for_s_and_q(tmp_path, station):
    with BlockTable(tmp_path / "blocks.db", "oxford", "run7", station, joint=False) as table:
        table.add(BLOCKS[0])
    _, data = rows(tmp_path / "blocks.db")
    assert set(data) == {"rounds", "end_s", "herald_rate", "attempts"}


def test_the_database_that_qcodes_is_configured_for_is_left_alone(tmp_path, station, monkeypatch):
    mine = tmp_path / "mine.db"
    monkeypatch.setitem(qcodes.config.core, "db_location", str(mine))
    with BlockTable(tmp_path / "blocks.db", "oxford", "run7", station, joint=True) as table:
        table.add(BLOCKS[0])
    assert not mine.exists()
    assert qcodes.config.core.db_location == str(mine)


def test_a_resumed_run_adds_a_table_of_its_own(tmp_path, station):
    for _ in range(2):
        with BlockTable(tmp_path / "blocks.db", "oxford", "run7", station, joint=True) as table:
            table.add(BLOCKS[0])
    with closing(sqlite3.connect(tmp_path / "blocks.db")) as database:
        assert database.execute("SELECT run_id, exp_id FROM runs").fetchall() == [(1, 1), (2, 1)]


def test_nothing_is_printed_and_no_traceback_is_stored_when_the_run_fails(tmp_path, station, capfd, caplog):
    """Standard output belongs to ``--json``, and what ended a run is told once, by whoever runs it."""
    with pytest.raises(KeyError), BlockTable(tmp_path / "blocks.db", "oxford", "run7", station, joint=True) as table:
        table.add(BLOCKS[0])
        raise KeyError("the run's own failure")
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
    about, data = rows(tmp_path / "blocks.db")
    assert data["rounds"]["rounds"].tolist() == [1000]
    assert "failure" not in about["metadata"]


@pytest.mark.parametrize("content", [b"this is no database", b"SQLite format 3\x00" + bytes(100)])
def test_a_database_that_cannot_be_written_is_an_error_in_words(tmp_path, station, content):
    path = tmp_path / "blocks.db"
    path.write_bytes(content)
    with pytest.raises(EventreadyError, match=r"blocks\.db: the run's table cannot be written"):
        BlockTable(path, "oxford", "run7", station, joint=True).__enter__()


def test_a_table_that_is_not_open_takes_nothing(tmp_path, station):
    BlockTable(tmp_path / "blocks.db", "oxford", "run7", station, joint=True).add(BLOCKS[0])
    assert not (tmp_path / "blocks.db").exists()
