"""The whole chain (herald, both readouts, fluorescence) against the closed form, for every preset and either order of the readouts.

Seeds are fixed; the comments give the rate at which a new seed would fail.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME
from eventready.twin.optics import Optics
from eventready.twin.physics import Expectation, expected
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS, OXFORD_ANALYSES, OXFORD_PATTERNS
from eventready.twin.physics.preset import preset_names

MakeLab = Callable[..., Any]
US = 10**6
Counts = Counter[tuple[int, int, int, int, int]]
"""By pattern, x, y, a, b."""


def closed_form(lab: Any, delays_ps: tuple[int, int]) -> Expectation:
    delays = (delays_ps[0] * 1e-12, delays_ps[1] * 1e-12)
    if lab.platform == "rb87":
        return expected(lab.preset, *MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, delays)
    return expected(lab.preset, *OXFORD_ANALYSES, OXFORD_PATTERNS, OXFORD_GAME, delays)


def sample(lab: Any, wanted: Expectation, per_pair: int, delays_ps: tuple[int, int], first: Callable[[int], int]) -> Counts:
    counts: Counts = Counter()
    for n in range(per_pair):
        for x, y in wanted.game.pairs:
            pattern, a, b = lab.round(x, y, delays_ps, first(n))
            counts[pattern, x, y, int(a), int(b)] += 1
    return counts


def correlators(counts: Counts, wanted: Expectation, pattern: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """E and rounds by (x, y)."""
    n, equal = np.zeros_like(wanted.correlators), np.zeros_like(wanted.correlators)
    for (herald, x, y, a, b), count in counts.items():
        if pattern in (None, herald):
            n[x, y] += count
            equal[x, y] += count * (a == b)
    return 2 * equal / n - 1, n


def assert_s_and_q(counts: Counts, wanted: Expectation, pattern: int | None = None) -> None:
    """S, every E and every Q within 4 standard deviations of the closed form: 6e-5 each."""
    found, n = correlators(counts, wanted, pattern)
    sigma = np.sqrt((1 - wanted.correlators**2) / n)
    assert (np.abs(found - wanted.correlators) < 4 * sigma).all(), (found, wanted.correlators, sigma)
    s = sum(sign * found[pair] for pair, sign in wanted.game.chsh)
    assert abs(s - wanted.s) < 4 * math.sqrt(sum(sigma[pair] ** 2 for pair, _ in wanted.game.chsh))
    for pair, q in zip(wanted.game.key_pairs, wanted.qber, strict=True):
        errors = (1 + found[pair]) / 2 if wanted.game.key_anticorrelated else (1 - found[pair]) / 2
        assert abs(errors - q) < 4 * math.sqrt(q * (1 - q) / n[pair])


ORDERS = {"Alice first": lambda n: 0, "Bob first": lambda n: 1, "in turn": lambda n: n % 2}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", preset_names())
def test_rounds_show_the_closed_form(make_lab: MakeLab, name: str, order: str) -> None:
    lab = make_lab(name, seed=len(order) + 100)
    delays_ps = (20 * US, 21 * US) if lab.platform == "rb87" else (300 * US, 252 * US)
    wanted = closed_form(lab, delays_ps)
    per_pair = 3000
    counts = sample(lab, wanted, per_pair, delays_ps, ORDERS[order])
    assert_s_and_q(counts, wanted)
    # All outcomes of all patterns at once: chi-square with a false alarm of 1e-6.
    pvalues = []
    for x, y in wanted.game.pairs:
        cells = [
            (counts[pattern, x, y, a, b], per_pair * part.probability / wanted.probability * part.joint[x, y, a, b])
            for pattern, part in wanted.by_pattern.items()
            for a in (0, 1)
            for b in (0, 1)
        ]
        observed, expected_counts = np.array(cells).T
        pvalues.append(stats.chisquare(observed, expected_counts).pvalue)
    assert min(pvalues) > 1e-6 / len(pvalues)
    for pattern in wanted.by_pattern:
        assert_s_and_q(counts, wanted.by_pattern[pattern], pattern)


@pytest.mark.parametrize("name", ["munich-physics", "oxford"])
def test_neither_party_s_outcomes_depend_on_the_other_s_input(make_lab: MakeLab, name: str) -> None:
    """Chi-square of one party's outcomes by the other's input, for every input of its own; false alarm 1e-6 each. The other is first."""
    for side in (0, 1):
        lab = make_lab(name, seed=21 + side)
        wanted = closed_form(lab, (20 * US, 20 * US))
        counts = sample(lab, wanted, 3000, (20 * US, 20 * US), lambda n, side=side: 1 - side)
        for mine in range((wanted.game.settings_a, wanted.game.settings_b)[side]):
            table: Counter[tuple[int, int]] = Counter()
            for (_, x, y, a, b), count in counts.items():
                if (x, y)[side] == mine:
                    table[(x, y)[1 - side], (a, b)[side]] += count
            inputs = sorted({other for other, _ in table})
            assert stats.chi2_contingency([[table[other, outcome] for outcome in (0, 1)] for other in inputs]).pvalue > 1e-6


@pytest.mark.parametrize("delay_us", [100, 200])
def test_a_late_readout_costs_s(make_lab: MakeLab, delay_us: int) -> None:
    lab = make_lab("munich-physics", seed=31)
    delays_ps = (delay_us * US, delay_us * US)
    wanted = closed_form(lab, delays_ps)
    assert wanted.s == pytest.approx({100: 2.04, 200: 1.18}[delay_us], abs=0.02)
    assert_s_and_q(sample(lab, wanted, 2000, delays_ps, ORDERS["in turn"]), wanted)


def test_the_two_delays_are_each_party_s_own(make_lab: MakeLab) -> None:
    """Only Alice is late: as much coherence is lost as the closed form says, whoever is first."""
    lab = make_lab("munich-physics", seed=32)
    delays_ps = (300 * US, 1 * US)
    wanted = closed_form(lab, delays_ps)
    assert_s_and_q(sample(lab, wanted, 3000, delays_ps, ORDERS["in turn"]), wanted)


@pytest.mark.parametrize("side", ["alice", "bob"])
def test_a_turned_paddle_shows_in_the_samples(make_lab: MakeLab, side: str) -> None:
    """10 degrees: E_01 and E_10 move apart by 0.6, some 15 standard deviations; everything else as the closed form has it, too."""
    lab = make_lab("munich-physics", seed=33)
    lab.world.port("Rotator", f"{side}.paddle").set(math.radians(10))
    link = lab.preset.link_parameters()
    turned = dataclasses.replace(link, **{side: dataclasses.replace(link.node(side), fibre_rotation=math.radians(10))})
    wanted = expected(turned, *MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, (20e-6, 20e-6))
    counts = sample(lab, wanted, 2000, (20 * US, 20 * US), ORDERS["in turn"])
    assert_s_and_q(counts, wanted)
    found, _ = correlators(counts, wanted)
    assert abs(found[0, 1] - found[1, 0]) == pytest.approx(0.58, abs=0.15)


# -- level L2: the same from clicks upward ---------------------------------------------------------------------------------------------

RAISED = {"munich-physics": (0.06, 0.06), "oxford": (0.0836, 0.0836)}
"""Efficiencies of Alice's and Bob's photons, far above those of the labs: heralds are what a test has too few of."""
NOISE = {"quiet": {}, "50 kHz of darks": {"bsm.dark_rate": 5e4}}


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("name", RAISED)
def test_heralds_found_in_clicks_show_the_closed_form(make_lab: MakeLab, name: str, noise: str) -> None:
    """S, Q, every E and the herald probability, each within 4 sigma (6e-5): outcomes come from the hidden course, not from the pattern."""
    values = {f"node.{side}.efficiency": value for side, value in zip(("alice", "bob"), RAISED[name], strict=True)} | NOISE[noise]
    lab = make_lab(name, seed=71, values=values, level="clicks")
    delays_ps = (20 * US, 21 * US) if lab.platform == "rb87" else (300 * US, 252 * US)
    wanted = closed_form(lab, delays_ps)
    assert_s_and_q(sample(lab, wanted, 250, delays_ps, ORDERS["in turn"]), wanted)
    attempts = [lab.herald().attempts for _ in range(700)]
    assert 1 / np.mean(attempts) == pytest.approx(wanted.probability, rel=4 / len(attempts) ** 0.5)


def test_a_wrong_pattern_map_hurts_by_itself(make_lab: MakeLab) -> None:
    """Patterns of the other Bell state taken for one's own: the clicks are right, the frame is wrong, and S falls to nothing."""
    lab = make_lab("oxford", seed=72, values={f"node.{side}.efficiency": 0.0836 for side in ("alice", "bob")}, level="clicks")
    delays_ps = (300 * US, 252 * US)
    wanted = closed_form(lab, delays_ps)
    swapped = {3: 9, 12: 6, 9: 3, 6: 12}
    herald = lab.herald
    lab.herald = lambda: (ended := herald())._replace(pattern=swapped[ended.pattern])
    found, n = correlators(sample(lab, wanted, 200, delays_ps, ORDERS["in turn"]), wanted)
    s = sum(sign * found[pair] for pair, sign in wanted.game.chsh)
    assert abs(s) < 4 * math.sqrt(sum(1 / n[pair] for pair, _ in wanted.game.chsh)), "X changes sign and Z does not: the two halves cancel"


@pytest.mark.parametrize("level", ["rounds", "clicks"])
def test_a_pulse_at_the_wrong_time_costs_s(make_lab: MakeLab, level: str) -> None:
    """Bob's photons 15 ns late by the sequence: S falls from 2.44 to 1.92, as the closed form of the moved link has it."""
    values = {f"node.{side}.efficiency": 0.06 for side in ("alice", "bob")}
    lab = make_lab("munich-physics", seed=73, values=values, level=level, late_ps=(0, 15_000))
    link = Optics(lab.preset, {}).parameters(0, (True, True), lab.loop)
    wanted = expected(link, *MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, (20e-6, 20e-6))
    assert wanted.s < closed_form(lab, (20 * US, 20 * US)).s - 0.5
    assert_s_and_q(sample(lab, wanted, 400, (20 * US, 20 * US), ORDERS["in turn"]), wanted)
    attempts = [lab.herald().attempts for _ in range(700)]
    assert 1 / np.mean(attempts) == pytest.approx(wanted.probability, rel=4 / len(attempts) ** 0.5)
