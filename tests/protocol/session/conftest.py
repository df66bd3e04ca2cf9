"""Two parties with small blocks: long enough for a real code and a real extractor, short enough for hundreds of sessions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from eventready.protocol.extraction import Toeplitz, Trevisan
from eventready.protocol.keys.generated import read_key
from eventready.protocol.keys.pool import KeyPool
from eventready.protocol.keys.pool_folder import PoolFolder
from eventready.protocol.keys.reading import read_ledger
from eventready.protocol.reconciliation import Code, CodeSpec
from eventready.protocol.session.alice import Alice
from eventready.protocol.session.bob import Bob
from eventready.protocol.session.plan import SessionPlan
from eventready.protocol.session.rounds import PartyRounds
from eventready.protocol.session.transcript import Transcript

ROUNDS, TESTS, QBER, WINNING = 3000, 0.2, 0.01, 0.85
PATTERNS = np.array([3, 5, 10, 12], np.uint8)


def draw_rounds(seed, rounds=ROUNDS, qber=QBER, winning=WINNING):
    """What a link of that quality leaves in two logs. Oxford's game: a xor b = x y wins, X = 0 and Y = 2 make key."""
    rng = np.random.default_rng(seed)
    types = (rng.random(rounds) < TESTS).astype(np.uint8)
    x = np.where(types == 1, rng.integers(0, 2, rounds), 0).astype(np.uint8)
    y = np.where(types == 1, rng.integers(0, 2, rounds), 2).astype(np.uint8)
    a = rng.integers(0, 2, rounds).astype(np.uint8)
    wrong = rng.random(rounds) < np.where(types == 1, 1 - winning, qber)
    b = a ^ (x & y & types) ^ wrong.astype(np.uint8)
    patterns = rng.choice(PATTERNS, rounds)
    return PartyRounds("alice", types, patterns, x, a), PartyRounds("bob", types.copy(), patterns.copy(), y, b)


def make_plan(**changes):
    rounds = changes.pop("rounds", ROUNDS)
    extractor, key_bits = changes.pop("extractor", "toeplitz"), 100
    maker = Trevisan.of(rounds, key_bits, 1e-6) if extractor == "trevisan" else Toeplitz.of(rounds, key_bits)
    fields = {
        "run_id": "run-1",
        "config_digest": "c0ffee",
        "hardware": "twin",
        "game": "oxford",
        "rounds": rounds,
        "most_losses": round(1.25 * rounds * TESTS * (1 - WINNING)),
        "code": CodeSpec(rounds=rounds, syndrome_bits=rounds // 2, degree=4, positions=10, width=4, seed=1),
        "error_rates": (QBER, 1 - WINNING),
        "extractor": extractor,
        "extractor_error": 1e-6,
        "key_bits": key_bits,
        "seed_bits": maker.seed_bits,
        "analysis": "eat2022" if extractor == "trevisan" else "renyi",
        "test_credit": 0,
        "soundness": 1e-6,
    }
    return SessionPlan(**(fields | changes))


@pytest.fixture(scope="session")
def build_code():
    """Codes, each made once."""
    made = {}
    return lambda spec: made.setdefault(spec, Code.build(spec)) if spec not in made else made[spec]


def generated_keys(folder):
    """Session, length and bits of the keys in a pool, whether somebody holds it or not."""
    _, ledger = read_ledger(folder)
    place = PoolFolder(folder)
    return [(key.session, key.bits, read_key(place.generated_key(key.sequence), key.bits)) for key in ledger.generated.values()]


@dataclass
class Side:
    """One party's folder and what is in it."""

    folder: Path
    kind: type
    plan: SessionPlan
    rounds: PartyRounds
    build_code: object
    pool: KeyPool | None = None

    def open(self, **changes):
        """The party as it is after it was started (again)."""
        self.close()
        self.pool = KeyPool.open(self.folder / "pool")
        return self.kind(
            changes.get("plan", self.plan),
            changes.get("rounds", self.rounds),
            self.pool,
            Transcript(self.folder / "session"),
            threads=1,
            build_code=self.build_code,
        )

    def close(self):
        if self.pool is not None:
            self.pool.close()
            self.pool = None

    def keys(self):
        """All keys that this party can use."""
        return generated_keys(self.folder / "pool")


@pytest.fixture
def make_sides(tmp_path, build_code):
    """Both parties of a new session."""
    sides = []

    def make(plan=None, seed=1, rounds=None, name="run"):
        plan = plan or make_plan()
        folders = [tmp_path / name / party for party in ("alice", "bob")]
        for folder in folders:
            folder.mkdir(parents=True)
        KeyPool.create_pair(folders[0] / "pool", folders[1] / "pool", seed_bits=plan.seed_bits, pad_words=16)
        logs = rounds or draw_rounds(seed, plan.rounds)
        made = [Side(folder, kind, plan, log, build_code) for folder, kind, log in zip(folders, (Alice, Bob), logs, strict=True)]
        sides.extend(made)
        return made

    yield make
    for side in sides:
        side.close()


def exchange(alice, bob, on_wire=lambda raw: raw):
    """Carry messages to and fro in one thread until both are silent. ``on_wire`` may change, drop (None) or note them."""
    line = [(bob, raw) for raw in (*alice.sent(), *alice.advance())] + [(alice, raw) for raw in (*bob.sent(), *bob.advance())]
    while line:
        to, raw = line.pop(0)
        seen = on_wire(raw)
        if seen is not None:
            line += [(alice if to is bob else bob, answer) for answer in to.receive(seen)]
