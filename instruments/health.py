"""Continuous health tests of a noise source, NIST SP 800-90B (2018), section 4.4.

They notice a source that has failed. They are no proof of entropy or independence: that the inputs are random stays an assumption of
every device-independent protocol.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError

REPETITION = "repetition count test"
PROPORTION = "adaptive proportion test"
WINDOW = {1: 1024, 8: 512}
"""Samples in a window of the adaptive proportion test, by bits in a sample (SP 800-90B, section 4.4.2)."""
STARTUP_SAMPLES = 1024
"""Samples that must pass before the first is used (SP 800-90B, section 4.3, requirement 4)."""

_CHUNK_BYTES = 1 << 15
"""Large inputs are worked through in pieces that stay in the cache."""
_FEW = 64
"""Up to so many samples a plain loop is faster than numpy."""


def repetition_cutoff(min_entropy: float, alpha: float) -> int:
    """C = 1 + ceil(-log2(alpha) / H), SP 800-90B section 4.4.1.

    Args:
        min_entropy: H, claimed for one sample, bits.
        alpha: probability of a false alarm a sample.
    """
    return 1 + math.ceil(-math.log2(alpha) / min_entropy)


def proportion_cutoff(min_entropy: float, alpha: float, window: int) -> int:
    """C = 1 + critbinom(W, 2^-H, 1 - alpha), SP 800-90B section 4.4.2.

    critbinom is the smallest c with P(X <= c) >= 1 - alpha. The upper tail is summed from its small end, where nothing cancels.

    Args:
        min_entropy: H, claimed for one sample, bits.
        alpha: probability of a false alarm a window.
        window: W, samples.
    """
    log_p, log_q = -min_entropy * math.log(2), math.log1p(-(2.0**-min_entropy))
    tail = 0.0
    for k in range(window, 0, -1):
        log_ways = math.lgamma(window + 1) - math.lgamma(k + 1) - math.lgamma(window - k + 1)
        tail += math.exp(log_ways + k * log_p + (window - k) * log_q)
        if tail > alpha:  # P(X >= k) > alpha, so k is the smallest c with P(X > c) <= alpha
            return k + 1
    return 1


class HealthTest:
    """Repetition count and adaptive proportion test over one stream of samples, in whatever blocks it comes.

    Args:
        sample_bits: 1 (bits, least significant bit of a byte first) or 8 (bytes).
        min_entropy: claimed for one sample, bits.
        alpha: probability of a false alarm, a sample or window. SP 800-90B recommends 2^-20 to 2^-40; at 2^-40 a good source of full
            entropy raises a false alarm once in some 10^12 samples.

    Raises:
        ConfigError: one of these is out of range.
    """

    def __init__(self, *, sample_bits: int = 1, min_entropy: float = 1.0, alpha: float = 2.0**-40) -> None:
        if sample_bits not in WINDOW:
            raise ConfigError(f"sample_bits must be 1 or 8, not {sample_bits!r}")
        if not 0 < min_entropy <= sample_bits:
            raise ConfigError(f"min_entropy must be above 0 and at most {sample_bits} bits a sample, not {min_entropy!r}")
        if not 0 < alpha < 1:
            raise ConfigError(f"alpha must be a probability, not {alpha!r}")
        self.sample_bits = sample_bits
        self.window = WINDOW[sample_bits]
        self.repetition_cutoff = repetition_cutoff(min_entropy, alpha)
        self.proportion_cutoff = proportion_cutoff(min_entropy, alpha, self.window)
        self.reset()

    def reset(self) -> None:
        """Forget all samples and alarms."""
        self.failures: dict[str, int] = {}
        """Number of the sample (from 0) with which each test that failed did so first."""
        self._seen = 0
        self._last = -1
        self._run = 0
        self._reference = -1
        self._matches = 0

    def feed(self, data: bytes | bytearray) -> bool:
        """Test the next bytes of the stream.

        Returns:
            True if no test has failed since the last reset.
        """
        for start in range(0, len(data), _CHUNK_BYTES):
            samples = np.frombuffer(data, np.uint8)[start : start + _CHUNK_BYTES]
            if self.sample_bits == 1:
                samples = np.unpackbits(samples, bitorder="little")
            if len(samples) <= _FEW:
                self.feed_samples(samples.tolist())
            else:
                self._repetition(samples)
                self._proportion(samples)
                self._seen += len(samples)
        return not self.failures

    def feed_samples(self, samples: Iterable[int]) -> bool:
        """Test a few samples, one after the other; the same as :meth:`feed` where there are many."""
        for sample in samples:
            self._run = self._run + 1 if sample == self._last else 1
            self._last = sample
            if self._run >= self.repetition_cutoff:
                self.failures.setdefault(REPETITION, self._seen)
            if self._seen % self.window == 0:
                self._reference, self._matches = sample, 0
            self._matches += sample == self._reference
            if self._matches >= self.proportion_cutoff:
                self.failures.setdefault(PROPORTION, self._seen)
            self._seen += 1
        return not self.failures

    def _repetition(self, x: NDArray[np.uint8]) -> None:
        """Look for a run of ``repetition_cutoff`` equal samples that ends in ``x``."""
        different = x != self._last
        leading = int(different.argmax()) if different.any() else len(x)
        cutoff = self.repetition_cutoff
        if leading and self._run + leading >= cutoff:
            self.failures.setdefault(REPETITION, self._seen + max(cutoff - self._run, 1) - 1)
        run_starts = _first_run(x, cutoff)
        if run_starts is not None:
            self.failures.setdefault(REPETITION, self._seen + run_starts + cutoff - 1)
        not_last = (x != x[-1])[::-1]
        trailing = int(not_last.argmax()) if not_last.any() else len(x)
        self._run = trailing + (self._run if leading == len(x) else 0)
        self._last = int(x[-1])

    def _proportion(self, x: NDArray[np.uint8]) -> None:
        """Count in each window the samples equal to its first one."""
        at = -self._seen % self.window  # where the next window starts in x
        if at:
            self._count(x[:at], self._seen)
        whole = (len(x) - at) // self.window if at < len(x) else 0
        windows = x[at : at + whole * self.window].reshape(whole, self.window)
        matches = np.count_nonzero(windows == windows[:, :1], axis=1)
        for row in np.flatnonzero(matches >= self.proportion_cutoff)[:1]:
            self._start_window(windows[row])
            self._count(windows[row], self._seen + at + int(row) * self.window)
        rest = x[at + whole * self.window :]
        if len(rest):
            self._start_window(rest)
            self._count(rest, self._seen + at + whole * self.window)

    def _start_window(self, window: NDArray[np.uint8]) -> None:
        self._reference, self._matches = int(window[0]), 0

    def _count(self, part: NDArray[np.uint8], first: int) -> None:
        """Go on counting within one window; ``first`` is the number of its first sample in the stream."""
        equal = part == self._reference
        matches = self._matches + int(np.count_nonzero(equal))
        if matches >= self.proportion_cutoff > self._matches:
            reached = int(np.flatnonzero(equal)[self.proportion_cutoff - self._matches - 1])
            self.failures.setdefault(PROPORTION, first + reached)
        self._matches = matches


def _first_run(x: NDArray[np.uint8], length: int) -> int | None:
    """Where in ``x`` the first run of ``length`` equal samples starts; None without one.

    ``equal[i]`` after each step says that ``span + 1`` samples from i on are equal; the span doubles until it covers the run.
    """
    span, wanted = 1, length - 1  # a cut-off is at least 2
    if len(x) < length:
        return None
    equal = x[1:] == x[:-1]
    while span < wanted:
        step = min(span, wanted - span)
        equal = equal[:-step] & equal[step:]
        span += step
    return int(equal.argmax()) if equal.any() else None
