"""The tag stream: reproducible however it is cut, a reference edge for every attempt, singles as in the closed form."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.errors import ConfigError
from eventready.sequences.program import AttemptLoop
from eventready.twin.clicks import timings_of
from eventready.twin.optics import Optics
from eventready.twin.physics.bsm import photon_numbers
from eventready.twin.physics.preset import Preset, load_preset
from eventready.twin.tags import REFERENCE_CHANNEL, Tags, TagStream

US = 10**6
REFERENCE_PS = 580_000
BURST = 50
LOOP = AttemptLoop(1_050_000, BURST, 20 * US, US, 10**6, 0, 15_000)
NOISY = {"bsm.dark_rate": 2e4}


def stream(preset: Preset | None = None, seed: int = 1, loop: AttemptLoop = LOOP) -> TagStream:
    preset = load_preset("oxford").with_values(NOISY) if preset is None else preset
    return TagStream(Optics(preset, {}).all_photons(preset.link_parameters(), loop), timings_of(preset), loop, REFERENCE_PS, seed)


def whole(blocks: list[Tags]) -> Tags:
    return Tags(*(np.concatenate(column) for column in zip(*blocks, strict=True)))


SECONDS = 0.7
"""Two stretches and a bit."""


@pytest.fixture(scope="module")
def tags() -> Tags:
    return whole(list(stream().blocks(SECONDS)))


def test_the_tags_are_of_the_kind_that_taggers_deliver(tags: Tags) -> None:
    assert (tags.times_ps.dtype, tags.channels.dtype) == (np.int64, np.int16)
    assert (np.diff(tags.times_ps) >= 0).all()
    assert tags.times_ps[0] >= 0
    assert tags.times_ps[-1] < SECONDS * 1e12
    assert set(tags.channels.tolist()) == {0, 1, 2, 3, 4}


def test_every_attempt_has_its_reference_edge(tags: Tags) -> None:
    found = tags.times_ps[tags.channels == REFERENCE_CHANNEL]
    number = np.arange(len(found))
    assert (found == number // BURST * LOOP.burst_ps + number % BURST * LOOP.attempt_ps + REFERENCE_PS).all()
    assert len(found) == LOOP.attempts_begun_before_ps(round(SECONDS * 1e12) - REFERENCE_PS)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3_000_000))
def test_blocks_of_any_size_hold_the_same_tags(size: int) -> None:
    size = max(size, 5000)  # a block a tag would only take long
    made = list(stream().blocks(0.4, size))
    assert {len(block.times_ps) for block in made[:-1]} <= {size}
    assert 0 < len(made[-1].times_ps) <= size
    once = whole(list(stream().blocks(0.4, 1 << 30)))
    for found, wanted in zip(whole(made), once, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_longer_stream_begins_like_a_shorter_one(tags: Tags) -> None:
    shorter = whole(list(stream().blocks(0.3)))
    for found, wanted in zip(shorter, tags, strict=True):
        np.testing.assert_array_equal(found, wanted[: len(found)])


def test_another_seed_is_another_stream(tags: Tags) -> None:
    other = whole(list(stream(seed=2).blocks(SECONDS)))
    clicks, others = (found.times_ps[found.channels > 0] for found in (tags, other))
    assert len(np.intersect1d(clicks, others)) < 0.01 * len(clicks)


def test_singles_come_at_the_rate_of_photons_and_darks() -> None:
    """Each detector within 4 sigma (6e-5 for each) of a quarter of the photons that arrive, and its darks, pauses included."""
    preset = load_preset("oxford").with_values(NOISY)
    found = whole(list(stream(preset).blocks(2.0)))
    link = Optics(preset, {}).all_photons(preset.link_parameters(), LOOP)
    arriving = sum(one + 2 * two for _, one, two in (photon_numbers(node) for node in (link.alice, link.bob)))
    attempts = (found.channels == 0).sum()
    wanted = attempts * arriving / 4 + preset["bsm.dark_rate"] * 2.0
    for channel in (1, 2, 3, 4):
        assert (found.channels == channel).sum() == pytest.approx(wanted, abs=4 * wanted**0.5)


def test_darks_go_on_in_the_pauses() -> None:
    preset = load_preset("oxford").with_values({"bsm.dark_rate": 1e5, "node.alice.efficiency": 0.0, "node.bob.efficiency": 0.0})
    found = whole(list(stream(preset).blocks(1.0)))
    at = found.times_ps[found.channels > 0] % LOOP.burst_ps
    in_pause = at > BURST * LOOP.attempt_ps + REFERENCE_PS
    wanted = 4 * preset["bsm.dark_rate"] * (LOOP.gap_ps - REFERENCE_PS) / LOOP.burst_ps
    assert in_pause.sum() == pytest.approx(wanted, abs=4 * wanted**0.5)


def test_a_detector_is_blind_for_its_dead_time() -> None:
    preset = load_preset("oxford").with_values({"bsm.dark_rate": 1e6})
    found = whole(list(stream(preset).blocks(0.2)))
    for channel in (1, 2, 3, 4):
        assert np.diff(found.times_ps[found.channels == channel]).min() >= preset["bsm.dead_time"] * 1e12


def test_the_truth_behind_a_stretch_names_its_photons() -> None:
    made = stream(load_preset("oxford").with_values({"bsm.dark_rate": 0.0}))
    second = made.stretch(1)
    assert second.first_attempt == len(made.stretch(0).tags.times_ps[made.stretch(0).tags.channels == 0])
    at = second.tags.times_ps[second.tags.channels > 0]
    begin = second.tags.times_ps[second.tags.channels == 0] - 3_000  # jitter may put a click before its own reference
    attempt_of_click = np.searchsorted(begin, at, side="right") - 1
    assert np.isin(attempt_of_click, second.hidden.attempt).all()


@pytest.mark.parametrize(("seconds", "size"), [(0.0, 10), (-1.0, 10), (float("nan"), 10), (1.0, 0)])
def test_no_time_and_no_size_are_refused(seconds: float, size: int) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        next(stream().blocks(seconds, size))


def test_bursts_longer_than_a_stretch_are_whole_too() -> None:
    long = dataclasses.replace(LOOP, attempts_per_burst=300_000)
    found = whole(list(stream(loop=long).blocks(0.4)))
    assert (found.channels == 0).sum() == long.attempts_begun_before_ps(round(0.4e12) - REFERENCE_PS)
