"""What one party's log gives to a session, checked."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError, LogCorrupt
from ..records import RoundType
from ..round_array import RoundArray
from .plan import SessionPlan

Bits = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PartyRounds:
    """One party's rounds; every array has the shape (n,). Its repr shows none of them.

    Attributes:
        party: ``alice`` or ``bob``.
        types: 1 for a test round, 0 for a key round.
        patterns: click pattern of the herald.
        settings: the party's inputs.
        outcomes: the party's output bits.
    """

    party: str
    types: Bits = field(repr=False)
    patterns: NDArray[np.uint8] = field(repr=False)
    settings: NDArray[np.uint8] = field(repr=False)
    outcomes: Bits = field(repr=False)

    @classmethod
    def of(cls, rounds: RoundArray, plan: SessionPlan) -> PartyRounds:
        """Take what is needed from a verified log.

        Raises:
            ConfigError: the log is not of this plan's run, the run is not finished, or it was no key run.
            LogCorrupt: it holds what no round of this game can be.
        """
        header = rounds.header
        if header is None or header.party not in ("alice", "bob"):
            raise ConfigError("a session takes the rounds of alice or of bob")
        if (header.run_id, header.config_digest, header.hardware) != (plan.run_id, plan.config_digest, plan.hardware):
            raise ConfigError(f"the log of {header.party} belongs to another run than the plan")
        if header.purpose != "key":
            raise ConfigError(f"the run {header.run_id} was made to characterise the link; a key needs a run with --purpose key")
        if not rounds.finished or len(rounds) != plan.rounds:
            raise ConfigError(
                f"the log of {header.party} holds {len(rounds)} of {plan.rounds} rounds; the number is fixed before a run, so go on "
                "with it (eventready run --resume) until it is finished"
            )
        types = _types(rounds, header.party)
        settings, outcomes = (np.ascontiguousarray(rounds[name]).astype(np.uint8) for name in ("setting", "outcome"))
        if outcomes.max(initial=0) > 1 or not _settings_fit(settings, types, plan, header.party):
            raise LogCorrupt(f"the log of {header.party} holds a setting or an outcome that the game does not have")
        return cls(header.party, types, np.ascontiguousarray(rounds["pattern"]), settings, outcomes)


def _types(rounds: RoundArray, party: str) -> Bits:
    kinds = np.asarray(rounds["round_type"])
    types: Bits = (kinds == RoundType.TEST).astype(np.uint8)
    if not ((kinds == RoundType.KEY) | (types == 1)).all():
        raise LogCorrupt(f"the log of {party} holds a round that is neither test nor key")
    return types


def _settings_fit(settings: NDArray[np.uint8], types: Bits, plan: SessionPlan, party: str) -> bool:
    """Each setting must be one that the game plays in a round of its type."""
    game, place = plan.bell_game, 0 if party == "alice" else 1
    allowed = np.zeros((2, 256), bool)
    for pair in game.key_pairs:
        allowed[0, pair[place]] = True
    for pair, _ in game.chsh:
        allowed[1, pair[place]] = True
    return bool(allowed[types, settings].all())


def predicted(bob: PartyRounds, alice_settings: Bits, plan: SessionPlan) -> Bits:
    """What Bob expects of Alice's outcomes: his own, turned round where the game says that unequal outcomes win.

    Args:
        bob: his rounds.
        alice_settings: X, shape (n,); each one that the game plays in a round of its type.
        plan: names the game.

    Returns:
        Shape (n,).
    """
    game = plan.bell_game
    turned = np.zeros((2, game.settings_a, game.settings_b), np.uint8)
    for (x, y), sign in game.chsh:
        turned[1, x, y] = sign < 0
    for x, y in game.key_pairs:
        turned[0, x, y] = game.key_anticorrelated
    flips: Bits = bob.outcomes ^ turned[bob.types, alice_settings, bob.settings]
    return flips
