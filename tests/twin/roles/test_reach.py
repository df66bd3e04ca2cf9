"""What an experimenter turns at the instruments arrives at the heralds.

A rate out of N heralds has a relative deviation of 1/sqrt(N); the tests allow 5 of them: 6e-7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from eventready.clock import SimClock
from eventready.instruments import Aom, AomCalibration
from eventready.twin import roles

MakeLab = Callable[..., Any]
N = 1000
WITHIN = 5 * (2 / N) ** 0.5


@pytest.fixture
def lab(make_lab: MakeLab, close_instruments: None) -> Any:
    # Without darks and second photons, so that what takes away photons takes away heralds in proportion.
    quiet = {"bsm.dark_rate": 0.0, "node.alice.second_photon": 0.0, "node.bob.second_photon": 0.0, "node.bob.pi_pulse_power": 0.3}
    return make_lab("munich-physics", seed=91, values=quiet)


def rate(lab: Any) -> float:
    lab.now_ps += 10**12  # whatever moves has arrived
    return N / sum(lab.herald().attempts for _ in range(N))


@pytest.mark.parametrize("transmission", [0.1, 0.5, 0.9])
def test_the_aom_s_transmission_is_the_excitation(lab: Any, transmission: float) -> None:
    full = rate(lab)
    source = roles.TwinRfSource("rf", lab.world.port("RfSource", "bob.excitation"), SimClock())
    aom = Aom("aom", source, AomCalibration(lab.preset["node.bob.pi_pulse_power"]))
    aom.set_transmission(transmission)
    assert rate(lab) / full == pytest.approx(transmission, rel=WITHIN)
    aom.set_transmission(1.0)
    assert rate(lab) / full == pytest.approx(1.0, rel=WITHIN)
    aom.set_enabled(False)
    assert not lab.herald(limit=10**9).heralded


def test_the_excitation_laser_can_be_switched_off_and_on(lab: Any) -> None:
    full = rate(lab)
    laser = roles.TwinLaser("laser", lab.world.port("Laser", "alice.excitation_laser"), SimClock())
    laser.make_safe()
    assert not lab.herald(limit=10**9).heralded
    laser.set_emission(True)
    assert rate(lab) / full == pytest.approx(1.0, rel=WITHIN)


def test_a_detector_counts_only_while_it_is_enabled(lab: Any) -> None:
    full = rate(lab)
    detector = roles.TwinDetector("detector", lab.world.port("SinglePhotonDetector", "bsm.detector_ch"), SimClock())
    assert rate(lab) / full == pytest.approx(0.5, rel=WITHIN)
    detector.set_enabled(True)
    assert rate(lab) / full == pytest.approx(1.0, rel=WITHIN)


def test_the_shutter_lets_photons_through_when_it_is_open(lab: Any) -> None:
    full = rate(lab)
    shutter = roles.TwinShutter("shutter", lab.world.port("Shutter", "bob.shutter"), SimClock(lab.now_ps))
    assert rate(lab) / full < 1e-5
    shutter.open(True)
    assert rate(lab) / full == pytest.approx(1.0, rel=WITHIN)


def test_the_detector_that_two_nodes_share_sees_alice(lab: Any) -> None:
    lab.world.ports.pop("alice.detector")
    port = lab.world.port("SinglePhotonDetector", "bsm.detector_ch", "alice.detector")
    detector = roles.TwinDetector("detector", port, SimClock(lab.now_ps))
    detector.set_enabled(True)
    assert detector.count(1e-6) > 500
    lab.beam("alice", "cooling").set(detector.clock.now_ps(), on=False)
    assert detector.count(1e-6) == 0
