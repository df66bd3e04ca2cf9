"""One particle in one trap: waiting times, and that nothing depends on who looks when.

Seeds are fixed; FALSE_ALARM is the rate at which a new seed would fail one of the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eventready.twin.draws import Draws
from eventready.twin.trap import NEVER_PS, Trap

FALSE_ALARM = 1e-6
S = 10**12
"""ps."""


def trap(seed: int = 1, lifetime: float = 4.0, load: float = 1.6, shape: float = 2.0) -> Trap:
    return Trap(Draws(np.random.SeedSequence(seed)), lifetime, load, shape)


def loaded(seed: int = 1) -> Trap:
    """A trap with a particle that came at its ``arrives_ps``; loading has ended then."""
    found = trap(seed)
    found.set_loading(True, 0)
    found.set_loading(False, found.arrives_ps)
    return found


def test_a_trap_is_empty_until_somebody_loads_it() -> None:
    found = trap()
    assert not any(found.present(now) for now in (0, S, NEVER_PS - 1))


def test_a_particle_is_there_from_its_arrival_to_its_loss() -> None:
    found = loaded()
    assert [found.present(found.arrives_ps + offset) for offset in (-1, 0)] == [False, True]
    assert [found.present(found.lost_ps + offset) for offset in (-1, 0)] == [True, False]
    assert not found.present(found.lost_ps + 1000 * S)  # loading has ended: no other one comes


def test_waiting_times_and_lifetimes_have_their_distributions() -> None:
    found = trap()
    waits, lives, now = [], [], 0
    for _ in range(4000):
        found.set_loading(True, now)
        waits.append((found.arrives_ps - now) / S)
        lives.append((found.lost_ps - found.arrives_ps) / S)
        found.set_loading(False, found.arrives_ps)
        now = found.lost_ps
    assert stats.kstest(waits, stats.gamma(2.0, scale=0.8).cdf).pvalue > FALSE_ALARM
    assert stats.kstest(lives, stats.expon(scale=4.0).cdf).pvalue > FALSE_ALARM
    assert abs(np.corrcoef(waits, lives)[0, 1]) < 5 / 4000**0.5  # 6e-7


def test_loss_is_memoryless() -> None:
    rest = []
    for seed in range(3000):
        found = loaded(seed)
        now = found.arrives_ps + 2 * S
        if found.present(now):
            rest.append((found.lost_ps - now) / S)
    assert abs(len(rest) - 3000 * np.exp(-0.5)) < 5 * (3000 * np.exp(-0.5) * (1 - np.exp(-0.5))) ** 0.5  # 6e-7
    assert stats.kstest(rest, stats.expon(scale=4.0).cdf).pvalue > FALSE_ALARM


def test_while_loading_goes_on_one_particle_follows_another() -> None:
    # A particle is there for lifetime/(lifetime + load) of the time, in the long run. Looks 50 s apart are as good as independent.
    found = trap()
    found.set_loading(True, 0)
    looks = [found.present(50 * S * k) for k in range(1, 4001)]
    share = 4.0 / 5.6
    assert abs(np.mean(looks) - share) < 5 * (share * (1 - share) / 4000) ** 0.5  # 6e-7


Step = tuple[str, int]


def play(steps: Sequence[Step], looks: int, seed: int = 7) -> list[bool]:
    """What a last look after every step says, when somebody looks ``looks`` times in between too."""
    found, now, seen = trap(seed, lifetime=1.0, load=1.0), 0, []
    for what, wait in steps:
        for k in range(looks):
            found.present(now + wait * k // looks)
        now += wait
        if what == "empty":
            found.empty(now)
            seen.append(found.present(now))
        elif what == "look":
            seen.append(found.present(now))
        else:
            found.set_loading(what == "load", now)
    return seen


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(["load", "stop", "empty", "look"]), st.integers(0, 5 * S)), max_size=20))
def test_looking_changes_nothing(steps: list[Step]) -> None:
    assert play(steps, looks=0) == play(steps, looks=5)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("end", ["stop", "empty"])
def test_what_came_while_nobody_looked_came_all_the_same(seed: int, end: str) -> None:
    """Long after the first particle is lost, one is there in about half of the seeds."""
    steps = [("load", 0), (end, 30 * S), ("look", 0), ("look", S)]
    assert play(steps, looks=0, seed=seed) == play(steps, looks=50, seed=seed)


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(["load", "stop", "look"]), st.integers(0, 5 * S)), max_size=10))
def test_an_emptied_trap_is_empty(steps: list[Step]) -> None:
    assert play([*steps, ("empty", S)], looks=0)[-1] is False


def test_loading_that_goes_on_does_not_begin_anew() -> None:
    found = trap()
    found.set_loading(True, 0)
    arrives_ps = found.arrives_ps
    found.set_loading(True, arrives_ps // 2)
    assert found.arrives_ps == arrives_ps


def test_loading_that_ends_too_early_brings_nothing_and_the_next_one_waits_again() -> None:
    found = trap()
    found.set_loading(True, 0)
    arrives_ps = found.arrives_ps
    found.set_loading(False, arrives_ps - 1)
    assert not any(found.present(now) for now in range(arrives_ps - 1, arrives_ps + 10 * S, S))
    found.set_loading(True, arrives_ps)
    assert found.arrives_ps > arrives_ps
    assert found.present(found.arrives_ps)


def test_loading_leaves_a_particle_that_is_there_alone() -> None:
    found = loaded()
    before = (found.arrives_ps, found.lost_ps)
    for on in (True, False, True):
        found.set_loading(on, found.arrives_ps + 1)
    assert (found.arrives_ps, found.lost_ps) == before


def test_emptying_a_trap_that_still_waits_does_not_stop_the_particle_on_its_way() -> None:
    found = trap()
    found.set_loading(True, 0)
    found.empty(found.arrives_ps - 1)
    assert found.present(found.arrives_ps)


def test_a_particle_thrown_out_is_followed_by_another_while_loading_goes_on() -> None:
    waits = []
    for seed in range(2000):
        found = trap(seed)
        found.set_loading(True, 0)
        now = found.arrives_ps
        found.empty(now)
        assert not found.present(now)
        waits.append((found.arrives_ps - now) / S)
    assert stats.kstest(waits, stats.gamma(2.0, scale=0.8).cdf).pvalue > FALSE_ALARM


# -- what a projection left --------------------------------------------------------------------------------------------------------------


def look(found: Trap, now_ps: int) -> bool:
    return found.fluoresces(now_ps, now_ps + S // 100)


def test_without_a_projection_the_particle_is_seen_that_is_there_when_the_look_ends() -> None:
    found = loaded()
    assert not found.fluoresces(found.arrives_ps - 10, found.arrives_ps - 1)
    assert found.fluoresces(found.arrives_ps - 10, found.arrives_ps)
    assert not found.fluoresces(found.lost_ps - 10, found.lost_ps)


@pytest.mark.parametrize("bright", [True, False])
def test_an_outcome_can_be_read_again_and_again(bright: bool) -> None:
    found = loaded()
    found.project(bright, found.arrives_ps + 1)
    assert [look(found, found.arrives_ps + k) for k in (1, 2, 3)] == [bright] * 3


def test_an_outcome_outlives_a_loss_during_the_look_but_not_before() -> None:
    found = loaded()
    found.project(True, found.arrives_ps)
    assert found.fluoresces(found.lost_ps - 1, found.lost_ps + S)
    assert not look(found, found.lost_ps)


@pytest.mark.parametrize("bright", [True, False])
def test_an_outcome_of_an_empty_trap_stands_until_a_particle_comes(bright: bool) -> None:
    found = trap()
    found.project(bright, 0)
    found.set_loading(True, 1)  # the light of the look loads, too
    assert found.fluoresces(1, found.arrives_ps + 1) is bright
    assert look(found, found.arrives_ps)


def test_another_particle_has_no_outcome() -> None:
    found = loaded()
    found.project(False, found.arrives_ps)
    found.set_loading(True, found.lost_ps)
    assert not look(found, found.arrives_ps - 1)
    assert look(found, found.arrives_ps)


def test_emptying_and_forgetting_take_the_outcome_away() -> None:
    found = loaded()
    now = found.arrives_ps + 1
    found.project(False, now)
    found.forget()
    assert look(found, now)
    found.project(True, now)
    found.empty(now)
    assert not look(found, now)
    found.project(True, now)  # a false alarm, of an empty trap
    found.empty(now)
    assert not look(found, now)


def test_no_outcome_in_a_repr() -> None:
    found = loaded()
    before = repr(found)
    found.project(False, found.arrives_ps)
    found.empty(found.arrives_ps + 1)
    assert repr(found) == before
