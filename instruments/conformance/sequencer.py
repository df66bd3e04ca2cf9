"""What every heralding sequencer must do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ...errors import SequenceError
from ..sequencer import ExitReason, HeraldingSequencer, Program
from .base import Command, RoleConformance, able


class HeraldingSequencerConformance(RoleConformance[HeraldingSequencer]):
    """For implementations of :class:`~eventready.instruments.HeraldingSequencer`.

    Needs a fixture ``program``: something that the device can be loaded with, which accepts at least one pattern.
    ``truth`` may have ``herald(pattern)`` (the next run ends with that click pattern), ``miss_reference()`` (in the next run one reference
    pulse is missed), ``choose(arm)`` (what the random input of the next choice will be).
    """

    role = HeraldingSequencer
    reads = frozenset({"counters"})
    section: str = "readout"
    """A section of the program with a choice of at least two branches."""
    limit_attempts: int = 100

    @pytest.fixture
    def program(self) -> Program:
        """What the sequencer is loaded with."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `program`")

    @pytest.fixture(autouse=True)
    def _remember_program(self, program: Program) -> None:
        self._program = program

    def prepare(self, device: HeraldingSequencer) -> None:
        """Load."""
        device.load(self._program)

    def commands(self, device: HeraldingSequencer) -> Mapping[str, Command]:
        """Load, run, play."""
        return {
            **super().commands(device),
            "counters": device.counters,
            "tally": device.tally,
            "run": lambda: device.run(self.limit_attempts),
            "play": lambda: device.play(self.section, 0),
            "load": lambda: device.load(self._program),
        }

    def test_a_run_ends_within_its_limit(self, device: HeraldingSequencer) -> None:
        """It says how it ended; the counters agree with each other and with the attempts; time goes on."""
        device.load(self._program)
        before = device.counters()
        result = device.run(self.limit_attempts)
        after = device.counters()
        modulus = 1 << device.counter_bits
        assert result.reason is not ExitReason.VETOED, result.veto
        assert 0 <= result.attempts <= self.limit_attempts
        assert (after.cycles - before.cycles) % modulus == (after.references - before.references) % modulus == result.attempts % modulus

    def test_the_tally_counts_every_attempt_once(self, device: HeraldingSequencer) -> None:
        """It starts anew when it has been read, and when a program is loaded."""
        device.load(self._program)
        attempts = [device.run(self.limit_attempts).attempts for _ in range(3)]
        assert device.tally().attempts == sum(attempts)
        again = device.tally()
        assert (again.attempts, sum(again.singles), sum(again.off_gate)) == (0, 0, 0)
        device.run(self.limit_attempts)
        device.load(self._program)
        assert device.tally().attempts == 0

    def test_the_tally_has_the_heralds(self, device: HeraldingSequencer, truth: object | None) -> None:
        """Each with its pattern, and its clicks among the singles."""
        herald = able(truth, "herald")
        device.load(self._program)
        patterns = list(self._program.accepted_patterns)
        for pattern in patterns:
            herald(pattern)
            device.run(self.limit_attempts)
        tally = device.tally()
        for pattern in patterns:
            assert tally.patterns[pattern] >= 1
        for k, singles in enumerate(tally.singles):
            assert singles >= sum(pattern >> k & 1 for pattern in patterns)

    def test_an_accepted_pattern_heralds(self, device: HeraldingSequencer, truth: object | None) -> None:
        """Each with its own pattern, and later than the one before."""
        herald = able(truth, "herald")
        device.load(self._program)
        last_ps = None
        for pattern in self._program.accepted_patterns:
            herald(pattern)
            result = device.run(self.limit_attempts)
            assert (result.reason, result.pattern, result.veto) == (ExitReason.HERALD, pattern, "")
            assert last_ps is None or result.time_ps > last_ps
            last_ps = result.time_ps

    def test_another_pattern_does_not(self, device: HeraldingSequencer, truth: object | None) -> None:
        """A pattern must match exactly: one click more is none of the accepted ones."""
        herald = able(truth, "herald")
        device.load(self._program)
        wrong = next(p for p in range(16) if p not in self._program.accepted_patterns)
        herald(wrong)
        assert device.run(self.limit_attempts).reason is not ExitReason.HERALD

    def test_a_missed_reference_vetoes(self, device: HeraldingSequencer, truth: object | None) -> None:
        """The herald of such a run is vetoed in words, and the next run is judged by itself."""
        miss, herald = able(truth, "miss_reference"), able(truth, "herald")
        device.load(self._program)
        pattern = next(iter(self._program.accepted_patterns))
        miss()
        herald(pattern)
        result = device.run(self.limit_attempts)
        assert result.reason is ExitReason.VETOED
        assert "reference" in result.veto
        herald(pattern)
        assert device.run(self.limit_attempts).reason is ExitReason.HERALD

    @pytest.mark.parametrize("arm", [0, 1])
    def test_a_section_is_played(self, device: HeraldingSequencer, arm: int) -> None:
        """In the branch that was asked for, one after the other."""
        device.load(self._program)
        play = device.player(self.section)
        first, second, third = device.play(self.section, arm), play(arm), play(arm)
        assert first.arm == second.arm == third.arm == arm
        assert first.start_ps < first.end_ps <= second.start_ps < second.end_ps <= third.start_ps < third.end_ps

    def test_the_hardware_chooses(self, device: HeraldingSequencer, truth: object | None) -> None:
        """Without a branch the hardware's own input decides, and is reported with its time."""
        choose = able(truth, "choose")
        device.load(self._program)
        for arm in (1, 0, 1):
            choose(arm)
            played = device.play(self.section)
            assert played.arm == arm
            assert played.arm_time_ps <= played.end_ps

    def test_an_unknown_section_is_refused(self, device: HeraldingSequencer) -> None:
        """By name."""
        device.load(self._program)
        with pytest.raises(SequenceError, match="nowhere"):
            device.play("nowhere")
        with pytest.raises(SequenceError, match="nowhere"):
            device.player("nowhere")()
