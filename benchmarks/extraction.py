"""Processor time of privacy amplification, 1.5 million outcomes to a key of 95 884 bits, beside what the hardware allows and other code.

Time is processor time of the whole process, best of some rounds in which all take their turn, as other work on the machine comes and goes.
What is marked so was measured at a part of the job and scaled up by the bits of the key, or by products of field elements.

Physical limits: for Trevisan's extractor the six products of words that a product of field elements takes, for all points and coefficients,
in a loop that does nothing else; for Toeplitz hashing one reading of the seed. The first one is no limit for the tables.

randextract (MIT) is no dependency: ``pip install randextract`` to see its line. It is a reference, made of Python objects and not for this
size; the time it takes to make its weak design is left out.

    python benchmarks/extraction.py [OUTPUT_BITS]
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module, metadata

import numpy as np
from numba import njit
from scipy.signal import fftconvolve

from eventready.protocol.extraction import Extractor, Toeplitz, Trevisan, clmul, sliced, toeplitz
from eventready.protocol.extraction.clmul_intrinsic import PAIRS, POINTS, lanes, sum_of_products
from eventready.protocol.extraction.design import BlockDesign
from eventready.protocol.extraction.trevisan import usable_kernels

INPUT_BITS, ERROR = 1_500_000, 1.31e-13
OUTPUT_BITS = int(float(sys.argv[1])) if len(sys.argv) > 1 else 95_884
LONG = 400_000
SAMPLE = 4096
ROUNDS = 3
WIDTH, REPEATS = 64, 100_000

_products = sum_of_products(max(1, lanes()), broadcast=True)

Job = Callable[[], object]


@njit(nogil=True)
def _multiply_only(left, right, out, repeats):  # noqa: ANN001, ANN202 - numba finds the types
    for k in range(repeats):
        _products(left, k % 8 * 2 * PAIRS, right, 0, WIDTH, out, 0)


def multiply_only() -> Job:
    """Products and nothing else, from the first cache."""
    rng = np.random.default_rng(1)
    left = rng.integers(0, 2**63, (WIDTH + 8) * PAIRS * 2, dtype=np.uint64)
    right = rng.integers(0, 2**63, WIDTH * PAIRS * POINTS * 2, dtype=np.uint64)
    out = np.zeros(4 * PAIRS * POINTS, np.uint64)
    return lambda: _multiply_only(left, right, out, REPEATS)


def arguments(one: Extractor) -> tuple[np.ndarray, bytes]:
    """Outcomes and a seed."""
    rng = np.random.default_rng(2)
    return rng.integers(0, 2, one.input_bits, dtype=np.uint8), rng.bytes(-(-one.seed_bits // 8))


def extract(one: Extractor, threads: int) -> Job:
    """The whole extraction."""
    bits, seed = arguments(one)
    return lambda: one.extract(bits, seed, threads=threads)


def transform(one: Toeplitz) -> Job:
    """The same hash by a Fourier transform in double precision; exact as long as no sum is rounded wrongly."""
    bits, seed = arguments(one)
    seed_bits = np.unpackbits(np.frombuffer(seed, np.uint8), count=one.seed_bits)

    def job() -> bytes:
        sums = fftconvolve(seed_bits.astype(float), bits.astype(float))[one.input_bits - 1 :][: one.output_bits]
        return np.packbits((np.rint(sums).astype(np.int64) & 1).astype(np.uint8)).tobytes()

    assert job() == one.extract(bits, seed)
    return job


def peer() -> tuple[str, Job, int] | None:
    """Name, job and products of randextract at a size that it manages: 6 bits of the key, 100 coefficients in the same field."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            extractor = import_module("randextract").TrevisanExtractor(14_200, 6, "finite_field", "polynomial", 284)
    except ImportError as error:
        print(f"randextract: skipped, {error}")
        return None
    rng = np.random.default_rng(3)
    bits, seed = (import_module("galois").GF2(rng.integers(0, 2, n, dtype=np.uint8)) for n in (14_200, extractor.seed_length))
    return f"randextract {metadata.version('randextract')}, Trevisan", lambda: extractor.extract(bits, seed), 600


def main() -> None:
    """Measure and print."""
    one = Trevisan.of(INPUT_BITS, OUTPUT_BITS, ERROR)
    products = OUTPUT_BITS * -(-INPUT_BITS // one.field_bits)
    part = Trevisan(INPUT_BITS, SAMPLE, ERROR, one.field_bits, BlockDesign(SAMPLE, 2 * one.field_bits))
    part_arguments = arguments(part)
    hashes = {length: Toeplitz.of(INPUT_BITS, length) for length in (OUTPUT_BITS, LONG)}
    memory = np.zeros(hashes[OUTPUT_BITS].seed_bits // 64, np.uint64)

    jobs: dict[str, tuple[Job, float]] = {}
    if lanes():
        jobs[f"limit: products of words only, {lanes()} at a time"] = (multiply_only(), products / (REPEATS * WIDTH * lanes()))
    if clmul in usable_kernels(one.field_bits):
        jobs["Trevisan, one thread"] = (extract(one, 1), 1.0)
        jobs["Trevisan, two threads"] = (extract(one, 2), 1.0)
    jobs["Trevisan, any processor (scaled)"] = (lambda: part.extract_with(sliced, *part_arguments, threads=1), OUTPUT_BITS / SAMPLE)
    if (other := peer()) is not None:
        jobs[f"{other[0]} (scaled)"] = (other[1], products / other[2])
    jobs["limit: reading a Toeplitz seed once"] = (lambda: np.bitwise_xor.reduce(memory), 1.0)
    for length, hashing in hashes.items():
        jobs[f"Toeplitz to {length:,} bits, one thread"] = (extract(hashing, 1), 1.0)
        jobs[f"Toeplitz to {length:,} bits, scipy's transform"] = (transform(hashing), 1.0)

    for kernel in (toeplitz, clmul, sliced):
        kernel.warm_up()
    if lanes():
        multiply_only()()
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(ROUNDS):
        for name, (job, scale) in jobs.items():
            start = time.process_time()
            job()
            best[name] = min(best[name], (time.process_time() - start) * scale)
    report(one, best)


def report(one: Trevisan, best: dict[str, float]) -> None:
    """Print a line a job; the ratio is to the first line that extracts a key."""
    print(f"{INPUT_BITS:,} outcomes to {OUTPUT_BITS:,} bits; Trevisan: field of {one.field_bits} bits, seed of {one.seed_bits:,} bits")
    print("Trevisan's budget is 8 s on two cores, 16 s of processor time")
    ours = next(seconds for name, seconds in best.items() if name.startswith("Trevisan"))
    print(f"{'':<56} {'CPU s':>12} {'ratio':>9}")
    for name, seconds in best.items():
        print(f"{name:<56} {seconds:>12,.4f} {seconds / ours:>9.3g}")


if __name__ == "__main__":
    main()
