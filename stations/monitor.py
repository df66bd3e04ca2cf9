"""What a run tells while it goes on: progress for people, rows for QCoDeS.

Everything is read back from the logs, so only what is durable is shown. In a key run only the public log is read for it: no S, no Q.
Each party's monitors then still read that party's log, and tell nobody else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..protocol.bell import BellGame, Counts, chsh_s, qber
from ..protocol.estimate import Estimate
from ..protocol.join import JoinedRounds, LiveJoin
from ..protocol.records import NO_INDEX, RECORD_DTYPE
from ..protocol.round_log import LogTail
from ..protocol.run_folder import RunFolder
from .blocks import Block
from .monitors.alarm import Alarm
from .watch import RunWatch

_REFRESH_S = 0.5


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Args:
        rounds: acknowledged rounds, those of earlier segments included.
        goal: rounds to reach.
        simulated_s: time of the experiment, s.
        elapsed_s: real time of this segment, s.
        rounds_per_s: acknowledged rounds a second of real time, in this segment.
        chsh_s: S so far; None in a key run or where it cannot be told yet.
        qber: over all key pairs so far; None as above.
        alarms: of the monitors, as far as anybody may see them; oldest first.
    """

    rounds: int
    goal: int
    simulated_s: float
    elapsed_s: float
    rounds_per_s: float
    chsh_s: Estimate | None
    qber: Estimate | None
    alarms: tuple[Alarm, ...] = ()

    @property
    def eta_s(self) -> float | None:
        """Real time until the goal, s; None before the first round."""
        return (self.goal - self.rounds) / self.rounds_per_s if self.rounds_per_s > 0 else None


class RunMonitor:
    """Follows the logs of a run.

    Args:
        folder: of the run; its logs must have been begun.
        game: of the link.
        goal: rounds to reach.
        block_rounds: rounds a row.
        joint: whether S and Q may be told.
        first: rounds that were acknowledged before this segment.
        on_progress: called about twice a second.
        on_block: called with every full block.
        watch: the run's monitors; those that live on its logs are fed here.
    """

    def __init__(
        self,
        folder: RunFolder,
        game: BellGame,
        *,
        goal: int,
        block_rounds: int,
        joint: bool,
        first: int,
        on_progress: Callable[[Progress], None],
        on_block: Callable[[Block], None],
        watch: RunWatch | None = None,
    ) -> None:
        self._game = game
        self._goal = goal
        self._block_rounds = block_rounds
        self._public = LogTail(folder.log("public"), folder.key("public"))
        self._join = LiveJoin(folder) if joint else None
        self._first = first
        self._on_progress = on_progress
        self._on_block = on_block
        self._watch = watch
        self._heralds = np.zeros(0, RECORD_DTYPE)
        self._joined = np.zeros((4, 0), np.uint8)
        self._total: Counts | None = None
        self._block = 0
        self._block_start_s = 0.0
        self._simulated_s = 0.0
        self._rounds = first
        self._start = self._shown = time.perf_counter()

    def acknowledged(self, index: int) -> None:
        """Rounds up to ``index`` are on disk everywhere."""
        self._rounds = index + 1
        if time.perf_counter() - self._shown >= _REFRESH_S:
            self.refresh()

    def refresh(self) -> Progress:
        """Read what is new and tell."""
        new = self._public.read_new()
        new = new[new["index"] != NO_INDEX]
        self._heralds = np.concatenate([self._heralds, new])
        if self._join is not None:
            joined = self._join.read_new()
            if self._watch is not None and self._watch.joint is not None:
                self._watch.joint.feed(joined)
            columns = _columns(joined)
            self._joined = np.concatenate([self._joined, columns], axis=1)
            counts = self._count(columns)
            self._total = counts if self._total is None else self._total + counts
        if len(new):
            self._simulated_s = float(new["herald_ps"][-1]) * 1e-12
        self._finish_blocks()
        for party in () if self._watch is None else self._watch.parties:
            party.refresh()
        self._shown = time.perf_counter()
        elapsed = self._shown - self._start
        s = chsh_s(self._total, self._game) if self._total is not None else None
        q = qber(self._total, self._game) if self._total is not None else None
        rate = (self._rounds - self._first) / elapsed if elapsed > 0 else 0.0
        progress = Progress(
            self._rounds, self._goal, self._simulated_s, elapsed, rate, s, q, () if self._watch is None else tuple(self._watch.book.shown)
        )
        self._on_progress(progress)
        return progress

    def _finish_blocks(self) -> None:
        """Give out the full blocks among what has been read and keep the rest."""
        size = self._block_rounds
        available = len(self._heralds) if self._join is None else min(len(self._heralds), self._joined.shape[1])
        for start in range(0, available - available % size, size):
            counts = None if self._join is None else self._count(self._joined[:, start : start + size])
            self._on_block(self._row(self._heralds[start : start + size], counts))
        self._heralds = self._heralds[available - available % size :]
        self._joined = self._joined[:, available - available % size :]

    def _row(self, heralds: npt.NDArray[np.void], counts: Counts | None) -> Block:
        end_s = float(heralds["herald_ps"][-1]) * 1e-12
        span = end_s - self._block_start_s
        s = chsh_s(counts, self._game) if counts is not None else None
        q = qber(counts, self._game) if counts is not None else None
        row = Block(
            self._block,
            len(heralds),
            end_s,
            len(heralds) / span if span > 0 else 0.0,
            float(heralds["attempts"].mean()),
            s.value if s is not None else None,
            q.value if q is not None else None,
        )
        self._block += 1
        self._block_start_s = end_s
        return row

    def _count(self, columns: npt.NDArray[np.uint8]) -> Counts:
        return Counts.from_rounds(columns[0], columns[1], columns[2], columns[3], self._game)


def _columns(rounds: JoinedRounds) -> npt.NDArray[np.uint8]:
    return np.stack([rounds.alice_setting, rounds.bob_setting, rounds.alice_outcome, rounds.bob_outcome])
