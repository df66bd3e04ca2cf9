"""The description of a link's round, and its wiring, with the numbers of the link file."""

from __future__ import annotations

import dataclasses
import math
from typing import TypeVar

from ..errors import SequenceError
from ..sequences import munich, oxford
from ..sequences.attempts import AttemptTimings, Plan
from ..sequences.check_leaks import check_leaks
from ..sequences.check_structure import check_structure
from ..sequences.language import OFF, ON, Herald, Item, Tone
from ..sequences.program import to_ps
from ..sequences.user_file import describe
from ..sequences.wiring import Line, Wiring
from .config import LinkConfig
from .config_models import Rb87Link
from .config_sequence import SequenceLine
from .slots import PARTIES

Timings = TypeVar("Timings", bound=AttemptTimings)
BINDING_RULES = frozenset({"leak", "fallback", "herald", "gate", "choice"})
"""Rules without which a run is not device-independent; they hold on the twin, too, whatever the wiring."""
_DRIVES = {"on": ON, "off": OFF}


def link_round(config: LinkConfig) -> Item:
    """The round of the whole link: the platform's, or that of the Python file that the link file names.

    Raises:
        ConfigError: that file is wrong.
        SequenceError: it describes what cannot be described.
    """
    plan, own = sequence_plan(config), config.link.sequence.file
    if isinstance(config.link, Rb87Link):
        timings = _timings(munich.MunichTimings, config.link.timings)
        return describe(config.texts[own], own, timings, plan) if own else munich.link_round(timings, plan)
    ion_timings = _timings(oxford.OxfordTimings, config.link.timings)
    return describe(config.texts[own], own, ion_timings, plan) if own else oxford.link_round(ion_timings, plan)


def require_sound(tree: Item, wiring: Wiring) -> None:
    """Refuse a round that leaks, or that leaves something undefined after a herald. The rest is its devices' business.

    Raises:
        SequenceError: with every such finding.
    """
    found = [str(one) for one in (*check_structure(tree, wiring), *check_leaks(tree, wiring)) if one.rule in BINDING_RULES]
    if found:
        raise SequenceError("\n  ".join(["the sequence cannot be run:", *found]))


def sequence_plan(config: LinkConfig) -> Plan:
    """What a sequence needs to know of a link apart from its timings."""
    link = config.link
    return Plan(
        flight={party: config.delay(party, "bsm") for party in PARTIES},
        heralds=tuple(Herald(found.state, frozenset(f"bsm.detector_{click}" for click in found.clicks)) for found in link.patterns),
        settings={party: getattr(link.settings, party) for party in PARTIES},
        fallback={party: getattr(link.fallback, party) for party in PARTIES},
        tones={line: Tone(tone.frequency, 10 * math.log10(tone.power / 1e-3)) for line, tone in link.sequence.tones.items()},
    )


def link_wiring(config: LinkConfig) -> Wiring:
    """How the lines are wired; the delay of an AOM is its calibration's and that of its line."""
    section = config.link.sequence
    lines = {name: _line(name, line, config) for name, line in section.lines.items()}
    return Wiring(lines, section.devices)


def _line(name: str, line: SequenceLine, config: LinkConfig) -> Line:
    aom = config.link.calibration.get(name)
    return Line(
        name,
        line.port,
        delay_ps=to_ps(line.delay + (aom.delay if aom else 0.0)),
        min_on_ps=to_ps(line.min_on),
        min_off_ps=to_ps(line.min_off),
        idle=_DRIVES[line.idle],
        gap_state=_DRIVES[line.gap] if line.gap else None,
        visible=line.visible,
        tolerance_ps=to_ps(line.tolerance),
    )


def _timings(kind: type[Timings], values: object) -> Timings:
    return kind(**{field.name: getattr(values, field.name) for field in dataclasses.fields(kind)})
