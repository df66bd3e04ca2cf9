"""A fast sequencer of the twin, at the heralding station or at a node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ...clock import Clock
from ...errors import NotReady, SequenceError
from ...instruments import ExitReason, HeraldingSequencer, HeraldResult, HeraldTally, Played, SequencerCounters
from ...instruments import Program as RoleProgram
from ...sequences.program import Action, Program, Section
from ..ports import SequencerPort
from .base import TwinInstrument, own_clock

_HERALD = ExitReason.HERALD  # Python 3.11 looks a member up by name whenever it is written as ExitReason.HERALD
_Player = Callable[[int | None], Played]
"""Plays one section, once, with the arm that is asked for."""


@dataclass(slots=True)
class _Account:
    """What a sequencer has counted since its program was loaded. A plain object: an attribute of an instrument is slow."""

    counters: SequencerCounters = field(default_factory=lambda: SequencerCounters(0, 0))


class TwinSequencer(HeraldingSequencer, TwinInstrument):
    """A sequencer in memory, on the world. It plays :class:`~eventready.sequences.program.Program`.

    Args:
        name: of the instrument.
        port: its outputs and inputs; by default nothing is connected, and nothing ever heralds.
        clock: of the node.
    """

    def __init__(self, name: str, port: SequencerPort | None = None, clock: Clock | None = None) -> None:
        self._port = SequencerPort() if port is None else port
        self._program: Program | None = None
        self._players: dict[str, _Player] = {}
        self._account = _Account()
        super().__init__(name, clock=own_clock(clock))
        self._attempts = self._attempter(None)

    def _do_load(self, program: RoleProgram) -> None:
        if not isinstance(program, Program):
            raise SequenceError(f"{self.full_name}: plays eventready.sequences.program.Program, not {type(program).__name__}")
        self._program = program
        self._players = {name: self._player(section, program.input_bits) for name, section in program.sections.items()}
        self._account = _Account()
        self._attempts = self._attempter(program)
        self._port.take_counted()

    def _do_run(self, limit_attempts: int) -> HeraldResult:
        return self._attempts(limit_attempts)

    def _attempter(self, program: Program | None) -> Callable[[int], HeraldResult]:
        """All that a run of attempts needs is looked up when its program is loaded."""
        port, account, now_ps, sleep_until_ps = self._port, self._account, self.clock.now_ps, self.clock.sleep_until_ps
        new = tuple.__new__  # HeraldResult(...) itself goes by way of Python

        def attempts(limit: int) -> HeraldResult:
            loaded = self._loaded() if program is None else program  # without one it is said that none is there
            if loaded.loop is None:
                raise SequenceError(f"{self.full_name}: the program for {loaded.node} has no attempt loop")
            heralded, missing, pattern, time_ps, made = port.run(now_ps(), loaded.loop, loaded.accepted_patterns, limit)
            cycles, references = account.counters
            account.counters = new(SequencerCounters, (cycles + made, references + made - port.take_missed_references()))
            sleep_until_ps(time_ps)
            if heralded:
                return new(HeraldResult, (_HERALD, pattern, time_ps, made, None, ""))
            return HeraldResult(ExitReason.NOT_READY if missing else ExitReason.LIMIT, 0, time_ps, made)

        return attempts

    def _do_play(self, section: str, arm: int | None) -> Played:
        return self._do_player(section)(arm)

    def _do_player(self, section: str) -> _Player:
        if section not in self._players:
            raise SequenceError(f"{self.full_name}: no section {section!r}; there are {', '.join(self._players)}")
        return self._players[section]

    def _player(self, section: Section, input_bits: int) -> _Player:
        """All that a section needs is looked up when it is loaded, and not in every round."""
        port, arms, acts_after_ps, length_ps = self._port, section.arms, section.acts_ps, section.length_ps
        act, latches = port.actor(section.action), section.action is Action.LATCH
        now_ps, sleep_until_ps = self.clock.now_ps, self.clock.sleep_until_ps
        new = tuple.__new__  # Played(...) itself goes by way of Python

        def play(arm: int | None) -> Played:
            start_ps = now_ps()
            acts_ps = start_ps + acts_after_ps
            if latches:
                arm = port.latch(input_bits, acts_ps)
            if not arms:
                act(None, acts_ps)
            elif arm is None or not 0 <= arm < len(arms):
                raise SequenceError(f"{self.full_name}: section {section.name!r} needs one of its {len(arms)} arms")
            else:
                act(arms[arm], acts_ps)
            end_ps = start_ps + length_ps
            sleep_until_ps(end_ps)
            return new(Played, (arm or 0, acts_ps, start_ps, end_ps))

        return play

    def _do_counters(self) -> SequencerCounters:
        return self._account.counters

    def _do_tally(self) -> HeraldTally:
        loop = self._loaded().loop
        counted = self._port.take_counted()
        off_gate_ps = 0 if loop is None else self._port.off_gate_ps(loop)
        return HeraldTally.of_patterns(counted.patterns.tolist(), counted.off_gate.tolist(), off_gate_ps)

    def _do_make_safe(self) -> None:
        """Nothing runs between two calls; what is loaded stays."""

    def _loaded(self) -> Program:
        if self._program is None:
            raise NotReady(f"{self.full_name}: no program is loaded")
        return self._program
