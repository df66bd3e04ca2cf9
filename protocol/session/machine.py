"""What Alice's and Bob's state machines have in common. Neither does input or output of its own: messages in, messages out.

Where a machine stands follows from its transcript alone, so that going on after a crash is the same as going on. Two rules make that safe:

* **A message is durable before it is sent**, and a stored one is sent again as it is, never made anew.
* **A one-time word belongs to the bytes that it is used for.** The pool binds it to a digest of them, on record, before it gives it out.
  The same bytes get the same word again after a crash; other bytes are refused, even if a transcript was restored from a backup or the
  other end says something else the second time.

All words of a session are set aside when it begins, and neither party uses one before the other has said that it has set them aside, too
(READY). From then on each pool can tell if the other one is restored from a backup.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ...errors import AuthenticationFailed, ConfigError, KeyPoolError, SessionError
from ..authentication import Direction, require_tag, tag
from ..extraction import Extractor, Toeplitz, Trevisan
from ..keys.offsets import PoolOffsets
from ..keys.pool import KeyPool
from ..reconciliation import Code, CodeSpec
from .messages import UNTAGGED, Hello, Kind, Message, decode
from .plan import SessionPlan
from .rounds import PartyRounds
from .transcript import Ending, Transcript

Bits = NDArray[np.uint8]
OnStage = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done."""
BuildCode = Callable[[CodeSpec], Code]

WORDS = {Direction.ALICE_TO_BOB: 2, Direction.BOB_TO_ALICE: 2}
"""One-time words of a session: 256 bits, as in Nadlinger et al., Table 1."""
VALIDATION_WORD, REVEAL_WORD = range(2)
"""Alice's words."""
VERDICT_WORD, ACTIVATE_WORD = range(2)
"""Bob's."""


def no_progress(stage: str, share: float) -> None:
    """Say nothing."""


class Machine(ABC):
    """One party of a session.

    Args:
        plan: of the session; the other party must have the same.
        rounds: the party's own.
        pool: the party's own; pre-shared with the other.
        transcript: where the party's messages are kept. If there are some, the session goes on from there.
        threads: for decoding and extraction; by default as many as there are processors.
        on_stage: told of progress.
        build_code: makes the code; for two parties on one machine that share one.

    Raises:
        ConfigError: the rounds or the pool are the other party's, or the session was begun with another plan.
        KeyPoolError: the pool's seed is too short.
    """

    party: str
    out: Direction
    into: Direction

    def __init__(
        self,
        plan: SessionPlan,
        rounds: PartyRounds,
        pool: KeyPool,
        transcript: Transcript,
        *,
        threads: int | None = None,
        on_stage: OnStage = no_progress,
        build_code: BuildCode = Code.build,
    ) -> None:
        if (rounds.party, pool.party) != (self.party, self.party):
            raise ConfigError(f"{self.party} needs the rounds and the pool of {self.party}, not of {rounds.party} and {pool.party}")
        self.plan = plan
        self.rounds = rounds
        self._pool = pool
        self._transcript = transcript
        self._threads = threads
        self._on_stage = on_stage
        self._build_code = build_code
        self._code: Code | None = None
        self._confirmed = False
        if self._has(self.out, Kind.HELLO) and Hello.decode(self._message(self.out, Kind.HELLO).body).plan_digest != plan.digest:
            raise ConfigError(
                f"{transcript.folder}: this session was begun with another plan; go on with the same options and version of eventready"
            )
        pool.seed(plan.seed_bits)  # a pool that is too small is to be noticed before anything is revealed

    # -- for the driver ----------------------------------------------------------------------------------------------------------------

    @property
    def ending(self) -> Ending | None:
        """How the session ended for this party, or None while it goes on."""
        return self._transcript.ending

    def sent(self) -> Iterator[bytes]:
        """All messages so far, to be sent again whenever the parties meet anew; the other one ignores those that it has."""
        for kind in Kind:
            raw = self._transcript.get(self.out, kind)
            if raw is not None:
                yield raw

    def advance(self) -> Iterator[bytes]:
        """Do what can be done with what is there; yields new messages, each of them durable.

        Raises:
            EventreadyError: the session cannot go on; :attr:`ending` says whether it is over.
        """
        while self.ending is None:
            try:
                raw = self._next()
            except (AuthenticationFailed, KeyPoolError, SessionError) as error:
                if self._has(self.out, Kind.READY):  # before that nothing was set aside, and the session can be begun again
                    self._end("dead", str(error))
                raise
            if raw is None:
                return
            yield raw

    def receive(self, raw: bytes) -> Iterator[bytes]:
        """Take a message of the other party, and go on as :meth:`advance` does.

        Raises:
            ConfigError: the other party has another plan, run or pool; nothing was used, and the session can be begun again.
            SessionError: the message is refused, and the session is dead.
        """
        if self._take(raw):
            yield from self.advance()

    def _take(self, raw: bytes) -> bool:
        """Keep a message that is the next one; False for one that was sent again. A refused one ends the session."""
        if self.ending is not None:
            return False
        try:
            message = decode(raw, self.plan)
            if message.direction != self.into:
                raise SessionError(f"{self.party}'s own message came back; is something reflecting them?")
            before = self._transcript.get(self.into, message.kind)
            if before is not None:
                if before != raw:
                    raise SessionError(f"a second {message.kind.name.lower()} came in that differs from the first")
                return False
            if message.kind not in self._expected():
                raise SessionError(f"a {message.kind.name.lower()} came in before its turn")
        except SessionError as error:
            self._end("dead", str(error))
            raise
        if message.kind == Kind.HELLO:
            self._check_hello(Hello.decode(message.body))
        self._transcript.put(self.into, message.kind, raw)
        return True

    def _expected(self) -> set[Kind]:
        """The kinds of message that may come now: those that answer something which was sent."""
        return {kind for kind, after in self._answers.items() if self._has(self.out, after)}

    _answers: dict[Kind, Kind]
    """A kind of message that comes in, and what must have been sent before."""

    @abstractmethod
    def _next_when_ready(self) -> bytes | None:
        """As :meth:`_next`, once both parties have set the session's one-time words aside."""

    # -- the beginning, alike for both --------------------------------------------------------------------------------------------------

    def _next(self) -> bytes | None:
        """Take the next step and make its message; None when the other party is to speak, or the session has ended."""
        if not self._has(self.out, Kind.HELLO):
            return self._send(Message(Kind.HELLO, self.out, self._hello()))
        if not self._has(self.into, Kind.HELLO):
            return None
        if not self._has(self.out, Kind.READY):
            self._pool.agree(PoolOffsets.decode(Hello.decode(self._message(self.into, Kind.HELLO).body).offsets))
            self._pool.reserve(self._words_of(), WORDS)
            return self._send(Message(Kind.READY, self.out, self._pool.offsets().encode()))
        if not self._has(self.into, Kind.READY):
            return None
        if not self._confirmed:
            self._pool.confirm(self._words_of(), PoolOffsets.decode(self._message(self.into, Kind.READY).body))
            self._confirmed = True
        return self._next_when_ready()

    def _hello(self) -> bytes:
        return Hello(self.plan.session_id, self.plan.digest, self._pool.identity, self._pool.offsets().encode()).encode()

    def _check_hello(self, theirs: Hello) -> None:
        if theirs.session != self.plan.session_id or theirs.plan_digest != self.plan.digest:
            raise ConfigError(
                "the other party has another plan or another run; both need the same run's link.yaml, version of eventready, "
                "and the same options"
            )
        if theirs.pool != self._pool.identity:
            raise ConfigError("the other party has another key pool; both need one of the two that eventready keys init made together")

    # -- tools -------------------------------------------------------------------------------------------------------------------------

    def _has(self, direction: Direction, kind: Kind) -> bool:
        return self._transcript.has(direction, kind)

    def _message(self, direction: Direction, kind: Kind) -> Message:
        raw = self._transcript.get(direction, kind)
        if raw is None:
            raise SessionError(f"the transcript lacks the {kind.name.lower()}; it was changed or damaged")
        return decode(raw, self.plan)

    def _send(self, message: Message) -> bytes:
        raw = message.encode()
        self._transcript.put(self.out, message.kind, raw)
        return raw

    def _tagged(self, kind: Kind, number: int, body: bytes) -> bytes:
        """Send a message with a tag from word ``number`` of this party's direction."""
        message = Message(kind, self.out, body)
        sealed = self._opening() + body
        made = tag(
            sealed,
            hash_key=self._pool.hash_key(),
            pad=self._word(self.out, number, sealed),
            session=self.plan.session_id,
            direction=self.out,
            number=message.number,
        )
        return self._send(Message(kind, self.out, body, made))

    def _authentic(self, kind: Kind, number: int) -> bytes:
        """The body of a received message whose tag, from word ``number`` of the other direction, is right.

        Raises:
            AuthenticationFailed: it is not. The word was for these bytes, so no second attempt can be made with others.
        """
        message = self._message(self.into, kind)
        sealed = self._opening() + message.body
        require_tag(
            sealed,
            hash_key=self._pool.hash_key(),
            pad=self._word(self.into, number, sealed),
            session=self.plan.session_id,
            direction=self.into,
            number=message.number,
            tag=message.tag,
        )
        return message.body

    def _opening(self) -> bytes:
        """All four messages that have no tag of their own; every tag covers them."""
        order = [(direction, kind) for kind in UNTAGGED for direction in (Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE)]
        return b"".join(self._message(*which).encode() for which in order)

    def _words_of(self) -> bytes:
        """What the pool knows this session's words by: other hellos, other words."""
        state = hashlib.blake2b(self.plan.session_id, digest_size=16, person=b"eventready-pads")
        for direction in (Direction.ALICE_TO_BOB, Direction.BOB_TO_ALICE):
            state.update(self._message(direction, Kind.HELLO).encode())
        return state.digest()

    def _word(self, direction: Direction, number: int, content: bytes) -> bytes:
        """A one-time word, for exactly this content."""
        return self._pool.word(self._words_of(), direction, number, hashlib.blake2b(content, digest_size=32).digest())

    def _validation_word(self) -> bytes:
        """For the hash of Alice's outcomes. Bob cannot bind it to what he does not know, so both bind it to the opening."""
        return self._word(Direction.ALICE_TO_BOB, VALIDATION_WORD, self._opening())

    def _the_code(self) -> Code:
        if self._code is None:
            self._on_stage("code", 0.0)
            self._code = self._build_code(self.plan.code)
            self._on_stage("code", 1.0)
        return self._code

    def _extract(self, bits: Bits) -> bytes:
        self._on_stage("privacy amplification", 0.0)
        seed = self._pool.seed(self.plan.seed_bits)
        key = extractor_of(self.plan).extract(
            bits, seed, threads=self._threads, progress=lambda share: self._on_stage("privacy amplification", share)
        )
        self._on_stage("privacy amplification", 1.0)
        return key

    def _keep_key(self, key: bytes) -> None:
        """Put the key on record; harmless when repeated."""
        self._pool.add_generated(self.plan.session_id, key, self.plan.key_bits, simulated=self.plan.simulated)

    def _end(self, outcome: str, reason: str) -> None:
        self._transcript.end(Ending(outcome, reason))
        if self._has(self.out, Kind.READY):
            self._pool.retire(self._words_of())


def extractor_of(plan: SessionPlan) -> Extractor:
    """The extractor of a plan.

    Raises:
        ConfigError: its seed is not as long as the plan says.
    """
    extractor: Extractor
    if plan.extractor == "trevisan":
        extractor = Trevisan.of(plan.rounds, plan.key_bits, plan.extractor_error)
    else:
        extractor = Toeplitz.of(plan.rounds, plan.key_bits)
    if extractor.seed_bits != plan.seed_bits:
        raise ConfigError(f"the plan counts on a seed of {plan.seed_bits} bits, its extractor takes {extractor.seed_bits}")
    return extractor
