"""A sampled run of attempts has the distribution of one that is stepped through, losses, presence checks and limits included.

Seeds are fixed; FALSE_ALARM is the rate at which a new seed would fail one of the statistical tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from scipy import stats

from eventready.sequences.program import AttemptLoop
from eventready.twin.physics import herald_distribution
from eventready.twin.physics.preset import load_preset, preset_names
from eventready.twin.ports import Attempted
from eventready.twin.trap import Trap

MakeLab = Callable[..., Any]
FALSE_ALARM = 1e-6
FOREVER = 10**15
NS = 1000

# Every attempt clicks now and then, so that few attempts show everything: p = 7 % with two atoms, 1 to 2 % with one, 0.2 % with none.
NOISY = {"node.alice.efficiency": 0.6, "node.bob.efficiency": 0.8, "bsm.dark_rate": 5e5}
SHORT_BURSTS = {"attempt_ps": 10_000 * NS, "attempts_per_burst": 10, "gap_ps": 70_000 * NS, "herald_ps": 3_000 * NS}


def herald_probability(lab: Any, present: tuple[bool, bool] = (True, True)) -> float:
    probability = herald_distribution(lab.preset.link_parameters(), present).probability
    return float(probability[list(lab.patterns)].sum())


def stepped(
    rng: np.random.Generator, p: dict[tuple[bool, bool], float], loop: AttemptLoop, limit: int, lost_ps: tuple[int, int]
) -> Attempted:
    """The reference: one attempt after the other; a check for both particles at the end of every burst."""
    now_ps, attempts, end_ps = 0, 0, 0
    while True:
        end_ps += loop.attempts_per_burst * loop.attempt_ps + loop.gap_ps
        for _ in range(loop.attempts_per_burst):
            present = (now_ps < lost_ps[0], now_ps < lost_ps[1])
            attempts += 1
            if rng.random() < p[present]:
                return Attempted(True, False, 0, now_ps + loop.herald_ps, attempts)
            if attempts == limit:
                return Attempted(False, not all(present), 0, end_ps, attempts)
            now_ps += loop.attempt_ps
        now_ps = end_ps
        if now_ps >= min(lost_ps):
            return Attempted(False, True, 0, end_ps, attempts)


def load(traps: tuple[Trap, Trap], now_ps: int) -> int:
    """Have both particles there and loading ended; returns when."""
    while True:
        for trap in traps:
            trap.empty(now_ps)
            trap.set_loading(True, now_ps)
            trap.set_loading(False, trap.arrives_ps)
        now_ps = max(trap.arrives_ps for trap in traps)
        if all(trap.present(now_ps) for trap in traps):
            return now_ps


def histogram(runs: list[Attempted], width: int) -> Counter[tuple[bool, bool, int]]:
    return Counter((run.heralded, run.particle_missing, (run.attempts - 1) // width) for run in runs)


def same_distribution(one: Counter[Any], other: Counter[Any]) -> float:
    """p-value of the chi-square test of two histograms; rare bins are put together."""
    rows = [[one[key], other[key]] for key in one | other if one[key] + other[key] >= 20]
    rest = [one.total() - sum(row[0] for row in rows), other.total() - sum(row[1] for row in rows)]
    table = np.array(rows + ([rest] if sum(rest) else []))
    return float(stats.chi2_contingency(table).pvalue) if len(table) > 1 else 1.0


@pytest.mark.parametrize(
    ("lifetimes", "limit", "burst"),
    [
        ((1.5e-3, 1e-3), FOREVER, 10),  # some ten bursts: heralds and losses about even
        ((1e-4, 1.5e-4), FOREVER, 10),
        ((2e-4, 1e-4), FOREVER, 100),  # both particles are lost in one burst, and most of it is empty
        ((1e-2, 1e-4), FOREVER, 10),
        ((1.5e-3, 1e-3), 7, 10),  # within the first burst
        ((1.5e-4, 3e-4), 20, 10),  # at the end of a burst
        ((1e-3, 1e-3), 33, 10),
        ((2e-4, 1e-4), 60, 100),
    ],
)
def test_a_sampled_run_is_a_stepped_run(make_lab: MakeLab, lifetimes: tuple[float, float], limit: int, burst: int) -> None:
    n = 10_000
    lab = make_lab(
        "munich-physics",
        seed=3,
        values=NOISY | {"node.alice.trap_lifetime": lifetimes[0], "node.bob.trap_lifetime": lifetimes[1]},
        **SHORT_BURSTS | {"attempts_per_burst": burst},
    )
    p = {present: herald_probability(lab, present) for present in ((True, True), (True, False), (False, True), (False, False))}
    rng = np.random.default_rng(4)
    lost = rng.exponential(lifetimes, (n, 2)) * 1e12
    wanted = [stepped(rng, p, lab.loop, limit, (int(a), int(b))) for a, b in lost]

    found, now_ps = [], 0
    for _ in range(n):
        now_ps = load(lab.world.traps, now_ps)
        run = lab.bsm.run(now_ps, lab.loop, lab.patterns, limit)
        found.append(run._replace(time_ps=run.time_ps - now_ps))
        now_ps = run.time_ps

    assert same_distribution(histogram(wanted, 3), histogram(found, 3)) > FALSE_ALARM
    # Given how it ended and after how many attempts, the time is no longer random.
    times = {(run.heralded, run.particle_missing, run.attempts): run.time_ps for run in wanted}
    assert all(times.get((run.heralded, run.particle_missing, run.attempts), run.time_ps) == run.time_ps for run in found)
    assert {run.heralded for run in found} == {run.heralded for run in wanted}


def test_a_run_without_particle_ends_with_its_first_burst_unless_darks_herald(make_lab: MakeLab) -> None:
    lab = make_lab("munich-physics", seed=5, values=NOISY, **SHORT_BURSTS)
    for beam in ("trap", "cooling"):
        lab.beam("alice", beam).set(lab.now_ps, on=False)  # empty, and it stays empty
    n, p = 10_000, herald_probability(lab, (False, True))
    runs = [lab.bsm.run(lab.now_ps, lab.loop, lab.patterns, FOREVER) for _ in range(n)]
    heralds = [run for run in runs if run.heralded]
    for run in runs:
        if not run.heralded:
            assert run == Attempted(False, True, 0, lab.now_ps + lab.loop.burst_ps, 10)
    share = 1 - (1 - p) ** 10
    assert abs(len(heralds) - n * share) < 5 * (n * share * (1 - share)) ** 0.5  # 6e-7
    wanted = np.array([(1 - p) ** k for k in range(10)])
    observed = Counter(run.attempts for run in heralds)
    assert stats.chisquare([observed[k + 1] for k in range(10)], wanted / wanted.sum() * len(heralds)).pvalue > FALSE_ALARM


@pytest.mark.parametrize("missing", [("alice",), ("bob",), ("alice", "bob")])
def test_without_darks_a_missing_particle_never_heralds(make_lab: MakeLab, missing: tuple[str, ...]) -> None:
    # Second photons are off, too: those of one atom alone may leave in one arm like a pair, and herald.
    quiet = {"bsm.dark_rate": 0.0, "node.alice.second_photon": 0.0, "node.bob.second_photon": 0.0}
    lab = make_lab("munich-physics", seed=6, values=NOISY | quiet, **SHORT_BURSTS)
    for side in missing:
        lab.beam(side, "trap").set(lab.now_ps, on=False)
    assert {lab.bsm.run(lab.now_ps, lab.loop, lab.patterns, FOREVER) for _ in range(2000)} == {
        Attempted(False, True, 0, lab.now_ps + lab.loop.burst_ps, 10)
    }


@pytest.mark.parametrize("name", preset_names())
def test_attempts_to_herald_are_geometric_with_the_probability_of_the_physics(make_lab: MakeLab, name: str) -> None:
    # At the native probability, 1e-7 to 1e-4 an attempt, the geometric distribution is exponential to 1e-4 of a bin.
    lab = make_lab(name, seed=7)
    p = herald_probability(lab)
    found = [lab.herald().attempts * p for _ in range(5000)]
    assert stats.kstest(found, "expon").pvalue > FALSE_ALARM


@pytest.mark.parametrize(("efficiency", "rate_hz"), [(0.3, 0.0), (0.9, 0.0), (0.6, 5e5)])
def test_also_where_most_attempts_click(make_lab: MakeLab, efficiency: float, rate_hz: float) -> None:
    values = {"node.alice.efficiency": efficiency, "node.bob.efficiency": efficiency, "bsm.dark_rate": rate_hz}
    lab = make_lab("oxford", seed=8, values=values)
    p, n = herald_probability(lab), 10_000
    found = Counter(lab.herald().attempts for _ in range(n))
    bins = [k for k in range(1, 200) if n * p * (1 - p) ** (k - 1) > 10]
    wanted = [n * p * (1 - p) ** (k - 1) for k in bins]
    observed = [found[k] for k in bins]
    assert stats.chisquare([*observed, n - sum(observed)], [*wanted, n - sum(wanted)]).pvalue > FALSE_ALARM


@pytest.mark.parametrize("limit", [1, 7, 10, 33, FOREVER])
def test_cutting_a_run_changes_no_distribution(make_lab: MakeLab, limit: int) -> None:
    """Attempts of all the pieces up to a herald, whatever the limit of each piece."""
    lab = make_lab("munich-physics", seed=limit % 97, values=NOISY, **SHORT_BURSTS)
    p, n = herald_probability(lab), 4000
    totals = []
    for _ in range(n):
        total = 0
        while True:
            run = lab.herald(limit)
            total += run.attempts
            if run.heralded:
                break
            assert (run.attempts, run.particle_missing) == (limit, False)
        totals.append(total)
    edges = np.unique(np.ceil(np.log(np.linspace(1, 0, 21)[1:-1]) / np.log1p(-p))).astype(int)
    below = [0.0, *(1 - (1 - p) ** edges), 1.0]
    counts = np.diff([0, *(np.searchsorted(np.sort(totals), edges, side="right")), n])
    assert stats.chisquare(counts, np.diff(below) * n).pvalue > FALSE_ALARM


def test_a_herald_comes_at_the_start_of_its_attempt_and_a_delay(make_lab: MakeLab) -> None:
    lab = make_lab("munich-physics", seed=9, values=NOISY, **SHORT_BURSTS)
    steps = [SHORT_BURSTS["attempt_ps"] + (SHORT_BURSTS["gap_ps"] if k % 10 == 0 else 0) for k in range(1, 1000)]
    starts = [0, *accumulate(steps)]
    for _ in range(300):
        begun_ps = lab.now_ps
        run = lab.bsm.run(begun_ps, lab.loop, lab.patterns, FOREVER)
        assert run.time_ps == begun_ps + starts[run.attempts - 1] + SHORT_BURSTS["herald_ps"]
        lab.now_ps = run.time_ps


@pytest.mark.parametrize(("limit", "bursts"), [(1, 1), (10, 1), (11, 2), (20, 2), (25, 3)])
def test_a_run_that_reaches_its_limit_ends_with_a_burst(make_lab: MakeLab, limit: int, bursts: int) -> None:
    dark = {"node.alice.efficiency": 0.0, "node.bob.efficiency": 0.0, "bsm.dark_rate": 0.0}
    lab = make_lab("munich-physics", seed=1, values=dark, **SHORT_BURSTS)
    run = lab.bsm.run(lab.now_ps, lab.loop, lab.patterns, limit)
    assert run == Attempted(False, False, 0, lab.now_ps + bursts * lab.loop.burst_ps, limit)


@pytest.mark.parametrize("name", ["munich-physics", "oxford"])
def test_patterns_come_in_their_shares(make_lab: MakeLab, name: str) -> None:
    lab = make_lab(name, seed=11)
    probability = herald_distribution(load_preset(name).link_parameters()).probability[list(lab.patterns)]
    found = Counter(lab.herald().pattern for _ in range(10_000))
    assert set(found) == set(lab.patterns)
    wanted = probability / probability.sum() * 10_000
    assert stats.chisquare([found[pattern] for pattern in lab.patterns], wanted).pvalue > FALSE_ALARM


def test_only_accepted_patterns_herald(make_lab: MakeLab) -> None:
    lab = make_lab("oxford", seed=12)
    lab.patterns = (9,)
    p = herald_probability(lab)
    runs = [lab.herald() for _ in range(3000)]
    assert {run.pattern for run in runs} == {9}
    assert stats.kstest([run.attempts * p for run in runs], "expon").pvalue > FALSE_ALARM
