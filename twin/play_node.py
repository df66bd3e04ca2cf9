"""One node's way through a sequence, on its own time: a generator that stops where it needs the others.

What it needs them for is a :class:`Meeting`: the attempts, which all make together, and waits that bring nodes together. Everything else
it does by itself: blocks on the world's ports, choices, waits for its own shutter, its input, or whatever the caller answers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from ..sequences.findings import time_text
from ..sequences.language import HERALD, INPUT, Apart, Block, Choose, Item, Repeat, Seq, Until, Wait
from ..sequences.tree import join, name_of
from .play_block import BlockPlay, sequencer_port
from .ports import ShutterPort
from .trace import Choice, Heralded, NodeTrace, Step
from .world import SIDES, World

ISOLATED_BOTH = "isolated_both"
SHUTTER_EVENTS = {"shutter_closed": False, "shutter_open": True}
"""What a blade is waited for to be, and whether that is open."""

Answer = Callable[[str, str, int], int | None]
"""Asked (node, event, since when in ps) for an event that the world knows nothing of; when it comes, or None for never."""


class Failed(Exception):
    """A step did not come to its end; the text says why."""


@dataclass(frozen=True)
class Meeting:
    """Where a node waits for others.

    Args:
        item: an Until or a Wait.
        path: of it.
        at_ps: when the node is there and has what it waits for itself.
        apart: whether it is in the node's own part.
    """

    item: Until | Wait
    path: str
    at_ps: int
    apart: bool


Reply = Heralded | int | None
"""What a meeting comes to: the herald; or when the last one was there, None if somebody never will be."""
Way = Generator[Meeting, Reply, None]


@dataclass(frozen=True)
class Conditions:
    """What a node is told of a play.

    Args:
        world: on which.
        answer: for events that the world knows nothing of.
        reads: name of the block whose counts make the outcome.
        threshold: counts from which on the outcome is 1.
        signal_ps: what a herald's signal needs to get here.
        input_bits: that the hardware latches, 0 for none.
        given: the input, if the caller gives it.
    """

    world: World
    answer: Answer
    reads: str
    threshold: int
    signal_ps: int
    input_bits: int
    given: int | None


class NodePlay:
    """A node in a play.

    Args:
        name: of the node.
        conditions: what it is told.
        start_ps: when it begins.
    """

    def __init__(self, name: str, conditions: Conditions, start_ps: int) -> None:
        self.name = name
        self.now_ps = start_ps
        self._told = conditions
        self._input = conditions.given
        self._steps: list[Step] = []
        self._herald: Heralded | None = None
        self._fallback: int | None = None
        self._counts: int | None = None
        self._why = ""

    def way(self, tree: Item) -> Way:
        """Go through the tree; after a herald a failure ends the node's part, before one it is raised.

        Raises:
            Failed: a step before the herald did not come to its end.
        """
        try:
            yield from self._go(tree, "", None, (), apart=False)
        except Failed as failed:
            if self._herald is None:
                raise
            self._why = str(failed)

    def trace(self) -> NodeTrace:
        """What it did."""
        steps = tuple(self._steps)
        if self._herald is None or self.name not in SIDES or self._fallback is None:
            return NodeTrace(self.name, steps, self._input)
        if not self._why and self._counts is None:
            self._why = f"no block {self._told.reads!r} has counted"
        if self._why or self._counts is None:
            return NodeTrace(self.name, steps, self._input, self._fallback, self._why)
        return NodeTrace(self.name, steps, self._input, int(self._counts >= self._told.threshold))

    # -- control -----------------------------------------------------------------------------------------------------------------------

    def _go(self, item: Item, path: str, fallback: int | None, chosen: tuple[Choice, ...], *, apart: bool) -> Way:
        here = join(path, name_of(item))
        own = getattr(item, "fallback", None)
        fallback = fallback if own is None else own
        if self._herald is not None and fallback is not None:
            self._fallback = fallback
        if isinstance(item, Block):
            self._block(item, here, chosen)
        elif isinstance(item, Wait):
            yield from self._wait(item, here, chosen, apart=apart)
        elif isinstance(item, Seq):
            for each in item.items:
                yield from self._go(each, here, fallback, chosen, apart=apart)
        elif isinstance(item, Repeat):
            for _ in range(item.n):
                yield from self._go(item.body, join(here, f"x{item.n}"), fallback, chosen, apart=apart)
        elif isinstance(item, Until):
            yield from self._attempt(item, join(here, "until"))
        elif isinstance(item, Choose):
            value = self._value(item)
            # The input's value is no part of the path: paths are shown.
            word = item.symbol if item.symbol == INPUT else f"{item.symbol}={value}"
            yield from self._go(item.arms[value], join(here, word), fallback, (*chosen, (item.symbol, value)), apart=apart)
        elif isinstance(item, Apart) and self.name in item.parts:
            yield from self._go(item.parts[self.name], join(here, self.name), fallback, chosen, apart=True)

    def _value(self, item: Choose) -> int | str:
        value: int | str | None = self._input
        if item.symbol == HERALD:
            value = None if self._herald is None else self._herald.name
        if value is None:
            raise Failed(f"a choice on the {item.symbol} before there is one")
        if value not in item.arms:
            raise Failed(f"the {item.symbol} has no arm" if item.symbol == INPUT else f"{value} has no arm")
        return value

    def _attempt(self, until: Until, path: str) -> Way:
        start_ps = self.now_ps
        herald = yield Meeting(until, path, start_ps, apart=False)
        if not isinstance(herald, Heralded):
            raise Failed("no herald")
        self._herald = herald
        self.now_ps = herald.time_ps + self._told.signal_ps
        self._steps.append(Step(path, start_ps, self.now_ps))

    # -- blocks ------------------------------------------------------------------------------------------------------------------------

    def _block(self, block: Block, path: str, chosen: tuple[Choice, ...]) -> None:
        start_ps = self.now_ps
        played = BlockPlay(self._told.world, self.name, block, start_ps).run()
        self.now_ps = start_ps + block.length_ps
        self._steps.append(
            Step(path, start_ps, self.now_ps, chosen, tuple(played.counts), tuple(played.acted_ps), tuple(dict.fromkeys(played.notes)))
        )
        if played.failed:
            raise Failed(played.failed)
        if block.name == self._told.reads and played.counts and self._herald is not None:
            self._counts = sum(count for _, count in played.counts)

    # -- waits -------------------------------------------------------------------------------------------------------------------------

    def _wait(self, wait: Wait, path: str, chosen: tuple[Choice, ...], *, apart: bool) -> Way:
        """Own answer first, then the others: a wait that is everybody's ends for all when the last one has his."""
        start_ps = self.now_ps
        last_ps = start_ps + wait.timeout_ps
        comes_ps = self._comes_ps(wait, start_ps, last_ps, apart=apart)
        together = wait.event == ISOLATED_BOTH or not (apart or wait.fixed or wait.event == INPUT)
        if together and comes_ps is not None and comes_ps <= last_ps:
            reply = yield Meeting(wait, path, comes_ps, apart)
            comes_ps = reply if isinstance(reply, int) else None
        in_time = comes_ps is not None and comes_ps <= last_ps
        self.now_ps = last_ps if wait.fixed or comes_ps is None or not in_time else comes_ps
        self._steps.append(Step(path, start_ps, self.now_ps, chosen))
        if not in_time:
            raise Failed(f"{wait.event} did not come within {time_text(wait.timeout_ps)}")

    def _comes_ps(self, wait: Wait, since_ps: int, last_ps: int, *, apart: bool) -> int | None:
        """When what this node waits for comes; at once where it is no matter of this node, None for never."""
        if wait.event == INPUT:
            self._latch(last_ps)
            return last_ps
        ports = self._told.world.ports
        if wait.event in SHUTTER_EVENTS:
            shutter = ports.get(f"{self.name}.shutter")
            if isinstance(shutter, ShutterPort):
                return _blade(shutter, SHUTTER_EVENTS[wait.event], since_ps)
            if not apart and any(f"{side}.shutter" in ports for side in SIDES):
                return since_ps  # another node's
        if wait.event == ISOLATED_BOTH or wait.fixed or not (apart or self.name in SIDES):
            return since_ps
        answer_ps = self._told.answer(self.name, wait.event, since_ps)
        return None if answer_ps is None else max(answer_ps, since_ps)

    def _latch(self, at_ps: int) -> None:
        """The hardware draws its bits in any case; an input that the caller gives stands in for them."""
        if not self._told.input_bits or self.name not in SIDES:
            return
        bits = sequencer_port(self._told.world, self.name).latch(self._told.input_bits, at_ps)
        self._told.world.random_port(SIDES.index(self.name)).latched.pop()
        if self._told.given is None:
            self._input = bits


def _blade(shutter: ShutterPort, is_open: bool, now_ps: int) -> int | None:
    """Command a shutter and see when it is there; None if it will not be."""
    shutter.command(is_open, now_ps)
    there_ps = max(now_ps, shutter.settles_ps)
    return there_ps if shutter.is_open(there_ps) == is_open else None
