"""The hidden state behind a herald, and what reading it out does.

The first readout draws from its marginal and collapses the state; the second draws from what is left. So no party's readout ever
needs the other's setting, and the order of the two does not matter. The probabilities are closed form and cached: a run has only a handful
of different (pattern, analysis, delay) triples.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ..sequences.program import Arm
from .draws import Draws
from .physics.bsm import PATTERNS, herald_distribution
from .physics.parameters import LinkParameters, Side
from .physics.readout import RbAnalysis, SrAnalysis, bright_effect
from .physics.states import dephased
from .tallies import Counted

State = npt.NDArray[np.complex128]
_SIDES: tuple[Side, Side] = ("alice", "bob")


class Reading(NamedTuple):
    """How one atom is read: the arm, and how long after the herald.

    Args:
        arm: the analysis.
        delay_ns: from herald to projection.
    """

    arm: Arm
    delay_ns: int


class StateTable:
    """Two-atom states by number, and the readout probabilities that follow from each, worked out on demand.

    Args:
        parameters: the physics in force.
        states: operators of shape (levels**2, levels**2), of any positive trace.
    """

    def __init__(self, parameters: LinkParameters, states: Sequence[State]) -> None:
        self._parameters = parameters
        self._unit: State = np.eye(parameters.levels, dtype=np.complex128)
        self._operators = states
        self._marginals: dict[tuple[int, int, Reading], float] = {}
        self._conditionals: dict[tuple[int, int, Reading, bool, Reading], float] = {}

    def marginal(self, pattern: int, side: int, reading: Reading) -> float:
        """P(bright) of the party read first; ``pattern`` is the number of the state."""
        key = (pattern, side, reading)
        value = self._marginals.get(key)
        if value is None:
            value = self._marginals[key] = self._marginal(*key)
        return value

    def conditional(self, pattern: int, first: int, reading: Reading, bright: bool, second: Reading) -> float:
        """P(bright) of the party read second, given what the first one showed."""
        key = (pattern, first, reading, bright, second)
        value = self._conditionals.get(key)
        if value is None:
            value = self._conditionals[key] = self._conditional(*key)
        return value

    def _marginal(self, pattern: int, side: int, reading: Reading) -> float:
        delays = (reading.delay_ns * 1e-9, 0.0) if side == 0 else (0.0, reading.delay_ns * 1e-9)
        state = self._state(pattern, delays)
        effects = [self._unit, self._unit]
        effects[side] = self._effect(side, reading)
        return _clip(np.trace(np.kron(*effects) @ state).real)

    def _conditional(self, pattern: int, first: int, reading: Reading, bright: bool, second: Reading) -> float:
        delays = [0.0, 0.0]
        delays[first], delays[1 - first] = reading.delay_ns * 1e-9, second.delay_ns * 1e-9
        state = self._state(pattern, (delays[0], delays[1]))
        seen = self._effect(first, reading)
        effects = [self._unit, self._unit]
        effects[first] = seen if bright else self._unit - seen
        total = np.trace(np.kron(*effects) @ state).real
        effects[1 - first] = self._effect(1 - first, second)
        return _clip(np.trace(np.kron(*effects) @ state).real / total) if total > 0 else 0.5

    def _state(self, pattern: int, delays: tuple[float, float]) -> State:
        state = dephased(self._operators[pattern], self._parameters, *delays)
        normalised: State = state / np.trace(state).real
        return normalised

    def _effect(self, side: int, reading: Reading) -> State:
        arm = reading.arm
        rb = self._parameters.platform == "rb87"
        analysis = RbAnalysis(arm.angle, arm.phase, arm.beam) if rb else SrAnalysis(arm.angle, arm.phase)
        return bright_effect(self._parameters, _SIDES[side], analysis)


class Herald(NamedTuple):
    """A herald and what is hidden behind it.

    Attributes:
        pattern: the click pattern.
        state: number of the two-atom state in the source's table.
    """

    pattern: int
    state: int


class HeraldSource(Protocol):
    """Where heralds come from: the closed form (level L1), or clicks in which software looks for them (L2)."""

    states: StateTable

    def attempts_until_herald(self, draws: Draws, limit: int) -> int:
        """Number of the attempt that heralds, from 1; anything above ``limit`` says that none of the first ``limit`` does."""

    def herald(self, draws: Draws) -> Herald:
        """What heralded in the attempt that :meth:`attempts_until_herald` named last."""

    def passed(self, attempts: int) -> None:
        """So many of the attempts that :meth:`attempts_until_herald` spoke of last took place; a herald's own is among them."""

    def take_counted(self, rng: np.random.Generator) -> Counted:
        """What was counted in the attempts that took place since this was last asked."""


class HeraldTable(StateTable):
    """Everything that follows from one set of parameters in closed form: pattern probabilities, and the state behind each pattern.

    Args:
        parameters: the physics in force.
        present: which node's atom is there (Alice, Bob).
        accepted: the click patterns that herald.
        off_gate: how many times as long as the gate off-gate clicks are counted in an attempt.
    """

    def __init__(self, parameters: LinkParameters, present: tuple[bool, bool], accepted: tuple[int, ...], *, off_gate: float = 0.0) -> None:
        distribution = herald_distribution(parameters, present)
        super().__init__(parameters, list(distribution.state))
        self.states: StateTable = self
        probability = np.array([distribution.probability[pattern] for pattern in accepted])
        self.herald_probability = float(probability.sum())
        self.log_survival = -float(np.log1p(-self.herald_probability))
        """-ln(1 - p): a herald takes a unit-exponential draw over this many attempts."""
        self._heralds = [Herald(pattern, pattern) for pattern in accepted]
        self._cumulative = (np.cumsum(probability) / probability.sum()).tolist() if probability.sum() > 0 else []
        self._probability = distribution.probability
        self._off_gate = -off_gate * np.log1p(-np.array(parameters.bsm.dark_probability))
        self._attempts = 0
        self._heralded = [0] * PATTERNS

    def attempts_until_herald(self, draws: Draws, limit: int) -> int:
        """Geometric: ceil(E / -ln(1 - p)) with E exponential, exactly."""
        if self.log_survival == 0.0:
            return limit + 1
        return math.ceil(draws.exponential() / self.log_survival) or 1

    def herald(self, draws: Draws) -> Herald:
        """One of the accepted patterns, by its share; every pattern has one state."""
        found = self.selected(draws.uniform())
        self._heralded[found.pattern] += 1
        return found

    def selected(self, uniform: float) -> Herald:
        """The herald that a uniform draw selects; the last one where rounding has left the shares short of 1."""
        return self._heralds[min(bisect_right(self._cumulative, uniform), len(self._heralds) - 1)]

    def passed(self, attempts: int) -> None:
        """They are counted; what clicked in them is drawn when somebody asks."""
        self._attempts += attempts

    def take_counted(self, rng: np.random.Generator) -> Counted:
        """Exact: without a herald, the pattern of an attempt is one of those that do not herald, with their relative probabilities.

        Off-gate clicks are darks, a Poisson process whatever is in the gate.
        """
        heralds = np.array(self._heralded)
        blind = self._probability.copy()
        blind[[herald.pattern for herald in self._heralds]] = 0.0
        patterns = heralds + rng.multinomial(self._attempts - int(heralds.sum()), blind / blind.sum())
        off_gate = rng.poisson(self._off_gate * self._attempts)
        self._attempts, self._heralded = 0, [0] * PATTERNS
        return Counted(patterns, off_gate)


def _clip(probability: float) -> float:
    return min(1.0, max(0.0, float(probability)))


class HiddenPair:
    """One heralded pair, waiting to be read out by two parties that do not know of each other.

    Args:
        table: the physics at the moment of the herald.
        state: number of its state in the table.
        herald_ps: when.
    """

    __slots__ = ("_first", "_state", "_table", "herald_ps")

    def __init__(self, table: StateTable, state: int, herald_ps: int) -> None:
        self._table = table
        self._state = state
        self.herald_ps = herald_ps
        self._first: tuple[int, Reading, bool] | None = None

    def read(self, side: int, reading: Reading, uniform: float) -> bool:
        """Project one atom, each once; True is bright (still trapped, or fluorescing)."""
        first = self._first
        if first is None:
            bright = uniform < self._table.marginal(self._state, side, reading)
            self._first = (side, reading, bright)
            return bright
        return uniform < self._table.conditional(self._state, first[0], first[1], first[2], reading)
