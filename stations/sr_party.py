"""The steps of a round at a Sr-88 node (Nadlinger et al., Nature 607, 682 (2022), Methods)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from ..clock import Clock
from ..errors import HeraldsDiffer, SequenceError
from ..instruments import HeraldingSequencer
from ..instruments.sequencer import SectionPlayer
from ..protocol.records import RoundType
from ..sequences.program import Program
from .messages import Isolated, Message, RoundTypeBit
from .party import Party, PartySettings
from .procedures.inputs import PoolInput
from .procedures.isolation import ShuttleIsolation
from .procedures.preparation import Preparation
from .procedures.readout import FluorescenceReadout
from .procedures.reset import Scramble
from .procedures.trap_loading import TrapLoading
from .slots import PARTIES
from .states import HERALDED, ISOLATED, READING, RESETTING, State

_TEST, _KEY = int(RoundType.TEST), int(RoundType.KEY)


@dataclass(frozen=True)
class SrProcedures:
    """What a Sr node is made of.

    Args:
        loading: trap loading.
        preparation: cooling and readiness.
        inputs: the pool of random bits.
        readout: fluorescence.
        scramble: reset.
        isolation: shuttling.
        sequencer: the node's own.
        program: for it.
        arms: arm of the section ``rotate`` for (setting, herald pattern); the pattern selects the frame.
        key_setting: the input of a key round.
        type_bits: Bob only: how many of his random bits decide the round's type; 0 at Alice, who is told.
        test_below: Bob only: a round is a test when the number that these bits make is below this.
        slot_ps: from isolation to the input; the same in every round, so that the traffic in between tells nothing.
        coherence_ps: the rotation must act within this time after the herald.
    """

    loading: TrapLoading
    preparation: Preparation
    inputs: PoolInput
    readout: FluorescenceReadout
    scramble: Scramble
    isolation: ShuttleIsolation
    sequencer: HeraldingSequencer
    program: Program
    arms: Mapping[tuple[int, int], int]
    key_setting: int
    type_bits: int
    test_below: int
    slot_ps: int
    coherence_ps: int


class SrParty(Party):
    """Alice or Bob of a Sr link.

    Args:
        settings: what it is told.
        clock: its own.
        procedures: what it is made of.
    """

    def __init__(self, settings: PartySettings, clock: Clock, procedures: SrProcedures) -> None:
        self._do = procedures
        self._bits = 0
        self._slot_start_ps = 0
        self._decides = procedures.type_bits > 0
        self._acts_ps = procedures.program.sections["rotate"].acts_ps
        self._peer_isolated = -1
        self._round_type_bit: tuple[int, bool] | None = None
        self._rotate: SectionPlayer = partial(procedures.sequencer.play, "rotate")
        super().__init__(settings, clock, procedures.loading, procedures.preparation)
        for state in State:
            self._handlers[state, Isolated] = self._on_isolated
            if not self._decides:
                self._handlers[state, RoundTypeBit] = self._on_round_type

    def awaited(self) -> dict[str, type[Message]]:
        """In a round: that the other party is isolated, and at Alice the type of the round."""
        if self.state is not ISOLATED:
            return {}
        other = next(party for party in PARTIES if party != self.name)
        return {other: Isolated if self._peer_isolated != self._round.index else RoundTypeBit}

    def _on_isolated(self, message: Isolated) -> None:
        n = message.n
        self._require_news(message, n, self._peer_isolated)
        self._peer_isolated = n
        if self.state is ISOLATED:
            self._go_on()

    def _on_round_type(self, message: RoundTypeBit) -> None:
        _, _, n, is_test = message
        self._require_news(message, n, self._round_type_bit[0] if self._round_type_bit is not None else -1)
        self._round_type_bit = (n, is_test)
        if self.state is ISOLATED:
            self._go_on()

    def _require_news(self, message: Isolated | RoundTypeBit, n: int, heard: int) -> None:
        """The other party speaks once a round, of the one in hand or of the next if it has heard of that first."""
        if n != self._appended + 1 or n == heard:
            raise SequenceError(
                f"{self.name}: {message.sender} sent {type(message).__name__} of round {n}, "
                f"but round {self._appended + 1} is to come{' and has been heard of' if n == heard else ''}"
            )

    def prepare_round(self) -> None:
        """Load the fast sequencer, detector on, ion scrambled and in the fibre's focus."""
        do = self._do
        do.sequencer.load(do.program)
        self._rotate = do.sequencer.player("rotate")
        do.readout.prepare()
        do.scramble.prepare()
        do.isolation.prepare()

    def prepare_inputs(self) -> None:
        """Prepare the source of inputs."""
        self._do.inputs.prepare()

    def disconnect(self) -> None:
        """Move the ion out of the fibre's focus."""
        self._do.isolation.make_safe()

    def step_shuttle(self) -> None:
        """Move the ion out of the fibre's focus."""
        self._round.isolated_ps = self._do.isolation.run()

    def step_isolated_both(self) -> bool:
        """Say so, and wait until the other party has said it too."""
        round_ = self._round
        if self.state is HERALDED:
            self.state = self._moves[HERALDED, ISOLATED]
            self._slot_start_ps = now_ps = self.clock.now_ps()
            self._out.append(tuple.__new__(Isolated, (self.name, now_ps, round_.index, round_.measurable)))  # as Ready is made
        return self._peer_isolated == round_.index

    def step_round_type(self) -> bool:
        """Bob draws the type and tells Alice; Alice waits to be told. Both wait until the slot for it has passed."""
        round_, clock = self._round, self.clock
        if self._decides:
            self._bits, drawn_ps = self._do.inputs.run(round_.herald_ps, round_.index)
            round_.round_type = self._drawn_type()
            self._out.append(RoundTypeBit(self.name, drawn_ps, round_.index, round_.round_type == _TEST))
        elif self._round_type_bit is not None and self._round_type_bit[0] == round_.index:
            round_.round_type = _TEST if self._round_type_bit[1] else _KEY
        else:
            return False
        clock.sleep_until_ps(self._slot_start_ps + self._do.slot_ps)
        return True

    def step_input(self) -> None:
        """A random bit in a test round, the fixed input in a key round; the bit is used up either way."""
        round_ = self._round
        if not self._decides:
            self._bits = self._do.inputs.run(round_.herald_ps, round_.index).bits
        round_.setting = self._setting(round_.round_type)
        round_.input_ps = self.clock.now_ps()

    def step_rotate(self) -> None:
        """Turn the qubit into the basis of the input, in the frame of the herald pattern."""
        self.state = self._moves[self.state, READING]
        do, round_ = self._do, self._round
        arm = do.arms.get((round_.setting, round_.pattern))  # a KeyError would hold the setting
        if arm is None:
            raise HeraldsDiffer(
                f"{self.name}: round {round_.index} was announced with the click pattern {round_.pattern:04b}, "
                f"which is no herald of this link: the message was altered between bsm and {self.name}. "
                "See to the line, then resume the run"
            )
        played = self._rotate(arm)
        self.note_readout(played.start_ps + self._acts_ps, do.coherence_ps, do.sequencer)

    def step_fluorescence(self) -> None:
        """Bright or dark? That is the outcome."""
        round_ = self._round
        round_.counts, round_.outcome = self._do.readout.run()

    def step_scramble(self) -> None:
        """Erase the ion's state before it is seen from outside again."""
        self.state = self._moves[self.state, RESETTING]
        self._do.scramble.run()

    def step_reconnect(self) -> None:
        """Back into the fibre's focus, ready for the next round."""
        self._do.isolation.reconnect()
        self._get_ready()

    def draw_lost(self, index: int, round_type: int | None) -> tuple[int, int]:
        """Type and input at the lost round's place in the pool; a type that the other party has on record stands."""
        self._bits = self._do.inputs.draw_lost(index, 0)
        if round_type is None:
            round_type = self._drawn_type()
        return round_type, self._setting(round_type)

    def _drawn_type(self) -> int:
        below = self._bits & ((1 << self._do.type_bits) - 1)
        return _TEST if below < self._do.test_below else _KEY

    def _setting(self, round_type: int) -> int:
        if round_type != _TEST:
            return self._do.key_setting
        # The bits of the round type come first; the one after them is one that nothing else has used.
        return (self._bits >> self._do.type_bits) & 1
