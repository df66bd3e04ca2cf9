"""A fault script: what goes wrong in a simulated lab, and when, as a YAML file.

::

    faults:
      - {slot: bob.readout, fault: unlocked, at: "2 h", for: "3 min"}    # a laser loses its lock, and finds it again
      - {slot: bob.shutter, fault: stuck, at: "5 h"}                     # for good
      - {quantity: bsm.dark_rate, value: "500 /s", at: "1 h", for: "10 min"}
      - {quantity: bob.channel_transmission, value: 0.1, every: "8 h", for: "5 min"}   # again and again, at random
      - {line: bob, fault: down, at: "6 h", for: "3 min"}                # messages from and to Bob wait until the line is up again
      - {line: bob, fault: lossy, probability: 0.01, every: "1 d", for: "1 s"}       # some never come
    drifts:
      - {quantity: bob.fibre_rotation, sigma: "3 deg", time: "1 h"}      # wanders about the calibrated value

``at`` is once; ``every`` is a Poisson process with that mean interval, whose events last ``for`` on the mean. A drift is an
Ornstein-Uhlenbeck process of standard deviation ``sigma`` and correlation time ``time`` that starts at the calibrated value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..units import parse_quantity
from .physics.disturbed import QUANTITIES
from .ports import BeamPort, DetectorPort, Port, RandomPort, SequencerPort, ShutterPort, TagPort
from .yaml_file import Entry, YamlFile, suggest

SLOT_FAULTS: dict[str, tuple[type[Port], str]] = {
    "unlocked": (BeamPort, "the laser loses its lock"),
    "dark": (BeamPort, "the beam fails, and stays off until it is switched on again"),
    "interlock": (BeamPort, "the interlock opens"),
    "stuck": (ShutterPort, "the blade no longer moves"),
    "overloaded": (DetectorPort, "too much light: the detector latches, says so, and latches again after each reset until it is over"),
    "latched": (DetectorPort, "the detector latches, and says so, until it is reset"),
    "deaf": (DetectorPort, "the detector sees nothing, and does not say so"),
    "overflow": (TagPort, "the tagger's buffer overflows: tags are lost, and it says when"),
    "references lost": (TagPort, "the tagger sees no reference edges, and does not say so"),
    "stuck bits": (RandomPort, "every byte of the random source is 0"),
    "missed references": (SequencerPort, "the next run of attempts misses a reference pulse"),
}
"""What can befall an instrument: the kind of port, and the meaning."""


LINE_FAULTS = {
    "down": "messages wait until the line is up again, and then come in their order",
    "lossy": "a message is lost with the given probability",
    "garbled": "bits of the herald pattern in an announcement are flipped with the given probability",
}
"""What can befall the line for messages between the heralding station and a party."""
LINES = ("alice", "bob")
"""Each is the line of one party. What the parties say to each other passes both."""


@dataclass(frozen=True)
class Timing:
    """When a fault strikes, seconds.

    Args:
        at: once, then; None for a Poisson process.
        every: mean interval of that; None for once.
        lasting: how long, or how long on the mean; infinity for good.
    """

    at: float | None
    every: float | None
    lasting: float


@dataclass(frozen=True)
class SlotFault:
    """Something befalls the instrument in a slot."""

    slot: str
    fault: str
    timing: Timing


@dataclass(frozen=True)
class QuantityFault:
    """A quantity of the physics jumps to ``value`` (SI units) and back."""

    quantity: str
    value: float
    timing: Timing


@dataclass(frozen=True)
class LineFault:
    """Something befalls a line between nodes, or single messages on it with a probability (1 where it is not for single ones)."""

    line: str
    fault: str
    timing: Timing
    probability: float = 1.0


@dataclass(frozen=True)
class Drift:
    """A quantity of the physics wanders: Ornstein-Uhlenbeck with standard deviation ``sigma`` (SI units) and ``time`` (s)."""

    quantity: str
    sigma: float
    time: float


@dataclass(frozen=True)
class FaultScript:
    """All that goes wrong.

    Attributes:
        text: of the file.
        slots: what befalls instruments.
        quantities: what jumps.
        drifts: what wanders.
        lines: what befalls the lines between nodes.
    """

    text: str
    slots: tuple[SlotFault, ...] = ()
    quantities: tuple[QuantityFault, ...] = ()
    drifts: tuple[Drift, ...] = ()
    lines: tuple[LineFault, ...] = ()


def load_fault_script(path: str | Path) -> FaultScript:
    """Read a script.

    Raises:
        ConfigError: no such file, or something is wrong in it: with file, line, key and a suggestion.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot read this fault script: {error}") from error
    return parse_fault_script(text, str(path))


def parse_fault_script(text: str, where: str) -> FaultScript:
    """The same from a text; ``where`` is its name for messages."""
    return _ScriptFile(text, where).script(text)


class _ScriptFile(YamlFile):
    def __init__(self, text: str, where: str) -> None:
        super().__init__(text, where, "a fault script")

    def script(self, text: str) -> FaultScript:
        top = self.mapping(self.top, "a fault script", (), ("faults", "drifts"))
        faults = [self._fault(entry) for entry in self.sequence(top["faults"], "faults")] if "faults" in top else []
        drifts = [self._drift(entry) for entry in self.sequence(top["drifts"], "drifts")] if "drifts" in top else []
        wandering = [drift.quantity for drift in drifts]
        for name in wandering:
            if wandering.count(name) > 1:
                self.fail(top["drifts"], f"{name} drifts twice; one process a quantity")
        return FaultScript(
            text,
            tuple(fault for fault in faults if isinstance(fault, SlotFault)),
            tuple(fault for fault in faults if isinstance(fault, QuantityFault)),
            tuple(drifts),
            tuple(fault for fault in faults if isinstance(fault, LineFault)),
        )

    def _fault(self, entry: Entry) -> SlotFault | QuantityFault | LineFault:
        kinds = ("slot", "fault", "quantity", "value", "line", "probability")
        keys = self.mapping(entry, "a fault", (), (*kinds, "at", "every", "for"))
        timing = self._timing(entry, keys)
        told = set(keys).intersection(kinds)
        if told == {"slot", "fault"}:
            fault = self.text(keys["fault"], "fault")
            if fault not in SLOT_FAULTS:
                self.fail(keys["fault"], f"{fault!r} is no fault{suggest(fault, SLOT_FAULTS)}; one of {', '.join(SLOT_FAULTS)}")
            return SlotFault(self.text(keys["slot"], "slot"), fault, timing)
        if told == {"quantity", "value"}:
            name = self._quantity(keys["quantity"])
            return QuantityFault(name, self._value(keys["value"], name), timing)
        if told - {"probability"} == {"line", "fault"}:
            return self._line_fault(entry, keys, timing)
        self.fail(entry, "a fault has either slot and fault, or quantity and value, or line and fault (and probability)")

    def _line_fault(self, entry: Entry, keys: dict[str, Entry], timing: Timing) -> LineFault:
        line, fault = self.text(keys["line"], "line"), self.text(keys["fault"], "fault")
        if line not in LINES:
            self.fail(keys["line"], f"{line!r} is no line{suggest(line, LINES)}; there are {', '.join(LINES)}")
        if fault not in LINE_FAULTS:
            self.fail(keys["fault"], f"{fault!r} cannot befall a line{suggest(fault, LINE_FAULTS)}; one of {', '.join(LINE_FAULTS)}")
        if (fault == "down") == ("probability" in keys):
            self.fail(entry, "a line that is down holds every message up; lossy and garbled need a probability, and down has none")
        return LineFault(line, fault, timing, self._probability(keys["probability"]) if "probability" in keys else 1.0)

    def _probability(self, entry: Entry) -> float:
        try:
            probability = parse_quantity(self.text(entry, "probability"), "fraction")
        except ConfigError as error:
            self.fail(entry, f"probability: {error}")
        if not 0 < probability <= 1:
            self.fail(entry, f"a probability is above 0 and at most 1, not {probability:g}")
        return probability

    def _timing(self, entry: Entry, keys: dict[str, Entry]) -> Timing:
        if ("at" in keys) == ("every" in keys):
            self.fail(entry, "a fault strikes either at a time or every so often; give at: or every:")
        lasting = self._time(keys["for"], "for") if "for" in keys else math.inf
        if "every" in keys and math.isinf(lasting):
            self.fail(keys["every"], "what strikes every so often must end; give for:, its mean length")
        if "at" in keys:
            return Timing(self._time(keys["at"], "at", zero=True), None, lasting)
        return Timing(None, self._time(keys["every"], "every"), lasting)

    def _drift(self, entry: Entry) -> Drift:
        keys = self.mapping(entry, "a drift", ("quantity", "sigma", "time"), ())
        name = self._quantity(keys["quantity"])
        sigma = self._value(keys["sigma"], name)
        if sigma <= 0:
            self.fail(keys["sigma"], "sigma must be above 0")
        return Drift(name, sigma, self._time(keys["time"], "time"))

    def _quantity(self, entry: Entry) -> str:
        name = self.text(entry, "quantity")
        if name not in QUANTITIES:
            self.fail(entry, f"{name!r} is no quantity of the twin{suggest(name, QUANTITIES)}; there are {', '.join(QUANTITIES)}")
        return name

    def _value(self, entry: Entry, quantity: str) -> float:
        try:
            return parse_quantity(self.text(entry, "value"), QUANTITIES[quantity].dimension)
        except ConfigError as error:
            self.fail(entry, f"{quantity}: {error}")

    def _time(self, entry: Entry, what: str, *, zero: bool = False) -> float:
        try:
            seconds = parse_quantity(self.text(entry, what), "time")
        except ConfigError as error:
            self.fail(entry, f"{what}: {error}")
        if seconds < 0 or (seconds == 0 and not zero):
            self.fail(entry, f"{what}: {seconds:g} s is too short")
        return seconds
