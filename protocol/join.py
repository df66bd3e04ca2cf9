"""Both parties' rounds side by side, for characterising a link. The only place where both logs are read.

Whoever has seen the two together can make no key from them: Eve may be anybody who has. So joining marks the run as characterised before
the first round is read, and a key run is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, LogCorrupt
from .log_reader import LogTail
from .records import RECORD_DTYPE, Flag
from .run_folder import RunFolder


@dataclass(frozen=True, eq=False, repr=False)
class JoinedRounds:
    """Rounds of both parties with equal indices; every array has the shape ``(n,)``. The repr shows how many, not which.

    Attributes:
        index: u64, number of the round.
        alice_setting: u8, Alice's input.
        bob_setting: u8, Bob's input.
        alice_outcome: u8, Alice's output bit.
        bob_outcome: u8, Bob's output bit.
        alice_flags: u16, :class:`~.records.Flag` bits of Alice's record.
        bob_flags: u16, the same of Bob's.
        pattern: u8, click pattern of the herald.
        round_type: u8, :class:`~.records.RoundType`.
        alice_herald_ps: i64, time of the herald on Alice's clock, picoseconds.
        bob_herald_ps: i64, the same on Bob's.
    """

    index: NDArray[np.uint64]
    alice_setting: NDArray[np.uint8]
    bob_setting: NDArray[np.uint8]
    alice_outcome: NDArray[np.uint8]
    bob_outcome: NDArray[np.uint8]
    alice_flags: NDArray[np.uint16]
    bob_flags: NDArray[np.uint16]
    pattern: NDArray[np.uint8]
    round_type: NDArray[np.uint8]
    alice_herald_ps: NDArray[np.int64]
    bob_herald_ps: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"<JoinedRounds: {len(self)} rounds>"


def join_run(directory: Path | str, *, burn: bool = False) -> JoinedRounds:
    """Read both parties' logs of a run, and mark it as characterised.

    Args:
        directory: the run's folder.
        burn: join a simulated key run all the same, and so give up its key.

    Raises:
        ConfigError: the run was to make a key (``burn`` helps where it was simulated, never on real hardware), or this is no run.
        LogCorrupt: a log is damaged, or the two do not hold the same rounds.
    """
    folder = RunFolder(Path(directory))
    _permit(folder, burn)
    folder.mark_characterised()
    alice, bob = folder.read_log("alice").records, folder.read_log("bob").records
    if len(alice) != len(bob):
        raise LogCorrupt(
            f"{folder.path}: alice's log holds {len(alice)} rounds and bob's {len(bob)}; "
            "resume the run, so that the one that is behind is brought up to the other"
        )
    return _match(folder, alice, bob, 0)


class LiveJoin:
    """The same while the run goes on: yields rounds as soon as both parties have logged them. For characterise runs only.

    Args:
        folder: the run; both logs must have been begun.

    Raises:
        ConfigError: the run is to make a key, or it has not begun.
        LogCorrupt: a log is damaged.
    """

    def __init__(self, folder: RunFolder) -> None:
        _permit(folder, burn=False)
        folder.mark_characterised()
        self._folder = folder
        self._tails = [LogTail(folder.log(party), folder.key(party)) for party in ("alice", "bob")]
        self._waiting: list[NDArray[np.void]] = [np.zeros(0, RECORD_DTYPE), np.zeros(0, RECORD_DTYPE)]
        self._matched = 0

    def read_new(self) -> JoinedRounds:
        """The rounds that both parties have logged since the last call, perhaps none.

        Raises:
            LogCorrupt: a log is damaged, or the two do not hold the same rounds.
            OSError: a log cannot be read.
        """
        alice, bob = (np.concatenate([waiting, tail.read_new()]) for waiting, tail in zip(self._waiting, self._tails, strict=True))
        both = min(len(alice), len(bob))
        joined = _match(self._folder, alice[:both], bob[:both], self._matched)
        self._waiting = [alice[both:], bob[both:]]
        self._matched += both
        return joined


def _permit(folder: RunFolder, burn: bool) -> None:
    headers = [folder.read_header(party) for party in ("alice", "bob")]
    if headers[0].run_id != headers[1].run_id:
        raise LogCorrupt(f"{folder.path}: the logs of alice and bob belong to different runs")
    if all(header.purpose != "key" for header in headers):
        return
    if any(header.hardware == "real" for header in headers):
        raise ConfigError(f"{folder.path}: a key run on real hardware is never joined; for S and Q make a run with --purpose characterise")
    if not burn:
        raise ConfigError(f"{folder.path}: joining a key run gives up its key; ask for it by name (burn=True), or use a characterise run")


def _match(folder: RunFolder, alice: NDArray[np.void], bob: NDArray[np.void], start: int) -> JoinedRounds:
    """Pair equal numbers of records, the first of which should be round ``start``."""
    expected = np.arange(start, start + len(alice), dtype=np.uint64)
    for party, records in (("alice", alice), ("bob", bob)):
        _require(folder, records["index"] == expected, start, f"is missing in {party}'s log")
    _require(folder, alice["pattern"] == bob["pattern"], start, "has different herald patterns in the logs of alice and bob")
    # A party that lost a round in a crash does not know its type; the other one does.
    alice_lost, bob_lost = ((records["flags"] & np.uint16(Flag.LOST)) != 0 for records in (alice, bob))
    same_type = (alice["round_type"] == bob["round_type"]) | alice_lost | bob_lost
    _require(folder, same_type, start, "has different round types in the logs of alice and bob")
    parties = {
        f"{party}_{name}": _column(records, name)
        for party, records in (("alice", alice), ("bob", bob))
        for name in ("setting", "outcome", "flags", "herald_ps")
    }
    round_type = np.where(alice_lost, bob["round_type"], alice["round_type"])
    return JoinedRounds(index=expected, pattern=_column(alice, "pattern"), round_type=round_type, **parties)


def _column(records: NDArray[np.void], name: str) -> NDArray[Any]:
    """A column on its own, so that the whole records need not be kept for it."""
    return np.ascontiguousarray(records[name])


def _require(folder: RunFolder, holds: NDArray[np.bool_], start: int, what: str) -> None:
    wrong = np.flatnonzero(~holds)
    if len(wrong):
        raise LogCorrupt(f"{folder.path}: round {start + wrong[0]} {what}")
