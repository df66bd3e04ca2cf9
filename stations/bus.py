"""How messages travel: a small interface, and its in-process form with the delays of the lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol, get_args

from ..clock import Clock
from .messages import BETWEEN_PARTIES, Message


class Receiver(Protocol):
    """A node, as the bus sees it: messages in, messages out, no input or output of its own."""

    clock: Clock

    def on(self, message: Message) -> list[Message]:
        """React to a message."""


_Hearer = tuple[Callable[[int], None], Callable[[Message], list[Message]], int]
"""A receiver's ``clock.sleep_until_ps`` and ``on``, and how long a message to it takes, ps: looked up once and not for every message."""


def _hearer(node: Receiver, delay_ps: int) -> _Hearer:
    return node.clock.sleep_until_ps, node.on, delay_ps


class InProcessBus:
    """Delivers messages between nodes of one process, in the order in which they were sent.

    Args:
        nodes: ``alice``, ``bob`` and ``bsm``.
        delays: one-way line delay from the heralding station to each party, seconds.
    """

    def __init__(self, nodes: Mapping[str, Receiver], delays: Mapping[str, float]) -> None:
        self._queue: deque[Message] = deque()
        to_bsm = {party: round(delay * 1e12) for party, delay in delays.items()}
        across = sum(to_bsm.values())
        self._routes: dict[tuple[str, type[Message]], tuple[_Hearer, ...]] = {}
        for kind in get_args(Message):
            self._routes["bsm", kind] = tuple(_hearer(nodes[party], delay) for party, delay in to_bsm.items())
            for party, delay in to_bsm.items():
                others = tuple(_hearer(nodes[other], across) for other in to_bsm if other != party)
                self._routes[party, kind] = others if kind in BETWEEN_PARTIES else (_hearer(nodes["bsm"], delay),)

    def send(self, messages: list[Message]) -> None:
        """Queue messages."""
        self._queue.extend(messages)

    def deliver_all(self) -> None:
        """Deliver message after message, the oldest first, to all who are to hear it, until nobody has anything left to say."""
        queue, routes = self._queue, self._routes
        while queue:
            message = queue.popleft()
            sender, time_ps = message[0], message[1]  # by place: a name costs the round loop twice as much
            for sleep_until_ps, on, delay_ps in routes[sender, type(message)]:
                sleep_until_ps(time_ps + delay_ps)
                queue += on(message)
