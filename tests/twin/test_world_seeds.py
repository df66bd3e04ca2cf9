"""The same seed gives the same run, any other one another run, and no role's draws shift another's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from eventready.sequences.program import Action
from eventready.twin.physics.preset import load_preset
from eventready.twin.world import World

MakeLab = Callable[..., Any]
US, MS = 10**6, 10**9


def rounds(lab: Any, n: int = 50) -> list[tuple[int, tuple[int, bool, bool]]]:
    return [(lab.now_ps, lab.round(k % 2, k % 2, (20 * US, 20 * US))) for k in range(n)]


@pytest.mark.parametrize("name", ["munich-physics", "oxford"])
def test_the_same_seed_gives_the_same_rounds(make_lab: MakeLab, name: str) -> None:
    assert rounds(make_lab(name, seed=61)) == rounds(make_lab(name, seed=61))


@pytest.mark.parametrize("name", ["munich-physics", "oxford"])
@pytest.mark.parametrize("other", [{"seed": 62}, {"seed": 61, "segment": 1}, {"seed": 61 + 2**32}])
def test_another_seed_or_segment_gives_other_rounds(make_lab: MakeLab, name: str, other: dict[str, int]) -> None:
    one, two = rounds(make_lab(name, seed=61)), rounds(make_lab(name, **other))
    assert not {start for start, _ in one[1:]} & {start for start, _ in two[1:]}  # the first one begins at the same time


def test_no_two_seeds_or_segments_share_their_bits() -> None:
    # Also not where the words of one seed are those of another one and its segment.
    seeds = [(61, 0), (61, 1), (61, 2), (61 + 2**32, 0), (61 + 2**32, 1), (61 + 2**64, 0), (61, 2**32), (0, 0), (1, 0)]
    worlds = [World(load_preset("oxford"), seed=seed, segment=segment, readout_window=1e-3) for seed, segment in seeds]
    bits = [world.random_port(side).read(16) for world in worlds for side in (0, 1)]
    assert len(set(bits)) == len(bits)


def test_no_two_streams_of_a_world_are_the_same() -> None:
    world = World(load_preset("oxford"), seed=61, readout_window=1e-3)
    draws = [*world._draws, world._herald_draws, world._dark_draws]
    ports = [world.random_port(side) for side in (0, 1)]
    first = [stream.rng.bytes(16) for stream in draws] + [port.read(16) for port in ports]
    assert len(set(first)) == 6


Disturb = Callable[[Any], object]


def undisturbed(lab: Any, disturb: Disturb, n: int = 300) -> list[tuple[int, int, int, bool, int]]:
    """Heralds, Bob's outcomes and counts, Bob's random bits: all that Alice's instruments must not shift.

    The disturbance comes first: numbers are drawn in blocks, and it must be able to come between them.
    """
    found = []
    for _ in range(n):
        disturb(lab)
        ended = lab.herald()
        lab.analyse(1, 0, ended.pattern, 20 * US)
        counts = lab.detectors[1].count(lab.now_ps + 20 * US, 1e-6)
        found.append((ended.time_ps, ended.pattern, ended.attempts, counts > 500, lab.world.random_port(1).latch(2, lab.now_ps)))
        if lab.platform == "sr88":
            lab.nodes[1].act(Action.SCRAMBLE, None, lab.now_ps + MS)
    return found


def poll_alice(lab: Any) -> None:
    for _ in range(3):
        lab.look(0)


@pytest.mark.parametrize("name", ["munich-physics", "oxford"])
@pytest.mark.parametrize(
    "disturb",
    [
        poll_alice,
        lambda lab: lab.world.random_port(0).read(5),
        lambda lab: lab.nodes[0].latch(3, lab.now_ps),
        lambda lab: lab.world.port("SinglePhotonDetector", "bsm.detector_cv").count(lab.now_ps, 0.1),
        lambda lab: lab.world.port("TimeTagger", "bsm.tagger").take(lab.now_ps),
    ],
    ids=["fluorescence", "random bits", "latches", "dark counts", "tags"],
)
def test_one_role_s_draws_do_not_shift_another_s(make_lab: MakeLab, name: str, disturb: Disturb) -> None:
    assert undisturbed(wired(make_lab, name), disturb) == undisturbed(wired(make_lab, name), lambda lab: None)


def wired(make_lab: MakeLab, name: str) -> Any:
    lab = make_lab(name, seed=63)
    lab.world.port("SinglePhotonDetector", "bsm.detector_cv").set_on(True)
    return lab


def test_the_order_of_wiring_shifts_no_stream() -> None:
    preset = load_preset("oxford")
    worlds = [World(preset, seed=5, readout_window=1e-3) for _ in range(2)]
    worlds[1].port("HeraldingSequencer", "bob.sequencer")
    found = [world.random_port(side).read(8) for world, side in ((worlds[0], 0), (worlds[0], 1), (worlds[1], 1), (worlds[1], 0))]
    assert found[:2] == found[:1:-1]


def test_the_world_makes_no_secret_visible_in_a_repr() -> None:
    world = World(load_preset("oxford"), seed=987654321, readout_window=1e-3)
    ports = [world.port("RandomSource", "alice.qrng"), world.port("SinglePhotonDetector", "alice.detector")]
    text = repr(world) + "".join(map(repr, ports)) + "".join(map(repr, world.traps))
    assert "987654321" not in text
    assert "lost_ps" not in text
