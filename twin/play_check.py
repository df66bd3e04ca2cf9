"""Which sequences can be played: what is refused before anything is, all of it at once."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import SequenceError
from ..sequences.check_structure import check_structure
from ..sequences.language import Apart, Block, Choose, Item, Pulse, Repeat, Seq, Until
from ..sequences.program import Action
from ..sequences.tree import blocks, children, join, name_of, node_of, walk
from ..sequences.wiring import wire
from .world import SIDES, World

_WIRING_RULES = frozenset({"line", "detector"})
"""Findings that are about the wiring, of which a play knows nothing."""


def require_playable(tree: Item, world: World) -> None:
    """Refuse what cannot be played, all of it at once.

    Raises:
        SequenceError: with every finding.
    """
    found = [str(one) for one in check_structure(tree, wire([])) if one.rule not in _WIRING_RULES]
    untils = [path for path, item in walk(tree) if isinstance(item, Until)]
    if len(untils) > 1:
        found.append(f"{len(untils)} loops of attempts; a play is one round")
    found += _misplaced(tree, "", after=False, covered=False)
    found += [
        f"{path}/{pulse.line}: {why}" for path, block in blocks(tree) for pulse in block.pulses for why in _effect(pulse, block, world)
    ]
    if found:
        raise SequenceError("\n  ".join(["the sequence cannot be played:", *found]))


def _effect(pulse: Pulse, block: Block, world: World) -> Iterator[str]:
    """What is wrong with what a pulse does to the particle."""
    if (does := pulse.does) is None:
        return
    node = node_of(pulse.line)
    if not 0 <= pulse.at_ps + does.after_ps <= block.length_ps:
        yield "acts outside its block; make the block longer, or let it act earlier"
    if does.action is Action.ANALYSE and does.basis is None:
        yield "analyses in no basis; give Effect a basis"
    if does.action is Action.DISCONNECT and node in SIDES and f"node.{node}.shuttle_transmission" not in world.preset.fields:
        yield f"disconnects, but the preset {world.preset.name!r} has nothing that moves a particle"


def _misplaced(item: Item, path: str, *, after: bool, covered: bool) -> list[str]:
    """Attempts that are no matter of all nodes, and choices after a herald that may lead nowhere."""
    here = join(path, name_of(item))
    covered = covered or getattr(item, "fallback", None) is not None
    found = []
    if isinstance(item, Choose) and after and not covered:
        found.append(f"{join(here, item.symbol)}: name a fallback, for a value that has no arm")
    for word, child in children(item):
        if isinstance(item, Repeat | Choose | Apart | Until) and any(isinstance(each, Until) for _, each in walk(child)):
            found.append(f"{join(here, word)}: attempts stand in a row with the rest of the round, not inside of anything")
        found += _misplaced(child, join(here, word), after=after and not isinstance(item, Until), covered=covered)
        after = after or (isinstance(item, Seq) and any(isinstance(each, Until) for _, each in walk(child)))
    return found
