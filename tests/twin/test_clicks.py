"""Clicks drawn one by one against the closed form that sums over them, and the dead time of a detector.

Statistical tests: seeds are fixed; each of the chi-squared tests fails one correct program in 10,000.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from eventready.twin.click_heralds import gated_patterns
from eventready.twin.clicks import ClickPhysics, Clicks, ClickTimings, surviving, timings_of
from eventready.twin.optics import Optics
from eventready.twin.physics import LinkParameters, gate_capture, herald_distribution
from eventready.twin.physics.bsm import Photons, hidden_courses
from eventready.twin.physics.preset import Preset, load_preset, preset_names

CYCLE_PS = {"rb87": 19_200_000, "sr88": 1_050_000}
RAISE = {"rb87": 20, "sr88": 4}
FALSE_ALARM = 1e-4


def bright(name: str, **bsm: float) -> Preset:
    """A preset with many more photons, so that there is something to count."""
    preset = load_preset(name)
    raised = {f"node.{side}.efficiency": preset[f"node.{side}.efficiency"] * RAISE[preset.platform] for side in ("alice", "bob")}
    return preset.with_values({**raised, **{f"bsm.{field}": value for field, value in bsm.items()}})


def physics(preset: Preset, present: tuple[bool, bool] = (True, True)) -> ClickPhysics:
    everything = Optics(preset, {}).all_photons(preset.link_parameters(), calibrated_loop(preset))
    return ClickPhysics(everything, timings_of(preset), CYCLE_PS[preset.platform], present)


def calibrated_loop(preset: Preset):
    from eventready.sequences.program import AttemptLoop

    gate = {"gate_start_ps": round(preset["bsm.gate_start"] * 1e12), "gate_ps": round(preset["bsm.gate_length"] * 1e12)}
    return AttemptLoop(CYCLE_PS[preset.platform], 100, 10**6, 10**6, 10**6, **gate)


def pattern_counts(preset: Preset, attempts: int, seed: int, present: tuple[bool, bool] = (True, True)) -> np.ndarray:
    clicks, _ = physics(preset, present).draw(np.random.default_rng(seed), attempts)
    loop = calibrated_loop(preset)
    _, patterns = gated_patterns(clicks, loop.gate_start_ps, loop.gate_start_ps + loop.gate_ps)
    counts = np.bincount(patterns, minlength=16)
    counts[0] = attempts - counts.sum()
    return counts


def misfit(counts: np.ndarray, probability: np.ndarray) -> float:
    """Chance of a chi-squared at least this large, rare patterns taken together."""
    expected = probability * counts.sum()
    often = expected > 20
    seen, meant = np.append(counts[often], counts[~often].sum()), np.append(expected[often], expected[~often].sum())
    return float(chi2.sf(((seen - meant) ** 2 / meant).sum(), len(seen) - 1))


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("present", [(True, True), (True, False), (False, False)])
def test_the_courses_of_an_attempt_add_up(name: str, present: tuple[bool, bool]) -> None:
    link = load_preset(name).link_parameters()
    courses = hidden_courses(link, present)
    total = sum(course.state for course in courses)
    assert np.trace(total).real == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(total, herald_distribution(link, present).state.sum(axis=0), rtol=0, atol=1e-15)
    assert courses[0].photons is Photons.NONE


@pytest.mark.parametrize("name", ["munich-physics", "oxford"])
@pytest.mark.parametrize("present", [(True, True), (True, False), (False, False)])
def test_clicks_make_the_patterns_of_the_closed_form(name: str, present: tuple[bool, bool]) -> None:
    preset = bright(name)
    counts = pattern_counts(preset, 1_000_000, seed=11, present=present)
    assert misfit(counts, herald_distribution(preset.link_parameters(), present).probability) > FALSE_ALARM


@pytest.mark.parametrize("name", ["munich-physics", "oxford"])
def test_so_they_do_with_50_khz_of_darks_a_bad_beam_splitter_and_double_photons(name: str) -> None:
    preset = bright(name, dark_rate=5e4, transmission=0.4, pbs_extinction=0.05, mode_overlap=0.8, detector_efficiency=0.9)
    preset = preset.with_values({"node.alice.second_photon": 0.3, "node.bob.second_photon": 0.2})
    counts = pattern_counts(preset, 1_000_000, seed=12)
    assert misfit(counts, herald_distribution(preset.link_parameters()).probability) > FALSE_ALARM


def test_the_factor_of_4_of_the_late_gate_emerges() -> None:
    """Zhang et al., Nature 607, 687 (2022), Methods: half of each photon is cut, and with it three quarters of the heralds."""
    preset = bright("munich-physics", dark_rate=0.0).with_values({"node.alice.second_photon": 0.0, "node.bob.second_photon": 0.0})
    clicks, _ = physics(preset).draw(np.random.default_rng(13), 4_000_000)
    heralds = [np.isin(gated_patterns(clicks, start, 600_000)[1], (3, 12)).sum() for start in (-5_000, 18_200)]
    assert heralds[0] / heralds[1] == pytest.approx(4, abs=4 * 4 / heralds[1] ** 0.5)  # 4 sigma


def test_hidden_courses_come_with_their_shares() -> None:
    preset = bright("oxford")
    drawn = physics(preset)
    attempts = 500_000
    _, hidden = drawn.draw(np.random.default_rng(14), attempts)
    counts = np.bincount(hidden.course, minlength=len(drawn.courses))
    counts[0] += attempts - len(hidden.attempt)
    assert misfit(counts, np.array([np.trace(course.state).real for course in drawn.courses])) > FALSE_ALARM
    assert (np.diff(hidden.attempt) > 0).all()


def test_clicks_are_sorted_and_only_darks_come_before_the_photons() -> None:
    clicks, _ = physics(bright("munich-physics", dark_rate=0.0)).draw(np.random.default_rng(15), 200_000)
    at = clicks.attempt * CYCLE_PS["rb87"] + clicks.delay_ps
    assert (np.diff(at) >= 0).all()
    assert clicks.delay_ps.min() > -3_000, "a jitter of 300 ps"
    assert np.median(clicks.delay_ps) == pytest.approx(np.log(2) * 26_234.8, rel=0.03)


def test_a_deaf_detector_shows_nothing() -> None:
    preset = bright("oxford", dark_rate=1e4)
    everything = Optics(preset, {}).all_photons(preset.link_parameters(), calibrated_loop(preset))
    deaf = dataclasses.replace(everything, bsm=dataclasses.replace(everything.bsm, detector_efficiency=(1.0, 0.0, 1.0, 1.0)))
    clicks, _ = ClickPhysics(deaf, timings_of(preset), CYCLE_PS["sr88"]).draw(np.random.default_rng(16), 100_000)
    assert set(clicks.detector.tolist()) == {0, 2, 3}


def test_photons_of_one_node_can_come_late() -> None:
    preset = bright("oxford", dark_rate=0.0, jitter=0.0)
    everything: LinkParameters = Optics(preset, {}).all_photons(preset.link_parameters(), calibrated_loop(preset))
    late = dataclasses.replace(timings_of(preset), offsets=(0.0, 50e-9))
    bob_only = ClickPhysics(everything, late, CYCLE_PS["sr88"], (False, True))
    clicks, _ = bob_only.draw(np.random.default_rng(17), 200_000)
    assert clicks.delay_ps.min() >= 50_000
    share = (clicks.delay_ps < 65_000).mean()
    assert share == pytest.approx(
        gate_capture(preset["link.photon_lifetime"], 0, 15e-9), abs=4 * 0.5 / len(share_of := clicks.delay_ps) ** 0.5
    )
    assert len(share_of) > 1000


def slow_survivors(times: list[int], detectors: list[int], dead: int) -> list[bool]:
    last: dict[int, int] = {}
    alive = []
    for time, detector in zip(times, detectors, strict=True):
        lives = detector not in last or time - last[detector] >= dead
        if lives:
            last[detector] = time
        alive.append(lives)
    return alive


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3)), max_size=60), st.integers(0, 30))
def test_the_dead_time_is_that_of_a_detector_that_counts_one_click_after_the_other(clicks: list[tuple[int, int]], dead: int) -> None:
    clicks.sort()
    times, detectors = [time for time, _ in clicks], [detector for _, detector in clicks]
    found = surviving(np.array(times, np.int64), np.array(detectors, np.int8), dead)
    assert found.tolist() == slow_survivors(times, detectors, dead)


def test_a_saturated_detector_counts_one_click_a_dead_time() -> None:
    preset = bright("oxford", dark_rate=2e7)
    clicks, _ = physics(preset).draw(np.random.default_rng(18), 20_000)
    span_s = 20_000 * CYCLE_PS["sr88"] * 1e-12
    rate = len(clicks.attempt) / 4 / span_s
    assert rate == pytest.approx(2e7 / (1 + 2e7 * preset["bsm.dead_time"]), rel=0.02)


def test_patterns_of_gates_are_those_of_the_clicks_in_them() -> None:
    clicks = Clicks(np.array([0, 0, 2, 2, 5]), np.array([10, 99, 20, 19, 100]), np.array([0, 1, 3, 3, 2], np.int8))
    numbers, patterns = gated_patterns(clicks, 10, 100)
    assert numbers.tolist() == [0, 2]
    assert patterns.tolist() == [0b0011, 0b1000]
    nothing = gated_patterns(Clicks(*(column[:0] for column in clicks)), 0, 1)
    assert [len(column) for column in nothing] == [0, 0]


def test_timings_say_what_they_are() -> None:
    found = timings_of(load_preset("munich-physics"))
    assert found == ClickTimings(26.2348e-9, (0.0, 0.0), 300e-12, 22e-9, (10.0,) * 4)
