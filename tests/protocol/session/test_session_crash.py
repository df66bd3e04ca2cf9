"""Whatever crashes, and whenever: the session goes on to one key or is dead at both ends, and no one-time word serves two messages."""

import shutil

import pytest

from eventready.errors import KeyPoolError
from eventready.protocol.keys.pool import KeyPool
from eventready.protocol.session import machine as machine_module
from eventready.protocol.session.messages import Kind
from eventready.protocol.session.transcript import Transcript

from .conftest import exchange, make_plan


class PowerCut(BaseException):
    """Nothing catches it."""


class Countdown:
    """Cuts the power at the n-th durable step of either party, before or after it is done."""

    def __init__(self, mocker):
        self.left, self.after = None, False
        for owner, name in (
            (Transcript, "put"),
            (Transcript, "end"),
            (KeyPool, "reserve"),
            (KeyPool, "agree"),
            (KeyPool, "confirm"),
            (KeyPool, "word"),
            (KeyPool, "add_generated"),
            (KeyPool, "retire"),
        ):
            self.wrap(mocker, owner, name)

    def wrap(self, mocker, owner, name):
        real = getattr(owner, name)

        def step(this, *args, **kwargs):
            mine = None
            if self.left is not None:
                self.left = mine = self.left - 1
            if mine == 0 and not self.after:
                raise PowerCut
            result = real(this, *args, **kwargs)
            if mine == 0 and self.after:
                raise PowerCut
            return result

        mocker.patch.object(owner, name, step)


@pytest.fixture
def used_words(mocker):
    """Every word that a tag was made with, by either party, and for what."""
    found, real = [], machine_module.tag

    def spy(message, *, pad, **rest):
        found.append((pad, message))
        return real(message, pad=pad, **rest)

    mocker.patch.object(machine_module, "tag", spy)
    return found


def assert_words_served_once(found):
    by_word = {}
    assert found
    for word, message in found:
        assert by_word.setdefault(word, message) == message


@pytest.mark.parametrize("after", [False, True])
def test_a_power_cut_at_any_step_of_either_party(make_sides, mocker, used_words, after):
    cut = Countdown(mocker)
    cut.after = after
    steps = 0
    while True:
        steps += 1
        sides = alice, bob = make_sides(name=f"run{steps}")
        cut.left = steps
        try:
            exchange(alice.open(), bob.open())
            finished = True
        except PowerCut:
            finished = False
        cut.left = None
        if finished:
            break
        machines = [side.open() for side in sides]
        exchange(*machines)
        assert [machine.ending.outcome for machine in machines] == ["key", "key"], f"after a cut at step {steps}"
        assert alice.keys() == bob.keys() and len(alice.keys()) == 1
        for side in sides:
            side.close()
    assert steps > 20  # all of them were tried
    assert_words_served_once(used_words)


def drop(lost):
    count = iter(range(100))
    return lambda raw: raw if next(count) != lost else None


def test_a_lost_message_is_sent_again_when_the_parties_meet_anew(make_sides):
    for lost in range(7):
        sides = make_sides(name=str(lost))
        exchange(*(side.open() for side in sides), on_wire=drop(lost))
        machines = [side.open() for side in sides]
        exchange(*machines)
        assert [machine.ending.outcome for machine in machines] == ["key", "key"]


def test_a_restored_transcript_does_not_use_a_word_for_two_messages(make_sides, used_words):
    """Bob judged a forged message; his transcript is restored from before; the right one comes, and there is no word for it."""
    alice, bob = make_sides()
    machines = alice.open(), bob.open()
    sent = []
    exchange(*machines, on_wire=lambda raw: sent.append(raw) or (raw if raw[4] < Kind.REVEAL else None))
    reveal = next(raw for raw in sent if raw[4] == Kind.REVEAL)
    shutil.copytree(bob.folder / "session", bob.folder / "backup")
    forged = bytearray(reveal)
    forged[100] ^= 1
    list(machines[1].receive(bytes(forged)))
    assert machines[1].ending.outcome == "aborted"
    bob.close()
    shutil.rmtree(bob.folder / "session")
    (bob.folder / "backup").rename(bob.folder / "session")
    machine = bob.open()
    with pytest.raises(KeyPoolError, match="over"):
        list(machine.receive(reveal))
    assert machine.ending.outcome == "dead" and not bob.keys()
    assert_words_served_once(used_words)


@pytest.mark.parametrize("party", [0, 1])
def test_a_pool_restored_from_a_backup_in_the_middle_kills_the_session(make_sides, used_words, party):
    """From before the session set its words aside: they were used, and the restored pool would give them again."""
    sides = make_sides()
    side = sides[party]
    shutil.copytree(side.folder / "pool", side.folder / "backup")
    machines = [each.open() for each in sides]
    exchange(*machines, on_wire=lambda raw: None if raw[4] >= (Kind.VERDICT, Kind.REVEAL)[party] else raw)
    side.close()
    shutil.rmtree(side.folder / "pool")
    (side.folder / "backup").rename(side.folder / "pool")
    again = [each.open() for each in sides]
    with pytest.raises(KeyPoolError):
        exchange(*again)
    assert again[party].ending.outcome == "dead" and not side.keys()
    assert_words_served_once(used_words)


def test_a_pool_restored_between_two_sessions_is_noticed_by_the_next(make_sides):
    sides = make_sides(name="one")
    alice = sides[0]
    shutil.copytree(alice.folder / "pool", alice.folder / "backup")
    exchange(*(side.open() for side in sides))
    assert len(alice.keys()) == 1
    second = make_sides(make_plan(run_id="run-2"), name="two")
    for old, new, source in zip(sides, second, ("backup", "pool"), strict=True):
        old.close()
        shutil.rmtree(new.folder / "pool")
        shutil.copytree(old.folder / source, new.folder / "pool")
    machines = [side.open() for side in second]
    with pytest.raises(KeyPoolError, match="restored from a backup"):
        exchange(*machines)
    assert [machine.ending for machine in machines] == [None, None]  # nothing was set aside: the next session can begin
