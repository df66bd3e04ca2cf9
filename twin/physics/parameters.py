"""What the physics of a link depends on: plain numbers, so that a fault or an instrument can move any of them.

A preset gives the calibrated values; :func:`dataclasses.replace` makes the moved ones. All three classes are frozen and hashable.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from ...errors import ConfigError

Platform = Literal["rb87", "sr88"]
Side = Literal["alice", "bob"]

DETECTORS = ("cH", "cV", "dH", "dV")
"""Bit k of a click pattern is detector k: output arm of the fibre beam splitter, then port of the polarising one."""

_NOT_FRACTIONS = {
    "fibre_rotation",
    "fibre_retardance",
    "coherence_time",
    "coherence_exponent",
    "beam_offset",
    "field",
    "bright_counts",
    "dark_counts",
}


def _check_fractions(parameters: NodeParameters | BsmParameters) -> None:
    for field in fields(parameters):
        if field.name in _NOT_FRACTIONS:
            continue
        value = getattr(parameters, field.name)
        for number in value if isinstance(value, tuple) else (value,):
            if not 0 <= number <= 1:
                raise ConfigError(f"{type(parameters).__name__}.{field.name} is {number}; it is a probability and lies between 0 and 1")


@dataclass(frozen=True)
class NodeParameters:
    """One trap, its photon and its readout. Probabilities unless a unit is given.

    Attributes:
        efficiency: an emitted photon is detected, gate included, with a lossless channel and calibrated detectors.
        visibility: weight v of the Bell state in the atom-photon qubit pair; the rest is white noise on the two qubits.
        excitation: an attempt excites the atom; 1 as calibrated (see :func:`.states.excitation_probability`).
        pumping: an attempt starts from the initial state. A miss gives no photon.
        channel_transmission: of the fibre to the Bell-state measurement.
        fibre_rotation: angle by which the fibre turns a linear polarisation, radians.
        fibre_retardance: phase of V against H after the fibre, radians.
        leak: the atom sits in m_F = 0, uncorrelated with its photon (Rb only).
        second_photon: after a detected photon another one follows from the same atom within the gate.
        coherence_time: 1/e time of the atom's coherence, seconds.
        coherence_exponent: n of the coherence exp(-(t/T)^n); 2 is Gaussian, 1 exponential.
        field: magnetic flux density beyond the calibrated one, along the quantisation axis, tesla; it turns the qubit while it waits.
        dark_ionised: the state that should stay trapped is ionised (Rb).
        bright_survives: the state that should be ionised stays (Rb).
        leak_survives: an atom in m_F = 0 stays (Rb).
        missed: a trapped atom (a bright ion) reads as dark.
        false_bright: an empty trap (a dark ion) reads as bright.
        beam_contrast: contrast of each readout beam, a factor on the observable (Rb).
        beam_offset: error of each readout beam's angle, radians (Rb).
        bright_counts: mean fluorescence counts of a trapped atom or bright ion.
        dark_counts: mean fluorescence counts of an empty trap or dark ion.
    """

    efficiency: float
    visibility: float = 1.0
    excitation: float = 1.0
    pumping: float = 1.0
    channel_transmission: float = 1.0
    fibre_rotation: float = 0.0
    fibre_retardance: float = 0.0
    leak: float = 0.0
    second_photon: float = 0.0
    coherence_time: float = math.inf
    coherence_exponent: float = 2.0
    field: float = 0.0
    dark_ionised: float = 0.0
    bright_survives: float = 0.0
    leak_survives: float = 0.0
    missed: float = 0.0
    false_bright: float = 0.0
    beam_contrast: tuple[float, ...] = (1.0,)
    beam_offset: tuple[float, ...] = (0.0,)
    bright_counts: float = 0.0
    dark_counts: float = 0.0

    def __post_init__(self) -> None:
        _check_fractions(self)
        if len(self.beam_contrast) != len(self.beam_offset):
            raise ConfigError(
                f"{len(self.beam_contrast)} readout beams have a contrast, {len(self.beam_offset)} an angle offset; give each beam both"
            )
        if self.coherence_time <= 0 or self.coherence_exponent <= 0:
            raise ConfigError("coherence time and exponent must be above 0; an atom that keeps its coherence has coherence_time = inf")


@dataclass(frozen=True)
class BsmParameters:
    """The Bell-state measurement: a fibre beam splitter, a polarising one in each arm, four threshold detectors.

    Attributes:
        transmission: of the fibre beam splitter for Alice's photon into arm c.
        mode_overlap: M = |<phi_A|phi_B>|^2 of the two photons' wave packets.
        pbs_extinction: a photon leaves a polarising beam splitter through the wrong port.
        dark_probability: a dark count falls into the gate, per detector in the order of :data:`DETECTORS`.
        detector_efficiency: of each detector relative to its calibration, which is part of a node's ``efficiency``.
    """

    transmission: float = 0.5
    mode_overlap: float = 1.0
    pbs_extinction: float = 0.0
    dark_probability: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    detector_efficiency: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        _check_fractions(self)
        if len(self.dark_probability) != len(DETECTORS) or len(self.detector_efficiency) != len(DETECTORS):
            raise ConfigError(f"a Bell-state measurement has {len(DETECTORS)} detectors ({', '.join(DETECTORS)}); give one number for each")


@dataclass(frozen=True)
class LinkParameters:
    """Two nodes and the Bell-state measurement between them."""

    platform: Platform
    alice: NodeParameters
    bob: NodeParameters
    bsm: BsmParameters = BsmParameters()

    def __post_init__(self) -> None:
        if self.platform == "sr88" and (self.alice.leak or self.bob.leak):
            raise ConfigError("the ion's qubit has no m_F = 0 level to leak into; set leak to 0")

    @property
    def levels(self) -> int:
        """Levels of one atom: 3 for Rb (up, down, m_F = 0), 2 for Sr."""
        return 3 if self.platform == "rb87" else 2

    def node(self, side: Side) -> NodeParameters:
        """Alice's or Bob's parameters."""
        return self.alice if side == "alice" else self.bob
