"""Faults in whole runs on the twin: the intended monitor raises its alarm in time, and where its alarm goes.

The runs have fixed seeds. A detection time holds 3 sigma: of the dozen runs one is late by bad luck in 60 choices of seeds. A clean run
has an alarm in less than one choice in a hundred.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.stats import poisson

from eventready.errors import DeviceFault
from eventready.protocol.run_folder import load_run
from eventready.stations.link import Link
from eventready.stations.monitors.alarm import ALPHA
from eventready.stations.monitors.delay import known_share_found_after, rate_found_after, share_found_after
from eventready.stations.monitors.free_pairs import BOUNDS
from eventready.stations.monitors.models import KnownShare
from eventready.stations.resume import resume_link
from eventready.stations.watch import look_rounds
from eventready.twin.fault_script import parse_fault_script
from eventready.twin.physics.bsm import herald_distribution
from eventready.twin.physics.disturbed import disturbed
from eventready.twin.physics.preset import load_preset
from eventready.twin.roles import TwinPolarimeter

CALM_S = 20.0
"""Between Oxford's first attempts and its fault; its stations look every second."""
INTERVAL = 1.0
SAME, CROSSED = (5, 10), (3, 12, 9, 6)


@pytest.fixture(scope="module")
def oxford(edited_link):
    """The link with looks as often as a short run needs."""
    return edited_link("oxford", ('interval: "10 s"', f'interval: "{INTERVAL:g} s"'), ("block: 2000", "block: 100"))


@pytest.fixture
def run(tmp_path, close_instruments):
    """Run a link with faults; gives the result and the world's preset."""

    def go(config, rounds, fault="", seed=5, purpose="characterise", level="rounds"):
        script = parse_fault_script(f"faults: [{fault}]", "test") if fault else None
        with Link(config, hardware="twin", seed=seed, level=level) as link:
            return link.run(tmp_path / f"{level}-{purpose}-{seed}", rounds=rounds, purpose=purpose, faults=script)

    return go


@pytest.fixture(scope="module")
def begin_s(oxford, tmp_path_factory):
    """When the first attempts are made: loading ions takes minutes, as many for all runs with the seed."""
    with Link(oxford, hardware="twin", seed=5) as link:
        result = link.run(tmp_path_factory.mktemp("begin") / "run", rounds=1)
    record = load_run(result.folder.path, "public")[0]
    return float(record["herald_ps"]) * 1e-12


@pytest.fixture(scope="module")
def at_s(begin_s):
    """When the fault strikes."""
    return begin_s + CALM_S


def lines(result, folder):
    return [json.loads(line) for line in result.folder.events(folder).read_text(encoding="utf-8").splitlines()]


def alarms_in(result, folder):
    return [line for line in lines(result, folder) if "alarm" in line]


def first(result, monitor, node="bsm"):
    return next(alarm.at_s for alarm in result.alarms if (alarm.monitor, alarm.node) == (monitor, node))


def attempts_a_second(result, at_s):
    """Before the fault, by the public log; rounds are in the time."""
    records = load_run(result.folder.path, "public")
    return records[records["herald_ps"] <= at_s * 1e12]["attempts"].sum() / CALM_S


def patterns_of(preset, **moved):
    return herald_distribution(disturbed(preset.link_parameters(), moved, preset["link.photon_lifetime"])).probability


def clicks(probability):
    return float(sum(p * k.bit_count() for k, p in enumerate(probability)))


# -- silence -----------------------------------------------------------------------------------------------------------------------------


def test_a_clean_run_is_silent(run, oxford):
    result = run(oxford, 4000)
    assert result.alarms == ()
    assert [alarms_in(result, folder) for folder in ("public", "alice", "bob")] == [[], [], []]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(3))
def test_a_clean_run_of_munich_is_silent(run, config_of, seed):
    assert run(config_of("munich"), 3342, seed=seed).alarms == ()


# -- faults of the light -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "value"), [("bob.channel_transmission", 0.1), ("alice.excitation", 0.8)], ids=["loss in a fibre", "a weak pulse"]
)
@pytest.mark.parametrize("level", ["rounds", pytest.param("clicks", marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_less_light_is_seen_in_the_singles(run, oxford, at_s, quantity, value, level):
    result = run(oxford, 2700, f'{{quantity: {quantity}, value: {value}, at: "{at_s} s"}}', level=level)
    preset = load_preset("oxford")
    rates = [clicks(patterns_of(preset)), clicks(patterns_of(preset, **{quantity: value}))]
    a_second = attempts_a_second(result, at_s)
    exposure = rate_found_after(*rates, known=a_second * CALM_S, alpha=ALPHA, moments=int(CALM_S / INTERVAL))
    assert at_s < first(result, "singles") <= at_s + exposure / a_second + 2 * INTERVAL


@pytest.fixture(scope="module")
def oxford_alone(edited_link):
    """The same link, which measures each node alone every five seconds."""
    alone = 'interval: "1 s", node_singles_interval: "5 s", node_singles_attempts: 40000,'
    return edited_link("oxford", ('interval: "10 s",', alone))


def alone_s(result):
    """When the nodes' light was measured alone."""
    return [line["t_s"] for line in lines(result, "public") if line.get("to") == "recalibrating" and "alone" in line["cause"]]


def test_whose_light_it_is_shows_when_the_other_one_is_dark(run, oxford_alone):
    """Bob's fibre loses half, and the clicks of Alice's light alone say nothing; also in a key run."""
    calm = run(oxford_alone, 3000)
    assert calm.alarms == ()
    at_s, looks = float(load_run(calm.folder.path, "public")["herald_ps"][-1]) * 1e-12, len(alone_s(calm))
    result = run(oxford_alone, 6000, f'{{quantity: bob.channel_transmission, value: 0.5, at: "{at_s} s"}}', purpose="key")
    alarms = [alarm for alarm in result.alarms if alarm.monitor == "node singles"]
    assert {alarm.node for alarm in alarms} == {"bob"}
    preset, attempts = load_preset("oxford"), oxford_alone.link.monitors.node_singles_attempts
    rates = [clicks(patterns_of(preset, **{"alice.excitation": 0.0, "bob.channel_transmission": factor})) for factor in (1.0, 0.5)]
    exposure = rate_found_after(*rates, known=looks * attempts, alpha=ALPHA, moments=looks)
    measured = [t_s for t_s in alone_s(result) if t_s > at_s]
    needed = math.ceil(exposure / attempts)
    # An alarm comes at the end of a measurement, before the next one begins.
    assert at_s < alarms[0].at_s < measured[needed]
    assert len(load_run(result.folder.path, "public")) == 6000


def test_a_laser_that_fails_without_a_sign_is_seen_in_the_singles(run, oxford, at_s):
    """Nothing heralds any more, so the looks go on with the limit of attempts, half a second. Both nodes dark: only darks are left."""
    fault = f'{{quantity: alice.excitation, value: 0.0, at: "{at_s} s", for: "5 s"}}'
    result = run(oxford, 2500, fault + "," + fault.replace("alice", "bob"))
    assert at_s < first(result, "singles") <= at_s + 2 * INTERVAL


def test_a_deaf_detector_is_named(run, oxford, at_s):
    result = run(oxford, 2600, f'{{slot: bsm.detector_dv, fault: deaf, at: "{at_s} s"}}')
    share = clicks([p if k & 8 else 0 for k, p in enumerate(patterns_of(load_preset("oxford")))])
    a_second = attempts_a_second(result, at_s) * share
    events = share_found_after(0.25, 0.0, known=a_second * CALM_S * 4, alpha=ALPHA, moments=int(CALM_S / INTERVAL))
    assert at_s < first(result, "detector balance") <= at_s + events / (3 * a_second) + 2 * INTERVAL
    assert "detector dv" in next(alarm.text for alarm in result.alarms if alarm.monitor == "detector balance")
    assert "pattern balance" in {alarm.monitor for alarm in result.alarms}


@pytest.mark.parametrize("level", ["rounds", pytest.param("clicks", marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_stray_light_is_seen_off_the_gate(run, oxford, at_s, level):
    result = run(oxford, 2600, f'{{quantity: bsm.dark_rate, value: "500 /s", at: "{at_s} s"}}', level=level)
    (tallied,) = [alarm for alarm in result.alarms if alarm.monitor == "off-gate counts"]
    # Of each cycle of 1.05 us the window is what is left after the gate and 20 lifetimes.
    live = attempts_a_second(result, at_s) * (1_050_000 - 15_000 - 148_000) * 1e-12
    exposure = rate_found_after(4 * 50.0, 4 * 550.0, known=live * CALM_S, alpha=ALPHA, moments=int(CALM_S / INTERVAL))
    assert at_s < tallied.at_s <= at_s + exposure / live + 2 * INTERVAL


def test_photons_that_do_not_meet_are_seen_in_pairs_of_equal_polarisation(run, oxford, at_s):
    result = run(oxford, 3500, f'{{quantity: bsm.photon_offset, value: "3 ns", at: "{at_s} s"}}')
    preset = load_preset("oxford")
    totals = [
        (sum(p[k] for k in SAME), sum(p[k] for k in SAME + CROSSED))
        for p in (patterns_of(preset), patterns_of(preset, **{"bsm.photon_offset": 3e-9}))
    ]
    calm, after = (same / pairs for same, pairs in totals)
    pairs_a_second = attempts_a_second(result, at_s) * totals[0][1]
    model = KnownShare(0.0, oxford.link.monitors.same_polarisation)
    pairs = known_share_found_after(model, after, calm=calm, known=pairs_a_second * CALM_S, alpha=ALPHA, moments=int(CALM_S / INTERVAL))
    assert at_s < first(result, "interference") <= at_s + (pairs + 10) / pairs_a_second + 2 * INTERVAL


def test_a_missed_reference_is_told(run, oxford, at_s):
    result = run(oxford, 2600, f'{{slot: bsm.sequencer, fault: missed references, at: "{at_s} s"}}')
    assert at_s < first(result, "sequencer counters") <= at_s + INTERVAL
    assert "reference" in next(alarm.text for alarm in result.alarms if alarm.monitor == "sequencer counters")


def test_a_trap_that_loses_its_atoms_faster_is_seen_in_failed_presence_checks(run, config_of):
    """No outcome is in it, so it is public, in a key run, too."""
    config, preset, calm_s = config_of("munich"), load_preset("munich-physics"), 1800.0
    result = run(config, 40, f'{{quantity: bob.trap_lifetime, value: 0.2, at: "{calm_s} s"}}', purpose="key")
    timings = config.link.timings
    lifetimes = [preset[f"node.{node}.trap_lifetime"] for node in ("alice", "bob")]
    rates = [timings.mean_attempt * (1 / lifetimes[0] + 1 / (lifetimes[1] * factor)) for factor in (1, 0.2)]
    records = load_run(result.folder.path, "public")
    before, after = (records[(records["herald_ps"] > calm_s * 1e12) == later] for later in (False, True))
    known = float(before["attempts"].sum())
    duration = (after["herald_ps"][-1] - before["herald_ps"][-1]) * 1e-12
    interval = config.link.monitors.interval
    exposure = rate_found_after(*rates, known=known, alpha=ALPHA, moments=int(calm_s / interval))
    bound = exposure * duration / float(after["attempts"].sum()) + 2 * interval
    assert calm_s < first(result, "particle losses") <= calm_s + bound < records["herald_ps"][-1] * 1e-12
    assert [line["alarm"] for line in alarms_in(result, "public")] == ["particle losses"]


@pytest.mark.parametrize(
    "fault", ['fibre_rotation, value: "5 deg"', 'fibre_retardance, value: "20 deg"'], ids=["turned", "with a retardance"]
)
def test_a_fibre_that_turns_is_found_at_the_next_look_with_reference_light(run, config_of, fault):
    """Nothing else sees it for weeks. A look waits for a run of attempts to end: 20 s at most, and a minute for what else is due."""
    config, calm_s = config_of("munich"), 4000.0
    result = run(config, 90, f'{{quantity: bob.{fault}, at: "{calm_s} s"}}', purpose="key")
    (alarm,) = result.alarms
    assert (alarm.monitor, alarm.node) == ("polarimetry", "bob")
    assert calm_s < alarm.at_s <= calm_s + config.link.monitors.polarimetry_interval + 80


def test_a_polarimeter_that_fails_is_told_once_and_stops_nothing(run, config_of, mocker):
    fault = DeviceFault("bsm_polarimeter_bob", "no answer")
    read = TwinPolarimeter._do_measure
    mocker.patch.object(
        TwinPolarimeter, "_do_measure", autospec=True, side_effect=lambda it: raise_(fault) if it.name == fault.device else read(it)
    )
    result = run(config_of("munich"), 60)
    (alarm,) = result.alarms
    assert (alarm.monitor, alarm.node) == ("polarimetry", "bob")
    assert "no answer" in alarm.text
    assert result.rounds == 60


def raise_(error):
    raise error


# -- faults of a particle ----------------------------------------------------------------------------------------------------------------


def rounds_until(result, at_s):
    records = load_run(result.folder.path, "public")
    return int(np.count_nonzero((records["herald_ps"] <= at_s * 1e12) & (records["flags"] == 0)))


def test_half_the_fluorescence_is_seen_in_the_counts(run, oxford, at_s):
    """Long before outcomes are wrong: both in how bright the bright ones are, and in the valley between the peaks."""
    result = run(oxford, 3000, f'{{quantity: alice.bright_counts, value: 0.5, at: "{at_s} s"}}')
    known, threshold, preset = rounds_until(result, at_s), oxford.link.thresholds.alice, load_preset("oxford")
    bright, dark = preset["node.alice.bright_counts"], preset["node.alice.dark_counts"]
    low, high = math.ceil(0.75 * threshold) - 1, math.floor(1.25 * threshold)

    def valley(mean):
        return 0.5 * float(poisson.cdf(high, mean) - poisson.cdf(low, mean) + poisson.cdf(high, dark) - poisson.cdf(low, dark))

    median = poisson.median(bright)
    dim = [float(poisson.cdf(median - 1, mean)) for mean in (bright, bright / 2)]
    together = look_rounds(oxford.link.report.block)
    for monitor, rounds in (
        ("histogram valley", share_found_after(valley(bright), valley(bright / 2), known=known, alpha=ALPHA, moments=known // together)),
        ("bright counts", 2 * share_found_after(*dim, known=known / 2 - 50, alpha=ALPHA, moments=known // together)),
    ):
        assert known < rounds_until(result, first(result, monitor, "alice")) <= known + rounds + 2 * together, monitor
    assert all(alarm.node == "alice" for alarm in result.alarms)
    assert {line["alarm"] for line in alarms_in(result, "alice")} >= {"histogram valley", "bright counts"}
    assert alarms_in(result, "bob") == alarms_in(result, "public") == []


def test_ions_that_are_missed_are_seen_in_the_outcomes(run, oxford, at_s):
    result = run(oxford, 5500, f'{{quantity: bob.missed, value: 0.3, at: "{at_s} s"}}')
    known, together = rounds_until(result, at_s), look_rounds(oxford.link.report.block)
    bounds = KnownShare(0.5 - oxford.link.monitors.outcome_bias, 0.5 + oxford.link.monitors.outcome_bias)
    rounds = known_share_found_after(bounds, 0.35, calm=0.5, known=known, alpha=ALPHA, moments=known // together)
    assert known < rounds_until(result, first(result, "outcome bias", "bob")) <= known + rounds + 2 * together


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "fault", ['quantity: bob.fibre_rotation, value: "20 deg"', 'quantity: bob.field, value: "400 nT"'], ids=["fibre", "field"]
)
def test_a_turned_frame_is_seen_in_the_free_pairs_of_munich(run, config_of, fault):
    hours, rounds = 10, 2400
    result = run(config_of("munich"), rounds, f'{{{fault}, at: "{hours} h"}}')
    known, together = rounds_until(result, hours * 3600), look_rounds(config_of("munich").link.report.block)
    free = known_share_found_after(KnownShare(*BOUNDS), 0.25, calm=0.5, known=known / 4, alpha=ALPHA, moments=known // together)
    (alarm,) = [alarm for alarm in result.alarms if alarm.monitor == "polarisation or field"][:1]
    assert known < rounds_until(result, alarm.at_s) <= known + 4 * free + 2 * together
    assert alarm in result.alarms
    assert any(line["alarm"] == "polarisation or field" for line in alarms_in(result, "public"))


# -- who is told -------------------------------------------------------------------------------------------------------------------------


def test_in_a_key_run_a_partys_alarms_stay_with_it_and_hold_no_number(run, oxford, at_s):
    result = run(oxford, 3000, f'{{quantity: alice.bright_counts, value: 0.5, at: "{at_s} s"}}', purpose="key")
    found = alarms_in(result, "alice")
    assert {"histogram valley", "bright counts"} <= {line["alarm"] for line in found}
    for line in found:
        assert set(line) == {"t_s", "node", "alarm", "since_s", "cause"}
        assert line["since_s"] == line["t_s"]
        assert not any(digit in line["cause"] for digit in "0123456789")
    assert result.alarms == ()
    assert alarms_in(result, "bob") == alarms_in(result, "public") == []
    log = result.folder.engine_log
    assert not log.exists() or "valley" not in log.read_text(encoding="utf-8")


def test_in_a_key_run_public_alarms_are_public(run, oxford, at_s):
    result = run(oxford, 2600, f'{{slot: bsm.detector_dv, fault: deaf, at: "{at_s} s"}}', purpose="key")
    assert "detector balance" in {alarm.monitor for alarm in result.alarms}
    assert [line["alarm"] for line in alarms_in(result, "public")] == [alarm.monitor for alarm in result.alarms]


def test_in_a_key_run_nobody_compares_outcomes(run, oxford, mocker):
    watched = mocker.patch("eventready.stations.watch.JointWatch", side_effect=AssertionError("a joint monitor"))
    run(oxford, 200, purpose="key")
    watched.assert_not_called()


def test_alarms_stop_nothing_and_no_message_speaks_of_them(run, oxford, at_s):
    result = run(oxford, 2600, f'{{slot: bsm.detector_dv, fault: deaf, at: "{at_s} s"}}')
    assert (result.rounds, result.stopped) == (2600, "")
    assert not any("alarm" in line or "balance" in line.get("cause", "") for folder in ("alice", "bob") for line in lines(result, folder))


def test_a_late_readout_is_told_in_the_first_look(run, edited_link):
    """0.3 ms by the timings; a bound below that is broken in every round, and told once."""
    result = run(edited_link("oxford", ('readout_within: "0.5 ms"', 'readout_within: "0.2 ms"')), 600)
    assert [(alarm.node, alarm.monitor) for alarm in result.alarms] == [("alice", "readout time"), ("bob", "readout time")]
    assert all(alarm.text.startswith("round 0 was read 300.0 us after its herald") for alarm in result.alarms)


def test_a_resumed_run_tells_no_alarm_twice(run, oxford, at_s, tmp_path):
    """Earlier rounds are read again, as what a change is compared with; a fault that was found before is not found again."""
    fault = f'faults: [{{quantity: alice.bright_counts, value: 0.5, at: "{at_s} s"}}]'
    with Link(oxford, hardware="twin", seed=5) as link:
        told = []

        def stop(progress):
            told[:] = progress.alarms
            if len({alarm.monitor for alarm in told}) == 2:
                link.request_stop("seen enough")

        begun = link.run(tmp_path / "run", rounds=20_000, faults=parse_fault_script(fault, "test"), on_progress=stop)
    assert begun.stopped
    before = alarms_in(begun, "alice")
    assert {line["alarm"] for line in before} == {"histogram valley", "bright counts"}
    with resume_link(begun.folder) as link:
        resumed = link.resume(
            begun.folder, on_progress=lambda progress: progress.rounds > begun.rounds + 2000 and link.request_stop("enough")
        )
    assert alarms_in(resumed, "alice")[: len(before)] == before
    assert all(line["t_s"] > before[-1]["t_s"] for line in alarms_in(resumed, "alice")[len(before) :])
    assert len(alarms_in(resumed, "alice")) == len(before)
