"""The figures of the report as SVG, in the manner of both papers; matplotlib's objects only, nothing global.

Colours are those of Okabe and Ito, told apart by colour-blind readers, and every curve also differs in shape for a print in grey.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..protocol.visibility import VisibilityFit
from .report_model import LOCAL_BOUND, Course, JointResults, RunReport, Staircase

if TYPE_CHECKING:  # matplotlib takes half a second to load, and only a report needs it
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#555555"
_UNEQUAL, _EQUAL, _PRESET = "A \N{NOT EQUAL TO} B", "A = B", "preset"
_WIDTH = 7.2  # inches, the text width of a page

Degrees = npt.NDArray[np.float64]


class Plot(NamedTuple):
    """A figure of the report.

    Attributes:
        title: what it shows.
        caption: how to read it.
        svg: the element ``<svg>``, to be inlined.
    """

    title: str
    caption: str
    svg: str


def plots(report: RunReport) -> tuple[Plot, ...]:
    """Draw all figures of a report: none for a table of counts, only the staircase for a key run."""
    joint, staircase = report.joint, report.staircase
    if staircase is None or len(staircase.hours) == 0:
        return ()
    if joint is None:
        caption = f"When each Bell pair came. {_STEPS}"
        return (drawn("Acquisition", caption, lambda figure: _stairs(figure.subplots(), staircase), height=2.6),)
    found, angles, course = [], joint.angles, joint.course
    if angles is not None and len(angles[0]) > 2:  # with two angles there is no curve to see
        caption = _correlation_caption(joint)
        found.append(drawn("Correlations", caption, lambda figure: _correlations(figure, joint, angles), height=3.4))
    if course is not None:
        caption = _course_caption(course)
        found.append(drawn("Course of the run", caption, lambda figure: _link(figure, joint, course, staircase), height=5.6))
    return tuple(found)


def drawn(title: str, caption: str, draw: Callable[[Figure], None], height: float) -> Plot:
    """Draw with matplotlib's own defaults, whatever a user's matplotlibrc asks for (LaTeX, say), and leave his as they were."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"svg.hashsalt": title, "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        draw(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = file.getvalue()
    return Plot(title, caption, text[text.index("<svg") :].strip())  # without the XML declaration and the DTD's address


# -- correlations, as in Fig. 4 of Zhang et al. ----------------------------------------------------------------------------------------


def _correlation_caption(joint: JointResults) -> str:
    parts = [
        "Share of rounds with unequal and with equal outcomes for every pair of settings,",
        "as in Fig. 4 of Zhang et al., Nature 607, 687 (2022).",
        "Bars: 95 % intervals.",
    ]
    if joint.analysis.visibilities is not None:
        parts.append("Curves: sinusoids fitted to the four points of a setting of Bob.")
    if joint.preset is not None:
        parts.append("Black dashes: the preset in closed form.")
    return " ".join(parts)


def _correlations(figure: Figure, joint: JointResults, angles: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    alpha, beta = (np.degrees(party) for party in angles)
    panels = figure.subplots(1, len(beta), sharey=True, squeeze=False)[0]
    named: dict[str, Artist] = {}
    for setting_b, axes in enumerate(panels):
        _shares(axes, joint, setting_b, alpha)
        if joint.analysis.visibilities is not None:
            _sinusoids(axes, joint.analysis.visibilities[setting_b], alpha)
        axes.set_title(rf"Y = {setting_b}   ($\beta$ = {beta[setting_b]:g}$\degree$)", fontsize=9, pad=4)
        axes.set_xlabel(r"Alice's readout angle $\alpha$")
        axes.set_xticks(alpha, [f"{angle:g}\N{DEGREE SIGN}" for angle in alpha])
        axes.set_ylim(-0.02, 1.02)
        _name_settings(axes, joint, setting_b, alpha)
        handles, labels = axes.get_legend_handles_labels()
        named.update(zip(labels, handles, strict=True))
    panels[0].set_ylabel("Share of rounds")
    shown = [name for name in (_UNEQUAL, _EQUAL, _PRESET) if name in named]
    figure.legend([named[name] for name in shown], shown, loc="outside lower center", ncols=len(shown), frameon=False)


def _shares(axes: Axes, joint: JointResults, setting_b: int, alpha: Degrees) -> None:
    for number, pair in enumerate(joint.analysis.pairs):
        if pair.y != setting_b:
            continue
        for sign, name, marker, colour, fill in ((-1, _UNEQUAL, "o", BLUE, BLUE), (1, _EQUAL, "s", ORANGE, "white")):
            if joint.preset is not None:
                value = (1 + sign * joint.preset.correlators[number].value) / 2
                axes.plot(alpha[pair.x], value, "_", color="black", markersize=17, markeredgewidth=1.3, label=_PRESET, zorder=1)
            if pair.correlator is not None:
                share = pair.correlator.scaled(sign / 2, 0.5)
                # Where all rounds agree, value and end of the interval are equal but for rounding.
                bars = [[max(0.0, share.value - share.low)], [max(0.0, share.high - share.value)]]
                points = axes.errorbar(alpha[pair.x], share.value, bars, color=colour, capsize=2.5, linestyle="none", label=name)
                points.lines[0].set(marker=marker, markersize=6, markerfacecolor=fill)


def _name_settings(axes: Axes, joint: JointResults, setting_b: int, alpha: Degrees) -> None:
    """Say above each angle which setting it is, and what its rounds are for."""
    roles = {pair.x: pair.role for pair in joint.analysis.pairs if pair.y == setting_b}
    top = axes.secondary_xaxis("top")
    top.set_xticks(alpha, [f"X = {x}\n{'Bell test' if roles[x] == 'test' else roles[x]}" for x in range(len(alpha))], fontsize=7.5)
    top.tick_params(length=0, colors=GREY)
    top.spines["top"].set_visible(False)


def _sinusoids(axes: Axes, fit: VisibilityFit, alpha: Degrees) -> None:
    angles = np.linspace(alpha.min() - 8, alpha.max() + 8, 200)
    fitted = -fit.visibility.value * np.cos(2 * np.radians(angles) + fit.phase)
    axes.plot(angles, (1 - fitted) / 2, color=BLUE, linewidth=1)
    axes.plot(angles, (1 + fitted) / 2, color=ORANGE, linewidth=1, linestyle=(0, (5, 2)))


# -- the link over the run, as in Fig. 3 of Nadlinger et al. ---------------------------------------------------------------------------

_STEPS = "Vertical steps, where time passed without heralds, are loading, losses and recalibrations."


def _course_caption(course: Course) -> str:
    shorter = "" if course.window == course.configured else f" (the run is too short for the configured {course.configured:,})"
    return (
        f"Moving averages of S and of the quantum bit error rate over {course.window:,} rounds{shorter}, each drawn at the middle of its "
        "window, with 95 % bands from binomial statistics, and when each Bell pair came, as in Fig. 3 of Nadlinger et al., Nature 607, 682 "
        f"(2022). {_STEPS}"
    )


def _link(figure: Figure, joint: JointResults, course: Course, staircase: Staircase) -> None:
    s_axes, q_axes, time_axes = figure.subplots(3, 1, sharex=True)
    windows, preset = course.windows, joint.preset
    middle = windows.end - (course.window - 1) / 2
    _band(s_axes, middle, (windows.s, windows.s_low, windows.s_high), BLUE)
    _band(q_axes, middle, (100 * windows.qber, 100 * windows.qber_low, 100 * windows.qber_high), ORANGE)
    if preset is not None:
        s_axes.axhline(preset.s.value, color="black", linewidth=1, linestyle="--", label=f"preset {preset.s.value:.3f}")
        q = 100 * sum(prediction.value for prediction in preset.qbers) / len(preset.qbers)
        q_axes.axhline(q, color="black", linewidth=1, linestyle="--", label=f"preset {q:.2f} %")
    if (windows.s_low < LOCAL_BOUND).any():
        s_axes.axhline(LOCAL_BOUND, color=GREY, linewidth=1, linestyle=":", label="local bound 2")
    s_axes.set_ylabel("CHSH value S")
    q_axes.set_ylabel("QBER Q (%)")
    for axes in (s_axes, q_axes):
        axes.legend(loc="lower right", bbox_to_anchor=(1, 0.98), ncols=3, frameon=False, fontsize=8, borderpad=0)
    _stairs(time_axes, staircase)
    figure.align_ylabels()


def _band(axes: Axes, x: npt.NDArray[np.floating[Any]], curves: tuple[npt.NDArray[np.float64], ...], colour: str) -> None:
    value, low, high = curves
    axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0, label="95 % band")
    axes.plot(x, value, color=colour, linewidth=1.2)


def _stairs(axes: Axes, staircase: Staircase) -> None:
    pairs, hours = np.insert(staircase.bell_pair, 0, 0), np.insert(staircase.hours, 0, 0.0)
    axes.plot(pairs, hours, color=GREEN, linewidth=1.3, drawstyle="steps-pre")
    axes.set_xlabel("Bell pair")
    axes.set_ylabel("Time (h)")
    axes.set_xlim(0, float(staircase.bell_pair[-1]))
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(lambda value, position: f"{value:,.0f}")
