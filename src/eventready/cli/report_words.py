"""The report in sentences, the same on the screen and on paper. ASCII only."""

from __future__ import annotations

from pathlib import Path

from ..protocol.analysis import BellAnalysis
from .notation import qber_short, short
from .progress import duration
from .report_model import LOCAL_BOUND, JointResults, PublicFacts, RunReport

_STAND_IN = {
    "twin": "Simulated: instruments and atoms are a digital twin in memory. Nothing in this report was measured.",
    "wire": "Simulated: real drivers talked to simulated instruments around a digital twin. Nothing in this report was measured.",
}
_MUNICH_LINE = (
    "Why not both the S = 2.578(75) and the Q = 0.078(9) of Zhang et al.: with Alice's published angles and a readout of equal contrast "
    "every state gives S = 2 sqrt 2 (1 - 2 Q), and those two are off that line; see docs/explanations/munich-s-and-q.md."
)
_ONE_MACHINE = (
    "One machine that holds both parties' logs is a demonstration: a key is secret only if no place but its owner's ever saw the outcomes."
)
_BURNED = "Both parties' outcomes were looked at together, so these data are burned: no key may ever be made from them."
_KEY_RUN = (
    "This is a key run, so S and Q are not shown: they compare both parties' outcomes, and who has seen those can make no key from them. "
    "The parties find S and Q out between themselves when they make the key; for a joint report make a run with --purpose characterise."
)
_ASYMPTOTIC = "Key rates are those of infinitely many rounds with exactly these S and Q; a finite run yields less, a short one nothing."
_ONLY_COUNTS = "A table of counts tells nothing of herald patterns, flagged rounds, drifts, or the time it took."


def headline(report: RunReport) -> str:
    """What happened, in one or two sentences."""
    parts = [_what(report)]
    if report.joint is not None:
        parts += [_bell(report.joint.analysis), _key(report.joint)]
    elif report.public is not None:
        parts.append("S and Q stay unseen, as in every key run.")
    return " ".join(parts)


def cautions(report: RunReport) -> tuple[str, ...]:
    """What a reader must know before believing anything: what this was, and what the data are no good for."""
    public = report.public
    if public is None:
        return ()
    found = [_STAND_IN[public.hardware]] if public.hardware in _STAND_IN else []
    found += [_unfinished(public)] if not public.finished else []
    found += [_KEY_RUN] if report.joint is None else []
    found += [_BURNED] if public.burned else []
    return (*found, _ONE_MACHINE)


def notes(report: RunReport) -> tuple[str, ...]:
    """What the numbers do not say by themselves."""
    joint = report.joint
    if joint is None:
        return ()
    found = [f"Not computed: {sentence}" for sentence in joint.analysis.not_computed]
    found += [_flag_note(joint)] if joint.flagged_rounds else []
    found += _preset_notes(joint)
    found += [_ASYMPTOTIC] if joint.analysis.key_rate is not None else []
    found += [_ONLY_COUNTS] if report.public is None else []
    return tuple(found)


def _what(report: RunReport) -> str:
    if report.public is None:
        rounds = report.joint.analysis.rounds if report.joint is not None else 0
        return f"{Path(report.source).name}: {rounds:,} rounds."
    public = report.public
    kind = "" if public.hardware == "real" else " (simulated)"
    of_goal = f" of {public.goal:,}" if public.rounds != public.goal else ""
    return f"{public.link}{kind}: {public.rounds:,}{of_goal} rounds in {duration(public.duration_s)} of {public.time_name}."


def _bell(analysis: BellAnalysis) -> str:
    s = analysis.s
    if s is None:
        return "S cannot be told yet."
    p = f" (p = {analysis.local_realism.p} for local realism)" if analysis.local_realism is not None else ""
    if s.low > LOCAL_BOUND:
        return f"S = {short(s)} violates Bell's inequality S <= 2{p}."
    if s.value > LOCAL_BOUND:
        return f"S = {short(s)} is above the local bound 2, but not beyond doubt{p}."
    return f"S = {short(s)}: no violation of Bell's inequality S <= 2."


def _key(joint: JointResults) -> str:
    analysis = joint.analysis
    error_rate = f"Q = {qber_short(analysis.qber, joint.game)}" if analysis.qber is not None else "Q cannot be told yet"
    if analysis.key_rate is None:
        return f"{error_rate}."
    rate = f"{analysis.key_rate.rate:.4f} of at most {analysis.key_rate.max_rate:g} bits of key per herald"
    if analysis.key_rate.rate > 0:
        return f"{error_rate}. That makes {rate} in the limit of many rounds."
    return f"{error_rate}. That makes no key ({rate})."


def _unfinished(public: PublicFacts) -> str:
    return (
        f"The run is not finished ({public.rounds:,} of {public.goal:,} rounds), and its logs cannot be verified against a manifest yet; "
        "go on with: eventready run --resume RUN."
    )


def _preset_notes(joint: JointResults) -> list[str]:
    if joint.preset is None:
        return []
    found = [f"Preset {joint.preset.name}: {' '.join(joint.preset.note.split())}"]
    return [*found, _MUNICH_LINE] if joint.game.name == "munich" else found


def _flag_note(joint: JointResults) -> str:
    verb = "round is" if joint.flagged_rounds == 1 else "rounds are"
    return f"{joint.flagged_rounds:,} {verb} flagged. They count like all others: nothing is selected after a herald."
