"""The two links' rounds with the numbers that their link files have."""

import math
from types import SimpleNamespace

import pytest

from eventready.sequences import munich, oxford
from eventready.sequences.attempts import DETECTORS, Plan
from eventready.sequences.language import Herald

CH, CV, DH, DV = DETECTORS
MUNICH = munich.MunichTimings(
    attempt=19.2e-6,
    pump_start=0.6e-6,
    pump=3e-6,
    excitation=4e-6,
    excitation_pulse=22e-9,
    gate_start=18.2e-9,
    gate=60e-9,
    attempts_per_burst=200,
    attempt_limit=500_000,
    burst_cooling=0.2e-3,
    herald_latency=0.0,
    lead=5e-6,
    input_delay=1e-6,
    readout_delay=20e-6,
    readout_pulse=200e-9,
    isolation_timeout=20e-3,
    fluorescence=20e-3,
    empty_trap=1e-3,
)
MUNICH_PLAN = Plan(
    flight={"alice": 0.0, "bob": 3.43e-6},
    heralds=(Herald("psi+", {CH, CV}), Herald("psi+", {DH, DV})),
    settings={"alice": [math.radians(angle) for angle in (-22.5, 22.5, -45.0, 0.0)], "bob": [math.radians(a) for a in (22.5, -22.5)]},
    fallback={"alice": 0, "bob": 0},
)
OXFORD = oxford.OxfordTimings(
    attempt=1.05e-6,
    pump_start=230e-9,
    pump=270e-9,
    excitation=580e-9,
    excitation_pulse=16e-9,
    gate_start=0.0,
    gate=15e-9,
    attempts_per_burst=190,
    attempt_limit=400_000,
    burst_cooling=20e-6,
    herald_latency=0.0,
    lead=1e-6,
    repump_start=200e-9,
    repump=250e-9,
    shuttle=200e-6,
    isolation_timeout=10e-3,
    round_type=48e-6,
    input_delay=2e-6,
    rotation=50e-6,
    fluorescence=500e-6,
    scramble=100e-6,
    reconnect=200e-6,
    recool=1.8e-3,
)
OXFORD_PLAN = Plan(
    flight={"alice": 4.9e-9, "bob": 4.9e-9},
    heralds=(Herald("psi+", {CH, CV}), Herald("psi+", {DH, DV}), Herald("psi-", {CH, DV}), Herald("psi-", {CV, DH})),
    settings={"alice": [0.0, math.pi / 2], "bob": [math.radians(angle) for angle in (45.0, -45.0, 0.0)]},
    fallback={"alice": 0, "bob": 0},
)


@pytest.fixture(scope="session", params=["munich", "oxford"])
def link(request):
    """Either link: its module, timings and plan."""
    return {
        "munich": SimpleNamespace(name="munich", module=munich, timings=MUNICH, plan=MUNICH_PLAN),
        "oxford": SimpleNamespace(name="oxford", module=oxford, timings=OXFORD, plan=OXFORD_PLAN),
    }[request.param]


@pytest.fixture(scope="session")
def munich_link():
    return SimpleNamespace(timings=MUNICH, plan=MUNICH_PLAN, tree=munich.link_round(MUNICH, MUNICH_PLAN))


@pytest.fixture(scope="session")
def oxford_link():
    return SimpleNamespace(timings=OXFORD, plan=OXFORD_PLAN, tree=oxford.link_round(OXFORD, OXFORD_PLAN))
