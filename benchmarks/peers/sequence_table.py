"""SeQUeNCe beside the twin: runs ``sequence_attempts.py`` in the Python that has it, and prints the table and what to make of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

SCRIPT = Path(__file__).with_name("sequence_attempts.py")
SECONDS = 4.0
PROTOCOLS = {"barret_kok": "Barrett-Kok", "single_heralded": "both photons at once"}

NOTE = """\
What the ratios mean, and what not. Attempts are those of L2 here, rounds those of L1. SeQUeNCe is event-driven: a scheduler carries each
attempt through its negotiation, the photons, and the messages with the result between three nodes, whether or not there was a photon; the
same objects can be routed and shared in a network of any size. The twin is closed form, drawn in arrays: L1 draws the number of attempts
until a herald, its pattern and the outcomes from their exact distribution, L2 goes only into attempts in which something is detected, and
neither has messages, routing or another node. On the other hand the twin knows dark counts, second photons, partial distinguishability,
errors of polarisation, and the times of clicks, and S and Q come out. SeQUeNCe's protocols take the fidelity as a parameter of the memory;
its detectors can have dark counts, which are off here, as its time line would never end. Barrett-Kok needs a photon in each of two
excitations; both links herald on two photons of one, as the other protocol does, in which no measurement is made explicitly. So this is
what a closed form is worth for one link. It is no measure of SeQUeNCe for networks, which it is made for and the twin cannot do.
"""


@dataclass(frozen=True)
class Speed:
    """What the twin does with a link.

    Attributes:
        attempts: a second, click by click (L2).
        rounds: a second, in closed form (L1).
        probability: of a herald per attempt.
    """

    attempts: float
    rounds: float
    probability: float


def report(python: str | None, speeds: Mapping[str, Speed]) -> None:
    """Run SeQUeNCe at the efficiency at which it heralds as often as each link, and print it beside ``speeds``; or why not."""
    if python is None:
        print("SeQUeNCe: skipped, as no Python that has it is named (--sequence PYTHON, or EVENTREADY_SEQUENCE_PYTHON).")
        return
    try:
        version = _run(python, "single_heralded", 1.0, 0.0)["version"]
    except (OSError, subprocess.CalledProcessError) as error:
        why = error.stderr.strip().splitlines()[-1] if isinstance(error, subprocess.CalledProcessError) and error.stderr else error
        print(f"SeQUeNCe: skipped, as {python} does not run it: {why}")
        return
    print(f"{f'beside SeQUeNCe {version}':<44} {'attempts/s':>13} {'twin':>9} {'rounds/s':>12} {'twin':>9} {'heralds of attempts':>24}")
    for name, speed in speeds.items():
        print(f"{f'{name}: twin, herald p = {speed.probability:.2g}':<44} {speed.attempts:>13,.0f} {'':>9} {speed.rounds:>12,.0f}")
        efficiency = sqrt(2 * speed.probability)  # both protocols herald with half of its square
        for protocol in PROTOCOLS:
            _row(protocol, _run(python, protocol, efficiency), speed.probability, speed)
    print("no photon lost, p = 0.5")
    for protocol in PROTOCOLS:
        _row(protocol, _run(python, protocol, 1.0), 0.5, None)
    print(f"\n'twin' is how many times as fast the twin is. SeQUeNCe's rounds a second are its attempts a second times p.\n\n{NOTE}")


def _run(python: str, protocol: str, efficiency: float, seconds: float = SECONDS) -> dict[str, float]:
    command = [python, str(SCRIPT), protocol, repr(efficiency), repr(seconds)]
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)  # noqa: S603 - the Python the user named
    found: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return found


def _row(protocol: str, run: Mapping[str, float], probability: float, twin: Speed | None) -> None:
    attempts = run["attempts"] / run["seconds"]
    rounds = attempts * probability
    times = (f"{twin.attempts / attempts:>9,.0f}", f"{twin.rounds / rounds:>9.1e}") if twin else ("", "")
    name = f"  SeQUeNCe, {PROTOCOLS[protocol]}"
    print(f"{name:<44} {attempts:>13,.0f} {times[0]:>9} {rounds:>12.3g} {times[1]:>9} {run['heralds']:>10,} of {run['attempts']:>10,}")
