"""Reference light through the fibres of the world, and what a polarimeter makes of it.

The noise has a fixed seed; a limit of 5 standard errors fails a correct program once in a million seeds.
"""

import math

import numpy as np
import pytest

from eventready.clock import SimClock
from eventready.errors import ConfigError
from eventready.twin.disturbances import Disturbances
from eventready.twin.fault_script import parse_fault_script
from eventready.twin.physics.preset import load_preset
from eventready.twin.polarimetry import ACCURACY, Light, PolarimeterPort, through_fibre
from eventready.twin.world import World


def world(**values):
    return World(load_preset("munich-physics").with_values(values), seed=3, readout_window=20e-3)


def bobs(world, azimuth=0.0, power=1e-4):
    """Reference light at Bob, and his fibre's end."""
    world.port("Laser", "bob.reference_light").set(0, on=True, power_w=power)
    world.port("Rotator", "bob.reference_plate").set(azimuth)
    return world.port("Polarimeter", "bsm.polarimeter_bob")


def stokes(port, readings=1, now_ps=0):
    return np.mean([port.read(now_ps)[:3] for _ in range(readings)], axis=0)


def near(readings=1):
    return 5 * ACCURACY / math.sqrt(readings)


@pytest.mark.parametrize("azimuth", [0.0, 0.3, math.pi / 4, math.pi / 2])
def test_a_fibre_as_calibrated_lets_linear_light_be(azimuth):
    port = bobs(world(), azimuth)
    assert stokes(port, 100) == pytest.approx([math.cos(2 * azimuth), math.sin(2 * azimuth), 0], abs=near(100))
    assert port.read(0).power == pytest.approx(0.5e-4, rel=0.05), "half is lost in 700 m"


def test_a_rotation_turns_by_twice_itself_about_the_circular_axis():
    port = bobs(world(**{"node.bob.fibre_rotation": math.radians(5)}))
    assert stokes(port, 100) == pytest.approx([math.cos(math.radians(10)), math.sin(math.radians(10)), 0], abs=near(100))


def test_a_retardance_turns_by_itself_about_the_linear_axis():
    """Horizontal light is an eigenstate and stays; diagonal light becomes elliptical."""
    found, angle = world(**{"node.bob.fibre_retardance": math.radians(20)}), math.radians(20)
    assert stokes(bobs(found), 100) == pytest.approx([1, 0, 0], abs=near(100))
    assert stokes(bobs(found, math.pi / 4), 100) == pytest.approx([0, math.cos(angle), math.sin(angle)], abs=near(100))


def test_the_paddle_turns_the_light_too_and_the_shutter_is_before_it():
    found = world()
    port = bobs(found)
    found.port("Rotator", "bob.paddle").set(math.pi / 4)
    assert not found.port("Shutter", "bob.shutter").is_open(0)
    assert stokes(port, 100) == pytest.approx([0, 1, 0], abs=near(100))


def test_without_reference_light_it_is_dark():
    found = world()
    port = bobs(found)
    found.port("Laser", "bob.reference_light").set(0, on=False)
    assert port.read(0).power == 0


def test_the_fibres_are_two():
    found = world(**{"node.bob.fibre_rotation": 0.4})
    found.port("Laser", "alice.reference_light").set(0, on=True, power_w=1e-4)
    assert stokes(found.port("Polarimeter", "bsm.polarimeter_alice"), 100) == pytest.approx([1, 0, 0], abs=near(100))


def test_a_disturbance_is_seen_when_it_is_there_although_nothing_attempts():
    found, clocks = world(), {name: SimClock() for name in ("alice", "bob", "bsm")}
    port = bobs(found)
    script = parse_fault_script('faults: [{quantity: bob.fibre_rotation, value: "45 deg", at: "10 s", for: "10 s"}]', "test")
    found.disturb(Disturbances(script, 1), clocks)
    for second, expected in ((9, [1, 0, 0]), (11, [0, 1, 0]), (21, [1, 0, 0])):
        assert stokes(port, 100, second * 10**12) == pytest.approx(expected, abs=near(100))


def test_the_noise_is_that_of_the_accuracy_in_every_direction():
    """The variance of 4000 readings has a relative standard error of 2.2 %."""
    port = PolarimeterPort(light=Light(0.6, 0.0, 0.8, 1.0, 1e-4))
    found = np.array([port.read(0) for _ in range(4000)])
    across = np.stack([found[:, 1], 0.8 * found[:, 0] - 0.6 * found[:, 2]])
    assert across.std(axis=1) == pytest.approx([ACCURACY, ACCURACY], rel=0.06)
    assert found[:, 3].std() == pytest.approx(ACCURACY, rel=0.06)
    assert np.linalg.norm(found[:, :3], axis=1) == pytest.approx(np.ones(4000))


def test_light_stays_fully_polarised_whatever_the_fibre_does():
    rng = np.random.default_rng(2)
    for rotation, retardance, azimuth in rng.uniform(-4, 4, (50, 3)):
        node = load_preset("munich-physics").with_values({"node.bob.fibre_rotation": rotation, "node.bob.fibre_retardance": retardance})
        light = through_fibre(node.link_parameters().bob, azimuth, 1.0)
        assert math.hypot(*light[:3]) == pytest.approx(1)


def test_a_polarimeter_stands_at_the_end_of_a_nodes_fibre():
    with pytest.raises(ConfigError, match="end of a node's fibre"):
        world().port("Polarimeter", "bsm.polarimeter")
