"""Sessions, crashes, restored backups in any order (hypothesis): no word pads for two sessions, and every restored backup is noticed.

The model knows nothing of journals: it has the words that were put to use, and what each party has been told of the other's history.
"""

import logging
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from eventready.errors import KeyPoolError
from eventready.protocol.authentication import Direction
from eventready.protocol.keys.entries import DIRECTIONS
from eventready.protocol.keys.material import PoolMaterial
from eventready.protocol.keys.pool import KeyPool

PARTIES = ("alice", "bob")
OTHER = {"alice": "bob", "bob": "alice"}
WORDS = 400
party_names = st.sampled_from(PARTIES)
word_counts = st.fixed_dictionaries({direction: st.integers(0, 3) for direction in Direction}).filter(lambda counts: any(counts.values()))


def no_fsync(handle):
    pass


class PoolMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        logging.getLogger("eventready.protocol.keys.journal").setLevel(logging.ERROR)
        self.folder = Path(tempfile.mkdtemp())
        pads = tuple(b"".join((d << 40 | k).to_bytes(8, "big") for k in range(WORDS)) for d in range(2))
        self.pools = {}
        for party in PARTIES:
            material = PoolMaterial(b"pools of one day", party, 0, b"", bytes(160), pads, bytes(32))
            self.pools[party] = KeyPool.create(self.folder / party, material, fsync=no_fsync)
        self.owner = {}  # word -> session that has put it to use, at either end
        self.sessions = 0
        self.current = {}  # party -> (session, words asked for, words got), not over
        self.retired = {party: set() for party in PARTIES}
        self.history = {party: [0] for party in PARTIES}  # a token for each change; a backup has only the first ones
        self.told = dict.fromkeys(PARTIES, 0)  # the token that the other party has been told last
        self.tokens = 0
        self.backups = []
        self.suspect = None  # who has been restored and not yet met the other

    def teardown(self):
        for pool in self.pools.values():
            pool.close()
        shutil.rmtree(self.folder)

    def change(self, party):
        self.tokens += 1
        self.history[party].append(self.tokens)

    def open(self, party):
        self.pools[party] = KeyPool.open(self.folder / party, fsync=no_fsync)

    def words_of(self, pads):
        return [int.from_bytes(pads.word(direction, k), "big") for direction in DIRECTIONS for k in range(pads.count(direction))]

    def use(self, session, pads):
        for direction in DIRECTIONS:
            for k in range(pads.count(direction)):
                word = int.from_bytes(pads.word(direction, k), "big")
                assert word >> 40 == DIRECTIONS.index(direction)
                assert self.owner.setdefault(word, session) == session

    def meet(self):
        """Both say their offsets and agree; returns whether nobody has refused. Whoever must notice something does."""
        said = {party: self.pools[party].offsets() for party in PARTIES}
        heard = {party: self.history[party][-1] for party in PARTIES}
        good = True
        restored = {party: self.told[party] not in self.history[party] for party in PARTIES}
        for party in PARTIES:
            other = OTHER[party]
            if restored[party]:
                with pytest.raises(KeyPoolError, match="this pool is older"):
                    self.pools[party].agree(said[other])
                self.history[party].append(self.told[party])
                self.change(party)
                if not restored[other]:
                    self.told[other] = heard[other]
                good = False
                continue
            try:
                self.pools[party].agree(said[other])
            except KeyPoolError as error:
                # A peer that was set back may speak of what this pool, set back before, has forgotten: it takes itself for the older one.
                assert restored[other]
                if "this pool is older" in str(error):
                    self.change(party)
                good = False
            else:
                self.change(party)
                self.told[other] = heard[other]
        self.suspect = None
        return good

    @rule()
    def compare(self):
        self.meet()

    @rule(words=word_counts, confirmed=st.sampled_from(("both", "alice", "bob", "none")))
    def session(self, words, confirmed):
        """A whole beginning of a session; the line may break before one of the two has the other's confirmation."""
        if not self.meet():
            assert self.meet()
        self.sessions += 1
        name = self.sessions.to_bytes(16, "big")
        pads = {}
        for party in PARTIES:
            pads[party] = self.pools[party].reserve(name, words)
            self.change(party)
            self.current[party] = (name, words, self.words_of(pads[party]))
        assert pads["alice"] == pads["bob"]
        said = {party: self.pools[party].offsets() for party in PARTIES}
        for party in PARTIES:
            if confirmed in (party, "both"):
                self.pools[party].confirm(name, said[OTHER[party]])
                self.told[OTHER[party]] = self.history[OTHER[party]][-1]
                self.change(party)
                self.use(name, pads[party])

    @precondition(lambda self: self.suspect is None)
    @rule(party=party_names, words=word_counts)
    def begin_alone(self, party, words):
        """One party reserves; the other never hears of it, so the words are never used."""
        if not self.meet():
            return
        self.sessions += 1
        name = self.sessions.to_bytes(16, "big")
        pads = self.pools[party].reserve(name, words)
        self.change(party)
        assert not set(self.words_of(pads)) & set(self.owner)

    @precondition(lambda self: self.current)
    @rule(party=party_names)
    def take_up_again(self, party):
        if party in self.current:
            name, words, got = self.current[party]
            assert self.words_of(self.pools[party].reserve(name, words)) == got

    @precondition(lambda self: self.current)
    @rule(party=party_names)
    def retire(self, party):
        if party in self.current:
            name, words, _ = self.current.pop(party)
            self.pools[party].retire(name)
            self.change(party)
            self.retired[party].add(name)
            with pytest.raises(KeyPoolError, match="this session is over"):
                self.pools[party].reserve(name, words)

    @rule(party=party_names, rubbish=st.binary(max_size=60))
    def crash(self, party, rubbish):
        """The process dies in the middle of a write that was never acknowledged."""
        self.pools[party].close()
        with (self.folder / party / "journal.log").open("ab") as file:
            file.write(rubbish)
        self.open(party)

    @precondition(lambda self: len(self.backups) < 4)
    @rule(party=party_names)
    def back_up(self, party):
        name = f"backup{len(self.backups)}"
        shutil.copytree(self.folder / party, self.folder / name)
        self.backups.append((party, name, list(self.history[party]), set(self.retired[party])))

    @precondition(lambda self: self.backups)
    @rule(which=st.integers(0, 3))
    def restore(self, which):
        """One party is put back; not both before they have met, which nobody could notice."""
        party, name, history, retired = self.backups[which % len(self.backups)]
        if self.suspect not in (None, party):
            return
        self.pools[party].close()
        shutil.rmtree(self.folder / party)
        shutil.copytree(self.folder / name, self.folder / party)
        self.history[party], self.retired[party] = list(history), set(retired)
        self.current.pop(party, None)
        self.suspect = party
        self.open(party)
        with pytest.raises(KeyPoolError, match="only after both parties have compared"):
            self.pools[party].reserve(b"a new session...", {Direction.ALICE_TO_BOB: 1})

    @invariant()
    def every_word_in_use_is_gone_at_both_ends(self):
        """But for a party that was restored and has not met the other yet."""
        for party in PARTIES:
            if self.suspect != party:
                used = self.pools[party].offsets().used
                assert all(word % 2**40 < used[word >> 40] for word in self.owner)


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True)
