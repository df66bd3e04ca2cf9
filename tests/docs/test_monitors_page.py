"""The page on monitors says what the program does: names, sizes, bounds, and S and Q under each fault."""

import importlib.util
import math
import re
from pathlib import Path

import numpy as np
import pytest

from eventready.cli.progress import duration
from eventready.protocol.bell import GAMES
from eventready.protocol.records import RECORD_DTYPE
from eventready.sequences.herald_rule import GatedDetector, HeraldRule
from eventready.stations.monitors import detectors, free_pairs, interference, light, losses, particle, polarimetry
from eventready.stations.monitors.alarm import ALPHA, STREAMS
from eventready.stations.monitors.readout_time import ReadoutTime
from eventready.stations.monitors.sequencer_counters import SequencerCounters
from eventready.stations.monitors.time_tags import TagFindings, TagRule, TimeTags
from eventready.twin.fault_script import parse_fault_script

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "explanations" / "monitors.md").read_text(encoding="utf-8")
SIZES = {
    light.singles(): f"{100 * light.AT_LEAST_SINGLES:.0f} %",
    light.node_singles("bob"): f"{100 * light.AT_LEAST_SINGLES:.0f} %",
    light.heralds((3, 12)): f"{100 * light.AT_LEAST_HERALDS:.0f} %",
    detectors.detector_balance(): f"{detectors.AT_LEAST_SHARE}",
    detectors.off_gate_counts(): f"{100 * detectors.AT_LEAST_DARKS:.0f} %",
    losses.particle_losses(2e-5): f"{100 * losses.AT_LEAST_LOSSES:.0f} %",
    interference.interference(): f"{interference.AT_LEAST_SAME}",
    interference.pattern_balance((3, 12)): f"{interference.AT_LEAST_PATTERN}",
    particle.outcome_bias(): f"{particle.AT_LEAST_BIAS}",
    particle.histogram_valley(24): f"{particle.AT_LEAST_VALLEY}",
    particle.bright_counts(24): f"{particle.AT_LEAST_DIM}",
    free_pairs.free_pairs(GAMES["munich"]): f"beyond {4 * (free_pairs.BOUNDS[1] - 0.5):.2f}",
}


def rows(title):
    """Cells of the table under a heading."""
    (section,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[1:]]


@pytest.fixture(scope="module")
def benchmark():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))  # as when it is run as a script
        yield load_benchmark()


def load_benchmark():
    spec = importlib.util.spec_from_file_location("faults", ROOT / "benchmarks" / "faults.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_monitor_is_named_with_the_size_from_which_on_it_tells():
    named = {row[0]: row[3] for row in rows("The monitors") if "---" not in row[0]}
    (counters,) = SequencerCounters("bsm", 1.0).disagreed(0.0, "")
    late = np.zeros(1, RECORD_DTYPE)
    late["readout_ns"] = 10**9
    (readout,) = ReadoutTime("bob", 1e-3).feed(0.0, late)
    rule = TagRule(HeraldRule(0, (GatedDetector(1, 0, 1),), (1,)), 1, 1, 0)
    tags = TimeTags("bsm", 1.0).found(0.0, 1.0, TagFindings(losses=1, odd_ps=2), rule, None)
    without = {counters.monitor, readout.monitor, polarimetry.FibreTurn.name, *(alarm.monitor for alarm in tags)}
    assert set(named) == {statistic.name for statistic in SIZES} | without
    assert f"{math.degrees(polarimetry.AT_LEAST_TURN):.0f} deg" in named[polarimetry.FibreTurn.name]
    looks = polarimetry.least_turn(math.radians(0.25), ALPHA, 20)
    assert f"{math.degrees(looks):.0f} deg on the sphere with a polarimeter of 0.25 deg" in " ".join(PAGE.split())
    for statistic, size in SIZES.items():
        assert size in named[statistic.name]


def test_the_bound_is_that_of_the_program():
    assert f"Each of the {STREAMS} tested streams" in " ".join(PAGE.split())
    assert f"alpha = {ALPHA:.5f}" in PAGE


def test_every_fault_is_shown_by_the_monitor_that_is_meant_to_and_within_the_time_that_is_computed(benchmark):
    """When it showed is measured (:func:`run` of the benchmark takes minutes a row); the bound is worked out here."""
    table = {row[0]: row for row in rows("What shows what") if "---" not in row[0]}
    for name, (*_, shown, within, after) in table.items():
        assert not shown.startswith("nothing")
        assert "late" not in after
        if name in benchmark.MEANT:
            assert shown.startswith(benchmark.MEANT[name])
            assert within == duration(benchmark.within(name))


def test_s_and_q_under_each_fault_are_those_of_the_physics(benchmark):
    table = {row[0]: row for row in rows("What shows what") if "---" not in row[0]}
    assert set(table) == set(benchmark.FAULTS)
    calm, _, _ = benchmark.statistics(benchmark.moved(parse_fault_script("faults: []", "none")))
    for name, fault in benchmark.FAULTS.items():
        s, q, _ = benchmark.statistics(benchmark.moved(parse_fault_script(f'faults: [{{{fault}, at: "10 h"}}]', name)))
        if fault.startswith("quantity"):
            assert table[name][1:3] == [f"{s:.2f}", f"{100 * q:.1f} %"]
            assert table[name][3] == benchmark.hours_text(benchmark.hours_of_s(calm, s))
