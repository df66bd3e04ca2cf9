"""Alice or Bob: a node that carries one round after the other through, without any input or output of its own.

Messages in, messages out (:meth:`Party.on`). What a round consists of, and in which order, is data from the link file; the steps are
methods named ``step_<name>``, of the platform's subclass in :mod:`.rb_party` or :mod:`.sr_party`.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..clock import Clock
from ..errors import DeviceError, DeviceFault, HeraldsDiffer, SequenceError
from ..instruments import HeraldingSequencer
from ..protocol.records import Flag
from ..protocol.round_log import GroupCommit
from ..sequences.program import to_ps
from .events import EventLog
from .herald_digest import HeraldDigest
from .messages import Accepted, Durable, Message, Ready, Recheck, Recorded, Resume, Suspend
from .procedures.preparation import Preparation, wait_until_ready
from .procedures.trap_loading import TrapLoading
from .round import Round
from .states import ATTEMPTING, EVENTS, HERALDED, RECORDED, RoundMoves, State, illegal_move

MEASUREMENT_STEPS = frozenset({"close_shutter", "shuttle", "readout_pulse", "rotate", "shutter_confirmed", "fluorescence"})
"""Steps whose failure costs the round its readout but not its record."""
ISOLATION_STEPS = frozenset({"close_shutter", "shuttle", "shutter_confirmed"})
"""Those of them whose failure means that isolation was not reached."""
WAITING_STEPS = frozenset({"isolated_both", "round_type"})
"""Steps that may have to wait for a message; they say whether they are done, and are taken again when one has come."""


@dataclass(frozen=True)
class PartySettings:
    """What a party is told about the run.

    Args:
        name: ``alice`` or ``bob``.
        order: the steps of a round.
        fallback: output where no readout is possible.
        check_interval: at least so often all instruments are asked whether they are ready, s.
        retry_interval: pause between two such questions while something is not ready, s.
        patience: how long something may be not ready before the run ends, s.
    """

    name: str
    order: tuple[str, ...]
    fallback: int
    check_interval: float = 1.0
    retry_interval: float = 1.0
    patience: float = 3600.0


class Party(ABC):
    """State machine of one party.

    Args:
        settings: what it is told.
        clock: its own.
        loading: procedure that has an atom in the trap.
        preparation: procedure that has everything ready.
    """

    def __init__(self, settings: PartySettings, clock: Clock, loading: TrapLoading, preparation: Preparation) -> None:
        self.name = settings.name
        self.clock = clock
        self.state = State.IDLE
        self.loading = loading
        self.preparation = preparation
        self._settings = settings
        self._events = EventLog()
        self._round = Round(settings.fallback)
        self._moves = RoundMoves(settings.name)
        self._legs = self._plan(settings.order)
        self._leg = 0
        self._out: list[Message] = []
        self._log: GroupCommit | None = None
        self.heralds = HeraldDigest()
        self._appended = self._durable = -1
        self._announced = b""
        self._next_check_ps = 0
        self._handlers: dict[tuple[State, type[Message]], Callable[[Any], None]] = {
            (ATTEMPTING, Accepted): self._on_accepted,
            (ATTEMPTING, Recheck): self._on_recheck,
            **{(state, Durable): self._on_durable for state in State},
        }

    # -- life cycle --------------------------------------------------------------------------------------------------------------------

    def begin(self, log: GroupCommit, events: EventLog, last_index: int) -> list[Message]:
        """Start a run.

        Args:
            log: where the records go.
            events: where transitions are noted.
            last_index: of the last round in ``log``, -1 for an empty one.
        """
        self._log = log
        self._events = events
        self._appended = self._durable = last_index
        self.heralds = HeraldDigest(last_index)
        self._enter(State.LOADING, "run begins")
        self.prepare()
        self.prepare_inputs()
        self._load_and_get_ready()
        out, self._out = self._out, []
        return out

    def prepare(self) -> None:
        """Bring all instruments into the state from which attempts start; nothing is drawn, nothing is loaded."""
        self.preparation.prepare()
        self.loading.prepare()
        self.prepare_round()

    def end(self) -> None:
        """Finish a run in good order."""
        self._enter(State.STOPPING, "run ends")
        self._enter(State.IDLE, "run ended")
        self._log = None

    def fail(self, cause: str) -> None:
        """Note that the run broke off here."""
        self._enter(State.FAULT, cause)
        self._log = None

    def on(self, message: Message) -> list[Message]:
        """React to a message.

        Raises:
            SequenceError: it makes no sense in this state.
            DeviceError: an instrument failed where that ends the run.
        """
        handler = self._handlers.get((self.state, type(message)))
        if handler is None:
            raise SequenceError(f"{self.name}: a node that is {self.state} cannot handle {type(message).__name__} from {message.sender}")
        handler(message)
        out, self._out = self._out, []
        return out

    def awaited(self) -> dict[str, type[Message]]:
        """What it waits for at this moment to go on with its round, by sender. For a herald it waits as long as that takes."""
        return {}

    # -- what subclasses add -----------------------------------------------------------------------------------------------------------

    @abstractmethod
    def prepare_round(self) -> None:
        """Prepare the platform's own procedures before the first round."""

    @abstractmethod
    def prepare_inputs(self) -> None:
        """Prepare the source of inputs."""

    @abstractmethod
    def disconnect(self) -> None:
        """Cut the light path to the outside, as part of making everything safe."""

    # -- messages ----------------------------------------------------------------------------------------------------------------------

    def _on_accepted(self, message: Accepted) -> None:
        _, _, n, pattern, herald_ps, attempts = message
        if n != self._appended + 1:
            raise SequenceError(f"{self.name}: round {n} was announced after round {self._appended}; the logs would differ")
        self.heralds.note(message)
        self._round.begin(n, pattern, herald_ps, attempts)
        self.state = self._moves[self.state, HERALDED]
        self._leg = 0
        self._go_on()

    def _on_recheck(self, message: Recheck) -> None:
        self._enter(State.LOADING, message.cause)  # before the look: the detector may be the heralding station's while attempting
        self._load_and_get_ready(look=True)

    def _on_durable(self, message: Durable) -> None:
        self._durable = message.n
        self._announced = message.digest
        if self._log is None:
            return
        if message.last:
            self._commit()
        elif self._appended >= message.n:
            self._confirm_heralds()
            self._log.start(leave=self._appended - message.n)

    def _commit(self) -> None:
        """Put on disk what has been recorded, and only then say so."""
        if self._log is not None:
            self._confirm_heralds()
            self._log.commit()
            self._events.flush()
            self._out.append(Recorded(self.name, self.clock.now_ps(), self._appended))

    def _confirm_heralds(self) -> None:
        """Nothing reaches the disk that was recorded of a herald as the heralding station did not accept it."""
        heralds = self.heralds
        if not heralds.confirm(self._durable, self._announced):
            raise HeraldsDiffer(
                f"{self.name}: the heralds heard after round {heralds.upto} and up to round {self._durable} are not those in the "
                f"public log: a message was altered between bsm and {self.name}. None of these rounds is in {self.name}'s log; "
                "see to the line, then resume the run"
            )

    def agrees_with(self, announced: HeraldDigest) -> bool:
        """Whether all heralds that were recorded here are those that the heralding station accepted, as far as that is still open."""
        return self._appended <= self.heralds.upto or self.heralds.peek(self._appended) == announced.peek(self._appended)

    # -- a round -----------------------------------------------------------------------------------------------------------------------

    def _plan(self, order: Sequence[str]) -> Sequence[tuple[Callable[[], bool], Sequence[Callable[[], None]]]]:
        """The order of a round as legs: each begins with a step that may wait, and goes on with those that follow it.

        Measurements that follow each other are one item: when one of them fails, the rest of them is left out.
        """
        legs: list[tuple[Callable[[], bool], list[Callable[[], None]]]] = [(lambda: True, [])]
        for measures, names in itertools.groupby(order, MEASUREMENT_STEPS.__contains__):
            if measures:
                legs[-1][1].append(partial(self._measure, [(name, getattr(self, f"step_{name}")) for name in names]))
                continue
            for name in names:
                step = getattr(self, f"step_{name}")
                if name in WAITING_STEPS:
                    legs.append((step, []))
                else:
                    legs[-1][1].append(step)
        return legs

    def _go_on(self) -> None:
        """Take the steps of the round until one waits for a message, or none is left."""
        for ready, steps in self._legs[self._leg :]:
            if not ready():
                return
            self._leg += 1
            for step in steps:
                step()

    def _measure(self, steps: Sequence[tuple[str, Callable[[], None]]]) -> None:
        """Take steps on which the readout hangs, for as long as one is possible."""
        if self._round.measurable:
            name = ""
            try:
                for name, step in steps:  # noqa: B007 - the step that failed is named below
                    step()
            except DeviceError as error:
                self._give_up(name, error)

    def _give_up(self, step: str, error: DeviceError) -> None:
        """The readout of this round is lost; its record is not."""
        self._round.give_up(Flag.NOT_ISOLATED if step in ISOLATION_STEPS else Flag.DEVICE_FAULT)
        self._next_check_ps = 0  # before the next round everything is asked whether it is ready
        self._note(f"round {self._round.index}: {error}")

    def note_readout(self, readout_ps: int, coherence_ps: int, sequencer: HeraldingSequencer) -> None:
        """Record when the projection was.

        Raises:
            DeviceFault: it came after the coherence time.
        """
        self._round.readout_ps = readout_ps
        late_ps = readout_ps - self._round.herald_ps - coherence_ps
        if late_ps > 0:
            raise DeviceFault(
                sequencer.name, f"the readout came {late_ps / 1e6:.1f} us after the coherence time; check trigger and line delays"
            )

    def step_accepted(self) -> None:  # noqa: B027 - the order names it, and nothing is left to do
        """The round exists."""

    def step_record(self) -> None:
        """Hand the record to the log."""
        log, round_ = self._log, self._round
        if log is None:
            raise SequenceError(f"{self.name}: a round without a log to record it in")
        round_.done_ps = self.clock.now_ps()
        log.append(round_.pack())
        self._appended = index = round_.index
        if round_.measurable:
            self.state = self._moves[self.state, RECORDED]
        else:
            self._enter(RECORDED)
        if index == self._durable:  # the public log went first, so this may go to disk at once
            self._commit()
        elif (durable := log.poll()) is not None:
            self._out.append(Recorded(self.name, self.clock.now_ps(), durable))

    # -- getting ready -----------------------------------------------------------------------------------------------------------------

    def _load_and_get_ready(self, *, look: bool = False) -> None:
        """Have a particle in the trap, and become ready; ``look`` whether one is there already."""
        while not self._load(look=look):
            # Suspending is legal from attempting only: nobody attempts before this node is ready.
            self.state = self._moves[self.state, State.PREPARING]
            self.state = self._moves[self.state, ATTEMPTING]
            self._wait_until_ready()
            self._enter(State.LOADING, "the trap is loaded anew")
        self.state = self._moves[self.state, State.PREPARING]
        self.preparation.run()
        self._get_ready()

    def _load(self, *, look: bool) -> bool:
        """Have a particle in the trap; False where the detector that should see it has latched."""
        try:
            if not look or not self.loading.present():
                self.loading.run()
        except DeviceFault:
            reset = self.preparation.detector_reset
            if reset is None or not reset.reasons():
                raise
            self.loading.make_safe()
            return False
        return True

    def _get_ready(self) -> None:
        """Become ready for attempts; while something is not, stay suspended and say why."""
        self.state = self._moves[self.state, ATTEMPTING]
        now_ps = self.clock.now_ps()
        if now_ps >= self._next_check_ps:
            self._wait_until_ready()
            now_ps = self.clock.now_ps()
            self._next_check_ps = now_ps + to_ps(self._settings.check_interval)
        self._out.append(tuple.__new__(Ready, (self.name, now_ps)))  # Ready(...) itself goes by way of Python

    def _wait_until_ready(self) -> None:
        reasons = self.preparation.unready()
        if not reasons:
            return
        cause = "; ".join(reasons)
        self._out.append(Suspend(self.name, self.clock.now_ps(), cause))
        self._enter(State.SUSPENDED, cause)
        patience, retry_interval = self._settings.patience, self._settings.retry_interval
        wait_until_ready(self.name, self.clock, self.preparation.unready, retry_interval, patience, self._mend)
        self._out.append(Resume(self.name, self.clock.now_ps()))
        self._enter(ATTEMPTING, "ready again")

    def _mend(self) -> bool:
        reset = self.preparation.detector_reset
        return reset is not None and reset.run(self._appended + 1, self._note)

    def _note(self, cause: str) -> None:
        self._events.note(self.name, self.clock.now(), self.state, self.state, cause)

    # -- small things ------------------------------------------------------------------------------------------------------------------

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

    def lost_record(self, index: int, pattern: int, herald_ps: int, attempts: int, round_type: int | None) -> tuple[bytes, int]:
        """The record of a round that a crash swallowed: fallback output, input drawn but never applied.

        Args:
            index: of the round, as the public log has it.
            pattern: from the public log.
            herald_ps: from the public log.
            attempts: from the public log.
            round_type: as the other party recorded it; None where that is not known either.

        Returns:
            The record, and the round's type (which is public).
        """
        round_ = Round(self._settings.fallback)
        round_.begin(index, pattern, herald_ps, attempts)
        round_.round_type, round_.setting = self.draw_lost(index, round_type)
        round_.give_up(Flag.LOST)
        return round_.pack(), round_.round_type

    @abstractmethod
    def draw_lost(self, index: int, round_type: int | None) -> tuple[int, int]:
        """Round type and input for a round that a crash swallowed."""
