"""What a party's log gives to a session."""

import numpy as np
import pytest

from eventready.errors import ConfigError, LogCorrupt
from eventready.protocol.log_contents import LogHeader
from eventready.protocol.records import RECORD_DTYPE, RoundType
from eventready.protocol.round_array import RoundArray
from eventready.protocol.session.rounds import PartyRounds, predicted

from .conftest import draw_rounds, make_plan

PLAN = make_plan(rounds=400)


def as_log(party="alice", *, finished=True, **changes):
    mine = dict(zip(("alice", "bob"), draw_rounds(5, PLAN.rounds), strict=True))[party]
    records = np.zeros(PLAN.rounds, RECORD_DTYPE)
    records["index"] = np.arange(PLAN.rounds)
    records["round_type"] = np.where(mine.types == 1, RoundType.TEST, RoundType.KEY)
    records["setting"], records["outcome"], records["pattern"] = mine.settings, mine.outcomes, mine.patterns
    fields = {"run_id": "run-1", "config_digest": "c0ffee", "sequence_digest": "5e9", "hardware": "twin", "purpose": "key"}
    return RoundArray.of(records, LogHeader(party=party, **(fields | changes)), finished), mine


@pytest.mark.parametrize("party", ["alice", "bob"])
def test_the_columns_are_those_of_the_log(party):
    log, mine = as_log(party)
    got = PartyRounds.of(log, PLAN)
    for name in ("types", "settings", "outcomes", "patterns"):
        assert np.array_equal(getattr(got, name), getattr(mine, name))
    assert "[" not in repr(got)


def test_bob_expects_what_wins():
    """Against the rule of the game, written out: a xor b = x y wins a test round, equal outcomes are right in a key round."""
    alice, bob = draw_rounds(2)
    guess = predicted(bob, alice.settings, make_plan())
    for n in range(300):
        x, y, b = int(alice.settings[n]), int(bob.settings[n]), int(bob.outcomes[n])
        assert guess[n] == (b ^ (x * y) if bob.types[n] else b)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"purpose": "characterise"}, "characterise the link"),
        ({"run_id": "run-2"}, "another run"),
        ({"config_digest": "decaf"}, "another run"),
        ({"hardware": "real"}, "another run"),
        ({"finished": False}, "resume"),
    ],
)
def test_the_wrong_log_is_refused(changes, message):
    log, _ = as_log(**changes)
    with pytest.raises(ConfigError, match=message):
        PartyRounds.of(log, PLAN)


def test_fewer_rounds_than_planned_make_no_key():
    log, _ = as_log()
    with pytest.raises(ConfigError, match="fixed before a run"):
        PartyRounds.of(RoundArray.of(np.asarray(log)[:-1], log.header, True), PLAN)


@pytest.mark.parametrize(
    ("party", "kind", "setting"),
    [("alice", RoundType.KEY, 1), ("bob", RoundType.KEY, 0), ("bob", RoundType.TEST, 2), ("alice", RoundType.TEST, 2)],
)
def test_a_setting_that_the_game_does_not_play_is_refused(party, kind, setting):
    log, _ = as_log(party)
    log["setting"][np.flatnonzero(log["round_type"] == kind)[0]] = setting
    with pytest.raises(LogCorrupt, match="setting or an outcome"):
        PartyRounds.of(log, PLAN)


def test_an_outcome_that_is_no_bit_is_refused():
    log, _ = as_log()
    log["outcome"][7] = 2
    with pytest.raises(LogCorrupt, match="setting or an outcome"):
        PartyRounds.of(log, PLAN)


def test_a_round_of_no_type_is_refused():
    log, _ = as_log()
    log["round_type"][7] = RoundType.SELF
    with pytest.raises(LogCorrupt, match="neither test nor key"):
        PartyRounds.of(log, PLAN)
