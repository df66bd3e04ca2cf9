"""A station script: open a link, look at its instruments, load a trap, run 200 rounds, print S.

    python examples/station_script.py [FOLDER_FOR_RUNS]

It runs as it stands, on the digital twin. With drivers in the Station files and hardware="real" the same lines run the lab.
"""

import sys
import time
from pathlib import Path

from eventready import load_run, open_link
from eventready.stations.monitor import Progress

ROUNDS = 200


def show(progress: Progress) -> None:
    """Print how far the run is; S is None until every pair of test settings has come up."""
    s = "not known yet" if progress.chsh_s is None else f"{progress.chsh_s.value:.2f} +- {progress.chsh_s.sigma:.2f}"
    print(f"{progress.rounds:4d} rounds after {progress.simulated_s / 3600:.1f} h of experiment, S = {s}")


def main(runs: Path) -> Path:
    """Run the script; returns the run's folder."""
    # However this block is left, by its end, by an error or by Ctrl-C, every instrument is brought to its safe state and closed.
    with open_link("munich", seed=1) as link:
        # Instruments go by role: what stands behind bob.shutter is up to the Station file.
        print("Bob's shutter is", link.bob.shutter.position(), "and his laser for the readout emits:", link.bob.readout.emission_enabled())
        print("reasons why Alice's readout laser is not ready:", "; ".join(link.alice.readout.readiness().reasons))

        seconds = link.alice.load()
        print(f"an atom came after {seconds:.1f} s; {link.alice.bright_counts()} counts, atom present: {link.alice.atom_present()}")

        folder = runs / time.strftime("script-%Y%m%d-%H%M%S")
        result = link.run(folder, rounds=ROUNDS, on_progress=show)

    print(f"{result.rounds} rounds in {result.elapsed_s:.1f} s; the logs are in {folder}")
    attempts = load_run(folder, "public")["attempts"]
    print(f"mean number of attempts a herald: {attempts.mean():.2g}")
    return folder


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
