"""What a station's procedures do before a round, for plays without a station: lamps on, shutters open, a particle in each trap.

Whether a particle is there is seen in its fluorescence, as in the laboratory; the world is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ConfigError, NotReady
from ..sequences.attempts import EXCITATION
from ..sequences.language import Item, Wait
from ..sequences.program import PS_PER_S, Action, to_ps
from ..sequences.tree import blocks, part, walk
from .play import READS
from .play_block import beam_port, detector_port, sequencer_port
from .play_node import SHUTTER_EVENTS
from .ports import ShutterPort
from .world import CHANNELS, SIDES, World

_SHINES = {"rb87": ("trap",), "sr88": ("cooling", "repump")}
"""Light that is on between rounds; the sequence switches the rest."""
_LOADS = {"rb87": ("cooling", "repump"), "sr88": ("photoionisation",)}
"""Light that loads a trap, beside that."""


def make_ready(
    tree: Item,
    world: World,
    *,
    thresholds: Mapping[str, int],
    start_ps: int = 0,
    reads: str = READS,
    poll: float = 60e-3,
    patience: float = 6 * 3600.0,
) -> int:
    """Have everything on, open and connected, and a particle in each trap.

    Args:
        tree: that is going to be played.
        world: on which.
        thresholds: by party, counts of a look at the fluorescence from which on a particle is there.
        start_ps: when this begins.
        reads: name of the block whose gate is as long as a look; by default, and without one, the world's readout window.
        poll: pause between two looks, s.
        patience: give up after this time, s.

    Returns:
        When all is ready, ps.

    Raises:
        ConfigError: a threshold is missing.
        NotReady: no particle is seen, or a shutter does not open.
    """
    if missing := [node for node in SIDES if node not in thresholds]:
        raise ConfigError(f"no threshold for {' and '.join(missing)}: say from how many counts on a particle is there")
    for slot in CHANNELS:
        if slot not in world.ports:
            detector_port(world, slot).set_on(True)
    ready_ps = [start_ps]
    for node in SIDES:
        mine = part(tree, node)
        _light(world, node, start_ps)
        open_ps = _open(world, node, mine, start_ps)
        if world.platform == "sr88":
            for action in (Action.CONNECT, Action.SCRAMBLE):
                sequencer_port(world, node).act(action, None, open_ps)
        window = _window(mine, f"{node}.detector", reads) or world.readout_window
        ready_ps.append(_load(world, node, thresholds[node], open_ps, (window, poll, patience)))
    return max(ready_ps)


def _light(world: World, node: str, now_ps: int) -> None:
    for slot in (*_SHINES[world.platform], EXCITATION, f"{EXCITATION}_laser"):
        port = beam_port(world, f"{node}.{slot}")
        if port is not None and not port.on:
            dark = slot == EXCITATION and not port.power_w
            port.set(now_ps, on=True, power_w=world.preset[f"node.{node}.pi_pulse_power"] if dark else None)
    if f"{node}.detector" not in world.ports:
        detector_port(world, f"{node}.detector").set_on(True)


def _open(world: World, node: str, mine: Item, now_ps: int) -> int:
    """Open the shutter, where the sequence and the world have one; returns when it is."""
    if any(isinstance(item, Wait) and item.event in SHUTTER_EVENTS for _, item in walk(mine)):
        if f"node.{node}.shutter_travel" in world.preset.fields:
            world.port("Shutter", f"{node}.shutter")
    port = world.ports.get(f"{node}.shutter")
    if not isinstance(port, ShutterPort):
        return now_ps
    port.command(True, now_ps)
    open_ps = max(now_ps, port.settles_ps)
    if not port.is_open(open_ps):
        raise NotReady(f"{node}: the shutter does not open")
    return open_ps


def _load(world: World, node: str, threshold: int, now_ps: int, looks: tuple[float, float, float]) -> int:
    """Look until a particle is seen, with the light on that loads one; returns when it was."""
    window, poll, patience = looks
    beams = [beam_port(world, f"{node}.{slot}") for slot in _LOADS[world.platform]]
    before = [(port, port.on) for port in beams if port is not None]
    detector, start_ps = detector_port(world, f"{node}.detector"), now_ps
    for port, _ in before:
        port.set(now_ps, on=True)
    while True:
        seen = detector.count(now_ps, window) >= threshold
        now_ps += to_ps(window)
        if seen or now_ps - start_ps > patience * PS_PER_S:
            break
        now_ps += to_ps(poll)
    for port, on in before:
        port.set(now_ps, on=on)
    if not seen:
        raise NotReady(f"{node}: no particle is seen after {patience:g} s of loading; look at light, trap and detector")
    return now_ps


def _window(mine: Item, detector: str, reads: str) -> float | None:
    """How long the block that makes the outcome counts, s."""
    gates = [gate for _, block in blocks(mine) if block.name == reads for gate in block.gates if gate.detector == detector]
    return sum(gate.width_ps for gate in gates) / PS_PER_S if gates else None
