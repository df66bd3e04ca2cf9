"""Play a sequence on the twin's world: what a tree does, without stations, link files or instruments.

``make_ready(tree, world)`` does what a station's procedures do before a round, ``play(tree, world)`` plays one. Attempts are sampled, never
stepped: the number of them until a herald is the world's own exact draw, on both of its levels. After the herald each node goes on along
its own time, and light, effects and gates act on the world's ports.

It judges as a station does. What the hardware cannot notice costs nothing but what it does to the physics: with a dark readout laser
nothing is projected, and the trace has a note. What it can notice (a wait that is not answered, a detector that is overloaded or off) ends
the node's part with the declared fallback output.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import ConfigError, SequenceError
from ..sequences.attempts import EXCITATION
from ..sequences.language import INPUT, Apart, Choose, Item, Until, Wait
from ..sequences.lowering import lower
from ..sequences.program import Program
from ..sequences.stretches import is_attempt
from ..sequences.tree import blocks, node_of, part, walk
from .play_block import beam_port, is_on, sequencer_port, switch
from .play_check import require_playable
from .play_node import ISOLATED_BOTH, Answer, Conditions, Failed, Meeting, NodePlay, Reply, Way
from .ports import Attempted, BeamPort, DetectorPort
from .trace import Heralded, NodeTrace, Trace
from .world import CHANNELS, SIDES, World

READS = "fluorescence"


def never(node: str, event: str, since_ps: int) -> int | None:
    """Answer no wait."""
    return None


def play(
    tree: Item,
    world: World,
    *,
    thresholds: Mapping[str, int],
    inputs: Mapping[str, int] | None = None,
    start_ps: int = 0,
    lines_ps: Mapping[tuple[str, str], int] | None = None,
    answer: Answer = never,
    reads: str = READS,
) -> Trace:
    """Play a sequence once. For many rounds make a :class:`Player`, which looks at the tree only once.

    Args:
        tree: of the whole link.
        world: made ready by :func:`.play_ready.make_ready`, or by hand through its ports.
        thresholds: by party, counts of its block ``reads`` from which on the outcome is 1.
        inputs: by party; where none is given, the hardware's latch decides.
        start_ps: when the play begins.
        lines_ps: by pair of nodes, how long light and signals are under way; 0 where nothing is given. Given those from the parties to
            the detectors, photons that do not meet interfere less.
        answer: asked for waits that the world knows nothing of; by default they are never answered.
        reads: name of the block whose counts make the outcome.

    Raises:
        SequenceError: the tree cannot be played; says everything that is wrong with it.
        ConfigError: a threshold or an input is missing.
    """
    return Player(tree, world, thresholds=thresholds, lines_ps=lines_ps, answer=answer, reads=reads).play(start_ps, inputs)


class Player:
    """Plays one tree, time and again.

    Args:
        tree: see :func:`play`, as for all of them.
        world: on which.
        thresholds: by party.
        lines_ps: by pair of nodes.
        answer: for waits that the world knows nothing of.
        reads: name of the block whose counts make the outcome.

    Attributes:
        inputs: among how many inputs each node chooses; 0 where nothing hangs on one.
        needs_input: nodes that choose by an input that no hardware latches, so that it has to be given.

    Raises:
        SequenceError: the tree cannot be played.
        ConfigError: a threshold is missing.
    """

    def __init__(
        self,
        tree: Item,
        world: World,
        *,
        thresholds: Mapping[str, int],
        lines_ps: Mapping[tuple[str, str], int] | None = None,
        answer: Answer = never,
        reads: str = READS,
    ) -> None:
        require_playable(tree, world)
        self._tree = tree
        self._world = world
        self._lines_ps = {frozenset(pair): time_ps for pair, time_ps in (lines_ps or {}).items()}
        self._until = next((item for _, item in walk(tree) if isinstance(item, Until)), None)
        self._parts = {node: part(tree, node) for node in _nodes(tree)}
        self._answer = answer
        self._reads = reads
        widths = {node: _input_width(mine) for node, mine in self._parts.items()}
        self.inputs: Mapping[str, int] = {node: arms for node, (arms, _) in widths.items()}
        self.needs_input = frozenset(node for node, (arms, latched) in widths.items() if arms and not latched)
        self._meets = {
            node for node, mine in self._parts.items() if any(isinstance(w, Wait) and w.event == ISOLATED_BOTH for _, w in walk(mine))
        }
        missing = [node for node in SIDES if node not in thresholds]
        if missing and self._until is not None:
            raise ConfigError(f"no threshold for {' and '.join(missing)}: say from how many counts on the outcome is 1")
        self._thresholds = thresholds
        self._bsm, self._program = self._lowered()

    def play(self, start_ps: int = 0, inputs: Mapping[str, int] | None = None) -> Trace:
        """Play it once.

        Raises:
            ConfigError: an input is missing.
        """
        given = dict(inputs or {})
        self._require_inputs(given)
        nodes = {name: NodePlay(name, self._conditions(name, given.get(name)), start_ps) for name in self._parts}
        round_ = _Round(self, nodes)
        ended = round_.run(self._tree)
        traces: dict[str, NodeTrace] = {name: node.trace() for name, node in nodes.items()}
        end_ps = max([round_.gave_up_ps, *(node.now_ps for node in nodes.values())], default=start_ps)
        return Trace(start_ps, end_ps, round_.herald, ended, round_.attempts, MappingProxyType(traces))

    def line_ps(self, one: str, other: str) -> int:
        """How long a signal is under way between two nodes."""
        return self._lines_ps.get(frozenset((one, other)), 0)

    def required(self, meeting: Meeting) -> set[str]:
        """Who must come to a meeting: in a part of its own, whoever has such a wait; else both parties."""
        return self._meets if meeting.apart else {*SIDES}

    def attempt(self, start_ps: int) -> tuple[Attempted, str]:
        """Sample the attempts; returns how they ended, and why nothing was heralded."""
        loop, until = self._program.loop, self._until
        if loop is None or until is None:  # pragma: no cover - whoever comes here has an Until
            raise SequenceError("there are no attempts to sample")
        before = self._excite(until, start_ps)
        ended = sequencer_port(self._world, self._bsm).run(start_ps, loop, self._program.accepted_patterns, until.limit)
        for port, (on, power_w) in before:
            port.set(ended.time_ps, on=on, power_w=power_w)
        if ended.particle_missing:
            return ended, "a particle was lost; a presence check found its trap empty"
        if not ended.heralded:
            return ended, "the limit was reached"
        for slot in CHANNELS:
            detector = self._world.ports.get(slot)
            if isinstance(detector, DetectorPort) and detector.overloaded:
                return ended, f"vetoed: {slot} is overloaded"
        return ended, ""

    def state(self, pattern: int) -> str:
        """What a click pattern heralds."""
        heralds = self._until.heralds if self._until is not None else ()
        return heralds[self._program.accepted_patterns.index(pattern)].name

    # -- inside ------------------------------------------------------------------------------------------------------------------------

    def _lowered(self) -> tuple[str, Program]:
        if self._until is None:
            return "bsm", Program("bsm")
        node = node_of(min(click for herald in self._until.heralds for click in herald.clicks))
        flight_ps: dict[str, int] = {party: self._lines_ps[pair] for party in SIDES if (pair := frozenset((party, node))) in self._lines_ps}
        return node, lower(self._until, node, flight_ps=flight_ps)

    def _conditions(self, name: str, given: int | None) -> Conditions:
        bits = max(self.inputs[name] - 1, 0).bit_length()
        signal_ps = self.line_ps(self._bsm, name)
        return Conditions(self._world, self._answer, self._reads, self._thresholds.get(name, 0), signal_ps, bits, given)

    def _require_inputs(self, given: Mapping[str, int]) -> None:
        for node, arms in self.inputs.items():
            if node in given:
                continue
            if node in self.needs_input:
                raise ConfigError(f"{node}: no hardware latches its input; give one")
            if arms & (arms - 1):
                raise ConfigError(f"{node}: random bits cannot choose evenly among {arms} inputs; give one")

    def _excite(self, until: Until, start_ps: int) -> list[tuple[BeamPort, tuple[bool, float]]]:
        """Excitation light as the attempt has it: an atom whose pulse the tree forgets is not excited. Returns what to put back."""
        attempt = next(block for _, block in blocks(until.body) if is_attempt(block, until))
        changed = []
        for side in SIDES:
            line = f"{side}.{EXCITATION}"
            pulse = next((pulse for pulse in attempt.pulses if pulse.line == line and is_on(pulse.drive)), None)
            if pulse is not None and line not in self._world.ports:
                continue  # nothing is wired: the calibrated excitation
            port, laser = beam_port(self._world, line), beam_port(self._world, f"{line}_laser")
            if port is None or laser is None:
                continue
            before = (port.on, port.power_w)
            if pulse is None:
                port.set(start_ps, on=False)
            else:
                switch(port, pulse.drive, start_ps)
            if (port.on, port.power_w) != before:
                changed.append((port, before))
        return changed


class _Round:
    """One play: lets every node go until all of them wait for others, and brings them together."""

    def __init__(self, player: Player, nodes: Mapping[str, NodePlay]) -> None:
        self._player = player
        self._nodes = nodes
        self.herald: Heralded | None = None
        self.attempts = 0
        self.gave_up_ps = 0

    def run(self, tree: Item) -> str:
        """Play to the end; returns why nothing was heralded, or nothing."""
        ways = {name: node.way(tree) for name, node in self._nodes.items()}
        replies: dict[str, Reply] = dict.fromkeys(ways)
        waiting: dict[str, Meeting] = {}
        try:
            while replies:
                waiting |= _advance(ways, replies)
                replies = self._bring_together(waiting)
                for name in replies:
                    del waiting[name]
        except Failed as failed:
            return str(failed)
        return "" if self.herald is not None else "the sequence makes no attempts"

    def _bring_together(self, waiting: Mapping[str, Meeting]) -> dict[str, Reply]:
        """The replies to one meeting of all that wait; the nodes' own waits first, since who waits for all may wait behind them."""
        if not waiting:
            return {}
        meeting = min(waiting.values(), key=lambda each: not each.apart)
        there = {
            name: each for name, each in waiting.items() if each.apart == meeting.apart and (meeting.apart or each.path == meeting.path)
        }
        complete = self._player.required(meeting) <= set(there)
        if isinstance(meeting.item, Until):
            return dict.fromkeys(there, self._attempt(max(each.at_ps for each in there.values())))
        return {name: self._together_ps(name, there) if complete else None for name in there}

    def _attempt(self, start_ps: int) -> Heralded:
        ended, why = self._player.attempt(start_ps)
        self.attempts = ended.attempts
        if why:
            self.gave_up_ps = ended.time_ps
            raise Failed(why)
        self.herald = Heralded(self._player.state(ended.pattern), ended.pattern, ended.time_ps, ended.attempts)
        return self.herald

    def _together_ps(self, name: str, there: Mapping[str, Meeting]) -> int:
        """When a node knows that all are there."""
        return max(each.at_ps + (self._player.line_ps(name, other) if other != name else 0) for other, each in there.items())


def _advance(ways: Mapping[str, Way], replies: Mapping[str, Reply]) -> dict[str, Meeting]:
    """Let nodes go on; returns where each waits now, without those that are done."""
    waiting = {}
    for name, reply in replies.items():
        try:
            waiting[name] = ways[name].send(reply)
        except StopIteration:
            continue
    return waiting


def _nodes(tree: Item) -> list[str]:
    """The parties, and all other nodes of a tree."""
    names: set[str] = {*SIDES}
    names |= {node_of(each.line) for _, block in blocks(tree) for each in block.pulses}
    names |= {node_of(each.detector) for _, block in blocks(tree) for each in block.gates}
    names |= {name for _, item in walk(tree) if isinstance(item, Apart) for name in item.parts}
    return sorted(names, key=lambda name: (name not in SIDES, name))


def _input_width(mine: Item) -> tuple[int, bool]:
    """How many inputs a node chooses among, and whether its hardware latches one."""
    arms = [len(item.arms) for _, item in walk(mine) if isinstance(item, Choose) and item.symbol == INPUT]
    latched = any(isinstance(item, Wait) and item.event == INPUT for _, item in walk(mine))
    return max(arms, default=0), latched
