"""What a sequencer counts: at level "rounds" drawn in closed form, given what happened; at level "clicks" counted in real clicks.

Statistical tests: seeds are fixed; each chi-squared test fails one correct program in 10,000.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency

from eventready.sequences.program import AttemptLoop
from eventready.twin.physics.bsm import herald_distribution
from eventready.twin.tallies import Counted, off_gate_of

MakeLab = Callable[..., Any]
FALSE_ALARM = 1e-4
ATTEMPTS = {"rounds": 40_000_000, "clicks": 2_000_000}
BRIGHT = {f"node.{side}.efficiency": 0.04 for side in ("alice", "bob")} | {"bsm.dark_rate": 2000.0, "bsm.mode_overlap": 0.8}


def gather(lab: Any, attempts: int) -> tuple[Counted, int]:
    """Counts of at least so many attempts, and how many the runs say there were."""
    done = 0
    while done < attempts:
        done += lab.herald(attempts - done).attempts
    return lab.bsm.take_counted(), done


def misfit(counts: np.ndarray, probability: np.ndarray) -> float:
    """Chance of a chi-squared at least this large; patterns below 10 expected are taken together."""
    expected = probability * counts.sum()
    often = expected > 10
    seen, meant = np.append(counts[often], counts[~often].sum()), np.append(expected[often], expected[~often].sum())
    return float(chi2.sf(((seen - meant) ** 2 / meant).sum(), len(seen) - 1))


@pytest.mark.parametrize("level", ["rounds", "clicks"])
@pytest.mark.parametrize("name", ["munich-physics", "oxford"])
def test_patterns_follow_the_closed_form(make_lab: MakeLab, name: str, level: str) -> None:
    """Heralds and the attempts before them together are what attempts are without anybody looking for heralds."""
    lab = make_lab(name, seed=11, values=BRIGHT, level=level)
    counted, attempts = gather(lab, ATTEMPTS[level] // (10 if name == "oxford" else 1))
    parameters = lab.world._optics.parameters(lab.now_ps, (True, True), lab.loop)
    assert counted.patterns.sum() == attempts
    assert misfit(counted.patterns, herald_distribution(parameters).probability) > FALSE_ALARM


@pytest.mark.parametrize("level", ["rounds", "clicks"])
def test_darks_off_the_gate_are_a_poisson_process(make_lab: MakeLab, level: str) -> None:
    lab = make_lab("munich-physics", seed=12, values=BRIGHT, level=level)
    counted, attempts = gather(lab, ATTEMPTS[level])
    window = off_gate_of(lab.loop, lab.preset["link.photon_lifetime"])
    expected = attempts * window.length_ps * 1e-12 * 2000.0
    assert float(chi2.sf(((counted.off_gate - expected) ** 2 / expected).sum(), 4)) > FALSE_ALARM


def test_both_levels_agree(make_lab: MakeLab) -> None:
    """Neither against the other's formula: the two tables of counts, one against the other."""
    tables = []
    for level in ("rounds", "clicks"):
        counted, _ = gather(make_lab("munich-physics", seed=13, values=BRIGHT, level=level), ATTEMPTS["clicks"])
        tables.append(np.concatenate([counted.patterns, counted.off_gate]))
    together = np.array(tables)
    assert chi2_contingency(together[:, together.sum(axis=0) > 20]).pvalue > FALSE_ALARM


@pytest.mark.parametrize("level", ["rounds", "clicks"])
def test_a_trap_that_is_empty_is_missed_in_the_counts(make_lab: MakeLab, level: str) -> None:
    """Attempts without Bob's atom have Alice's photons only."""
    lab = make_lab("munich-physics", seed=14, values=BRIGHT | {"node.bob.load_mean": 1e9}, level=level)
    lab.beam("bob", "trap").set(lab.now_ps, on=False)
    done = 0
    for _ in range(5_000):
        lab.now_ps += 10**9
        ended = lab.bsm.run(lab.now_ps, lab.loop, lab.patterns, 10**9)
        done, lab.now_ps = done + ended.attempts, ended.time_ps
    counted = lab.bsm.take_counted()
    parameters = lab.world._optics.parameters(lab.now_ps, (True, True), lab.loop)
    assert counted.patterns.sum() == done
    assert misfit(counted.patterns, herald_distribution(parameters, (True, False)).probability) > FALSE_ALARM
    assert misfit(counted.patterns, herald_distribution(parameters).probability) < 1e-9


@pytest.mark.parametrize("level", ["rounds", "clicks"])
def test_every_count_is_told_once(make_lab: MakeLab, level: str) -> None:
    lab = make_lab("munich-physics", seed=15, values=BRIGHT, level=level)
    gather(lab, 100_000)
    again = lab.bsm.take_counted()
    assert again.patterns.sum() == again.off_gate.sum() == 0


@pytest.mark.parametrize("level", ["rounds", "clicks"])
def test_every_herald_is_in_the_counts(make_lab: MakeLab, level: str) -> None:
    lab = make_lab("munich-physics", seed=16, values=BRIGHT, level=level)
    patterns = [lab.herald().pattern for _ in range(200)]
    counted = lab.bsm.take_counted()
    assert {pattern: int(counted.patterns[pattern]) for pattern in lab.patterns} == {p: patterns.count(p) for p in lab.patterns}


def test_asking_for_counts_changes_no_herald(make_lab: MakeLab) -> None:
    """They have a random stream of their own."""
    runs = []
    for ask in (False, True):
        lab = make_lab("munich-physics", seed=17, values=BRIGHT)
        runs.append([(lab.herald(), lab.bsm.take_counted() if ask else None)[0] for _ in range(50)])
    assert runs[0] == runs[1]


def test_a_node_own_sequencer_has_counted_nothing_and_takes_nothing_away(make_lab: MakeLab) -> None:
    lab = make_lab("munich-physics", seed=18, values=BRIGHT)
    attempts = lab.herald().attempts
    assert lab.nodes[0].take_counted().patterns.sum() == 0
    assert lab.bsm.take_counted().patterns.sum() == attempts


@pytest.mark.parametrize(
    ("gate_start", "gate", "late", "attempt", "window"),
    [
        (18_200, 60_000, (0, 0), 19_200_000, (18_200 + 60_000 + 524_000, 19_200_000)),
        (-5_000, 60_000, (0, 7_000), 19_200_000, (-5_000 + 60_000 + 7_000 + 524_000, 19_195_000)),
        (0, 60_000, (0, 0), 500_000, (584_000, 584_000)),
    ],
)
def test_the_window_for_darks_keeps_clear_of_photons_and_gates(
    gate_start: int, gate: int, late: tuple[int, int], attempt: int, window: tuple[int, int]
) -> None:
    loop = AttemptLoop(attempt, 100, 10**6, 10**6, 10**6, gate_start, gate, late)
    found = off_gate_of(loop, 26.2e-9)
    assert found == window
    assert found.length_ps == window[1] - window[0]
