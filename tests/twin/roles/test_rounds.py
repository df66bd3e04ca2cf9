"""Whole rounds through the roles alone, as a station plays them: S and Q of the closed form, counts and thresholds included."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from eventready.clock import SimClock
from eventready.instruments import ExitReason, Position
from eventready.protocol.bell import MUNICH_GAME, OXFORD_GAME, BellGame
from eventready.sequences import oxford
from eventready.stations.assembly import programs
from eventready.stations.config import load_link
from eventready.twin import roles
from eventready.twin.physics import Expectation, expected
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS, OXFORD_ANALYSES, OXFORD_PATTERNS
from eventready.twin.physics.preset import Preset, load_preset
from eventready.twin.world import SIDES, World

N = 500
"""Rounds per pair of inputs."""
WINDOW = 20e-3
STATES = {3: "psi+", 12: "psi+", 9: "psi-", 6: "psi-"}


class Node:
    """One party with its instruments, on its own clock."""

    def __init__(self, world: World, side: str, program: Any, light: tuple[str, ...], rf: tuple[str, ...]) -> None:
        self.clock = SimClock()
        self.lasers = {name: self._open(roles.TwinLaser, world, "Laser", side, name) for name in light}
        self.rf = {name: self._open(roles.TwinRfSource, world, "RfSource", side, name) for name in rf}
        self.sequencer = self._open(roles.TwinSequencer, world, "HeraldingSequencer", side, "sequencer")
        self.detector = self._open(roles.TwinDetector, world, "SinglePhotonDetector", side, "detector")
        self.sequencer.load(program)
        self.detector.set_enabled(True)
        for source in self.rf.values():
            source.set_power(world.preset[f"node.{side}.pi_pulse_power"])

    def _open(self, kind: Any, world: World, role: str, side: str, name: str) -> Any:
        return kind(f"{side}_{name}", port=world.port(role, f"{side}.{name}"), clock=self.clock)

    def load(self, makers: tuple[Any, ...], threshold: int) -> None:
        """Light on until something fluoresces."""
        for beam in makers:
            (beam.set_emission if hasattr(beam, "emission") else beam.set_enabled)(True)
        while self.detector.count(WINDOW) < threshold:
            self.clock.sleep(0.01)


def assert_closed_form(outcomes: np.ndarray, wanted: Expectation, game: BellGame) -> None:
    """S and every Q within 4 standard deviations: 6e-5 each."""
    n = outcomes.sum(axis=(2, 3))
    correlator = 2 * (outcomes[..., 0, 0] + outcomes[..., 1, 1]) / n - 1
    variance = (1 - wanted.correlators**2) / n
    assert abs(sum(sign * correlator[pair] for pair, sign in game.chsh) - wanted.s) < 4 * math.sqrt(
        sum(variance[pair] for pair, _ in game.chsh)
    )
    for pair in game.key_pairs:
        assert abs(correlator[pair] - wanted.correlators[pair]) < 4 * math.sqrt(variance[pair])


def herald(bsm: Any, nodes: list[Node]) -> Any:
    """Attempt from the later of the two nodes' clocks on; both are told of the herald."""
    bsm.clock.sleep_until_ps(max(node.clock.now_ps() for node in nodes))
    result = bsm.run(10**9)
    for node in nodes:
        node.clock.sleep_until_ps(result.time_ps)
    return result


def quick(name: str, **changes: float) -> Preset:
    return load_preset(name).with_values({f"node.{side}.{field}": value for side in SIDES for field, value in changes.items()})


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_munich(close_instruments: None, order: tuple[int, int]) -> None:
    made = programs(load_link("munich"))
    world = World(quick("munich-physics", trap_lifetime=1e3), seed=order[0] + 90, readout_window=WINDOW)
    thresholds = (24, 19)
    nodes = [
        Node(
            world,
            side,
            made[side],
            ("trap", "readout", "ionisation", "excitation_laser"),
            ("cooling", "repump", "excitation"),
        )
        for k, side in enumerate(SIDES)
    ]
    shutter = roles.TwinShutter("shutter", world.port("Shutter", "bob.shutter"), nodes[1].clock)
    bsm = roles.TwinSequencer("bsm", world.port("HeraldingSequencer", "bsm.sequencer"), SimClock())
    bsm.load(made["bsm"])
    for node in nodes:
        for laser in node.lasers.values():
            laser.set_emission(True)
        node.rf["excitation"].set_enabled(True)
    outcomes = np.zeros((4, 2, 2, 2))
    for n in range(N * 8):
        x, y = n % 4, n // 4 % 2
        shutter.open(True)
        reason = ExitReason.NOT_READY
        while reason is ExitReason.NOT_READY:  # at first, and in some rounds again, since atoms are lost
            for k, node in enumerate(nodes):
                node.load((node.rf["cooling"], node.rf["repump"]), thresholds[k])
                node.rf["cooling"].set_enabled(False)
            reason = herald(bsm, nodes).reason
        assert reason is ExitReason.HERALD
        shutter.set_open(False)
        found = [0, 0]
        for side in order:
            nodes[side].sequencer.play("readout", (x, y)[side])
        shutter.wait_for(Position.CLOSED, 0.02)
        for side in order:
            nodes[side].rf["cooling"].set_enabled(True)
            found[side] = nodes[side].detector.count(WINDOW) >= thresholds[side]
            nodes[side].lasers["trap"].set_emission(False)
            nodes[side].clock.sleep(1e-3)
            nodes[side].lasers["trap"].set_emission(True)
        outcomes[x, y, int(found[0]), int(found[1])] += 1
    # From herald to readout pulse: 20 us, the delay of the program.
    assert_closed_form(outcomes, expected(world.preset, *MUNICH_ANALYSES, MUNICH_PATTERNS, MUNICH_GAME, (2e-5, 2e-5)), MUNICH_GAME)


def test_oxford(close_instruments: None) -> None:
    made = programs(load_link("oxford"))
    world = World(quick("oxford", trap_lifetime=1e9, load_mean=0.1), seed=92, readout_window=WINDOW)
    axes = [[analysis.theta for analysis in analyses] for analyses in OXFORD_ANALYSES]
    frames: tuple[tuple[str, ...], ...] = ((), ("psi+", "psi-"))
    tables = [oxford.arm_table(axes[k], frames[k], STATES) for k in (0, 1)]
    light = ("qubit", "photoionisation", "excitation_laser")
    nodes = [Node(world, side, made[side], light, ("cooling", "repump", "excitation")) for side in SIDES]
    bsm = roles.TwinSequencer("bsm", world.port("HeraldingSequencer", "bsm.sequencer"), SimClock())
    bsm.load(made["bsm"])
    for node in nodes:
        node.load((node.rf["cooling"], node.rf["repump"], node.lasers["photoionisation"]), 7)
        node.lasers["photoionisation"].set_emission(False)
        node.lasers["qubit"].set_emission(True)
        node.lasers["excitation_laser"].set_emission(True)
        node.rf["excitation"].set_enabled(True)
    outcomes = np.zeros((2, 3, 2, 2))
    for n in range(4 * N * 6):
        x, y = n % 2, n // 2 % 3
        pattern = herald(bsm, nodes).pattern
        found = [0, 0]
        for side in ((0, 1), (1, 0))[n % 2]:
            node = nodes[side]
            node.sequencer.play("shuttle")
            node.sequencer.play("rotate", tables[side][(x, y)[side], pattern])
            found[side] = node.detector.count(WINDOW) >= 7
            node.sequencer.play("scramble")
            node.sequencer.play("reconnect")
        outcomes[x, y, int(found[0]), int(found[1])] += 1
    assert_closed_form(outcomes, expected(world.preset, *OXFORD_ANALYSES, OXFORD_PATTERNS, OXFORD_GAME, (2.52e-4, 2.52e-4)), OXFORD_GAME)
