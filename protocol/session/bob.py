"""Bob: he corrects his bits to Alice's, judges whether the link passed, and activates the key."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import AuthenticationFailed, SessionError
from ..authentication import Direction, hash_fits
from .machine import ACTIVATE_WORD, REVEAL_WORD, VERDICT_WORD, Machine
from .messages import ABORT, ACCEPT, ACTIVATION, Kind, Reveal
from .rounds import predicted

Bits = NDArray[np.uint8]


class _Abort(Exception):
    """The protocol's normal way of making no key; the reason is for Bob's eyes."""


class Bob(Machine):
    """Bob's state machine (Nadlinger et al., Fig. 2 and Methods)."""

    party = "bob"
    out, into = Direction.BOB_TO_ALICE, Direction.ALICE_TO_BOB
    _answers = {Kind.HELLO: Kind.HELLO, Kind.READY: Kind.HELLO, Kind.REVEAL: Kind.READY}

    _corrected: Bits | None = None
    _against: str | None = None

    def _next_when_ready(self) -> bytes | None:
        if not self._has(self.into, Kind.REVEAL):
            self._the_code()  # made while Alice makes hers
            return None
        if not self._has(self.out, Kind.VERDICT):
            return self._tagged(Kind.VERDICT, VERDICT_WORD, self._verdict())
        if self._message(self.out, Kind.VERDICT).body != ACCEPT:
            self._end("aborted", self._why_not())
            return None
        return self._activate()

    # -- judging -----------------------------------------------------------------------------------------------------------------------

    def _verdict(self) -> bytes:
        return ABORT if self._why_not() else ACCEPT

    def _why_not(self) -> str:
        """Judge Alice's message, once; the empty string if there is nothing against it. The corrected bits are kept."""
        if self._against is None:
            try:
                self._corrected, self._against = self._judge(), ""
            except _Abort as abort:
                self._against = str(abort)
        return self._against

    def _judge(self) -> Bits:
        try:
            reveal = Reveal.decode(self._authentic(Kind.REVEAL, REVEAL_WORD), self.plan)
        except (AuthenticationFailed, SessionError) as error:
            raise _Abort("Alice's message is not authentic: it, or a hello, was changed on its way") from error
        self._compare(reveal)
        found = self._correct(reveal)
        # Counted on the corrected bits: an adversary who can lose Bell tests cannot hide that behind errors which the code corrects.
        losses = int(np.count_nonzero((found != predicted(self.rounds, reveal.settings, self.plan)) & (self.rounds.types == 1)))
        if losses > self.plan.most_losses:
            raise _Abort("too many test rounds were lost, so the outcomes may be known to others")
        return found

    def _compare(self, reveal: Reveal) -> None:
        """What both parties recorded of a round must be the same.

        Above all its type: whoever flips Bob's bits on their way lets Alice take test rounds for key rounds, measure X = 0 in all
        of them, and win every Bell test with constant outputs.
        """
        if reveal.code_digest != bytes.fromhex(self._the_code().digest):
            raise _Abort("Alice made her syndrome with another code; do both have the same version?")
        if not np.array_equal(reveal.types, self.rounds.types):
            raise _Abort("Alice took some rounds for another type than Bob drew: his messages to her were changed, or a log is wrong")
        if not np.array_equal(reveal.patterns, self.rounds.patterns):
            raise _Abort("Alice and Bob recorded different herald patterns")
        if (reveal.settings[reveal.types == 0] != 0).any():
            raise _Abort("Alice played a test setting in a key round")

    def _correct(self, reveal: Reveal) -> Bits:
        self._on_stage("error correction", 0.0)
        found = self._the_code().decode(
            reveal.syndrome,
            predicted(self.rounds, reveal.settings, self.plan),
            self.rounds.types,
            self.plan.error_rates,
            threads=self._threads,
            progress=lambda share: self._on_stage("error correction", share),
        )
        self._on_stage("error correction", 1.0)
        if found.bits is None:
            raise _Abort("error correction failed: there are more errors than the plan allows for")
        same = hash_fits(
            reveal.encrypted_hash,
            np.packbits(found.bits).tobytes(),
            len(found.bits),
            hash_key=self._pool.hash_key(),
            pad=self._validation_word(),
            session=self.plan.session_id,
        )
        if not same:
            raise _Abort("error correction found bits that are not Alice's")
        return found.bits

    # -- the key -----------------------------------------------------------------------------------------------------------------------

    def _activate(self) -> bytes:
        """Put the key on record, then tell Alice: so she never uses one that he does not have."""
        if not self._has(self.out, Kind.ACTIVATE):
            if self._why_not() or self._corrected is None:
                raise SessionError("the verdict was to accept, but the message it was about does not pass now; the transcript was changed")
            self._keep_key(self._extract(self._corrected))
            raw = self._tagged(Kind.ACTIVATE, ACTIVATE_WORD, ACTIVATION)
        else:
            raw = self._message(self.out, Kind.ACTIVATE).encode()
        self._end("key", f"{self.plan.key_bits} bits")
        return raw
