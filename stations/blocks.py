"""One row a block of rounds in the run's own QCoDeS database, for plottr and everybody's own plots.

Never the user's database: the file is opened by its path and QCoDeS' configuration is left alone. In a key run the rows hold nothing that
depends on an outcome.
"""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from qcodes.dataset import Measurement, connect, load_or_create_experiment
from qcodes.dataset.measurements import DataSaver
from qcodes.station import Station

from ..errors import EventreadyError


class Block(NamedTuple):
    """A row.

    Args:
        number: of the block, from 0.
        rounds: rounds in it.
        end_s: time of its last herald, s since the start of the run.
        herald_rate: accepted heralds a second of the experiment's time.
        attempts: mean attempts a herald.
        chsh_s: S of the rounds in it; None in a key run or where a correlator has no rounds.
        qber: over all key pairs; None as above.
    """

    number: int
    rounds: int
    end_s: float
    herald_rate: float
    attempts: float
    chsh_s: float | None
    qber: float | None


_COLUMNS = (
    ("rounds", "Rounds in the block", ""),
    ("end_s", "Time of the last herald", "s"),
    ("herald_rate", "Accepted heralds", "1/s"),
    ("attempts", "Attempts a herald", ""),
)
_JOINT_COLUMNS = (("chsh_s", "CHSH S", ""), ("qber", "Quantum bit error rate", ""))


class BlockTable:
    """The table of a run; use as a context manager.

    Every method raises EventreadyError where the database cannot be written.

    Args:
        path: of the database.
        link: name of the link, for the experiment's name.
        run_id: of the run.
        station: its snapshot is stored with the table.
        joint: whether S and Q may be stored.
    """

    def __init__(self, path: Path, link: str, run_id: str, station: Station, *, joint: bool) -> None:
        self._path = path
        self._link = link
        self._run_id = run_id
        self._station = station
        self._columns = _COLUMNS + (_JOINT_COLUMNS if joint else ())
        self._stack = ExitStack()
        self._saver: DataSaver | None = None

    def __enter__(self) -> Self:
        with _database_errors(self._path), ExitStack() as on_failure:
            connection = connect(self._path)
            on_failure.callback(connection.close)
            experiment = load_or_create_experiment(f"eventready {self._link}", self._run_id, conn=connection)
            measurement = Measurement(exp=experiment, station=self._station, name="blocks")
            measurement.register_custom_parameter("block", label="Block")
            for name, label, unit in self._columns:
                measurement.register_custom_parameter(name, label=label, unit=unit, setpoints=("block",))
            with redirect_stdout(io.StringIO()):  # QCoDeS prints there, where `eventready run --json` prints JSON
                self._saver = on_failure.enter_context(measurement.run())
            self._stack = on_failure.pop_all()
        return self

    def add(self, block: Block) -> None:
        """Store a row."""
        if self._saver is not None:
            values = [(name, getattr(block, name)) for name, _, _ in self._columns]
            known = [(name, float("nan") if value is None else value) for name, value in values]
            with _database_errors(self._path):
                self._saver.add_result(("block", block.number), *known)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._saver = None
        with _database_errors(self._path):
            self._stack.close()  # what ended the run is no failure of the table; QCoDeS would print its traceback and store it


@contextmanager
def _database_errors(path: Path) -> Iterator[None]:
    """QCoDeS lets errors of SQLite through, or wraps them in a RuntimeError."""
    try:
        yield
    except (sqlite3.Error, RuntimeError) as error:
        raise EventreadyError(f"{path}: the run's table cannot be written ({error.__cause__ or error}); is the disk full?") from error
