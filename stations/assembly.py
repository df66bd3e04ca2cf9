"""From open instruments to the three nodes: procedures over roles, with the numbers of the link file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ..clock import Clock
from ..instruments import Role, TimeTagger
from ..sequences import oxford
from ..sequences.digest import digest
from ..sequences.herald_rule import GatedDetector, HeraldRule
from ..sequences.lowering import lower
from ..sequences.program import Program, to_ps
from .config import LinkConfig
from .config_models import LinkFile, Rb87Link, SiftedPurpose, Sr88Link
from .herald_station import HeraldStation
from .link_sequence import link_round, link_wiring, require_sound
from .monitors.time_tags import TagRule
from .party import Party, PartySettings
from .procedures.beams import Beam
from .procedures.detector_reset import DetectorReset, Freeable
from .procedures.excitation import Excitation
from .procedures.inputs import HardwareInput, PoolInput
from .procedures.isolation import ShutterIsolation, ShuttleIsolation
from .procedures.preparation import Preparation
from .procedures.readout import FluorescenceReadout
from .procedures.reset import EmptyTrap, Scramble
from .procedures.trap_loading import TrapLoading
from .rb_party import RbParty, RbProcedures
from .slots import DETECTORS, NODES, PARTIES
from .sr_party import SrParty, SrProcedures
from .tagging import Tagging


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run asks of the nodes.

    Args:
        purpose: ``characterise`` or ``key``.
        rounds: how many in all.
        first: index of the first one that is still to be done, by party; 0 unless a run is resumed.
    """

    purpose: str
    rounds: int
    first: Mapping[str, int] = dataclasses.field(default_factory=lambda: dict.fromkeys(PARTIES, 0))


def programs(config: LinkConfig) -> dict[str, Program]:
    """What each node's sequencer is loaded with: the description of the round, lowered. Its digest, wiring included, is in each."""
    tree = link_round(config)
    wiring = link_wiring(config)
    require_sound(tree, wiring)
    sequence = digest(tree, wiring)
    flight_ps = {name: to_ps(config.delay(name, "bsm")) for name in PARTIES}
    return {node: lower(tree, node, sequence=sequence, flight_ps=flight_ps) for node in NODES}


def pattern_states(config: LinkConfig) -> dict[int, str]:
    """The Bell state of every click pattern that heralds; bit k of a pattern is detector k of :data:`~.slots.DETECTORS`."""
    return {sum(1 << DETECTORS.index(click) for click in pattern.clicks): pattern.state for pattern in config.link.patterns}


def herald_station(config: LinkConfig, roles: Mapping[str, Any], clock: Clock) -> HeraldStation:
    """The node in the middle."""
    detectors = [roles[f"bsm.detector_{name}"] for name in DETECTORS]
    program = programs(config)["bsm"]
    excitation = Excitation(roles["bsm.sequencer"], detectors, program)
    reset = _detector_reset(config.link, clock, {each.name: each for each in detectors})
    return HeraldStation(clock, excitation, detectors, reset, _tagging(config.link, roles["bsm.tagger"], clock, program))


def _tagging(link: LinkFile, tagger: TimeTagger, clock: Clock, program: Program) -> Tagging | None:
    section, loop = link.tagger, program.loop
    if section is None or loop is None:
        return None
    detectors = tuple(GatedDetector(channel, loop.gate_start_ps, loop.gate_ps) for channel in section.detectors)
    herald = HeraldRule(section.reference, detectors, program.accepted_patterns)
    return Tagging(tagger, clock, TagRule.of_loop(herald, loop, to_ps(section.tolerance)), witness=section.witness)


def party(config: LinkConfig, name: str, roles: Mapping[str, Any], clock: Clock, plan: Plan) -> Party:
    """Alice or Bob."""
    mine = {slot.partition(".")[2]: role for slot, role in roles.items() if slot.startswith(f"{name}.")}
    link = config.link
    timings = link.timings
    settings = PartySettings(
        name,
        order=getattr(link.order, name),
        fallback=getattr(link.fallback, name),
        check_interval=timings.check_interval,
        retry_interval=timings.retry_interval,
        patience=timings.patience,
    )
    program = programs(config)[name]
    if isinstance(link, Rb87Link):
        return RbParty(settings, clock, _rb_procedures(link, name, mine, clock, program))
    return SrParty(settings, clock, _sr_procedures(config, link, name, mine, clock, program, plan))


def _rb_procedures(link: Rb87Link, name: str, mine: Mapping[str, Any], clock: Clock, program: Program) -> RbProcedures:
    timings = link.timings
    light = (mine["cooling"], mine["repump"])
    shutter = mine.get("shutter")
    beams = ("trap", "excitation_laser", "excitation", "readout", "ionisation")
    return RbProcedures(
        loading=_loading(link, name, mine, clock, light=light, keep_light=False),
        preparation=Preparation(
            clock,
            beams=[mine[beam] for beam in beams],
            cooling_time=timings.load_cooling,
            instruments=_watched(name, mine, (*beams, "detector", "qrng", "sequencer")),
            shutter=shutter,
            filters=[mine["filter"]] if "filter" in mine else [],
            shutter_timeout=timings.isolation_timeout,
            detector_reset=_detector_reset(link, clock, {f"{name}.detector": mine["detector"]}),
        ),
        inputs=HardwareInput(mine["sequencer"], mine["qrng"], clock),
        readout=FluorescenceReadout(mine["detector"], window=timings.fluorescence, threshold=getattr(link.thresholds, name), light=light),
        empty_trap=EmptyTrap(mine["trap"], clock, timings.empty_trap),
        isolation=ShutterIsolation(shutter, clock, timings.isolation_timeout) if shutter is not None else None,
        sequencer=mine["sequencer"],
        program=program,
        coherence_ps=to_ps(timings.coherence_limit),
    )


def _sr_procedures(
    config: LinkConfig, link: Sr88Link, name: str, mine: Mapping[str, Any], clock: Clock, program: Program, plan: Plan
) -> SrProcedures:
    timings = link.timings
    axes = getattr(link.settings, name)
    light = (mine["cooling"], mine["repump"])
    beams = ("excitation_laser", "excitation", "qubit", "deshelve")
    type_bits = link.random.bob.round_type_bits if name == "bob" else 0
    purpose: SiftedPurpose = getattr(link.purposes, plan.purpose)
    bits = type_bits + getattr(link.random, name).setting_bits
    return SrProcedures(
        loading=_loading(link, name, mine, clock, light=light, keep_light=True, makers=(mine["photoionisation"],)),
        preparation=Preparation(
            clock,
            beams=[mine[beam] for beam in beams],
            cooling_time=timings.load_cooling,
            instruments=_watched(name, mine, (*beams, "cooling", "repump", "detector", "qrng", "sequencer")),
            detector_reset=_detector_reset(link, clock, {f"{name}.detector": mine["detector"]}),
        ),
        inputs=PoolInput(mine["qrng"], clock, bytes_per_round=-(-bits // 8), rounds=plan.rounds, first=plan.first[name]),
        readout=FluorescenceReadout(mine["detector"], window=timings.fluorescence, threshold=getattr(link.thresholds, name)),
        scramble=Scramble(mine["sequencer"]),
        isolation=ShuttleIsolation(mine["sequencer"]),
        sequencer=mine["sequencer"],
        program=program,
        arms=oxford.arm_table(axes, _frames(config) if name == "bob" else (), pattern_states(config)),
        key_setting=0 if name == "alice" else len(axes) - 1,
        type_bits=type_bits,
        test_below=int(purpose.test_fraction * 2**type_bits),
        slot_ps=to_ps(timings.round_type),
        coherence_ps=to_ps(timings.coherence_limit),
    )


def _loading(
    link: Rb87Link | Sr88Link,
    name: str,
    mine: Mapping[str, Any],
    clock: Clock,
    *,
    light: Sequence[Beam],
    keep_light: bool,
    makers: Sequence[Beam] = (),
) -> TrapLoading:
    timings = link.timings
    return TrapLoading(
        name,
        clock,
        detector=mine["detector"],
        light=light,
        makers=makers,
        keep_light=keep_light,
        threshold=getattr(link.thresholds, name),
        window=timings.fluorescence,
        poll=timings.load_poll,
        timeout=timings.load_timeout,
    )


def _detector_reset(link: LinkFile, clock: Clock, detectors: Mapping[str, Freeable]) -> DetectorReset:
    section = link.detector_reset
    return DetectorReset(clock, detectors, recovery=section.recovery, pause=section.pause, tries=section.tries)


def _watched(name: str, mine: Mapping[str, Any], slots: tuple[str, ...]) -> dict[str, Role]:
    """The instruments whose readiness counts while attempting; those that only load or read out are dark then."""
    return {f"{name}.{slot}": mine[slot] for slot in slots}


def _frames(config: LinkConfig) -> tuple[str, ...]:
    return tuple(dict.fromkeys(pattern_states(config).values()))
