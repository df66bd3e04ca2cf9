"""A tree cut into stretches: what runs through without a decision, and can therefore be one table in a device.

A stretch ends where the hardware has to wait, to choose, or to look for a herald. Repeated blocks are kept as one block with an array of
starts, so that 200 attempts cost no more to read than one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .language import Apart, Block, Choose, Item, Repeat, Seq, Until, Wait
from .tree import fixed_length_ps, join, name_of

Times = npt.NDArray[np.int64]
_ZERO = np.zeros(1, dtype=np.int64)


@dataclass(frozen=True)
class Placed:
    """A block in a stretch.

    Args:
        path: of the block in the tree.
        block: itself.
        starts_ps: when it starts, from the start of the stretch, in order; more than one time where it is repeated.
    """

    path: str
    block: Block
    starts_ps: Times


@dataclass(frozen=True)
class Stretch:
    """What runs through.

    Args:
        path: of its first block in the tree.
        trigger: what starts it, in words.
        length_ps: its length.
        placed: its blocks, in order.
        until: where it is the body of an :class:`~.language.Until`, that.
        cycle: whether it is one attempt only, which a device repeats by itself.
        repeats: how often it does so.
    """

    path: str
    trigger: str
    length_ps: int
    placed: tuple[Placed, ...]
    until: Until | None = None
    cycle: bool = False
    repeats: int = 1

    @property
    def name(self) -> str:
        """Short name: its blocks, each once."""
        return "+".join(dict.fromkeys(placed.block.name for placed in self.placed))


def cut(tree: Item, *, cycles: bool = False) -> tuple[Stretch, ...]:
    """All stretches of a tree, in order; arms of a choice and the nodes of :class:`~.language.Apart` one after the other.

    Args:
        tree: what is cut.
        cycles: whether a block that an :class:`~.language.Until` repeats becomes a stretch of its own (see :attr:`Stretch.cycle`), for
            devices that repeat an attempt by themselves. Otherwise the body of an Until is unrolled.
    """
    cutter = _Cutter(cycles)
    cutter.finish(cutter.add(tree, "", _Open("start")))
    return tuple(cutter.found)


def is_attempt(block: Block, until: Until | None) -> bool:
    """Whether a block has a gate for one of the detectors that a herald names."""
    return until is not None and any(gate.detector in herald.clicks for gate in block.gates for herald in until.heralds)


@dataclass
class _Open:
    """A stretch that goes on."""

    trigger: str
    now_ps: int = 0
    placed: list[Placed] = field(default_factory=list)


class _Cutter:
    def __init__(self, cycles: bool) -> None:
        self._cycles = cycles
        self._until: Until | None = None
        self.found: list[Stretch] = []

    def add(self, item: Item, path: str, opened: _Open) -> _Open:
        """Go on with an item; returns the stretch that is open after it."""
        here = join(path, name_of(item))
        if self._is_cycle(item):
            return self._cycle(item, here, opened)
        if _runs_through(item) and not (self._cycles and self._until is not None and isinstance(item, Seq)):
            opened.placed += _placed(item, here, np.array([opened.now_ps], dtype=np.int64))
            opened.now_ps += fixed_length_ps(item) or 0
            return opened
        return self._control(item, here, opened)

    def _control(self, item: Item, here: str, opened: _Open) -> _Open:
        if isinstance(item, Seq):
            for child in item.items:
                opened = self.add(child, here, opened)
            return opened
        self.finish(opened)
        if isinstance(item, Until):
            self._until = item
            self.finish(self.add(item.body, join(here, "until"), _Open(opened.trigger)))
            self._until = None
            return _Open("herald")
        if isinstance(item, Repeat):
            self.finish(self.add(item.body, join(here, f"x{item.n}"), _Open(opened.trigger)))
        elif isinstance(item, Choose):
            for value, arm in item.arms.items():
                self.finish(self.add(arm, join(here, f"{item.symbol}={value}"), _Open(f"{item.symbol}={value}")))
        elif isinstance(item, Apart):
            for node, each in item.parts.items():
                self.finish(self.add(each, join(here, node), _Open(opened.trigger)))
        ends = {Choose: "the choice", Repeat: "the repetition", Apart: "the parts"}
        return _Open(item.event if isinstance(item, Wait) else f"end of {ends[type(item)]}")

    def finish(self, opened: _Open) -> None:
        """Close a stretch; one without blocks is only time that passes."""
        if opened.placed:
            self.found.append(Stretch(opened.placed[0].path, opened.trigger, opened.now_ps, tuple(opened.placed), self._until))

    def _is_cycle(self, item: Item) -> bool:
        if not self._cycles or self._until is None:
            return False
        return isinstance(item.body, Block) if isinstance(item, Repeat) else isinstance(item, Block) and is_attempt(item, self._until)

    def _cycle(self, item: Item, here: str, opened: _Open) -> _Open:
        self.finish(opened)
        block, path = (item.body, join(here, f"x{item.n}")) if isinstance(item, Repeat) else (item, here)
        repeats = item.n if isinstance(item, Repeat) else 1
        placed = tuple(_placed(block, join(path, name_of(block)) if isinstance(item, Repeat) else here, _ZERO))
        length = fixed_length_ps(block) or 0
        self.found.append(Stretch(placed[0].path, opened.trigger, length, placed, self._until, cycle=True, repeats=repeats))
        return _Open(f"end of {path}")


def _runs_through(item: Item) -> bool:
    if isinstance(item, Seq):
        return all(map(_runs_through, item.items))
    if isinstance(item, Repeat):
        return _runs_through(item.body)
    return isinstance(item, Block) or (isinstance(item, Wait) and item.fixed)


def _placed(item: Item, path: str, starts: Times) -> list[Placed]:
    """The blocks of an item that runs through, if the item itself starts at ``starts``."""
    if isinstance(item, Block):
        return [Placed(path, item, starts)]
    if isinstance(item, Seq):
        found, offset = [], 0
        for child in item.items:
            found += _placed(child, join(path, name_of(child)), starts + offset)
            offset += fixed_length_ps(child) or 0
        return found
    if isinstance(item, Repeat):
        length = fixed_length_ps(item.body) or 0
        shifts = np.arange(max(item.n, 0), dtype=np.int64) * length
        return _placed(item.body, join(join(path, f"x{item.n}"), name_of(item.body)), (starts[:, None] + shifts).ravel())
    return []
