"""The states of a node and the moves between them; a move that is not in the table is a fault."""

from __future__ import annotations

import enum

from ..errors import SequenceError


class State(enum.StrEnum):
    """Where a node is in its life."""

    IDLE = "idle"
    LOADING = "loading"
    PREPARING = "preparing"
    ATTEMPTING = "attempting"
    HERALDED = "heralded"
    ISOLATED = "isolated"
    READING = "reading"
    RECORDED = "recorded"
    RESETTING = "resetting"
    SUSPENDED = "suspended"
    RECALIBRATING = "recalibrating"
    STOPPING = "stopping"
    FAULT = "fault"


# Python 3.11 looks a member up by name whenever it is written as State.X; the round loop uses these.
ATTEMPTING, HERALDED, ISOLATED, READING, RECORDED, RESETTING = (
    State.ATTEMPTING,
    State.HERALDED,
    State.ISOLATED,
    State.READING,
    State.RECORDED,
    State.RESETTING,
)

_S = State
MOVES: dict[State, frozenset[State]] = {
    _S.IDLE: frozenset({_S.LOADING, _S.ATTEMPTING, _S.STOPPING}),
    _S.LOADING: frozenset({_S.PREPARING, _S.STOPPING}),
    _S.PREPARING: frozenset({_S.ATTEMPTING, _S.STOPPING}),
    # Suspending, pausing and recalibrating are legal from here only: once a herald is accepted, its round is carried through.
    _S.ATTEMPTING: frozenset({_S.HERALDED, _S.LOADING, _S.SUSPENDED, _S.RECALIBRATING, _S.STOPPING}),
    _S.HERALDED: frozenset({_S.ISOLATED, _S.READING, _S.RECORDED}),
    _S.ISOLATED: frozenset({_S.READING, _S.RECORDED}),
    _S.READING: frozenset({_S.ISOLATED, _S.RECORDED}),
    _S.RECORDED: frozenset({_S.RESETTING, _S.ATTEMPTING}),
    _S.RESETTING: frozenset({_S.ATTEMPTING, _S.LOADING}),
    _S.SUSPENDED: frozenset({_S.LOADING, _S.ATTEMPTING, _S.STOPPING}),
    _S.RECALIBRATING: frozenset({_S.LOADING, _S.ATTEMPTING, _S.STOPPING}),
    _S.STOPPING: frozenset({_S.IDLE}),
    _S.FAULT: frozenset({_S.STOPPING, _S.IDLE}),
}
"""From each state, where a node may go. Every state may also go to ``fault``."""

SILENT = frozenset(
    {
        (_S.ATTEMPTING, _S.HERALDED),
        (_S.HERALDED, _S.ISOLATED),
        (_S.HERALDED, _S.READING),
        (_S.HERALDED, _S.RECORDED),
        (_S.ISOLATED, _S.READING),
        (_S.READING, _S.ISOLATED),
        (_S.READING, _S.RECORDED),
        (_S.RECORDED, _S.RESETTING),
        (_S.RESETTING, _S.LOADING),
        (_S.RESETTING, _S.ATTEMPTING),
        (_S.LOADING, _S.PREPARING),
        (_S.PREPARING, _S.ATTEMPTING),
        (_S.RECORDED, _S.ATTEMPTING),
    }
)
"""The moves of an undisturbed round: their times are in the record, so they are not events."""


EVENTS = {(now, to): (now, to) not in SILENT for now, moves in MOVES.items() for to in (*moves, State.FAULT)}
"""Every legal move, and whether it is an event (True) or part of an undisturbed round."""


class RoundMoves(dict[tuple[State, State], State]):
    """The moves of an undisturbed round of one node: ``moves[now, to]`` is ``to`` where the table has that move.

    The round loop makes a dozen such moves a round, so each is one look-up; whatever needs a cause or a line in ``events.jsonl`` goes
    through the node's own ``_enter``.

    Args:
        node: for the error message.

    Raises:
        SequenceError: by a look-up, for every other move.
    """

    def __init__(self, node: str) -> None:
        super().__init__({(now, to): to for now, to in SILENT})
        self.update({(state, state): state for state in State})
        self._node = node

    def __missing__(self, move: tuple[State, State]) -> State:
        raise illegal_move(self._node, *move)


def illegal_move(node: str, now: State, to: State) -> SequenceError:
    """The error for a move that is not in the table."""
    return SequenceError(f"{node}: a node that is {now} cannot become {to}")
