"""The world behind its ports: wiring, what each instrument does to the heralds, and how often the physics is worked out.

Seeds are fixed. A rate out of N heralds has a relative deviation of 1/sqrt(N); the tests allow 5 of them: 6e-7.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from eventready.errors import ConfigError
from eventready.sequences.program import Action
from eventready.twin.physics import LinkParameters, herald_distribution
from eventready.twin.physics.preset import load_preset
from eventready.twin.ports import (
    BeamPort,
    DetectorPort,
    RandomPort,
    RotatorPort,
    SequencerPort,
    ShutterPort,
    TagPort,
)
from eventready.twin.world import World

MakeLab = Callable[..., Any]
N = 2000
US, MS = 10**6, 10**9


def rate(lab: Any, n: int = N) -> float:
    """Heralds per attempt, with a relative deviation of 1/sqrt(n)."""
    return n / sum(lab.herald().attempts for _ in range(n))


def probability(lab: Any, link: LinkParameters | None = None) -> float:
    found = herald_distribution(lab.preset.link_parameters() if link is None else link).probability
    return float(found[list(lab.patterns)].sum())


def close(found: float, wanted: float, n: int = N) -> bool:
    return abs(found / wanted - 1) < 5 / n**0.5


# -- wiring ----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def world() -> World:
    return World(load_preset("munich-physics"), seed=1, readout_window=20e-3)


@pytest.mark.parametrize(
    ("role", "slot", "kind"),
    [
        ("Laser", "alice.trap", BeamPort),
        ("RfSource", "alice.cooling", BeamPort),
        ("Aom", "bob.repump", BeamPort),
        ("Shutter", "bob.shutter", ShutterPort),
        ("SinglePhotonDetector", "bob.detector", DetectorPort),
        ("RandomSource", "alice.qrng", RandomPort),
        ("TimeTagger", "bsm.tagger", TagPort),
        ("HeraldingSequencer", "bsm.sequencer", SequencerPort),
        ("Rotator", "alice.paddle", RotatorPort),
    ],
)
def test_every_role_has_its_port_and_only_one(world: World, role: str, slot: str, kind: type) -> None:
    port = world.port(role, slot)
    assert type(port) is kind
    assert world.port(role, slot) is port
    assert world.ports == {slot: port}


@pytest.mark.parametrize("role", ["PulseGenerator", "Shuter", ""])
def test_a_role_that_the_twin_cannot_play_is_refused(world: World, role: str) -> None:
    with pytest.raises(ConfigError, match=f"alice.thing.*{role}"):
        world.port(role, "alice.thing")


@pytest.mark.parametrize("slots", [("bsm.detector_ch", "alice.detector"), ("alice.detector", "bsm.detector_ch")])
def test_a_detector_that_two_nodes_look_through_is_one(world: World, slots: tuple[str, str]) -> None:
    port = world.port("SinglePhotonDetector", *slots)
    assert isinstance(port, DetectorPort)
    assert (port.side, port.channel) == (0, 0)
    assert world.ports == dict.fromkeys(slots, port)


def test_a_detector_knows_its_bit_and_its_darks(world: World) -> None:
    for bit, name in enumerate(("ch", "cv", "dh", "dv")):
        port = world.port("SinglePhotonDetector", f"bsm.detector_{name}")
        assert isinstance(port, DetectorPort)
        assert (port.side, port.channel, port.dark_rate_hz) == (None, bit, world.preset["bsm.dark_rate"])


def test_the_sequencer_of_a_node_latches_that_node_s_random_bits(world: World) -> None:
    ports = [world.port("RandomSource", f"{side}.qrng") for side in ("alice", "bob")]
    for side, name in enumerate(("alice", "bob")):
        sequencer = world.port("HeraldingSequencer", f"{name}.sequencer")
        assert isinstance(sequencer, SequencerPort)
        bits = sequencer.latch(2, 77 + side)
        port = ports[side]
        assert isinstance(port, RandomPort)
        assert list(port.latched) == [(bits, 77 + side)]


# -- a lab and its instruments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["alice", "bob"])
@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 1.0, 2.0])
def test_heralds_follow_the_rf_power_of_the_excitation(make_lab: MakeLab, side: str, fraction: float) -> None:
    lab = make_lab("munich-physics", seed=41, values={"bsm.dark_rate": 0.0})
    power_w = lab.preset[f"node.{side}.pi_pulse_power"]
    lab.beam(side, "excitation", "RfSource").set(lab.now_ps, power_w=fraction * power_w)
    # Without darks every herald takes one photon from each side, but for the few from second photons (1 in 1000 at full power).
    assert close(rate(lab), probability(lab) * math.sin(math.pi / 2 * math.sqrt(fraction)) ** 2)


@pytest.mark.parametrize(
    ("beam", "dark"),
    [
        ("excitation_laser", {"locked": False}),
        ("excitation_laser", {"on": False}),
        ("excitation_laser", {"interlock_closed": False}),
        ("excitation", {"on": False}),
        ("excitation", {"power_w": 0.0}),
    ],
)
@pytest.mark.parametrize("name", ["munich-physics", "oxford"])
def test_without_excitation_only_darks_herald_until_it_is_back(make_lab: MakeLab, name: str, beam: str, dark: dict[str, Any]) -> None:
    lab = make_lab(name, seed=42)
    port = lab.beam("alice", beam)
    before = (port.on, port.power_w)
    port.set(lab.now_ps, **dark)
    link = lab.preset.link_parameters()
    darks = dataclasses.replace(link, alice=dataclasses.replace(link.alice, excitation=0.0))
    assert close(rate(lab), probability(lab, darks))
    assert rate(lab, 100) < probability(lab) / 50
    port.set(lab.now_ps, on=before[0], power_w=before[1], locked=True, interlock_closed=True)
    assert close(rate(lab), probability(lab))


def test_without_excitation_and_darks_nothing_ever_heralds(make_lab: MakeLab) -> None:
    lab = make_lab("oxford", seed=43, values={"bsm.dark_rate": 0.0})
    for side in ("alice", "bob"):
        lab.beam(side, "excitation_laser").set(lab.now_ps, locked=False)
    ended = lab.herald(limit=10**12)
    assert (ended.heralded, ended.particle_missing, ended.attempts) == (False, False, 10**12)


def test_the_shutter_cuts_bob_off_and_lets_him_in_again(make_lab: MakeLab) -> None:
    lab = make_lab("munich-physics", seed=44)
    shutter = lab.world.port("Shutter", "bob.shutter")
    link = lab.preset.link_parameters()
    shut = link.bob.channel_transmission * lab.preset["node.bob.shutter_transmission"]
    closed = dataclasses.replace(link, bob=dataclasses.replace(link.bob, channel_transmission=shut))
    assert close(rate(lab), probability(lab, closed))
    shutter.command(True, lab.now_ps)
    lab.now_ps += 10 * MS
    assert close(rate(lab), probability(lab))


def test_attempts_while_the_blade_is_on_its_way_do_not_decide_for_those_after_it(make_lab: MakeLab) -> None:
    lab = make_lab("munich-physics", seed=45)
    shutter = lab.world.port("Shutter", "bob.shutter")
    shutter.command(True, lab.now_ps)
    assert not lab.bsm.run(lab.now_ps + MS, lab.loop, lab.patterns, 100).heralded  # counts as shut
    lab.now_ps += 10 * MS
    assert close(rate(lab), probability(lab))


@pytest.mark.parametrize("side", [0, 1])
def test_an_ion_out_of_the_focus_sends_little_until_it_is_back(make_lab: MakeLab, side: int) -> None:
    party = ("alice", "bob")[side]
    lab = make_lab("oxford", seed=46, values={f"node.{party}.shuttle_transmission": 1e-2})
    lab.nodes[side].act(Action.DISCONNECT, None, lab.now_ps)
    link = lab.preset.link_parameters()
    gone = dataclasses.replace(link, **{party: dataclasses.replace(link.node(party), channel_transmission=1e-2)})
    assert close(rate(lab), probability(lab, gone))
    lab.nodes[side].act(Action.CONNECT, None, lab.now_ps)
    assert close(rate(lab), probability(lab))


@pytest.mark.parametrize("fault", ["off", "overloaded"])
def test_a_dead_detector_leaves_the_patterns_without_it(make_lab: MakeLab, fault: str) -> None:
    lab = make_lab("munich-physics", seed=47)
    detector = lab.world.port("SinglePhotonDetector", "bsm.detector_dv")
    detector.set_on(True)
    assert close(rate(lab), probability(lab))
    detector.set_on(fault != "off")
    detector.set_overloaded(fault == "overloaded")
    runs = [lab.herald() for _ in range(N)]
    assert {run.pattern for run in runs} == {3}
    assert close(N / sum(run.attempts for run in runs), probability(lab) / 2)
    detector.set_on(True)
    detector.set_overloaded(False)
    assert {lab.herald().pattern for _ in range(100)} == {3, 12}


def test_a_longer_gate_brings_more_photons_and_more_darks(make_lab: MakeLab) -> None:
    short, long = make_lab("munich-physics", seed=48), make_lab("munich-physics", seed=49, gate_ps=10**6)
    kept = (1 - math.exp(-60 / 26.2348)) ** 2
    assert rate(long) / rate(short) == pytest.approx(1 / kept, rel=5 * (2 / N) ** 0.5 + 0.02)  # 0.02 for the darks
    for lab in (short, long):
        lab.beam("alice", "excitation_laser").set(lab.now_ps, locked=False)
        lab.beam("bob", "excitation_laser").set(lab.now_ps, locked=False)
    # Two darks each: the square of the ratio of gates.
    assert rate(long) / rate(short) == pytest.approx((1000 / 60) ** 2, rel=5 * (2 / N) ** 0.5)


def test_a_change_of_the_gate_needs_no_change_of_the_world(make_lab: MakeLab) -> None:
    """Two loops in turn, each with its own gate."""
    lab = make_lab("munich-physics", seed=50)
    loops = [lab.loop, dataclasses.replace(lab.loop, gate_start_ps=lab.loop.gate_start_ps + 18_200)]
    attempts = [0, 0]
    for n in range(2 * N):
        lab.loop = loops[n % 2]
        attempts[n % 2] += lab.herald().attempts
    assert attempts[1] / attempts[0] == pytest.approx(math.exp(2 * 18.2 / 26.2348), rel=5 * (2 / N) ** 0.5 + 0.01)


def test_the_tagger_sees_the_heralding_clicks(make_lab: MakeLab) -> None:
    lab = make_lab("oxford", seed=51)
    tagger = lab.world.port("TimeTagger", "bsm.tagger")
    lab.herald()
    tagger.set_running(True, lab.now_ps)
    runs = [lab.herald() for _ in range(50)]
    (times, channels), _ = tagger.take(lab.now_ps)
    references = np.flatnonzero(channels == 0)
    assert (runs[0].time_ps - times[references[0]]) == lab.loop.gate_start_ps + lab.loop.gate_ps
    assert np.diff(times[references]).tolist() == np.diff([run.time_ps for run in runs]).tolist()
    seen = [sum(1 << int(bit) - 1 for bit in clicks) for clicks in np.split(channels, references)[1:] for clicks in [clicks[1:]]]
    assert seen == [run.pattern for run in runs]


def test_the_tagger_sees_what_a_detector_of_the_middle_counts_for_a_party(make_lab: MakeLab) -> None:
    """Alice's fluorescence in Munich: who lets the tagger run then has her outcome in the tags."""
    lab = make_lab("munich-physics", seed=52)
    port = DetectorPort("bsm.detector_ch", lab.world, side=0, on=True, channel=0)
    tagger = lab.world.port("TimeTagger", "bsm.tagger")
    tagger.set_running(True, lab.now_ps)
    counts = port.count(lab.now_ps, lab.world.readout_window)
    assert counts > 0
    assert tagger.take(lab.now_ps + 20 * 10**9)[0].channels.tolist() == [1] * counts


# -- cost ------------------------------------------------------------------------------------------------------------------------------


def test_the_physics_is_worked_out_once_while_nothing_changes(make_lab: MakeLab, mocker: Any) -> None:
    lab = make_lab("oxford", seed=71)
    lab.herald()
    again = mocker.patch("eventready.twin.world.HeraldTable", side_effect=AssertionError("worked out afresh"))
    for _ in range(10):
        lab.round(0, 0, (20 * US, 20 * US))
    lab.nodes[0].act(Action.DISCONNECT, None, lab.now_ps)
    with pytest.raises(AssertionError, match="afresh"):
        lab.herald()
    lab.nodes[0].act(Action.CONNECT, None, lab.now_ps)
    lab.herald()
    assert again.call_count == 1


def test_a_scan_does_not_pile_up_tables(make_lab: MakeLab) -> None:
    lab = make_lab("munich-physics", seed=72)
    beam = lab.beam("alice", "excitation", "RfSource")
    for power_w in np.linspace(0.1, 0.5, 300):
        beam.set(lab.now_ps, power_w=float(power_w))
        lab.herald()
    assert len(lab.world._tables) <= 257
