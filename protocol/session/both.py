"""Both parties of a session on one machine: a demonstration. Each has a thread, and reads its own log only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from ...errors import ConfigError, SessionError
from ..keys.pool import KeyPool
from ..reconciliation import Code, CodeSpec
from ..run_folder import RunFolder, load_run
from .alice import Alice
from .bob import Bob
from .channel import LineClosed, QueueChannel, converse
from .machine import Machine
from .plan import SessionPlan
from .rounds import PartyRounds
from .transcript import Ending, Transcript

OnProgress = Callable[[str, str, float], None]
"""Called with party, stage and the share of it that is done; from two threads."""
TRANSCRIPT = "session"
"""Folder of a party's transcript, in its private folder of the run."""


class Stage(NamedTuple):
    """When a party was at what.

    Attributes:
        party: ``alice`` or ``bob``.
        name: of the stage.
        start: seconds since the session's start.
        stop: the same.
    """

    party: str
    name: str
    start: float
    stop: float


@dataclass(frozen=True)
class SessionResult:
    """How a session of two parties ended.

    Attributes:
        alice: for Alice.
        bob: for Bob; his reason is his own.
        stages: what took how long, in the order of their ends.
        elapsed_s: all in all.
    """

    alice: Ending
    bob: Ending
    stages: tuple[Stage, ...]
    elapsed_s: float


@dataclass
class _Timeline:
    """Notes when stages begin and end."""

    on_progress: OnProgress
    begun: float = field(default_factory=time.perf_counter)
    open: dict[tuple[str, str], float] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, party: str, stage: str, share: float) -> None:
        now = time.perf_counter() - self.begun
        with self.lock:
            if share < 1:
                self.open.setdefault((party, stage), now)
            elif (party, stage) in self.open:  # a stage may say more than once that it is done
                self.stages.append(Stage(party, stage, self.open.pop((party, stage)), now))
        self.on_progress(party, stage, share)


def transcript_of(folder: RunFolder, party: str) -> Transcript:
    """Where a party's messages of a run are kept."""
    return Transcript(folder.party_folder(party) / TRANSCRIPT)


def run_both(folder: RunFolder, plan: SessionPlan, pools: tuple[KeyPool, KeyPool], on_progress: OnProgress) -> SessionResult:
    """Carry a session of both parties to its end, from wherever it stands.

    Args:
        folder: the run.
        plan: of the session.
        pools: of Alice and of Bob.
        on_progress: told of progress.

    Raises:
        ConfigError: the run is none for this plan, or it has its key already.
        EventreadyError: as the machines do.
    """
    timeline = _Timeline(on_progress)
    # The code is public, and making it twice on one machine would be for nothing.
    code, one_at_a_time = lru_cache(maxsize=1)(Code.build), threading.Lock()

    def build(spec: CodeSpec) -> Code:
        with one_at_a_time:
            return code(spec)

    ends = dict(zip(("alice", "bob"), QueueChannel.pair(), strict=True))

    def party(kind: type[Machine], pool: KeyPool) -> Ending:
        name = kind.party
        try:
            timeline.note(name, "log", 0.0)
            rounds = PartyRounds.of(load_run(folder.path, name), plan)
            timeline.note(name, "log", 1.0)
            machine = kind(
                plan,
                rounds,
                pool,
                transcript_of(folder, name),
                on_stage=lambda stage, share: timeline.note(name, stage, share),
                build_code=build,
            )
            converse(machine, ends[name])
            ending = machine.ending
        finally:
            ends[name].close()
        if ending is None:
            raise SessionError(f"{name}'s session did not end")
        return ending

    with ThreadPoolExecutor(2) as threads:
        alice, bob = threads.submit(party, Alice, pools[0]), threads.submit(party, Bob, pools[1])
    _raise_first(alice, bob)
    return SessionResult(alice.result(), bob.result(), tuple(timeline.stages), time.perf_counter() - timeline.begun)


def require_open(folder: RunFolder) -> None:
    """See that the session of this run has not ended. If only one party has come to its end, the other one is still to hear of it.

    Raises:
        ConfigError: it has, and how. A run gives one key or none.
    """
    folders = {party: folder.party_folder(party) / TRANSCRIPT for party in ("alice", "bob")}
    endings = {party: Transcript(path).ending if path.is_dir() else None for party, path in folders.items()}
    ended = {party: ending for party, ending in endings.items() if ending is not None}
    if len(ended) < len(endings) and all(ending.outcome != "dead" for ending in ended.values()):
        return
    if all(ending.outcome == "key" for ending in ended.values()):
        raise ConfigError(f"{folder.path}: this run has given its key ({ended['bob'].reason}) already; a run gives one key")
    reasons = "; ".join(f"{party}: {ending.reason}" for party, ending in ended.items())
    raise ConfigError(
        f"{folder.path}: the session of this run has ended without a key ({reasons}); it is not tried again: what was revealed cannot be "
        "taken back. Make a new run"
    )


def _raise_first(*parties: Future[Ending]) -> None:
    """Raise the cause rather than that the other party hung up."""
    errors = [error for error in (party.exception() for party in parties) if error is not None]
    for error in sorted(errors, key=lambda error: isinstance(error, LineClosed)):
        raise error
