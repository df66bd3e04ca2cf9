"""The heralding station's time tagger while it attempts: one acquisition a run of attempts, and what it shows.

The detectors of a Bell-state measurement may also read a particle out, and their tags are that party's outcome then. So the tagger takes
tags while the sequencer attempts, and is stopped before anybody hears how the attempts ended: no tag of a readout ever reaches it, and no
loss that a readout caused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..clock import PS_PER_S, Clock
from ..instruments import ExitReason, HeraldResult, TimeTagger
from .monitors.time_tags import TagFindings, TagRule, look_at_tags


class RunTags(NamedTuple):
    """The tags of one run of attempts.

    Attributes:
        findings: in them.
        rule: by which.
        length_s: of the run, s.
        pattern: with which the sequencer heralded; None where it did not.
    """

    findings: TagFindings
    rule: TagRule
    length_s: float
    pattern: int | None


class Tagging:
    """Takes tags of runs of attempts.

    Args:
        tagger: behind the detectors.
        clock: the node's clock.
        rule: what the tags must look like.
        witness: whether a herald counts only where the tags show it, too.
    """

    def __init__(self, tagger: TimeTagger, clock: Clock, rule: TagRule, *, witness: bool) -> None:
        self._tagger = tagger
        self._clock = clock
        self._rule = rule
        self._witness = witness
        herald = rule.herald
        self._channels = (herald.reference, *(detector.channel for detector in herald.detectors))

    def run(self, attempt: Callable[[], HeraldResult]) -> tuple[HeraldResult, RunTags]:
        """Attempt, and look at the tags.

        Raises:
            DeviceError: the tagger does not start, stop or answer; or whatever the attempts raise.
        """
        start_ps = self._clock.now_ps()
        self._tagger.start(self._channels)
        try:
            result = attempt()
        finally:
            self._tagger.stop()
        findings = look_at_tags(self._tagger.read(), self._rule)
        pattern = result.pattern if result.reason in (ExitReason.HERALD, ExitReason.VETOED) else None
        return result, RunTags(findings, self._rule, (self._clock.now_ps() - start_ps) / PS_PER_S, pattern)

    def objection(self, tags: RunTags) -> str:
        """Why the tags do not let the herald of this run count, in words; empty if they do. It ended the run, so it is the last one."""
        if not self._witness or tags.findings.patterns[-1:] == (tags.pattern,):
            return ""
        lost = tags.findings.losses
        return f"{self._tagger.name}: {'tags were lost, and none show' if lost else 'the tags do not show'} the herald"
