"""Check a sequence before it is played: everything that is wrong with it, at once."""

from __future__ import annotations

from collections.abc import Mapping

from .check_leaks import check_leaks
from .check_structure import check_structure
from .check_timing import check_device, check_ports
from .findings import Finding
from .language import Item
from .stretches import cut
from .target import Target
from .targets import TARGETS
from .wiring import Wiring


def check(tree: Item, wiring: Wiring, target: Target | Mapping[str, Target] | None = None) -> list[Finding]:
    """Everything that is wrong with a sequence: the tree, what leaks, and what each device cannot play.

    Args:
        tree: the round of a link, or a part of it.
        wiring: of all its lines.
        target: what the devices are: one for all, or by name of the device; by default what the wiring calls them.

    Returns:
        One finding for each mistake, those of the tree first; empty if nothing is wrong.
    """
    targets, unknown = _targets(wiring, target)
    found = [*unknown, *check_structure(tree, wiring), *check_leaks(tree, wiring), *check_ports(wiring, targets)]
    stretches = {cycles: cut(tree, cycles=cycles) for cycles in {kind.cycle is not None for kind in targets.values()}}
    for device, kind in targets.items():
        found += check_device(tree, stretches[kind.cycle is not None], wiring, device, kind)
    return list(dict.fromkeys(found))


def _targets(wiring: Wiring, target: Target | Mapping[str, Target] | None) -> tuple[Mapping[str, Target], list[Finding]]:
    if isinstance(target, Target):
        return {line.device: target for line in wiring.lines.values()}, []
    if target is not None:
        return target, []
    unknown = [
        Finding("device", f"wiring/{device}", f"there is no kind of device {kind!r}", f"it is one of {', '.join(TARGETS)}")
        for device, kind in wiring.devices.items()
        if kind not in TARGETS
    ]
    return {device: TARGETS[kind] for device, kind in wiring.devices.items() if kind in TARGETS}, unknown
