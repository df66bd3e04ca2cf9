"""The tables of the report as plain text cells, the same on the screen and on paper. ASCII only."""

from __future__ import annotations

from typing import NamedTuple

from ..protocol.analysis import BellAnalysis
from ..protocol.bell import BellGame
from ..protocol.records import Flag
from .notation import interval, qber_interval, qber_plain, qber_short, short, sigmas
from .preset_comparison import Prediction
from .progress import duration
from .report_model import JointResults, PublicFacts, RunReport

_FLAG_MEANS = {
    Flag.FALLBACK: "declared fallback output instead of a readout",
    Flag.LOST: "swallowed by a crash, written when the run was resumed",
    Flag.NOT_ISOLATED: "isolation not reached, input recorded but not applied",
    Flag.DEVICE_FAULT: "a device failed between herald and readout",
}


_MOST_ALARMS = 30


class Table(NamedTuple):
    """A table of the report.

    Attributes:
        title: what it shows.
        header: column heads; the first column is text, the others are set to the right. Empty where the rows need none.
        rows: all of one length.
        note: below the table; may be empty.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def tables(report: RunReport) -> tuple[Table, ...]:
    """All tables, in the order of reading."""
    found: list[Table] = []
    if report.joint is not None:
        found += [_s_and_q(report.joint), _consequences(report.joint.analysis), _correlations(report.joint)]
    if report.patterns:
        found.append(_patterns(report))
    if report.joint is not None and report.joint.flags:
        found.append(_flags(report.joint))
    if report.alarms:
        found.append(_alarms(report))
    if report.public is not None:
        found.append(_run(report.public))
    return tuple(found)


def _s_and_q(joint: JointResults) -> Table:
    analysis, preset, game = joint.analysis, joint.preset, joint.game
    rows = [("S", short(analysis.s), interval(analysis.s), *(_preset_s(preset.s) if preset else ()))]
    for number, result in enumerate(analysis.qbers):
        name = f"Q{number if len(analysis.qbers) > 1 else ''}, settings ({result.x},{result.y})"
        predicted = _preset_q(game, preset.qbers[number]) if preset else ()
        rows.append((name, qber_short(result.qber, game), qber_interval(result.qber, game), *predicted))
    if len(analysis.qbers) > 1:
        rows.append(
            ("Q, all key rounds", qber_short(analysis.qber, game), qber_interval(analysis.qber, game), *(("", "") if preset else ()))
        )
    header = ("Quantity", "Value", "95 % interval", *(("Preset", "Deviation") if preset else ()))
    note = f"In parentheses: standard error of the last digits. Intervals: {analysis.interval}."
    return Table("Bell test and key", header, tuple(rows), note)


def _consequences(analysis: BellAnalysis) -> Table:
    rows: list[tuple[str, str, str]] = _key_rows(analysis)
    if analysis.chsh is not None:
        games = f"CHSH games won ({analysis.chsh.wins:,} of {analysis.chsh.trials:,})"
        rows.append((games, short(analysis.chsh.omega), interval(analysis.chsh.omega)))
    if analysis.local_realism is not None:
        bias = f"{analysis.local_realism.rng_bias:.0e}" if analysis.local_realism.rng_bias else "0"
        rows.append((f"p-value of local realism (input bias <= {bias})", analysis.local_realism.p, ""))
    if analysis.no_signalling is not None:
        tests = len(analysis.no_signalling.tests)
        rows.append((f"p-value of no-signalling ({tests} tests)", f"{analysis.no_signalling.p_bonferroni:.2g}", ""))
    for fit in analysis.visibilities or ():
        rows.append((f"Visibility at Y = {fit.setting_b}", short(fit.visibility), interval(fit.visibility)))
    if analysis.fidelity is not None:
        rows.append(("Fidelity to a Bell state, lower bound", short(analysis.fidelity), interval(analysis.fidelity)))
    return Table("What follows from the counts", ("Quantity", "Value", "95 % interval"), tuple(rows))


def _key_rows(analysis: BellAnalysis) -> list[tuple[str, str, str]]:
    key = analysis.key_rate
    if key is None:
        return []
    rows = [("Asymptotic key rate, bits per herald", f"{key.rate:.4f} of {key.max_rate:g}", "")]
    if len(analysis.qbers) > 1:
        rows.append((f"Key per raw bit, {len(analysis.qbers)} key bases", f"{key.rate / key.max_rate:.3f}", ""))
        for result, rate in zip(analysis.qbers, key.one_basis, strict=True):
            rows.append((f"Key per raw bit, basis ({result.x},{result.y}) alone", f"{rate:.3f}", ""))
    return rows


def _correlations(joint: JointResults) -> Table:
    analysis, preset = joint.analysis, joint.preset
    rows = []
    for number, pair in enumerate(analysis.pairs):
        if pair.n or pair.role != "unused":
            predicted = _preset_e(preset.correlators[number]) if preset else ()
            role = "Bell test" if pair.role == "test" else pair.role
            rows.append((f"{pair.x},{pair.y}", role, f"{pair.n:,}", f"{pair.n_equal:,}", short(pair.correlator), *predicted))
    header = ("X,Y", "Used for", "Rounds", "A = B", "E", *(("Preset", "Deviation") if preset else ()))
    return Table("Correlations E(X,Y) = P(A = B) - P(A != B)", header, tuple(rows))


def _patterns(report: RunReport) -> Table:
    total = sum(pattern.heralds for pattern in report.patterns)
    header = ["Clicks", "Heralds", "Share"]
    rows = [[f"{p.clicks}: {p.state}", f"{p.heralds:,}", f"{p.heralds / total:.1%}" if total else "-"] for p in report.patterns]
    if report.joint is not None:
        game, preset = report.joint.game, report.joint.preset is not None
        header += ["S", "Preset", "Q", "Preset"] if preset else ["S", "Q"]
        for row, p in zip(rows, report.patterns, strict=True):
            row += [short(p.s), *([f"{p.preset_s:.3f}" if p.preset_s is not None else "-"] if preset else [])]
            row += [qber_short(p.qber, game), *([qber_plain(p.preset_qber, game)] if preset else [])]
    return Table("Heralds by click pattern", tuple(header), tuple(tuple(row) for row in rows))


def _flags(joint: JointResults) -> Table:
    rows = tuple((_FLAG_MEANS[count.flag], count.party, f"{count.rounds:,}") for count in joint.flags)
    return Table("Flagged rounds", ("Flag", "Party", "Rounds"), rows, "A round may carry several flags, at one party or at both.")


def _alarms(report: RunReport) -> Table:
    rows = tuple((alarm.monitor, alarm.node, duration(alarm.at_s), alarm.text) for alarm in report.alarms[:_MOST_ALARMS])
    more = len(report.alarms) - len(rows)
    note = "A monitor says that something changed. While nothing does, one run in a hundred shows any."
    return Table(
        "Alarms", ("Monitor", "Of", "Raised at", "What changed"), rows, f"{note} {more} more are in events.jsonl." if more else note
    )


def _run(public: PublicFacts) -> Table:
    rate = public.rounds_per_hour
    rows = [
        ("Identifier", public.run_id),
        ("Link, Bell game", f"{public.link}, {public.game}"),
        ("Hardware, purpose", f"{public.hardware}, {public.purpose}"),
        *([("Preset", public.preset)] if public.preset is not None else []),
        ("Rounds", f"{public.rounds:,} of {public.goal:,}"),
        (public.time_name.capitalize(), duration(public.duration_s)),
        (f"Rounds per hour of {public.time_name}", "-" if rate is None else f"{rate:,.1f}" if rate < 1000 else f"{rate:,.0f}"),
        ("Vetoed heralds", f"{public.vetoes:,}"),
        ("Resumed", f"{public.resumed} times"),
        ("Configuration digest", public.config_digest),
        *((name.capitalize(), str(value)) for name, value in public.noted.items()),
    ]
    return Table("Run", (), tuple(rows))


def _preset_s(predicted: Prediction) -> tuple[str, str]:
    return f"{predicted.value:.3f}", sigmas(predicted.deviation)


def _preset_e(predicted: Prediction) -> tuple[str, str]:
    return f"{predicted.value:.4f}", sigmas(predicted.deviation)


def _preset_q(game: BellGame, predicted: Prediction) -> tuple[str, str]:
    return qber_plain(predicted.value, game), sigmas(predicted.deviation)
