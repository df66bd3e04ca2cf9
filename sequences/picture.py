"""What a picture of a sequence shows, before anything is drawn: columns of blocks, rows of lines, and a time axis that fits on paper.

A round spans nanoseconds to milliseconds. So the axis of a column is broken wherever nothing happens: the stretch between two edges gets a
width that grows with the logarithm of its length, and the edges are labelled with their exact times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import SequenceError
from .language import OFF, Apart, Block, Choose, Item, Repeat, Seq, Until, Wait
from .stretches import is_attempt
from .target import INPUTS
from .targets import TARGETS
from .tree import node_of
from .wiring import Line, Wiring

_NARROWEST = 2.8
"""Least width of a column: its title stands above it."""


@dataclass(frozen=True)
class Column:
    """One block of a picture, or something that is waited for.

    Args:
        title: the block's name, or what is waited for.
        note: how often, or which of how many arms; may be empty.
        block: None for a wait.
        herald_ps: from the start of the block to the moment when its herald is known; None where there is none.
    """

    title: str
    note: str = ""
    block: Block | None = None
    herald_ps: int | None = None


@dataclass(frozen=True)
class Span:
    """A pulse or a gate at the atom, and at the port.

    Args:
        line: its name.
        start_ps: at the atom.
        stop_ps: at the atom.
        delay_ps: from its port; 0 where it is not wired, negative for an input.
        gate: whether it is a gate.
        off: whether the line is off meanwhile instead of on.
    """

    line: str
    start_ps: int
    stop_ps: int
    delay_ps: int
    gate: bool
    off: bool = False


def columns(tree: Item) -> list[Column]:
    """The columns of a tree from left to right. Of arms that can be chosen the first one stands for all."""
    return list(_columns(tree, "", None))


def cycle(tree: Item) -> Column:
    """The attempt alone.

    Raises:
        SequenceError: there is none.
    """
    for column in columns(tree):
        if column.herald_ps is not None:
            return column
    raise SequenceError("there is no attempt: no block has a gate for a detector that a herald names")


def _columns(item: Item, note: str, until: Until | None) -> Iterator[Column]:
    if isinstance(item, Block):
        attempt = is_attempt(item, until)
        known = max(gate.end_ps for gate in item.gates) + until.latency_ps if attempt and until is not None else None
        yield Column(item.name, note, item, known)
    elif isinstance(item, Wait):
        yield Column(f"{'slot' if item.fixed else 'wait'}: {item.event}", note)
    elif isinstance(item, Seq):
        for each in item.items:
            yield from _columns(each, note, until)
    elif isinstance(item, Repeat):
        yield from _columns(item.body, _both(note, f"x {item.n}"), until)
    elif isinstance(item, Until):
        yield from _columns(item.body, note, item)
        yield Column(f"until herald {', '.join(dict.fromkeys(herald.name for herald in item.heralds))}", note)
    elif isinstance(item, Choose):
        first = next(iter(item.arms.items()), None)
        if first is not None:
            yield from _columns(first[1], _both(note, f"{item.symbol} {first[0]}, 1 of {len(item.arms)}"), until)
    elif isinstance(item, Apart):
        for node, each in item.parts.items():
            yield from _columns(each, note if len(item.parts) == 1 else _both(node, note), until)


def _both(one: str, other: str) -> str:
    return "\n".join(word for word in (one, other) if word)


def rows(shown: Sequence[Column]) -> list[str]:
    """Lines and detectors that appear, node by node, in the order of their first appearance."""
    found = [span.line for column in shown if column.block for span in spans(column.block, {})]
    return sorted(dict.fromkeys(found), key=lambda line: list(dict.fromkeys(map(node_of, found))).index(node_of(line)))


def port_delays(wiring: Wiring) -> dict[str, int]:
    """From the port to the atom, by line, in ps; negative for an input, whose port sees it later."""
    return {name: -line.delay_ps if _is_input(wiring, line) else line.delay_ps for name, line in wiring.lines.items()}


def _is_input(wiring: Wiring, line: Line) -> bool:
    target = TARGETS.get(wiring.devices.get(line.device, ""))
    return target is not None and target.ports.get(line.channel) in INPUTS


def spans(block: Block, delays_ps: Mapping[str, int]) -> list[Span]:
    """All pulses and gates of a block; ``delays_ps`` as of :func:`port_delays`."""
    pulses = [
        Span(pulse.line, pulse.at_ps, pulse.end_ps, delays_ps.get(pulse.line, 0), False, pulse.drive == OFF) for pulse in block.pulses
    ]
    return pulses + [Span(gate.detector, gate.at_ps, gate.end_ps, delays_ps.get(gate.detector, 0), True) for gate in block.gates]


class Axis:
    """A broken time axis for one block.

    Args:
        block: whose.
        also_ps: further times that need a place.
    """

    def __init__(self, block: Block, also_ps: Sequence[int] = ()) -> None:
        edges = {0, block.length_ps or 1, *also_ps}
        for span in spans(block, {}):
            edges |= {span.start_ps, span.stop_ps}
        self.edges_ps: npt.NDArray[np.int64] = np.array(sorted(edges), dtype=np.int64)
        gaps = np.diff(self.edges_ps)
        shortest = gaps.min() if len(gaps) else 1
        widths = 1.0 + np.log10(np.maximum(gaps / shortest, 1.0))
        places = np.concatenate([[0.0], np.cumsum(widths)])
        self._at = places * max(1.0, _NARROWEST / max(places[-1], 1e-9))
        self.broken: npt.NDArray[np.bool_] = gaps > 30 * shortest

    @property
    def width(self) -> float:
        """Width of the whole block."""
        return float(self._at[-1])

    def at(self, time_ps: float) -> float:
        """Place of a time; times outside of the block go on at its ends."""
        return float(np.interp(time_ps, self.edges_ps, self._at))

    def breaks(self) -> list[float]:
        """Places in the middle of intervals that are drawn much too short."""
        middles = (self._at[1:] + self._at[:-1]) / 2
        return [float(x) for x in middles[self.broken]]
