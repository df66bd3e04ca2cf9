"""The codes that are recommended: shorter syndromes than the published rule, failures as rare as told, also on a real key."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from eventready.errors import ConfigError
from eventready.protocol.entropy import binary_entropy
from eventready.protocol.planning import plan_one_basis
from eventready.protocol.reconciliation import Code, CodeSpec, shipped_syndrome_bits
from eventready.protocol.reconciliation.cascade import CascadeAlice, CascadeBob, CascadeSpec

GAMMA = 13 / 256
RATES, SHARES = (0.018, 0.17), (1 - GAMMA, GAMMA)
PAPER_BITS = 296_517


def corrects(rounds, checks, make_noise, runs, rates=RATES, shares=SHARES):
    """Number of runs in which Bob ends with Alice's bits; he must never end with others."""
    code, corrected = Code.build(CodeSpec.for_plan(rounds, checks)), 0
    for seed in range(runs):
        bits, guess, kind = make_noise(rounds, rates, shares, seed)
        decoding = code.decode(code.syndrome(bits), guess, kind, rates)
        assert decoding.bits is None or np.array_equal(decoding.bits, bits)
        corrected += decoding.converged
    return corrected


def test_the_syndrome_is_what_the_formula_says():
    h, n = binary_entropy, 1_500_000
    entropy = (1 - GAMMA) * h(0.018) + GAMMA * h(0.17)
    assert shipped_syndrome_bits(n, GAMMA, 0.83, 0.018) == pytest.approx(1.06 * n * entropy + 11 * math.sqrt(n * 0.597), rel=1e-3)
    assert shipped_syndrome_bits(10**5, 0, 0.5, 0.078) == pytest.approx(1.06e5 * h(0.078) + 11 * math.sqrt(1e5 * 0.913), rel=1e-3)


def test_at_full_size_it_is_shorter_than_272_000_bits_and_worth_the_difference_in_key():
    checks = shipped_syndrome_bits(1_500_000, GAMMA, 0.83, 0.018)
    assert checks < 272_000
    more = plan_one_basis(1_500_000, 2.64, 0.018, syndrome_bits=checks).key_bits - plan_one_basis(1_500_000, 2.64, 0.018).key_bits
    assert more == pytest.approx(PAPER_BITS - checks, abs=3)


@pytest.mark.parametrize("rounds", [300, 400, 900, 1500, 3342, 5000, 20_000, 100_000, 300_000])
@pytest.mark.parametrize("rate", [0.15, 0.3, 0.6])
def test_there_is_a_code_for_every_size_and_rate(rounds, rate):
    code = Code.build(CodeSpec.for_plan(rounds, math.ceil(rounds * rate)))
    assert len(code.syndrome(np.zeros(rounds, np.uint8))) == -(-math.ceil(rounds * rate) // 8)


def test_what_no_code_can_do_is_refused():
    for wrong in ((0, 0.05, 0.83, 0.018), (1000, 1.5, 0.83, 0.018), (1000, 0.05, 0.4, 0.018), (1000, 0.05, 0.83, 0.0), (1000, 0, 0.5, 0.6)):
        with pytest.raises(ConfigError, match="expected rounds"):
            shipped_syndrome_bits(*wrong)
    with pytest.raises(ConfigError, match="take more rounds"):
        shipped_syndrome_bits(100, 0, 0.5, 0.1)
    with pytest.raises(ConfigError):
        CodeSpec.for_plan(20, 10)


def test_fifteen_thousand_rounds_are_corrected(make_noise):
    # Fixed seeds. None of 1000 others failed: at most 0.3 % do, at 95 %: other seeds would give an alarm one time in eleven at most.
    assert corrects(15_000, shipped_syndrome_bits(15_000, GAMMA, 0.83, 0.018), make_noise, 30) == 30


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_blocks_of_each_smaller_size_are_corrected(make_noise):
    # Fixed seeds; a failure rate of 0.3 % would give an alarm in 45 of 100 other choices of them. The measured ones are in the notes.
    assert corrects(15_000, shipped_syndrome_bits(15_000, GAMMA, 0.83, 0.018), make_noise, 200) == 200
    assert corrects(150_000, shipped_syndrome_bits(150_000, GAMMA, 0.83, 0.018), make_noise, 20) == 20


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("checks", [PAPER_BITS, None], ids=["published", "shipped"])
def test_a_full_run_is_corrected(make_noise, checks):
    # Fixed seed. Of 20 other runs none failed (see the notes): at most 14 % do, at 95 %, which is the highest rate of false alarms.
    assert corrects(1_500_000, checks or shipped_syndrome_bits(1_500_000, GAMMA, 0.83, 0.018), make_noise, 1) == 1


@pytest.fixture(scope="module")
def sifted():
    """Both parties' bits of a sifted key from a real experiment, which cannot be given away with the package."""
    folder = Path(os.environ.get("EVENTREADY_SIFTED_KEY", "does-not-exist"))
    if not folder.is_dir():
        pytest.skip("no real sifted key here: EVENTREADY_SIFTED_KEY must name a folder with Alice_key.bin and Bob_key.bin, packed bits")
    alice, bob = (np.unpackbits(np.fromfile(folder / f"{name}_key.bin", np.uint8)) for name in ("Alice", "Bob"))
    return alice, bob


def test_a_real_sifted_key_is_corrected(sifted):
    alice, bob = sifted
    rounds, rate = len(alice), float(np.mean(alice != bob))
    checks = shipped_syndrome_bits(rounds, 0, 0.5, rate)
    code = Code.build(CodeSpec.for_plan(rounds, checks))
    decoding = code.decode(code.syndrome(alice), bob, np.zeros(rounds, np.uint8), (rate,))
    assert np.array_equal(decoding.bits, alice)
    assert checks < 1.2 * rounds * binary_entropy(rate)


def test_cascade_corrects_a_real_sifted_key(sifted):
    alice, bob = sifted
    rounds, rate = len(alice), float(np.mean(alice != bob))
    spec = CascadeSpec(rounds, rate, seed=1)
    asked, answering = CascadeBob(spec, bob), CascadeAlice(spec, alice)
    while asked.queries is not None:
        asked.hear(answering.answer(asked.queries))
    assert np.array_equal(asked.bits, alice)
    assert answering.leaked_alice < 1.08 * rounds * binary_entropy(rate)
