"""What a fault does to S and Q comes out: the sensitivities of the Munich link, and that nothing moved is nothing changed."""

from __future__ import annotations

import dataclasses
import math

import pytest

from eventready.protocol.bell import MUNICH_GAME
from eventready.twin.optics import Optics
from eventready.twin.physics import LinkParameters, bright_effect, expected, joint_probabilities
from eventready.twin.physics.bsm import herald_distribution
from eventready.twin.physics.disturbed import QUANTITIES, disturbed
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS
from eventready.twin.physics.preset import load_preset
from eventready.twin.physics.states import dephased

MUNICH, OXFORD = load_preset("munich-physics"), load_preset("oxford")
DELAY = 20e-6


def s_and_q(link: LinkParameters) -> tuple[float, float]:
    correlators = {}
    distribution = herald_distribution(link)
    state = dephased(sum(distribution.state[pattern] for pattern in MUNICH_PATTERNS), link, DELAY, DELAY)
    for x, y in MUNICH_GAME.pairs:
        joint = joint_probabilities(
            state, bright_effect(link, "alice", MUNICH_ANALYSES[0][x]), bright_effect(link, "bob", MUNICH_ANALYSES[1][y])
        )
        correlators[x, y] = joint[0, 0] + joint[1, 1] - joint[0, 1] - joint[1, 0]
    s = sum(sign * correlators[pair] for pair, sign in MUNICH_GAME.chsh)
    return s, sum((1 + correlators[pair]) / 2 for pair in MUNICH_GAME.key_pairs) / 2


def munich(**values: float) -> LinkParameters:
    named = {name.replace("__", "."): value for name, value in values.items()}
    return disturbed(MUNICH.link_parameters(), named, MUNICH["link.photon_lifetime"])


def test_the_undisturbed_link_is_the_calibrated_one() -> None:
    neutral = {name: quantity.neutral for name, quantity in QUANTITIES.items()}
    for preset in (MUNICH, OXFORD):
        link = preset.link_parameters()
        names = {name: value for name, value in neutral.items() if preset is MUNICH or not name.endswith(("leak", "bright_survives"))}
        assert disturbed(link, {}, 1e-8) == link
        assert disturbed(link, names, 1e-8) == link
    s, q = s_and_q(munich())
    whole = expected(MUNICH, *MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, (DELAY, DELAY))
    assert s == pytest.approx(whole.s, abs=1e-12)
    assert q == pytest.approx(sum(whole.qber) / 2, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "s", "q"),
    [
        ({"alice__leak": 0.097, "bob__leak": 0.097}, 1.96, None),
        ({"bob__fibre_rotation": math.radians(5)}, 2.394, None),
        ({"bob__fibre_rotation": math.radians(10)}, 2.28, 0.097),
        ({"bob__fibre_retardance": math.radians(20)}, 2.358, 0.083),
        ({"bob__fibre_retardance": math.radians(40)}, 2.149, None),
        ({"bob__field": 1e-7}, 2.394, None),
        ({"bsm__photon_offset": 1e-9}, 2.386, None),
        ({"bsm__photon_offset": -4e-9}, 2.26, None),
        ({"bsm__photon_detuning": 1e6}, 2.40, None),
        ({"bsm__photon_detuning": 5e6}, 1.94, None),
        ({"bob__channel_transmission": 0.1}, 2.36, None),
        ({"bsm__imbalance": -0.1}, 2.431, None),
    ],
)
def test_s_falls_as_in_the_table_of_sensitivities(values: dict[str, float], s: float, q: float | None) -> None:
    """Against figures worked out independently for the same parameters, to their printed digits."""
    found_s, found_q = s_and_q(munich(**values))
    assert found_s == pytest.approx(s, abs=0.012)
    if q is not None:
        assert found_q == pytest.approx(q, abs=0.0015)


def test_a_milligauss_turns_the_rubidium_qubit_by_ten_degrees_in_20_us() -> None:
    """1.4 kHz a milligauss between m_F = +-1; field and fibre rotation look alike in the data, except for which pair goes which way."""
    field, rotation = s_and_q(munich(bob__field=1e-7)), s_and_q(munich(bob__fibre_rotation=math.radians(5)))
    assert field == pytest.approx(rotation, abs=2e-3)


def test_a_field_turns_the_ion_s_qubit_about_z() -> None:
    link = dataclasses.replace(OXFORD.link_parameters(), bob=dataclasses.replace(OXFORD.link_parameters().bob, field=1e-9))
    states = herald_distribution(OXFORD.link_parameters()).state
    turned = dephased(states, link, 0.0, 300e-6)
    still = dephased(states, OXFORD.link_parameters(), 0.0, 300e-6)
    phase = 2 * math.pi * 2.8e10 * 1e-9 * 300e-6
    assert turned[3][1, 2] == pytest.approx(still[3][1, 2] * complex(math.cos(phase), math.sin(phase)), abs=1e-12) or turned[3][
        1, 2
    ] == pytest.approx(still[3][1, 2] * complex(math.cos(phase), -math.sin(phase)), abs=1e-12)
    assert turned[3].diagonal() == pytest.approx(still[3].diagonal())


def test_probabilities_stay_probabilities() -> None:
    link = munich(alice__missed=5.0, bob__leak=-1.0, alice__excitation=3.0, bsm__imbalance=0.9)
    assert (link.alice.missed, link.bob.leak, link.alice.excitation, link.bsm.transmission) == (1.0, 0.0, 1.0, 1.0)


def test_stray_light_adds_to_the_darks_of_the_gate(make_loop) -> None:
    optics = Optics(MUNICH, {})
    loop = make_loop(MUNICH)
    optics.disturb({"bsm.dark_rate": 490.0})
    gate_s = MUNICH["bsm.gate_length"]
    assert optics.parameters(0, (True, True), loop).bsm.dark_probability == pytest.approx([-math.expm1(-500 * gate_s)] * 4, rel=1e-9)
    assert optics.click_timings().dark_rate == (500.0,) * 4
    optics.disturb({})
    assert optics.parameters(0, (True, True), loop).bsm.dark_probability == pytest.approx([-math.expm1(-10 * gate_s)] * 4, rel=1e-9)


def test_a_late_photon_is_cut_by_the_gate(make_loop) -> None:
    """At the late edge nothing is lost in 60 ns, at the early one a later photon gains."""
    optics = Optics(MUNICH, {})
    loop = make_loop(MUNICH)
    before = optics.parameters(0, (True, True), loop)
    optics.disturb({"bsm.photon_offset": 5e-9})
    after = optics.parameters(0, (True, True), loop)
    assert after.alice.efficiency == before.alice.efficiency
    assert after.bob.efficiency / before.bob.efficiency == pytest.approx(math.exp(5 / 26.2348), rel=0.02)
    assert optics.click_timings().offsets == (0.0, 5e-9)
