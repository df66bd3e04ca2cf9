"""The job of ``eventready key``: plan, pools, session of both parties."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path

from ..errors import ConfigError
from ..protocol.keys.pool import KeyPool
from ..protocol.run_folder import RunFolder
from ..protocol.session.both import require_open, run_both
from ..protocol.session.machine import WORDS
from ..protocol.session.plan import SessionPlan
from ..stations.key_plan import plan_session
from .key_report import KeyReport
from .progress import StatusLine

POOL = "pool"
"""Folder of a party's own pool, in its private folder of the run, where none is given."""
_INTERVAL_S = 0.1


def make_key(folder: RunFolder, pool: Path | None, choices: dict[str, str | int]) -> KeyReport:
    """Turn a run into a key.

    Args:
        folder: the run.
        pool: folder with the pools of both parties; None for pools of the run's own.
        choices: for :func:`~..stations.key_plan.plan_session`.

    Raises:
        ConfigError: no key can be made from this run, or it has been made.
        EventreadyError: the session failed.
    """
    require_open(folder)
    (plan, lengths), (other, _) = (plan_session(folder, party, **choices) for party in ("alice", "bob"))
    if plan != other:
        raise ConfigError(f"{folder.path}: the logs of alice and bob belong to different runs")
    with ExitStack() as stack:
        alice, bob = (stack.enter_context(opened) for opened in _pools(folder, pool, plan))
        progress = stack.enter_context(_Progress())
        result = run_both(folder, plan, (alice, bob), progress.show)
        balance = alice.balance()
    return KeyReport(folder.path.name, str(folder.path), plan.hardware, lengths, result, balance)


def _pools(folder: RunFolder, pool: Path | None, plan: SessionPlan) -> tuple[KeyPool, KeyPool]:
    if pool is not None:
        return KeyPool.open(pool / "alice"), KeyPool.open(pool / "bob")
    paths = [folder.party_folder(party) / POOL for party in ("alice", "bob")]
    if not all(path.exists() for path in paths):
        KeyPool.create_pair(paths[0], paths[1], seed_bits=plan.seed_bits, pad_words=max(WORDS.values()))
    return KeyPool.open(paths[0]), KeyPool.open(paths[1])


class _Progress:
    """Where both parties are: one line on a terminal, a line a stage elsewhere. Called from two threads."""

    def __init__(self) -> None:
        self._line = StatusLine()
        self._shares: dict[str, tuple[str, float]] = {}
        self._next = 0.0

    def __enter__(self) -> _Progress:
        return self

    def show(self, party: str, stage: str, share: float) -> None:
        """Show where a party is."""
        before, self._shares[party] = self._shares.get(party), (stage, share)
        if not self._line.is_terminal:
            if share >= 1 and before != (stage, share):
                sys.stderr.write(f"{party}: {stage}\n")  # in one piece: there are two threads
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + _INTERVAL_S
            self._line.rewrite("   ".join(f"{name}: {now} {done:.0%}" for name, (now, done) in sorted(self._shares.items())))

    def __exit__(self, *error: object) -> None:
        self._line.leave()
