import pytest

from eventready.errors import SequenceError
from eventready.stations.states import EVENTS, MOVES, SILENT, RoundMoves, State, illegal_move

IN_A_ROUND = {State.HERALDED, State.ISOLATED, State.READING}
"""Between the acceptance of a herald and its record."""


def reachable(start, without=()):
    found, frontier = {start}, [start]
    while frontier:
        new = MOVES[frontier.pop()] - found - set(without)
        found |= new
        frontier += new
    return found


def test_every_state_has_its_moves_and_can_fail():
    assert set(MOVES) == set(State)
    assert all((state, State.FAULT) in EVENTS for state in State)


@pytest.mark.parametrize("pause", [State.SUSPENDED, State.RECALIBRATING])
def test_pausing_is_legal_from_attempting_only(pause):
    assert {state for state, moves in MOVES.items() if pause in moves} == {State.ATTEMPTING}


def test_an_accepted_round_leads_to_its_record_and_nowhere_else():
    left = {to for state in IN_A_ROUND for to in MOVES[state]} - IN_A_ROUND
    assert left == {State.RECORDED}


def test_a_round_is_recorded_once():
    assert not MOVES[State.RECORDED] & IN_A_ROUND
    assert not IN_A_ROUND & reachable(State.RECORDED, without=[State.ATTEMPTING]), "another round without attempting again"


def test_a_round_begins_from_attempting_only():
    assert {state for state, moves in MOVES.items() if State.HERALDED in moves} == {State.ATTEMPTING}


def test_a_node_can_stop_and_start_again_from_wherever_it_may_rest():
    for state in set(State) - IN_A_ROUND:
        assert State.IDLE in reachable(state), state
    assert reachable(State.IDLE) == set(State) - {State.FAULT}


def test_only_the_moves_of_an_undisturbed_round_are_silent():
    assert set(EVENTS) >= SILENT
    told = {State.IDLE, State.SUSPENDED, State.RECALIBRATING, State.STOPPING, State.FAULT}
    assert all(is_event for (now, to), is_event in EVENTS.items() if told & {now, to})
    assert EVENTS[State.ATTEMPTING, State.LOADING], "a lost particle is an event"


def test_a_wrong_move_is_named():
    error = illegal_move("bob", State.READING, State.SUSPENDED)
    assert isinstance(error, SequenceError)
    assert str(error) == "bob: a node that is reading cannot become suspended"


def test_silent_moves_are_looked_up_and_no_others():
    moves = RoundMoves("bob")
    for now in State:
        for to in State:
            if now is to or (now, to) in SILENT:
                assert moves[now, to] is to
            else:
                with pytest.raises(SequenceError, match=f"bob: a node that is {now} cannot become {to}"):
                    moves[now, to]
    assert set(moves) == SILENT | {(state, state) for state in State}, "a refused move leaves nothing behind"
