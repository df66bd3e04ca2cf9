"""Drawings show every line and edge where it is; the text form is plain ASCII."""

import re
import sys

import pytest

from eventready.errors import SequenceError
from eventready.sequences import draw
from eventready.sequences.language import OFF, Block, Gate, Pulse, Repeat, Seq, Wait, ns, us
from eventready.sequences.picture import Axis, columns, cycle, port_delays, rows, spans
from eventready.sequences.text_form import text_form
from eventready.sequences.tree import part
from eventready.sequences.wiring import Line, wire
from eventready.stations.config import load_link
from eventready.stations.link_sequence import link_round, link_wiring

CONFIGS = {name: load_link(name) for name in ("munich", "oxford")}


@pytest.fixture(params=CONFIGS)
def described(request):
    config = CONFIGS[request.param]
    return link_round(config), link_wiring(config)


def test_the_columns_of_a_round():
    titles = [column.title for column in columns(part(link_round(CONFIGS["munich"]), "bob"))]
    assert titles == [
        "attempt",
        "cooling",
        "until herald psi+",
        "slot: input",
        "readout",
        "wait: shutter_closed",
        "fluorescence",
        "empty_trap",
        "wait: shutter_open",
    ]
    notes = [column.note for column in columns(part(link_round(CONFIGS["oxford"]), "bob"))]
    assert notes[0] == "x 190"
    assert "herald psi+, 1 of 2\ninput 0, 1 of 3" in notes


def test_an_axis_keeps_the_order_of_all_edges():
    block = Block("b", 19 * us, [Pulse("a.x", us, 20 * ns), Pulse("a.y", 2 * us, 5 * us)])
    axis = Axis(block)
    places = [axis.at(time) for time in range(0, 19 * us, 10 * ns)]
    assert places == sorted(places)
    assert axis.at(0) == 0
    assert axis.at(19 * us) == axis.width
    assert len(axis.breaks()) == 4  # all but the shortest interval, which is 20 ns


def test_an_input_sees_later_what_an_output_does_earlier():
    wiring = wire([Line("b.ref", "d.ref", 20), Line("b.out", "d.out0", 30), Line("b.odd", "e.x", 40)], {"d": "artiq"})
    assert port_delays(wiring) == {"b.ref": -20, "b.out": 30, "b.odd": 40}


def test_the_drawing_has_each_line_with_its_port_and_every_edge(described, tmp_path):
    tree, wiring = described
    for node in ("alice", "bob", "bsm"):
        drawn = draw.figure(tree, wiring, node=node)
        (axes,) = drawn.axes
        shown = columns(part(tree, node))
        assert [label.get_text().splitlines()[0] for label in axes.get_yticklabels()] == rows(shown)
        assert all(wiring.lines[label.get_text().splitlines()[0]].port in label.get_text() for label in axes.get_yticklabels())
        found = [span for column in shown if column.block for span in spans(column.block, port_delays(wiring))]
        assert len(axes.patches) >= len(found) + sum(span.delay_ps != 0 for span in found)
        width, _ = drawn.get_size_inches()
        assert width <= 11.0  # A4, lying


def test_the_attempt_alone_has_its_herald_window(described):
    tree, wiring = described
    (axes,) = draw.figure(tree, wiring, attempt_only=True).axes
    assert any(text.get_text() == "herald known" for text in axes.texts)
    (bobs,) = draw.figure(tree, wiring, node="bob", attempt_only=True).axes
    assert len(bobs.get_yticklabels()) < len(axes.get_yticklabels())


def test_files(described, tmp_path):
    drawn = draw.figure(*described, attempt_only=True)
    draw.write(drawn, tmp_path / "a.png")
    draw.write(drawn, tmp_path / "a.svg")
    draw.write(draw.figure(*described, attempt_only=True), tmp_path / "b.svg")
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == (tmp_path / "b.svg").read_text(encoding="utf-8")
    assert "<svg" in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_the_text_form_is_ascii_and_has_every_time(described):
    tree, wiring = described
    text = text_form(tree, wiring)
    assert text.isascii()
    for node in ("alice", "bob", "bsm"):
        assert f"{node}." in text
        assert set(re.findall(r"\b(\w+)\.", text_form(tree, wiring, node=node))) & {"alice", "bob", "bsm"} == {node}
    assert "herald known at" in text_form(tree, wiring, attempt_only=True)


def test_the_text_form_exactly():
    block = Block("b", 100 * ns, [Pulse("a.x", 0, 50 * ns), Pulse("a.off", 50 * ns, 50 * ns, OFF)], [Gate("a.d", 50 * ns, 50 * ns)])
    wiring = wire([Line("a.x", "d.out0", 7 * ns), Line("a.d", "d.apd0", 3 * ns)], {"d": "artiq"})
    assert text_form(Seq([Repeat(block, 3), Wait("w", 5)]), wiring) == (
        "b (x 3): 100 ns\n"
        f"  a.x   |{'#' * 30}{'_' * 30}| 0 ns to 50 ns; d.out0 7 ns earlier\n"
        f"  a.off |{'_' * 30}{'.' * 30}| 50 ns to 100 ns (not wired)\n"
        f"  a.d   |{'_' * 30}{'=' * 30}| 50 ns to 100 ns; d.apd0 3 ns later\n"
        "\n--- wait: w\n"
    )


def test_a_tree_without_attempt_has_none_to_draw():
    with pytest.raises(SequenceError, match="no attempt"):
        cycle(Block("b", 5))


def test_matplotlib_is_loaded_only_for_drawing():
    import subprocess

    code = "import sys, eventready.sequences.draw, eventready.sequences.text_form; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
