"""The time tagger in whole runs of Munich on the twin: losses, missing reference edges, and what never may be in its tags."""

import json

import numpy as np
import pytest

from eventready.errors import NotReady
from eventready.protocol.records import NO_INDEX
from eventready.stations.link import Link
from eventready.twin.fault_script import parse_fault_script

STRUCK_S, LASTS_S = 300.0, 600.0


@pytest.fixture(scope="module")
def bystander(edited_link):
    """Munich with a tagger that is no witness."""
    return edited_link("munich", ("witness: true", "witness: false"))


@pytest.fixture
def run(tmp_path, config_of, close_instruments):
    def go(rounds, fault="", config=None, purpose="characterise", seed=11, before=lambda link: None):
        script = parse_fault_script(f"faults: [{fault}]", "test") if fault else None
        with Link(config or config_of("munich"), hardware="twin", seed=seed) as link:
            before(link)
            return link.run(tmp_path / "run", rounds=rounds, faults=script, purpose=purpose)

    return go


def burst(fault):
    return f'{{slot: bsm.tagger, fault: {fault}, at: "{STRUCK_S} s", for: "{LASTS_S} s"}}'


def heralds(result):
    """Times of accepted heralds and of vetoed ones, s."""
    records = result.folder.read_log("public").records
    times, vetoed = records["herald_ps"] * 1e-12, records["index"] == NO_INDEX
    return times[~vetoed], times[vetoed]


def during(times):
    return times[(times > STRUCK_S) & (times < STRUCK_S + LASTS_S)]


@pytest.mark.parametrize("purpose", ["characterise", "key"])
def test_an_overflow_is_told_at_once_and_nothing_heralds_across_it(run, purpose):
    result = run(25, burst("overflow"), purpose=purpose)
    assert (result.rounds, result.stopped) == (25, "")
    accepted, vetoed = heralds(result)
    assert len(during(accepted)) == 0
    assert len(vetoed) == len(during(vetoed)) == result.vetoes > 2
    lost = [alarm for alarm in result.alarms if alarm.monitor == "tags lost"]
    assert {alarm.monitor for alarm in result.alarms} == {"tags lost"}
    assert STRUCK_S < lost[0].at_s < STRUCK_S + 15, "at the end of the attempts that it meets, 10 s at most"
    assert all(alarm.at_s < STRUCK_S + LASTS_S + 120 + 15 for alarm in lost)
    truth = [json.loads(line) for line in (result.folder.truth / "disturbances.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["what"], line["value"]) for line in truth] == [("bsm.tagger", "overflow"), ("bsm.tagger", "overflow: over")]


def test_where_the_tagger_is_no_witness_rounds_go_on(run, bystander):
    result = run(25, burst("overflow"), bystander)
    accepted, vetoed = heralds(result)
    assert len(during(accepted)) > 2
    assert len(vetoed) == 0
    assert {alarm.monitor for alarm in result.alarms} == {"tags lost"}


def test_missing_reference_edges_are_told_with_the_first_herald(run):
    result = run(25, burst("references lost"))
    accepted, vetoed = heralds(result)
    assert len(during(accepted)) == 0
    first, *_ = result.alarms
    assert (first.monitor, first.node) == ("reference edges", "bsm")
    assert first.at_s == pytest.approx(during(vetoed)[0], abs=1e-6)
    assert "the tags none" in first.text


def test_reference_edges_that_stay_away_end_the_run(run, tmp_path):
    with pytest.raises(NotReady, match="bsm: no herald to accept for 3600 s: bsm_tagger: the tags do not show the herald"):
        run(25, f'{{slot: bsm.tagger, fault: references lost, at: "{STRUCK_S} s"}}')
    events = [json.loads(line) for line in (tmp_path / "run" / "public" / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert events[-1]["to"] == "fault"


def test_other_numbers_of_the_inputs_are_those_of_the_twin_too(run, edited_link):
    numbers = ("reference: 0, detectors: [1, 2, 3, 4]", "reference: 8, detectors: [4, 3, -2, 1]")
    result = run(8, config=edited_link("munich", numbers))
    assert (result.rounds, result.vetoes, result.alarms) == (8, 0, ())


# -- what must stay secret -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tags_read():
    """Notes every block that the station reads; ``tags_read.tap(link)``."""

    class Tap:
        def __init__(self):
            self.blocks = []

        def tap(self, link):
            tagger = link.wiring.roles["bsm.tagger"]
            real = tagger._do_read
            tagger._do_read = lambda: self.blocks.append(real()) or self.blocks[-1]
            return tagger

        @property
        def tags(self):
            return sum(len(block.times_ps) for block in self.blocks)

    return Tap()


def test_no_tag_of_a_readout_reaches_the_station(run, tags_read):
    """Alice's fluorescence falls on a detector of the Bell-state measurement: who counts its tags has her outcome."""
    result = run(30, before=tags_read.tap)
    assert tags_read.tags == 3 * 30, "of each herald its reference edge and two clicks"
    assert not any(block.losses for block in tags_read.blocks)
    assert result.alarms == ()


def test_an_overflow_during_a_readout_is_nowhere_to_be_seen(run, tags_read, events_of):
    """A bright atom might be what overflows the tagger."""

    def before(link):
        tags_read.tap(link)
        detector, port = link.wiring.roles["bsm.detector_ch"], link.world.ports["bsm.tagger"]
        real = detector._do_count

        def count(duration_s):
            port.overflow(True, detector.clock.now_ps())
            counts = real(duration_s)
            port.overflow(False, detector.clock.now_ps())
            return counts

        detector._do_count = count

    result = run(12, before=before)
    assert not any(block.losses for block in tags_read.blocks)
    assert (result.vetoes, result.alarms) == (0, ())
    assert not [line for line in events_of(result.folder, "public") if "tag" in line.get("cause", "")]


def test_a_tagger_left_running_would_have_them(run, tags_read):
    """That the two tests above can fail: this one starts a tagger and never stops it."""

    def before(link):
        tagger = tags_read.tap(link)
        tagger.start((0, 1, 2, 3, 4))
        tagger._do_start = tagger._do_stop = lambda *channels: None
        tagger._require_followed = lambda *what: None

    run(5, before=before)
    tags = np.concatenate([block.channels for block in tags_read.blocks])
    assert (tags == 1).sum() > 1000, "the looks at Alice's atom, among them her readouts"
