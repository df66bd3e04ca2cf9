"""The balance sheet of a pool: what was shared before, what is there after (Nadlinger et al., Nature 607, 682 (2022), Table 1)."""

from __future__ import annotations

from dataclasses import dataclass

from ..hashing import HASH_KEY_BYTES
from .ledger import WORD_BITS, Ledger


@dataclass(frozen=True)
class Balance:
    """Bits of a pool. It shows how far the pads are used: for the owner's eyes.

    Attributes:
        seed_bits: the extractor's seed, which can be used again.
        hash_key_bits: the hash key, which can be used again.
        pad_bits: pre-shared one-time words, both directions.
        used_pad_bits: one-time words that are gone, skipped ones included.
        skipped_pad_bits: those that no session has had.
        generated_bits: made by sessions.
        refilled_bits: of those, turned into one-time words.
        taken_bits: of those, handed out.
        simulated_bits: of the generated ones, from simulated runs: worth nothing as a key.
    """

    seed_bits: int
    hash_key_bits: int
    pad_bits: int
    used_pad_bits: int
    skipped_pad_bits: int
    generated_bits: int
    refilled_bits: int
    taken_bits: int
    simulated_bits: int

    @property
    def before(self) -> int:
        """K0: all that was pre-shared."""
        return self.seed_bits + self.hash_key_bits + self.pad_bits

    @property
    def after(self) -> int:
        """K1: what of it is still unused, and the generated keys (handed out or not)."""
        return self.before - self.used_pad_bits + self.generated_bits

    @property
    def net(self) -> int:
        """K1 - K0."""
        return self.after - self.before

    @property
    def unused_pad_bits(self) -> int:
        """One-time words left, refilled ones included."""
        return self.pad_bits + self.refilled_bits - self.used_pad_bits

    @property
    def untaken_bits(self) -> int:
        """Generated bits that are neither handed out nor turned into one-time words."""
        return self.generated_bits - self.refilled_bits - self.taken_bits


def balance_of(ledger: Ledger, seed_bits: int) -> Balance:
    """The balance of a pool whose extractor seed has ``seed_bits``."""
    refilled = WORD_BITS * sum(sum(refill.words) for refill in ledger.refills)
    keys = ledger.generated.values()
    return Balance(
        seed_bits=seed_bits,
        hash_key_bits=8 * HASH_KEY_BYTES,
        pad_bits=WORD_BITS * sum(ledger.capacity) - refilled,
        used_pad_bits=WORD_BITS * sum(ledger.used),
        skipped_pad_bits=WORD_BITS * sum(ledger.skipped),
        generated_bits=sum(key.bits for key in keys),
        refilled_bits=refilled,
        taken_bits=sum(key.taken for key in keys) - refilled,
        simulated_bits=sum(key.bits for key in keys if key.simulated),
    )
