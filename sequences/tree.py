"""Reading a tree: its items with their paths, lengths, and the part of one node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from .language import Apart, Block, Choose, Item, Repeat, Seq, Until, Wait


def children(item: Item) -> tuple[tuple[str, Item], ...]:
    """The items directly inside of one, each with the word that leads to it in a path; empty where the path needs none."""
    if isinstance(item, Seq):
        return tuple(("", each) for each in item.items)
    if isinstance(item, Repeat):
        return ((f"x{item.n}", item.body),)
    if isinstance(item, Until):
        return (("until", item.body),)
    if isinstance(item, Choose):
        return tuple((f"{item.symbol}={value}", arm) for value, arm in item.arms.items())
    if isinstance(item, Apart):
        return tuple(item.parts.items())
    return ()


def name_of(item: Item) -> str:
    """The last word of a leaf's path; empty for everything that is no leaf."""
    if isinstance(item, Block):
        return item.name
    return f"wait {item.event}" if isinstance(item, Wait) else ""


def join(path: str, word: str) -> str:
    """A path with one more word; words that are empty leave no trace."""
    return f"{path}/{word}" if path and word else path or word


def walk(item: Item, path: str = "") -> list[tuple[str, Item]]:
    """Every item of a tree with its path, e.g. ``until/x200/attempt``, from the top down and in order."""
    found: list[tuple[str, Item]] = []
    _walk(item, path, found)
    return found


def _walk(item: Item, path: str, found: list[tuple[str, Item]]) -> None:
    here = join(path, name_of(item))
    found.append((here, item))
    for word, child in children(item):
        _walk(child, join(here, word), found)


def blocks(item: Item) -> Iterator[tuple[str, Block]]:
    """Every block of a tree with its path."""
    return ((path, found) for path, found in walk(item) if isinstance(found, Block))


def fixed_length_ps(item: Item) -> int | None:
    """How long an item lasts; None where that is not fixed, or differs between arms."""
    if isinstance(item, Block):
        return item.length_ps
    if isinstance(item, Wait):
        return item.timeout_ps if item.fixed else None
    if isinstance(item, Until):
        return None
    lengths = [fixed_length_ps(child) for _, child in children(item)]
    if None in lengths:
        return None
    found = [length for length in lengths if length is not None]
    if isinstance(item, Seq):
        return sum(found)
    if isinstance(item, Repeat):
        return item.n * found[0]
    return found[0] if len(set(found)) == 1 else None


def node_of(line: str) -> str:
    """The node of a line or detector."""
    return line.partition(".")[0]


def part(item: Item, node: str) -> Item:
    """What one node has to do: its pulses and gates, in blocks that keep their length, so that the time stays the same for all."""
    return select(item, lambda line: node_of(line) == node, node)


def select(item: Item, keep: Callable[[str], bool], node: str | None = None) -> Item:
    """A tree with only those pulses and gates whose line or detector ``keep`` wants.

    Args:
        item: the tree.
        keep: asked for each line and detector.
        node: leave of :class:`Apart` only this node's part, or nothing; by default all parts stay.
    """
    if isinstance(item, Block):
        pulses = tuple(pulse for pulse in item.pulses if keep(pulse.line))
        return replace(item, pulses=pulses, gates=tuple(gate for gate in item.gates if keep(gate.detector)))
    if isinstance(item, Seq):
        return replace(item, items=tuple(select(each, keep, node) for each in item.items))
    if isinstance(item, Repeat | Until):
        return replace(item, body=select(item.body, keep, node))
    if isinstance(item, Choose):
        return replace(item, arms={value: select(arm, keep, node) for value, arm in item.arms.items()})
    if isinstance(item, Apart):
        if node is None:
            return Apart({name: select(each, keep) for name, each in item.parts.items()})
        return select(item.parts[node], keep, node) if node in item.parts else Seq(())
    return item
