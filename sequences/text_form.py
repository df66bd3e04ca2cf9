"""A timing diagram for terminals, in plain ASCII."""

from __future__ import annotations

from .findings import time_text
from .language import Item
from .picture import Axis, Column, Span, columns, cycle, port_delays, rows, spans
from .tree import part
from .wiring import Wiring

_WIDTH = 60


def text_form(tree: Item, wiring: Wiring, *, node: str | None = None, attempt_only: bool = False) -> str:
    """Draw a sequence with characters: ``#`` pulse and ``=`` gate at the atom, ``.`` off, ``:`` where the axis is broken.

    Args:
        tree: the round.
        wiring: for delays and ports.
        node: draw only what this node does.
        attempt_only: one attempt instead of the whole round.
    """
    tree = part(tree, node) if node else tree
    shown = columns(tree)
    if attempt_only:
        shown = [cycle(tree)] if any(column.herald_ps is not None for column in shown) else shown[:1]
    delays = port_delays(wiring)
    width = max((len(name) for name in rows(shown)), default=0)
    paragraphs = []
    for column in shown:
        if column.block is None:
            paragraphs.append(f"--- {column.title} {_noted(column)}".rstrip())
        else:
            paragraphs.append("\n".join(_block(column, delays, width, wiring)))
    return "\n\n".join(paragraphs) + "\n"


def _noted(column: Column) -> str:
    return f"({column.note.replace(chr(10), ', ')})" if column.note else ""


def _block(column: Column, delays: dict[str, int], width: int, wiring: Wiring) -> list[str]:
    block = column.block
    if block is None:
        return []
    axis = Axis(block, [column.herald_ps] if column.herald_ps is not None else [])
    scale = _WIDTH / axis.width
    found = [f"{block.name} {_noted(column)}".rstrip() + f": {time_text(block.length_ps)}"]
    by_line: dict[str, list[Span]] = {}
    for span in spans(block, delays):
        by_line.setdefault(span.line, []).append(span)
    for name, mine in by_line.items():
        row = ["_"] * _WIDTH
        for place in axis.breaks():
            row[min(round(place * scale), _WIDTH - 1)] = ":"
        for span in mine:
            left, right = round(axis.at(span.start_ps) * scale), round(axis.at(span.stop_ps) * scale)
            for k in range(left, max(right, left + 1)):
                row[min(k, _WIDTH - 1)] = "." if span.off else "=" if span.gate else "#"
        found.append(f"  {name:<{width}} |{''.join(row)}| {_times(name, mine, wiring)}")
    if column.herald_ps is not None:
        mark = " " * round(axis.at(column.herald_ps) * scale) + "^"
        found.append(f"  {'':<{width}}  {mark} herald known at {time_text(column.herald_ps)}")
    return found


def _times(name: str, mine: list[Span], wiring: Wiring) -> str:
    at_atom = ", ".join(f"{time_text(span.start_ps)} to {time_text(span.stop_ps)}" for span in mine)
    line = wiring.lines.get(name)
    if line is None:
        return f"{at_atom} (not wired)"
    shift = f" {time_text(line.delay_ps)} {'later' if mine[0].delay_ps < 0 else 'earlier'}" if line.delay_ps else ""
    return f"{at_atom}; {line.port}{shift}"
