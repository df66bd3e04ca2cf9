"""What a report holds: plain data, made by :mod:`.report_data` and shown by the other modules of the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..protocol.analysis import BellAnalysis
from ..protocol.bell import BellGame
from ..protocol.estimate import Estimate
from ..protocol.records import Flag
from ..protocol.windows import MovingWindows
from .preset_comparison import PresetComparison

LOCAL_BOUND = 2.0
"""Largest S of local realism."""


@dataclass(frozen=True)
class PublicFacts:
    """What anybody may know of a run.

    Attributes:
        run_id: name of the run.
        link: name of the link.
        game: name of its Bell game.
        purpose: ``characterise`` or ``key``.
        hardware: ``twin``, ``wire`` or ``real``.
        preset: physics of the simulation; None on real hardware.
        config_digest: of the files that describe the link.
        noted: what the run noted at its start: date, versions.
        rounds: accepted heralds.
        goal: rounds that were asked for.
        finished: the run reached its goal and its logs were closed.
        resumed: how many times it was interrupted and went on.
        vetoes: heralds that were not accepted.
        duration_s: experiment time of the last herald, s.
        burned: the parties' rounds were looked at together, so no key may be made from them.
    """

    run_id: str
    link: str
    game: str
    purpose: str
    hardware: str
    preset: str | None
    config_digest: str
    noted: Mapping[str, str | int | float]
    rounds: int
    goal: int
    finished: bool
    resumed: int
    vetoes: int
    duration_s: float
    burned: bool

    @property
    def time_name(self) -> str:
        """What to call the time that :attr:`duration_s` counts."""
        return "experiment time" if self.hardware == "real" else "simulated time"

    @property
    def rounds_per_hour(self) -> float | None:
        """Accepted heralds an hour of the experiment's time; None before the first."""
        return 3600 * self.rounds / self.duration_s if self.duration_s > 0 else None


@dataclass(frozen=True)
class PatternResult:
    """The heralds of one click pattern.

    Attributes:
        clicks: the detectors, e.g. ``ch cv``.
        state: Bell state that it stands for, or ``not configured``.
        heralds: how many were accepted.
        s: S of these rounds; None in a key run, or where it cannot be told.
        qber: over all key pairs; None as above.
        preset_s: S of the preset behind this pattern; None without one, or in a key run.
        preset_qber: mean error rate of the preset's key pairs; None as above.
    """

    clicks: str
    state: str
    heralds: int
    s: Estimate | None = None
    qber: Estimate | None = None
    preset_s: float | None = None
    preset_qber: float | None = None


@dataclass(frozen=True)
class FlagCount:
    """How many of a party's records carry a flag."""

    party: str
    flag: Flag
    rounds: int


@dataclass(frozen=True)
class AlarmLine:
    """An alarm of a monitor, as the run noted it.

    Attributes:
        node: whose monitor.
        monitor: its name.
        at_s: when it was raised, s of the experiment's time.
        text: what it says.
    """

    node: str
    monitor: str
    at_s: float
    text: str


@dataclass(frozen=True, eq=False)
class Staircase:
    """When the Bell pairs came, thinned out; both arrays have the shape (points,).

    Attributes:
        bell_pair: number of the pair, from 1.
        hours: time of its herald since the start of the run, hours.
    """

    bell_pair: npt.NDArray[np.int64] = field(repr=False)
    hours: npt.NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Course:
    """S and Q along a run.

    Attributes:
        window: rounds in a window; less than configured where the run is shorter than two windows.
        configured: rounds in a window, by the link file.
        windows: thinned out.
    """

    window: int
    configured: int
    windows: MovingWindows = field(repr=False)


@dataclass(frozen=True, eq=False)
class JointResults:
    """What both parties' outcomes say together.

    Attributes:
        game: the Bell game.
        analysis: all statistics of the counts.
        angles: readout angles of (Alice, Bob) by setting, radians; None for a table of counts.
        flags: every flag that occurred; empty for a table of counts.
        flagged_rounds: rounds with a flag at one party at least.
        course: S and Q along the run; None for a table of counts.
        preset: the preset's numbers beside the run's; None without a simulation.
    """

    game: BellGame
    analysis: BellAnalysis
    angles: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    flags: tuple[FlagCount, ...] = ()
    flagged_rounds: int = 0
    course: Course | None = None
    preset: PresetComparison | None = None


@dataclass(frozen=True, eq=False)
class RunReport:
    """The report of a run, or of a table of counts.

    Attributes:
        source: the run's folder, or the file with the counts.
        public: public facts; None for a table of counts.
        patterns: heralds by click pattern.
        staircase: when they came; None for a table of counts.
        joint: None in a key run.
        alarms: of the monitors, oldest first; in a key run only those of the heralding station.
    """

    source: str
    public: PublicFacts | None
    patterns: tuple[PatternResult, ...]
    staircase: Staircase | None
    joint: JointResults | None
    alarms: tuple[AlarmLine, ...] = ()
