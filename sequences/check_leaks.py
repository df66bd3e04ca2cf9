"""The leak check: from outside, nobody may be able to tell which input a round had.

The arms of a choice on the input must have the same length and the same pulses on every line that can be noticed outside the laboratory.
The key input is one of the arms, played in test and key rounds alike.
"""

from __future__ import annotations

from collections.abc import Iterator

from .findings import Finding, drive_text, time_text
from .language import INPUT, ON, Choose, Drive, Item
from .stretches import cut
from .tree import fixed_length_ps, join, walk
from .wiring import Wiring

Outward = dict[str, tuple[tuple[int, int, Drive | None], ...]]


def check_leaks(tree: Item, wiring: Wiring) -> Iterator[Finding]:
    """All choices on an input."""
    for path, item in walk(tree):
        if isinstance(item, Choose) and item.symbol == INPUT and item.arms:
            yield from _values(path, item)
            yield from _lengths(path, item)
            yield from _lines(path, item, wiring)


def _values(path: str, choice: Choose) -> Iterator[Finding]:
    """Inputs are 0, 1, ...; an arm under any other name would be an input that only some rounds can have."""
    wanted = list(range(len(choice.arms)))
    odd = [value for value in choice.arms if type(value) is not int or value not in wanted]
    for value in odd:
        message = f"the arm {value!r} is no input; if only key rounds play it, the device learns the type of the round"
        yield Finding(
            "leak", join(path, f"{INPUT}={value}"), message, "use inputs 0, 1, ...; the key input is the very arm that test rounds play"
        )


def _lengths(path: str, choice: Choose) -> Iterator[Finding]:
    lengths = {value: fixed_length_ps(arm) for value, arm in choice.arms.items()}
    longest = max((length for length in lengths.values() if length is not None), default=0)
    for value, length in lengths.items():
        place = join(path, f"{INPUT}={value}")
        if length is None:
            yield Finding("leak", place, "how long this arm takes is not fixed", "take what waits or repeats out of the choice")
        elif length != longest:
            message = f"lasts {time_text(length)}, another arm {time_text(longest)}: from outside, the input shows in the length"
            yield Finding("leak", place, message, f"pad the arm by {time_text(longest - length)}")


def _lines(path: str, choice: Choose, wiring: Wiring) -> Iterator[Finding]:
    arms = {value: _outward(arm, wiring) for value, arm in choice.arms.items()}
    (first, reference), *others = arms.items()
    for value, arm in others:
        for line in sorted({*reference, *arm}):
            if reference.get(line, ()) != arm.get(line, ()):
                message = f"{line} can be noticed outside and plays {_told(arm, line)}, but {_told(reference, line)} at {INPUT} {first}"
                remedy = "play the same in all arms, or, if it cannot be noticed, say visible: false in the wiring"
                yield Finding("leak", join(path, f"{INPUT}={value}"), message, remedy)


def _outward(arm: Item, wiring: Wiring) -> Outward:
    """What an arm plays on lines that can be noticed; a line that is not wired counts as one of them."""
    found: dict[str, list[tuple[int, int, Drive | None]]] = {}
    for stretch in cut(arm):
        for placed in stretch.placed:
            for start in placed.starts_ps.tolist():
                for pulse in placed.block.pulses:
                    if pulse.line not in wiring.lines or wiring.lines[pulse.line].visible:
                        found.setdefault(pulse.line, []).append((start + pulse.at_ps, pulse.width_ps, pulse.drive))
                for gate in placed.block.gates:
                    if gate.detector not in wiring.lines or wiring.lines[gate.detector].visible:
                        found.setdefault(gate.detector, []).append((start + gate.at_ps, gate.width_ps, None))
    return {line: tuple(sorted(pulses, key=lambda pulse: pulse[:2])) for line, pulses in found.items()}


def _told(arm: Outward, line: str) -> str:
    pulses = arm.get(line, ())
    if not pulses:
        return "nothing"
    return " and ".join(
        f"{time_text(at)} to {time_text(at + width)}{f' ({drive_text(drive)})' if drive not in (None, ON) else ''}"
        for at, width, drive in pulses[:3]
    )
