"""Compile a sequence for one device: everything that it plays, as the device takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from ..errors import SequenceError
from .check_timing import check_device, check_ports
from .language import Item
from .stretches import Stretch, cut
from .target import Target
from .targets.artiq import ARTIQ, ArtiqProgram, compile_artiq
from .targets.moglabs import MOGLABS, RfTable, compile_moglabs
from .targets.pulse_streamer import PULSE_STREAMER, StepTable, compile_streamer
from .wiring import Wiring

Compiled = ArtiqProgram | tuple[StepTable, ...] | tuple[RfTable, ...]

_COMPILERS: Mapping[str, Callable[[Sequence[Stretch], Wiring], Compiled]] = MappingProxyType(
    {ARTIQ.name: compile_artiq, PULSE_STREAMER.name: compile_streamer, MOGLABS.name: compile_moglabs}
)


def compile(tree: Item, wiring: Wiring, target: Target) -> Compiled:
    """Compile what one device plays.

    Args:
        tree: the round of a link, or a part of it; pulses on lines of other devices are left out.
        wiring: of this device, see :meth:`.wiring.Wiring.of_device`.
        target: what it is.

    Returns:
        Registers and event lists (ARTIQ), step tables (Pulse Streamer) or RF tables (MOGLabs).

    Raises:
        SequenceError: the device cannot play it. The message has every reason, and which target could.
    """
    devices = sorted({line.device for line in wiring.lines.values()})
    if len(devices) != 1:
        raise SequenceError(f"compile for one device at a time; the wiring has {', '.join(devices) or 'none'}")
    stretches = cut(tree, cycles=target.cycle is not None)
    found = [*check_ports(wiring, {devices[0]: target}), *check_device(tree, stretches, wiring, devices[0], target)]
    if found:
        reasons = "\n  ".join(dict.fromkeys(str(one) for one in found))
        raise SequenceError(f"{devices[0]}, a {target.title}, cannot play this sequence:\n  {reasons}")
    return _COMPILERS[target.name](stretches, wiring)
