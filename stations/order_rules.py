"""The order of a round as data: which steps a party has, which must come before which, and why.

The link file lists the steps of a round at each party; the nodes execute them in that order. Moving one step can open the
laboratory to the outside without any number in the data looking different, so an order is checked against the rules below before
it is accepted. Sources: Zhang et al., Nature 607, 687 (2022); Nadlinger et al., Nature 607, 682 (2022).
"""

from __future__ import annotations

from typing import NamedTuple

from .config_source import nearest, suggest


class Before(NamedTuple):
    """Step ``first`` must come before step ``then``, because of ``reason``."""

    first: str
    then: str
    reason: str


_RB87_ALICE = ("accepted", "input", "readout_pulse", "fluorescence", "record", "empty_trap", "reload")

STEPS: dict[str, dict[str, tuple[str, ...]]] = {
    "rb87": {"alice": _RB87_ALICE, "bob": (*_RB87_ALICE, "close_shutter", "shutter_confirmed", "open_shutter")},
    "sr88": dict.fromkeys(
        ("alice", "bob"),
        ("accepted", "shuttle", "isolated_both", "round_type", "input", "rotate", "fluorescence", "record", "scramble", "reconnect"),
    ),
}
"""``STEPS[platform][party]``: every step of a round; each must be listed exactly once."""

_DRAWN_AFTER = "nothing is drawn for a herald that may still be vetoed; the record would have holes"
_RECORDED_ONCE = "the outcome must stand and be on disk while the round can still be finished; afterwards it cannot be measured again"

RULES: dict[str, tuple[Before, ...]] = {
    "rb87": (
        Before("accepted", "input", _DRAWN_AFTER),
        Before("accepted", "close_shutter", "a closed shutter would also block the photons that herald"),
        Before("input", "readout_pulse", "the input is the polarisation of the readout pulse (Zhang et al., 'DIQKD implementation')"),
        Before("readout_pulse", "fluorescence", "the outcome is whether the atom survived the ionisation (Zhang et al., Fig. 3b)"),
        Before(
            "readout_pulse",
            "shutter_confirmed",
            "the shutter needs milliseconds, the atom dephases sooner; the pulse falls while it travels and the filter covers the gap",
        ),
        Before("close_shutter", "shutter_confirmed", "a shutter that was not told to close cannot be confirmed closed"),
        Before(
            "shutter_confirmed",
            "fluorescence",
            "the fluorescence is the outcome, and would leave the laboratory through an open shutter (Zhang et al., Fig. 2)",
        ),
        Before("fluorescence", "record", "the record holds the outcome"),
        Before("record", "empty_trap", _RECORDED_ONCE),
        Before(
            "empty_trap",
            "open_shutter",
            "an atom left in the trap carries the outcome; the trap is always emptied first (Zhang et al., 'DIQKD implementation')",
        ),
        Before("empty_trap", "reload", "the trap is emptied and reloaded whatever the outcome was, else the reload tells it"),
        Before("open_shutter", "reload", "the trap must stay empty while the shutter opens (Zhang et al., 'DIQKD implementation')"),
    ),
    "sr88": (
        Before("accepted", "shuttle", "a disconnected ion cannot herald"),
        Before("shuttle", "isolated_both", "isolation is reported when the ion has left the focus of the fibre, not before"),
        Before(
            "isolated_both",
            "round_type",
            "both nodes must be disconnected before Bob decides between test and key (Nadlinger et al., Methods)",
        ),
        Before("isolated_both", "input", "a setting chosen while the link is open can leak through it (Nadlinger et al., Methods)"),
        Before(
            "round_type",
            "input",
            "in a key round the inputs are fixed, so the type comes first (Nadlinger et al., Fig. 2)",
        ),
        Before("input", "rotate", "the input selects the rotation"),
        Before("rotate", "fluorescence", "the rotation is the measurement basis"),
        Before("fluorescence", "record", "the record holds the outcome"),
        Before("record", "scramble", _RECORDED_ONCE),
        Before(
            "scramble",
            "reconnect",
            "the ion still holds the outcome and would show it to the outside once reconnected (Nadlinger et al., Methods)",
        ),
    ),
}
"""``RULES[platform]``; a rule counts for a party that has both its steps."""


def order_problems(platform: str, party: str, order: tuple[str, ...]) -> list[tuple[int | None, str]]:
    """Say what is wrong with an order of a round.

    Args:
        platform: a key of :data:`STEPS`.
        party: ``"alice"`` or ``"bob"``.
        order: names of the steps, as the link file lists them.

    Returns:
        One ``(position in order, message)`` for each problem, empty when the order is allowed; the position is None for a step
        that is missing.
    """
    steps = STEPS[platform][party]
    problems: list[tuple[int | None, str]] = []
    meant: set[str | None] = set()
    for position, step in enumerate(order):
        if step not in steps:
            problems.append((position, f"{party} of {platform} has no step {step!r}{suggest(step, steps)}"))
            meant.add(nearest(step, steps))
        elif step in order[:position]:
            problems.append((position, f"the step {step!r} is listed twice"))
    problems += [(None, f"the step {step!r} is missing") for step in steps if step not in order and step not in meant]
    for first, then, reason in RULES[platform]:
        if first in order and then in order and order.index(then) < order.index(first):
            problems.append((order.index(then), f"{first!r} must come before {then!r}: {reason}"))
    return problems
