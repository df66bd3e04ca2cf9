"""What each fault does to S and Q, and what shows it: the table of docs/explanations/monitors.md.

Runs Munich on the twin once for each fault, which strikes after ten hours, until the monitor that is meant to show it has raised its alarm,
or for as long as that may take by the counting statistics (:mod:`fault_table.delays`). S and Q are the closed form's, and the hours that S
would need are those for a deviation of 3 sigma. Where another monitor was first, it is named, too.

    python benchmarks/faults.py [WORD IN THE FAULT'S NAME]
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from fault_table.delays import DELAY, DELAYS, Case, State

from eventready.cli.progress import duration
from eventready.errors import EventreadyError
from eventready.protocol.bell import GAMES
from eventready.stations.config import LinkConfig, load_link
from eventready.stations.link import Link
from eventready.stations.monitor import Progress
from eventready.stations.slots import PARTIES
from eventready.twin.fault_script import FaultScript, parse_fault_script
from eventready.twin.physics import LinkParameters, expected
from eventready.twin.physics.disturbed import DARK_RATE, TRAP_LIFETIME, disturbed
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS
from eventready.twin.physics.preset import load_preset

HOURS = 10.0
FAULTS = {
    "excitation at Alice x 0.7": "quantity: alice.excitation, value: 0.7",
    "transmission to Bob x 0.1": "quantity: bob.channel_transmission, value: 0.1",
    "excitation laser unlocked": 'slot: alice.excitation_laser, fault: unlocked, for: "10 min"',
    "5 % more survive ionisation at Bob": "quantity: bob.bright_survives, value: 0.05",
    "20 % more survive ionisation at Bob": "quantity: bob.bright_survives, value: 0.2",
    "fluorescence at Alice x 0.7": "quantity: alice.bright_counts, value: 0.7",
    "10 % leak at Alice": "quantity: alice.leak, value: 0.1",
    "fibre turned by 5 deg": 'quantity: bob.fibre_rotation, value: "5 deg"',
    "fibre turned by 10 deg": 'quantity: bob.fibre_rotation, value: "10 deg"',
    "fibre retardance 20 deg": 'quantity: bob.fibre_retardance, value: "20 deg"',
    "field off by 0.2 uT": 'quantity: bob.field, value: "200 nT"',
    "photons 4 ns apart": 'quantity: bsm.photon_offset, value: "4 ns"',
    "photons 5 MHz apart": 'quantity: bsm.photon_detuning, value: "5 MHz"',
    "beam splitter 0.4": "quantity: bsm.imbalance, value: -0.1",
    "stray light 100 /s": 'quantity: bsm.dark_rate, value: "100 /s"',
    "stray light 2000 /s": 'quantity: bsm.dark_rate, value: "2000 /s"',
    "a detector deaf": "slot: bsm.detector_dv, fault: deaf",
    "a detector overloaded": 'slot: bsm.detector_dv, fault: overloaded, for: "10 min"',
    "a reference missed": "slot: bsm.sequencer, fault: missed references",
    "shutter stuck": 'slot: bob.shutter, fault: stuck, for: "10 min"',
    "random source stuck": "slot: bob.qrng, fault: stuck bits",
    "trap lifetime at Bob x 0.2": "quantity: bob.trap_lifetime, value: 0.2",
    "line to Bob down": 'line: bob, fault: down, for: "10 min"',
    "a message in 50 to and from Bob lost": "line: bob, fault: lossy, probability: 0.02",
    "a herald in 10 altered on the way to Bob": "line: bob, fault: garbled, probability: 0.1",
    "time tagger overflows": 'slot: bsm.tagger, fault: overflow, for: "10 min"',
    "time tagger without reference edges": 'slot: bsm.tagger, fault: references lost, for: "10 min"',
}
MEANT = {
    "excitation at Alice x 0.7": "singles",
    "transmission to Bob x 0.1": "node singles",
    "excitation laser unlocked": "alice suspended",
    "5 % more survive ionisation at Bob": "outcome bias",
    "20 % more survive ionisation at Bob": "outcome bias",
    "fluorescence at Alice x 0.7": "bright counts",
    "10 % leak at Alice": "outcome bias",
    "fibre turned by 5 deg": "polarimetry",
    "fibre turned by 10 deg": "polarimetry",
    "fibre retardance 20 deg": "polarimetry",
    "field off by 0.2 uT": "polarisation or field",
    "photons 4 ns apart": "interference",
    "photons 5 MHz apart": "interference",
    "beam splitter 0.4": "interference",
    "stray light 100 /s": "off-gate counts",
    "stray light 2000 /s": "off-gate counts",
    "a detector deaf": "detector balance",
    "a detector overloaded": "bsm suspended",
    "a reference missed": "sequencer counters",
    "shutter stuck": "bob reading",
    "random source stuck": "the run ends: bob_qrng",
    "trap lifetime at Bob x 0.2": "particle losses",
    "line to Bob down": "line bob suspended",
    "a message in 50 to and from Bob lost": "the run ends",
    "a herald in 10 altered on the way to Bob": "the run ends: bob: the heralds",
    "time tagger overflows": "tags lost",
    "time tagger without reference edges": "reference edges",
}
"""The monitor that is meant to show a fault, or the first words of the event; a fault without one is only looked for."""
UNWATCHED_HOURS = 30.0
"""So long a fault without a monitor is looked for."""


def statistics(parameters: LinkParameters) -> tuple[float, float, float]:
    """S, Q, heralds an attempt."""
    found = expected(parameters, *MUNICH_ANALYSES, MUNICH_PATTERNS, GAMES["munich"], DELAYS)
    return found.s, sum(found.qber) / len(found.qber), found.probability


def moved(script: FaultScript) -> LinkParameters:
    """The physics under a fault; what befalls an instrument is not in it."""
    preset = load_preset("munich-physics")
    values = {fault.quantity: fault.value for fault in script.quantities}
    calm = disturbed(preset.link_parameters(), values, preset["link.photon_lifetime"])
    extra = values.get(DARK_RATE, 0.0) * preset["bsm.gate_length"]
    dark = tuple(-math.expm1(math.log1p(-p) - extra) for p in calm.bsm.dark_probability)
    return dataclasses.replace(calm, bsm=dataclasses.replace(calm.bsm, dark_probability=dark))


def state(config: LinkConfig, script: FaultScript) -> State:
    """The link under a fault, for its counting statistics."""
    preset, values = load_preset("munich-physics"), {fault.quantity: fault.value for fault in script.quantities}
    lifetimes = {f"node.{node}.trap_lifetime": values.get(f"{node}.{TRAP_LIFETIME}", 1.0) for node in ("alice", "bob")}
    stretched = preset.with_values({name: preset[name] * stretch for name, stretch in lifetimes.items()})
    return State(config, stretched, moved(script), preset["bsm.dark_rate"] + values.get(DARK_RATE, 0.0))


def script_of(name: str) -> FaultScript:
    """The fault, ten hours after the start."""
    return parse_fault_script(f'faults: [{{{FAULTS[name]}, at: "{HOURS} h"}}]', name)


@cache
def calm() -> State:
    """The link without a fault."""
    return state(load_link("munich"), parse_fault_script("faults: []", "none"))


def within(name: str) -> float:
    """Seconds within which the monitor that is meant to show a fault must do so; for one without a monitor, how long it is looked for."""
    if name not in MEANT:
        return UNWATCHED_HOURS * 3600
    script = script_of(name)
    chance = script.lines[0].probability if script.lines else 1.0
    case = Case(calm(), state(calm().config, script), HOURS * 3600, side=int("bob." in FAULTS[name]), chance=chance)
    return DELAY[MEANT[name]](case)


def hours_of_s(calm: float, fault: float) -> float:
    """Until S is 3 sigma away: sigma is 0.078 after 3342 rounds, which take 75 hours (Zhang et al., Nature 607, 687 (2022))."""
    return 75 * (3 * 0.078 / abs(calm - fault)) ** 2 if abs(calm - fault) > 1e-3 else math.inf


def hours_text(hours: float) -> str:
    """For people, who wait no longer than ten years."""
    return f"{hours:.2g} h" if hours < 100 else f"{hours:,.0f} h" if hours < 1e5 else "never"


class Sign(NamedTuple):
    """Something that shows a fault."""

    after_s: float
    what: str


def row(name: str, signs: list[Sign]) -> str:
    """Of the table; what befalls an instrument has no S of its own."""
    return f"| {' | '.join([name, *physics_cells(name), *shown_cells(name, signs)])} |"


def physics_cells(name: str) -> list[str]:
    """S, Q, and how long S alone would need."""
    if not FAULTS[name].startswith("quantity"):
        return ["", "", ""]
    s, q, _ = statistics(moved(script_of(name)))
    return [f"{s:.2f}", f"{100 * q:.1f} %", hours_text(hours_of_s(statistics(calm().parameters)[0], s))]


def shown_cells(name: str, signs: list[Sign]) -> list[str]:
    """What showed it, the computed bound, and when it did; and what was faster."""
    first, meant = (min(found, default=None) for found in (signs, [sign for sign in signs if is_meant(name, sign.what)]))
    bound = duration(within(name)) if name in MEANT else ""
    if meant is None:
        what = f"{MEANT.get(name, 'nothing')}{': not in time' if name in MEANT else ''}"
        return [what, bound, "" if first is None else f"{first.what} after {duration(first.after_s)}"]
    late = "" if meant.after_s <= within(name) else ", late"
    faster = "" if first is None or first.what == meant.what else f" ({first.what}: {duration(first.after_s)})"
    return [meant.what, bound, f"{duration(meant.after_s)}{late}{faster}"]


def is_meant(name: str, what: str) -> bool:
    """Whether a sign is that of the monitor that is meant to show the fault; a run that breaks off is a sign of its own."""
    return name in MEANT and what.startswith(MEANT[name])


def alarm_text(line: dict[str, str]) -> str:
    """The monitor, and the party that it is about, where it is about one."""
    return line["alarm"] + (f", {line['node']}" if line["node"] in PARTIES else "")


def event_text(line: dict[str, str]) -> str:
    """Node, state and cause; of a line between nodes whichever noticed it first."""
    return short(line["cause"]) if line["cause"].startswith("line ") else f"{line['node']} {line['to']}: {short(line['cause'])}"


def short(cause: str) -> str:
    """Without the advice."""
    return cause.partition(";")[0].partition(". ")[0]


def signs_in(folder: Path, ended: str) -> list[Sign]:
    """All that came after the fault struck: alarms, events that name a cause, and the end of the run where a fault ended it."""
    signs, last_s = [], 0.0
    for name in ("public", "alice", "bob"):
        for line in map(json.loads, (folder / name / "events.jsonl").read_text(encoding="utf-8").splitlines()):
            after_s = line["t_s"] - HOURS * 3600
            last_s = max(last_s, after_s)
            telling = "alarm" in line or line["to"] == "suspended" or line["cause"].startswith(("round ", "line "))
            if after_s > 0 and telling:
                signs.append(Sign(after_s, alarm_text(line) if "alarm" in line else event_text(line)))
    return [*signs, Sign(last_s, f"the run ends: {ended}")] if ended else signs


def stop_when_seen(name: str, link: Link, progress: Progress) -> None:
    """Nothing is left to wait for after the alarm that is meant, or after the time for it."""
    late = progress.simulated_s > HOURS * 3600 + within(name)
    if late or any(alarm.at_s > HOURS * 3600 and is_meant(name, alarm.monitor) for alarm in progress.alarms):
        link.request_stop("seen" if not late else "not seen in time")


def rounds_of(name: str) -> int:
    """Rounds that the ten hours and the time for the fault take, and 4 sigma more: :func:`stop_when_seen` ends a run in time."""
    faster = min(calm().round_time, state(calm().config, script_of(name)).round_time)
    mean = HOURS * 3600 / calm().round_time + within(name) / faster
    return math.ceil(mean + 4 * math.sqrt(mean)) + 10


def run(name: str, seed: int) -> list[Sign]:
    """Play one fault."""
    ended = ""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        try:
            with Link(calm().config, hardware="twin", seed=seed) as link:
                link.run(folder, rounds=rounds_of(name), faults=script_of(name), on_progress=partial(stop_when_seen, name, link))
        except EventreadyError as error:
            ended = short(str(error))
        return signs_in(folder, ended)


def main(word: str) -> None:
    """Print the table."""
    s, q, _ = statistics(calm().parameters)
    print(f"no fault: S {s:.3f}, Q {q:.3f}, a round in {calm().round_time:.1f} s")
    for number, name in enumerate(FAULTS):
        if word in name:
            print(row(name, run(name, 40 + number)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
