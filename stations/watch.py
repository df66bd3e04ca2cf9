"""Who feeds which monitor with what, and where their alarms go.

The heralding station's monitors see its sequencer's counters. A party's see its own log, and tell nobody but its own ``events.jsonl``; in
a characterise run, where both parties' outcomes are compared anyhow, they are shown as well. One monitor sees both parties' outcomes, and
is there in characterise runs only. No alarm stops a run or goes from node to node: that would be a message that hangs on outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..instruments import HeraldTally
from ..protocol.bell import GAMES, BellGame
from ..protocol.join import JoinedRounds
from ..protocol.records import RECORD_DTYPE
from ..protocol.round_log import LogTail
from ..protocol.run_folder import RunFolder
from .assembly import pattern_states
from .config import LinkConfig
from .events import EventLog
from .monitors.alarm import Alarm
from .monitors.detectors import detector_balance, off_gate_counts
from .monitors.free_pairs import free_pairs
from .monitors.interference import interference, pattern_balance
from .monitors.light import ClickCounts, heralds, node_singles, singles
from .monitors.losses import LossCounts, is_a_loss, particle_losses
from .monitors.particle import bright_counts, histogram_valley, outcome_bias, readouts
from .monitors.polarimetry import FibreReading, FibreTurn
from .monitors.readout_time import ReadoutTime
from .monitors.sequencer_counters import SequencerCounters
from .monitors.statistic import Group
from .monitors.time_tags import TimeTags
from .slots import PARTIES
from .tagging import RunTags

_AT_LEAST, _BLOCKS = 25, 4
"""Rounds that are looked at together: a quarter of a block, and no fewer than 25."""


def look_rounds(block: int) -> int:
    """How many rounds a party's monitors look at together.

    Args:
        block: of the link file's report.
    """
    return max(_AT_LEAST, block // _BLOCKS)


class AlarmBook:
    """Where alarms of a run go: the node's ``events.jsonl``, and what may be shown to people.

    Args:
        events: by folder of the run: ``alice``, ``bob``, ``public``.

    Attributes:
        shown: alarms that anybody may see, in the order in which they came.
    """

    def __init__(self, events: Mapping[str, EventLog]) -> None:
        self._events = events
        self.shown: list[Alarm] = []

    def note(self, folder: str, alarms: Iterable[Alarm], *, show: bool = True) -> None:
        """Write alarms down.

        Args:
            folder: of the run, that they belong to.
            alarms: may be none.
            show: whether anybody may see them.
        """
        for alarm in alarms:
            self._events[folder].alarm(alarm)
            if show:
                self.shown.append(alarm)


class HeraldWatch:
    """Monitors of the heralding station. It sees what is public: counts of attempts, no readout.

    Args:
        config: of the link.
        book: for the alarms.

    Attributes:
        interval: s between two looks.
    """

    def __init__(self, config: LinkConfig, book: AlarmBook) -> None:
        accepted = tuple(sorted(pattern_states(config)))
        statistics = [
            singles(),
            heralds(accepted),
            detector_balance(),
            off_gate_counts(),
            interference(config.link.monitors.same_polarisation),
        ]
        if len(accepted) > 1:
            statistics.append(pattern_balance(accepted))
        timings = config.link.timings
        self.interval = config.link.monitors.interval
        self._group = Group("bsm", statistics)
        self._losses = Group("bsm", [particle_losses(timings.mean_attempt)])
        self._node_singles = {name: Group(name, [node_singles(name)]) for name in PARTIES}
        self._fibres = {name: FibreTurn(name, config.link.monitors.polarimetry_accuracy) for name in PARTIES}
        self._attempts_per_burst = timings.attempts_per_burst
        self._lost = 0
        self._counters = SequencerCounters("bsm", self.interval)
        self._tags = TimeTags("bsm", self.interval)
        self._book = book

    def look(self, at_s: float, tally: HeraldTally) -> None:
        """Take what was counted until ``at_s``."""
        lost, self._lost = self._lost, 0
        self._book.note("public", [*self._group.feed(at_s, tally), *self._losses.feed(at_s, LossCounts(lost, tally.attempts))])

    def node_singles(self, at_s: float, counts: Mapping[str, ClickCounts]) -> None:
        """Take the clicks of each node's light alone, by node."""
        for name, counted in counts.items():
            self._book.note("public", self._node_singles[name].feed(at_s, counted))

    def fibre(self, at_s: float, name: str, reading: FibreReading | str) -> None:
        """Take a reading of a node's fibre, or why there is none."""
        watched = self._fibres[name]
        self._book.note("public", watched.unread(at_s, reading) if isinstance(reading, str) else watched.feed(at_s, reading))

    def particle_missed(self, attempts: int) -> None:
        """A presence check failed after so many attempts."""
        self._lost += is_a_loss(attempts, self._attempts_per_burst)

    def counters_disagreed(self, at_s: float, what: str) -> None:
        """The sequencer's counters, or a herald with them."""
        self._book.note("public", self._counters.disagreed(at_s, what))

    def tagged(self, at_s: float, tags: RunTags) -> None:
        """What the tags of a run of attempts show."""
        self._book.note("public", self._tags.found(at_s, tags.length_s, tags.findings, tags.rule, tags.pattern))


class PartyWatch:
    """Monitors of one party. It reads this party's own log only.

    Args:
        config: of the link.
        name: ``alice`` or ``bob``.
        log: of that party, as it is written.
        book: for the alarms.
        secret: a key run: what is told stays with the party, and says no number that hangs on an outcome.
        first: first round of this segment of the run. Earlier ones are what a change is compared with; their alarms have been noted.
    """

    def __init__(self, config: LinkConfig, name: str, log: LogTail, book: AlarmBook, *, secret: bool, first: int = 0) -> None:
        threshold = getattr(config.link.thresholds, name)
        within = config.link.monitors.readout_within
        self._name = name
        self._log = log
        self._book = book
        self._secret = secret
        self._first = first
        self._together = look_rounds(config.link.report.block)
        self._group = Group(name, [outcome_bias(config.link.monitors.outcome_bias), histogram_valley(threshold), bright_counts(threshold)])
        self._time = ReadoutTime(name, within) if within is not None else None
        self._waiting = np.zeros(0, RECORD_DTYPE)

    def refresh(self) -> None:
        """Read what is new and look at it."""
        records = np.concatenate([self._waiting, self._log.read_new()])
        whole = len(records) - len(records) % self._together
        for start in range(0, whole, self._together):
            self._look(records[start : start + self._together])
        self._waiting = records[whole:]

    def _look(self, records: np.ndarray) -> None:
        at_s = float(records["herald_ps"][-1]) * 1e-12
        found = self._group.feed(at_s, readouts(records))
        late = [] if self._time is None else self._time.feed(at_s, records)
        if int(records["index"][-1]) >= self._first:
            told = [alarm.withheld() for alarm in found] if self._secret else found
            self._book.note(self._name, [*told, *late], show=not self._secret)


class JointWatch:
    """The monitor that needs both parties' outcomes. Characterise runs only.

    Args:
        game: of the link.
        together: rounds that are looked at together.
        book: for the alarms.
        first: as for a party.
    """

    def __init__(self, game: BellGame, together: int, book: AlarmBook, *, first: int = 0) -> None:
        found = free_pairs(game)
        self._group = Group("link", [found]) if found is not None else None
        self._together = together
        self._book = book
        self._first = first
        self._fed = 0
        self._waiting = np.zeros((4, 0), np.uint8)
        self._times = np.zeros(0, np.int64)

    def feed(self, rounds: JoinedRounds) -> None:
        """Take rounds as they are joined."""
        if self._group is None:
            return
        columns = np.stack([rounds.alice_setting, rounds.bob_setting, rounds.alice_outcome, rounds.bob_outcome])
        self._waiting = np.concatenate([self._waiting, columns], axis=1)
        self._times = np.concatenate([self._times, rounds.alice_herald_ps])
        whole = len(self._times) - len(self._times) % self._together
        for start in range(0, whole, self._together):
            stop = start + self._together
            found = self._group.feed(float(self._times[stop - 1]) * 1e-12, self._waiting[:, start:stop])
            self._fed += self._together
            self._book.note("public", found if self._fed > self._first else ())
        self._waiting, self._times = self._waiting[:, whole:], self._times[whole:]


@dataclass(frozen=True)
class RunWatch:
    """All monitors of a run.

    Args:
        book: where their alarms are.
        heralds: of the heralding station.
        parties: each party's own.
        joint: of both; None in a key run.
    """

    book: AlarmBook
    heralds: HeraldWatch
    parties: tuple[PartyWatch, ...]
    joint: JointWatch | None


def watch_run(config: LinkConfig, folder: RunFolder, events: Mapping[str, EventLog], *, secret: bool, first: int) -> RunWatch:
    """The monitors of a run whose logs have been begun.

    Args:
        config: of the link.
        folder: of the run.
        events: by folder of the run.
        secret: it is a key run.
        first: first round of this segment.
    """
    book = AlarmBook(events)
    tails = {name: LogTail(folder.log(name), folder.key(name)) for name in PARTIES}
    parties = tuple(PartyWatch(config, name, tail, book, secret=secret, first=first) for name, tail in tails.items())
    joint = None if secret else JointWatch(GAMES[config.link.game], look_rounds(config.link.report.block), book, first=first)
    return RunWatch(book, HeraldWatch(config, book), parties, joint)
