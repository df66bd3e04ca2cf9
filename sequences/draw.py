"""A timing diagram on paper: every line at the atom and, below it, at its port; SVG or PNG.

Made for A4 and for black and white: pulses are dark, gates are hatched, what happens at the port is an outline.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .findings import time_text
from .language import Block, Item
from .picture import Axis, Column, Span, columns, cycle, port_delays, rows, spans
from .tree import part
from .wiring import Wiring

if TYPE_CHECKING:  # matplotlib takes half a second to load, and only a drawing needs it
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

_PULSE, _GATE, _PORT, _WINDOW = "#00507d", "#f0c060", "#333333", "#e4e4e4"
_GAP = 1.2
"""Width between two columns, in units of the shortest interval."""
_WAIT = 1.6
_PAGE = (7.6, 11.0)
"""Widest figure in inches, upright and lying on A4."""


def figure(tree: Item, wiring: Wiring, *, node: str | None = None, attempt_only: bool = False) -> Figure:
    """Draw a sequence.

    Args:
        tree: the round.
        wiring: for delays and ports; a line that is not wired is drawn at the atom only.
        node: draw only what this node does.
        attempt_only: one attempt instead of the whole round.

    Returns:
        A matplotlib figure.
    """
    import matplotlib
    from matplotlib.figure import Figure

    shown = [cycle(tree)] if attempt_only else columns(part(tree, node) if node else tree)
    if attempt_only and node:
        shown = [_of_node(shown[0], node)]
    names = rows(shown)
    axes_ = [Axis(column.block, _extra(column)) if column.block else None for column in shown]
    width = sum((axis.width if axis else _WAIT) + _GAP for axis in axes_)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"font.size": 7, "svg.hashsalt": "sequence", "hatch.linewidth": 0.5})
        inches = min(max(0.17 * width + 1.6, _PAGE[0]), _PAGE[1])
        drawn = Figure(figsize=(inches, 0.27 * len(names) + 1.75), layout="constrained")
        _fill(drawn.subplots(), shown, axes_, names, wiring)
    return drawn


def write(drawn: Figure, path: Path) -> None:
    """Write a figure as SVG or PNG, by the name of the file; the same sequence gives the same file."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "sequence"}):
        if path.suffix.lower() == ".svg":
            text = io.StringIO()
            drawn.savefig(text, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
            path.write_text(text.getvalue(), encoding="utf-8", newline="\n")
        else:
            drawn.savefig(path, format="png", dpi=200)


def _extra(column: Column) -> list[int]:
    return [column.herald_ps] if column.herald_ps is not None else []


def _of_node(column: Column, node: str) -> Column:
    block = part(column.block, node) if column.block else None
    return replace(column, block=block if isinstance(block, Block) else None)


def _fill(axes: Axes, shown: Sequence[Column], scales: Sequence[Axis | None], names: Sequence[str], wiring: Wiring) -> None:
    delays = port_delays(wiring)
    x, ticks, labels = 0.0, [], []
    bottom = len(names) - 0.4
    for column, scale in zip(shown, scales, strict=True):
        if scale is None or column.block is None:
            _wait(axes, column, x, bottom)
            x += _WAIT + _GAP
            continue
        _window(axes, column, scale, x, bottom)
        for row, name in enumerate(names):
            axes.plot([x, x + scale.width], [row + 0.28] * 2, color="#999999", linewidth=0.4, zorder=1)
            for span in spans(column.block, delays):
                if span.line == name:
                    _bar(axes, span, scale, x, row)
        for place in scale.breaks():
            axes.text(x + place, bottom + 0.02, "//", ha="center", va="center", fontsize=6, clip_on=False)
        axes.text(x + scale.width / 2, -1.45, column.title, ha="center", va="bottom", fontsize=7.5, fontweight="bold")
        axes.text(x + scale.width / 2, -1.4, column.note, ha="center", va="top", fontsize=6, linespacing=1.1)
        axes.plot([x, x], [-0.6, bottom], color="black", linewidth=0.6)
        axes.plot([x + scale.width] * 2, [-0.6, bottom], color="black", linewidth=0.6)
        for edge in scale.edges_ps.tolist():
            ticks.append(x + scale.at(edge))
            labels.append("0" if edge == 0 else time_text(edge))
        x += scale.width + _GAP
    axes.set_xticks(ticks, labels, rotation=90, fontsize=5.5)
    axes.set_yticks(range(len(names)), [_label(name, wiring) for name in names], fontsize=6.5)
    axes.tick_params(length=2)
    axes.set_xlim(-0.3, x - _GAP + 0.3)
    axes.set_ylim(bottom, -1.9)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    _legend(axes)


def _label(name: str, wiring: Wiring) -> str:
    line = wiring.lines.get(name)
    return name if line is None else f"{name}\n{line.port}, {time_text(line.delay_ps) if line.delay_ps else 'no delay'}"


def _bar(axes: Axes, span: Span, scale: Axis, x: float, row: int) -> None:
    left, right = x + scale.at(span.start_ps), x + scale.at(span.stop_ps)
    style = {"facecolor": _GATE, "hatch": "/////"} if span.gate else {"facecolor": "white" if span.off else _PULSE}
    axes.add_patch(_box(left, row - 0.3, right - left, 0.4, edgecolor="black", linewidth=0.5, **style))
    if span.off:
        axes.text((left + right) / 2, row - 0.1, "off", ha="center", va="center", fontsize=6, zorder=4)
    if span.delay_ps:
        left, right = x + scale.at(span.start_ps - span.delay_ps), x + scale.at(span.stop_ps - span.delay_ps)
        axes.add_patch(_box(left, row + 0.13, right - left, 0.15, edgecolor=_PORT, facecolor="white", linewidth=0.7))


def _box(left: float, bottom: float, width: float, height: float, **style: Any) -> Rectangle:  # noqa: ANN401 - what matplotlib takes
    from matplotlib.patches import Rectangle

    return Rectangle((left, bottom), width, height, zorder=3, **style)


def _window(axes: Axes, column: Column, scale: Axis, x: float, bottom: float) -> None:
    """From the opening of the first gate to the moment when the herald is known."""
    if column.herald_ps is None or column.block is None:
        return
    start = min((gate.at_ps for gate in column.block.gates), default=column.herald_ps)
    left, right = x + scale.at(start), x + scale.at(column.herald_ps)
    axes.axvspan(left, right, ymin=0, ymax=1 - 1.3 / (bottom + 1.9), color=_WINDOW, zorder=0)
    axes.plot([right, right], [-0.6, bottom], color="black", linewidth=0.9, linestyle=(0, (4, 2)), zorder=2)
    axes.text(right + 0.06, -0.58, "herald known", fontsize=5.5, va="top", ha="left", rotation=0)


def _wait(axes: Axes, column: Column, x: float, bottom: float) -> None:
    axes.text(x + _WAIT / 2, bottom / 2, column.title, rotation=90, ha="center", va="center", fontsize=7, style="italic")
    axes.text(x + _WAIT / 2, -1.45, "...", ha="center", va="bottom", fontsize=7)


def _legend(axes: Axes) -> None:
    boxes = [
        _box(0, 0, 1, 1, facecolor=_PULSE, edgecolor="black", linewidth=0.5),
        _box(0, 0, 1, 1, facecolor=_GATE, hatch="/////", edgecolor="black", linewidth=0.5),
        _box(0, 0, 1, 1, facecolor="white", edgecolor=_PORT, linewidth=0.7),
        _box(0, 0, 1, 1, facecolor=_WINDOW, edgecolor="none"),
    ]
    words = ["pulse at the atom", "gate at the detector", "the same at the port", "herald window;  // axis broken"]
    axes.legend(boxes, words, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False, fontsize=6.5, borderaxespad=0.1)
