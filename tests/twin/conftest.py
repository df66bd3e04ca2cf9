"""A simulated lab in which every light is on and nobody waits: what the tests of the world and of its roles share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from eventready.sequences import oxford
from eventready.sequences.program import Action, Arm, AttemptLoop
from eventready.stations.assembly import programs
from eventready.stations.config import load_link
from eventready.twin.physics.preset import Preset, load_preset
from eventready.twin.ports import Attempted, BeamPort, DetectorPort
from eventready.twin.world import SIDES, Level, World

BEAMS = {
    "rb87": {"Laser": ("trap", "excitation_laser", "readout", "ionisation"), "RfSource": ("cooling", "repump", "excitation")},
    "sr88": {"Laser": ("excitation_laser", "qubit", "deshelve", "photoionisation"), "RfSource": ("cooling", "repump", "excitation")},
}
ANGLES = {
    "rb87": ([math.radians(angle) for angle in (-22.5, 22.5, -45.0, 0.0)], [math.radians(angle) for angle in (22.5, -22.5)]),
    "sr88": ([0.0, math.pi / 2], [math.pi / 4, -math.pi / 4, 0.0]),
}
STATES = {3: "psi+", 12: "psi+", 9: "psi-", 6: "psi-"}
QUICK = {
    f"node.{side}.{name}": value
    for side in SIDES
    for name, value in {
        # Loaded again 1 ms after a loss, give or take 0.14 ms, and never lost by itself; counts that tell bright from dark for sure.
        "trap_lifetime": 1e9,
        "load_mean": 1e-3,
        "load_shape": 50.0,
        "bright_counts": 1000.0,
        "dark_counts": 0.0,
    }.items()
}
LOOK = 1e-6
"""Length of a look at the fluorescence, s."""
MS = 10**9
"""ps."""


class Lab:
    """A world with all beams on, worked through its ports.

    A Rb trap refills within milliseconds, and rounds are 10 ms apart, so that each begins with two atoms.
    """

    def __init__(
        self, preset: Preset, seed: int, segment: int, loop: AttemptLoop, patterns: tuple[int, ...], level: Level = "rounds"
    ) -> None:
        self.preset = preset
        self.platform = preset.platform
        self.loop = loop
        self.patterns = patterns
        self.now_ps = 0
        self.world = World(preset, seed=seed, segment=segment, readout_window=LOOK, level=level)
        self.bsm: Any = self.world.port("HeraldingSequencer", "bsm.sequencer")
        self.nodes: list[Any] = [self.world.port("HeraldingSequencer", f"{side}.sequencer") for side in SIDES]
        self.detectors: list[DetectorPort] = []
        for side in SIDES:
            for role, names in BEAMS[self.platform].items():
                for name in names:
                    self.beam(side, name, role).set(0, on=True, power_w=preset[f"node.{side}.pi_pulse_power"])
            detector: Any = self.world.port("SinglePhotonDetector", f"{side}.detector")
            detector.set_on(True)
            self.detectors.append(detector)
        timings = self.arms_of_a_round()
        self.arms: tuple[tuple[Arm, ...], tuple[Arm, ...]] = timings
        frames = ("psi+", "psi-") if self.platform == "sr88" else ()
        self.tables = [
            oxford.arm_table(angles, frames if side == 1 else (), {pattern: STATES[pattern] for pattern in patterns})
            for side, angles in enumerate(ANGLES[self.platform])
        ]
        self.now_ps = 10 * MS

    def arms_of_a_round(self) -> tuple[tuple[Arm, ...], tuple[Arm, ...]]:
        """The arms that the programs of the link name, Alice's and Bob's."""
        name, section = {"rb87": ("munich", "readout"), "sr88": ("oxford", "rotate")}[self.platform]
        made = programs(load_link(name))
        return made["alice"].sections[section].arms, made["bob"].sections[section].arms

    def beam(self, side: str, name: str, role: str = "Laser") -> BeamPort:
        """The port of one beam."""
        port: Any = self.world.port(role, f"{side}.{name}")
        return port

    def herald(self, limit: int = 10**15) -> Attempted:
        """Begin a round; 10 ms after the one before."""
        self.now_ps += 10 * MS
        ended: Attempted = self.bsm.run(self.now_ps, self.loop, self.patterns, limit)
        self.now_ps = ended.time_ps
        return ended

    def analyse(self, side: int, setting: int, pattern: int, delay_ps: int = 0) -> None:
        """Project one particle ``delay_ps`` after now, in the frame of the pattern."""
        arm = self.arms[side][self.tables[side][setting, pattern]]
        self.nodes[side].act(Action.ANALYSE, arm, self.now_ps + delay_ps)

    def look(self, side: int, delay_ps: int = 0) -> bool:
        """Whether the particle is bright."""
        return self.detectors[side].count(self.now_ps + delay_ps, LOOK) > 500

    def read(self, side: int, setting: int, pattern: int, delay_ps: int = 0) -> bool:
        """Project and look."""
        self.analyse(side, setting, pattern, delay_ps)
        return self.look(side, delay_ps)

    def round(self, x: int, y: int, delays_ps: tuple[int, int], first: int = 0) -> tuple[int, bool, bool]:
        """Herald, then both parties read, ``first`` first: pattern, Alice's and Bob's outcome."""
        pattern = self.herald().pattern
        found = [False, False]
        for side in (first, 1 - first):
            found[side] = self.read(side, (x, y)[side], pattern, delays_ps[side])
        if self.platform == "sr88":
            for node in self.nodes:
                node.act(Action.SCRAMBLE, None, self.now_ps + MS)
        return pattern, found[0], found[1]


MakeLab = Callable[..., Lab]


@pytest.fixture(scope="session")
def make_lab() -> MakeLab:
    """``make_lab("oxford", seed=3, **{"bsm.dark_rate": 0.0})``."""

    def make(
        preset: str | Preset,
        *,
        seed: int,
        segment: int = 0,
        values: Mapping[str, float] | None = None,
        level: Level = "rounds",
        **loop: int,
    ) -> Lab:
        found = load_preset(preset) if isinstance(preset, str) else preset
        found = found.with_values(QUICK | dict(values or {}))
        patterns = (3, 12) if found.platform == "rb87" else (3, 12, 9, 6)
        return Lab(found, seed, segment, calibrated_loop(found, **loop), patterns, level)

    return make


@pytest.fixture(scope="session")
def make_loop() -> Callable[..., AttemptLoop]:
    """An attempt loop whose gate is the preset's."""
    return calibrated_loop


def calibrated_loop(preset: Preset, **changes: int) -> AttemptLoop:
    values = {
        "attempt_ps": 10_000_000,
        "attempts_per_burst": 100,
        "gap_ps": 70_000_000,
        "herald_ps": 3_000_000,
        "limit_attempts": 10**6,
        "gate_start_ps": round(preset["bsm.gate_start"] * 1e12),
        "gate_ps": round(preset["bsm.gate_length"] * 1e12),
    }
    return AttemptLoop(**(values | changes))
