"""How long rounds take: losses and reloads of the two traps.

A trap loses its particle at a constant rate 1/lifetime, whether it is used or waits; a load takes a Gamma-distributed time.
Attempts begin when both nodes are ready. A node whose particle is lost while it waits for the other one notices when the attempts
begin, and reloads then.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .bsm import Vector
    from .preset import Preset

_SIDES = ("alice", "bob")
_GRID = 800


def trap_lifetime(preset: Preset, side: str, power: float) -> float:
    """Mean time until a dipole trap loses its atom.

    Collisions with the background gas do not ask for the depth U of the trap; thermal escape goes as exp(-U/kT), and U as the power. With
    U/kT = ``trap_depth`` and a share ``trap_escape`` of all losses at the calibrated power, the rate is
    (1 - escape)/lifetime + escape/lifetime exp(depth (1 - power/calibrated)).

    Args:
        preset: of a Rb link.
        side: ``"alice"`` or ``"bob"``.
        power: of the trap's laser, W.

    Returns:
        Seconds; at most some ten thousandths of the calibrated lifetime for a trap without power.
    """
    node = f"node.{side}."
    escape, depth = preset[node + "trap_escape"], preset[node + "trap_depth"]
    faster = math.exp(min(50.0, depth * (1 - power / preset[node + "trap_power"])))
    return preset[node + "trap_lifetime"] / (1 - escape + escape * faster)


def mean_round_time(
    preset: Preset, herald_probability: float, attempt_time: float, overhead: float = 0.0, reload_overhead: float = 0.0
) -> float:
    """Mean wall time from one round to the next.

    Rb: both traps are emptied and reloaded after every round. Sr: the ions stay, and recalibrations take their share.

    Args:
        preset: of the link.
        herald_probability: of an accepted pattern, per attempt.
        attempt_time: mean time per attempt with the cooling between bursts, seconds.
        overhead: from the herald to the next attempt, without loading, seconds.
        reload_overhead: what a reload takes beyond the loading itself, seconds.

    Returns:
        Seconds.
    """
    attempting = attempt_time / herald_probability
    if preset.platform == "rb87":
        reloading = attempting * _reloading_per_second(preset, reload_overhead) + _reload_both(preset, reload_overhead)
        return attempting + overhead + reloading
    return (attempting + overhead) / uptime(preset, reload_overhead)


def uptime(preset: Preset, reload_overhead: float = 0.0) -> float:
    """Share of the time in which both ions are there and calibrated (Sr).

    Every ``link.recalibration_interval`` the link recalibrates. Of the interval itself a share goes into reloads, also of ions lost
    during the recalibration.

    Args:
        preset: of the link.
        reload_overhead: what a reload takes beyond the loading itself, seconds.
    """
    reloading = _reloading_per_second(preset, reload_overhead)
    interval, duration = preset["link.recalibration_interval"], preset["link.recalibration_time"]
    return max(0.0, interval - reloading * duration) / ((1 + reloading) * (interval + duration))


def _reloading_per_second(preset: Preset, reload_overhead: float) -> float:
    """Mean reload time that a second with both particles in place costs: the sum over both of rate of loss x time until both are back."""
    return sum(time / preset[f"node.{side}.trap_lifetime"] for side, time in zip(_SIDES, _reload_one(preset, reload_overhead), strict=True))


def _reload_one(preset: Preset, reload_overhead: float) -> tuple[float, float]:
    """Mean time until both particles are in place after (Alice's, Bob's) was lost.

    The one that waits is lost with probability 1 - <exp(-load/lifetime)>, and then the roles are swapped: two linear equations.
    """
    mean, lost = [], []
    for side, other in (_SIDES, _SIDES[::-1]):
        load, shape = preset[f"node.{side}.load_mean"], preset[f"node.{side}.load_shape"]
        lifetime = preset[f"node.{other}.trap_lifetime"]
        mean.append(load + reload_overhead)
        lost.append(1 - (1 + load / (shape * lifetime)) ** -shape * np.exp(-reload_overhead / lifetime))
    alice, bob = np.linalg.solve([[1, -lost[0]], [-lost[1], 1]], mean)
    return float(alice), float(bob)


def _reload_both(preset: Preset, reload_overhead: float) -> float:
    """Mean time until both particles are in place, beginning with two empty traps."""
    (times_a, weight_a), (times_b, weight_b) = (_load_times(preset, side) for side in _SIDES)
    weight = np.outer(weight_a, weight_b)
    alice_waits = np.subtract.outer(times_a, times_b)  # negative: Alice was first
    lost_a = 1 - np.exp(np.minimum(alice_waits, 0) / preset["node.alice.trap_lifetime"])
    lost_b = 1 - np.exp(-np.maximum(alice_waits, 0) / preset["node.bob.trap_lifetime"])
    again_a, again_b = _reload_one(preset, reload_overhead)
    both = np.maximum.outer(times_a, times_b) + lost_a * again_a + lost_b * again_b
    return float((weight * both).sum()) + reload_overhead


def _load_times(preset: Preset, side: str) -> tuple[Vector, Vector]:
    """The Gamma distribution of one node's load time as midpoints of a grid and their weights."""
    mean, shape = preset[f"node.{side}.load_mean"], preset[f"node.{side}.load_shape"]
    longest = mean * (1 + 12 / shape**0.5 + 12 / shape)
    times = (np.arange(_GRID) + 0.5) * (longest / _GRID)
    weight = times ** (shape - 1) * np.exp(-times * shape / mean)
    return times, weight / weight.sum()
