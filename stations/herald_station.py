"""The node in the middle: it attempts, judges heralds, numbers them, and keeps the public log."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..clock import Clock
from ..errors import NotReady, SequenceError
from ..instruments import ExitReason, HeraldResult, HeraldTally, SinglePhotonDetector
from ..protocol.records import MAX_U32, NO_INDEX, NOT_PUBLIC, RECORD_STRUCT, Flag
from ..protocol.round_log import GroupCommit
from .events import EventLog
from .herald_digest import HeraldDigest
from .messages import Accepted, Durable, Message, Ready, Recheck, Recorded, Resume, Suspend
from .procedures.detector_reset import DetectorReset
from .procedures.excitation import Excitation
from .procedures.preparation import wait_until_ready
from .schedule import Measurement, Schedule
from .slots import PARTIES
from .states import ATTEMPTING, EVENTS, HERALDED, RECORDED, RoundMoves, State, illegal_move
from .tagging import RunTags, Tagging

_HERALD = ExitReason.HERALD  # Python 3.11 looks a member up by name whenever it is written as ExitReason.HERALD


class CountsWatch(Protocol):
    """Who looks at what the sequencer counts."""

    interval: float
    """s between two looks."""

    def look(self, at_s: float, tally: HeraldTally) -> None:
        """Take what was counted until ``at_s``."""

    def counters_disagreed(self, at_s: float, what: str) -> None:
        """The sequencer contradicted itself; ``what`` says how."""

    def tagged(self, at_s: float, tags: RunTags) -> None:
        """Take what the tags of a run of attempts show; never called where none are taken."""

    def particle_missed(self, attempts: int) -> None:
        """A presence check failed after so many attempts."""


@dataclass(frozen=True)
class RunGoal:
    """What a run is to reach.

    Args:
        rounds: number of accepted heralds to stop at.
        commit_interval: group commit, s of real time; 0 commits every round.
        recalibration_interval: recalibrate so often, s; infinity for never.
        recalibration: how long that takes, s.
        retry_interval: pause between two looks while a detector is not ready, s.
        patience: how long that may last before the run ends, s.
        acknowledged: called with the highest index that is on disk everywhere, whenever that grows.
        watch: is shown the sequencer's counters now and then; None where nobody watches.
        measurements: made on a schedule, while nothing attempts.
    """

    rounds: int
    commit_interval: float
    recalibration_interval: float = math.inf
    recalibration: float = 0.0
    retry_interval: float = 1.0
    patience: float = 3600.0
    acknowledged: Callable[[int], None] = lambda index: None
    watch: CountsWatch | None = None
    measurements: Sequence[Measurement] = ()


class HeraldStation:
    """State machine of the heralding station.

    Args:
        clock: its own.
        excitation: the attempt loop.
        detectors: of the Bell-state measurement; one that is overloaded vetoes.
        detector_reset: frees those that have latched; None leaves that to people.
        tagging: time tags of the attempts; None where no tagger is read.
    """

    name = "bsm"

    def __init__(
        self,
        clock: Clock,
        excitation: Excitation,
        detectors: Sequence[SinglePhotonDetector],
        detector_reset: DetectorReset | None = None,
        tagging: Tagging | None = None,
    ) -> None:
        self.clock = clock
        self.state = State.IDLE
        self.excitation = excitation
        self.index = -1
        self.vetoes = 0
        self.finished = False
        self._detectors = tuple(detectors)
        self._overload_of: tuple[tuple[str, Callable[[], bool]], ...] = ()
        self._detector_reset = detector_reset
        self._tagging = tagging
        self._moves = RoundMoves(self.name)
        self._events = EventLog()
        self._goal = RunGoal(0, 0.0)
        self._log: GroupCommit | None = None
        self.heralds = HeraldDigest()
        self._ready: set[str] = set()
        self._recorded = dict.fromkeys(PARTIES, -1)
        self._attempts = 0
        self._last_commit = 0.0
        self._announced = -1
        self._objected = (NO_INDEX, 0.0)
        self._next_recalibration = self._next_pause = self._next_look = math.inf
        self._schedule = Schedule()
        self._stop_cause = self._tag_objection = ""
        self._handlers: dict[type[Message], Callable[[Any], list[Message]]] = {
            Ready: self._on_ready,
            Recorded: self._on_recorded,
            Suspend: self._on_suspend,
            Resume: self._on_resume,
        }

    # -- life cycle --------------------------------------------------------------------------------------------------------------------

    def begin(self, log: GroupCommit, events: EventLog, goal: RunGoal, last_index: int) -> None:
        """Start a run; attempts begin when both parties are ready."""
        self._log = log
        self._events = events
        self._goal = goal
        self.index = self._announced = last_index
        self.heralds = HeraldDigest(last_index)
        self._recorded = dict.fromkeys(PARTIES, last_index)
        self._ready.clear()
        self._objected = (NO_INDEX, 0.0)
        self._attempts = self.vetoes = 0
        self.finished = False
        self._last_commit = time.perf_counter()
        self._next_recalibration = self.clock.now() + goal.recalibration_interval
        self._schedule = Schedule(goal.measurements, self.clock.now())
        self._next_pause = min(self._next_recalibration, self._schedule.next_s)
        self._next_look = math.inf if goal.watch is None else self.clock.now() + goal.watch.interval
        self._overload_of = tuple((detector.name, detector.overload_probe()) for detector in self._detectors)
        self.excitation.prepare()

    def request_stop(self, cause: str) -> None:
        """Finish the round in hand, then stop."""
        self._stop_cause = cause

    @property
    def stopped_early(self) -> str:
        """Why the run stopped before its goal; empty if it did not."""
        return self._stop_cause if self.index + 1 < self._goal.rounds else ""

    def fail(self, cause: str) -> None:
        """Note that the run broke off here."""
        self._enter(State.FAULT, cause)
        self._log = None

    def on(self, message: Message) -> list[Message]:
        """React to a message.

        Raises:
            SequenceError: it makes no sense here.
            DeviceError: an instrument failed.
            NotReady: a detector is not ready, or tags show no herald, for longer than patience.
        """
        handler = self._handlers.get(type(message))
        if handler is None or message.sender not in PARTIES:
            raise SequenceError(f"bsm: cannot handle {type(message).__name__} from {message.sender}")
        return handler(message)

    def awaited(self) -> dict[str, type[Message]]:
        """What it waits for at this moment before it does anything, by sender."""
        if self.finished:
            return {}
        if self.state is State.STOPPING:
            return {party: Recorded for party, recorded in self._recorded.items() if recorded < self.index}
        return {party: Ready for party in PARTIES if party not in self._ready}

    # -- messages ----------------------------------------------------------------------------------------------------------------------

    def _on_ready(self, message: Ready) -> list[Message]:
        self._ready.add(message.sender)
        if len(self._ready) < len(PARTIES):
            return []
        self._ready.clear()
        if self.state is HERALDED:  # both are ready again, so both have carried the round through
            self.state = self._moves[HERALDED, RECORDED]
            self.state = self._moves[RECORDED, ATTEMPTING]
        else:
            self._enter(ATTEMPTING)
        if self.index + 1 >= self._goal.rounds:
            return self._stop("all rounds done")
        now_s = self.clock.now()
        if now_s >= self._next_pause:
            self._pause()
            now_s = self.clock.now()
        if now_s >= self._next_look:
            self._look()
        return self._attempt()

    def _on_recorded(self, message: Recorded) -> list[Message]:
        if message.n > self.index:
            raise SequenceError(f"bsm: {message.sender} recorded round {message.n}, but the last one accepted is {self.index}")
        self._recorded[message.sender] = message.n
        reached = min(self._recorded.values())
        if reached > self._announced:
            self._announced = reached
            self._goal.acknowledged(reached)
        if self.state is State.STOPPING and reached == self.index:
            self._enter(State.IDLE, "run ended")
            self.finished = True
        return []

    def _on_suspend(self, message: Suspend) -> list[Message]:
        self._note(f"{message.sender} suspended: {message.cause}")
        return []

    def _on_resume(self, message: Resume) -> list[Message]:
        self._note(f"{message.sender} resumed")
        return []

    # -- attempts ----------------------------------------------------------------------------------------------------------------------

    def _pause(self) -> None:
        """Do what is due, before the next attempt."""
        if self.clock.now() >= self._next_recalibration:
            self._recalibrate()
        for measurement in self._schedule.take_due(self.clock.now()):
            self._look()  # what is counted from here on is not the run's
            self._enter(State.RECALIBRATING, f"{measurement.name}, every {measurement.interval:g} s")
            measurement.act()
            self._enter(ATTEMPTING, f"{measurement.name}: done")
        self._next_pause = min(self._next_recalibration, self._schedule.next_s)

    def _recalibrate(self) -> None:
        """Nothing heralds meanwhile; the parties hold their particles and wait."""
        self._enter(State.RECALIBRATING, f"every {self._goal.recalibration_interval:g} s")
        self.clock.sleep(self._goal.recalibration)
        self._next_recalibration = self.clock.now() + self._goal.recalibration_interval
        self._enter(ATTEMPTING, "recalibrated")

    def _attempt(self) -> list[Message]:
        while not self._stop_cause:
            result = self.excitation.run() if self._tagging is None else self._run_tagged(self._tagging)
            self._attempts += result.attempts
            if result.veto and self._goal.watch is not None:
                self._goal.watch.counters_disagreed(self.clock.now(), result.veto)
            if result.reason is _HERALD:
                unready = self._unready()
                if not unready and not self._tag_objection:
                    return self._accept(result)
                self._veto(result, "; ".join(unready) or self._tag_objection)
                if unready:
                    self._wait_until_ready()
                else:
                    self._require_patience()
            elif result.reason is ExitReason.VETOED:
                self._veto(result, result.veto)
            else:
                if self._unready():  # with a dead detector in each pattern no herald would ever come, to ask at
                    self._wait_until_ready()
                missing = result.reason is ExitReason.NOT_READY
                if missing and self._goal.watch is not None:
                    self._goal.watch.particle_missed(result.attempts)
                cause = "presence check failed" if missing else f"no herald in {result.attempts} attempts"
                return [Recheck(self.name, self.clock.now_ps(), cause)]
        return self._stop(self._stop_cause)

    def _run_tagged(self, tagging: Tagging) -> HeraldResult:
        """Attempt under the eyes of the time tagger; what it objects to has no number yet, and gets none."""
        result, tags = tagging.run(self.excitation.run)
        if self._goal.watch is not None:
            self._goal.watch.tagged(self.clock.now(), tags)
        self._tag_objection = tagging.objection(tags) if result.reason is _HERALD else ""
        return result

    def _require_patience(self) -> None:
        """Heralds that no tags show are vetoed for so long and no longer."""
        index, since_s = self._objected
        if index != self.index:
            self._objected = (self.index, self.clock.now())
        elif self.clock.now() - since_s > self._goal.patience:
            raise NotReady(f"{self.name}: no herald to accept for {self._goal.patience:g} s: {self._tag_objection}")

    def _look(self) -> None:
        """Show the monitors what has been counted."""
        if self._goal.watch is not None:
            self._next_look = self.clock.now() + self._goal.watch.interval
            self._goal.watch.look(self.clock.now(), self.excitation.tally())

    def _stop(self, cause: str) -> list[Message]:
        self._look()
        self._enter(State.STOPPING, cause)
        return self._commit(last=True)

    def _wait_until_ready(self) -> None:
        """While a detector is not ready, attempts could only end in vetoes: stay suspended."""
        self._enter(State.SUSPENDED, "; ".join(self._unready()))
        wait_until_ready(self.name, self.clock, self._unready, self._goal.retry_interval, self._goal.patience, self._mend)
        self._enter(ATTEMPTING, "ready again")

    def _mend(self) -> bool:
        return self._detector_reset is not None and self._detector_reset.run(self.index + 1, self._note)

    def _note(self, cause: str) -> None:
        self._events.note(self.name, self.clock.now(), self.state, self.state, cause)

    def _unready(self) -> list[str]:
        """Why a herald may not be accepted; asked before it gets its index, never after."""
        return [f"{name}: overloaded or latched" for name, is_overloaded in self._overload_of if is_overloaded()]

    def _accept(self, result: HeraldResult) -> list[Message]:
        self.state = self._moves[self.state, HERALDED]
        self.index = index = self.index + 1
        self._append(index, result, 0)
        accepted = Accepted(self.name, self.clock.now_ps(), index, result.pattern, result.time_ps, self._attempts)
        self.heralds.note(accepted)
        self._attempts = 0
        if self._goal.commit_interval == 0:
            return [*self._commit(), accepted]
        return [*self._group_commit(), accepted]

    def _veto(self, result: HeraldResult, cause: str) -> None:
        self.vetoes += 1
        self._append(NO_INDEX, result, int(Flag.VETOED))
        self._note(f"herald vetoed: {cause}")

    # -- public log --------------------------------------------------------------------------------------------------------------------

    def _append(self, index: int, result: HeraldResult, flags: int) -> None:
        if self._log is None:
            raise SequenceError("bsm: a herald without a public log to note it in")
        attempts = min(self._attempts, MAX_U32)
        self._log.append(
            RECORD_STRUCT.pack(index, result.time_ps, 0, 0, 0, 0, attempts, 0, flags, 0, result.pattern, 0, NOT_PUBLIC, NOT_PUBLIC)
        )

    def _commit(self, *, last: bool = False) -> list[Message]:
        """The public log goes to disk first: no party may hold a round that it does not have."""
        if self._log is not None:
            self._log.commit()
        self._events.flush()
        return [self._durable(self.index, last)]

    def _group_commit(self) -> list[Message]:
        """Announce what has reached the disk since the last herald, and send the next group there when it is time."""
        if self._log is None:
            return []
        durable = self._log.poll()
        now = time.perf_counter()
        if now - self._last_commit >= self._goal.commit_interval:
            self._last_commit = now
            self._log.start()
            self._events.flush()
        return [] if durable is None else [self._durable(durable, False)]

    def _durable(self, n: int, last: bool) -> Durable:
        return Durable(self.name, self.clock.now_ps(), n, last, self.heralds.announce(n))

    def _enter(self, state: State, cause: str = "") -> None:
        before = self.state
        if state is before:
            return
        event = EVENTS.get((before, state))
        if event is None:
            raise illegal_move(self.name, before, state)
        self.state = state
        if event or cause:
            self._events.note(self.name, self.clock.now(), before, state, cause)
