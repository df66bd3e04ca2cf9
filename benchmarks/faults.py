"""What each fault does to S and Q, and what shows it first: the table of docs/explanations/monitors.md.

Runs Munich on the twin once for each fault, which strikes after ten hours, and looks for the first alarm, or the first line of any node's
events, after it. S and Q are the closed form's, and the hours that S would need are those for a deviation of 3 sigma.

    python benchmarks/faults.py [ROUNDS [WORD IN THE FAULT'S NAME]]
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import tempfile
from functools import partial
from pathlib import Path

from eventready.cli.progress import duration
from eventready.errors import EventreadyError
from eventready.protocol.bell import GAMES
from eventready.stations.config import load_link
from eventready.stations.link import Link
from eventready.stations.monitor import Progress
from eventready.twin.fault_script import FaultScript, parse_fault_script
from eventready.twin.physics import LinkParameters, expected
from eventready.twin.physics.disturbed import DARK_RATE, disturbed
from eventready.twin.physics.expectation import MUNICH_ANALYSES, MUNICH_PATTERNS
from eventready.twin.physics.preset import load_preset

HOURS = 10.0
DELAYS = (21e-6, 24.4e-6)
"""From the herald to the readouts, s, as the run's records have it."""
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


def hours_of_s(calm: float, fault: float) -> float:
    """Until S is 3 sigma away: sigma is 0.078 after 3342 rounds, which take 75 hours (Zhang et al., Nature 607, 687 (2022))."""
    return 75 * (3 * 0.078 / abs(calm - fault)) ** 2 if abs(calm - fault) > 1e-3 else math.inf


def hours_text(hours: float) -> str:
    """For people, who wait no longer than ten years."""
    return f"{hours:.2g} h" if hours < 100 else f"{hours:,.0f} h" if hours < 1e5 else "never"


def row(name: str, fault: str, calm_s: float, s: float, q: float, sign: str, after_s: float) -> str:
    """Of the table; what befalls an instrument has no S of its own."""
    cells = [f"{s:.2f}", f"{100 * q:.1f} %", hours_text(hours_of_s(calm_s, s))] if fault.startswith("quantity") else ["", "", ""]
    return f"| {' | '.join([name, *cells, sign, '' if math.isinf(after_s) else duration(after_s)])} |"


def first_sign(folder: Path, since_s: float) -> tuple[float, str]:
    """When and what: the first alarm, or the first event that names a cause, after the fault struck."""
    signs = []
    for name in ("public", "alice", "bob"):
        for line in map(json.loads, (folder / name / "events.jsonl").read_text(encoding="utf-8").splitlines()):
            telling = "alarm" in line or line["to"] in ("suspended", "fault") or line["cause"].startswith(("round ", "line "))
            if line["t_s"] > since_s and telling:
                signs.append((line["t_s"] - since_s, line.get("alarm") or f"{line['node']} {line['to']}: {line['cause'][:90]}"))
    told = [sign for sign in signs if " fault: " not in sign[1]]
    if told:
        return min(told)
    return max(signs, default=(math.inf, "nothing"))  # a run breaks off on each node's own clock; the others' may lag behind the cause


def stop_when_seen(link: Link, progress: Progress) -> None:
    """Nothing is left to wait for after an alarm."""
    if any(alarm.at_s > HOURS * 3600 for alarm in progress.alarms):
        link.request_stop("seen")


def main(rounds: int, word: str) -> None:
    """Print the table."""
    config = load_link("munich")
    calm = statistics(moved(parse_fault_script("faults: []", "none")))
    print(f"no fault: S {calm[0]:.3f}, Q {calm[1]:.3f}")
    for number, (name, fault) in enumerate(FAULTS.items()):
        if word not in name:
            continue
        script = parse_fault_script(f'faults: [{{{fault}, at: "{HOURS} h"}}]', name)
        s, q, _ = statistics(moved(script))
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "run"
            try:
                with Link(config, hardware="twin", seed=40 + number) as link:
                    link.run(folder, rounds=rounds, faults=script, on_progress=partial(stop_when_seen, link))
            except EventreadyError as error:
                print(f"    {name}: the run ended: {error}")
            after, sign = first_sign(folder, HOURS * 3600)
        print(row(name, fault, calm[0], s, q, sign, after), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3342, sys.argv[2] if len(sys.argv) > 2 else "")
