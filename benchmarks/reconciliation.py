"""Failures, leak and time of error correction, on simulated noise.

A row is a code and a channel; each run draws new bits and errors. The upper bound on the failure rate is Clopper and Pearson's, at 95 %,
one-sided. Seconds are of one processor, with one thread, medians; the ratio is to a syndrome of the same code, computed in turn with the
decodings, as other work on the machine comes and goes. ``f`` is the syndrome over Shannon's limit at the rates that both parties expect.
Key bits are what the plan of a run gives with that syndrome, beside those for the syndrome of Nadlinger et al.

    python benchmarks/reconciliation.py [quick|full] [SEED]
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
from scipy import stats

from eventready.protocol.entropy import binary_entropy
from eventready.protocol.planning import plan_one_basis
from eventready.protocol.reconciliation import Code, CodeSpec, shipped_syndrome_bits
from eventready.protocol.reconciliation.cascade import CascadeAlice, CascadeBob, CascadeSpec
from eventready.protocol.reconciliation.code import warm_up

GAMMA, WINNING, QBER = 13 / 256, 0.83, 0.018
PAPER_BITS = 296_517


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        rounds: n.
        rates: error rates of key rounds, and of test rounds if there are any.
        syndrome_bits: m; None for the recommended one.
        runs: how many, quick and full.
    """

    rounds: int
    rates: tuple[float, ...]
    syndrome_bits: int | None
    runs: tuple[int, int]

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the kinds of rounds."""
        return (1 - GAMMA, GAMMA) if len(self.rates) > 1 else (1.0,)

    @property
    def checks(self) -> int:
        """The syndrome, m."""
        if self.syndrome_bits is not None:
            return self.syndrome_bits
        if len(self.rates) > 1:
            return shipped_syndrome_bits(self.rounds, GAMMA, 1 - self.rates[1], self.rates[0])
        return shipped_syndrome_bits(self.rounds, 0, 0.5, self.rates[0])


OXFORD, MUNICH = (QBER, 1 - WINNING), (0.078,)
ROWS = (
    Row(15_000, OXFORD, None, (200, 1000)),
    Row(43_750, MUNICH, None, (100, 400)),
    Row(150_000, OXFORD, None, (40, 200)),
    Row(1_500_000, OXFORD, PAPER_BITS, (2, 20)),
    Row(1_500_000, OXFORD, None, (2, 20)),
)


def draw(rng: np.random.Generator, rounds: int, rates: tuple[float, ...], shares: tuple[float, ...]) -> tuple[np.ndarray, ...]:
    """Alice's bits, Bob's guess, the kind of each round."""
    bits = rng.integers(0, 2, rounds, dtype=np.uint8)
    kind = rng.choice(len(rates), rounds, p=shares).astype(np.uint8)
    return bits, bits ^ (rng.random(rounds) < np.array(rates)[kind]), kind


def measure(row: Row, runs: int, seed: int) -> None:
    """Run and print one row."""
    rng = np.random.default_rng(seed)
    start = time.process_time()
    code = Code.build(CodeSpec.for_plan(row.rounds, row.checks))
    built = time.process_time() - start
    failed, wrong, sweeps, seconds, ratios = 0, 0, [], [], []
    for _ in range(runs):
        bits, guess, kind = draw(rng, row.rounds, row.rates, row.shares)
        start = time.process_time()
        syndrome = code.syndrome(bits)
        told = time.process_time() - start
        start = time.process_time()
        decoding = code.decode(syndrome, guess, kind, row.rates, threads=1)
        taken = time.process_time() - start
        failed += not decoding.converged
        wrong += decoding.bits is not None and not np.array_equal(decoding.bits, bits)
        if decoding.converged:
            sweeps.append(decoding.sweeps)
            seconds.append(taken)
            ratios.append(taken / told)
    bad = failed + wrong
    bound = stats.beta.ppf(0.95, bad + 1, runs - bad) if bad < runs else 1.0
    shannon = row.rounds * sum(share * binary_entropy(q) for share, q in zip(row.shares, row.rates, strict=True))
    print(
        f"{row.rounds:>9} {row.checks:>8} {row.checks / shannon:6.3f} {runs:>5} {failed:>6} {wrong:>5} {bound:9.2%} "
        f"{np.mean(sweeps or [np.nan]):7.1f} {max(sweeps, default=np.nan):6.1f} {np.median(seconds or [np.nan]):8.2f} "
        f"{np.median(ratios or [np.nan]):6.0f} {built:6.2f}",
        flush=True,
    )


def cascade(rounds: int, rate: float, runs: int, seed: int) -> None:
    """Run and print one row of Cascade."""
    rng, used, wrong, messages = np.random.default_rng(seed), [], 0, []
    for k in range(runs):
        bits, guess, _ = draw(rng, rounds, (rate,), (1.0,))
        spec = CascadeSpec(rounds, rate, seed=k)
        alice, bob, exchanged = CascadeAlice(spec, bits), CascadeBob(spec, guess), 0
        while bob.queries is not None:
            bob.hear(alice.answer(bob.queries))
            exchanged += 1
        wrong += not np.array_equal(bob.bits, bits)
        used.append(alice.leaked_alice / (rounds * binary_entropy(rate)))
        messages.append(exchanged)
    bound = stats.beta.ppf(0.95, wrong + 1, runs - wrong)
    print(f"{rounds:>9} {rate:8.2%} {np.mean(used):6.3f} {runs:>5} {wrong:>5} {bound:9.2%} {np.mean(messages):9.0f}", flush=True)


def keys() -> None:
    """Print what a shorter syndrome is worth."""
    shorter = shipped_syndrome_bits(1_500_000, GAMMA, WINNING, QBER)
    print("\n   rounds        m    key bits  (S = 2.64, Q = 1.8 %, soundness 1e-10)")
    before = plan_one_basis(1_500_000, 2.64, QBER).key_bits
    for bits in (PAPER_BITS, 272_000, shorter):
        key = plan_one_basis(1_500_000, 2.64, QBER, syndrome_bits=bits).key_bits
        print(f"{1_500_000:>9} {bits:>8} {key:>11}  {key - before:+d}")


def main() -> None:
    """Print the tables."""
    full = "full" in sys.argv[1:]
    seed = next((int(word) for word in sys.argv[1:] if word.isdigit()), 1)
    warm_up()
    print("   rounds        m      f  runs failed wrong  95% bound  sweeps   most  seconds  ratio  build", flush=True)
    for row in ROWS:
        measure(row, row.runs[full], seed)
    print("\nCascade\n   rounds   errors      f  runs wrong  95% bound  messages")
    for rounds, rate in ((10_000, 0.078), (43_750, 0.078), (43_750, 0.0144)):
        cascade(rounds, rate, 200 if full else 20, seed)
    keys()


if __name__ == "__main__":
    main()
