"""The nodes of a link as QCoDeS sees them: instruments by slot, and what a node can measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from qcodes.instrument import InstrumentBase, InstrumentModule

from .party import Party


class NodeStation(InstrumentModule):
    """A node; ``station.shutter`` is the instrument in its slot ``shutter``.

    Args:
        link: it belongs to.
        name: ``alice``, ``bob`` or ``bsm``.
        roles: what fills each slot of the link.
    """

    delegate_attr_dicts: ClassVar[list[str]] = [*InstrumentModule.delegate_attr_dicts, "roles"]

    def __init__(self, link: InstrumentBase, name: str, roles: Mapping[str, Any]) -> None:
        super().__init__(link, name)
        prefix = f"{name}."
        self.roles = {slot.removeprefix(prefix): role for slot, role in roles.items() if slot.startswith(prefix)}


class PartyStation(NodeStation):
    """Alice's or Bob's station.

    Args:
        link: it belongs to.
        name: ``alice`` or ``bob``.
        roles: what fills each slot of the link.
        node: gives the node that stands behind it at the moment (every run has fresh ones).
    """

    def __init__(self, link: InstrumentBase, name: str, roles: Mapping[str, Any], node: Callable[[], Party]) -> None:
        super().__init__(link, name, roles)
        self._node = node
        self.bright_counts = self.add_parameter(
            "bright_counts",
            get_cmd=lambda: node().loading.look(),
            set_cmd=False,
            snapshot_get=False,
            docstring="Measure the fluorescence counts in one readout window, with the light on.",
        )
        self.atom_present = self.add_parameter(
            "atom_present",
            get_cmd=lambda: node().loading.present(),
            set_cmd=False,
            snapshot_get=False,
            docstring="Measure whether the trap holds a particle: bright_counts against the threshold (bool).",
        )

    def load(self) -> float:
        """Switch on what the attempts need and load the trap; returns the seconds that loading took.

        Raises:
            NotReady: no particle came.
        """
        node = self._node()
        node.prepare()
        return node.loading.run()
