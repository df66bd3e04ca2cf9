"""What the report says."""

import pytest

from eventready.cli.report_data import collect, from_counts
from eventready.cli.report_tables import tables
from eventready.cli.report_words import cautions, headline, notes
from eventready.protocol.records import Flag


def cell(report, title, row, column):
    table = next(table for table in tables(report) if table.title.startswith(title))
    found = next(cells for cells in table.rows if cells[0].startswith(row))
    return found[table.header.index(column) if isinstance(column, str) else column]


def said(report):
    return " ".join((headline(report), *cautions(report), *notes(report)))


def test_the_published_munich_run(counts_report):
    """Every number as in Zhang et al., Nature 607, 687 (2022), but the error 0.0757 of S, which they cut to 0.075."""
    assert headline(counts_report) == (
        "counts.csv: 2,503 rounds. S = 2.578(76) violates Bell's inequality S <= 2 (p = 9.26e-13 for local realism). Q = 0.0779(91). "
        "That makes 0.0703 of at most 0.25 bits of key per herald in the limit of many rounds."
    )
    assert cell(counts_report, "Bell test", "S", "Value") == "2.578(76)"
    assert cell(counts_report, "Bell test", "Q0", "Value") == "0.0781(127)"
    assert cell(counts_report, "Bell test", "Q1", "Value") == "0.0777(132)"
    assert [cell(counts_report, "Correlations", pair, "E") for pair in ("2,0", "3,0", "2,1", "3,1")] == [
        "-0.599(41)",
        "-0.664(36)",
        "0.618(39)",
        "-0.697(35)",
    ]
    assert cell(counts_report, "What follows", "Asymptotic key rate", "Value") == "0.0703 of 0.25"
    # "also the original DIQKD protocol achieves a positive key rate for the observed S and Q0 (or Q1)"
    assert 0 < float(cell(counts_report, "What follows", "Key per raw bit, basis (0,0)", "Value")) < 0.0703 / 0.25
    assert cell(counts_report, "What follows", "p-value of local realism", "Value") == "9.26e-13"
    assert "(0,1), (1,0)" in said(counts_report)
    assert "tells nothing of herald patterns" in said(counts_report)
    assert cautions(counts_report) == ()


@pytest.mark.parametrize(
    ("equal", "words"),
    [
        ((76, 335, 73, 63), "violates Bell's inequality"),
        ((90, 300, 95, 95), "above the local bound 2, but not beyond doubt"),
        ((120, 260, 120, 120), "no violation of Bell's inequality"),
    ],
)
def test_a_violation_is_claimed_beyond_doubt_only(tmp_path, equal, words):
    path = tmp_path / "counts.csv"
    rows = [f"{x},{y},410,{k}" for (x, y), k in zip(((2, 0), (2, 1), (3, 0), (3, 1)), equal, strict=True)]
    path.write_text("\n".join(("X,Y,n,n_equal", *rows)), encoding="utf-8")
    report = from_counts(path)
    assert words in headline(report)
    assert "Q cannot be told yet" in headline(report)
    assert any(sentence.startswith("Not computed: Key rate") for sentence in notes(report))


def test_no_key_is_no_key(tmp_path):
    path = tmp_path / "counts.csv"
    path.write_text("X,Y,n,n_equal\n0,0,400,80\n1,1,400,80\n2,0,400,80\n2,1,400,320\n3,0,400,80\n3,1,400,80\n", encoding="utf-8")
    assert "That makes no key (-0." in headline(from_counts(path))


def test_a_simulation_says_so(munich_report, oxford_report, key_report):
    for report in (munich_report, oxford_report, key_report):
        assert "(simulated)" in headline(report)
        assert cautions(report)[0].startswith("Simulated:")
        assert "One machine that holds both parties' logs is a demonstration" in said(report)
    for report in (munich_report, oxford_report):
        assert "no key may ever be made" in said(report)


def test_why_the_preset_is_not_the_paper(munich_report, oxford_report):
    assert "docs/explanations/munich-s-and-q.md" in said(munich_report)
    assert "Preset munich-physics: " in said(munich_report)
    assert "munich-s-and-q" not in said(oxford_report)
    assert "is therefore no prediction" in said(oxford_report)


def test_the_preset_stands_beside_the_run(munich_report, oxford_report):
    assert cell(munich_report, "Bell test", "S", "Preset") == "2.426"
    assert cell(munich_report, "Bell test", "Q0", "Preset") == "0.0711"
    assert cell(oxford_report, "Bell test", "S", "Preset") == "2.677"
    assert cell(oxford_report, "Bell test", "Q, ", "Preset") == "1.44 %"
    assert cell(oxford_report, "Bell test", "S", "Deviation") == f"{oxford_report.joint.preset.s.deviation:+.1f} sigma"


def test_pairs_that_are_never_played_are_not_listed(munich_report, oxford_report):
    listed = {table.title: [row[0] for row in table.rows] for report in (munich_report, oxford_report) for table in tables(report)}
    correlations = next(rows for title, rows in listed.items() if title.startswith("Correlations"))
    assert correlations == ["0,0", "0,1", "0,2", "1,0", "1,1"]
    assert cell(munich_report, "Correlations", "0,1", "Used for") == "unused"


def test_flags_are_explained(make_munich):
    report = collect(make_munich(40, flags=[Flag.NOT_ISOLATED | Flag.FALLBACK]))
    assert "1 round is flagged. They count like all others" in said(report)
    assert cell(report, "Flagged rounds", "isolation not reached", "Rounds") == "1"


def test_without_flags_nothing_is_said_of_them(munich_report):
    assert "flagged" not in said(munich_report)
    assert not any(table.title == "Flagged rounds" for table in tables(munich_report))


def test_an_unfinished_run_says_so(make_munich):
    report = collect(make_munich(7, finish=False, goal=50))
    assert "7 of 50 rounds" in headline(report)
    assert "not finished (7 of 50 rounds)" in said(report)
    assert "--resume" in said(report)


def test_real_hardware_is_not_called_simulated(make_munich):
    report = collect(make_munich(hardware="real"))
    words = said(report) + str(tables(report))
    assert "imulat" not in words
    assert "preset" not in words.lower()
    assert "of experiment time" in headline(report)


def test_a_key_run_says_why_there_is_no_s(key_report):
    assert headline(key_report).startswith("oxford (simulated): 500 rounds in ")
    assert "make a run with --purpose characterise" in said(key_report)
    assert "burned" not in said(key_report)
    assert notes(key_report) == ()
    assert [table.title.split()[0] for table in tables(key_report)] == ["Heralds", "Run"]
    assert all("Preset" not in table.header and "S" not in table.header for table in tables(key_report))


def test_rows_are_as_long_as_their_header(munich_report, oxford_report, key_report, counts_report):
    for report in (munich_report, oxford_report, key_report, counts_report):
        for table in tables(report):
            assert {len(row) for row in table.rows} == {len(table.header) or 2}
            assert str(table).isascii()
        assert said(report).isascii()
