"""Rounds of a link's sequence, played on the twin's world: one after the other, made ready in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ConfigError, NotReady
from ..protocol.bell import GAMES, Counts, chsh_s, qber
from ..sequences.program import PS_PER_S, to_ps
from ..stations.link_sequence import link_round
from ..stations.monitor import Progress
from ..stations.slots import PARTIES
from ..twin.physics.preset import load_preset
from ..twin.play import Player
from ..twin.play_ready import make_ready
from ..twin.world import Level, World

if TYPE_CHECKING:
    from ..protocol.estimate import Estimate
    from ..stations.config import LinkConfig
    from ..twin.trace import NodeTrace, Trace

_INPUTS_KEY = 1 << 20
"""Of the stream of inputs: no segment of a world has so high a number."""
PATIENCE = 2000
"""Plays without a herald in a row; Munich needs some 25."""
_SHOW_S = 0.5


@dataclass
class Played:
    """What has been played so far.

    Attributes:
        goal: rounds that were asked for.
        counts: outcomes by inputs.
        fallbacks: outcomes that are the fallback output, by party.
        unheralded: plays that ended without a herald.
        simulated_s: of the experiment's time since the first attempt, loading included.
    """

    goal: int
    counts: Counts
    fallbacks: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTIES, 0))
    unheralded: int = 0
    simulated_s: float = 0.0

    @property
    def rate(self) -> float:
        """Heralds a second of the experiment's time."""
        return self.counts.rounds / self.simulated_s if self.simulated_s else 0.0


class Rounds:
    """Plays rounds of a link.

    Args:
        config: of the link.
        seed: of everything random.
        level: of the twin.
    """

    def __init__(self, config: LinkConfig, seed: int, level: Level) -> None:
        self.game = GAMES[config.link.game]
        self._settings = dict(zip(PARTIES, (self.game.settings_a, self.game.settings_b), strict=True))
        self._tree = link_round(config)
        self._thresholds = {party: getattr(config.link.thresholds, party) for party in PARTIES}
        self._world = World(load_preset(config.link.preset), seed=seed, readout_window=config.link.timings.fluorescence, level=level)
        pairs = [(PARTIES[0], "bsm"), (PARTIES[1], "bsm"), PARTIES]
        lines_ps = {(one, other): to_ps(config.delay(one, other)) for one, other in pairs}
        self._player = Player(self._tree, self._world, thresholds=self._thresholds, lines_ps=lines_ps)
        self._inputs = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_INPUTS_KEY,)))
        self._pairs = [pair for pair in self.game.pairs if self.game.role(pair) != "unused"]
        self._poll = config.link.timings.load_poll
        self._patience = config.link.timings.load_timeout
        self._now_ps = self._began_ps = 0
        self.played = Played(0, self._no_counts())

    def one(self) -> Trace:
        """Play until a herald; the trace of the play that had one.

        Raises:
            NotReady: there is no herald, time and again.
        """
        for _ in range(PATIENCE):
            self._now_ps = make_ready(
                self._tree, self._world, thresholds=self._thresholds, start_ps=self._now_ps, poll=self._poll, patience=self._patience
            )
            self._began_ps = self._began_ps or self._now_ps
            trace = self._player.play(self._now_ps, self._drawn())
            self._now_ps = trace.end_ps
            if trace.herald is not None:
                return trace
            self.played.unheralded += 1
        raise NotReady(f"{PATIENCE} plays without a herald, the last one because {trace.ended}")

    def many(self, goal: int, show: Callable[[Progress], None]) -> Played:
        """Play rounds and count their outcomes; fallback outputs count, too.

        Args:
            goal: how many.
            show: called about twice a second.

        Raises:
            ConfigError: the sequence has other inputs than the link's game.
            NotReady: there is no herald, time and again.
        """
        self._require_game()
        started, shown = time.monotonic(), 0.0
        self.played.goal = goal
        table = np.zeros((self.game.settings_a, self.game.settings_b, 2, 2), np.int64)
        for done in range(1, goal + 1):
            trace = self.one()
            alice, bob = (trace.nodes[party] for party in PARTIES)
            table[self._input(alice), self._input(bob), alice.outcome, bob.outcome] += 1
            for party in PARTIES:
                self.played.fallbacks[party] += bool(trace.nodes[party].fallback)
            elapsed = time.monotonic() - started
            if elapsed >= shown + _SHOW_S or done == goal:
                shown = elapsed
                self.played.counts = Counts.from_outcomes(table)
                self.played.simulated_s = (self._now_ps - self._began_ps) / PS_PER_S
                show(self._progress(elapsed))
        return self.played

    def s_and_q(self) -> tuple[Estimate | None, Estimate | None]:
        """S and the error rate of all key rounds; None where there are too few rounds."""
        return chsh_s(self.played.counts, self.game), qber(self.played.counts, self.game)

    def _drawn(self) -> dict[str, int]:
        """Inputs for those whose hardware latches none, out of the pairs that test or make key."""
        pair = self._pairs[self._inputs.integers(len(self._pairs))]
        return {party: value for party, value in zip(PARTIES, pair, strict=True) if party in self._player.needs_input}

    def _input(self, node: NodeTrace) -> int:
        """A party's input; one that failed before its input stood gets one that is drawn but never applied."""
        return int(self._inputs.integers(self._settings[node.node])) if node.input is None else node.input

    def _require_game(self) -> None:
        for party, settings in self._settings.items():
            if self._player.inputs[party] != settings:
                raise ConfigError(
                    f"{party} chooses among {self._player.inputs[party]} inputs, and the game {self.game.name!r} has {settings}: "
                    "no S and Q can be told; leave out --rounds to see one round"
                )

    def _no_counts(self) -> Counts:
        return Counts.from_outcomes(np.zeros((self.game.settings_a, self.game.settings_b, 2, 2), np.int64))

    def _progress(self, elapsed: float) -> Progress:
        s, q = self.s_and_q()
        rounds = self.played.counts.rounds
        return Progress(
            rounds=rounds,
            goal=self.played.goal,
            rounds_per_s=rounds / elapsed if elapsed else 0.0,
            chsh_s=s,
            qber=q,
            simulated_s=self.played.simulated_s,
            elapsed_s=elapsed,
        )
