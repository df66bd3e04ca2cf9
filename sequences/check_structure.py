"""Rules about the tree itself: names, heralds, choices, and that nothing after a herald is undefined."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from .findings import Finding, time_text
from .language import HERALD, INPUT, ROUND_TYPE, Block, Choose, Gate, Herald, Item, Pulse, Repeat, Seq, Until, Wait
from .stretches import is_attempt
from .tree import blocks, children, join, name_of, walk
from .wiring import Wiring

OUTPUTS = (0, 1)


def check_structure(tree: Item, wiring: Wiring) -> Iterator[Finding]:
    """Everything that can be said without a device."""
    for path, item in walk(tree):
        if isinstance(item, Block):
            yield from _block(path, item, wiring)
        elif isinstance(item, Until):
            yield from _until(path, item, wiring)
        elif isinstance(item, Repeat) and item.n < 1:
            yield Finding("count", path or "repeat", f"repeats {item.n} times", "repeat at least once, or leave it out")
        elif isinstance(item, Wait) and item.timeout_ps < 0:
            yield Finding("length", path, f"waits {time_text(item.timeout_ps)}", "wait for 0 or longer")
        elif isinstance(item, Choose):
            yield from _choice(path, item)
    yield from _fallbacks(tree, "", False, False)


# -- blocks ----------------------------------------------------------------------------------------------------------------------------


def _block(path: str, block: Block, wiring: Wiring) -> Iterator[Finding]:
    if block.length_ps <= 0:
        yield Finding("length", path, f"lasts {time_text(block.length_ps)}", "give it a length of more than 0")
    known, pulsed = wiring.lines, {pulse.line for pulse in block.pulses}
    for pulse in block.pulses:
        if pulse.line not in known:
            yield _unknown("line", pulse.line, path, wiring)
        if pulse.width_ps <= 0 or pulse.at_ps < 0 or pulse.end_ps > block.length_ps:
            yield _outside(pulse, f"{path}/{pulse.line}", block)
    for gate in block.gates:
        place = f"{path}/{gate.detector}"
        if gate.detector not in known:
            yield _unknown("detector", gate.detector, path, wiring)
        if gate.width_ps <= 0 or gate.at_ps < 0 or gate.end_ps > block.length_ps:
            yield _outside(gate, place, block)
        if gate.ref is not None and gate.ref not in pulsed:
            message = f"the gate counts from {gate.ref}, which has no pulse in this block"
            yield Finding("reference", place, message, f"add the pulse, or leave ref out; there are {', '.join(sorted(pulsed)) or 'none'}")
    yield from _overlaps(path, block)


def _outside(item: Pulse | Gate, place: str, block: Block) -> Finding:
    span = f"{time_text(item.at_ps)} to {time_text(item.end_ps)}"
    if item.width_ps <= 0:
        return Finding("width", place, f"lasts {time_text(item.width_ps)}", "give it a width of more than 0")
    remedy = "move it inside, or split it between two blocks"
    return Finding("outside", place, f"{span} is not within the block's 0 to {time_text(block.length_ps)}", remedy)


def _unknown(what: str, name: str, path: str, wiring: Wiring) -> Finding:
    node = name.partition(".")[0]
    near = sorted(line for line in wiring.lines if line.partition(".")[0] == node)
    remedy = f"wire it to a port, or use one that is wired: {', '.join(near) or 'none of ' + node}"
    return Finding(what, f"{path}/{name}", f"the wiring has no {what} {name!r}", remedy)


def _overlaps(path: str, block: Block) -> Iterator[Finding]:
    spans: dict[str, list[Pulse | Gate]] = {}
    for pulse in block.pulses:
        spans.setdefault(pulse.line, []).append(pulse)
    for gate in block.gates:
        spans.setdefault(gate.detector, []).append(gate)
    for line, found in spans.items():
        if len(found) > 1:
            found = sorted(found, key=lambda each: each.at_ps)
            for first, second in itertools.pairwise(found):
                if second.at_ps < first.end_ps:
                    overlap = f"{time_text(second.at_ps)} to {time_text(min(first.end_ps, second.end_ps))}"
                    message = f"two pulses overlap from {overlap}"
                    remedy = f"start the second one at {time_text(first.end_ps)} or later, or make one pulse of both"
                    yield Finding("overlap", f"{path}/{line}", message, remedy)


# -- heralds ---------------------------------------------------------------------------------------------------------------------------


def _until(path: str, until: Until, wiring: Wiring) -> Iterator[Finding]:
    place = join(path, "until")
    if not until.heralds:
        yield Finding("herald", place, "no pattern heralds, so it never ends with a herald", "name at least one")
    if until.limit < 1:
        yield Finding("count", place, f"gives up after {until.limit} attempts", "allow at least one")
    if until.latency_ps < 0:
        yield Finding("length", place, f"a herald is known {time_text(until.latency_ps)} after its gate", "give 0 or more")
    gated = {gate.detector for _, block in blocks(until.body) for gate in block.gates}
    seen: dict[frozenset[str], Herald] = {}
    for herald in until.heralds:
        here = f"{place}/{herald.name}"
        if not herald.clicks:
            yield Finding("herald", here, "no detector clicks, so every attempt would herald", "name the detectors that click")
        for click in sorted(herald.clicks - gated):
            message = f"{click} has no gate in an attempt, so the pattern {'+'.join(sorted(herald.clicks))} never matches"
            yield Finding("gate", here, message, f"add Gate({click!r}, ...) to the attempt")
        for click in sorted(herald.clicks - gated - set(wiring.lines)):
            yield _unknown("detector", click, here, wiring)
        if herald.clicks in seen:
            other = seen[herald.clicks].name
            message = f"the pattern {'+'.join(sorted(herald.clicks))} also heralds {other}, so which one it was is not defined"
            yield Finding("herald", here, message, "remove one of the two")
        seen[herald.clicks] = herald
    if sum(is_attempt(block, until) for _, block in blocks(until.body)) > 1:
        yield Finding(
            "herald", place, "more than one kind of attempt has gates for the heralds", "keep one, so that attempts can be counted"
        )


# -- choices ---------------------------------------------------------------------------------------------------------------------------


def _choice(path: str, choice: Choose) -> Iterator[Finding]:
    place = join(path, choice.symbol)
    if not choice.arms:
        yield Finding("choice", place, "has no arms", "give one for each value")
    if choice.symbol == ROUND_TYPE:
        message = "hangs on the type of the round: the device would learn it, and test and key rounds would differ"
        yield Finding("leak", place, message, "take the choice out; a key round plays the arm of its input, and no other")
    elif choice.symbol not in (INPUT, HERALD):
        yield Finding("choice", place, f"nothing is called {choice.symbol!r}", f"a choice hangs on {INPUT!r} or {HERALD!r}")


# -- nothing after a herald is undefined -----------------------------------------------------------------------------------------------


def _fallbacks(item: Item, path: str, after: bool, covered: bool) -> Iterator[Finding]:
    """What comes after a herald and has no fallback output of its own or from above."""
    here = join(path, name_of(item))
    own = getattr(item, "fallback", None)
    if own is not None and own not in OUTPUTS:
        yield Finding("fallback", here or "round", f"the fallback output {own!r} is no output", "give 0 or 1")
    covered = covered or own is not None
    if isinstance(item, Block | Wait):
        if after and not covered:
            message = "comes after a herald, and what the round gives if it fails here is not defined"
            yield Finding("fallback", here, message, "name its fallback, or that of the Seq around it")
        return
    for word, child in children(item):
        yield from _fallbacks(child, join(here, word), after and not isinstance(item, Until), covered)
        after = after or (isinstance(item, Seq) and _heralds(child))


def _heralds(item: Item) -> bool:
    """Whether what follows an item follows a herald."""
    return any(isinstance(found, Until) for _, found in walk(item))
