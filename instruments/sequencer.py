"""The heralding sequencer role: attempts until a herald, with the right of veto."""

from __future__ import annotations

import enum
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple, Protocol

from ..errors import ConfigError, DeviceFault, DeviceProtocolError, NotReady
from .base import Role
from .parameter import RoleParameter


class Program(Protocol):
    """What the role needs to know of a compiled sequence."""

    @property
    def digest(self) -> str:
        """Identifies the program; equal if and only if the program is."""

    @property
    def accepted_patterns(self) -> Collection[int]:
        """Click patterns that herald, one bit a detector; exact matches only."""


class ExitReason(enum.StrEnum):
    """How a run of attempts ended."""

    HERALD = "herald"
    LIMIT = "limit"
    NOT_READY = "not ready"
    VETOED = "vetoed"


_HERALD = ExitReason.HERALD  # Python 3.11 looks a member up by name whenever it is written as ExitReason.HERALD


class HeraldResult(NamedTuple):
    """One run of attempts.

    Attributes:
        reason: how it ended. A driver reports HERALD, LIMIT or NOT_READY (a particle is missing, the other node's ready line is low);
            the role makes VETOED of a herald that it does not believe.
        pattern: click pattern, one bit a detector.
        time_ps: when the herald was known, or when the sequencer gave up, on the sequencer's clock.
        attempts: excitations of this run.
        latched: the input that the hardware latched with the herald; None where it does not.
        veto: in words, why a herald of this run is not to be believed; empty if nothing is wrong.
    """

    reason: ExitReason
    pattern: int
    time_ps: int
    attempts: int
    latched: int | None = None
    veto: str = ""

    def __repr__(self) -> str:
        latched = None if self.latched is None else "<secret>"
        return (
            f"HeraldResult(reason={self.reason.name}, pattern={self.pattern}, time_ps={self.time_ps}, "
            f"attempts={self.attempts}, latched={latched}, veto={self.veto!r})"
        )


class Played(NamedTuple):
    """One section, played once.

    Attributes:
        arm: which branch of its choice was played; 0 where it has none.
        arm_time_ps: when the branch was fixed.
        start_ps: when the section began.
        end_ps: when it ended.
    """

    arm: int
    arm_time_ps: int
    start_ps: int
    end_ps: int

    def __repr__(self) -> str:
        return f"Played(arm=<secret>, arm_time_ps={self.arm_time_ps}, start_ps={self.start_ps}, end_ps={self.end_ps})"


class SequencerCounters(NamedTuple):
    """The sequencer's own account since it was loaded, modulo 2**counter_bits.

    Attributes:
        cycles: attempt cycles begun.
        references: reference pulses seen (the laser pulse that opens the detection windows).
    """

    cycles: int
    references: int


DETECTORS = 4
"""Detectors of a Bell-state measurement, and bits of a click pattern."""
PATTERNS = 1 << DETECTORS


class HeraldTally(NamedTuple):
    """What the sequencer counted in its attempts since it was last asked, heralded or not: what monitors of light and detectors live on.

    Only clicks while attempting are in it. A detector that also reads out a particle must not be counted while it does: those counts
    are as secret as the outcome.

    Attributes:
        attempts: excitations.
        singles: attempts in whose gate detector k clicked, by k.
        off_gate: clicks of detector k at times when no photon of an attempt is due, by k: dark counts and stray light.
        off_gate_ps: how long such counting goes on in an attempt, ps; 0 where the device has no such counter.
        patterns: attempts by click pattern, 16 numbers, bit k for detector k; with those that heralded.
    """

    attempts: int
    singles: tuple[int, ...]
    off_gate: tuple[int, ...]
    off_gate_ps: int
    patterns: tuple[int, ...]

    @classmethod
    def of_patterns(cls, patterns: Sequence[int], off_gate: Sequence[int], off_gate_ps: int) -> HeraldTally:
        """Attempts and singles follow from the patterns."""
        singles = tuple(sum(n for pattern, n in enumerate(patterns) if pattern >> k & 1) for k in range(DETECTORS))
        return cls(sum(patterns), singles, tuple(off_gate), off_gate_ps, tuple(patterns))


class SectionPlayer(Protocol):
    """Plays one section of one program, as :meth:`HeraldingSequencer.play` does."""

    def __call__(self, arm: int | None = None) -> Played:
        """Play it once."""


@dataclass(slots=True)
class _Account:
    """What the role knows of the program that is loaded; ``accepted`` is None where it is not, or no longer.

    A plain object, since every attribute of an instrument is asked for by way of QCoDeS' delegates.
    """

    accepted: frozenset[int] | None = None
    modulus: int = 1
    digest: str = ""
    counters: SequencerCounters | None = None
    herald_ps: int | None = None


class HeraldingSequencer(Role):
    """Plays attempts until a herald pattern, a limit or a reason to stop, and sections on demand. Safe is: stopped, outputs idle.

    A cycle whose reference pulse was missed may leave the detection window of the cycle before armed, so that a stray click heralds; the
    counters are the only witness. Hence after every run cycles and references must have advanced alike, and by the number of attempts.

    Args:
        *args: see :class:`~.base.Role`.
        **kwargs: see :class:`~.base.Role`.
    """

    role = "heralding_sequencer"
    counter_bits: ClassVar[int] = 64
    """Width of the device's counters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - cooperative constructor
        super().__init__(*args, **kwargs)
        self.__account = _Account()
        self.program_digest: RoleParameter[str] = self.add_parameter(
            "program_digest",
            RoleParameter,
            read=lambda: self.__account.digest,
            docstring="Get the digest of the program that is loaded, empty where there is none (text).",
        )

    def load(self, program: Program) -> None:
        """Load a compiled program; the counters start anew.

        Raises:
            SequenceError: the device cannot play it.
            DeviceError: the device did not take it; nothing is loaded.
        """
        with self.lock:
            self.__account.accepted = None  # so that players of the program before notice that it is gone
            self.__account = account = _Account()
            self._do_load(program)
            account.counters = self._do_counters()
            account.modulus = 1 << self.counter_bits
            account.accepted, account.digest = frozenset(program.accepted_patterns), program.digest

    def run(self, limit_attempts: int) -> HeraldResult:
        """Attempt until a herald, or ``limit_attempts`` times.

        Returns:
            How it ended; VETOED for a herald that the integrity counters, its pattern or its time contradict.

        Raises:
            NotReady: no program is loaded.
            ConfigError: ``limit_attempts`` is not positive.
            DeviceError: the device failed. Whether it saw a herald is unknown; none has been accepted.
        """
        if limit_attempts < 1:
            raise ConfigError(f"{self.full_name}: cannot run {limit_attempts!r} attempts")
        with self.lock:
            account = self.__account
            if account.accepted is None:
                raise NotReady(f"{self.full_name}: no program is loaded")
            before = account.counters or self._do_counters()
            account.counters = None  # so that a run which fails half-way does not spoil the account of the next
            result = self._do_run(limit_attempts)
            account.counters = after = self._do_counters()
            veto = _veto(result, before, after, account)
            if result.reason is _HERALD:
                if veto:
                    return result._replace(reason=ExitReason.VETOED, veto=veto)
                account.herald_ps = result.time_ps
            return result._replace(veto=veto) if veto else result

    def play(self, section: str, arm: int | None = None) -> Played:
        """Play a section of the loaded program once.

        Args:
            section: its name.
            arm: which branch of its choice; None has the hardware latch its own random input and report it.

        Raises:
            NotReady: no program is loaded.
            SequenceError: the program has no such section, or the section no such branch.
            DeviceFault: another branch was played than asked for.
            DeviceProtocolError: the times that it reports cannot be.
        """
        return self.player(section)(arm)

    def player(self, section: str) -> SectionPlayer:
        """Look a section up once and play it often: what it returns is :meth:`play` of that section, with the same checks.

        It is of the program that is loaded now, and refuses to play when another one has been loaded since.

        Args:
            section: its name.

        Raises:
            NotReady: no program is loaded.
            SequenceError: the program has no such section.
        """
        lock = self.lock
        with lock:
            account = self.__account
            if account.accepted is None:
                raise NotReady(f"{self.full_name}: no program is loaded")
            do_play = self._do_player(section)

        def play(arm: int | None = None) -> Played:
            lock.acquire()  # in the round loop half the price of ``with``
            try:
                if account.accepted is None:
                    raise NotReady(f"{self.full_name}: the program of this player is no longer loaded; ask for another player")
                played = do_play(arm)
            finally:
                lock.release()
            played_arm, arm_time_ps, start_ps, end_ps = played
            if arm is not None and played_arm != arm:
                raise DeviceFault(self.full_name, f"section {section!r}: another branch was played than asked for")
            if start_ps > end_ps or arm_time_ps > end_ps:
                raise DeviceProtocolError(self.full_name, f"section {section!r}: times out of order, {played!r}")
            return played

        return play

    def counters(self) -> SequencerCounters:
        """Cycles and reference pulses since the program was loaded, modulo 2**counter_bits."""
        with self.lock:
            return self._do_counters()

    def tally(self) -> HeraldTally:
        """What was counted in the attempts since this was last asked, or since the program was loaded.

        Raises:
            NotReady: no program is loaded.
            DeviceProtocolError: the counters contradict each other; do not use any of them.
        """
        with self.lock:
            if self.__account.accepted is None:
                raise NotReady(f"{self.full_name}: no program is loaded, so nothing has been counted")
            tally = self._do_tally()
        if problem := _problem_of(tally):
            raise DeviceProtocolError(self.full_name, f"counters: {problem}; check how gates and counters are set up")
        return tally

    def _role_reasons(self) -> Iterator[str]:
        if self.__account.accepted is None:
            yield "no program is loaded"
        self._do_counters()  # a device that does not answer is not ready

    @abstractmethod
    def _do_load(self, program: Program) -> None:
        """Bring the program into the device; raise SequenceError where it cannot play it."""

    @abstractmethod
    def _do_run(self, limit_attempts: int) -> HeraldResult:
        """Run, and return when the device has stopped by itself; ``veto`` is left empty."""

    @abstractmethod
    def _do_play(self, section: str, arm: int | None) -> Played:
        """Play a section once and return when it has ended."""

    def _do_player(self, section: str) -> Callable[[int | None], Played]:
        """What plays a section; a driver that can look something up beforehand overrides this."""
        return partial(self._do_play, section)

    @abstractmethod
    def _do_counters(self) -> SequencerCounters:
        """Totals since the program was loaded, modulo 2**counter_bits; where a device clears them at each run, the driver adds up."""

    @abstractmethod
    def _do_tally(self) -> HeraldTally:
        """Read what has been counted since the last call, or since a program was loaded; each click comes once."""


def _veto(result: HeraldResult, before: SequencerCounters, after: SequencerCounters, account: _Account) -> str:
    """Why a herald of this run is not to be believed; empty if nothing is wrong."""
    reason, pattern, time_ps, attempts, _, _ = result
    cycles_before, references_before = before
    cycles, references = after
    cycles -= cycles_before
    references -= references_before
    if not cycles == references == attempts:  # or a counter has begun again from 0 meanwhile
        modulus = account.modulus
        if cycles % modulus != references % modulus:
            return f"{cycles % modulus} cycles but {references % modulus} reference pulses (modulo 2^{modulus.bit_length() - 1})"
        if cycles % modulus != attempts % modulus:
            return f"{attempts} attempts but {cycles % modulus} cycles counted (modulo 2^{modulus.bit_length() - 1})"
    if reason is not _HERALD:
        return ""
    if account.accepted is None or pattern not in account.accepted:
        return f"pattern {pattern:#06b} does not herald"
    if account.herald_ps is not None and time_ps <= account.herald_ps:
        return f"herald at {time_ps} ps, not after the one at {account.herald_ps} ps"
    return ""


def _problem_of(tally: HeraldTally) -> str:
    """What is wrong with a tally; empty if nothing."""
    lengths = len(tally.singles), len(tally.off_gate), len(tally.patterns)
    if lengths != (DETECTORS, DETECTORS, PATTERNS):
        return f"{lengths[0]} singles, {lengths[1]} off-gate counts, {lengths[2]} patterns, not {DETECTORS}, {DETECTORS}, {PATTERNS}"
    if min(tally.attempts, tally.off_gate_ps, *tally.singles, *tally.off_gate, *tally.patterns) < 0:
        return "a negative number of counts"
    alike = HeraldTally.of_patterns(tally.patterns, tally.off_gate, tally.off_gate_ps)
    if tally.attempts != alike.attempts:
        return f"{tally.attempts} attempts, but patterns of {alike.attempts}"
    if tally.singles != alike.singles:
        return f"singles {tally.singles}, but patterns with {alike.singles} clicks"
    if not tally.off_gate_ps and any(tally.off_gate):
        return "off-gate counts of a counter that is said not to be there"
    return ""
