"""What the tags of a run of attempts say: were any lost, did every reference edge come when it was due, do they show the herald."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...instruments import TagBlock
from ...sequences.herald_reference import search_whole
from ...sequences.herald_rule import HeraldRule
from ...sequences.program import PS_PER_S, AttemptLoop
from .alarm import Alarm


class TagRule(NamedTuple):
    """What the tags of attempts must look like.

    Attributes:
        herald: which clicks are a herald.
        attempt_ps: from one reference edge to the next in a burst.
        pause_ps: from the last one of a burst to the first one of the next.
        tolerance_ps: by which an edge may come early or late.
    """

    herald: HeraldRule
    attempt_ps: int
    pause_ps: int
    tolerance_ps: int

    @classmethod
    def of_loop(cls, herald: HeraldRule, loop: AttemptLoop, tolerance_ps: int) -> TagRule:
        """That of an attempt loop."""
        return cls(herald, loop.attempt_ps, loop.attempt_ps + loop.gap_ps, tolerance_ps)


class TagFindings(NamedTuple):
    """What was found in the tags of one run of attempts. Clicks outside the gates of attempts are not in it.

    Attributes:
        losses: intervals in which tags may be missing.
        lost_ps: how long they are together.
        odd_ps: the first distance of two reference edges that cannot be, ps; None where there is none.
        patterns: click patterns that herald, in order of time.
    """

    losses: int = 0
    lost_ps: int = 0
    odd_ps: int | None = None
    patterns: tuple[int, ...] = ()


def look_at_tags(block: TagBlock, rule: TagRule) -> TagFindings:
    """Look through the tags of one run of attempts, all of them.

    The run has ended when its last gate had closed, so the cycle in hand at the end is whole.
    """
    times, channels, losses = block
    lost_ps = _length_ps(losses)
    if not len(times):
        return TagFindings(len(losses), lost_ps)
    heralds, _ = search_whole(rule.herald, times, channels, losses, int(times[-1]) + rule.herald.end_ps + 1)
    odd_ps = _odd_distance(times[channels == rule.herald.reference], rule, losses)
    return TagFindings(len(losses), lost_ps, odd_ps, tuple(heralds["pattern"].tolist()))


def _length_ps(losses: tuple[tuple[int, int], ...]) -> int:
    """How long intervals are together; those that overlap count once."""
    total_ps, until_ps = 0, None
    for start_ps, end_ps in sorted(losses):
        begin_ps = start_ps if until_ps is None else max(start_ps, until_ps)
        total_ps += max(0, end_ps - begin_ps)
        until_ps = end_ps if until_ps is None else max(end_ps, until_ps)
    return total_ps


def _odd_distance(references: NDArray[np.int64], rule: TagRule, losses: tuple[tuple[int, int], ...]) -> int | None:
    """The first distance that is neither one of neighbours in a burst nor a pause, where no loss explains it."""
    distances = np.diff(references)
    sound = np.any([np.abs(distances - due_ps) <= rule.tolerance_ps for due_ps in (rule.attempt_ps, rule.pause_ps)], axis=0)
    for place in np.flatnonzero(~sound).tolist():
        if not any(start_ps <= references[place + 1] and end_ps >= references[place] for start_ps, end_ps in losses):
            return int(distances[place])
    return None


class TimeTags:
    """Tells at once what a sound tagger never shows; while it goes on, again once in a while.

    Args:
        node: whose tagger it is.
        every: s between two alarms of the same kind, at least.
    """

    def __init__(self, node: str, every: float) -> None:
        self._node = node
        self._every = every
        self._told_s: dict[str, float] = {}
        self._losses = 0
        self._lost_s = self._attempted_s = 0.0

    def found(self, at_s: float, length_s: float, findings: TagFindings, rule: TagRule, pattern: int | None) -> list[Alarm]:
        """A run of attempts is over.

        Args:
            at_s: when, s.
            length_s: how long it was, s.
            findings: in its tags.
            rule: of the tags.
            pattern: with which the sequencer says it heralded; None where it did not.
        """
        alarms = []
        if findings.losses or self._losses:
            alarms += self._lost(at_s, length_s, findings)
        problem = odd_reference(findings, rule) or unlike(findings, pattern)
        if problem and self._is_due("reference edges", at_s):
            alarms.append(Alarm("reference edges", self._node, at_s, at_s - length_s, problem))
        return alarms

    def _lost(self, at_s: float, length_s: float, findings: TagFindings) -> list[Alarm]:
        """Add up what is lost until it is told; the share is one of the attempts from the first loss on."""
        self._losses += findings.losses
        self._lost_s += findings.lost_ps / PS_PER_S
        self._attempted_s += length_s
        if not self._is_due("tags lost", at_s):
            return []
        share = 100 * min(1.0, self._lost_s / max(self._attempted_s, 1e-12))
        text = f"the tagger overflowed: {self._losses} times, {self._lost_s:.4g} s, {share:.3g} % of {self._attempted_s:.4g} s of attempts"
        since_s = at_s - self._attempted_s
        self._losses, self._lost_s, self._attempted_s = 0, 0.0, 0.0
        return [Alarm("tags lost", self._node, at_s, since_s, text)]

    def _is_due(self, monitor: str, at_s: float) -> bool:
        if monitor in self._told_s and at_s - self._told_s[monitor] < self._every:
            return False
        self._told_s[monitor] = at_s
        return True


def odd_reference(findings: TagFindings, rule: TagRule) -> str:
    """Which reference edge did not come when it was due, in words; empty if none."""
    if findings.odd_ps is None:
        return ""
    return f"a reference edge is missing or late: two are {findings.odd_ps / 1e6:.6g} us apart, attempts {rule.attempt_ps / 1e6:.6g} us"


def unlike(findings: TagFindings, pattern: int | None) -> str:
    """What the sequencer heralded and the tags do not show, or the other way round, in words; empty where they agree or tags were lost."""
    expected = () if pattern is None else (pattern,)
    if findings.losses or findings.patterns == expected:
        return ""
    names = [f"{', '.join(f'{each:#06b}' for each in patterns) or 'none'}" for patterns in (expected, findings.patterns)]
    return f"the sequencer heralds {names[0]}, the tags {names[1]}: a reference edge is missing or late, or a gate is another one"
