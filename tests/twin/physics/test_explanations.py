"""The numbers that docs/explanations quotes are the numbers that the code computes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME
from eventready.twin.physics import Expectation, LinkParameters, expected
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS, OXFORD_ANALYSES, OXFORD_PATTERNS, SAME_ARM
from eventready.twin.physics.preset import load_preset

PAGES = Path(__file__).parents[3] / "docs" / "explanations"
DELAYS = (20e-6, 20e-6)
ROUNDS = 3342

# Zhang et al., Nature 607, 687 (2022), "System measurements and performance": value and error.
E = {(2, 0): (-0.599, 0.041), (2, 1): (0.618, 0.039), (3, 0): (-0.664, 0.036), (3, 1): (-0.697, 0.035)}
Q = {(0, 0): (0.0781, 0.0127), (1, 1): (0.0777, 0.0132)}
S = sum(sign * E[pair][0] for pair, sign in MUNICH_GAME.chsh)
Q_MEAN = (Q[0, 0][0] + Q[1, 1][0]) / 2
SLOPE = 2 * math.sqrt(2)


def munich(link: LinkParameters) -> Expectation:
    return expected(link, *MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, DELAYS)


def preset(name: str) -> Expectation:
    return munich(load_preset(name).link_parameters())


def fit(columns: list[list[float]]) -> tuple[np.ndarray, float]:
    """Weighted least squares of the six published numbers, each a fixed combination of the parameters; (parameters, chi2).

    A row (E20, E21, E30, E31, 1 - 2 Q0, 1 - 2 Q1) of ``columns`` belongs to one parameter.
    """
    value = np.array([v for v, _ in E.values()] + [1 - 2 * v for v, _ in Q.values()])
    error = np.array([e for _, e in E.values()] + [2 * e for _, e in Q.values()])
    design = np.array(columns).T / error[:, None]
    found, *_ = np.linalg.lstsq(design, value / error, rcond=None)
    return found, float(((value / error - design @ found) ** 2).sum())


R = math.sqrt(0.5)
C_X, C_Z = [-R, R, 0, 0, 0.5, 0.5], [0, 0, -R, -R, 0.5, 0.5]


def chi2(found: Expectation) -> float:
    correlators = sum(((found.correlators[pair] - v) / e) ** 2 for pair, (v, e) in E.items())
    return float(correlators + sum(((q - v) / e) ** 2 for q, (v, e) in zip(found.qber, Q.values(), strict=True)))


def spread(found: Expectation) -> tuple[float, float]:
    """Standard deviations of S and of 2 sqrt 2 (1 - 2Q) in a run of 3342 rounds, an eighth of them for each pair of settings."""
    n = ROUNDS / 8
    s = math.sqrt(sum((1 - found.correlators[pair] ** 2) / n for pair, _ in MUNICH_GAME.chsh))
    q = math.sqrt(sum(q * (1 - q) / n for q in found.qber)) / 2
    return s, 2 * SLOPE * q


def chance(distance: float, sigma: float) -> float:
    return 1 - NormalDist().cdf(distance / sigma)


def identity_numbers() -> Iterator[str]:
    """The page on S and Q: what belongs to what."""
    yield f"| S = {S:.3f} | Q = {(1 - S / SLOPE) / 2:.3f} |"
    yield f"| S = {SLOPE * (1 - 2 * Q_MEAN):.3f} | Q = {Q_MEAN:.4f} |"
    sigma_s = math.sqrt(sum(e**2 for _, e in E.values()))
    sigma_q = math.sqrt(sum(e**2 for _, e in Q.values())) / 2
    sigma = math.hypot(sigma_s, 2 * SLOPE * sigma_q)
    gap = S - SLOPE * (1 - 2 * Q_MEAN)
    yield f"{gap:.3f} ± {sigma:.3f}"
    yield f"{gap / sigma:.1f} standard deviations"
    (v,), one = fit([[x + z for x, z in zip(C_X, C_Z, strict=True)]])
    yield f"V = {v:.3f}, chi2 = {one:.1f} for 5 degrees of freedom ({100 * stats.chi2.sf(one, 5):.0f} % chance)"
    (c_x, c_z), two = fit([C_X, C_Z])
    yield f"Cx = {c_x:.3f}, Cz = {c_z:.3f}, chi2 = {two:.1f} for 4 ({100 * stats.chi2.sf(two, 4):.0f} %)"
    yield f"E01 = E10 = {(c_x - c_z) / 2:.3f}"
    yield f"S = {math.sqrt(2) * (c_x + c_z):.3f}, Q = {0.5 - (c_x + c_z) / 4:.3f}"
    yield f"with an error of {(ROUNDS / 8) ** -0.5:.2f}"
    yield f"{stats.chi2.isf(0.05, 6):.1f} is the 5 % point"
    leaky = preset("munich-physics")
    yield f"by {abs(leaky.s - SLOPE * (1 - sum(leaky.qber))):.0e}".replace("e-0", "e-") + " here"


def preset_numbers() -> Iterator[str]:
    """The page on S and Q: the presets."""
    gap = S - SLOPE * (1 - 2 * Q_MEAN)
    for name in ("munich-physics", "munich-visibility"):
        found = preset(name)
        s, q = spread(found)
        yield (
            f"| `{name}` | {found.probability * 1e7:.2f}e-7 | {found.s:.3f} | {found.qber[0]:.4f} | {chi2(found):.1f} "
            f"| {100 * chance(S - found.s, s):.0f} % | {100 * chance(gap, math.hypot(s, q)):.0f} % |"
        )
    found = preset("munich-point")
    yield f"| `munich-point` | {found.probability * 1e7:.2f}e-7 | {found.s:.3f} | {found.qber[0]:.4f} | {chi2(found):.1f} | | |"
    link = load_preset("munich-point").link_parameters()
    yield ", ".join(f"{contrast:.3f}" for contrast in link.alice.beam_contrast)


def budget() -> Iterator[str]:
    """The page on the twin: what each imperfection costs."""
    link = load_preset("munich-physics").link_parameters()

    def nodes(**changes: float) -> LinkParameters:
        return replace(link, alice=replace(link.alice, **changes), bob=replace(link.bob, **changes))

    def bsm(**changes: object) -> LinkParameters:
        return replace(link, bsm=replace(link.bsm, **changes))

    removed = {
        "nothing": link,
        "atom-photon noise": nodes(visibility=1.0),
        "readout errors": nodes(dark_ionised=0.0, bright_survives=0.0, missed=0.0, false_bright=0.0),
        "distinguishable photons": bsm(mode_overlap=1.0),
        "dephasing": nodes(coherence_time=1.0),
        "leak to m_F = 0": nodes(leak=0.0),
        "wrong port of a polarising beam splitter": bsm(pbs_extinction=0.0),
        "dark counts": bsm(dark_probability=(0.0,) * 4),
        "double emission": nodes(second_photon=0.0),
    }
    for what, moved in removed.items():
        found = munich(moved)
        yield f"| {what} | {found.s:.3f} | {100 * found.qber[0]:.1f} % |"


def oxford_numbers() -> Iterator[str]:
    """The page on the twin: Oxford, whole and by pattern."""
    found = expected(load_preset("oxford"), *OXFORD_ANALYSES, OXFORD_PATTERNS, OXFORD_GAME)
    yield f"| all | {found.s:.3f} | {100 * found.qber[0]:.2f} % | {found.fidelity:.3f} | {found.probability * 1e4:.2f}e-4 |"
    for label, same in (("Psi+ (one arm)", True), ("Psi- (two arms)", False)):
        parts = [part for pattern, part in found.by_pattern.items() if (pattern in SAME_ARM) is same]
        p = sum(part.probability for part in parts)
        yield f"| {label} | {parts[0].s:.3f} | {100 * parts[0].qber[0]:.2f} % | {parts[0].fidelity:.3f} | {p * 1e4:.2f}e-4 |"


def werner_numbers() -> Iterator[str]:
    """A white-noise state of Oxford's fidelity."""
    yield f"but Q = {100 * (1 - (4 * 0.96 - 1) / 3) / 2:.1f} %"


@pytest.mark.parametrize(
    ("page", "numbers"),
    [
        ("munich-s-and-q.md", identity_numbers),
        ("munich-s-and-q.md", preset_numbers),
        ("twin.md", budget),
        ("twin.md", oxford_numbers),
        ("twin.md", werner_numbers),
    ],
)
def test_page_quotes_the_computed_numbers(page: str, numbers: object) -> None:
    text = " ".join((PAGES / page).read_text(encoding="utf-8").split())
    missing = [quote for quote in numbers() if quote not in text]  # type: ignore[operator]
    assert missing == []
