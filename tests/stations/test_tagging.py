"""The heralding station's time tagger: when it runs, and what its tags have to say about a herald."""

import numpy as np
import pytest

from eventready.errors import DeviceFault, NotReady
from eventready.instruments import ExitReason, HeraldResult, HeraldTally, Loss, TagBlock
from eventready.protocol.records import NO_INDEX, Flag
from eventready.sequences.herald_rule import GatedDetector, HeraldRule
from eventready.stations.herald_station import HeraldStation, RunGoal
from eventready.stations.messages import Accepted, Ready, Recheck
from eventready.stations.monitors.time_tags import TagRule
from eventready.stations.states import State
from eventready.stations.tagging import Tagging

RULE = TagRule(HeraldRule(0, tuple(GatedDetector(channel, 100, 50) for channel in (1, 2, 3, 4)), (0b0011,)), 1000, 5000, 3)
SHOWN = TagBlock(np.array([0, 120, 130], np.int64), np.array([0, 1, 2], np.int16))
UNSHOWN = TagBlock(np.array([120, 130], np.int64), np.array([1, 2], np.int16))
LOST = TagBlock(np.empty(0, np.int64), np.empty(0, np.int16), (Loss(0, 10**12),))


class Watch:
    interval = 1e9

    def __init__(self):
        self.tagged_runs = []

    def look(self, at_s, tally):
        pass

    def counters_disagreed(self, at_s, what):
        raise AssertionError("the sequencer is in order")

    def tagged(self, at_s, tags):
        self.tagged_runs.append((at_s, tags))


@pytest.fixture
def bench(sim_clock, mock_time_tagger, memory_log, memory_events):
    """A station whose attempts all herald; ``bench.blocks`` are the tags of one run after the other, sound ones after that."""

    class Bench:
        tagger, clock, watch = mock_time_tagger, sim_clock, Watch()
        log, events = memory_log("public"), memory_events()
        blocks: list = []
        reason = ExitReason.HERALD
        runs = 0

        def prepare(self):
            pass

        def tally(self):
            return HeraldTally.of_patterns([0] * 16, (0,) * 4, 0)

        def run(self):
            assert self.tagger.state.running, "tags are taken while attempting"
            self.runs += 1
            self.clock.sleep(1.0)
            self.tagger.state.block = self.blocks.pop(0) if self.blocks else SHOWN
            return HeraldResult(self.reason, 0b0011, self.clock.now_ps(), 100)

        def begin(self, *, witness=True):
            self.station = HeraldStation(self.clock, self, [], None, Tagging(self.tagger, self.clock, RULE, witness=witness))
            self.station.begin(self.log, self.events, RunGoal(10, 0.0, patience=60.0, watch=self.watch), -1)
            return self

        def ready(self):
            self.station.on(Ready("alice", 0))
            return self.station.on(Ready("bob", 0))

    return Bench()


def test_tags_are_taken_while_attempting_and_at_no_other_time(bench):
    bench.begin()
    assert bench.tagger.names() == []
    *_, accepted = bench.ready()
    assert isinstance(accepted, Accepted)
    commands = [call for call in bench.tagger.calls if call.name in ("start", "stop", "read")]
    assert [call.name for call in commands] == ["start", "stop", "read"]
    assert commands[0].arguments == ((0, 1, 2, 3, 4),)
    assert not bench.tagger.state.running


def test_a_tagger_is_stopped_when_attempts_break_off(bench, mocker):
    bench.begin()
    mocker.patch.object(bench, "run", side_effect=DeviceFault("sequencer", "gone"))
    with pytest.raises(DeviceFault, match="gone"):
        bench.ready()
    assert not bench.tagger.state.running
    assert bench.station.index == -1


def test_a_tagger_that_does_not_stop_lets_nobody_hear_of_a_herald(bench):
    """Alice would read her atom out while it takes tags."""
    bench.begin()
    bench.tagger._do_stop = lambda: None
    with pytest.raises(DeviceFault, match="acquisition was set to False"):
        bench.ready()
    assert (bench.station.index, len(bench.log.records())) == (-1, 0)


@pytest.mark.parametrize(
    ("block", "words"), [(LOST, "tags were lost, and none show the herald"), (UNSHOWN, "the tags do not show the herald")]
)
def test_a_herald_that_the_tags_do_not_show_gets_no_number(bench, block, words):
    bench.begin().blocks[:] = [SHOWN, block, SHOWN]
    bench.ready()
    *_, accepted = bench.ready()
    assert accepted.n == 1
    assert bench.log.records()["index"].tolist() == [0, NO_INDEX, 1]
    assert bench.log.records()["flags"].tolist() == [0, Flag.VETOED, 0]
    assert bench.events.causes()[-1] == f"herald vetoed: {bench.tagger.name}: {words}"
    assert (bench.station.state, bench.station.vetoes) == (State.HERALDED, 1)


def test_where_the_tagger_is_no_witness_its_losses_are_shown_to_the_monitors_and_that_is_all(bench):
    bench.begin(witness=False).blocks[:] = [LOST]
    *_, accepted = bench.ready()
    assert (accepted.n, bench.station.vetoes) == (0, 0)
    ((at_s, tags),) = bench.watch.tagged_runs
    assert (at_s, tags.length_s, tags.pattern, tags.findings.losses) == (1.0, 1.0, 0b0011, 1)


def test_runs_without_a_herald_are_looked_at_and_have_none_to_object_to(bench):
    bench.begin().blocks[:] = [LOST]
    bench.reason = ExitReason.LIMIT
    (recheck,) = bench.ready()
    assert isinstance(recheck, Recheck)
    assert [tags.pattern for _, tags in bench.watch.tagged_runs] == [None]
    assert bench.station.vetoes == 0


def test_tags_that_never_show_a_herald_end_the_run_when_patience_is_over(bench):
    bench.begin().blocks[:] = [SHOWN, *[UNSHOWN] * 20, SHOWN, *[UNSHOWN] * 1000]
    bench.ready()
    bench.ready()
    assert bench.station.index == 1
    with pytest.raises(NotReady, match=r"bsm: no herald to accept for 60 s: .* do not show the herald"):
        bench.ready()
    assert bench.runs == 1 + 21 + 62
    assert bench.station.index == 1
