"""What ``eventready key`` says at its end: key, balance sheet, times, assumptions. Nothing in it depends on an outcome but the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .figures import BLUE, GREEN, GREY, ORANGE, Plot, drawn
from .report_html import render_page, write_page
from .report_page import Page
from .report_tables import Table
from .report_text import print_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..protocol.keys.balance import Balance
    from ..protocol.planning import OneBasisPlan
    from ..protocol.session.both import SessionResult

_STAGES = (BLUE, ORANGE, GREEN, "#cc79a7", "#e69f00", "#56b4e9", GREY)
"""Colours of the stages in their order, of the same palette."""


@dataclass(frozen=True)
class KeyReport:
    """How a run became a key, or did not.

    Attributes:
        name: of the run.
        source: its folder.
        hardware: that it ran on.
        plan: of the key.
        result: of the session.
        balance: of Alice's pool, which is as Bob's.
    """

    name: str
    source: str
    hardware: str
    plan: OneBasisPlan
    result: SessionResult
    balance: Balance

    @property
    def key_bits(self) -> int:
        """Length of the key, 0 after an abort."""
        return self.plan.key_bits if self.result.bob.outcome == "key" else 0


def print_key_report(report: KeyReport) -> None:
    """Print it."""
    print_page(page_of_key(report))


def write_key_html(report: KeyReport, path: Path) -> None:
    """Write it, with its figure.

    Raises:
        ConfigError: the file cannot be written.
    """
    write_page(render_page(page_of_key(report), (_figure(report),)), path)


def page_of_key(report: KeyReport) -> Page:
    """Its words and tables."""
    return Page(
        report.name, _headline(report), _cautions(report), (_uses(report), _balance(report), _times(report)), _notes(report), report.source
    )


def _headline(report: KeyReport) -> str:
    n, seconds = report.plan.rounds, report.result.elapsed_s
    if report.key_bits:
        kind = "simulated key" if report.hardware != "real" else "key"
        return f"A {kind} of {report.key_bits:,} bits, the same at both parties, from {n:,} rounds; {seconds:.1f} s after the last of them."
    return f"No key: the session {report.result.bob.outcome} ({report.result.bob.reason})."


def _cautions(report: KeyReport) -> tuple[str, ...]:
    found = ["Both parties' logs, pools and keys lie on this machine: a demonstration. On two machines use eventready session."]
    if report.hardware != "real":
        found.append("The rounds were simulated. Whoever knows the simulation's seed knows this key.")
    return tuple(found)


def _uses(report: KeyReport) -> Table:
    plan = report.plan
    rows = [
        ("outcomes of Alice", f"{plan.rounds:,}", "100 %"),
        ("revealed for error correction", f"{plan.syndrome_bits:,}", f"{plan.syndrome_bits / plan.rounds:.2%}"),
        ("given up: what others may know, finite size", f"{plan.rounds - plan.syndrome_bits - plan.key_bits:,}", ""),
        ("key", f"{report.key_bits:,}", f"{report.key_bits / plan.rounds:.2%}"),
    ]
    note = (
        f"Soundness {plan.security.soundness:g}; analysis {plan.analysis}; at most {plan.most_losses:,} lost test rounds are accepted "
        f"(winning fraction {plan.threshold:.6f}); error correction at f = {plan.efficiency:.3f} of the Shannon limit."
    )
    return Table("What became of the outcomes", ("", "bits", "of the rounds"), tuple(rows), note)


def _balance(report: KeyReport) -> Table:
    sheet = report.balance
    rows = (
        ("seed of the extractor", f"{sheet.seed_bits:,}", f"{sheet.seed_bits:,}"),
        ("hash key", f"{sheet.hash_key_bits:,}", f"{sheet.hash_key_bits:,}"),
        ("one-time words", f"{sheet.pad_bits:,}", f"{sheet.pad_bits - sheet.used_pad_bits:,}"),
        ("generated key", "-", f"{sheet.generated_bits:,}"),
        ("all", f"{sheet.before:,}", f"{sheet.after:,}"),
    )
    note = f"Net: {sheet.net:+,} bits. Seed and hash key can be used again; one-time words cannot. After Nadlinger et al., Table 1."
    return Table("Balance of secret bits, at each party", ("", "before", "after"), rows, note)


def _times(report: KeyReport) -> Table:
    names = list(dict.fromkeys(stage.name for stage in report.result.stages))
    spent = {(stage.party, stage.name): stage.stop - stage.start for stage in report.result.stages}
    rows = [(name, *(f"{spent[party, name]:.2f} s" if (party, name) in spent else "-" for party in ("alice", "bob"))) for name in names]
    rows.append(("all, side by side", f"{report.result.elapsed_s:.2f} s", ""))
    return Table(
        "Times", ("stage", "Alice", "Bob"), tuple(rows), "A stage can wait for the other party, who shares this machine's processors."
    )


def _notes(report: KeyReport) -> tuple[str, ...]:
    if not report.key_bits:
        return ()
    return ("The key rests on:", *report.plan.assumptions)


def _figure(report: KeyReport) -> Plot:
    caption = "Above: what became of Alice's outcomes. Below: who was at what, from the last round to the key."
    return drawn("From rounds to key", caption, lambda figure: _draw(figure, report), height=3.4)


def _draw(figure: Figure, report: KeyReport) -> None:
    uses, times = figure.subplots(2, 1, height_ratios=(1, 2))
    plan = report.plan
    parts = (("revealed", plan.syndrome_bits), ("given up", plan.rounds - plan.syndrome_bits - report.key_bits), ("key", report.key_bits))
    left = 0
    for (name, bits), colour in zip(parts, (ORANGE, GREY, GREEN), strict=True):
        uses.barh([0], [bits], left=[left], color=colour, label=f"{name} {bits:,}")
        left += bits
    uses.set_yticks([])
    uses.set_xlim(0, plan.rounds)
    uses.set_xlabel("bits")
    uses.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    names = list(dict.fromkeys(stage.name for stage in report.result.stages))
    for number, name in enumerate(names):
        mine = [stage for stage in report.result.stages if stage.name == name]
        rows, starts = [("bob", "alice").index(stage.party) for stage in mine], [stage.start for stage in mine]
        times.barh(
            rows, [stage.stop - stage.start for stage in mine], left=starts, color=_STAGES[number % len(_STAGES)], label=name, height=0.6
        )
    times.set_yticks([0, 1], ["Bob", "Alice"])
    times.set_xlabel("s")
    times.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.3))
