"""What a link file may contain: one model a section; every field's docstring is its description in the schema.

The models are frozen, and after validation every quantity is a float in SI units. What one section must have in common with another,
or one file with another, is checked in :mod:`.config_checks`.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from .config_sequence import SequenceSection
from .config_timings import Rb87Timings, Sr88Timings
from .config_values import Angle, Bit, Count, Length, Number, Part, Power, Share, SmallAngle, Text, Time, TimeOrZero

Node = Literal["alice", "bob", "bsm"]
Detector = Literal["ch", "cv", "dh", "dv"]
Phase = Literal["loading", "preparing", "attempting", "reading", "resetting"]
Channel = Annotated[StrictInt, Field(ge=-(2**15), lt=2**15)]
FileName = Annotated[StrictStr, Field(pattern=r"^\w[\w.-]*\.ya?ml$")]


class Site(Part):
    """A trust boundary: one PC, one Station file, the nodes that run there."""

    station: FileName
    """QCoDeS Station file, in the folder of the link file."""
    nodes: Annotated[tuple[Node, ...], Field(min_length=1)]
    """Which of alice, bob and bsm stand here."""


class AomSection(Part):
    """How RF power becomes light."""

    saturation_power: Power
    """RF power of the highest diffraction efficiency."""
    delay: TimeOrZero
    """From the RF edge to the light at the atom: sound in the crystal, and cables."""
    rise_time: TimeOrZero
    """10 % to 90 % of the light."""


class Lines(Part):
    """The optical fibres from the nodes to the Bell-state measurement."""

    alice: Length
    """Fibre from Alice to the Bell-state measurement."""
    bob: Length
    """Fibre from Bob to the Bell-state measurement."""
    group_index: Annotated[Number, Field(ge=1, le=4)]
    """Group index of the fibre: light needs length times index over c."""


class Settings(Part):
    """Measurement angles; the position in the list is the input."""

    alice: tuple[Angle, ...]
    """Alice's settings X = 0, 1, ..."""
    bob: tuple[Angle, ...]
    """Bob's settings Y = 0, 1, ..."""


class Pattern(Part):
    """A click pattern that heralds, and the Bell state it projects on."""

    clicks: Annotated[tuple[Detector, ...], Field(min_length=2, max_length=2)]
    """The two detectors that click, no other may."""
    state: Literal["psi+", "psi-"]
    """The Bell state of the two photons."""


class Thresholds(Part):
    """Fluorescence counts from which on a particle counts as bright."""

    alice: Count
    """At Alice."""
    bob: Count
    """At Bob."""


class Fallback(Part):
    """The declared output of a round in which something failed after the herald."""

    alice: Bit
    """At Alice."""
    bob: Bit
    """At Bob."""


class Orders(Part):
    """The steps of a round, in order; see order_rules."""

    alice: tuple[Text, ...]
    """At Alice."""
    bob: tuple[Text, ...]
    """At Bob."""


class LatchedRandom(Part):
    """The sequencer's hardware latches fresh bits after the herald."""

    mode: Literal["latched"]
    """Always latched."""
    setting_bits: Annotated[StrictInt, Field(ge=1, le=8)]
    """Bits that select the setting."""


class PoolRandom(Part):
    """Bits come from an audited pool, stored before the run, each used once."""

    mode: Literal["pool"]
    """Always pool."""
    setting_bits: Annotated[StrictInt, Field(ge=1, le=8)]
    """Bits that select the setting of a test round."""


class PoolRandomRoundType(PoolRandom):
    """The same, for the party that decides the round type, too."""

    round_type_bits: Annotated[StrictInt, Field(ge=1, le=32)]
    """Bits that decide between test and key; a test fraction is a multiple of 1/2**bits."""


class Rb87Random(Part):
    """Where each party's inputs come from."""

    alice: LatchedRandom
    """At Alice."""
    bob: LatchedRandom
    """At Bob."""


class Sr88Random(Part):
    """Where each party's inputs come from."""

    alice: PoolRandom
    """At Alice."""
    bob: PoolRandomRoundType
    """At Bob."""


class Purpose(Part):
    """A kind of run in which the settings alone decide what a round is for."""

    rounds: Count
    """Rounds, unless the command line says otherwise."""


class SiftedPurpose(Purpose):
    """A kind of run in which Bob draws the type of each round."""

    test_fraction: Share
    """Probability of a test round."""


class Purposes(Part):
    """The two kinds of run."""

    characterise: Purpose
    """Outcomes may be compared; such data make no key."""
    key: Purpose
    """Outcomes stay secret."""


class SiftedPurposes(Part):
    """The two kinds of run."""

    characterise: SiftedPurpose
    """Outcomes may be compared; such data make no key."""
    key: SiftedPurpose
    """Outcomes stay secret."""


class ProtocolPlan(Part):
    """What a key run is planned for, fixed before it; with rounds and test fraction it gives threshold, syndrome and key length."""

    chsh: Annotated[StrictFloat, Field(gt=2, le=2 * 2**0.5)]
    """S that the link reaches at least."""
    qber: Annotated[StrictFloat, Field(ge=0, lt=0.5)]
    """Error rate of key rounds that it reaches at most."""
    soundness: Annotated[StrictFloat, Field(gt=0, lt=1)]
    """Distance of the key from an ideal one."""
    analysis: Literal["eat2022", "renyi"]
    """Which proof the length of the key rests on."""
    credit: Literal[0, 1] = 0
    """r_t of the Renyi analysis."""
    code: Literal["paper", "shipped"]
    """How much error correction reveals: as much as in the publication, or what this software's codes need."""


class Report(Part):
    """How a run is shown."""

    window: Count
    """Rounds in the moving window of S and Q."""
    block: Count
    """Rounds that make one row in the run's QCoDeS database."""


class Monitors(Part):
    """What is watched while a run goes on."""

    interval: Time = 60.0
    """The heralding station looks at its counters so often; a change is found one interval late at most."""
    node_singles_interval: Time | None = None
    """Between two measurements of each node's clicks with the other one's light off; nothing heralds meanwhile. Left out: none is made."""
    node_singles_attempts: Count = 100_000
    """Attempts with each node in such a measurement."""
    polarimetry_interval: Time | None = None
    """Between two looks with reference light at what the fibres do to polarisation; nothing heralds meanwhile. Left out: none is made."""
    polarimetry_accuracy: SmallAngle = math.radians(0.25)
    """Of a polarimeter: standard error of each normalised Stokes parameter, as an angle on the Poincare sphere."""
    reference_power: Power = 1e-4
    """Of that light, before the fibre."""
    readout_within: Time | None = None
    """Latest readout after the herald; a later one raises an alarm, but counts. Left out: not watched."""
    same_polarisation: Annotated[Number, Field(gt=0, lt=0.5)] | None = None
    """Largest share of pairs of clicks of equal polarisation while the photons interfere as they should. Left out: learned, slowly."""
    outcome_bias: Annotated[Number, Field(gt=0, lt=0.5)] | None = None
    """The share of bright outcomes at a party lies so close to 1/2 while nothing is wrong. Left out: learned, slowly."""


class DetectorResetSection(Part):
    """How a detector that has latched is freed while its node is suspended: bias off and on again."""

    recovery: Time = 0.1
    """How long a detector is left without bias, and how long it is watched afterwards."""
    pause: Time = 1.0
    """Between the first try and the second; each further pause is twice as long as the one before."""
    tries: Annotated[StrictInt, Field(ge=0, le=50)] = 12
    """Tries in a row; a detector that has worked for a whole round since begins anew. 0: people reset detectors."""


class TaggerSection(Part):
    """The heralding station's time tagger during a run: which input is what, and what its tags are for."""

    reference: Channel
    """Channel of the reference edges, one an attempt."""
    detectors: Annotated[tuple[Channel, ...], Field(min_length=4, max_length=4)]
    """Channels of the detectors ch, cv, dh, dv."""
    tolerance: Time = 1e-9
    """By which a reference edge may come early or late."""
    witness: StrictBool
    """Whether a herald counts only where the tags show it, too; else what is wrong with them is told, and no more."""


class LinkFile(Part):
    """A link: its sites and who fills which role, its timings and angles, the order of a round, the plan of the protocol."""

    name: Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
    """Name of the link: small letters, digits, underscores; it is an instrument of QCoDeS, too."""
    preset: Text
    """Physics of the digital twin."""
    sites: Annotated[dict[Text, Site], Field(min_length=1)]
    """Sites by name."""
    roles: dict[Text, Text]
    """Role (node.slot) to instrument or instrument.submodule, in the order in which they are loaded."""
    windows: dict[Text, dict[Text, Annotated[tuple[Phase, ...], Field(min_length=1)]]] = {}
    """Instruments that fill two roles of one site: for each role the phases of a round in which it may use the instrument."""
    calibration: dict[Text, AomSection]
    """Calibration of each AOM role."""
    lines: Lines
    """Fibres."""
    settings: Settings
    """Measurement angles."""
    patterns: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=4)]
    """Click patterns that herald; a heralding sequencer matches up to four."""
    thresholds: Thresholds
    """Fluorescence thresholds."""
    fallback: Fallback
    """Fallback outputs."""
    order: Orders
    """Order of a round."""
    report: Report
    """Report of a run."""
    monitors: Monitors = Monitors()
    """What is watched."""
    detector_reset: DetectorResetSection = DetectorResetSection()
    """Freeing detectors that have latched."""
    tagger: TaggerSection | None = None
    """Time tags during a run. Left out: the tagger is not read."""
    sequence: SequenceSection = SequenceSection()
    """Hardware-timed sequence."""


class Rb87Link(LinkFile):
    """Two trapped rubidium-87 atoms, ionisation readout; settings alone decide what a round is for."""

    platform: Literal["rb87"]
    """Kind of nodes."""
    game: Literal["munich"]
    """Which pairs of settings test and which make key."""
    timings: Rb87Timings
    """Timings."""
    random: Rb87Random
    """Random inputs."""
    purposes: Purposes
    """Kinds of run."""


class Sr88Link(LinkFile):
    """Two trapped strontium-88 ions; Bob draws the type of each round."""

    platform: Literal["sr88"]
    """Kind of nodes."""
    game: Literal["oxford"]
    """Which pairs of settings test and which make key."""
    timings: Sr88Timings
    """Timings."""
    random: Sr88Random
    """Random inputs."""
    purposes: SiftedPurposes
    """Kinds of run."""
    protocol: ProtocolPlan
    """Plan of a key run."""


PLATFORMS: dict[str, type[Rb87Link] | type[Sr88Link]] = {"rb87": Rb87Link, "sr88": Sr88Link}
"""The model of a link file for each platform."""
