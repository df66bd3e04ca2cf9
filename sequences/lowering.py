"""From the description to what one node's sequencer role is loaded with: a :class:`~.program.Program`.

The heralding station gets the attempt loop; a party gets a section for every block in which its own sequencer does something to the atom
(a pulse with an :class:`~.language.Effect`), and one for the moment at which the hardware latches its input. Everything else of the tree
is done by the station's procedures at their own pace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..errors import SequenceError
from .attempts import DETECTORS, EXCITATION, PARTIES
from .language import HERALD, INPUT, Apart, Basis, Block, Choose, Effect, Gate, Item, Pulse, Repeat, Seq, Until, Wait
from .program import Action, Arm, AttemptLoop, Program, Section, sections_by_name
from .stretches import Stretch, cut, is_attempt
from .tree import join, part, walk


def lower(
    tree: Item,
    node: str,
    *,
    detectors: Sequence[str] = DETECTORS,
    sequence: str = "",
    flight_ps: Mapping[str, int] | None = None,
) -> Program:
    """What a node's sequencer is loaded with.

    Args:
        tree: the round of the link, or the node's part of it.
        node: its name.
        detectors: names of the detectors in the order of their bits in a click pattern.
        sequence: digest of the whole description, see :func:`.digest.digest`.
        flight_ps: how long a photon of each party is under way to the detectors. Given that and the whole tree, the attempt loop says how
            late each party's photons come; without it they are taken to come with the pulse that the gates count from.

    Raises:
        SequenceError: the tree has something that a sequencer's program has no place for.
    """
    mine = part(tree, node)
    sections = tuple(_sections(mine, node, ""))
    latched = any(section.action is Action.LATCH for section in sections)
    loops = [stretch for stretch in cut(mine) if any(is_attempt(placed.block, stretch.until) for placed in stretch.placed)]
    if len(loops) > 1:
        raise SequenceError(f"{node}: {len(loops)} loops of attempts; a sequencer runs one")
    late_ps = _late_ps(tree, flight_ps) if loops and flight_ps else (0, 0)
    return Program(
        node,
        loop=_loop(loops[0], node, late_ps) if loops else None,
        accepted_patterns=_patterns(loops[0], node, detectors) if loops else (),
        sections=sections_by_name(*sections),
        input_bits=_input_bits(mine, node) if latched else 0,
        sequence=sequence,
    )


# -- attempts --------------------------------------------------------------------------------------------------------------------------


def _loop(stretch: Stretch, node: str, late_ps: tuple[int, int]) -> AttemptLoop:
    attempt, *others = [placed for placed in stretch.placed if is_attempt(placed.block, stretch.until)]
    length, starts, until = attempt.block.length_ps, attempt.starts_ps, stretch.until
    if until is None or others or not np.array_equal(starts, np.arange(len(starts)) * length):
        raise SequenceError(
            f"{node}: {attempt.path}: attempts of one kind, one after the other and first in their burst, are all that runs"
        )
    gates = [gate for gate in attempt.block.gates if any(gate.detector in herald.clicks for herald in until.heralds)]
    windows = {(gate.at_ps, gate.width_ps, _reference_ps(attempt.block, gate, attempt.path)) for gate in gates}
    if len(windows) > 1:
        raise SequenceError(f"{attempt.path}: the gates of the detectors differ; a sequencer's program has one gate for all of them")
    ((at_ps, width_ps, reference_ps),) = windows
    return AttemptLoop(
        attempt_ps=length,
        attempts_per_burst=len(starts),
        gap_ps=stretch.length_ps - len(starts) * length,
        herald_ps=at_ps + width_ps + until.latency_ps,
        limit_attempts=until.limit,
        gate_start_ps=at_ps - reference_ps,
        gate_ps=width_ps,
        late_ps=late_ps,
    )


def _late_ps(tree: Item, flight_ps: Mapping[str, int]) -> tuple[int, int]:
    """When each party's photons arrive, after the pulse that the gates count from; 0 for a party that is not excited."""
    stretches = [(stretch.until, placed) for stretch in cut(tree) for placed in stretch.placed if is_attempt(placed.block, stretch.until)]
    until, attempt = stretches[0]
    block, path = attempt.block, attempt.path
    gates = [gate for gate in block.gates if until is not None and any(gate.detector in herald.clicks for herald in until.heralds)]
    reference_ps = _reference_ps(block, gates[0], path)
    alice, bob = (_arrival_ps(block, party, flight_ps.get(party, 0), path) for party in PARTIES)
    return (0 if alice is None else alice - reference_ps, 0 if bob is None else bob - reference_ps)


def _arrival_ps(block: Block, party: str, flight_ps: int, path: str) -> int | None:
    line = f"{party}.{EXCITATION}"
    starts = [pulse.at_ps for pulse in block.pulses if pulse.line == line]
    if len(starts) > 1:
        raise SequenceError(f"{path}: {line} has {len(starts)} pulses; the photon of an attempt is that of one")
    return starts[0] + flight_ps if starts else None


def _reference_ps(block: Block, gate: Gate, path: str) -> int:
    found = [pulse.at_ps for pulse in block.pulses if pulse.line == gate.ref]
    if not found:
        raise SequenceError(
            f"{path}: the gate of {gate.detector} counts from {gate.ref or 'nothing'}; name a line with a pulse in its block"
        )
    return found[0]


def _patterns(stretch: Stretch, node: str, detectors: Sequence[str]) -> tuple[int, ...]:
    heralds = stretch.until.heralds if stretch.until else ()
    unknown = sorted({click for herald in heralds for click in herald.clicks} - {*detectors})
    if unknown:
        raise SequenceError(f"{node}: {', '.join(unknown)} has no bit in a click pattern; there are {', '.join(detectors)}")
    return tuple(sum(1 << detectors.index(click) for click in herald.clicks) for herald in heralds)


# -- after the herald ------------------------------------------------------------------------------------------------------------------


def _sections(item: Item, node: str, path: str) -> Iterator[Section]:
    """The sections of one item, in order."""
    if isinstance(item, Block):
        effects = _effects(item)
        if effects:
            yield _section(item, effects, path)
    elif isinstance(item, Choose):
        yield from _choice(item, node, path)
    elif isinstance(item, Seq):
        for index, each in enumerate(item.items):
            if isinstance(each, Wait) and each.event == INPUT:
                yield _latch(each, Seq(item.items[index + 1 :]), node)
            yield from _sections(each, node, path)
    elif isinstance(item, Apart):
        for name, each in item.parts.items():
            yield from _sections(each, node, join(path, name))
    elif isinstance(item, Repeat | Until) and any(_effects(found) for _, found in walk(item) if isinstance(found, Block)):
        raise SequenceError(f"{join(path, type(item).__name__)}: what is repeated cannot be a section of {node}'s program")


def _section(block: Block, effects: list[tuple[Pulse, Effect]], path: str) -> Section:
    if len(effects) > 1:
        raise SequenceError(f"{join(path, block.name)}: {len(effects)} pulses of one node do something; a section does one thing")
    ((pulse, effect),) = effects
    arms = (_arm("", effect.basis),) if effect.basis else ()
    return Section(block.name, effect.action, block.length_ps, pulse.at_ps + effect.after_ps, arms)


def _choice(item: Choose, node: str, path: str) -> Iterator[Section]:
    """One section whose arms are those of the choice; where the herald chooses first, its arms come one after the other."""
    found = [(words, list(_sections(arm, node, path))) for words, arm in _leaves(item, {})]
    if not any(sections for _, sections in found):
        return
    kinds = {tuple((one.name, one.action, one.length_ps, one.acts_ps) for one in sections) for _, sections in found}
    if len(kinds) > 1 or len(found[0][1]) > 1:
        raise SequenceError(
            f"{join(path, item.symbol)}: the arms of a choice must become one section of one length that acts at one moment"
        )
    name, action, length_ps, acts_ps = kinds.pop()[0]
    arms = tuple(_arm(_words(words), _basis(arm)) for (words, _), (_, arm) in zip(found, _leaves(item, {}), strict=True))
    yield Section(name, action, length_ps, acts_ps, arms)


def _leaves(item: Item, values: dict[str, int | str]) -> Iterator[tuple[dict[str, int | str], Item]]:
    if not isinstance(item, Choose):
        yield values, item
        return
    for value, arm in item.arms.items():
        yield from _leaves(arm, {**values, item.symbol: value})


def _words(values: dict[str, int | str]) -> str:
    """An arm's name for people: ``input 2, psi+``."""
    words = {INPUT: f"input {values.get(INPUT)}", HERALD: str(values.get(HERALD))}
    return ", ".join(word for symbol, word in words.items() if symbol in values)


def _latch(wait: Wait, rest: Seq, node: str) -> Section:
    """The hardware fixes the input at the end of the wait."""
    choices = [found for _, found in walk(rest) if isinstance(found, Choose) and found.symbol == INPUT]
    if not choices:
        raise SequenceError(f"{node}: an input is latched, but nothing hangs on it")
    arms = tuple(_arm(_words(values), _basis(arm)) for values, arm in _leaves(choices[0], {}))
    return Section(INPUT, Action.LATCH, wait.timeout_ps, wait.timeout_ps, arms)


def _input_bits(mine: Item, node: str) -> int:
    inputs = max(len(found.arms) for _, found in walk(mine) if isinstance(found, Choose) and found.symbol == INPUT)
    bits = (inputs - 1).bit_length()
    if inputs != 1 << bits:
        raise SequenceError(f"{node}: random bits cannot choose evenly among {inputs} inputs; give a power of two of them")
    return bits


def _effects(block: Block) -> list[tuple[Pulse, Effect]]:
    return [(pulse, pulse.does) for pulse in block.pulses if pulse.does is not None]


def _basis(item: Item) -> Basis | None:
    found = [effect.basis for _, block in walk(item) if isinstance(block, Block) for _, effect in _effects(block) if effect.basis]
    return found[0] if found else None


def _arm(name: str, basis: Basis | None) -> Arm:
    return Arm(name, basis.angle, basis.phase, basis.beam) if basis else Arm(name, 0.0)
