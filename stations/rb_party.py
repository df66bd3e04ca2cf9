"""The steps of a round at a Rb-87 node (Zhang et al., Nature 607, 687 (2022))."""

from __future__ import annotations

from dataclasses import dataclass

from ..clock import Clock
from ..errors import DeviceFault
from ..instruments import HeraldingSequencer
from ..protocol.records import RoundType
from ..sequences.program import Program
from .party import Party, PartySettings
from .procedures.inputs import HardwareInput
from .procedures.isolation import ShutterIsolation
from .procedures.preparation import Preparation
from .procedures.readout import FluorescenceReadout
from .procedures.reset import EmptyTrap
from .procedures.trap_loading import TrapLoading
from .states import ISOLATED, READING, RESETTING, State


@dataclass(frozen=True)
class RbProcedures:
    """What a Rb node is made of.

    Args:
        loading: trap loading.
        preparation: cooling and readiness.
        inputs: hardware-latched input.
        readout: fluorescence.
        empty_trap: reset.
        isolation: shutter; None at the node that holds the Bell-state measurement, which blocks by itself.
        sequencer: the node's own.
        program: for it, with sections ``input`` and ``readout``.
        coherence_ps: the readout pulse must act within this time after the herald.
    """

    loading: TrapLoading
    preparation: Preparation
    inputs: HardwareInput
    readout: FluorescenceReadout
    empty_trap: EmptyTrap
    isolation: ShutterIsolation | None
    sequencer: HeraldingSequencer
    program: Program
    coherence_ps: int


class RbParty(Party):
    """Alice or Bob of a Rb link.

    Args:
        settings: what it is told.
        clock: its own.
        procedures: what it is made of.
    """

    def __init__(self, settings: PartySettings, clock: Clock, procedures: RbProcedures) -> None:
        self._do = procedures
        self._acts_ps = procedures.program.sections["readout"].acts_ps
        super().__init__(settings, clock, procedures.loading, procedures.preparation)

    def prepare_round(self) -> None:
        """Load the fast sequencer, trap on, shutter open, detector on."""
        do = self._do
        do.sequencer.load(do.program)
        do.empty_trap.prepare()
        do.readout.prepare()
        if do.isolation is not None:
            do.isolation.prepare()

    def prepare_inputs(self) -> None:
        """Prepare the source of inputs."""
        self._do.inputs.prepare()

    def disconnect(self) -> None:
        """Close the shutter, where there is one."""
        if self._do.isolation is not None:
            self._do.isolation.make_safe()

    def step_close_shutter(self) -> None:
        """Send the shutter on its way; it takes milliseconds, the spectral filter covers the gap."""
        self._isolation().command()

    def step_input(self) -> None:
        """Read back the input that the hardware latched."""
        drawn = self._do.inputs.run(self._round.herald_ps, self._round.index)
        self._round.setting = drawn.bits
        self._round.input_ps = drawn.time_ps

    def step_readout_pulse(self) -> None:
        """The readout and ionisation pulse, within the coherence time."""
        self.state = self._moves[self.state, READING]
        played = self._do.sequencer.play("readout", self._round.setting)
        self.note_readout(played.start_ps + self._acts_ps, self._do.coherence_ps, self._do.sequencer)

    def step_shutter_confirmed(self) -> None:
        """No fluorescence before the shutter is seen closed."""
        self._round.isolated_ps = self._isolation().confirm()
        self.state = self._moves[self.state, ISOLATED]

    def step_fluorescence(self) -> None:
        """Is the atom still there? That is the outcome."""
        self.state = self._moves[self.state, READING]
        self._round.counts, self._round.outcome = self._do.readout.run()

    def step_empty_trap(self) -> None:
        """Throw the atom out, whatever the outcome was."""
        self.state = self._moves[self.state, RESETTING]
        self._do.empty_trap.run()

    def step_open_shutter(self) -> None:
        """Connect the link again."""
        self._isolation().reconnect()

    def step_reload(self) -> None:
        """Load the next atom, whatever the outcome was."""
        self.state = self._moves[self.state, State.LOADING]
        self._load_and_get_ready()

    def draw_lost(self, index: int, round_type: int | None) -> tuple[int, int]:
        """Fresh bits of the same width."""
        del round_type
        return int(RoundType.SELF), self._do.inputs.draw_lost(index, self._do.program.input_bits)

    def _isolation(self) -> ShutterIsolation:
        if self._do.isolation is None:
            raise DeviceFault(self.name, "the order of the round names a shutter, but none is wired")
        return self._do.isolation
