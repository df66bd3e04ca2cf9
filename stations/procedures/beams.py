"""Switching the beams of a node, whatever drives them."""

from __future__ import annotations

from collections.abc import Sequence

from ...instruments import Aom, Laser

Beam = Laser | Aom


def beam_on(beam: Beam) -> None:
    """Let a beam shine: a laser emits; an AOM transmits all it can and its RF is on."""
    if isinstance(beam, Laser):
        beam.set_emission(True)
    else:
        beam.set_transmission(1.0)
        beam.set_enabled(True)


def beam_off(beam: Beam) -> None:
    """Darken a beam."""
    if isinstance(beam, Laser):
        beam.set_emission(False)
    else:
        beam.set_enabled(False)


def beams_off(beams: Sequence[Beam]) -> None:
    """Darken several beams, the last one first."""
    for beam in reversed(beams):
        beam_off(beam)
