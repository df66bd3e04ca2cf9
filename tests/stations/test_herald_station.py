"""The heralding station alone: what it accepts, what it vetoes, and what it says when."""

import math
from collections import deque

import numpy as np
import pytest

from eventready.clock import SimClock
from eventready.errors import DeviceFault, NotReady, SequenceError
from eventready.instruments import ExitReason, HeraldResult, HeraldTally
from eventready.protocol.records import NO_INDEX, NOT_PUBLIC, Flag
from eventready.stations.herald_station import HeraldStation, RunGoal
from eventready.stations.messages import Accepted, Durable, Isolated, Ready, Recheck, Recorded, Resume, RoundTypeBit, Suspend
from eventready.stations.procedures.detector_reset import DetectorReset
from eventready.stations.schedule import Measurement
from eventready.stations.states import State

LIMIT = (ExitReason.LIMIT, 0)
HERALD = (ExitReason.HERALD, 0b0011)
MISSING = (ExitReason.NOT_READY, 0)
VETOED = (ExitReason.VETOED, 0b0011)


class Attempts:
    """An attempt loop that ends as the test says: 100 attempts a run, one second each."""

    def __init__(self, clock):
        self.clock = clock
        self.ends = []
        self.runs = self.told = 0
        self.during = lambda: None

    def prepare(self):
        pass

    def tally(self):
        counted, self.told = 100 * self.runs - self.told, 100 * self.runs
        return HeraldTally.of_patterns([counted, *[0] * 15], (0,) * 4, 0)

    def run(self):
        self.runs += 1
        self.during()
        reason, pattern = self.ends.pop(0) if self.ends else HERALD
        self.clock.sleep(1.0)
        return HeraldResult(reason, pattern, self.clock.now_ps(), 100, veto="references missing" if reason is ExitReason.VETOED else "")


@pytest.fixture
def bench(sim_clock, mock_single_photon_detector, memory_log, memory_events):
    """A station with one detector; ``bench.ready()`` has both parties say so and returns what the station answers."""

    class Bench:
        clock: SimClock = sim_clock
        detector = mock_single_photon_detector
        attempts = Attempts(sim_clock)
        log = memory_log("public")
        events = memory_events()
        acknowledged: list = []
        reset = DetectorReset(sim_clock, {"spd": mock_single_photon_detector}, recovery=0.1, pause=1.0, tries=0)
        station = HeraldStation(sim_clock, attempts, [mock_single_photon_detector], reset)

        def begin(self, rounds=10, last_index=-1, **goal):
            settings = {"commit_interval": 0.0, "retry_interval": 1.0, "patience": 60.0, "acknowledged": self.acknowledged.append} | goal
            self.station.begin(self.log, self.events, RunGoal(rounds, **settings), last_index)
            return self

        def ready(self):
            assert self.station.on(Ready("alice", 0)) == []
            return self.station.on(Ready("bob", 0))

        def records(self):
            return self.log.records()

    return Bench()


def test_attempts_begin_when_both_are_ready_and_not_before(bench):
    bench.begin()
    for _ in range(3):
        assert bench.station.on(Ready("alice", 0)) == []
    assert bench.attempts.runs == 0
    bench.station.on(Ready("bob", 0))
    assert bench.attempts.runs == 1


def test_heralds_are_numbered_without_gaps(bench):
    bench.begin()
    numbers = []
    for _ in range(5):
        *_, accepted = bench.ready()
        assert isinstance(accepted, Accepted)
        numbers.append(accepted.n)
    assert numbers == bench.records()["index"].tolist() == list(range(5))


def test_a_resumed_run_goes_on_behind_its_last_herald(bench):
    bench.begin(last_index=6)
    assert bench.ready()[-1].n == 7


def test_what_is_announced_is_what_is_logged(bench):
    bench.begin()
    bench.attempts.ends = [LIMIT]
    bench.ready()
    *_, accepted = bench.ready()
    record = bench.records()[0]
    assert (accepted.herald_ps, accepted.pattern, accepted.attempts) == (record["herald_ps"], record["pattern"], record["attempts"])
    assert accepted.attempts == 200, "those of the run that ended without a herald count too"
    assert accepted.herald_ps == 2 * 10**12
    assert (record["setting"], record["outcome"], record["counts"]) == (NOT_PUBLIC, NOT_PUBLIC, 0)


def test_more_attempts_than_fit_into_the_record_saturate(bench):
    bench.begin()
    bench.station._attempts = 2**32
    bench.ready()
    assert bench.records()["attempts"][0] == 2**32 - 1


# -- vetoes --------------------------------------------------------------------------------------------------------------------------------


def test_a_herald_that_the_sequencer_vetoes_gets_no_number_and_nobody_hears_of_it(bench):
    bench.begin()
    bench.attempts.ends = [VETOED, VETOED, HERALD]
    answers = bench.ready()
    assert [type(answer) for answer in answers] == [Durable, Accepted]
    assert bench.records()["index"].tolist() == [NO_INDEX, NO_INDEX, 0]
    assert bench.records()["flags"].tolist() == [Flag.VETOED, Flag.VETOED, 0]
    assert bench.station.vetoes == 2
    assert bench.events.causes().count("herald vetoed: references missing") == 2


def test_a_herald_while_a_detector_is_overloaded_is_vetoed_and_attempts_wait_until_it_is_not(bench):
    bench.begin()
    bench.attempts.during = lambda: setattr(bench.detector.state, "overloaded", bench.attempts.runs == 2)
    bench.ready()
    bench.clock.call_at(bench.clock.now() + 5, bench.detector.reset_overload)
    bench.ready()
    assert bench.records()["index"].tolist() == [0, NO_INDEX, 1]
    assert bench.attempts.runs == 3, "one herald was vetoed; while the detector was overloaded nothing was attempted"
    assert any("overloaded" in cause for cause in bench.events.causes())
    moves = [(line["from"], line["to"]) for line in bench.events.lines]
    assert ("attempting", "suspended") in moves
    assert ("suspended", "attempting") in moves
    assert bench.records()["herald_ps"][2] > 5e12


def test_a_detector_that_stays_overloaded_ends_the_run(bench):
    bench.begin(patience=10.0)
    bench.detector.state.overloaded = True
    with pytest.raises(NotReady, match=r"bsm: not ready for 10 s: .*overloaded"):
        bench.ready()
    assert bench.station.index == -1
    assert bench.attempts.runs == 1


def test_a_latched_detector_is_reset_while_suspended_and_the_veto_stays_a_veto(bench):
    bench.reset._tries = 3
    bench.begin()
    bench.attempts.during = lambda: setattr(bench.detector.state, "overloaded", bench.attempts.runs == 2)
    states = []
    real = bench.detector._do_set_enabled
    bench.detector._do_set_enabled = lambda on: (states.append((bench.station.state, on)), real(on))[1]
    bench.ready()
    *_, accepted = bench.ready()
    assert accepted.n == 1
    assert bench.records()["index"].tolist() == [0, NO_INDEX, 1]
    assert states == [(State.SUSPENDED, False), (State.SUSPENDED, True)]
    name = bench.detector.name
    assert bench.events.causes()[-4:] == [
        f"herald vetoed: {name}: overloaded or latched",
        f"{name}: overloaded or latched",
        "spd: overloaded or latched; reset 1 of 3: in order again",
        "ready again",
    ]
    assert bench.clock.now() == pytest.approx(3 + 0.2), "three runs of attempts, and two recovery times"


def test_a_detector_that_latches_again_after_every_reset_ends_the_run_when_patience_is_over(bench):
    bench.reset._tries = 3
    bench.begin(patience=60.0)
    bench.detector._script["overloaded"] = deque([True] * 1000)
    with pytest.raises(NotReady, match=r"bsm: not ready for 60 s: .*overloaded or latched"):
        bench.ready()
    tries = [line["t_s"] for line in bench.events.lines if "reset" in line["cause"]]
    assert [line["cause"].rpartition("; ")[2] for line in bench.events.lines if "reset" in line["cause"]] == [
        f"reset {n} of 3: latched again" for n in (1, 2, 3)
    ]
    assert tries == pytest.approx([1.2, 2.4, 5.6], abs=1.01), "at once, 1 s later, 2 s later; it is asked once a second"
    assert 1 + 60 < bench.clock.now() < 1 + 62
    assert bench.station.index == -1
    assert bench.detector.enabled()


@pytest.mark.parametrize("end", [LIMIT, MISSING])
def test_detectors_are_asked_where_no_herald_comes_since_dead_ones_may_be_why(bench, end):
    bench.reset._tries = 3
    bench.begin()
    bench.attempts.ends = [end]
    bench.attempts.during = lambda: setattr(bench.detector.state, "overloaded", True)
    (recheck,) = bench.ready()
    assert isinstance(recheck, Recheck)
    assert not bench.detector.state.overloaded
    assert bench.station.state is State.ATTEMPTING
    assert len(bench.records()) == 0


def test_a_detector_that_does_not_answer_accepts_nothing(bench):
    bench.begin()
    bench.detector._script["overloaded"] = deque([DeviceFault("spd", "no answer")])
    with pytest.raises(DeviceFault):
        bench.ready()
    assert bench.station.index == -1
    assert len(bench.records()) == 0


def test_detectors_are_judged_before_the_herald_gets_its_number_and_never_after(bench):
    asked = []
    real = bench.detector._do_overloaded
    bench.detector._do_overloaded = lambda: (asked.append((bench.station.state, len(bench.records()))), real())[1]
    bench.begin()
    bench.ready()
    bench.station.on(Recorded("alice", 0, 0))
    assert asked == [(State.ATTEMPTING, 0)]


# -- no herald -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("end", "cause"), [(LIMIT, "no herald in 100 attempts"), (MISSING, "presence check failed")])
def test_without_a_herald_the_parties_look_whether_their_particles_are_there(bench, end, cause):
    bench.begin()
    bench.attempts.ends = [end]
    (recheck,) = bench.ready()
    assert isinstance(recheck, Recheck)
    assert recheck.cause == cause
    assert len(bench.records()) == 0


# -- durability ----------------------------------------------------------------------------------------------------------------------------


def test_the_public_log_is_durable_before_anybody_is_told_to_commit(bench):
    bench.begin()
    for _ in range(3):
        for answer in bench.ready():
            if isinstance(answer, Durable):
                assert bench.log.durable_index == answer.n
    assert bench.log.pending == []


def test_a_group_is_announced_when_it_is_on_disk(bench, mocker):
    ticks = mocker.patch("eventready.stations.herald_station.time.perf_counter", return_value=100.0)
    bench.begin(commit_interval=0.01)
    for _ in range(3):
        assert [type(answer) for answer in bench.ready()] == [Accepted]
    assert bench.log.durable == []
    ticks.return_value = 100.02
    assert [type(answer) for answer in bench.ready()] == [Accepted], "the group has only been sent to the disk"
    durable, accepted = bench.ready()
    assert (durable, accepted.n) == (Durable("bsm", accepted.time_ps, 3, False, durable.digest), 4)
    assert bench.log.durable_index == 3


def test_a_round_is_acknowledged_when_both_have_it_on_disk(bench):
    bench.begin()
    for _ in range(3):
        bench.ready()
    for message in (Recorded("alice", 0, 2), Recorded("bob", 0, 0)):
        bench.station.on(message)
    assert bench.acknowledged == [0]
    bench.station.on(Recorded("bob", 0, 2))
    bench.station.on(Recorded("bob", 0, 2))
    assert bench.acknowledged == [0, 2]


# -- the end -------------------------------------------------------------------------------------------------------------------------------


def finish(bench):
    for party in ("alice", "bob"):
        assert not bench.station.finished
        bench.station.on(Recorded(party, 0, bench.station.index))
    return bench.station.finished


def test_a_run_ends_at_its_goal_and_when_all_is_on_disk(bench):
    bench.begin(rounds=2)
    bench.ready()
    bench.ready()
    (durable,) = bench.ready()
    assert durable.last
    assert bench.station.state is State.STOPPING
    assert bench.attempts.runs == 2
    assert finish(bench)
    assert bench.station.stopped_early == ""
    assert bench.station.state is State.IDLE


def test_a_request_to_stop_waits_for_the_round_in_hand(bench):
    bench.begin()
    bench.ready()
    bench.station.request_stop("Ctrl-C")
    assert bench.station.state is State.HERALDED
    (durable,) = bench.ready()
    assert durable.last
    assert finish(bench)
    assert bench.station.stopped_early == "Ctrl-C"
    assert bench.attempts.runs == 1


def test_a_request_to_stop_ends_a_series_of_vetoes(bench):
    bench.begin()
    bench.attempts.ends = [VETOED] * 1000
    bench.attempts.during = lambda: bench.station.request_stop("Ctrl-C") if bench.attempts.runs == 5 else None
    assert [type(answer) for answer in bench.ready()] == [Durable]
    assert bench.attempts.runs == 5
    assert bench.records()["index"].tolist() == [NO_INDEX] * 5


def test_a_request_to_stop_is_not_forgotten_when_the_run_begins_late(bench):
    """Ctrl-C may come while the pool is filled or the first atom is loaded."""
    bench.station.request_stop("Ctrl-C")
    bench.begin()
    (durable,) = bench.ready()
    assert durable.last
    assert bench.station.stopped_early == "Ctrl-C"
    assert bench.attempts.runs == 0


def test_recalibration_is_due_between_rounds_and_nothing_heralds_meanwhile(bench):
    bench.begin(recalibration_interval=600.0, recalibration=142.0)
    bench.ready()
    bench.clock.sleep(600)
    begun = []
    bench.attempts.during = lambda: begun.append(bench.clock.now())
    bench.ready()
    assert begun == [pytest.approx(1 + 600 + 142)]
    bench.ready()
    assert begun[1] == pytest.approx(1 + 600 + 142 + 1), "the next one is due 600 s after the end of this one"
    assert [line["to"] for line in bench.events.lines if "recalibrat" in line["from"] + line["to"]] == ["recalibrating", "attempting"]


def test_without_an_interval_nothing_is_recalibrated(bench):
    bench.begin()
    assert bench.station._goal.recalibration_interval == math.inf
    bench.clock.sleep(1e6)
    bench.ready()
    assert not [line for line in bench.events.lines if "recalibrat" in line["to"]]


# -- wrong messages ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        Isolated("alice", 0, 0, True),
        RoundTypeBit("bob", 0, 0, True),
        Accepted("alice", 0, 0, 3, 0, 1),
        Durable("alice", 0, 0, False, b""),
        Recheck("bob", 0, "x"),
        Ready("bsm", 0),
        Ready("eve", 0),
        Recorded("eve", 0, 0),
    ],
    ids=lambda message: f"{type(message).__name__} from {message.sender}",
)
def test_messages_that_are_not_for_it_are_refused(bench, message):
    bench.begin()
    with pytest.raises(SequenceError, match=f"bsm: cannot handle {type(message).__name__} from {message.sender}"):
        bench.station.on(message)
    assert bench.attempts.runs == 0


def test_a_round_that_was_never_accepted_cannot_be_recorded(bench):
    bench.begin()
    bench.ready()
    with pytest.raises(SequenceError, match="alice recorded round 1, but the last one accepted is 0"):
        bench.station.on(Recorded("alice", 0, 1))
    assert bench.acknowledged == []


def test_ready_makes_no_sense_once_the_run_is_ending(bench):
    bench.begin(rounds=1)
    bench.ready()
    bench.ready()
    with pytest.raises(SequenceError, match="a node that is stopping cannot become attempting"):
        bench.ready()


def test_words_of_a_party_that_suspends_are_public(bench):
    bench.begin()
    bench.station.on(Suspend("bob", 0, "bob.trap: not locked"))
    bench.station.on(Resume("bob", 0))
    assert bench.events.causes() == ["bob suspended: bob.trap: not locked", "bob resumed"]


def test_after_a_fault_nothing_is_accepted(bench):
    bench.begin()
    bench.ready()
    bench.station.fail("DeviceFault: gone")
    with pytest.raises(SequenceError):
        bench.ready()
    assert bench.events.causes()[-1] == "DeviceFault: gone"
    assert np.array_equal(bench.records()["index"], [0])


# -- what monitors are shown -------------------------------------------------------------------------------------------------------------


class Watch:
    """Remembers what it is shown."""

    interval = 3.0

    def __init__(self):
        self.looks, self.disagreed, self.missed = [], [], []

    def look(self, at_s, tally):
        self.looks.append((at_s, tally.attempts))

    def counters_disagreed(self, at_s, what):
        self.disagreed.append((at_s, what))

    def particle_missed(self, attempts):
        self.missed.append(attempts)


def test_monitors_look_once_an_interval_and_at_the_end_and_every_attempt_is_shown_once(bench):
    """A run of attempts takes a second."""
    watch = Watch()
    bench.begin(rounds=8, watch=watch)
    for _ in range(9):
        bench.ready()
    assert watch.looks == [(3.0, 300), (6.0, 300), (8.0, 200)]
    assert bench.station.state is State.STOPPING


def test_monitors_are_told_when_counters_disagree_with_a_herald_or_without(bench):
    watch = Watch()
    bench.attempts.ends = [VETOED, HERALD]
    bench.begin(watch=watch).ready()
    assert watch.disagreed == [(1.0, "references missing")]


def test_without_a_herald_a_disagreement_is_told_too(bench, mocker):
    watch = Watch()
    ended = HeraldResult(ExitReason.LIMIT, 0, 5, 100, veto="100 cycles but 98 reference pulses (modulo 2^64)")
    mocker.patch.object(bench.attempts, "run", return_value=ended)
    (answer,) = bench.begin(watch=watch).ready()
    assert isinstance(answer, Recheck)
    assert watch.disagreed == [(0.0, ended.veto)]


def test_a_failed_presence_check_is_told_and_the_limit_is_none(bench, mocker):
    watch = Watch()
    ends = [HeraldResult(reason, 0, 5, attempts) for reason, attempts in ((ExitReason.NOT_READY, 400), (ExitReason.LIMIT, 900))]
    mocker.patch.object(bench.attempts, "run", side_effect=ends)
    bench.begin(watch=watch)
    for _ in range(2):
        (answer,) = bench.ready()
        assert isinstance(answer, Recheck)
    assert watch.missed == [400]


def test_a_measurement_is_made_from_attempting_and_what_is_counted_before_is_looked_at_first(bench):
    """It takes 4 s; a run of attempts takes one. The attempts that it makes are no part of the run's."""
    watch, states = Watch(), []

    def act():
        states.append((bench.station.state, bench.clock.now(), sum(attempts for _, attempts in watch.looks)))
        bench.clock.sleep(4.0)

    bench.begin(rounds=8, watch=watch, measurements=[Measurement("reference light", 6.0, act)])
    for _ in range(9):
        bench.ready()
    assert states == [(State.RECALIBRATING, 6.0 * k, 200 * k) for k in range(4)]
    assert bench.records()["index"].tolist() == list(range(8)), "no round is lost to it"
    causes = [event["cause"] for event in bench.events.lines if event["to"] == "recalibrating"]
    assert causes == ["reference light, every 6 s"] * 4


def test_where_nobody_watches_nothing_is_counted(bench, mocker):
    mocker.patch.object(bench.attempts, "tally", side_effect=AssertionError("asked for"))
    bench.begin(rounds=2)
    for _ in range(3):
        bench.ready()
    assert bench.station.state is State.STOPPING
