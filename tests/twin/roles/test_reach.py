"""What an experimenter turns at the instruments arrives at the heralds.

A rate out of N heralds has a relative deviation of 1/sqrt(N); the tests allow 5 of them: 6e-7.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from qcodes.dataset import connect, do1d, load_or_create_experiment
from qcodes.parameters import Parameter
from scipy import stats

from eventready.clock import SimClock
from eventready.instruments import Aom, AomCalibration
from eventready.protocol.bell import MUNICH_GAME
from eventready.stations.procedures.readout import FluorescenceReadout
from eventready.twin import roles
from eventready.twin.disturbances import Disturbances
from eventready.twin.fault_script import parse_fault_script
from eventready.twin.physics import bright_effect, dephased, expected, herald_distribution, joint_probabilities
from eventready.twin.physics.disturbed import disturbed
from eventready.twin.physics.durations import trap_lifetime
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS

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


# -- each knob in QCoDeS' do1d, against the curve that it should show ----------------------------------------------------------------

US = 10**6
DELAYS = (20e-6, 20e-6)


@pytest.fixture
def scan(tmp_path: Any) -> Iterator[Callable[..., Any]]:
    """Sweep a parameter and return what was measured at each point; the data are in a file of the test's own."""
    connection = connect(tmp_path / "scan.db")
    experiment = load_or_create_experiment("reach", "twin", conn=connection)

    def sweep(knob: Any, start: float, stop: float, points: int, measure: Callable[[], float]) -> Any:
        reading = Parameter("reading", get_cmd=measure, set_cmd=False)
        dataset, _, _ = do1d(knob, start, stop, points, 0, reading, exp=experiment, do_plot=False, show_progress=False)
        return dataset.get_parameter_data()["reading"]["reading"]

    yield sweep
    connection.close()


def correlator(lab: Any, x: int, y: int, rounds: int = 400) -> float:
    """E of one pair of settings; its standard deviation is at most 1/sqrt(rounds)."""
    equal = 0
    for n in range(rounds):
        _, a, b = lab.round(x, y, (20 * US, 20 * US), n % 2)
        equal += a == b
    return 2 * equal / rounds - 1


def in_closed_form(preset: Any, x: int, y: int) -> float:
    return float(expected(preset, *MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, DELAYS).correlators[x, y])


NEAR = 4 / 400**0.5
"""4 standard deviations of a correlator: 6e-5 a point."""


def test_scan_of_the_aom_s_power_is_a_rabi_curve(lab: Any, scan: Callable[..., Any]) -> None:
    """sin^2(pi/2 sqrt(P/P_pi)) of the herald rate."""
    full = rate(lab)
    source = roles.TwinRfSource("rf", lab.world.port("RfSource", "bob.excitation"), SimClock())
    source.set_enabled(True)
    found = scan(source.power, 0.02, 0.6, 8, lambda: rate(lab) / full)
    wanted = np.sin(np.pi / 2 * np.sqrt(np.linspace(0.02, 0.6, 8) / 0.3)) ** 2
    np.testing.assert_allclose(found, wanted, rtol=WITHIN)


def test_scan_of_the_paddle_turns_the_correlations(lab: Any, scan: Callable[..., Any]) -> None:
    paddle = roles.TwinRotator("paddle", lab.world.port("Rotator", "bob.paddle"), SimClock())
    angles = np.linspace(0, np.pi / 2, 6)
    found = scan(paddle.angle, angles[0], angles[-1], len(angles), lambda: correlator(lab, 2, 0))
    wanted = [in_closed_form(lab.preset.with_values({"node.bob.fibre_rotation": float(angle)}), 2, 0) for angle in angles]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=NEAR)
    assert np.ptp(wanted) > 1


def test_scan_of_the_coil_is_a_larmor_curve(lab: Any, scan: Callable[..., Any]) -> None:
    """The qubit turns by 2 pi 1.4 MHz/G B t: once in 20 us for 36 mG, 36 mA in a coil of 1 G/A."""
    coil = roles.TwinCurrentSource("coil", lab.world.port("CurrentSource", "alice.coil"), SimClock(), current_limits=(-0.1, 0.1))
    coil.set_enabled(True)
    turn = 1 / (1.4e10 * lab.preset["node.alice.coil"] * 20e-6)
    currents = np.linspace(0, turn, 7)
    found = scan(coil.current, 0.0, turn, 7, lambda: correlator(lab, 2, 0))
    parts = [expected_in_field(lab.preset, current * lab.preset["node.alice.coil"]) for current in currents]
    np.testing.assert_allclose(found, parts, rtol=0, atol=NEAR)
    assert found[0] == pytest.approx(found[-1], abs=2 * NEAR), "a full turn"
    assert np.ptp(parts) > 1


def expected_in_field(preset: Any, field: float) -> float:
    link = disturbed(preset.link_parameters(), {"alice.field": field}, preset["link.photon_lifetime"])
    state = dephased(sum(herald_distribution(link).state[pattern] for pattern in MUNICH_PATTERNS), link, *DELAYS)
    joint = joint_probabilities(
        state, bright_effect(link, "alice", MUNICH_ANALYSES[0][2]), bright_effect(link, "bob", MUNICH_ANALYSES[1][0])
    )
    return float(joint[0, 0] + joint[1, 1] - joint[0, 1] - joint[1, 0])


def test_scan_of_the_gate_cuts_both_photons(lab: Any, scan: Callable[..., Any]) -> None:
    """A gate that opens later by t keeps exp(-2 t/tau) of the heralds."""
    lifetime = lab.preset["link.photon_lifetime"]

    def open_at(start: float) -> None:
        lab.loop = dataclasses.replace(lab.loop, gate_start_ps=round(start * 1e12), gate_ps=10**6)

    gate = Parameter("gate", unit="s", set_cmd=open_at)
    found = scan(gate, 5e-9, 45e-9, 5, lambda: rate(lab))
    wanted = np.exp(-2 * (np.linspace(5e-9, 45e-9, 5) - 5e-9) / lifetime)
    np.testing.assert_allclose(found / found[0], wanted, rtol=WITHIN)


def test_scan_of_the_gate_s_length_lets_darks_in(lab: Any, scan: Callable[..., Any]) -> None:
    """Two darks herald as the square of the gate's length."""
    lab.world.disturb(
        Disturbances(parse_fault_script(DARKS_ONLY, "darks"), 1), dict.fromkeys(("alice", "bob", "bsm"), SimClock(lab.now_ps))
    )

    def last(length: float) -> None:
        lab.loop = dataclasses.replace(lab.loop, gate_ps=round(length * 1e12))

    found = scan(Parameter("gate", unit="s", set_cmd=last), 20e-9, 200e-9, 4, lambda: rate(lab))
    np.testing.assert_allclose(found / found[-1], (np.linspace(20e-9, 200e-9, 4) / 200e-9) ** 2, rtol=WITHIN)


DARKS_ONLY = """\
faults:
  - {quantity: bsm.dark_rate, value: "100 kHz", at: "0 s"}
  - {quantity: alice.excitation, value: 0, at: "0 s"}
  - {quantity: bob.excitation, value: 0, at: "0 s"}
"""


def test_scan_of_the_threshold_is_the_readout_error(make_lab: MakeLab, close_instruments: None, scan: Callable[..., Any]) -> None:
    """An atom of 60 counts on the mean is missed with the Poisson probability of fewer than the threshold."""
    lab = make_lab("munich-physics", seed=92, values={"node.alice.bright_counts": 60.0, "node.alice.missed": 0.0})
    detector = roles.TwinDetector("detector", lab.world.port("SinglePhotonDetector", "alice.detector"), SimClock(lab.now_ps))
    readout = FluorescenceReadout(detector, window=1e-6, threshold=24)
    readout.prepare()

    def set_threshold(value: float) -> None:
        readout.threshold = int(value)

    looks = 1000
    found = scan(Parameter("threshold", set_cmd=set_threshold), 40, 80, 6, lambda: sum(1 - readout.run()[1] for _ in range(looks)) / looks)
    wanted = stats.poisson.cdf(np.linspace(40, 80, 6).astype(int) - 1, 60)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=4 * 0.5 / looks**0.5)


def test_scan_of_the_trap_s_power_is_its_lifetime(make_lab: MakeLab, close_instruments: None, scan: Callable[..., Any]) -> None:
    """Thermal escape from a shallower trap: exp(-U/kT)."""
    lab = make_lab("munich-physics", seed=93, values={"node.bob.trap_lifetime": 4.0})
    clock = SimClock(lab.now_ps)
    laser = roles.TwinLaser("trap", lab.world.port("Laser", "bob.trap"), clock, setpoint_limits=(0.0, 0.1))
    trap = lab.world.traps[1]
    atoms = 400

    def mean_lifetime() -> float:
        total_ps = 0
        for _ in range(atoms):
            laser.set_emission(False)
            laser.set_emission(True)
            total_ps += trap.lost_ps - trap.arrives_ps
        return total_ps / atoms * 1e-12

    found = scan(laser.setpoint, 0.030, 0.060, 5, mean_lifetime)
    wanted = [trap_lifetime(lab.preset, "bob", power) for power in np.linspace(0.030, 0.060, 5)]
    np.testing.assert_allclose(found, wanted, rtol=4 / atoms**0.5)
    assert wanted[0] < 0.5 < 3.9 < wanted[-1], "an atom of 4 s is gone in a fraction of one"


def test_a_shallower_trap_takes_the_atom_that_is_in_it(make_lab: MakeLab, close_instruments: None) -> None:
    lab = make_lab("munich-physics", seed=94, values={"node.bob.trap_lifetime": 1e6})
    clock = SimClock(lab.now_ps)
    laser = roles.TwinLaser("trap", lab.world.port("Laser", "bob.trap"), clock, setpoint_limits=(0.0, 0.1))
    lab.beam("bob", "cooling", "RfSource").set(clock.now_ps(), on=False)  # no other one is loaded
    assert lab.world.traps[1].present(clock.now_ps())
    laser.set_power(0.001)
    clock.sleep(1.0)
    assert not lab.world.traps[1].present(clock.now_ps())
