"""A fast sequencer of the twin, at the heralding station or at a node."""

from __future__ import annotations

from ...clock import Clock
from ...errors import NotReady, SequenceError
from ...instruments import ExitReason, HeraldingSequencer, HeraldResult, HeraldTally, Played, SequencerCounters
from ...instruments import Program as RoleProgram
from ...sequences.program import Action, Program, Section
from ..ports import Actor, SequencerPort
from .base import TwinInstrument, own_clock

_LATCH = Action.LATCH  # Python 3.11 looks a member up by name whenever it is written as Action.LATCH


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
        self._sections: dict[str, tuple[Section, Actor]] = {}
        self._cycles = self._references = 0
        super().__init__(name, clock=own_clock(clock))

    def _do_load(self, program: RoleProgram) -> None:
        if not isinstance(program, Program):
            raise SequenceError(f"{self.full_name}: plays eventready.sequences.program.Program, not {type(program).__name__}")
        self._program = program
        self._sections = {name: (section, self._port.actor(section.action)) for name, section in program.sections.items()}
        self._cycles = self._references = 0
        self._port.take_counted()

    def _do_run(self, limit_attempts: int) -> HeraldResult:
        program = self._loaded()
        if program.loop is None:
            raise SequenceError(f"{self.full_name}: the program for {program.node} has no attempt loop")
        ended = self._port.run(self.clock.now_ps(), program.loop, program.accepted_patterns, limit_attempts)
        self._cycles += ended.attempts
        self._references += ended.attempts - self._port.take_missed_references()
        self.clock.sleep_until_ps(ended.time_ps)
        if ended.heralded:
            return HeraldResult(ExitReason.HERALD, ended.pattern, ended.time_ps, ended.attempts)
        reason = ExitReason.NOT_READY if ended.particle_missing else ExitReason.LIMIT
        return HeraldResult(reason, 0, ended.time_ps, ended.attempts)

    def _do_play(self, section: str, arm: int | None) -> Played:
        if section not in self._sections:
            raise SequenceError(f"{self.full_name}: no section {section!r}; there are {', '.join(self._sections)}")
        part, act = self._sections[section]
        clock = self.clock
        start_ps = clock.now_ps()
        acts_ps = start_ps + part.acts_ps
        if part.action is _LATCH:
            arm = self._port.latch(self._loaded().input_bits, acts_ps)
        chosen = None
        if arms := part.arms:
            if arm is None or not 0 <= arm < len(arms):
                raise SequenceError(f"{self.full_name}: section {section!r} needs one of its {len(arms)} arms")
            chosen = arms[arm]
        act(chosen, acts_ps)
        end_ps = start_ps + part.length_ps
        clock.sleep_until_ps(end_ps)
        return Played(arm or 0, acts_ps, start_ps, end_ps)

    def _do_counters(self) -> SequencerCounters:
        return SequencerCounters(self._cycles, self._references)

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
