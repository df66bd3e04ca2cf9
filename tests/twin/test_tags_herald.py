"""From tags to S: heralds that the search finds in the tag stream, outcomes from the hidden course behind each, and the closed form.

Seeds are fixed; limits are 4 standard deviations (6e-5 each).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import pytest

from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME
from eventready.sequences.herald_search import HeraldSearch
from eventready.sequences.program import Arm, AttemptLoop
from eventready.twin.click_heralds import gated_patterns
from eventready.twin.clicks import Clicks, timings_of
from eventready.twin.optics import Optics
from eventready.twin.pairs import HiddenPair, Reading, StateTable
from eventready.twin.physics import Expectation, expected
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS, OXFORD_ANALYSES, OXFORD_PATTERNS
from eventready.twin.physics.preset import Preset, load_preset
from eventready.twin.physics.readout import frame
from eventready.twin.tags import TagStream, herald_rule

REFERENCE_PS = 580_000
SECONDS = {"munich-physics": 20.0, "oxford": 4.0}


def raised(name: str, **values: float) -> Preset:
    """With more photons, so that seconds are enough."""
    preset = load_preset(name)
    factor = 40 if preset.platform == "rb87" else 4
    more = {f"node.{side}.efficiency": preset[f"node.{side}.efficiency"] * factor for side in ("alice", "bob")}
    return preset.with_values(more | {f"bsm.{key}": value for key, value in values.items()})


def loop_of(preset: Preset) -> AttemptLoop:
    attempt_ps, burst, gap_ps = (19_200_000, 200, 200_000_000) if preset.platform == "rb87" else (1_050_000, 190, 20_000_000)
    gate = {"gate_start_ps": round(preset["bsm.gate_start"] * 1e12), "gate_ps": round(preset["bsm.gate_length"] * 1e12)}
    return AttemptLoop(attempt_ps, burst, gap_ps, 10**6, 10**6, **gate)


def stream_of(preset: Preset, loop: AttemptLoop, seed: int = 5) -> TagStream:
    return TagStream(Optics(preset, {}).all_photons(preset.link_parameters(), loop), timings_of(preset), loop, REFERENCE_PS, seed)


def closed_form(preset: Preset) -> Expectation:
    if preset.platform == "rb87":
        return expected(preset, *MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, (20e-6, 20e-6))
    return expected(preset, *OXFORD_ANALYSES, OXFORD_PATTERNS, OXFORD_GAME, (0.0, 0.0))


def patterns_of(preset: Preset) -> tuple[int, ...]:
    return tuple(MUNICH_PATTERNS if preset.platform == "rb87" else OXFORD_PATTERNS)


def heralds_in(stream: TagStream, loop: AttemptLoop, accepted: tuple[int, ...], seconds: float) -> np.ndarray:
    search = HeraldSearch(herald_rule(loop, accepted))
    found = [search.feed(tags.times_ps, tags.channels) for tags in stream.blocks(seconds, 300_000)]
    return np.concatenate([*found, search.finish()])


def courses_behind(stream: TagStream, heralds: np.ndarray) -> Iterator[int]:
    per_stretch = len(stream.stretch(0).tags.times_ps[stream.stretch(0).tags.channels == 0])
    number, stretch = -1, None
    for attempt in heralds["cycle"]:
        if attempt // per_stretch != number:
            number = int(attempt // per_stretch)
            stretch = stream.stretch(number)
        inside = attempt - stretch.first_attempt
        place = np.searchsorted(stretch.hidden.attempt, inside)
        there = place < len(stretch.hidden.attempt) and stretch.hidden.attempt[place] == inside
        yield int(stretch.hidden.course[place]) if there else 0


def arm(preset: Preset, side: int, setting: int, pattern: int) -> Arm:
    if preset.platform == "rb87":
        analysis = MUNICH_ANALYSES[side][setting]
        return Arm("", analysis.angle, analysis.phase, analysis.beam)
    theta = OXFORD_ANALYSES[side][setting].theta
    return Arm("", frame(theta, OXFORD_PATTERNS[pattern]) if side == 1 else theta)


@pytest.mark.parametrize("darks", [{}, {"dark_rate": 5e4}], ids=["quiet", "50 kHz of darks"])
@pytest.mark.parametrize("name", SECONDS)
def test_s_and_q_come_out_of_the_tags(name: str, darks: dict[str, float]) -> None:
    preset = raised(name, **darks)
    loop, accepted, wanted = loop_of(preset), patterns_of(preset), closed_form(preset)
    stream = stream_of(preset, loop)
    heralds = heralds_in(stream, loop, accepted, SECONDS[name])
    attempts = loop.attempts_begun_before_ps(round(SECONDS[name] * 1e12) - REFERENCE_PS)
    meant = attempts * wanted.probability
    assert len(heralds) == pytest.approx(meant, abs=4 * meant**0.5)

    table = StateTable(preset.link_parameters(), [course.state for course in stream.physics.courses])
    delay_ns = 20_000 if preset.platform == "rb87" else 0
    rng = np.random.default_rng(6)
    pairs = wanted.game.pairs
    n, equal = np.zeros_like(wanted.correlators), np.zeros_like(wanted.correlators)
    for index, (herald, course) in enumerate(zip(heralds, courses_behind(stream, heralds), strict=True)):
        x, y = pairs[index % len(pairs)]
        pair, pattern = HiddenPair(table, course, 0), int(herald["pattern"])
        a, b = (pair.read(side, Reading(arm(preset, side, setting, pattern), delay_ns), rng.random()) for side, setting in ((0, x), (1, y)))
        n[x, y] += 1
        equal[x, y] += a == b
    used = n > 0
    found = 2 * equal[used] / n[used] - 1
    sigma = np.sqrt((1 - wanted.correlators[used] ** 2) / n[used])
    assert (np.abs(found - wanted.correlators[used]) < 4 * sigma).all()
    e = np.zeros_like(wanted.correlators)
    e[used] = found
    s = sum(sign * e[p] for p, sign in wanted.game.chsh)
    assert abs(s - wanted.s) < 4 * math.sqrt(sum((1 - wanted.correlators[p] ** 2) / n[p] for p, _ in wanted.game.chsh))


@pytest.mark.parametrize("name", SECONDS)
def test_the_search_and_the_world_s_own_look_at_clicks_agree(name: str) -> None:
    """Two pieces of software that know nothing of each other, on the same clicks: exact."""
    preset = raised(name, dark_rate=5e4)
    loop, accepted = loop_of(preset), patterns_of(preset)
    stream = stream_of(preset, loop)
    stretch = stream.stretch(0)
    tags = stretch.tags
    references = tags.times_ps[tags.channels == 0]
    clicks = tags.times_ps[tags.channels > 0]
    attempt = np.searchsorted(references, clicks, side="right") - 1
    known = attempt >= 0
    seen = Clicks(attempt[known], clicks[known] - references[attempt[known]], (tags.channels[tags.channels > 0][known] - 1).astype(np.int8))
    numbers, patterns = gated_patterns(seen, loop.gate_start_ps, loop.gate_start_ps + loop.gate_ps)
    mine = np.isin(patterns, accepted)
    search = HeraldSearch(herald_rule(loop, accepted))
    found = np.concatenate([search.feed(tags.times_ps, tags.channels), search.finish()])
    assert found["cycle"].tolist() == numbers[mine].tolist()
    assert found["pattern"].tolist() == patterns[mine].tolist()
    assert len(found) > 100


def test_a_gate_in_the_wrong_place_loses_heralds_and_catches_darks() -> None:
    preset = raised("oxford")
    loop = loop_of(preset)
    late = dataclasses.replace(loop, gate_start_ps=loop.gate_start_ps + 200_000)
    stream = stream_of(preset, loop)
    right, wrong = (len(heralds_in(stream, used, patterns_of(preset), 1.0)) for used in (loop, late))
    assert wrong < right / 100


def test_a_loss_of_the_tagger_takes_the_heralds_that_it_touches_and_no_other() -> None:
    preset = raised("oxford")
    loop, accepted = loop_of(preset), patterns_of(preset)
    stream = stream_of(preset, loop)
    whole = heralds_in(stream, loop, accepted, 0.5)
    hole = (200_000_000_000, 250_000_000_000)
    search = HeraldSearch(herald_rule(loop, accepted))
    found, told = [], False
    for tags in stream.blocks(0.5, 50_000):
        kept = (tags.times_ps < hole[0]) | (tags.times_ps > hole[1])
        losses = [hole] if not told and tags.times_ps[-1] >= hole[0] else []
        told = told or bool(losses)
        found.append(search.feed(tags.times_ps[kept], tags.channels[kept], losses))
    found = np.concatenate([*found, search.finish()])
    window_ps = loop.gate_start_ps + loop.gate_ps
    outside = (whole["reference_ps"] + window_ps < hole[0]) | (whole["reference_ps"] > hole[1])
    assert found["reference_ps"].tolist() == whole["reference_ps"][outside].tolist()
    assert 0 < len(found) < len(whole)
