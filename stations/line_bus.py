"""The in-process bus over lines that can fail: messages come late, in another form, or never.

Both ends of every way from node to node count the messages on it, and what is missing is noticed: a gap at once, and the last message by
the silence after it. Nothing is sent again. The connection below does that for what it can, and that is a line which is down; a message
that is gone for good ends the run, which can be resumed (docs/decisions/0012-lost-messages-end-the-run.md).
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol, get_args

from ..clock import PS_PER_S
from ..errors import MessageLost
from ..twin.lines import Carried, Line
from .bus import Receiver
from .events import EventLog
from .messages import BETWEEN_PARTIES, Accepted, Message
from .states import State

_ADVICE = "See to the line, then resume the run: both parties' logs go on at the same round"


class WaitingReceiver(Receiver, Protocol):
    """A node that can say what it waits for."""

    state: State

    def awaited(self) -> Mapping[str, type[Message]]:
        """What it waits for at this moment, by sender; it does nothing until then."""


class _Way(NamedTuple):
    """From one node to another: over one line, or over both."""

    sender: str
    receiver: str
    legs: tuple[str, ...]

    def __str__(self) -> str:
        return f"line {' and '.join(sorted(self.legs))}"


class _Underway(NamedTuple):
    """A message on its way; sorted by arrival, and by sending where that is the same."""

    arrives_ps: int
    ticket: int
    number: int
    way: _Way
    message: Message
    late_ps: int


class LineBus:
    """Delivers messages between nodes of one process in the order in which they arrive, over lines that can fail.

    A message is on the line at its sender's time. None is heard before all that arrive earlier anywhere, so a node that hears of something
    late never keeps another one from hearing in time.

    Args:
        nodes: ``alice``, ``bob`` and ``bsm``.
        delays: one-way line delay from the heralding station to each party, seconds.
        lines: by party, between it and the heralding station; what the parties say to each other passes both.
        events: of each node; an interruption is noted where it is noticed.
        silence: how long each node waits for a message and hears nothing at all before it gives up, s.
    """

    def __init__(
        self,
        nodes: Mapping[str, WaitingReceiver],
        delays: Mapping[str, float],
        lines: Mapping[str, Line],
        events: Mapping[str, EventLog],
        silence: Mapping[str, float],
    ) -> None:
        self._nodes = nodes
        self._delays_ps = {party: round(delay * PS_PER_S) for party, delay in delays.items()}
        self._lines = lines
        self._events = events
        self._silence_ps = {name: round(seconds * PS_PER_S) for name, seconds in silence.items()}
        self._underway: list[_Underway] = []
        self._tickets = 0
        self._sent: Counter[_Way] = Counter()
        self._heard: Counter[_Way] = Counter()
        self._interrupted: dict[_Way, int | None] = {}
        self._resumed: dict[_Way, int] = {}
        self._ways: dict[tuple[str, type[Message]], tuple[_Way, ...]] = {}
        for kind in get_args(Message):
            self._ways["bsm", kind] = tuple(_Way("bsm", party, (party,)) for party in delays)
            for party in delays:
                across = tuple(_Way(party, other, (party, other)) for other in delays if other != party)
                self._ways[party, kind] = across if kind in BETWEEN_PARTIES else (_Way(party, "bsm", (party,)),)

    def send(self, messages: Iterable[Message]) -> None:
        """Put messages on their lines."""
        for message in messages:
            for way in self._ways[message.sender, type(message)]:
                self._send(way, message)

    def deliver_all(self) -> None:
        """Deliver message after message, the first to arrive first, until nobody has anything left to say.

        Raises:
            MessageLost: a message is missing, or somebody has waited for one too long.
        """
        while self._underway:
            self._give_up_before(self._underway[0].arrives_ps)
            self._hear(heapq.heappop(self._underway))
        self._give_up_before(None)

    def _send(self, way: _Way, message: Message) -> None:
        self._sent[way] += 1
        number, time_ps, held = self._sent[way], message.time_ps, False
        arrives_ps: int | None = None
        for leg in way.legs:
            if self._lines[leg].is_troubled(time_ps):
                message, carried = self._carry(leg, way, message, time_ps)
                held = held or carried.held
                if carried.leaves_ps is None:
                    break
                time_ps = carried.leaves_ps
            time_ps += self._delays_ps[leg]
        else:
            self._tickets += 1
            arrives_ps = time_ps
            late_ps = time_ps - message.time_ps - sum(self._delays_ps[leg] for leg in way.legs) if held else 0
            heapq.heappush(self._underway, _Underway(time_ps, self._tickets, number, way, message, late_ps))
        if held:
            self._note_interrupted(way, message, arrives_ps)

    def _carry(self, leg: str, way: _Way, message: Message, time_ps: int) -> tuple[Message, Carried]:
        """Over a line with a fault."""
        pattern = message.pattern if isinstance(message, Accepted) else None
        carried = self._lines[leg].carry(time_ps, f"{_name(message)} from {way.sender} to {way.receiver}", pattern)
        if isinstance(message, Accepted) and carried.pattern is not None:
            message = message._replace(pattern=carried.pattern)
        return message, carried

    def _hear(self, underway: _Underway) -> None:
        arrives_ps, _, number, way, message, late_ps = underway
        node = self._nodes[way.receiver]
        node.clock.sleep_until_ps(arrives_ps)
        expected = self._heard[way] + 1
        if number != expected:
            missing = f"message {expected} is" if number == expected + 1 else f"messages {expected} to {number - 1} are"
            raise MessageLost(f"{way.receiver}: {missing} missing on the {way}: {way.sender}'s message {number} has come. {_ADVICE}")
        self._heard[way] = number
        if late_ps:
            self._note_resumed(way, message, arrives_ps, late_ps)
        self.send(node.on(message))

    def _give_up_before(self, arrives_ps: int | None) -> None:
        """Nobody waits for ever: whose patience ends before the next message comes anywhere ends the run."""
        deadlines = {name: node.clock.now_ps() + self._silence_ps[name] for name, node in self._nodes.items()}
        waits = [
            (deadline_ps, name)
            for name, deadline_ps in deadlines.items()
            if (arrives_ps is None or deadline_ps < arrives_ps) and self._nodes[name].awaited()
        ]
        if not waits:
            return
        deadline_ps, name = min(waits)
        node = self._nodes[name]
        node.clock.sleep_until_ps(deadline_ps)
        missing = [
            f"{kind.__name__} of {sender} (message {self._heard[way] + 1} on the {way})"
            for sender, kind in node.awaited().items()
            for way in self._ways[sender, kind]
            if way.receiver == name
        ]
        silence = self._silence_ps[name] / PS_PER_S
        raise MessageLost(f"{name}: nothing heard for {silence:g} s; missing is {' and '.join(missing)}. {_ADVICE}")

    def _note_interrupted(self, way: _Way, message: Message, until_ps: int | None) -> None:
        """The sender sees that nothing is acknowledged: one line for each interruption."""
        if self._interrupted.get(way, -1) != until_ps:
            self._interrupted[way] = until_ps
            self._note(way.sender, message.time_ps, f"{way} suspended: {_name(message)} does not reach {way.receiver}")

    def _note_resumed(self, way: _Way, message: Message, arrives_ps: int, late_ps: int) -> None:
        """The receiver sees by the sender's time that the message was held up."""
        if self._resumed.get(way) != arrives_ps:
            self._resumed[way] = arrives_ps
            what = f"{_name(message)} of {way.sender} came {late_ps / PS_PER_S:.6g} s late"
            self._note(way.receiver, self._nodes[way.receiver].clock.now_ps(), f"{way} resumed: {what}")

    def _note(self, name: str, time_ps: int, cause: str) -> None:
        state = self._nodes[name].state
        self._events[name].note(name, time_ps / PS_PER_S, state, state, cause)


def _name(message: Message) -> str:
    """A message in a few words; nothing that it says but which round it is about."""
    n = getattr(message, "n", None)
    return type(message).__name__ if n is None else f"{type(message).__name__} {n}"
