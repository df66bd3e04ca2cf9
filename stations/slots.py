"""Which roles a node of each platform has to fill, as data.

A link file wires instruments to slots (``alice.readout: alice_readout_laser``). This table says which slots there are, which
role of :mod:`eventready.instruments` each one asks for, and which may stay empty.
"""

from __future__ import annotations

from typing import NamedTuple

PARTIES = ("alice", "bob")
NODES = (*PARTIES, "bsm")
DETECTORS = ("ch", "cv", "dh", "dv")
"""The four detectors of the Bell-state measurement: output arm c or d of the beam splitter, then H or V; bit 0 to 3 of a click pattern."""


class Slot(NamedTuple):
    """One place for an instrument.

    Attributes:
        role: name of the role class in :mod:`eventready.instruments`.
        meaning: what stands there, in one line.
        required: False where the node works without it.
    """

    role: str
    meaning: str
    required: bool = True


def reference_slots(node: str) -> tuple[str, str, str]:
    """Light, plate and polarimeter of a node's fibre: all three or none."""
    return f"{node}.reference_light", f"{node}.reference_plate", f"bsm.polarimeter_{node}"


INSTRUMENT_ROLE = {"Aom": "RfSource"}
"""Slots whose role is not the instrument's own: an AOM is the RF source in the Station file plus the link file's calibration."""

_COIL = Slot("CurrentSource", "coil along the quantisation axis; 0 A leaves the field as calibrated", required=False)
_RB87 = {
    "trap": Slot("Laser", "850 nm dipole trap"),
    "cooling": Slot("Aom", "780 nm cooling light; also the cycling light of the fluorescence readout"),
    "repump": Slot("Aom", "780 nm repump light, F=1 to F'=2"),
    "excitation_laser": Slot("Laser", "780 nm laser of the entangling pulse"),
    "excitation": Slot("Aom", "cuts the entangling pulse"),
    "readout": Slot("Laser", "795 nm readout laser; its polarisation is the setting"),
    "ionisation": Slot("Laser", "473 nm ionisation laser"),
    "detector": Slot("SinglePhotonDetector", "sees the trapped atom's fluorescence"),
    "qrng": Slot("RandomSource", "quantum random numbers for the inputs"),
    "sequencer": Slot("HeraldingSequencer", "the node's own fast sequencer: analyser and readout pulse"),
    "paddle": Slot("Rotator", "polarisation of the fibre to the Bell-state measurement", required=False),
    "reference_light": Slot("Laser", "780 nm light, linearly polarised, behind the shutter into that fibre", required=False),
    "reference_plate": Slot("Rotator", "turns the reference light's polarisation; its angle is the azimuth", required=False),
    "coil": _COIL,
}
_RB87_ISOLATION = {
    "shutter": Slot("Shutter", "free-space shutter between trap and fibre"),
    "filter": Slot("Shutter", "795 nm spectral filter; closed = in the beam"),
}
_SR88 = {
    "cooling": Slot("Aom", "422 nm Doppler cooling and fluorescence readout"),
    "repump": Slot("Aom", "1092 nm repump"),
    "excitation_laser": Slot("Laser", "422 nm picosecond laser of the entangling pulse"),
    "excitation": Slot("Aom", "picks the entangling pulse"),
    "qubit": Slot("Laser", "674 nm laser: qubit rotations and shelving"),
    "deshelve": Slot("Laser", "1033 nm deshelving laser"),
    "photoionisation": Slot("Laser", "makes ions when the trap is loaded"),
    "detector": Slot("SinglePhotonDetector", "sees the ion's fluorescence"),
    "qrng": Slot("RandomSource", "quantum random numbers for round type and inputs"),
    "sequencer": Slot("HeraldingSequencer", "the node's own fast sequencer: shuttle and rotations"),
    "coil": _COIL,
}
_BSM = {
    "sequencer": Slot("HeraldingSequencer", "runs the attempts until a herald pattern"),
    "tagger": Slot("TimeTagger", "time tags of the four detectors"),
    **{f"detector_{name}": Slot("SinglePhotonDetector", f"output arm {name[0]}, polarisation {name[1].upper()}") for name in DETECTORS},
}
_RB87_BSM = {
    **_BSM,
    **{f"polarimeter_{name}": Slot("Polarimeter", f"reference light at the end of {name}'s fibre", required=False) for name in PARTIES},
}

SLOTS: dict[str, dict[str, dict[str, Slot]]] = {
    "rb87": {"alice": _RB87, "bob": {**_RB87, **_RB87_ISOLATION}, "bsm": _RB87_BSM},
    "sr88": {"alice": _SR88, "bob": _SR88, "bsm": _BSM},
}
"""``SLOTS[platform][node][slot]``. Alice of rb87 has no shutter: the Bell-state measurement stands between her and the outside
(Zhang et al., Nature 607, 687 (2022), "DIQKD implementation")."""
