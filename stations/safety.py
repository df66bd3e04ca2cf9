"""The safe state of a link: every instrument, in a fixed order, one failure not stopping the next.

Safe is per platform. Atoms: all beams off, the shutter closed. Ions: link disconnected, excitation off, cooling and repump on; the
trap's RF is no role and is never touched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..errors import EventreadyError
from .procedures.beams import beam_on
from .slots import DETECTORS, PARTIES

_logger = logging.getLogger(__name__)

_ORDER = {
    "rb87": (
        "excitation",
        "excitation_laser",
        "readout",
        "ionisation",
        "reference_light",
        "cooling",
        "repump",
        "trap",
        "shutter",
        "filter",
        "sequencer",
        "detector",
        "qrng",
        "paddle",
        "reference_plate",
        "coil",
    ),
    "sr88": (
        "sequencer",
        "excitation",
        "excitation_laser",
        "photoionisation",
        "qubit",
        "deshelve",
        "detector",
        "qrng",
        "coil",
    ),
}
_STAYS_ON = {"rb87": (), "sr88": ("cooling", "repump")}


def safe_actions(platform: str, roles: Mapping[str, Any]) -> list[tuple[str, Callable[[], None]]]:
    """What makes a link safe, in order: the heralding station first, so that nothing heralds any more."""
    actions: list[tuple[str, Callable[[], None]]] = []
    middle = ("sequencer", "tagger", *(f"detector_{name}" for name in DETECTORS), *(f"polarimeter_{name}" for name in PARTIES))
    slots = [f"bsm.{slot}" for slot in middle] + [f"{party}.{slot}" for slot in _ORDER[platform] for party in PARTIES]
    actions += [(slot, roles[slot].make_safe) for slot in slots if slot in roles]
    for party in PARTIES:
        for slot in _STAYS_ON[platform]:
            beam = roles.get(f"{party}.{slot}")
            if beam is not None:
                actions.append((f"{party}.{slot}", partial(beam_on, beam)))
    return actions


def make_all_safe(actions: Sequence[tuple[str, Callable[[], None]]]) -> None:
    """Take every action, whatever becomes of the others.

    Raises:
        EventreadyError: something is not safe; says what and why.
    """
    failures = []
    for name, action in actions:
        try:
            action()
        except Exception as error:  # whatever a driver raises, the next instrument must still be made safe; all is reported below
            _logger.exception("%s could not be made safe", name)
            failures.append(f"{name}: {error}")
    if failures:
        raise EventreadyError("not everything is safe; look at the instruments: " + "; ".join(failures))
