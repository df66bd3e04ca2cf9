"""What both extractors have in common: arguments, progress, threads, and that nothing secret gets out."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from eventready.errors import ConfigError
from eventready.protocol.extraction import Extractor, Toeplitz, Trevisan
from eventready.protocol.extraction.parallel import in_pieces

EXTRACTORS: list[Extractor] = [Toeplitz.of(400, 50), Toeplitz.of(400, 50, compact=True), Trevisan.of(400, 50, 1e-3)]
IDS = ["toeplitz", "compact", "trevisan"]


@pytest.fixture(params=EXTRACTORS, ids=IDS)
def one(request) -> Extractor:
    return request.param


def seed_for(one: Extractor) -> bytes:
    return np.random.default_rng(5).bytes(-(-one.seed_bits // 8))


def test_the_key_depends_on_input_and_seed_and_on_nothing_else(one) -> None:
    bits, seed = np.random.default_rng(4).integers(0, 2, 400, dtype=np.uint8), seed_for(one)
    key = one.extract(bits, seed)
    assert len(key) == 7
    assert one.extract(bits.copy(), seed, threads=2) == key
    assert one.extract(np.repeat(bits, 2)[::2], seed) == key  # not contiguous
    assert one.extract(1 - bits, seed) != key
    assert one.extract(bits, bytes(255 - byte for byte in seed)) != key


def test_it_is_linear_in_the_input(one) -> None:
    a, b = np.random.default_rng(6).integers(0, 2, (2, 400), dtype=np.uint8)
    keys = [np.frombuffer(one.extract(bits, seed_for(one)), np.uint8) for bits in (a, b, a ^ b)]
    assert np.array_equal(keys[0] ^ keys[1], keys[2])


@pytest.mark.parametrize(
    "bits",
    [
        np.zeros(399, np.uint8),
        np.zeros((400, 1), np.uint8),
        np.zeros(400, bool),
        np.zeros(400, np.int64),
        [0] * 400,
        np.full(400, 2, np.uint8),
        np.packbits(np.zeros(400, np.uint8)),
    ],
)
def test_other_bits_are_refused(one, bits) -> None:
    with pytest.raises(ConfigError, match="bits"):
        one.extract(bits, seed_for(one))


def test_another_seed_is_refused_with_the_length_that_is_expected(one) -> None:
    seed = seed_for(one)
    for wrong in (seed[:-1], seed + b"\0", b""):
        with pytest.raises(ConfigError, match=rf"{one.seed_bits} bits in {len(seed)} bytes are expected"):
            one.extract(np.zeros(400, np.uint8), wrong)
    with pytest.raises(ConfigError, match="must be bytes"):
        one.extract(np.zeros(400, np.uint8), np.frombuffer(seed, np.uint8))
    with pytest.raises(ConfigError, match="threads"):
        one.extract(np.zeros(400, np.uint8), seed, threads=0)


def test_neither_messages_nor_names_show_a_secret(one) -> None:
    """A seed of one byte over and over, and an input of one forbidden value: neither may be found in what is said about them."""
    size = len(seed_for(one))
    said = [repr(one)]
    for bits, seed in ((np.full(400, 113, np.uint8), b"\x71" * size), (np.zeros(400, np.uint8), b"\x71" * (size + 1))):
        with pytest.raises(ConfigError) as error:
            one.extract(bits, seed)
        said.append(f"{error.value!r} {error.value}")
    assert not any(secret in text for text in said for secret in ("113", "0x71", "\\x71", "qq", "71" * 4))


def test_progress_is_told_here_and_rises_to_1() -> None:
    told: list[tuple[float, threading.Thread]] = []
    for one in (Toeplitz.of(100_000, 80_000), Trevisan.of(9000, 5000, 0.1)):
        told.clear()
        bits = np.zeros(one.input_bits, np.uint8)
        one.extract(bits, seed_for(one), progress=lambda share: told.append((share, threading.current_thread())))
        shares = [share for share, _ in told]
        assert shares == sorted(shares)
        assert len(shares) > 2
        assert shares[-1] == 1
        assert {thread for _, thread in told} == {threading.current_thread()}


def test_what_progress_raises_ends_the_extraction() -> None:
    one, told = Trevisan.of(9000, 5000, 0.1), []

    def stop(share: float) -> None:
        told.append(share)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one.extract(np.zeros(9000, np.uint8), seed_for(one), progress=stop)
    assert len(told) == 1


def test_after_a_failure_the_pieces_that_have_not_begun_are_left_out() -> None:
    begun, never = [], threading.Event()

    def work(first: int, last: int) -> None:
        begun.append((first, last))
        if first == 0:
            raise ZeroDivisionError
        never.wait(0.1)  # long enough to be still at one of the first pieces when the failure is seen

    with pytest.raises(ZeroDivisionError):
        in_pieces(work, 1000, 3, 1, None)
    assert begun[0] == (0, 3)
    assert len(begun) < 334


@pytest.mark.parametrize(("total", "piece", "threads"), [(10, 3, 1), (10, 3, 4), (9, 3, None), (2, 3, 2)])
def test_pieces_cover_all_once(total, piece, threads) -> None:
    done, told = [], []
    in_pieces(lambda first, last: done.extend(range(first, last)), total, piece, threads, told.append)
    assert sorted(done) == list(range(total))
    assert len(told) == -(-total // piece)


def test_numba_is_not_loaded_before_it_is_needed() -> None:
    code = (
        "import sys; from eventready.protocol import extraction, planning; extraction.Trevisan.of(9, 3, 0.1); extraction.Toeplitz.of(9, 3);"
        "print(sorted({'numba', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
