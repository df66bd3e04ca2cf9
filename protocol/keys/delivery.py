"""Finished keys as files, ``SESSION_INDEX.cor``: equal names and contents at both ends, for a key server that watches a folder.

The convention (binary files ``*.cor``) is that of qkd_kme_server, a server for ETSI GS QKD 014. A file appears whole or not at all. A
session delivers once: a marker, durable before the first file, refuses a second time even when the files have been fetched and deleted.
A crash meanwhile loses what was not delivered yet, at this end.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ...errors import ConfigError
from ..durable_file import DurableFile, write_atomic
from .generated import require_packed, slice_bits

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


def deliver(
    folder: Path,
    session_name: str,
    key: bytes,
    *,
    simulated: bool,
    allow_simulated: bool = False,
    key_size_bits: int = 256,
    bits: int | None = None,
) -> list[Path]:
    """Cut a key into keys of one size and write each to a file, mode 0600. Bits that are left over are dropped.

    Args:
        folder: where; is made if it is not there.
        session_name: the same at both ends: 1 to 64 letters, digits and hyphens, no hyphen first.
        key: packed, first bit highest, bits behind the last zero.
        simulated: its randomness comes from a seed. Such files end in ``.simulated.cor``.
        allow_simulated: deliver it all the same; whoever watches for ``*.cor`` takes it for a key.
        key_size_bits: a multiple of 8.
        bits: length of the key; by default all of its bytes.

    Returns:
        The files, in order.

    Raises:
        ConfigError: a simulated key that is not allowed by name, a name or size that cannot be, a session that has delivered before.
        KeyPoolError: the key is not as long as told.
        OSError: a file cannot be written.
    """
    length = 8 * len(key) if bits is None else bits
    folder = Path(folder)
    require_deliverable(folder, session_name, length, simulated=simulated, allow_simulated=allow_simulated, key_size_bits=key_size_bits)
    require_packed(key, length)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _mark(folder, session_name)
    suffix = ".simulated.cor" if simulated else ".cor"
    targets = [folder / f"{session_name}_{index}{suffix}" for index in range(length // key_size_bits)]
    for index, target in enumerate(targets):
        write_atomic(target, slice_bits(key, index * key_size_bits, key_size_bits))
    return targets


def require_deliverable(
    folder: Path, session_name: str, bits: int, *, simulated: bool, allow_simulated: bool = False, key_size_bits: int = 256
) -> None:
    """Whether :func:`deliver` would deliver a key; to be asked before its bits are taken from a pool for good.

    Args:
        folder: as for :func:`deliver`.
        session_name: as for :func:`deliver`.
        bits: length of the key.
        simulated: as for :func:`deliver`.
        allow_simulated: as for :func:`deliver`.
        key_size_bits: as for :func:`deliver`.

    Raises:
        ConfigError: it would not, and why.
    """
    if simulated and not allow_simulated:
        raise ConfigError(
            f"the key of session {session_name} comes from a simulated run, so whoever knows the seed knows it; it is not delivered unless "
            "that is asked for by name"
        )
    if not _NAME.fullmatch(session_name):
        raise ConfigError(f"{session_name!r} cannot be the name of a delivery: take 1 to 64 letters, digits and hyphens, no hyphen first")
    if key_size_bits < 8 or key_size_bits % 8:
        raise ConfigError(f"keys of {key_size_bits} bits cannot be delivered; take a multiple of 8")
    if bits < key_size_bits:
        raise ConfigError(f"{bits} bits of key are left of session {session_name}, not enough for one of {key_size_bits} bits")
    if _marker(folder, session_name).exists() or next(folder.glob(f"{session_name}_*.cor"), None) is not None:
        raise ConfigError(
            f"{folder}: the key of session {session_name} has been delivered here, or that was begun; a key is delivered once, even if its "
            "files were taken away since. A new key needs a new run"
        )


def _marker(folder: Path, session_name: str) -> Path:
    return folder / f".{session_name}.delivered"


def _mark(folder: Path, session_name: str) -> None:
    """Claim the session, durably; of two that try at once one fails."""
    marker = DurableFile(_marker(folder, session_name), create=True, fsync=os.fsync, write=os.write)
    try:
        marker.sync()
        marker.sync_name()
    finally:
        marker.close()
