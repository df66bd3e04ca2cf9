"""From the folder of a run, or a table of counts, to everything that its report shows.

A run that characterises a link is joined and analysed. Of a key run only what is public is read: S and Q compare the outcomes of both
parties, and who has seen those can make no key from them.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import LogCorrupt
from ..protocol.analysis import analyse
from ..protocol.bell import GAMES, BellGame, Counts, chsh_s, qber
from ..protocol.counts_csv import read_counts
from ..protocol.join import JoinedRounds, join_run
from ..protocol.log_contents import accepted
from ..protocol.log_reader import LogContents
from ..protocol.records import Flag
from ..protocol.run_folder import RunFolder
from ..protocol.windows import moving_windows
from ..stations.assembly import pattern_states
from ..stations.config import LinkConfig, load_link
from ..stations.slots import DETECTORS, PARTIES
from ..twin.physics import Expectation
from .preset_comparison import compare, expectation
from .report_alarms import read_alarms
from .report_model import Course, FlagCount, JointResults, PatternResult, PublicFacts, RunReport, Staircase

MAX_POINTS = 2000
"""Points of a curve that are kept; a figure is not sharper than that."""
_SHORT_RUN = 5
"""Windows that fit side by side into a run that is shorter than two of the configured ones."""


class Assumed(NamedTuple):
    """What the analysis of a game has to assume about the devices.

    Attributes:
        rng_bias: the most by which the probability of a party's test setting differs from 1/2.
        levels: levels of a party's system, for the fidelity bound.
    """

    rng_bias: float
    levels: int


ASSUMED = {
    "munich": Assumed(rng_bias=1e-5, levels=3),  # Zhang et al., "DIQKD implementation": "a bias lower than 10^-5"; F = 1 has three levels
    "oxford": Assumed(rng_bias=0.0, levels=2),  # Nadlinger et al. print no bias
}
"""By game; Zhang et al., Nature 607, 687 (2022), and Nadlinger et al., Nature 607, 682 (2022)."""


def collect(folder: RunFolder, *, burn: bool = False) -> RunReport:
    """Read a run. A run that characterises its link is joined, which marks it as burned for keys.

    Args:
        folder: of the run, finished or not.
        burn: join a simulated key run all the same, and so give up its key.

    Raises:
        ConfigError: this is no run, its ``link.yaml`` is wrong, or it is a key run on real hardware that was to be joined.
        LogCorrupt: a log is damaged, the two parties' do not hold the same rounds, or ``link.yaml`` is not what was run.
    """
    contents = folder.read_log("public")
    config = load_link(folder.link_yaml)
    if config.digest != contents.header.config_digest:
        raise LogCorrupt(f"{folder.link_yaml}: this is not what was run (the digest differs); restore the file from a copy")
    heralds = contents.records[accepted(contents.records)]
    if contents.header.purpose == "key" and not burn:
        joint, patterns = None, tuple(_patterns(config, heralds["pattern"]))
    else:
        rounds = join_run(folder.path, burn=burn)
        predicted = expectation(config) if contents.header.hardware != "real" else None
        joint = _joint(config, rounds, predicted)
        patterns = tuple(_patterns(config, rounds.pattern, rounds, predicted))
    alarms = read_alarms(folder, ("public",) if joint is None else ("public", *PARTIES))
    return RunReport(
        str(folder.path), _public(folder, contents, config, heralds), patterns, _staircase(heralds["herald_ps"]), joint, alarms
    )


def from_counts(path: str | Path, game: str | None = None) -> RunReport:
    """Analyse a published table of counts; what it cannot tell is in ``joint.analysis.not_computed``.

    Args:
        path: CSV with the columns X, Y, n, n_equal.
        game: name of the Bell game, where the table does not tell.

    Raises:
        ConfigError: the file is not such a table, or fits more than one game.
    """
    counts, played = read_counts(path, GAMES[game] if game is not None else None)
    assumed = ASSUMED[played.name]
    analysis = analyse(counts, played, rng_bias=assumed.rng_bias, levels=assumed.levels)
    return RunReport(str(path), None, (), None, JointResults(played, analysis))


def _public(folder: RunFolder, contents: LogContents, config: LinkConfig, heralds: npt.NDArray[np.void]) -> PublicFacts:
    header = contents.header
    return PublicFacts(
        run_id=header.run_id,
        link=config.link.name,
        game=config.link.game,
        purpose=header.purpose,
        hardware=header.hardware,
        preset=config.link.preset if header.hardware != "real" else None,
        config_digest=config.digest,
        noted={name: value for name, value in header.facts.items() if name not in ("link", "preset", "rounds")},
        rounds=len(heralds),
        goal=int(header.facts.get("rounds", len(heralds))),
        finished=folder.is_finished,
        resumed=len(contents.segments),
        vetoes=len(contents.records) - len(heralds),
        duration_s=float(heralds["herald_ps"][-1]) * 1e-12 if len(heralds) else 0.0,
        burned=folder.is_characterised,
    )


def _joint(config: LinkConfig, rounds: JoinedRounds, predicted: Expectation | None) -> JointResults:
    game, link = GAMES[config.link.game], config.link
    assumed = ASSUMED[game.name]
    analysis = analyse(_counts(rounds, game), game, angles=link.settings.alice, rng_bias=assumed.rng_bias, levels=assumed.levels)
    return JointResults(
        game,
        analysis,
        (link.settings.alice, link.settings.bob),
        tuple(_flags(rounds)),
        int(np.count_nonzero(rounds.alice_flags | rounds.bob_flags)),
        _course(rounds, game, link.report.window),
        compare(config, predicted, analysis) if predicted is not None else None,
    )


def _counts(rounds: JoinedRounds, game: BellGame, only: npt.NDArray[np.bool_] | slice = slice(None)) -> Counts:
    return Counts.from_rounds(
        rounds.alice_setting[only], rounds.bob_setting[only], rounds.alice_outcome[only], rounds.bob_outcome[only], game
    )


def _flags(rounds: JoinedRounds) -> list[FlagCount]:
    columns = dict(zip(PARTIES, (rounds.alice_flags, rounds.bob_flags), strict=True))
    counts = [FlagCount(party, flag, int(np.count_nonzero(flags & flag))) for party, flags in columns.items() for flag in Flag]
    return [count for count in counts if count.rounds]


def _course(rounds: JoinedRounds, game: BellGame, configured: int) -> Course:
    window = configured if len(rounds) >= 2 * configured else max(1, len(rounds) // _SHORT_RUN)
    stride = max(1, -(-(len(rounds) - window) // MAX_POINTS))
    columns = (rounds.alice_setting, rounds.bob_setting, rounds.alice_outcome, rounds.bob_outcome)
    return Course(window, configured, moving_windows(*columns, game, window=window, stride=stride))


def _staircase(herald_ps: npt.NDArray[np.int64]) -> Staircase:
    # Evenly spaced pairs: a pause between two of them keeps its height, and its flank is at most a few thousandths wide.
    kept = np.unique(np.linspace(0, len(herald_ps) - 1, MAX_POINTS).astype(np.int64)) if len(herald_ps) else np.zeros(0, np.int64)
    return Staircase(kept + 1, herald_ps[kept] / 3.6e15)


def _patterns(
    config: LinkConfig, patterns: npt.NDArray[np.uint8], rounds: JoinedRounds | None = None, predicted: Expectation | None = None
) -> list[PatternResult]:
    """One row a pattern; S and Q only with ``rounds``, which are those of ``patterns``."""
    states, game = pattern_states(config), GAMES[config.link.game]
    results = []
    for pattern in sorted({*states, *np.unique(patterns).tolist()}):
        mine = patterns == pattern
        counts = _counts(rounds, game, mine) if rounds is not None else None
        preset = predicted.by_pattern.get(pattern) if predicted is not None else None
        results.append(
            PatternResult(
                " ".join(name for bit, name in enumerate(DETECTORS) if pattern >> bit & 1),
                states.get(pattern, "not configured"),
                int(np.count_nonzero(mine)),
                chsh_s(counts, game) if counts is not None else None,
                qber(counts, game) if counts is not None else None,
                preset.s if preset is not None else None,
                sum(preset.qber) / len(preset.qber) if preset is not None else None,
            )
        )
    return results
