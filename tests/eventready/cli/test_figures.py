"""The figures: what is in them, that they are alone, and that they leave nothing behind."""

import math
import re
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from eventready.cli.figures import _correlations, plots
from eventready.cli.report_data import collect


def texts(plot):
    """matplotlib draws letters as shapes and leaves their text in a comment."""
    return re.findall(r"<!-- (.*?) -->", plot.svg)


def test_munich_shows_its_eight_correlations(munich_report):
    correlations, course = plots(munich_report)
    assert correlations.title == "Correlations"
    assert {"X = 0", "X = 3", "Bell test", "key", "unused", "Share of rounds", "preset"} <= {t.strip() for t in texts(correlations)}
    assert "Fig. 4" in correlations.caption
    assert course.title == "Course of the run"
    assert "30 rounds (the run is too short for the configured 500)" in course.caption


def test_oxford_shows_course_and_staircase(oxford_report):
    (course,) = plots(oxford_report)
    assert {"CHSH value S", "QBER Q (%)", "Time (h)", "Bell pair", "95 % band", "preset 2.677", "preset 1.44 %"} <= set(texts(course))
    assert "Fig. 3" in course.caption


def test_a_key_run_shows_the_staircase_only(key_report):
    (stairs,) = plots(key_report)
    assert not {"CHSH value S", "QBER Q (%)"} & set(texts(stairs))
    assert {"Time (h)", "Bell pair"} <= set(texts(stairs))


def test_a_table_of_counts_has_no_figure(counts_report):
    assert plots(counts_report) == ()


@pytest.mark.parametrize("rounds", [0, 1, 9])
def test_runs_of_a_few_rounds_can_be_drawn(make_munich, rounds):
    """No point for a pair without rounds, no curve without all points, no band without test rounds; and no warning."""
    found = plots(collect(make_munich(rounds, finish=False, goal=50)))
    assert len(found) == (2 if rounds else 0)


def test_points_bars_and_curves_are_those_of_the_analysis(munich_report):
    """What matplotlib was given to draw, against the analysis; P(A = B) = (1 + E)/2."""
    joint, figure = munich_report.joint, Figure()
    _correlations(figure, joint, joint.angles)
    for y, axes in enumerate(figure.axes):
        pairs = [pair for pair in joint.analysis.pairs if pair.y == y]
        points = {(round(points.lines[0].get_xdata()[0], 1), points.get_label()): points for points in axes.containers}
        assert len(points) == 8
        for pair in pairs:
            angle = round(math.degrees(joint.angles[0][pair.x]), 1)
            equal, unequal = points[angle, "A = B"], points[angle, "A \N{NOT EQUAL TO} B"]
            assert equal.lines[0].get_ydata() == pytest.approx(pair.n_equal / pair.n)
            assert unequal.lines[0].get_ydata() == pytest.approx(1 - pair.n_equal / pair.n)
            (bar,) = equal.lines[2][0].get_segments()
            assert bar[:, 1] == pytest.approx([(1 + pair.correlator.low) / 2, (1 + pair.correlator.high) / 2])
        curve = next(line for line in axes.lines if line.get_linestyle() == "--")
        fit = joint.analysis.visibilities[y]
        at = np.interp([-22.5, 0.0, 22.5], curve.get_xdata(), curve.get_ydata())
        fitted = [(1 - fit.visibility.value * math.cos(2 * math.radians(alpha) + fit.phase)) / 2 for alpha in (-22.5, 0.0, 22.5)]
        assert at == pytest.approx(fitted, abs=1e-3)


@pytest.mark.parametrize("name", ["munich", "oxford", "key"])
def test_svg_stands_alone(name, request):
    for plot in plots(request.getfixturevalue(f"{name}_report")):
        assert plot.svg.startswith("<svg")
        assert plot.svg.endswith("</svg>")
        without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]*"', "", plot.svg)
        assert not re.search(r"https?:|<script|<metadata|<image", without_namespaces)
        assert len(plot.svg) < 400_000


def test_the_same_report_gives_the_same_figures_whatever_matplotlib_was_told(oxford_report):
    before = plots(oxford_report)
    with matplotlib.rc_context({"font.size": 30, "text.usetex": True, "svg.fonttype": "none"}):
        told = dict(matplotlib.rcParams)
        assert plots(oxford_report) == before
        assert dict(matplotlib.rcParams) == told


def test_nothing_loads_matplotlib_before_a_figure_is_drawn():
    code = "import sys, eventready.cli.report_html, eventready.cli.report_text; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
