"""The section ``sequence`` of a link file: how the lines of the sequence are wired, and who describes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictStr

from .config_values import Frequency, Part, Power, Text, TimeOrZero

State = Literal["on", "off"]
Port = Annotated[StrictStr, Field(pattern=r"^[A-Za-z]\w*\.[\w-]+$")]
PythonFile = Annotated[StrictStr, Field(pattern=r"^\w[\w.-]*\.py$")]


class SequenceLine(Part):
    """A line of the sequence, from the port of a device to the atom; or a detector."""

    port: Port
    """Device and channel, e.g. bob_streamer.ch2."""
    delay: TimeOrZero = 0.0
    """From the edge at the port to the RF edge or the light at the atom: cables, drivers. An AOM's own delay is in its calibration and is
    added. For an input, from the detector to the port."""
    min_on: TimeOrZero = 0.0
    """Shortest pulse."""
    min_off: TimeOrZero = 0.0
    """Shortest pause between two pulses."""
    tolerance: TimeOrZero = 0.0
    """How far an edge may be moved to fit the time grid of the device."""
    idle: State = "off"
    """What it is when nothing is asked for."""
    gap: State | None = None
    """What it is between a herald and the next command; by default as when idle."""
    visible: bool = True
    """Whether its light or RF can be noticed outside the laboratory."""


class SequenceTone(Part):
    """The radio frequency that a line's port plays."""

    frequency: Frequency
    """Frequency."""
    power: Power
    """Power at the port."""


class SequenceSection(Part):
    """The hardware-timed sequence: how it is wired, and who describes it."""

    file: PythonFile | None = None
    """Python file beside the link file with a function link_round(timings, plan); by default the platform's own round."""
    devices: dict[Text, Text] = {}
    """What kind of target each device is."""
    lines: dict[Text, SequenceLine] = {}
    """Lines and detectors, node.slot."""
    tones: dict[Text, SequenceTone] = {}
    """Lines that play a radio frequency of their own."""
