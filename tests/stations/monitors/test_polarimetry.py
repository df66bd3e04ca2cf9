"""The monitor of the fibres: geometry, silence, and what it finds at the next look.

Statistical tests: the seed is fixed. A mean of n chi-squared values has the standard error sqrt(6/n); limits of 4 of them fail a correct
program once in 16,000 seeds. With a bound of 0.5 some 60 % of clean runs are silent; less than half of 400 is 4 standard errors away.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from eventready.stations.monitors.alarm import ALPHA, OF_NODE
from eventready.stations.monitors.polarimetry import (
    AT_LEAST_TURN,
    FibreReading,
    FibreTurn,
    alpha_of,
    chi_squared,
    frame,
    least_turn,
    turn,
)

ACCURACY = math.radians(0.25)
RESTING = np.eye(3)


def rotation(axis, angle):
    """Rodrigues' formula."""
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def reading(rotation=RESTING, rng=None, accuracy=ACCURACY):
    """What a fibre makes of the two inputs, with the noise of the polarimeter."""
    outputs = rotation[:, :2].T
    if rng is not None:
        outputs = outputs + accuracy * rng.standard_normal((2, 3))
    return FibreReading(*(tuple(output / np.linalg.norm(output)) for output in outputs))


def test_the_frame_of_a_reading_is_the_rotation():
    fibre = rotation([1, 2, -3], 1.3)
    assert frame(reading(fibre)) == pytest.approx(fibre)


axes = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda axis: np.linalg.norm(axis) > 0.1)


@given(axes, st.floats(1e-4, 3.1), axes, st.floats(0, 3.1))
def test_a_turn_is_found_whatever_the_fibre_did_before(axis, angle, axis_before, angle_before):
    before = rotation(axis_before, angle_before)
    found = turn(reading(before), reading(before @ rotation(axis, angle)))
    assert found == pytest.approx(angle * np.asarray(axis) / np.linalg.norm(axis), abs=1e-6)


def test_half_a_turn_is_half_a_turn():
    assert np.linalg.norm(turn(reading(), reading(rotation([0, 0, 1], math.pi)))) == pytest.approx(math.pi)


def test_readings_of_a_fibre_at_rest_are_chi_squared():
    rng = np.random.default_rng(31)
    fibre = rotation([1, -1, 2], 0.7)
    found = np.array([chi_squared(turn(reading(fibre, rng), reading(fibre, rng)), ACCURACY) for _ in range(4000)])
    assert abs(found.mean() - 3) < 4 * math.sqrt(6 / 4000)
    for tail in (0.5, 0.05, 0.01):
        assert abs((chi2.sf(found, 3) < tail).mean() - tail) < 4 * math.sqrt(tail / 4000)


def test_the_shares_of_the_looks_add_up_to_the_bound():
    assert sum(alpha_of(look, ALPHA) for look in range(1, 100_000)) == pytest.approx(ALPHA, rel=1e-4)
    assert "polarimetry" in OF_NODE


def silent(rng, looks, alpha, accuracy):
    monitor = FibreTurn("bob", accuracy, alpha)
    return not any(monitor.feed(look, reading(RESTING, rng, accuracy)) for look in range(looks + 1))


def test_a_fibre_at_rest_is_silent():
    """With a lax bound and a bad polarimeter, which the smallest turn that matters does not help, it is not: this is no deafness."""
    rng = np.random.default_rng(32)
    assert all(silent(rng, 100, ALPHA, ACCURACY) for _ in range(50))
    lax = [silent(rng, 30, 0.5, math.radians(3)) for _ in range(400)]
    assert 0.5 * len(lax) < sum(lax) < 0.9 * len(lax)


@pytest.mark.parametrize("axis", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], ids=["horizontal", "diagonal", "circular", "all"])
@pytest.mark.parametrize("looks", [1, 100])
def test_what_is_large_enough_is_found_at_the_next_look(axis, looks):
    """3 sigma: each axis and number of looks misses one of 740; one of 20 may, which fails a correct program once in 3000 times."""
    rng, late = np.random.default_rng((33, looks)), 0
    turned = rotation(axis, least_turn(ACCURACY, ALPHA, looks))
    for _ in range(20):
        monitor = FibreTurn("bob", ACCURACY)
        assert not any(monitor.feed(look, reading(RESTING, rng)) for look in range(looks))
        late += not monitor.feed(looks, reading(turned, rng))
    assert late <= 1


def test_a_small_turn_is_not_told_however_good_the_polarimeter():
    rng, monitor = np.random.default_rng(34), FibreTurn("bob", 1e-6)
    monitor.feed(0.0, reading(RESTING, rng, 1e-6))
    assert monitor.feed(1.0, reading(rotation([0, 0, 1], 0.9 * AT_LEAST_TURN), rng, 1e-6)) == []
    assert monitor.feed(2.0, reading(rotation([0, 0, 1], 1.1 * AT_LEAST_TURN), rng, 1e-6)) != []


def test_a_turn_is_told_once_and_so_is_the_way_back():
    rng, monitor, turned = np.random.default_rng(35), FibreTurn("bob", ACCURACY), rotation([0, 0, 1], math.radians(10))
    fibres = [RESTING, RESTING, turned, turned, RESTING, RESTING]
    alarms = [alarm for look, fibre in enumerate(fibres) for alarm in monitor.feed(60.0 * look, reading(fibre, rng))]
    assert [(alarm.at_s, alarm.since_s, alarm.node) for alarm in alarms] == [(120.0, 60.0, "bob"), (240.0, 180.0, "bob")]
    assert "10." in alarms[0].text or "9." in alarms[0].text
    assert alarms[0].sigma > 20


def test_a_slow_drift_adds_up():
    rng, monitor = np.random.default_rng(36), FibreTurn("alice", ACCURACY)
    steps = [rotation([0, 1, 0], math.radians(0.2 * look)) for look in range(40)]
    told = [look for look, fibre in enumerate(steps) if monitor.feed(look, reading(fibre, rng))]
    assert told, "no single step is more than the noise"


def test_a_look_without_reading_is_told_once():
    monitor = FibreTurn("bob", ACCURACY)
    (alarm,) = monitor.unread(5.0, "no light")
    assert (alarm.monitor, alarm.node, alarm.text) == ("polarimetry", "bob", "no reading of the fibre of bob: no light")
    assert monitor.unread(6.0, "no light") == []
    monitor.feed(7.0, reading())
    assert len(monitor.unread(8.0, "no light")) == 1
