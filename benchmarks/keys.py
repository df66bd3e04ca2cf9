"""From rounds to key: the time of everything after the last round, beside the 5 minutes of Nadlinger et al., and beside other code.

Rounds are drawn at the quality that the published plan is for (S = 2.64, Q = 1.8 %), written to logs, and turned into a key by both parties
side by side on this machine, as `eventready key` does. Reading and verifying the logs is part of it. Kernels are warm.

Others, where they are installed (neither is a dependency): `ldpc` (MIT) decodes a code of the same rate by product-sum, `randextract` (MIT)
is a reference of Trevisan's extractor. Neither manages 1.5 million rounds in a sensible time, so each is measured at a size that it does
manage and scaled up: a decoder's time with the rounds (it grows faster than that), an extractor's with rounds times key bits.

    python benchmarks/keys.py [ROUNDS]    1.2 million or more: fewer give no key by the analysis of 2022
"""

from __future__ import annotations

import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
from scipy.sparse import csr_matrix

from eventready.protocol.keys.pool import KeyPool
from eventready.protocol.planning import plan_one_basis
from eventready.protocol.reconciliation import Code, CodeSpec, shipped_syndrome_bits
from eventready.protocol.records import RECORD_DTYPE, RoundType
from eventready.protocol.round_log import PARTIES, LogHeader, RoundLogWriter
from eventready.protocol.run_folder import RunFolder
from eventready.protocol.session.both import SessionResult, run_both
from eventready.protocol.session.machine import WORDS
from eventready.protocol.session.plan import SessionPlan

ROUNDS = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_500_000
S, QBER, GAMMA = 2.64, 0.018, 13 / 256
PAPER_S = 300.0
GROUP = 8000
SMALL = 20_000


def draw(rounds: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Records of both parties and the public ones."""
    rng = np.random.default_rng(seed)
    tests = rng.random(rounds) < GAMMA
    x, y = np.where(tests, rng.integers(0, 2, rounds), 0), np.where(tests, rng.integers(0, 2, rounds), 2)
    a = rng.integers(0, 2, rounds)
    wrong = rng.random(rounds) < np.where(tests, (4 - S) / 8, QBER)
    records = {party: np.zeros(rounds, RECORD_DTYPE) for party in PARTIES}
    patterns = rng.integers(0, 4, rounds)
    for party, (setting, outcome) in {"alice": (x, a), "bob": (y, a ^ (x & y & tests) ^ wrong), "public": (255, 255)}.items():
        mine = records[party]
        mine["index"] = np.arange(rounds)
        mine["round_type"] = np.where(tests, RoundType.TEST, RoundType.KEY)
        mine["setting"], mine["outcome"], mine["pattern"] = setting, outcome, patterns
    return records


def write_run(folder: Path, rounds: int) -> RunFolder:
    """A finished key run."""
    run = RunFolder.create(folder)
    for party, records in draw(rounds).items():
        header = LogHeader("bench", party, "c0ffee", "5e9", "twin", "key", {"rounds": rounds})
        writer = RoundLogWriter.create(run.log(party), header, run.key(party))
        for start in range(0, rounds, GROUP):
            for record in records[start : start + GROUP]:
                writer.append(record.tobytes())
            writer.commit()
        writer.close()
    run.write_manifest()
    return run


def make_key(run: RunFolder, rounds: int, analysis: str, syndrome: int | None) -> tuple[SessionResult, SessionPlan]:
    """One key from the run; the parties' transcripts and pools are new."""
    lengths = plan_one_basis(rounds, S, QBER, test_fraction=GAMMA, syndrome_bits=syndrome, analysis=analysis)
    code = CodeSpec.for_plan(rounds, lengths.syndrome_bits)
    plan = SessionPlan.of(lengths, qber=QBER, code=code, run_id="bench", config_digest="c0ffee", hardware="twin")
    with tempfile.TemporaryDirectory() as place:
        paths = [Path(place) / party for party in ("alice", "bob")]
        KeyPool.create_pair(*paths, seed_bits=plan.seed_bits, pad_words=max(WORDS.values()))
        with KeyPool.open(paths[0]) as alice, KeyPool.open(paths[1]) as bob:
            result = run_both(run, plan, (alice, bob), lambda party, stage, share: None)
    for party in ("alice", "bob"):
        for file in (run.party_folder(party) / "session").iterdir():
            file.unlink()
    return result, plan


def main() -> None:
    """Print two tables."""
    with tempfile.TemporaryDirectory() as place:
        run = write_run(Path(place) / "run", ROUNDS)
        shipped = shipped_syndrome_bits(ROUNDS, GAMMA, (4 + S) / 8, QBER)
        print(f"{ROUNDS:,} rounds, S = {S}, Q = {QBER:.1%}; seconds after the last round, both parties side by side")
        print(f"{'':<34}{'m':>9}{'f':>7}{'key bits':>10}{'s':>7}{'paper/ours':>12}  of it")
        for name, analysis, syndrome in (
            ("2022 analysis, paper's m", "eat2022", None),
            ("2022 analysis, our code", "eat2022", shipped),
            ("Renyi analysis, our code", "renyi", shipped),
        ):
            make_key(run, ROUNDS, analysis, syndrome)  # warm
            result, plan = make_key(run, ROUNDS, analysis, syndrome)
            told(name, result, plan)
    print()
    others()


def told(name: str, result: SessionResult, plan: SessionPlan) -> None:
    """One line."""
    lengths = plan_one_basis(plan.rounds, S, QBER, test_fraction=GAMMA, syndrome_bits=plan.code.syndrome_bits)
    if result.bob.outcome != "key":
        print(f"{name:<34}{plan.code.syndrome_bits:>9,}{lengths.efficiency:>7.3f}   {result.bob.outcome}: {result.bob.reason}")
        return
    bob = ", ".join(f"{stage.name} {stage.stop - stage.start:.2f}" for stage in result.stages if stage.party == "bob")
    print(
        f"{name:<34}{plan.code.syndrome_bits:>9,}{lengths.efficiency:>7.3f}{plan.key_bits:>10,}{result.elapsed_s:>7.2f}"
        f"{PAPER_S / result.elapsed_s:>12.0f}  {bob}"
    )


def others() -> None:
    """Decoding and extraction beside other code."""
    rng = np.random.default_rng(2)
    kind = (rng.random(SMALL) < GAMMA).astype(np.uint8)
    bits = rng.integers(0, 2, SMALL, dtype=np.uint8)
    rates = (QBER, (4 - S) / 8)
    error = (rng.random(SMALL) < np.asarray(rates)[kind]).astype(np.uint8)
    m = round(1.05 * shipped_syndrome_bits(SMALL, GAMMA, (4 + S) / 8, QBER))
    code = Code.build(CodeSpec.for_plan(SMALL, m))
    syndrome = code.syndrome(bits)
    ours, decoded = timed(lambda: code.decode(syndrome, bits ^ error, kind, rates, threads=1))
    print(f"decoding {SMALL:,} rounds, m = {m:,}, one thread: ours {ours:.3f} s{'' if decoded.converged else ' (failed)'}")
    found = optional("ldpc")
    if found is None:
        print("    ldpc is not installed")
    else:
        theirs, right = with_ldpc(found, code, kind, rates, error)
        scaled = theirs * ROUNDS / SMALL
        print(f"    ldpc, same code, product-sum, serial: {theirs:.1f} s ({'right' if right else 'failed'}), ratio {theirs / ours:.0f}")
        print(f"    scaled to {ROUNDS:,} rounds {scaled:.0f} s")
    print("Trevisan's extractor beside randextract: python3 tasks.py bench extraction")


def with_ldpc(ldpc: ModuleType, code: Code, kind: np.ndarray, rates: tuple[float, float], error: np.ndarray) -> tuple[float, bool]:
    """Seconds that ldpc takes for our code and the same errors, and whether it finds them."""
    graph = code.graph
    ones = np.ones(len(graph.neighbours), np.uint8)
    check = csr_matrix((ones, graph.neighbours, graph.starts), shape=(len(graph.starts) - 1, code.spec.rounds))
    channel = np.asarray(rates)[kind[graph.order]].tolist()
    decoder = ldpc.BpDecoder(check, error_channel=channel, max_iter=100, bp_method="product_sum", schedule="serial")
    wanted = graph.parities(error[graph.order])
    seconds, found = timed(lambda: decoder.decode(wanted))
    return seconds, bool(np.array_equal(found, error[graph.order]))


def optional(name: str) -> ModuleType | None:
    """A module, if it is installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


def timed(job) -> tuple[float, object]:  # noqa: ANN001
    """Seconds and result."""
    start = time.perf_counter()
    result = job()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    main()
