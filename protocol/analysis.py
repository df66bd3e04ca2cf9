"""Everything the counts of a run say, as plain numbers, and in words what they do not say."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from .bell import BellGame, Counts, Pair, chsh_s, chsh_wins, correlator, qber, qber_errors, s_from_omega
from .entropy import asymptotic_rate, binary_entropy, critical_point, key_entropy, one_basis_entropy
from .estimate import CONFIDENCE, Estimate, proportion
from .significance import UNIFORM_BELOW, NoSignalling, format_p, log10_p_local_realism, no_signalling, uniform_settings_p
from .visibility import VisibilityFit, fidelity_bound, fit_visibility, format_pairs, visibility_missing


@dataclass(frozen=True)
class PairResult:
    """One pair of settings: its role (``"test"``, ``"key"``, ``"unused"``), counts and correlator E (None without rounds)."""

    x: int
    y: int
    role: str
    n: int
    n_equal: int
    correlator: Estimate | None


@dataclass(frozen=True)
class QberResult:
    """Error rate of one key pair (None without rounds)."""

    x: int
    y: int
    n: int
    errors: int
    qber: Estimate | None


@dataclass(frozen=True)
class GameResult:
    """The CHSH game.

    Attributes:
        wins: games won.
        trials: games played.
        omega: win probability.
        s: 4 (2 omega - 1), which differs a little from the sum of correlators where the pairs were not played equally often.
        uniform_settings_p: p-value of the test pairs being played equally often.
    """

    wins: int
    trials: int
    omega: Estimate
    s: Estimate
    uniform_settings_p: float


@dataclass(frozen=True)
class LocalRealism:
    """p-value of local realism with memory, for a random number generator bias ``rng_bias``; ``p`` is written out, e.g. ``9.26e-13``."""

    log10_p: float
    p: str
    rng_bias: float


@dataclass(frozen=True)
class KeyRate:
    """Asymptotic key rate at the measured S and Q.

    Attributes:
        rate: bits per herald; negative where there is no key.
        max_rate: the same without noise.
        entropy: bits of a raw key bit unknown to an eavesdropper.
        error_correction: bits of a raw key bit disclosed at the Shannon limit.
        critical_s: S below which there is no key in a depolarising channel.
        critical_q: QBER above which there is none.
        one_basis: for each key pair, key per raw bit if this pair alone made key (the original protocol).
    """

    rate: float
    max_rate: float
    entropy: float
    error_correction: float
    critical_s: float
    critical_q: float
    one_basis: tuple[float, ...]


@dataclass(frozen=True)
class BellAnalysis:
    """What the counts of a run say. A part that could not be computed is None, and ``not_computed`` says why.

    Attributes:
        game: name of the Bell game.
        rounds: rounds in the table.
        confidence: coverage of the intervals ``low`` to ``high``.
        interval: how they were made.
        pairs: every pair of settings, x first.
        s: signed sum of the four correlators.
        chsh: the same rounds as a game.
        local_realism: p-value of local realism.
        qbers: one per key pair.
        qber: all key rounds together.
        key_rate: asymptotic, from ``s`` and ``qbers``.
        no_signalling: tests of each party's outcomes against the other's setting.
        visibilities: one sinusoid per setting of Bob.
        fidelity: lower bound from their mean.
        not_computed: sentences.
    """

    game: str
    rounds: int
    confidence: float
    interval: str
    pairs: tuple[PairResult, ...]
    s: Estimate | None
    chsh: GameResult | None
    local_realism: LocalRealism | None
    qbers: tuple[QberResult, ...]
    qber: Estimate | None
    key_rate: KeyRate | None
    no_signalling: NoSignalling | None
    visibilities: tuple[VisibilityFit, ...] | None
    fidelity: Estimate | None
    not_computed: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the analysis with JSON types only (dict, list, str, int, float, bool, None)."""
        return {name: _json(value) for name, value in dataclasses.asdict(self).items()}


def analyse(
    counts: Counts, game: BellGame, *, angles: Sequence[float] | None = None, rng_bias: float = 0.0, levels: int = 3
) -> BellAnalysis:
    """Compute all Bell statistics of a table of counts.

    Args:
        counts: what was measured.
        game: the Bell game that was played.
        angles: Alice's readout angles, radians, one per x, for the visibility fit; None leaves it out.
        rng_bias: tau, the most by which the probability of a party's test setting differs from 1/2.
        levels: levels a party's system can be found in, for the fidelity bound: 3 for an F = 1 ground state, 2 for a qubit.

    Raises:
        ConfigError: counts of another game, an impossible bias, or angles that do not fit the game.
    """
    if counts.n.shape != (game.settings_a, game.settings_b):
        raise ConfigError(f"counts of {counts.n.shape} settings do not belong to the {game.name} game")
    missing: list[str] = []
    s = chsh_s(counts, game)
    chsh = _game_result(counts, game, rng_bias) if s is not None else None
    if s is None:
        missing.append(f"S, omega and the p-value of local realism: {_no_rounds(counts, [pair for pair, _ in game.chsh])}.")
    qbers = tuple(_qber_result(counts, game, pair) for pair in game.key_pairs)
    if any(result.qber is None for result in qbers):
        missing.append(f"QBER: {_no_rounds(counts, game.key_pairs)}.")
    visibilities = _visibilities(counts, game, angles, missing)
    return BellAnalysis(
        game=game.name,
        rounds=counts.rounds,
        confidence=CONFIDENCE,
        interval="Wilson; Zou-Donner for the sum S; normal for fitted visibilities",
        pairs=tuple(PairResult(*pair, game.role(pair), *counts.of(pair), correlator(counts, pair)) for pair in game.pairs),
        s=s,
        chsh=chsh,
        local_realism=_local_realism(chsh, rng_bias, missing),
        qbers=qbers,
        qber=qber(counts, game),
        key_rate=_key_rate(game, s, qbers, missing),
        no_signalling=_no_signalling(counts, missing),
        visibilities=visibilities,
        fidelity=fidelity_bound([fit.visibility for fit in visibilities], levels) if visibilities else None,
        not_computed=tuple(missing),
    )


def _no_rounds(counts: Counts, pairs: Iterable[Pair]) -> str:
    return f"there are no rounds with settings (x,y) = {format_pairs([pair for pair in pairs if counts.of(pair)[0] == 0])}"


def _game_result(counts: Counts, game: BellGame, rng_bias: float) -> GameResult | None:
    wins, trials = chsh_wins(counts, game)
    omega = proportion(wins, trials)
    if omega is None:
        return None
    return GameResult(wins, trials, omega, s_from_omega(omega), uniform_settings_p(counts, game, rng_bias))


def _qber_result(counts: Counts, game: BellGame, pair: Pair) -> QberResult:
    errors, rounds = qber_errors(counts, game, pair)
    return QberResult(*pair, rounds, errors, qber(counts, game, pair))


def _local_realism(chsh: GameResult | None, rng_bias: float, missing: list[str]) -> LocalRealism | None:
    if chsh is None:
        return None
    if chsh.uniform_settings_p < UNIFORM_BELOW:
        missing.append(
            "p-value of local realism: the test pairs were not played equally often "
            f"(p = {chsh.uniform_settings_p:.1e} for uniform settings), which it supposes."
        )
        return None
    log10_p = log10_p_local_realism(chsh.wins, chsh.trials, rng_bias)
    return LocalRealism(log10_p, format_p(log10_p), rng_bias)


def _key_rate(game: BellGame, s: Estimate | None, qbers: Sequence[QberResult], missing: list[str]) -> KeyRate | None:
    rates = [result.qber.value for result in qbers if result.qber is not None]
    if s is None or len(rates) < len(qbers):
        missing.append("Key rate: it needs S and the QBER of every key pair.")
        return None
    return KeyRate(
        asymptotic_rate(game, s.value, rates),
        game.sifted_fraction,
        key_entropy(game, s.value),
        sum(map(binary_entropy, rates)) / len(rates),
        *critical_point(game),
        one_basis=tuple(one_basis_entropy(s.value) - binary_entropy(q) for q in rates),
    )


def _no_signalling(counts: Counts, missing: list[str]) -> NoSignalling | None:
    tests = no_signalling(counts)
    if counts.outcomes is None:
        missing.append("No-signalling tests: the table has only the rounds with equal outcomes, not each party's own outcomes.")
    elif tests is None:
        missing.append("No-signalling tests: no setting of one party was played with two settings of the other.")
    return tests


def _visibilities(counts: Counts, game: BellGame, angles: Sequence[float] | None, missing: list[str]) -> tuple[VisibilityFit, ...] | None:
    reason = visibility_missing(counts, game) or ("Alice's readout angles are not given" if angles is None else None)
    if reason or angles is None:
        missing.append(f"Visibility fit and fidelity bound: {reason}.")
        return None
    return tuple(fit_visibility(counts, game, angles, y) for y in range(game.settings_b))


def _json(value: object) -> object:
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    return [_json(item) for item in value] if isinstance(value, tuple) else value
