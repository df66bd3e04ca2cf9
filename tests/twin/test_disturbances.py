"""Faults on the clock: when they come, what they do to the world, and that the truth is noted.

Seeds are fixed; statistical limits are 4 standard deviations (6e-5 each).
"""

from __future__ import annotations

import io
import itertools
import json
import math

import numpy as np
import pytest

from eventready.clock import SimClock
from eventready.errors import ConfigError
from eventready.twin.disturbances import Disturbances, befall
from eventready.twin.fault_script import SLOT_FAULTS, Timing, parse_fault_script
from eventready.twin.physics import herald_distribution
from eventready.twin.ports import BeamPort, DetectorPort, RandomPort, SequencerPort, ShutterPort, TagPort
from eventready.twin.roles import TwinTagger
from eventready.twin.spell import intervals

S = 10**12


def disturbances(text: str, seed: int = 1, truth: io.StringIO | None = None) -> Disturbances:
    return Disturbances(parse_fault_script(text, "faults.yaml"), seed, truth)


def at(now_ps: int) -> dict[str, SimClock]:
    return {node: SimClock(now_ps) for node in ("alice", "bob", "bsm")}


def test_a_fault_at_a_time_holds_from_then_until_it_ends() -> None:
    made = disturbances('faults: [{quantity: bsm.dark_rate, value: "500 /s", at: "10 s", for: "5 s"}]')
    assert made.quantities(0) == ({}, 10 * S)
    assert made.quantities(10 * S) == ({"bsm.dark_rate": 500.0}, 15 * S)
    assert made.quantities(15 * S - 1)[0] == {"bsm.dark_rate": 500.0}
    values, until_ps = made.quantities(15 * S)
    assert values == {}
    assert until_ps > 10**9 * S


def test_faults_of_one_quantity_add_up_and_factors_multiply() -> None:
    made = disturbances(
        "faults:\n"
        '  - {quantity: bsm.dark_rate, value: "500 /s", at: "0 s"}\n'
        '  - {quantity: bsm.dark_rate, value: "20 /s", at: "0 s"}\n'
        '  - {quantity: bob.excitation, value: 0.5, at: "0 s"}\n'
        '  - {quantity: bob.excitation, value: 0.1, at: "0 s"}\n'
    )
    assert made.quantities(S)[0] == {"bsm.dark_rate": 520.0, "bob.excitation": pytest.approx(0.05)}


def test_a_poisson_process_has_the_interval_and_length_of_the_script() -> None:
    found = list(itertools.islice(intervals(Timing(None, 100.0, 10.0), np.random.default_rng(3)), 4000))
    lengths = np.array([stop - start for start, stop in found]) / S
    gaps = np.array([after.start_ps - before.stop_ps for before, after in itertools.pairwise(found)]) / S
    for times, mean in ((lengths, 10.0), (gaps, 100.0)):
        assert times.mean() == pytest.approx(mean, abs=4 * mean / len(times) ** 0.5)
        assert times.std() == pytest.approx(mean, rel=0.1), "exponential"


def test_a_drift_has_the_spread_and_the_memory_of_the_script() -> None:
    made = disturbances('drifts: [{quantity: bob.fibre_rotation, sigma: "3 deg", time: "100 s"}]')
    path = np.array([made.quantities(k * 10 * S)[0].get("bob.fibre_rotation", 0.0) for k in range(40_000)])
    assert path[0] == 0.0, "the run begins calibrated"
    late = path[100:]
    independent = len(late) * 10 / 200  # 2 T apart
    assert late.std() == pytest.approx(math.radians(3), rel=4 / math.sqrt(2 * independent))
    assert np.corrcoef(late[:-10], late[10:])[0, 1] == pytest.approx(math.exp(-1), abs=4 / math.sqrt(independent))


def test_a_drift_does_not_depend_on_when_it_is_looked_at() -> None:
    text = 'drifts: [{quantity: bob.field, sigma: "1 mT", time: "50 s"}]'
    often, seldom = disturbances(text), disturbances(text)
    for k in range(1, 1000):
        often.quantities(k * S // 7)
    assert often.quantities(150 * S) == seldom.quantities(150 * S)


def test_one_process_more_changes_none_of_those_before_it() -> None:
    first = '  - {quantity: bsm.dark_rate, value: "1 /s", every: "10 s", for: "1 s"}\n'
    more = '  - {quantity: bob.field, value: "1 mT", every: "3 s", for: "1 s"}\n'
    alone, together = disturbances("faults:\n" + first), disturbances("faults:\n" + first + more)
    for k in range(200):
        mine = alone.quantities(k * S)[0].get("bsm.dark_rate")
        assert together.quantities(k * S)[0].get("bsm.dark_rate") == mine


# -- instruments -----------------------------------------------------------------------------------------------------------------------


def test_what_befalls_an_instrument_is_on_its_node_s_clock() -> None:
    port, clock, truth = BeamPort("bob.readout"), SimClock(), io.StringIO()
    made = disturbances('faults: [{slot: bob.readout, fault: unlocked, at: "10 s", for: "5 s"}]', truth=truth)
    made.schedule({"bob.readout": port}, {"bob": clock, "alice": SimClock(10**15)})
    seen = []
    for _ in range(20):
        clock.sleep(1.0)
        seen.append(port.locked)
    assert seen == [True] * 9 + [False] * 5 + [True] * 6
    assert [json.loads(line) for line in truth.getvalue().splitlines()] == [
        {"t_s": 10.0, "what": "bob.readout", "value": "unlocked"},
        {"t_s": 15.0, "what": "bob.readout", "value": "unlocked: over"},
    ]


def test_random_faults_come_again_and_again() -> None:
    port, clock, truth = BeamPort("bob.readout"), SimClock(), io.StringIO()
    made = disturbances('faults: [{slot: bob.readout, fault: unlocked, every: "100 s", for: "1 s"}]', truth=truth)
    made.schedule({"bob.readout": port}, {"bob": clock})
    clock.sleep(100_000)
    strikes = [line for line in truth.getvalue().splitlines() if '"unlocked"' in line]
    assert len(strikes) == pytest.approx(100_000 / 101, abs=4 * math.sqrt(100_000 / 101))


def test_a_resumed_run_meets_the_faults_that_still_hold_and_not_those_that_are_over() -> None:
    over, holds = BeamPort("bob.readout"), BeamPort("bob.trap")
    made = disturbances(
        'faults: [{slot: bob.readout, fault: unlocked, at: "1 s", for: "1 s"}, {slot: bob.trap, fault: unlocked, at: "1 s"}]'
    )
    made.schedule({"bob.readout": over, "bob.trap": holds}, {"bob": SimClock(100 * S)})
    assert (over.locked, holds.locked) == (True, False)


PORTS = {
    "unlocked": (BeamPort, lambda port: not port.locked),
    "dark": (lambda: BeamPort(on=True), lambda port: not port.on),
    "interlock": (BeamPort, lambda port: not port.interlock_closed),
    "stuck": (ShutterPort, lambda port: port.stuck),
    "overloaded": (lambda: DetectorPort(on=True), lambda port: port.overloaded),
    "latched": (lambda: DetectorPort(on=True), lambda port: port.overloaded),
    "deaf": (DetectorPort, lambda port: port.deaf),
    "overflow": (lambda: TagPort(running=True), lambda port: bool(port.take(5)[1])),
    "references lost": (TagPort, lambda port: port.references_lost),
    "stuck bits": (RandomPort, lambda port: port.read(4) == b"\0\0\0\0"),
    "missed references": (SequencerPort, lambda port: port.missed_references == 1),
}


@pytest.mark.parametrize("fault", SLOT_FAULTS)
def test_every_fault_does_what_it_says(fault: str) -> None:
    make, holds = PORTS[fault]
    port = make()
    assert not holds(port)
    befall(port, fault, True, 0)
    assert holds(port)
    befall(port, fault, False, 1)
    # Light must be switched on again, a latched detector be reset, and what was missed stays missed.
    if fault not in ("dark", "missed references", "overflow", "overloaded", "latched"):
        assert not holds(port)
    with pytest.raises(ConfigError, match="cannot befall"):
        befall(ShutterPort() if fault != "stuck" else BeamPort(), fault, True, 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{slot: bob.window, fault: stuck, at: 1 s}", "nothing in the slot 'bob.window'"),
        ("{slot: bob.readout, fault: stuck, at: 1 s}", "cannot befall bob.readout; there it is one of unlocked, dark, interlock"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_before_the_run(line: str, message: str) -> None:
    made = disturbances(f"faults: [{line}]")
    with pytest.raises(ConfigError, match=message):
        made.schedule({"bob.readout": BeamPort("bob.readout")}, {"bob": SimClock()})


def test_at_the_end_everything_is_put_right_and_nothing_more_happens() -> None:
    port, clock = BeamPort("bob.readout"), SimClock()
    made = disturbances('faults: [{slot: bob.readout, fault: unlocked, at: "1 s"}, {slot: bob.readout, fault: dark, at: "5 s"}]')
    made.schedule({"bob.readout": port}, {"bob": clock})
    clock.sleep(2)
    assert not port.locked
    made.end()
    assert port.locked
    port.set(0, on=True)
    clock.sleep(10)
    assert port.on


def test_a_detector_latches_again_as_soon_as_it_is_on_while_there_is_too_much_light() -> None:
    port = DetectorPort("bsm.detector_ch")
    befall(port, "overloaded", True, 0)
    assert not port.overloaded, "without bias it does not mind"
    seen = []
    for on in (True, False, True):
        port.set_on(on)
        port.set_overloaded(False)
        seen.append(port.overloaded)
    assert seen == [True, False, True]
    befall(port, "overloaded", False, 1)
    assert port.overloaded, "nobody has reset it yet"
    port.set_overloaded(False)
    assert not port.overloaded


def test_at_the_end_a_detector_that_has_latched_is_free() -> None:
    port, clock = DetectorPort("bsm.detector_ch", on=True), SimClock()
    made = disturbances('faults: [{slot: bsm.detector_ch, fault: overloaded, at: "1 s"}]')
    made.schedule({"bsm.detector_ch": port}, {"bsm": clock})
    clock.sleep(2)
    assert port.overloaded
    made.end()
    assert (port.overloaded, port.dazzled) == (False, False)


# -- the world -------------------------------------------------------------------------------------------------------------------------


def test_the_world_s_heralds_follow_a_disturbance_to_the_attempt(make_lab) -> None:
    """Bob's fibre lets a hundredth through for a while: no herald rate before and after, a hundredth of it meanwhile."""
    lab = make_lab("munich-physics", seed=5)
    attempt_s = lab.loop.burst_ps / lab.loop.attempts_per_burst / S
    start = lab.now_ps
    text = f'faults: [{{quantity: bob.channel_transmission, value: 0.01, at: "{start / S + 2000:.0f} s", for: "20000 s"}}]'
    truth = io.StringIO()
    lab.world.disturb(disturbances(text, truth=truth), at(start))
    times = []
    while lab.now_ps < start + 24_000 * S:
        times.append(lab.herald().time_ps - start)
    when = np.array(times) / S
    rate = 4.93e-7 / attempt_s
    for low, high, share in ((0, 2000, 1.0), (2000, 22_000, 0.01), (22_000, 24_000, 1.0)):
        seen, wanted = ((when >= low) & (when < high)).sum(), rate * share * (high - low)
        assert seen == pytest.approx(wanted, abs=4 * wanted**0.5 + 0.12 * wanted), "darks and double photons herald, too"
    assert [json.loads(line)["value"] for line in truth.getvalue().splitlines()] == [0.01, 1.0]


@pytest.mark.parametrize("level", ["rounds", "clicks"])
def test_stray_light_heralds_at_either_level(make_lab, level: str) -> None:
    lab = make_lab("oxford", seed=6, level=level, values={"node.alice.efficiency": 0.0})
    lab.world.disturb(disturbances('faults: [{quantity: bsm.dark_rate, value: "1 MHz", at: "0 s"}]'), at(lab.now_ps))
    attempts = [lab.herald().attempts for _ in range(400)]
    calibrated = lab.preset.with_values({"bsm.dark_rate": 1e6 + lab.preset["bsm.dark_rate"]})
    wanted = sum(herald_distribution(calibrated.link_parameters()).probability[pattern] for pattern in lab.patterns)
    assert 1 / np.mean(attempts) == pytest.approx(wanted, rel=4 / len(attempts) ** 0.5)


def test_a_bright_particle_that_fluoresces_less_is_counted_less(make_lab) -> None:
    lab = make_lab("munich-physics", seed=7)
    full = np.mean([lab.detectors[0].count(lab.now_ps, 1e-6) for _ in range(200)])
    lab.world.disturb(disturbances('faults: [{quantity: alice.bright_counts, value: 0.5, at: "0 s"}]'), at(lab.now_ps))
    half = np.mean([lab.detectors[0].count(lab.now_ps, 1e-6) for _ in range(200)])
    assert half / full == pytest.approx(0.5, rel=0.05)


def test_an_ended_disturbance_leaves_the_calibrated_link(make_lab) -> None:
    lab = make_lab("oxford", seed=8)
    lab.world.disturb(disturbances('faults: [{quantity: bob.channel_transmission, value: 0.0, at: "0 s"}]'), at(lab.now_ps))
    assert not lab.bsm.run(lab.now_ps, lab.loop, lab.patterns, 10_000).heralded
    lab.world.end_disturbance()
    assert lab.herald().heralded


def test_a_trap_that_keeps_its_atom_for_a_hundredth_of_the_time(make_lab) -> None:
    lab = make_lab("munich-physics", seed=9, values={"node.alice.trap_lifetime": 1000.0})
    trap, start = lab.world.traps[0], lab.now_ps
    assert trap.present(start)
    left = trap.lost_ps - start
    lab.world.disturb(disturbances('faults: [{quantity: alice.trap_lifetime, value: 0.01, at: "0 s"}]'), at(start))
    assert (trap.lost_ps - start) / left == pytest.approx(0.01, rel=1e-6)
    lab.world.end_disturbance()
    assert (trap.lost_ps - start) / left == pytest.approx(1.0, rel=1e-6)


def test_an_overflow_loses_tags_and_says_so(make_lab) -> None:
    lab = make_lab("oxford", seed=10)
    tagger = TwinTagger("tagger", lab.world.port("TimeTagger", "bsm.tagger"), SimClock(lab.now_ps))
    tagger.start((0, 1, 2, 3, 4))
    start_ps, clocks = lab.now_ps, at(lab.now_ps)
    begin = lab.now_ps / S
    lab.world.disturb(disturbances(f'faults: [{{slot: bsm.tagger, fault: overflow, at: "{begin + 1} s", for: "5 s"}}]'), clocks)
    clocks["bsm"].sleep(2)
    lab.now_ps = clocks["bsm"].now_ps()
    lost = [lab.herald().time_ps for _ in range(20)]
    clocks["bsm"].sleep(10)
    lab.now_ps = clocks["bsm"].now_ps()
    kept = [lab.herald().time_ps for _ in range(5)]
    tagger.clock.sleep_until_ps(lab.now_ps)
    block = tagger.read()
    ((begin_ps, end_ps),) = block.losses
    assert all(begin_ps <= time - start_ps <= end_ps for time in lost)
    closed = lab.loop.gate_start_ps + lab.loop.gate_ps
    assert (start_ps + closed + block.times_ps[block.channels == 0]).tolist() == kept
    tagger.close()
