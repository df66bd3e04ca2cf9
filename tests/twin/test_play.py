"""Playing the rounds of the two links: the closed form's S and Q, the engine's times, and what a fault does to a trace.

Seeds are fixed; the comments give the rate at which a new seed would fail.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eventready import load_run
from eventready.errors import ConfigError, NotReady, SequenceError
from eventready.protocol.bell import GAMES, Counts, chsh_s, correlator, qber
from eventready.sequences.language import HERALD, INPUT, Apart, Block, Choose, Effect, Gate, Item, Pulse, Repeat, Seq, Until, Wait, ms, us
from eventready.sequences.program import Action
from eventready.sequences.tree import walk
from eventready.stations.config import LinkConfig, load_link
from eventready.stations.link import Link
from eventready.stations.link_sequence import link_round
from eventready.twin.physics import Expectation, expected
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS, OXFORD_ANALYSES, OXFORD_PATTERNS
from eventready.twin.physics.preset import load_preset
from eventready.twin.play import Player, play
from eventready.twin.play_ready import make_ready
from eventready.twin.trace import NodeTrace, Trace, timeline
from eventready.twin.world import Level, World

SIDES = ("alice", "bob")
QUICK = {
    # Never lost by itself, loaded again 2 s after a loss, and photons enough that the next attempts herald.
    f"node.{side}.{name}": value
    for side in SIDES
    for name, value in {"trap_lifetime": 1e9, "load_mean": 2.0, "load_shape": 50.0, "efficiency": 0.06}.items()
}


class Bench:
    """A link's own sequence on a world, without the link."""

    def __init__(self, config: LinkConfig, seed: int, level: Level = "rounds", tree: Item | None = None, **values: float) -> None:
        self.tree = link_round(config) if tree is None else tree
        self.preset = load_preset(config.link.preset).with_values(
            QUICK | {name.replace("__", "."): value for name, value in values.items()}
        )
        self.world = World(self.preset, seed=seed, readout_window=config.link.timings.fluorescence, level=level)
        self.thresholds = {side: getattr(config.link.thresholds, side) for side in SIDES}
        pairs = [("alice", "bsm"), ("bob", "bsm"), ("alice", "bob")]
        self.lines_ps = {pair: round(config.delay(*pair) * 1e12) for pair in pairs}
        self.player = Player(self.tree, self.world, thresholds=self.thresholds, lines_ps=self.lines_ps)
        self.game = GAMES[config.link.game]
        self.now_ps = 0

    def ready(self) -> None:
        self.now_ps = make_ready(self.tree, self.world, thresholds=self.thresholds, start_ps=self.now_ps)

    def play(self, **inputs: int) -> Trace:
        trace = self.player.play(self.now_ps, inputs)
        self.now_ps = trace.end_ps
        return trace

    def round(self, **inputs: int) -> Trace:
        """A heralded play; two atoms, and photons enough for a herald within the limit, or the world is wrong."""
        self.ready()
        trace = self.play(**inputs)
        assert trace.herald is not None, trace.ended
        return trace

    def port(self, slot: str) -> Any:
        return self.world.ports[slot]


@pytest.fixture(scope="module")
def configs() -> dict[str, LinkConfig]:
    return {name: load_link(name) for name in ("munich", "oxford")}


@pytest.fixture
def bench(configs: dict[str, LinkConfig]) -> Callable[..., Bench]:
    def make(name: str, seed: int = 1, level: Level = "rounds", tree: Item | None = None, **values: float) -> Bench:
        return Bench(configs[name], seed, level, tree, **values)

    return make


MakeBench = Callable[..., Bench]


def step(node: NodeTrace, word: str) -> Any:
    (found,) = [each for each in node.steps if each.path.endswith(word)]
    return found


def acted_after_ps(trace: Trace, side: str, word: str) -> int:
    """When a block's effect acted, after the herald."""
    assert trace.herald is not None
    (acted_ps,) = step(trace.nodes[side], word).acted_ps
    return int(acted_ps - trace.herald.time_ps)


# -- against the closed form -----------------------------------------------------------------------------------------------------------


def closed_form(bench: Bench, delays: tuple[float, float]) -> Expectation:
    analyses, patterns = {
        "munich": (MUNICH_ANALYSES, MUNICH_PATTERNS),
        "oxford": (OXFORD_ANALYSES, OXFORD_PATTERNS),
    }[bench.game.name]
    return expected(bench.preset, *analyses, patterns, bench.game, delays)


def sampled(bench: Bench, rounds: int, given: bool) -> tuple[Counts, list[Trace]]:
    pairs = np.random.default_rng(1).permutation(np.tile(bench.game.pairs, (-(-rounds // len(bench.game.pairs)), 1)))[:rounds]
    traces = [bench.round(**(dict(zip(SIDES, map(int, pair), strict=True)) if given else {})) for pair in pairs]
    columns = [[getattr(trace.nodes[side], what) for trace in traces] for what in ("input", "outcome") for side in SIDES]
    return Counts.from_rounds(*columns, bench.game), traces


@pytest.mark.parametrize(("name", "level", "rounds"), [("munich", "rounds", 4000), ("oxford", "rounds", 4000), ("oxford", "clicks", 1200)])
def test_the_links_own_rounds_show_the_closed_form(bench: MakeBench, name: str, level: Level, rounds: int) -> None:
    """S, Q and every E within 4 sigma, 6e-5 each; Munich's inputs out of the hardware's latch, Oxford's given."""
    lab = bench(name, seed=11, level=level)
    counts, traces = sampled(lab, rounds, given=name == "oxford")
    word = {"munich": "readout", "oxford": "rotate"}[name]
    delays = [{acted_after_ps(trace, side, word) for trace in traces} for side in SIDES]
    assert [len(each) for each in delays] == [1, 1]
    wanted = closed_form(lab, (delays[0].pop() * 1e-12, delays[1].pop() * 1e-12))
    s, q = chsh_s(counts, lab.game), qber(counts, lab.game)
    assert s is not None
    assert q is not None
    assert abs(s.value - wanted.s) < 4 * s.sigma
    weights = [counts.of(pair)[0] for pair in lab.game.key_pairs]
    mean_q = np.average(wanted.qber, weights=weights)
    assert abs(q.value - mean_q) < 4 * math.sqrt(mean_q * (1 - mean_q) / sum(weights))
    for pair in lab.game.pairs:
        found = correlator(counts, pair)
        assert found is not None
        assert abs(found.value - wanted.correlators[pair]) < 4 * math.sqrt((1 - wanted.correlators[pair] ** 2) / counts.of(pair)[0])
    attempts = [trace.attempts for trace in traces]
    assert 1 / np.mean(attempts) == pytest.approx(wanted.probability, rel=4 / len(attempts) ** 0.5)
    assert not any(node.fallback for trace in traces for node in trace.nodes.values())


def test_latched_inputs_are_used_evenly_and_read_back(bench: MakeBench) -> None:
    """Chi-square of Alice's four inputs: 1e-4 a seed."""
    lab = bench("munich", seed=3)
    traces = [lab.round() for _ in range(400)]
    n = np.bincount([trace.nodes["alice"].input or 0 for trace in traces], minlength=4)
    assert ((n - 100) ** 2 / 100).sum() < 21.1
    assert not lab.world.random_port(0).latched


# -- against the engine ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_it_takes_the_times_that_a_run_of_the_engine_records(
    bench: MakeBench, configs: dict[str, LinkConfig], name: str, tmp_path: Path
) -> None:
    """To the nanosecond of the record, but for the way of a message and the lead of the fluorescence, which a station does not wait for."""
    link = Link(configs[name], hardware="twin", seed=5)
    try:
        link.run(tmp_path / "run", rounds=8)
    finally:
        link.close()
    lab = bench(name)
    trace = lab.round(**({"alice": 1, "bob": 2} if name == "oxford" else {}))
    assert trace.herald is not None
    message_ns = lab.lines_ps["alice", "bob"] / 1000 if name == "oxford" else 0
    lead_ns = configs[name].link.timings.lead * 1e9
    for side in SIDES:
        record = load_run(tmp_path / "run", side).to_pandas()[["readout_ns", "done_ns", "isolated_ns"]].astype("int64")
        readout_ns = acted_after_ps(trace, side, "readout" if name == "munich" else "rotate") / 1000
        assert (np.abs(record["readout_ns"] - readout_ns) <= message_ns + 1).all()
        done_ns = (step(trace.nodes[side], "fluorescence").end_ps - trace.herald.time_ps) / 1000
        assert (np.abs(record["done_ns"] + lead_ns - done_ns) <= message_ns + 1).all()
        isolated = {"munich": "wait shutter_closed", "oxford": "shuttle"}[name]
        if side == "bob" or name == "oxford":
            isolated_ns = (step(trace.nodes[side], isolated).end_ps - trace.herald.time_ps) / 1000
            assert (np.abs(record["isolated_ns"] - isolated_ns) <= 1).all()


# -- one round after the other ---------------------------------------------------------------------------------------------------------


def test_the_emptied_trap_reloads(bench: MakeBench) -> None:
    """After a round no atom is seen, whatever the outcome was; it takes loading, and then there is one."""
    lab = bench("munich", seed=4)
    for _ in range(20):
        trace = lab.round()
        for side in SIDES:
            node = trace.nodes[side]
            lab.port(f"{side}.cooling").set(node.steps[-1].end_ps, on=True)
            lab.port(f"{side}.repump").set(node.steps[-1].end_ps, on=True)
            assert lab.port(f"{side}.detector").count(node.steps[-1].end_ps, 20e-3) < lab.thresholds[side]
            for slot in ("cooling", "repump"):
                lab.port(f"{side}.{slot}").set(node.steps[-1].end_ps + 20 * ms, on=False)
        before_ps = lab.now_ps = trace.end_ps + 20 * ms
        lab.ready()
        assert lab.now_ps - before_ps > 0.5e12, "loading takes 2 s on average"


def test_without_emptying_the_trap_an_atom_stays(bench: MakeBench, configs: dict[str, LinkConfig]) -> None:
    """The light of the emptying block is what empties the trap: leave it out, and an atom that was read as bright is still there."""
    dark = without(link_round(configs["munich"]), "empty_trap")
    lab = bench("munich", seed=4, tree=dark)
    waited = []
    for _ in range(12):
        trace = lab.round()
        before_ps = lab.now_ps
        lab.ready()
        if all(trace.nodes[side].outcome for side in SIDES):
            waited.append(lab.now_ps - before_ps)
    assert waited
    assert max(waited) < 0.1e12


def test_an_oxford_round_leaves_everything_as_it_was(bench: MakeBench) -> None:
    lab = bench("oxford", seed=6)
    trace = lab.round(alice=0, bob=0)
    assert lab.world.connected == [True, True]
    assert {slot for slot, port in lab.world.ports.items() if getattr(port, "shining", False)} == {
        f"{side}.{slot}" for side in SIDES for slot in ("cooling", "repump", "excitation", "excitation_laser")
    }
    assert trace.end_ps - step(trace.nodes["bob"], "reconnect").end_ps == 0


@pytest.mark.parametrize(("name", "level"), [("munich", "rounds"), ("oxford", "rounds"), ("oxford", "clicks")])
def test_the_same_seed_plays_the_same(bench: MakeBench, name: str, level: Level) -> None:
    inputs = {"alice": 1, "bob": 0}
    first, second, other = ([lab.round(**inputs) for _ in range(15)] for lab in (bench(name, seed, level) for seed in (8, 8, 9)))
    assert first == second
    assert first != other


def test_one_play_is_a_player_s(bench: MakeBench) -> None:
    one, other = bench("oxford", 8), bench("oxford", 8)
    one.ready()
    other.ready()
    alone = play(one.tree, one.world, thresholds=one.thresholds, inputs={"alice": 1, "bob": 2}, start_ps=one.now_ps, lines_ps=one.lines_ps)
    assert alone == other.play(alice=1, bob=2)


# -- secrets ---------------------------------------------------------------------------------------------------------------------------


def test_neither_a_repr_nor_a_timeline_tells_input_counts_or_outcome(bench: MakeBench) -> None:
    """Rounds that differ in nothing but those look the same, and revealed they do not."""
    lab = bench("oxford", seed=7)
    by_input = [lab.round(alice=x, bob=y) for x in (0, 1) for y in (0, 1, 2) for _ in range(6)]

    def shown(trace: Trace, reveal: bool = False) -> tuple[str, str]:
        bare = dataclasses.replace(trace, start_ps=0, end_ps=0, attempts=0, herald=None, nodes={"alice": trace.nodes["alice"]})
        moved = dataclasses.replace(
            bare.nodes["alice"],
            steps=tuple(
                dataclasses.replace(one, start_ps=0, end_ps=0, acted_ps=(), counts=one.counts) for one in trace.nodes["alice"].steps
            ),
        )
        still = dataclasses.replace(bare, nodes={"alice": moved})
        return repr(still) + "".join(map(repr, moved.steps)), timeline(still, reveal=reveal)

    assert len({shown(trace) for trace in by_input}) == 1
    assert {trace.nodes["alice"].outcome for trace in by_input} == {0, 1}
    assert len({shown(trace, reveal=True)[1] for trace in by_input}) > 6
    assert "input=1" in timeline(by_input[-1], reveal=True)


# -- without a herald ------------------------------------------------------------------------------------------------------------------


def test_a_lost_atom_ends_the_play_without_a_herald(bench: MakeBench) -> None:
    lab = bench("munich", seed=2, **{"node__alice__efficiency": 1e-6, "node__alice__trap_lifetime": 0.05})
    lab.ready()
    trace = lab.play()
    assert trace.herald is None
    assert "lost" in trace.ended
    assert 0 < trace.attempts < 500_000
    assert trace.end_ps > trace.start_ps
    assert [node.outcome for node in trace.nodes.values()] == [None, None, None]
    assert f"no herald in {trace.attempts} attempts" in timeline(trace)


def test_the_limit_ends_the_play_without_a_herald(bench: MakeBench) -> None:
    lab = bench("oxford", seed=2, **{"node__alice__efficiency": 0.0, "bsm__dark_rate": 0.0})
    lab.ready()
    trace = lab.play(alice=0, bob=0)
    assert (trace.herald, trace.ended, trace.attempts) == (None, "the limit was reached", 400_000)


@pytest.mark.parametrize("fault", ["set_deaf", "set_on"])
def test_a_dead_herald_detector_takes_its_patterns_away(bench: MakeBench, fault: str) -> None:
    lab = bench("munich", seed=2)
    lab.ready()
    getattr(lab.port("bsm.detector_cv"), fault)(fault == "set_deaf")
    assert {trace.herald.pattern for trace in (lab.round() for _ in range(12)) if trace.herald} == {0b1100}


def test_an_overloaded_herald_detector_vetoes(bench: MakeBench) -> None:
    lab = bench("munich", seed=2)
    lab.ready()
    lab.port("bsm.detector_cv").set_overloaded(True)
    assert lab.play().ended == "vetoed: bsm.detector_cv is overloaded"


@pytest.mark.parametrize("slot", ["excitation", "excitation_laser"])
def test_without_excitation_light_there_is_no_herald(bench: MakeBench, slot: str) -> None:
    lab = bench("oxford", seed=2, **{"bsm__dark_rate": 0.0})
    lab.ready()
    lab.port(f"alice.{slot}").set(lab.now_ps, locked=False)
    assert lab.play(alice=0, bob=0).ended == "the limit was reached"
    lab.port(f"alice.{slot}").set(lab.now_ps, locked=True)
    assert lab.play(alice=0, bob=0).herald is not None


def test_an_atom_whose_pulse_is_forgotten_is_not_excited(bench: MakeBench, configs: dict[str, LinkConfig]) -> None:
    tree = without_line(link_round(configs["oxford"]), "alice.excitation")
    lab = bench("oxford", seed=2, tree=tree, **{"bsm__dark_rate": 0.0})
    lab.ready()
    assert lab.play(alice=0, bob=0).ended == "the limit was reached"
    assert lab.port("alice.excitation").on, "as it was"


def test_photons_that_the_sequence_has_apart_cost_s(bench: MakeBench, configs: dict[str, LinkConfig]) -> None:
    """Bob's fibre is 4 us shorter than the sequence takes it to be: nothing is left in the gates but darks."""
    lab = bench("munich", seed=2)
    wrong = Player(lab.tree, lab.world, thresholds=lab.thresholds, lines_ps=lab.lines_ps | {("bob", "bsm"): 0})
    lab.ready()
    assert wrong.play(lab.now_ps).ended == "the limit was reached"
    assert lab.play().herald is not None


# -- faults after a herald -------------------------------------------------------------------------------------------------------------


def test_a_stuck_shutter_gives_the_fallback_and_says_so(bench: MakeBench) -> None:
    lab = bench("munich", seed=2)
    lab.ready()
    lab.port("bob.shutter").stuck = True
    for _ in range(8):
        trace = lab.round()
        bob = trace.nodes["bob"]
        assert (bob.outcome, bob.fallback) == (0, "shutter_closed did not come within 20 ms")
        assert bob.steps[-1].path == "bob/wait shutter_closed"
        assert bob.steps[-1].end_ps - bob.steps[-1].start_ps == 20 * ms
        assert not trace.nodes["alice"].fallback
        assert "fallback output: shutter_closed" in timeline(trace)


@pytest.mark.parametrize("fault", [{"locked": False}, {"interlock_closed": False}])
@pytest.mark.parametrize("slot", ["readout", "ionisation"])
def test_a_dark_readout_laser_projects_nothing(bench: MakeBench, slot: str, fault: dict[str, bool]) -> None:
    """No fallback, for no hardware notices: every atom stays and is bright, and the trace has a note."""
    lab = bench("munich", seed=2)
    lab.ready()
    lab.world.port("Laser", f"alice.{slot}").set(0, **fault)  # type: ignore[union-attr]
    traces = [lab.round() for _ in range(12)]
    assert {trace.nodes["alice"].outcome for trace in traces} == {1}
    assert {trace.nodes["bob"].outcome for trace in traces} == {0, 1}
    for trace in traces:
        assert not trace.nodes["alice"].fallback
        notes = step(trace.nodes["alice"], "readout").notes
        assert notes == (
            f"alice.{slot} is on and gives no light",
            "nothing is projected: not all the light that it takes shines at this moment",
        )
        assert "did not shine" in timeline(trace)
        assert slot in timeline(trace, reveal=True)


def test_dark_cooling_light_shows_nothing(bench: MakeBench) -> None:
    lab = bench("munich", seed=2)
    lab.ready()
    lab.port("bob.cooling").set(lab.now_ps, locked=False)
    trace = lab.play()
    assert trace.nodes["bob"].outcome == 0
    assert not trace.nodes["bob"].fallback
    assert step(trace.nodes["bob"], "fluorescence").notes == ("bob.cooling is on and gives no light",)
    with pytest.raises(NotReady, match="bob: no particle is seen"):
        make_ready(lab.tree, lab.world, thresholds=lab.thresholds, start_ps=lab.now_ps, patience=60.0)


@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_an_overloaded_detector_gives_the_fallback(bench: MakeBench, name: str) -> None:
    lab = bench(name, seed=2)
    lab.ready()
    lab.port("alice.detector").set_overloaded(True)
    trace = lab.play(alice=0, bob=0)
    assert trace.nodes["alice"].fallback == "alice.detector is overloaded, its counts mean nothing"
    assert trace.nodes["alice"].outcome == 0
    assert not trace.nodes["bob"].fallback


def test_a_deaf_detector_counts_nothing_and_says_nothing(bench: MakeBench) -> None:
    lab = bench("oxford", seed=2)
    lab.ready()
    lab.port("alice.detector").set_deaf(True)
    trace = lab.play(alice=0, bob=0)
    assert step(trace.nodes["alice"], "fluorescence").counts == (("alice.detector", 0),)
    assert (trace.nodes["alice"].outcome, trace.nodes["alice"].fallback) == (0, "")


def test_a_node_that_fails_keeps_the_other_from_measuring(bench: MakeBench, configs: dict[str, LinkConfig]) -> None:
    """Alice waits for something that never comes, before she is out of the focus: Bob is not isolated from her, and waits in vain."""
    tree = with_step_before(link_round(configs["oxford"]), "alice", Wait("key_turned", 5 * us))
    lab = bench("oxford", seed=2, tree=tree)
    trace = lab.round(alice=0, bob=0)
    assert trace.nodes["alice"].fallback == "key_turned did not come within 5 us"
    assert trace.nodes["bob"].fallback == "isolated_both did not come within 10 ms"


@pytest.mark.parametrize(("after_us", "comes"), [(None, False), (6, False), (5, True), (0, True), (-3, True)])
def test_other_waits_are_answered_by_the_caller(
    bench: MakeBench, configs: dict[str, LinkConfig], after_us: int | None, comes: bool
) -> None:
    tree = with_step_before(link_round(configs["oxford"]), "alice", Wait("key_turned", 5 * us))
    lab = bench("oxford", seed=2, tree=tree)
    asked = []

    def answer(node: str, event: str, since_ps: int) -> int | None:
        asked.append((node, event))
        return None if after_us is None else since_ps + after_us * us

    lab.ready()
    trace = Player(tree, lab.world, thresholds=lab.thresholds, answer=answer).play(lab.now_ps, {"alice": 0, "bob": 0})
    assert asked == [("alice", "key_turned")]
    waited = step(trace.nodes["alice"], "key_turned")
    assert waited.end_ps - waited.start_ps == (max(after_us or 0, 0) * us if comes else 5 * us)
    assert bool(trace.nodes["alice"].fallback) is not comes


def test_a_wait_of_both_ends_for_both_when_the_slower_one_has_it(bench: MakeBench, configs: dict[str, LinkConfig]) -> None:
    """Only Bob has a shutter, and he gets to it later; then both go on together, Alice a fibre's length after him."""
    attempts = next(item for _, item in walk(link_round(configs["munich"])) if isinstance(item, Until))
    parts = Apart({"alice": Block("short", 3 * us), "bob": Block("long", 5 * us)})
    tree = Seq((attempts, Seq((parts, Wait("shutter_closed", 20 * ms), Block("after", us)), fallback=1)))
    lab = bench("munich", seed=2, tree=tree)
    trace = lab.round()
    assert trace.herald is not None
    bob, alice = (step(trace.nodes[side], "after").start_ps - trace.herald.time_ps for side in ("bob", "alice"))
    assert bob == lab.lines_ps["bob", "bsm"] + 5 * us + 5 * ms
    assert alice == bob + lab.lines_ps["alice", "bob"]
    assert trace.nodes["bsm"].steps[-1].path == "after"
    assert [trace.nodes[side].fallback for side in SIDES] == ["no block 'fluorescence' has counted"] * 2
    lab.ready()
    lab.port("bob.shutter").stuck = True
    assert [lab.play().nodes[side].fallback for side in SIDES] == ["shutter_closed did not come within 20 ms"] * 2


def test_a_wait_before_the_attempts_that_nobody_answers_ends_the_play(bench: MakeBench, configs: dict[str, LinkConfig]) -> None:
    lab = bench("munich", tree=Seq((Wait("key_turned", us), link_round(configs["munich"]))))
    lab.ready()
    trace = lab.play()
    assert (trace.herald, trace.ended, trace.attempts) == (None, "key_turned did not come within 1 us", 0)
    assert trace.end_ps == trace.start_ps + us


def test_light_that_goes_out_halfway_counts_for_half(bench: MakeBench, configs: dict[str, LinkConfig]) -> None:
    """Counts of the same gate with light for its first half only: the mean within 5 sigma of the half, 6e-7."""
    timings = configs["munich"].link.timings
    whole_ps = round(timings.fluorescence * 1e12)
    light = tuple(Pulse(f"alice.{slot}", 0, whole_ps // 2) for slot in ("cooling", "repump"))
    look = Block("fluorescence", whole_ps, light, (Gate("alice.detector", 0, whole_ps),))
    lab = bench("munich", seed=5)
    lab.ready()
    dark, bright = (lab.preset[f"node.alice.{name}"] for name in ("dark_counts", "bright_counts"))
    counts = [
        step(play(look, lab.world, thresholds={}, start_ps=lab.now_ps + n * 10**11).nodes["alice"], "fluorescence").counts[0][1]
        for n in range(200)
    ]
    wanted = (dark + bright) / 2
    assert abs(np.mean(counts) - wanted) < 5 * math.sqrt(wanted / 200)


# -- what cannot be played -------------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_said_before_anything_is_played(bench: MakeBench) -> None:
    lab = bench("oxford")
    with pytest.raises(ConfigError, match="no threshold for bob"):
        Player(lab.tree, lab.world, thresholds={"alice": 7})
    lab.ready()
    with pytest.raises(ConfigError, match="bob: no hardware latches its input"):
        lab.play(alice=0)


@pytest.mark.parametrize("slot", ["bob.detector", "bob.sequencer"])
def test_another_thing_in_a_slot_is_said(bench: MakeBench, slot: str) -> None:
    lab = bench("oxford")
    lab.ready()
    lab.world.ports[slot] = lab.world.port("Laser", "alice.cooling")
    with pytest.raises(ConfigError, match=f"{slot} is wired to a BeamPort"):
        lab.play(alice=0, bob=0)


def test_what_cannot_be_played_is_refused_with_every_reason(bench: MakeBench, configs: dict[str, LinkConfig]) -> None:
    lab = bench("munich")
    attempts = next(item for _, item in walk(lab.tree) if isinstance(item, Until))
    bad = Seq(
        (
            Repeat(attempts, 2),
            attempts,
            Choose(HERALD, {"psi+": Block("a", 10, fallback=0)}),
            Block("b", 10),
            Apart({"alice": Choose(INPUT, {0: Block("c", 10)})}),
        )
    )
    with pytest.raises(SequenceError) as refused:
        Player(bad, lab.world, thresholds=lab.thresholds)
    text = str(refused.value)
    for reason in (
        "2 loops of attempts",
        "not inside of anything",
        "herald: name a fallback",
        "b: comes after a herald",
        "alice/input=0/c: comes",
    ):
        assert reason in text, text


@pytest.mark.parametrize(
    ("name", "effect", "at_ps", "reason"),
    [
        ("munich", Effect(Action.ANALYSE, 0, None), 0, "analyses in no basis"),
        ("munich", Effect(Action.SCRAMBLE, 11), 0, "acts outside its block"),
        ("munich", Effect(Action.SCRAMBLE, -1), 0, "acts outside its block"),
        ("munich", Effect(Action.DISCONNECT), 0, "nothing that moves a particle"),
        ("oxford", Effect(Action.DISCONNECT), 0, ""),
        ("oxford", Effect(Action.SCRAMBLE, 5), 5, ""),
    ],
)
def test_effects_that_the_world_cannot_play_are_refused(bench: MakeBench, name: str, effect: Effect, at_ps: int, reason: str) -> None:
    block = Block("b", 10, (Pulse("alice.x", at_ps, 5, does=effect),))
    world = bench(name).world
    if reason:
        with pytest.raises(SequenceError, match=f"b/alice.x: .*{reason}"):
            Player(block, world, thresholds={})
    else:
        assert Player(block, world, thresholds={}).play().nodes["alice"].steps[0].acted_ps == (at_ps + effect.after_ps,)


# -- trees, changed --------------------------------------------------------------------------------------------------------------------


def rebuilt(item: Item, change: Callable[[Block], Block | None]) -> Item:
    """A tree with other blocks, or without some."""
    if isinstance(item, Block):
        return change(item) or Seq(())
    if isinstance(item, Seq):
        return dataclasses.replace(item, items=tuple(rebuilt(each, change) for each in item.items))
    if isinstance(item, Repeat | Until):
        return dataclasses.replace(item, body=rebuilt(item.body, change))
    if isinstance(item, Choose):
        return dataclasses.replace(item, arms={value: rebuilt(arm, change) for value, arm in item.arms.items()})
    return Apart({node: rebuilt(each, change) for node, each in item.parts.items()}) if isinstance(item, Apart) else item


def without(tree: Item, name: str) -> Item:
    return rebuilt(tree, lambda block: None if block.name == name else block)


def without_line(tree: Item, line: str) -> Item:
    return rebuilt(tree, lambda block: dataclasses.replace(block, pulses=tuple(p for p in block.pulses if p.line != line)))


def with_step_before(tree: Item, node: str, first: Item) -> Item:
    """The same with one more step at the beginning of a node's part."""
    assert isinstance(tree, Seq)
    (apart,) = [item for item in tree.items if isinstance(item, Apart)]
    mine = apart.parts[node]
    assert isinstance(mine, Seq)
    parts = dict(apart.parts) | {node: dataclasses.replace(mine, items=(first, *mine.items))}
    return Seq(tuple(Apart(parts) if item is apart else item for item in tree.items), tree.fallback)
