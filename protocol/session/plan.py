"""What two parties must agree on before a run is turned into a key: all of it public, none of it adapted afterwards."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass

from ...errors import ConfigError
from ..bell import GAMES, BellGame
from ..log_contents import to_json
from ..planning import OneBasisPlan
from ..reconciliation import CodeSpec

EXTRACTORS = ("trevisan", "toeplitz")


@dataclass(frozen=True)
class SessionPlan:
    """The plan of a session. Two parties with different plans notice it in their first message.

    Args:
        run_id: the run that the rounds come from.
        config_digest: of the link's configuration, as in the header of the log.
        hardware: ``twin``, ``wire`` or ``real``; a simulated key says so in its plan.
        game: name of the game; only ``oxford`` makes keys (docs/explanations/finite-key.md says why).
        rounds: n, accepted heralds.
        most_losses: Bob accepts if no more of the n rounds are tested and lost.
        code: of the error correction.
        error_rates: what Bob's decoder assumes for key rounds and for test rounds.
        extractor: one of :data:`EXTRACTORS`.
        extractor_error: error of Trevisan's extractor; the length of a key by Toeplitz' accounts for its error already.
        key_bits: length of the key; the session ends with exactly that many bits or with none.
        seed_bits: of the extractor.
        analysis: which proof the length rests on.
        test_credit: r_t of the Renyi analysis, 0 otherwise.
        soundness: of the key, without the authentication's error.

    Raises:
        ConfigError: it would make no key, or is none that this software can carry out.
    """

    run_id: str
    config_digest: str
    hardware: str
    game: str
    rounds: int
    most_losses: int
    code: CodeSpec
    error_rates: tuple[float, float]
    extractor: str
    extractor_error: float
    key_bits: int
    seed_bits: int
    analysis: str
    test_credit: int
    soundness: float

    def __post_init__(self) -> None:
        if self.key_bits < 1:
            raise ConfigError(f"{self.rounds} rounds give no key under this plan; see eventready plan for how many it takes")
        if self.game != "oxford":
            raise ConfigError(
                f"the game {self.game!r} makes no key here: half of its rounds are announced, and its finite-key bound holds for "
                "collective attacks only"
            )
        if (self.analysis == "renyi") != (self.extractor == "toeplitz"):
            raise ConfigError(f"a length by the analysis {self.analysis!r} does not hold for the extractor {self.extractor!r}")
        if self.extractor not in EXTRACTORS:
            raise ConfigError(f"there is no extractor {self.extractor!r}; there are {', '.join(EXTRACTORS)}")
        if self.code.rounds != self.rounds:
            raise ConfigError(f"the code is for {self.code.rounds} rounds, the plan for {self.rounds}")

    @classmethod
    def of(cls, plan: OneBasisPlan, *, qber: float, code: CodeSpec, run_id: str, config_digest: str, hardware: str) -> SessionPlan:
        """The session that carries out a plan of :func:`~..planning.plan_one_basis`.

        Args:
            plan: numbers of the run.
            qber: that the plan was made for.
            code: one for ``plan.rounds`` and ``plan.syndrome_bits``.
            run_id: name of the run.
            config_digest: of its configuration.
            hardware: that it ran on.

        Raises:
            ConfigError: the code is another one than the plan pays for, or there is no key.
        """
        if code.syndrome_bits != plan.syndrome_bits:
            raise ConfigError(f"the code reveals {code.syndrome_bits} bits, the length of the key accounts for {plan.syndrome_bits}")
        return cls(
            run_id=run_id,
            config_digest=config_digest,
            hardware=hardware,
            game="oxford",
            rounds=plan.rounds,
            most_losses=plan.most_losses,
            code=code,
            error_rates=(qber, 1 - plan.winning),
            extractor=plan.extractor,
            extractor_error=plan.security.amplification,
            key_bits=plan.key_bits,
            seed_bits=plan.seed_bits,
            analysis=plan.analysis,
            test_credit=plan.test_credit,
            soundness=plan.security.soundness,
        )

    @property
    def bell_game(self) -> BellGame:
        """The game's rule."""
        return GAMES[self.game]

    @property
    def simulated(self) -> bool:
        """The rounds are not from a laboratory, so neither is the key."""
        return self.hardware != "real"

    @property
    def digest(self) -> bytes:
        """32 bytes that differ if anything in the plan does."""
        fields = dataclasses.asdict(self)
        return hashlib.blake2b(to_json(fields), digest_size=32, person=b"eventready-plan").digest()

    @property
    def session_id(self) -> bytes:
        """16 bytes: one session, and so at most one key, for a run and a plan."""
        return hashlib.blake2b(self.run_id.encode() + self.digest, digest_size=16, person=b"eventready-sess").digest()
