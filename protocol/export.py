"""One party's rounds as CSV, Parquet or netCDF, every integer as it is.

A private party's export holds its settings and outcomes like its log does, so the file's mode is 0600 where the system has modes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import ConfigError
from .durable_file import atomic_path
from .round_array import COLUMNS, RoundArray
from .run_folder import load_run

MEANINGS: dict[str, tuple[str, str]] = {
    "index": ("1", "number of the herald, from 0; 2**64 - 1 for a vetoed herald"),
    "herald_ps": ("ps", "time of the herald since the start of the run, on the party's own clock"),
    "isolated_ns": ("ns", "from the herald until the party was isolated"),
    "input_ns": ("ns", "from the herald until its input was drawn"),
    "readout_ns": ("ns", "from the herald until its readout began"),
    "done_ns": ("ns", "from the herald until its outcome stood"),
    "attempts": ("1", "excitation attempts since the previous herald, at most 2**32 - 1"),
    "counts": ("1", "fluorescence counts of the readout"),
    "flags": ("1", "bits: 1 fallback output, 2 lost in a crash, 4 not isolated, 8 device fault, 16 vetoed herald"),
    "pattern": ("1", "click pattern of the herald, one bit a detector"),
    "round_type": ("1", "0 the settings decide, 1 key, 2 test"),
    "setting": ("1", "the input; 255 in the public log"),
    "outcome": ("1", "the output bit; 255 in the public log"),
}
"""Unit and meaning of each column."""


def _describe(name: str) -> dict[str, str]:
    units, meaning = MEANINGS[name]
    return {"units": units, "long_name": meaning}


def _attributes(rounds: RoundArray) -> dict[str, str]:
    header = rounds.header
    names = ("run_id", "party", "hardware", "purpose", "config_digest", "sequence_digest")
    return {name: getattr(header, name) for name in names} | {"finished": "yes" if rounds.finished else "no"}


def _write_csv(rounds: RoundArray, out: Path) -> None:
    rounds.to_pandas().to_csv(out, index=False, lineterminator="\n")


def _write_parquet(rounds: RoundArray, out: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    arrays = [pyarrow.array(np.ascontiguousarray(rounds[name])) for name in COLUMNS]
    fields = [
        pyarrow.field(name, array.type, nullable=False, metadata=_describe(name)) for name, array in zip(COLUMNS, arrays, strict=True)
    ]
    table = pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields, metadata=_attributes(rounds)))
    pyarrow.parquet.write_table(table, out, compression="zstd")


def _write_netcdf(rounds: RoundArray, out: Path) -> None:
    import xarray

    columns = {name: ("round", np.ascontiguousarray(rounds[name]), _describe(name)) for name in COLUMNS}
    xarray.Dataset(columns, attrs=_attributes(rounds)).to_netcdf(out, engine="h5netcdf")


_WRITERS: dict[str, Callable[[RoundArray, Path], None]] = {"csv": _write_csv, "parquet": _write_parquet, "netcdf": _write_netcdf}

FORMATS = tuple(_WRITERS)


def export(run_dir: Path | str, party: str, format: str, out: Path | str) -> Path:
    """Write one party's rounds to a new file, whole or not at all.

    Args:
        run_dir: the run's folder.
        party: ``alice``, ``bob`` or ``public``.
        format: one of :data:`FORMATS`.
        out: the file to make.

    Returns:
        The file.

    Raises:
        ConfigError: unknown format or party, not a run, or the file exists already or cannot be made.
        LogCorrupt: the log is damaged.
        OSError: the disk is full, or the like; no file is left.
    """
    out = Path(out)
    if format not in _WRITERS:
        raise ConfigError(f"there is no export format {format!r}; it is one of {', '.join(FORMATS)}")
    if out.exists():
        raise ConfigError(f"{out}: this file exists; choose another name, or delete it first")
    if not out.parent.is_dir():
        raise ConfigError(f"{out}: there is no folder {out.parent}; make it first")
    rounds = load_run(run_dir, party)
    with atomic_path(out) as temporary:
        _WRITERS[format](rounds, temporary)
    return out
