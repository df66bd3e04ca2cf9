"""Scan the RF power of Alice's excitation AOM against the herald rate, with QCoDeS' own do1d, on the digital twin of the Oxford link.

    python examples/scan_aom_power.py [FOLDER]

The folder (a temporary one by default) gets scan.db, a QCoDeS database, and scan.png. The pulse turns the ion by an angle that grows with
the light's amplitude, hence the rate follows sin^2(pi/2 sqrt(P/P_pi)): past the pi pulse it falls again. A point far below the curve is
one during which an ion was lost: loading the next one takes minutes, and counts.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from qcodes.dataset import do1d, initialise_or_create_database_at, load_or_create_experiment

from eventready import open_link


def scan(database: Path, points: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Measure; returns powers in W and herald rates in 1/s, both of shape (points,), the calibrated pi-pulse power in W, and s a point."""
    initialise_or_create_database_at(database)  # named here, so that the scan does not end up in whichever database was used last
    experiment = load_or_create_experiment("excitation", sample_name="oxford twin")
    with open_link("oxford", seed=1) as link:
        for station in (link.alice, link.bob):
            station.load()  # beams at their operating points, an ion in each trap
        link.integration_time(5)  # seconds of the experiment's time for each point; on the twin they pass in no time
        power = link.alice.excitation.source.power
        dataset, _, _ = do1d(power, 0, 1, points, 0, link.herald_rate, exp=experiment, do_plot=False, show_progress=False)
        pi_power, seconds = link.alice.excitation.calibration.saturation_power_w, link.integration_time()
    data = dataset.to_xarray_dataset()["oxford_herald_rate"]
    return data[power.full_name].values, data.values, pi_power, seconds


def plot(path: Path, powers: np.ndarray, rates: np.ndarray, pi_power: float, seconds: float) -> None:
    """Save measured points and the expected curve, scaled to them."""
    curve = np.sin(np.pi / 2 * np.sqrt(powers / pi_power)) ** 2
    scale = np.median(rates[curve > 0.5] / curve[curve > 0.5])  # the median does not mind a point with a lost ion
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(powers, rates, np.sqrt(rates / seconds), fmt="o", markersize=4, label=f"twin, {seconds:g} s a point")
    axes.plot(powers, scale * curve, label=r"$\sin^2(\frac{\pi}{2}\sqrt{P/P_\pi})$, scaled")
    axes.axvline(pi_power, color="grey", linestyle=":", label=rf"$P_\pi$ = {pi_power:g} W in the link file")
    axes.set(xlabel="RF power at Alice's excitation AOM (W)", ylabel="heralds (1/s)", ylim=(0, None))
    axes.legend()
    figure.savefig(path, dpi=150)


def main(folder: Path, points: int = 41) -> Path:
    """Scan and plot into ``folder``; returns the figure's path."""
    folder.mkdir(parents=True, exist_ok=True)
    powers, rates, pi_power, seconds = scan(folder / "scan.db", points)
    plot(folder / "scan.png", powers, rates, pi_power, seconds)
    print(f"highest rate {rates.max():.0f}/s at {powers[rates.argmax()]:.2f} W; the link file says {pi_power:g} W for a pi pulse")
    print(f"database and figure: {folder}")
    return folder / "scan.png"


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="eventready-scan-")))
