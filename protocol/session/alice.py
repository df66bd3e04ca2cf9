"""Alice: she reveals what error correction and the Bell test take, and uses the key once Bob has it."""

from __future__ import annotations

import numpy as np

from ..authentication import Direction, encrypt_hash
from .machine import ACTIVATE_WORD, REVEAL_WORD, VERDICT_WORD, Machine
from .messages import ACCEPT, Kind, Reveal


class Alice(Machine):
    """Alice's state machine (Nadlinger et al., Fig. 2 and Methods)."""

    party = "alice"
    out, into = Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE
    _answers = {Kind.HELLO: Kind.HELLO, Kind.READY: Kind.HELLO, Kind.VERDICT: Kind.REVEAL, Kind.ACTIVATE: Kind.REVEAL}

    _key: bytes | None = None

    def _next_when_ready(self) -> bytes | None:
        if not self._has(self.out, Kind.REVEAL):
            return self._tagged(Kind.REVEAL, REVEAL_WORD, self._reveal().encode())
        if self._has(self.into, Kind.VERDICT):
            self._heed_verdict()
        return None

    def _reveal(self) -> Reveal:
        code = self._the_code()
        mine = self.rounds
        self._on_stage("syndrome", 0.0)
        validation = encrypt_hash(
            np.packbits(mine.outcomes).tobytes(),
            len(mine.outcomes),
            hash_key=self._pool.hash_key(),
            pad=self._validation_word(),
            session=self.plan.session_id,
        )
        reveal = Reveal(bytes.fromhex(code.digest), mine.types, mine.settings, mine.patterns, code.syndrome(mine.outcomes), validation)
        self._on_stage("syndrome", 1.0)
        return reveal

    def _heed_verdict(self) -> None:
        if self._authentic(Kind.VERDICT, VERDICT_WORD) != ACCEPT:
            self._end("aborted", "Bob aborted; he alone knows why")
            return
        if self._key is None:
            self._key = self._extract(self.rounds.outcomes)  # while Bob does
        if self._has(self.into, Kind.ACTIVATE):
            self._authentic(Kind.ACTIVATE, ACTIVATE_WORD)
            self._keep_key(self._key)
            self._end("key", f"{self.plan.key_bits} bits")
