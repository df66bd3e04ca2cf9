"""How long each fault of Munich's table may take to be shown by the monitor that is meant to show it: from the physics and the counts.

Statistical monitors: the delays of :mod:`eventready.stations.monitors.delay`, which hold 3 sigma of the counts, at the rates that the
closed form gives before and after the fault; rounds come at random, so 3 sigma of their number is added where a monitor waits for rounds,
and two intervals between looks (the one in which the fault strikes is half calm). Everything else: the 3 sigma quantile of the waiting time
for what makes it show, as said at each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from scipy.stats import gamma, poisson

from eventready.instruments.health import repetition_cutoff
from eventready.protocol.bell import GAMES
from eventready.stations.assembly import programs
from eventready.stations.config import LinkConfig
from eventready.stations.monitors.alarm import ALPHA
from eventready.stations.monitors.delay import known_share_found_after, rate_found_after, share_found_after
from eventready.stations.monitors.free_pairs import BOUNDS
from eventready.stations.monitors.interference import CROSSED, SAME
from eventready.stations.monitors.models import KnownShare
from eventready.stations.monitors.particle import CALIBRATED_WITH
from eventready.stations.monitors.polarimetry import FibreReading, least_turn, turn
from eventready.stations.watch import look_rounds
from eventready.twin.physics import LinkParameters, expected, mean_round_time
from eventready.twin.physics.bsm import herald_distribution
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS, Expectation
from eventready.twin.physics.preset import Preset
from eventready.twin.polarimetry import through_fibre
from eventready.twin.tallies import off_gate_of

THREE_SIGMA = 0.00135
"""One-sided."""
DELAYS = (21e-6, 24.4e-6)
"""From the herald to the readouts, s, as the run's records have it."""
ROUND_OVERHEAD, RELOAD_OVERHEAD = 0.03, 0.05
"""Shutter and fluorescence of a round; the rest of a burst, half a poll and the cooling that a reload takes beside the loading, s."""
ROUNDS_IN_A_GROUP = 10
"""More than are played in the 10 ms of real time between two commits of a simulated run."""
MEASUREMENT = 60.0
"""More than the scheduled measurements of one time take together, loading included, s."""


@dataclass(frozen=True)
class State:
    """The link before a fault, or under one.

    Args:
        config: of the link.
        preset: of the physics, trap lifetimes included.
        parameters: of the light.
        dark_rate: of each detector, 1/s.
    """

    config: LinkConfig
    preset: Preset
    parameters: LinkParameters
    dark_rate: float

    @cached_property
    def expected(self) -> Expectation:
        """Correlators and outcomes."""
        return expected(self.parameters, *MUNICH_ANALYSES, MUNICH_PATTERNS, GAMES["munich"], DELAYS)

    @cached_property
    def patterns(self) -> list[float]:
        """Probability of each click pattern in an attempt."""
        return [float(p) for p in herald_distribution(self.parameters).probability]

    @property
    def attempt_time(self) -> float:
        """Mean time of an attempt while attempting, s."""
        return self.config.link.timings.mean_attempt

    @cached_property
    def round_time(self) -> float:
        """Mean time from one round to the next, s."""
        return mean_round_time(self.preset, self.expected.probability, self.attempt_time, ROUND_OVERHEAD, RELOAD_OVERHEAD)

    @property
    def attempts_a_second(self) -> float:
        """Of the experiment's time, loading included."""
        return 1 / (self.expected.probability * self.round_time)

    def share(self, patterns: tuple[int, ...]) -> float:
        """Probability of any of these patterns in an attempt."""
        return sum(self.patterns[k] for k in patterns)

    def clicks(self, detectors: int = 15) -> float:
        """Mean number of gated clicks of these detectors (bits) in an attempt."""
        return sum(p * (k & detectors).bit_count() for k, p in enumerate(self.patterns))

    def bright(self, side: int) -> float:
        """Mean share of bright outcomes of Alice (0) or Bob (1)."""
        return float(self.expected.joint.sum(axis=3 - side).mean(axis=(0, 1))[1])

    def alone(self, side: int) -> State:
        """With the light of Alice (0) or Bob (1) alone."""
        other = ("bob", "alice")[side]
        dark = replace(getattr(self.parameters, other), excitation=0.0)
        return replace(self, parameters=replace(self.parameters, **{other: dark}))

    def counts(self, side: int) -> float:
        """Mean counts of a bright particle of Alice or Bob."""
        return (self.parameters.alice, self.parameters.bob)[side].bright_counts


@dataclass(frozen=True)
class Case:
    """A fault that strikes after some calm.

    Args:
        calm: before.
        fault: after.
        calm_s: for how long it was calm, s.
        side: whose fault it is, 0 Alice's, 1 Bob's.
        chance: that a message on the faulty line is hit.
    """

    calm: State
    fault: State
    calm_s: float
    side: int = 0
    chance: float = 1.0

    @property
    def interval(self) -> float:
        """Between two looks of the heralding station, s."""
        return self.calm.config.link.monitors.interval

    @property
    def looks(self) -> int:
        """Of the heralding station in the calm."""
        return max(1, int(self.calm_s / self.interval))

    @property
    def rounds(self) -> float:
        """In the calm."""
        return self.calm_s / self.calm.round_time

    @property
    def together(self) -> int:
        """Rounds that a party looks at together."""
        return look_rounds(self.calm.config.link.report.block)

    def of_attempts(self, attempts: float) -> float:
        """Seconds until so many attempts have been made under the fault and looked at."""
        return attempts / self.fault.attempts_a_second + 2 * self.interval

    def of_looks(self, looks: int, interval: float) -> float:
        """Seconds until so many scheduled measurements have been made; each waits for a run of attempts to end."""
        return looks * (interval + end_of_attempts(self)) + MEASUREMENT

    def of_rounds(self, rounds: float) -> float:
        """Seconds until so many rounds have come under the fault and been looked at, 3 sigma of their number late."""
        rounds += 2 * self.together
        return (rounds + 3 * math.sqrt(rounds)) * self.fault.round_time


def singles(case: Case) -> float:
    """Clicks an attempt."""
    known = case.calm_s * case.calm.attempts_a_second
    return case.of_attempts(rate_found_after(case.calm.clicks(), case.fault.clicks(), known=known, alpha=ALPHA, moments=case.looks))


def off_gate(case: Case) -> float:
    """Clicks of four detectors in the off-gate window."""
    loop = programs(case.calm.config)["bsm"].loop
    window = off_gate_of(loop, case.calm.preset["link.photon_lifetime"]).length_ps * 1e-12
    rates = (4 * state.dark_rate * window for state in (case.calm, case.fault))
    known = case.calm_s * case.calm.attempts_a_second
    return case.of_attempts(rate_found_after(*rates, known=known, alpha=ALPHA, moments=case.looks))


def deaf(case: Case) -> float:
    """A quarter of the clicks has gone; the other three detectors count on."""
    known = case.calm_s * case.calm.attempts_a_second * case.calm.clicks()
    clicks = share_found_after(0.25, 0.0, known=known, alpha=ALPHA, moments=case.looks)
    return case.of_attempts(clicks / (0.75 * case.calm.clicks()))


def interference(case: Case) -> float:
    """Pairs of equal polarisation; the test looks when ten pairs have come."""
    before, after = (state.share(SAME + CROSSED) for state in (case.calm, case.fault))
    known = case.calm_s * case.calm.attempts_a_second * before
    pairs = known_share_found_after(
        KnownShare(0.0, case.calm.config.link.monitors.same_polarisation),
        case.fault.share(SAME) / after,
        calm=case.calm.share(SAME) / before,
        known=known,
        alpha=ALPHA,
        moments=min(case.looks, int(known / 10)),
    )
    return case.of_attempts((pairs + 20) / after)


def outcome_bias(case: Case) -> float:
    """Bright outcomes of the party."""
    within = case.calm.config.link.monitors.outcome_bias
    before, after = case.calm.bright(case.side), case.fault.bright(case.side)
    bounds = KnownShare(0.5 - within, 0.5 + within)
    moments = max(1, int(case.rounds / case.together))
    return case.of_rounds(known_share_found_after(bounds, after, calm=before, known=case.rounds, alpha=ALPHA, moments=moments))


def bright_counts(case: Case) -> float:
    """Bright readouts below the median of the first 50."""
    part = case.calm.bright(case.side)
    median = poisson.median(case.calm.counts(case.side))
    before, after = (float(poisson.cdf(median - 1, state.counts(case.side))) for state in (case.calm, case.fault))
    known = case.rounds * part - CALIBRATED_WITH
    return case.of_rounds(share_found_after(before, after, known=known, alpha=ALPHA, moments=int(case.rounds / case.together)) / part)


def free_pairs(case: Case) -> float:
    """A quarter of the rounds; 1/2 + (E(0,1) - E(1,0)) / 4."""
    before, after = (0.5 + float(e[0, 1] - e[1, 0]) / 4 for e in (case.calm.expected.correlators, case.fault.expected.correlators))
    moments = max(1, int(case.rounds / case.together))
    rounds = known_share_found_after(KnownShare(*BOUNDS), after, calm=before, known=case.rounds / 4, alpha=ALPHA, moments=moments)
    return case.of_rounds(4 * rounds + 3 * math.sqrt(12 * rounds))  # and 3 sigma of how many of them are of these pairs


def losses(case: Case) -> float:
    """Particles lost an attempt: 1/lifetime of both traps while an attempt lasts."""
    rates = (
        state.attempt_time * sum(1 / state.preset[f"node.{node}.trap_lifetime"] for node in ("alice", "bob"))
        for state in (case.calm, case.fault)
    )
    known = case.calm_s * case.calm.attempts_a_second
    return case.of_attempts(rate_found_after(*rates, known=known, alpha=ALPHA, moments=case.looks))


def node_singles(case: Case) -> float:
    """Clicks an attempt of the faulty node's light alone, in the attempts that are made for it."""
    monitors = case.calm.config.link.monitors
    rates = [state.alone(case.side).clicks() for state in (case.calm, case.fault)]
    looks = max(1, int(case.calm_s / monitors.node_singles_interval))
    exposure = rate_found_after(*rates, known=looks * monitors.node_singles_attempts, alpha=ALPHA, moments=looks)
    return case.of_looks(math.ceil(exposure / monitors.node_singles_attempts), monitors.node_singles_interval)


def polarimetry(case: Case) -> float:
    """Of the rotation and retardance of the faulty node's fibre: the next look, where the turn is large enough for it."""
    monitors = case.calm.config.link.monitors
    node = (case.fault.parameters.alice, case.fault.parameters.bob)[case.side]
    ends = (through_fibre(node, azimuth, 1.0) for azimuth in (0.0, math.pi / 4))
    turned = turn(FibreReading((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), FibreReading(*(tuple(light[:3]) for light in ends)))
    looks = int(case.calm_s / monitors.polarimetry_interval) + 1
    found = math.hypot(*turned) >= least_turn(monitors.polarimetry_accuracy, ALPHA, looks)
    return case.of_looks(1, monitors.polarimetry_interval) if found else math.inf


def end_of_attempts(case: Case) -> float:
    """What shows when a run of attempts ends: the limit of attempts at the latest, then a reload, and the interval between two checks."""
    timings, preset = case.calm.config.link.timings, case.calm.preset
    reload_s = max(
        float(gamma.isf(THREE_SIGMA, preset[f"node.{node}.load_shape"]))
        * preset[f"node.{node}.load_mean"]
        / preset[f"node.{node}.load_shape"]
        for node in ("alice", "bob")
    )
    return timings.attempt_limit * case.calm.attempt_time + reload_s + RELOAD_OVERHEAD + timings.check_interval


def next_round(case: Case) -> float:
    """What shows in the next round: its waiting time is exponential."""
    return -math.log(THREE_SIGMA) * case.calm.round_time


def next_herald_of_the_other_arm(case: Case) -> float:
    """The same where only one of two patterns is left."""
    return 2 * next_round(case)


def repeated_bits(case: Case) -> float:
    """SP 800-90B's repetition count at one bit a round and a chance of 2^-40: a Gamma-distributed time."""
    bits = case.calm.config.link.random.bob.setting_bits
    rounds = math.ceil(repetition_cutoff(1.0, 2.0**-40) / bits)
    return float(gamma.isf(THREE_SIGMA, rounds)) * case.calm.round_time


def altered_herald(case: Case) -> float:
    """One announcement a round is hit with ``chance``; it is seen with the next word that the public log is on disk."""
    rounds = math.ceil(math.log(THREE_SIGMA) / math.log1p(-case.chance)) + ROUNDS_IN_A_GROUP
    return float(gamma.isf(THREE_SIGMA, rounds)) * case.calm.round_time


def lost_message(case: Case) -> float:
    """After each run of attempts two messages are due on the line (look for your atom; ready); the silence that follows is waited out."""
    timings = case.calm.config.link.timings
    messages = math.ceil(math.log(THREE_SIGMA) / math.log1p(-case.chance))
    return messages / 2 * end_of_attempts(case) + timings.patience + timings.load_timeout


DELAY: dict[str, Callable[[Case], float]] = {
    "singles": singles,
    "off-gate counts": off_gate,
    "detector balance": deaf,
    "interference": interference,
    "outcome bias": outcome_bias,
    "bright counts": bright_counts,
    "node singles": node_singles,
    "particle losses": losses,
    "polarimetry": polarimetry,
    "polarisation or field": free_pairs,
    "sequencer counters": end_of_attempts,
    "alice suspended": end_of_attempts,
    "bsm suspended": next_herald_of_the_other_arm,
    "bob reading": next_round,
    "the run ends: bob_qrng": repeated_bits,
    "the run ends: bob: the heralds": altered_herald,
    "the run ends": lost_message,
    "line bob suspended": end_of_attempts,
    "tags lost": end_of_attempts,
    "reference edges": next_round,
}
"""By the monitor, or by the first words of the event, that is to show it: seconds."""
