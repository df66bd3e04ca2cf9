"""What a play of a sequence was: plain data, and a time line of it in text.

Inputs and outcomes are in it and can be asked for; no ``repr`` and no time line shows them unasked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..sequences.findings import time_text
from ..sequences.language import INPUT

Choice = tuple[str, int | str]
"""What a choice hung on, and its value."""


@dataclass(frozen=True)
class Heralded:
    """The herald of a round.

    Args:
        name: what was heralded, e.g. ``"psi+"``.
        pattern: the click pattern.
        time_ps: when it was known at the detectors.
        attempts: excitations until then.
    """

    name: str
    pattern: int
    time_ps: int
    attempts: int


@dataclass(frozen=True)
class Step:
    """One block or wait at one node.

    Args:
        path: in the tree; the arm of a choice on the input is left out of it.
        start_ps: when it began, on the node's own time.
        end_ps: when it ended.
        chosen: the choices that led here, outermost first.
        counts: of each gate in it, by detector, in the order of the gates.
        acted_ps: when each of its effects acted on the particle.
        notes: beams that should have shone and did not, gates that could not count.
    """

    path: str
    start_ps: int
    end_ps: int
    chosen: tuple[Choice, ...] = field(default=(), repr=False)
    counts: tuple[tuple[str, int], ...] = field(default=(), repr=False)
    acted_ps: tuple[int, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        return f"Step({self.public_path!r}, {self.start_ps}, {self.end_ps})"

    @property
    def public_path(self) -> str:
        """Its path as far as it does not hang on the input."""
        return "/".join([*self.path.split("/")[: self.path.split("/").index(INPUT) + 1], "..."]) if self.secret else self.path

    @property
    def secret(self) -> bool:
        """Whether it is in an arm of a choice on the input."""
        return any(symbol == INPUT for symbol, _ in self.chosen)


@dataclass(frozen=True)
class NodeTrace:
    """What one node did.

    Args:
        node: its name.
        steps: in order.
        input: that its choices take: given, or latched; None where there is none.
        outcome: of the round; None at a node that is no party, or without a herald.
        fallback: why the outcome is the declared fallback output, in words; empty where it was read.
    """

    node: str
    steps: tuple[Step, ...] = field(repr=False)
    input: int | None = field(default=None, repr=False)
    outcome: int | None = field(default=None, repr=False)
    fallback: str = ""


@dataclass(frozen=True)
class Trace:
    """A play.

    Args:
        start_ps: when it began.
        end_ps: when the last node was done.
        herald: what was heralded; None where nothing was.
        ended: why there was no herald, in words; empty where there was one.
        attempts: excitations, heralded or not.
        nodes: by name.
    """

    start_ps: int
    end_ps: int
    herald: Heralded | None
    ended: str
    attempts: int
    nodes: Mapping[str, NodeTrace]


def timeline(trace: Trace, *, reveal: bool = False) -> str:
    """A play as text, one line a step; times count from the herald, or from the start where there was none.

    Args:
        trace: the play.
        reveal: show inputs, counts and outcomes. Such a round can make no key.
    """
    return "\n".join(_lines(trace, reveal)) + "\n"


def _lines(trace: Trace, reveal: bool) -> Iterator[str]:
    herald = trace.herald
    zero_ps = trace.start_ps if herald is None else herald.time_ps
    yield f"start    at {trace.start_ps / 1e12:.9f} s"
    if herald is None:
        yield f"no herald in {trace.attempts} attempts: {trace.ended}"
    else:
        yield f"herald   {herald.name}, pattern {herald.pattern:04b}, at {zero_ps / 1e12:.9f} s after {herald.attempts} attempts"
    for name, node in trace.nodes.items():
        yield ""
        yield f"{name:8} {'from':>14} {'to':>14}  ps after the {'herald' if herald else 'start'}"
        for step in node.steps:
            yield from _step(step, zero_ps, reveal)
        if node.fallback:
            yield f"  fallback output{f' {node.outcome}' if reveal else ''}: {node.fallback}"
        elif node.outcome is not None:
            yield f"  outcome {node.outcome}" if reveal else "  outcome read"


def _step(step: Step, zero_ps: int, reveal: bool) -> Iterator[str]:
    words = [step.path if reveal else step.public_path, f"({time_text(step.end_ps - step.start_ps)})"]
    if reveal:
        words += [f"{symbol}={value}" for symbol, value in step.chosen]
        words += [f"{detector}: {count} counts" for detector, count in step.counts]
    elif step.counts:
        words.append("counted")
    yield f"{'':8} {step.start_ps - zero_ps:>14} {step.end_ps - zero_ps:>14}  {' '.join(words)}"
    for acted_ps in step.acted_ps:
        yield f"{'':8} {acted_ps - zero_ps:>14} {'':14}  acts on the particle"
    if step.notes and (reveal or not step.secret):
        yield from (f"{'':40}! {note}" for note in step.notes)
    elif step.notes:
        yield f"{'':40}! something in this arm did not shine or count"
