"""The description of a link's round, and its wiring, with the numbers of the link file."""

from __future__ import annotations

import dataclasses
import math
from typing import TypeVar

from ..sequences import munich, oxford
from ..sequences.attempts import AttemptTimings, Plan
from ..sequences.language import OFF, ON, Herald, Item, Tone
from ..sequences.program import to_ps
from ..sequences.wiring import Line, Wiring
from .config import LinkConfig
from .config_models import Rb87Link
from .config_sequence import SequenceLine
from .slots import PARTIES

Timings = TypeVar("Timings", bound=AttemptTimings)
_DRIVES = {"on": ON, "off": OFF}


def link_round(config: LinkConfig) -> Item:
    """The round of the whole link.

    Raises:
        SequenceError: the numbers of the link file make none.
    """
    plan = sequence_plan(config)
    if isinstance(config.link, Rb87Link):
        return munich.link_round(_timings(munich.MunichTimings, config.link.timings), plan)
    return oxford.link_round(_timings(oxford.OxfordTimings, config.link.timings), plan)


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
