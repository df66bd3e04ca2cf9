"""Mocks that are wrong, one role after the other; see broken_any.py."""

import numpy as np
import pytest
from broken_any import Broken

from eventready.instruments import Played, Position, TagBlock, Tolerance
from eventready.instruments.mock import truths
from eventready.testing import (
    AomConformance,
    CurrentSourceConformance,
    HeraldingSequencerConformance,
    MockAom,
    MockCurrentSource,
    MockHeraldingSequencer,
    MockPolarimeter,
    MockProgram,
    MockPulseGenerator,
    MockRandomSource,
    MockRfOutput,
    MockRfSource,
    MockRotator,
    MockShutter,
    MockSinglePhotonDetector,
    MockTimeTagger,
    PolarimeterConformance,
    PulseGeneratorConformance,
    RandomSourceConformance,
    RfOutputConformance,
    RfSourceConformance,
    RotatorConformance,
    ShutterConformance,
    SinglePhotonDetectorConformance,
    TimeTaggerConformance,
)


class TestOutputReportsCommand(Broken, RfOutputConformance):
    class Device(MockRfOutput):
        told = False

        def _do_set_enabled(self, on):
            self._note("set_enabled", (on,))
            self.told = on

        def _do_enabled(self):
            return self._asked("enabled", self.told)

    truth_of = truths.RfOutputTruth
    must_fail = {"test_enabled_is_true", "test_no_success_without_effect"}


class TestSourceInMegahertz(Broken, RfSourceConformance):
    class Device(MockRfSource):
        def _do_frequency(self):
            return super()._do_frequency() * 1e-6

    truth_of = truths.RfSourceTruth
    must_fail = {"test_values_within_limits_arrive"}


class TestSourceNeverSwitchesOff(Broken, RfSourceConformance):
    class Device(MockRfSource):
        def _do_set_enabled(self, on):
            self._told("set_enabled", on, enabled=True)

    truth_of = truths.RfSourceTruth
    must_fail = {"test_safe_state_is_reached_and_kept", "test_enabled_is_true"}


class TestAomOnSloppySource(Broken, AomConformance):
    class Device(MockAom):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.source.power_tolerance = Tolerance(relative=1.0)  # so generous that half the power passes
            self.source._do_power = lambda: 0.5 * self.source.state.power

    truth_of = truths.AomTruth
    must_fail = {"test_transmission_is_read_back"}


class TestShutterToggles(Broken, ShutterConformance):
    class Device(MockShutter):
        def _do_set_open(self, is_open):
            now = Position.CLOSED if self.state.position is Position.OPEN else Position.OPEN
            self._told("set_open", is_open, position=now)

    truth_of = truths.ShutterTruth
    must_fail = {"test_both_ends_are_reached_and_kept", "test_commands_are_idempotent", "test_safe_state_is_reached_and_kept"}


class TestShutterRemembers(Broken, ShutterConformance):
    class Device(MockShutter):
        last = Position.CLOSED

        def _do_set_open(self, is_open):
            super()._do_set_open(is_open)
            self.last = Position.OPEN if is_open else Position.CLOSED

        def _do_position(self):
            return self._asked("position", self.last)

    truth_of = truths.ShutterTruth
    must_fail = {"test_confirmed_is_no_memory", "test_a_stuck_blade_is_reported", "test_no_success_without_effect"}


class TestShutterPerhapsConfirmed(Broken, ShutterConformance):
    class Device(MockShutter):
        confirmed = "mostly"

    truth_of = truths.ShutterTruth
    must_fail = {"test_confirmed_is_said"}


class TestShutterNeverReady(Broken, ShutterConformance):
    class Device(MockShutter):
        def _do_reasons(self):
            return ["the manual has not been read"]

    truth_of = truths.ShutterTruth
    must_fail = {"test_why_a_blade_is_not_where_it_should_be"}


class TestDetectorHandsOverTheLastWindow(Broken, SinglePhotonDetectorConformance):
    class Device(MockSinglePhotonDetector):
        def _do_count(self, duration_s):
            return self._asked("count", 0, duration_s)

    truth_of = truths.DetectorTruth
    must_fail = {"test_counting_takes_its_time", "test_counts_are_true"}


class TestDetectorCountsWhenDisabled(Broken, SinglePhotonDetectorConformance):
    class Device(MockSinglePhotonDetector):
        def _do_count(self, duration_s):
            self.clock.sleep(duration_s)
            return self._asked("count", round(self.state.rate * duration_s), duration_s)

    truth_of = truths.DetectorTruth
    must_fail = {"test_disabled_does_not_count"}


class TestDetectorHidesOverload(Broken, SinglePhotonDetectorConformance):
    class Device(MockSinglePhotonDetector):
        def _do_overloaded(self):
            return self._asked("overloaded", False)

    truth_of = truths.DetectorTruth
    must_fail = {"test_overload_stays_until_reset"}


class TestDetectorStaysLatched(Broken, SinglePhotonDetectorConformance):
    class Device(MockSinglePhotonDetector):
        def _do_reset_overload(self):
            self._told("reset_overload")

    truth_of = truths.DetectorTruth
    must_fail = {"test_overload_stays_until_reset", "test_a_latched_detector_can_be_freed"}


class TestStaleRandomBytes(Broken, RandomSourceConformance):
    class Device(MockRandomSource):
        def _do_read(self, n_bytes):
            return self._asked("read", (bytes(range(7, 7 + 64)) * (1 + n_bytes // 64))[:n_bytes], n_bytes)

    must_fail = {"test_bits_are_fresh", "test_bits_are_both"}


class TestRandomBytesOnShow(Broken, RandomSourceConformance):
    class Device(MockRandomSource):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.add_parameter("last_bytes", set_cmd=None, docstring="Get the bytes that were read last (text).")

        def _do_read(self, n_bytes):
            data = super()._do_read(n_bytes)
            self.parameters["last_bytes"].set(data.hex())
            return data

    must_fail = {"test_no_bits_in_snapshots"}


class TestRandomSourceGeneratesOnError(Broken, RandomSourceConformance):
    class Device(MockRandomSource):
        def _do_read(self, n_bytes):
            return self._random.randbytes(n_bytes)

    truth_of = truths.RandomTruth
    must_fail = {"test_a_stuck_source_is_refused"}


class TestLatchReadAgain(Broken, RandomSourceConformance):
    class Device(MockRandomSource):
        def _do_read_latched(self):
            return self._asked("read_latched", self.state.latched[-1])

    truth_of = truths.RandomTruth
    must_fail = {"test_a_latch_is_read_once"}


class TestTaggerRunsAtOnce(Broken, TimeTaggerConformance):
    class Device(MockTimeTagger):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.state.running = True

    truth_of = truths.TaggerTruth
    must_fail = {"test_stopped_after_construction"}


class TestTagsInFloats(Broken, TimeTaggerConformance):
    class Device(MockTimeTagger):
        def _do_read(self):
            block = super()._do_read()
            return block._replace(times_ps=block.times_ps.astype(float))

    must_fail = {"test_an_empty_block_is_a_block"}


class TestTagsComeTwice(Broken, TimeTaggerConformance):
    class Device(MockTimeTagger):
        def _do_read(self):
            return self._asked("read", self.state.block)

    truth_of = truths.TaggerTruth
    must_fail = {"test_tags_come_once_and_in_order"}


class TestTagsSortedByChannel(Broken, TimeTaggerConformance):
    class Device(MockTimeTagger):
        def _do_read(self):
            times, channels, losses = super()._do_read()
            order = np.argsort(channels, kind="stable")
            return TagBlock(times[order], channels[order], losses)

    truth_of = truths.TaggerTruth
    must_fail = {"test_tags_come_once_and_in_order"}


class TestTagsOfTheLastAcquisition(Broken, TimeTaggerConformance):
    class Device(MockTimeTagger):
        def _do_start(self, channels):
            self._told("start", channels, running=True)

    truth_of = truths.TaggerTruth
    must_fail = {"test_a_restart_forgets"}


class TestLossesHidden(Broken, TimeTaggerConformance):
    class Device(MockTimeTagger):
        def _do_read(self):
            return super()._do_read()._replace(losses=())

    truth_of = truths.TaggerTruth
    must_fail = {"test_losses_are_told"}


class SequencerBroken(Broken, HeraldingSequencerConformance):
    __test__ = False
    truth_of = truths.SequencerTruth

    def __init_subclass__(cls):
        cls.__test__ = True

    @pytest.fixture
    def program(self):
        return MockProgram()


class TestAttemptsOffByOne(SequencerBroken):
    class Device(MockHeraldingSequencer):
        def _do_run(self, limit_attempts):
            result = super()._do_run(limit_attempts)
            return result._replace(attempts=result.attempts + 1)

    must_fail = {"test_a_run_ends_within_its_limit", "test_an_accepted_pattern_heralds"}


class TestEveryPatternHeralds(SequencerBroken):
    class Device(MockHeraldingSequencer):
        def _do_run(self, limit_attempts):
            return super()._do_run(limit_attempts)._replace(pattern=0b0011)

    must_fail = {"test_another_pattern_does_not", "test_an_accepted_pattern_heralds"}


class TestReferencesNotCounted(SequencerBroken):
    class Device(MockHeraldingSequencer):
        def _do_counters(self):
            counters = super()._do_counters()
            return counters._replace(references=counters.cycles)

    must_fail = {"test_a_missed_reference_vetoes"}


class TestTallySinceLoading(SequencerBroken):
    """Counters that nobody clears."""

    class Device(MockHeraldingSequencer):
        def _do_tally(self):
            before = list(self._patterns)
            tally = super()._do_tally()
            self._patterns = before
            return tally

    must_fail = {"test_the_tally_counts_every_attempt_once"}


class TestHeraldsNotTallied(SequencerBroken):
    """The match unit stops the loop before the pattern is counted."""

    class Device(MockHeraldingSequencer):
        def _count(self, result):
            self._patterns[0] += result.attempts

    must_fail = {"test_the_tally_has_the_heralds"}


class TestAnotherBranchPlayed(SequencerBroken):
    class Device(MockHeraldingSequencer):
        def _do_play(self, section, arm):
            return super()._do_play(section, 0)

    must_fail = {"test_a_section_is_played", "test_the_hardware_chooses"}


class TestSectionsTakeNoTime(SequencerBroken):
    class Device(MockHeraldingSequencer):
        def _do_play(self, section, arm):
            return Played(arm or 0, 0, 0, 0)

    must_fail = {"test_a_section_is_played", "test_an_unknown_section_is_refused"}


class TestGeneratorKeepsTheOldTable(Broken, PulseGeneratorConformance):
    class Device(MockPulseGenerator):
        def _do_load(self, table):
            self._told("load", table)

    truth_of = truths.PulseGeneratorTruth
    must_fail = {"test_it_plays_on_a_trigger"}


class TestGeneratorNeverArms(Broken, PulseGeneratorConformance):
    class Device(MockPulseGenerator):
        def _do_arm(self):
            self._told("arm")

    must_fail = {"test_it_plays_on_a_trigger", "test_safe_state_is_reached_and_kept"}


class TestCurrentSourceWithTheWrongSign(Broken, CurrentSourceConformance):
    class Device(MockCurrentSource):
        def _do_set_current(self, value):
            self._told("set_current", value, current=-value)

        def _do_current(self):
            return self._asked("current", -self.state.current)

    truth_of = truths.CurrentSourceTruth
    must_fail = {"test_the_current_that_flows_is_the_one_that_was_set"}


class TestPolarimeterWithTheOtherHand(Broken, PolarimeterConformance):
    class Device(MockPolarimeter):
        def _do_measure(self):
            light = self._asked("measure", self.state.light)
            return light._replace(s3=-light.s3)

    truth_of = truths.PolarimeterTruth
    must_fail = {"test_it_reads_the_polarisation_that_falls_on_it", "test_parameters_are_of_the_reading"}


class TestPolarimeterInMilliwatts(Broken, PolarimeterConformance):
    class Device(MockPolarimeter):
        def _do_measure(self):
            light = self._asked("measure", self.state.light)
            return light._replace(power=1e3 * light.power)

    truth_of = truths.PolarimeterTruth
    must_fail = {
        "test_it_reads_the_polarisation_that_falls_on_it",
        "test_parameters_are_of_the_reading",
        "test_without_light_there_is_no_reading",
        "test_commands_are_idempotent",
    }


class TestRotatorInDegrees(Broken, RotatorConformance):
    class Device(MockRotator):
        def _do_set_angle(self, value):
            self._told("set_angle", value, angle=np.degrees(value))

        def _do_angle(self):
            return self._asked("angle", float(np.radians(self.state.angle)))

    truth_of = truths.RotatorTruth
    must_fail = {"test_angles_are_true", "test_values_within_limits_arrive"}


class TestRotatorHomeIsElsewhere(Broken, RotatorConformance):
    class Device(MockRotator):
        def _do_home(self):
            self._told("home", angle=1.0)

    must_fail = {"test_home_is_zero"}
