"""The preset in closed form beside what a run gave."""

import math

import numpy as np
import pytest

from eventready.cli.preset_comparison import _projection, compare, expectation
from eventready.protocol.analysis import analyse
from eventready.protocol.bell import Counts
from eventready.protocol.run_folder import load_run
from eventready.stations.config import load_link


@pytest.mark.parametrize(("name", "s", "q"), [("munich", 2.432, 0.0701), ("oxford", 2.677, 0.0144)])
def test_the_numbers_of_the_explanations(name, s, q):
    """Those hold for a readout 20 us after the herald at both nodes; Bob of Munich hears of it 3.4 us late."""
    predicted = expectation(load_link(name))
    assert predicted.s == pytest.approx(s, abs=0.008)
    assert np.mean(predicted.qber) == pytest.approx(q, abs=0.0015)


def test_the_delays_are_those_of_the_run(munich_run, oxford_run):
    for folder in (munich_run, oxford_run):
        config = load_link(folder.link_yaml)
        for party in ("alice", "bob"):
            planned_ns = 1e9 * (config.delay("bsm", party) + _projection(config))
            assert load_run(folder.path, party)["readout_ns"] == pytest.approx(planned_ns, abs=1)


@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_deviations_of_honest_runs_have_unit_variance(name):
    """Of 150 runs of the preset. The sample variance of 150 has an error of 0.12; 5 sigma are a false alarm in 2 million a number."""
    config = load_link(name)
    predicted = expectation(config)
    rng = np.random.default_rng(5)
    deviations = []
    for _ in range(150):
        table = [[rng.multinomial(400, joint.ravel()).reshape(2, 2) for joint in row] for row in predicted.joint]
        result = compare(config, predicted, analyse(Counts.from_outcomes(np.array(table)), predicted.game))
        deviations.append([p.deviation for p in (result.s, *result.qbers, *result.correlators)])
    assert np.var(deviations, axis=0) == pytest.approx(1, abs=0.58)
    assert np.abs(np.mean(deviations, axis=0)).max() < 5 / math.sqrt(150)


def test_without_rounds_there_is_no_deviation():
    config = load_link("munich")
    predicted = expectation(config)
    table = np.zeros((4, 2, 2, 2), dtype=int)
    table[0, 0] = 5
    result = compare(config, predicted, analyse(Counts.from_outcomes(table), predicted.game))
    assert result.s.deviation is None
    assert result.s.value == predicted.s
    assert result.qbers[0].deviation is not None
    assert result.qbers[1].deviation is None
