"""The physics in force follows the instruments: beams, blades, paddles, gates, detectors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest

from eventready.protocol.bell import MUNICH_GAME
from eventready.sequences.program import AttemptLoop
from eventready.twin.optics import Optics
from eventready.twin.physics import Expectation, LinkParameters, expected, gate_capture
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS
from eventready.twin.physics.preset import Preset, load_preset, preset_names
from eventready.twin.ports import BeamPort, DetectorPort, Port, RotatorPort, ShutterPort

MakeLoop = Callable[..., AttemptLoop]
MUNICH = load_preset("munich-physics")
OXFORD = load_preset("oxford")
P_PI = MUNICH["node.alice.pi_pulse_power"]


def excitation_ports(power_w: float, on: bool = True, locked: bool = True) -> dict[str, Port]:
    return {
        "alice.excitation": BeamPort(on=on, power_w=power_w),
        "alice.excitation_laser": BeamPort(on=on, locked=locked),
    }


@pytest.fixture
def in_force(make_loop: MakeLoop) -> Callable[..., LinkParameters]:
    def work_out(
        preset: Preset, ports: dict[str, Port] | None = None, now_ps: int = 0, connected: tuple[bool, bool] = (True, True), **loop: int
    ) -> LinkParameters:
        return Optics(preset, ports or {}).parameters(now_ps, connected, make_loop(preset, **loop))

    return work_out


Work = Callable[..., LinkParameters]


@pytest.mark.parametrize("name", preset_names())
def test_calibrated_and_with_nothing_wired_it_is_the_preset(in_force: Work, name: str) -> None:
    preset = load_preset(name)
    found, wanted = in_force(preset), preset.link_parameters()
    for part in ("alice", "bob", "bsm"):
        for field, value in dataclasses.asdict(getattr(wanted, part)).items():
            assert getattr(getattr(found, part), field) == pytest.approx(value, rel=1e-12), field


# -- excitation ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.25, 0.5, 1.0, 2.25, 4.0])
@pytest.mark.parametrize("p_pi", [0.5, 0.2])
def test_rf_power_turns_the_atom(in_force: Work, fraction: float, p_pi: float) -> None:
    found = in_force(MUNICH.with_values({"node.alice.pi_pulse_power": p_pi}), excitation_ports(fraction * p_pi))
    assert found.alice.excitation == pytest.approx(math.sin(math.pi / 2 * math.sqrt(fraction)) ** 2, abs=1e-12)
    assert found.bob.excitation == 1.0


@pytest.mark.parametrize("dark", [{"on": False}, {"locked": False}])
def test_without_usable_light_nothing_is_excited(in_force: Work, dark: dict[str, bool]) -> None:
    assert in_force(MUNICH, excitation_ports(P_PI, **dark)).alice.excitation == 0


@pytest.mark.parametrize("off", ["alice.excitation", "alice.excitation_laser"])
def test_it_takes_both_the_laser_and_the_rf(in_force: Work, off: str) -> None:
    ports = excitation_ports(P_PI)
    ports[off] = BeamPort(on=False, power_w=P_PI)
    assert in_force(MUNICH, ports).alice.excitation == 0


# -- the way to the fibre --------------------------------------------------------------------------------------------------------------


def test_only_an_open_blade_lets_photons_through(in_force: Work) -> None:
    shutter = ShutterPort(travel_ps=1000)
    ports: dict[str, Port] = {"bob.shutter": shutter}
    free, shut = 0.5, 0.5 * MUNICH["node.bob.shutter_transmission"]
    assert in_force(MUNICH, ports, 0).bob.channel_transmission == pytest.approx(shut, rel=1e-12)
    shutter.command(True, 100)
    assert in_force(MUNICH, ports, 1099).bob.channel_transmission == pytest.approx(shut, rel=1e-12)
    assert in_force(MUNICH, ports, 1100).bob.channel_transmission == free
    assert in_force(MUNICH, ports, 1100).alice.channel_transmission == 1.0


def test_it_is_settled_when_no_blade_is_on_its_way() -> None:
    shutter, filter_ = ShutterPort(travel_ps=1000), ShutterPort(travel_ps=5000)
    optics = Optics(MUNICH, {"bob.shutter": shutter, "bob.filter": filter_})
    assert optics.settled(0)
    shutter.command(True, 100)
    assert [optics.settled(now) for now in (100, 1099, 1100)] == [False, False, True]
    filter_.command(True, 2000)
    assert [optics.settled(now) for now in (6999, 7000)] == [False, True]


@pytest.mark.parametrize("connected", [(True, True), (False, True), (True, False), (False, False)])
def test_an_ion_out_of_the_focus_sends_little(in_force: Work, connected: tuple[bool, bool]) -> None:
    found = in_force(OXFORD, connected=connected)
    transmission = [
        OXFORD[f"node.{side}.shuttle_transmission"] if not here else 1.0 for side, here in zip(("alice", "bob"), connected, strict=True)
    ]
    assert [found.alice.channel_transmission, found.bob.channel_transmission] == pytest.approx(transmission, rel=1e-12)


@pytest.mark.parametrize("side", ["alice", "bob"])
def test_a_paddle_turns_its_own_fibre(in_force: Work, side: str) -> None:
    preset = MUNICH.with_values({"node.bob.fibre_rotation": 0.1, "node.alice.fibre_rotation": 0.1})
    found = in_force(preset, {f"{side}.paddle": RotatorPort(angle=-0.3)})
    rotations = {"alice": 0.1, "bob": 0.1} | {side: -0.2}
    assert {"alice": found.alice.fibre_rotation, "bob": found.bob.fibre_rotation} == pytest.approx(rotations)


# -- gates and detectors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start_ps", "gate_ps"), [(0, 60_000), (18_200, 60_000), (18_200, 200_000), (36_400, 60_000), (18_200, 1_000)])
def test_the_gate_cuts_the_photon_and_the_darks(in_force: Work, start_ps: int, gate_ps: int) -> None:
    found = in_force(MUNICH, gate_start_ps=start_ps, gate_ps=gate_ps)
    lifetime = MUNICH["link.photon_lifetime"]
    jitter = MUNICH["bsm.jitter"]
    share = gate_capture(lifetime, start_ps * 1e-12, gate_ps * 1e-12, jitter) / gate_capture(lifetime, 18.2e-9, 60e-9, jitter)
    calibrated = MUNICH.link_parameters()
    assert found.alice.efficiency == pytest.approx(calibrated.alice.efficiency * share, rel=1e-12)
    assert found.bob.efficiency == pytest.approx(calibrated.bob.efficiency * share, rel=1e-12)
    assert found.bsm.dark_probability == pytest.approx([1 - math.exp(-MUNICH["bsm.dark_rate"] * gate_ps * 1e-12)] * 4, rel=1e-6)


def test_a_gate_of_half_a_photon_costs_a_factor_of_4(in_force: Work) -> None:
    # Zhang et al., Nature 607, 687 (2022), Methods: the time filter cuts the rate to a quarter. No darks, of which a long gate has more.
    preset = MUNICH.with_values({"bsm.dark_rate": 0.0})

    def rate(**loop: int) -> float:
        return munich(in_force(preset, **loop)).probability

    late = round(math.log(2) * MUNICH["link.photon_lifetime"] * 1e12)
    assert rate(gate_start_ps=-2000, gate_ps=10**6) / rate(gate_start_ps=late, gate_ps=10**6) == pytest.approx(4, rel=5e-3)


def test_darks_of_a_long_gate_are_a_probability(in_force: Work) -> None:
    noisy = MUNICH.with_values({"bsm.dark_rate": 1e7})
    assert in_force(noisy, gate_ps=600_000).bsm.dark_probability == pytest.approx([1 - math.exp(-6)] * 4, rel=1e-9)


def test_more_photons_than_there_are_cannot_be_caught(in_force: Work) -> None:
    bright = MUNICH.with_values({"node.alice.efficiency": 0.9})
    assert in_force(bright, gate_start_ps=0, gate_ps=10**6).alice.efficiency == 1.0


@pytest.mark.parametrize(("on", "overloaded"), [(False, False), (True, True), (False, True)])
def test_a_dead_detector_sees_nothing_not_even_darks(in_force: Work, on: bool, overloaded: bool) -> None:
    ports: dict[str, Port] = {
        "bsm.detector_ch": DetectorPort(channel=0, on=True),
        "bsm.detector_dh": DetectorPort(channel=2, on=on, overloaded=overloaded),
        "bob.detector": DetectorPort(side=1, on=False),
    }
    found = in_force(MUNICH, ports).bsm
    dark = MUNICH.link_parameters().bsm.dark_probability[0]
    assert found.detector_efficiency == (1.0, 1.0, 0.0, 1.0)
    assert found.dark_probability == pytest.approx((dark, dark, 0.0, dark), rel=1e-12)


# -- what the statistics make of it ----------------------------------------------------------------------------------------------------


def munich(link: LinkParameters) -> Expectation:
    return expected(link, *MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, (20e-6, 20e-6))


@pytest.mark.parametrize("side", ["alice", "bob"])
@pytest.mark.parametrize(("degrees", "s", "shift"), [(2.0, 2.425, 0.06), (5.0, 2.394, 0.15), (10.0, 2.28, 0.29)])
def test_a_turned_paddle_shows_in_the_discarded_pairs_first(in_force: Work, side: str, degrees: float, s: float, shift: float) -> None:
    """S falls in second order, E_01 and E_10 move apart in first order, and the sign says which way it was turned."""
    straight = munich(in_force(MUNICH))
    signs = []
    for sign in (+1, -1):
        turned = munich(in_force(MUNICH, {f"{side}.paddle": RotatorPort(angle=sign * math.radians(degrees))}))
        moved = turned.correlators - straight.correlators
        assert turned.s == pytest.approx(s, abs=0.008)
        assert abs(moved[0, 1]) == pytest.approx(shift, abs=0.012)
        assert abs(moved[1, 0]) == pytest.approx(shift, abs=0.012)
        assert moved[0, 1] * moved[1, 0] < 0
        signs.append(math.copysign(1, moved[0, 1] - moved[1, 0]))
    assert signs[0] == -signs[1]


@pytest.mark.parametrize(("rate_hz", "s"), [(100.0, 2.354), (500.0, 2.06), (2000.0, 1.37)])
def test_stray_light_costs_s(in_force: Work, rate_hz: float, s: float) -> None:
    assert munich(in_force(MUNICH.with_values({"bsm.dark_rate": rate_hz}))).s == pytest.approx(s, abs=0.01)


def test_one_dead_detector_costs_half_of_the_heralds_and_no_s(in_force: Work) -> None:
    dead: dict[str, Port] = {"bsm.detector_dv": DetectorPort(channel=3)}
    heralds = {3: MUNICH_PATTERNS[3]}
    left = expected(in_force(MUNICH, dead), *MUNICH_ANALYSES, heralds, MUNICH_GAME, (20e-6, 20e-6))
    whole = munich(in_force(MUNICH))
    assert left.probability / whole.probability == pytest.approx(0.5, rel=2e-3)
    assert left.s == pytest.approx(whole.s, abs=2e-3)


# -- photons that do not meet ----------------------------------------------------------------------------------------------------------

LATE_NS = [0.0, 2.0, 5.0, 15.0, 26.2348, 60.0]


@pytest.mark.parametrize("late_ns", [sign * late for late in LATE_NS for sign in (+1, -1)])
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("preset", [MUNICH, OXFORD], ids=lambda preset: preset.platform)
def test_the_overlap_falls_exponentially_with_the_delay(in_force: Work, preset: Preset, side: int, late_ns: float) -> None:
    late_ps = [0, 0]
    late_ps[side] = round(late_ns * 1000)
    found = in_force(preset, late_ps=tuple(late_ps)).bsm.mode_overlap / in_force(preset).bsm.mode_overlap
    assert found == pytest.approx(math.exp(-abs(late_ps[side]) * 1e-12 / preset["link.photon_lifetime"]), rel=1e-12)


def test_photons_that_are_late_together_still_interfere(in_force: Work) -> None:
    found, before = in_force(MUNICH, late_ps=(5000, 5000)), in_force(MUNICH)
    assert found.bsm.mode_overlap == before.bsm.mode_overlap
    assert found.alice.efficiency / before.alice.efficiency == pytest.approx(found.bob.efficiency / before.bob.efficiency)
    assert found.alice.efficiency / before.alice.efficiency == pytest.approx(math.exp(5 / 26.2348), rel=0.02)


def test_a_sequence_can_make_up_for_a_drift(make_loop: MakeLoop) -> None:
    """Offsets add up before they cost anything: 8 ns of drift and a pulse 8 ns early are a calibrated link."""
    optics = Optics(MUNICH, {})
    calibrated = optics.parameters(0, (True, True), make_loop(MUNICH))
    optics.disturb({"bsm.photon_offset": 8e-9})
    assert optics.parameters(0, (True, True), make_loop(MUNICH)).bsm.mode_overlap < 0.8 * calibrated.bsm.mode_overlap
    made_up = optics.parameters(0, (True, True), make_loop(MUNICH, late_ps=(0, -8000)))
    assert made_up.bsm.mode_overlap == pytest.approx(calibrated.bsm.mode_overlap, rel=1e-9)
    assert made_up.bob.efficiency == pytest.approx(calibrated.bob.efficiency, rel=1e-9)
    assert optics.click_timings(make_loop(MUNICH, late_ps=(3000, -8000))).offsets == pytest.approx((3e-9, 0.0), abs=1e-18)


@pytest.mark.parametrize("late_ns", LATE_NS)
def test_a_delay_costs_the_interference_term_of_s_and_no_more(in_force: Work, late_ns: float) -> None:
    """Without darks, and with a gate so wide that no photon is cut, S - S(no overlap) goes as exp(-dt/tau).

    But for double emissions, whose share of the heralds depends on the overlap: 1e-3.
    """
    preset = MUNICH.with_values({"bsm.dark_rate": 0.0})
    wide = {"gate_start_ps": -2000, "gate_ps": 2_000_000}

    def s(late_ps: int) -> float:
        return munich(in_force(preset, late_ps=(0, late_ps), **wide)).s

    none = s(10**6)
    share = (s(round(late_ns * 1000)) - none) / (s(0) - none)
    assert share == pytest.approx(math.exp(-late_ns / 26.2348), abs=1e-3)
