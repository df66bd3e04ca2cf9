"""What nodes say, and when, does not depend on outcomes or settings.

Two worlds are compared that differ in nothing but the outcomes (or the settings): whatever Eve can see of the traffic, the heralds and the
public log must be the same in both. Where the twin draws loading and loss from the same stream as the outcomes, they are made constant.
"""

import numpy as np
import pytest

from eventready.stations.procedures.inputs import Input, PoolInput
from eventready.twin.draws import Draws

TIMES = ("index", "herald_ps", "isolated_ns", "input_ns", "readout_ns", "done_ns", "attempts", "flags", "pattern", "round_type")


@pytest.fixture
def world_of(loop_of):
    """Run a link in a world whose outcomes come from ``outcomes`` and whose other chances are always the same."""

    def run(name, outcomes, *, rounds, before=lambda loop: None):
        loop = loop_of(name, rounds=rounds)
        for side, draws in enumerate(loop.link.world._draws):
            other = Draws(np.random.SeedSequence((outcomes, side)))
            draws.uniform, draws.poisson = other.uniform, other.poisson
            draws.gamma = lambda shape, mean: mean
            draws.exponential = lambda: 3.0
        before(loop)
        loop.run()
        seen = {
            "traffic": [item for item in loop.journal if item[0] == "hear"],
            "log order": [item for item in loop.journal if item[0] != "hear"],
            "public": loop.records("public").tobytes(),
            "events": {node: events.lines for node, events in loop.events.items()},
            "times": {party: [loop.records(party)[field].tolist() for field in TIMES] for party in ("alice", "bob")},
            "clocks": {node: clock.now_ps() for node, clock in loop.link.clocks.items()},
        }
        secret = {party: [loop.records(party)[field].tolist() for field in ("setting", "outcome")] for party in ("alice", "bob")}
        loop.link.close()
        return seen, secret

    return run


@pytest.mark.parametrize(("name", "rounds"), [("munich", 60), ("oxford", 300)])
def test_traffic_and_ready_times_do_not_depend_on_outcomes(world_of, name, rounds):
    first, secret = world_of(name, 1, rounds=rounds)
    second, other_secret = world_of(name, 2, rounds=rounds)
    for party in ("alice", "bob"):
        assert secret[party][0] == other_secret[party][0], "the same settings"
        assert np.mean(np.array(secret[party][1]) != other_secret[party][1]) > 0.2, "other outcomes"
    assert first == second


def flip_settings(monkeypatch):
    """All bits that select settings are turned over; the eight that decide Bob's round type stay."""
    real = PoolInput.run

    def run(self, herald_ps, index):
        drawn = real(self, herald_ps, index)
        return Input(drawn.bits ^ (0x100 if self._source.name.startswith("bob") else 0x01), drawn.time_ps)

    monkeypatch.setattr(PoolInput, "run", run)


def test_traffic_does_not_depend_on_settings_of_a_pool(world_of, monkeypatch):
    first, secret = world_of("oxford", 1, rounds=300)
    flip_settings(monkeypatch)
    second, other_secret = world_of("oxford", 1, rounds=300)
    assert secret["alice"][0] != other_secret["alice"][0]
    assert secret["bob"][0] != other_secret["bob"][0]
    assert first == second


def test_traffic_does_not_depend_on_settings_of_latched_bits(world_of):
    def other_bits(loop):
        for party in ("alice", "bob"):
            port = loop.link.world.ports[f"{party}.qrng"]
            port._rng = np.random.default_rng(99)

    first, secret = world_of("munich", 1, rounds=60)
    second, other_secret = world_of("munich", 1, rounds=60, before=other_bits)
    assert secret["alice"][0] != other_secret["alice"][0]
    assert secret["bob"][0] != other_secret["bob"][0]
    assert first == second
