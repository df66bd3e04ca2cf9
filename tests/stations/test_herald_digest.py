"""The digest of the heralds: equal where they are, different wherever anything public differs, and never in the way of a good run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.errors import HeraldsDiffer, LogCorrupt
from eventready.protocol.run_folder import RunFolder, load_run
from eventready.stations.herald_digest import DIGEST_SIZE, HeraldDigest
from eventready.stations.messages import Accepted, Durable
from eventready.stations.resume import resume_link

HERALDS = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 2**62), st.integers(0, 2**32)), max_size=30)


def announcements(heralds, first=0):
    return [Accepted("bsm", herald_ps, first + k, pattern, herald_ps, attempts) for k, (pattern, herald_ps, attempts) in enumerate(heralds)]


@given(HERALDS, st.data())
def test_however_they_are_cut_equal_heralds_have_equal_digests(heralds, data):
    first = data.draw(st.integers(0, 1000))
    cuts = sorted(data.draw(st.lists(st.integers(-1, len(heralds) - 1), max_size=4)))
    ours, theirs = HeraldDigest(first - 1), HeraldDigest(first - 1)
    for message in announcements(heralds, first):
        ours.note(message)
        theirs.note(message)
    for cut in cuts:
        assert theirs.confirm(first + cut, ours.announce(first + cut))
    whole = HeraldDigest(first - 1)
    for message in announcements(heralds, first):
        whole.note(message)
    last = first + len(heralds) - 1
    assert ours.peek(last) == ours.announce(last) == whole.announce(last)
    assert len(ours.peek(last)) == DIGEST_SIZE


@given(HERALDS.filter(bool), st.data())
def test_one_bit_anywhere_makes_another_digest(heralds, data):
    changed = data.draw(st.integers(0, len(heralds) - 1))
    field = data.draw(st.sampled_from(["n", "pattern", "herald_ps"]))
    ours, theirs = HeraldDigest(), HeraldDigest()
    for k, message in enumerate(announcements(heralds)):
        ours.note(message)
        bit = data.draw(st.integers(0, 61)) if k == changed else None
        theirs.note(message if bit is None else message._replace(**{field: getattr(message, field) ^ (1 << bit)}))
    before = theirs.upto
    last = len(heralds) - 1
    assert not theirs.confirm(last, ours.announce(last))
    assert theirs.upto == before, "what differs is not taken for settled"
    if changed:
        assert theirs.peek(changed - 1) is not None


def test_what_was_not_noted_or_is_no_longer_at_hand_has_no_digest():
    digest = HeraldDigest()
    for message in announcements([(3, 10, 1)] * 3):
        digest.note(message)
    assert digest.peek(3) is None
    assert not digest.confirm(3, b"")
    digest.announce(1)
    assert digest.peek(0) is None
    with pytest.raises(ValueError, match="no digest of the heralds up to 0"):
        digest.announce(0)


def alter(loop_or_link, party, n, **fields):
    """From now on ``party`` hears of another herald in round ``n``."""
    node = loop_or_link.parties[party]
    hear = node.on

    def on(message):
        return hear(message._replace(**fields) if isinstance(message, Accepted) and message.n == n else message)

    node.on = on


@pytest.mark.parametrize("name", ["munich", "oxford"])
@pytest.mark.parametrize("party", ["alice", "bob"])
@pytest.mark.parametrize("interval", [0.0, 1000.0], ids=["every round", "all at the end"])
def test_a_party_that_heard_of_another_herald_commits_none_of_the_rounds_in_question(loop_of, name, party, interval):
    loop = loop_of(name, rounds=8, commit_interval=interval)
    alter(loop.link, party, 5, pattern=0b1100)
    with pytest.raises(HeraldsDiffer) as caught:
        loop.run()
    after, until = (4, 5) if interval == 0.0 else (-1, 7)
    assert str(caught.value).startswith(f"{party}: the heralds heard after round {after} and up to round {until} are not those")
    assert loop.logs[party].durable_index == (4 if interval == 0.0 else None)


@pytest.mark.parametrize(("purpose", "how"), [("characterise", "at the end"), ("key", "at a fault before anybody compared")])
def test_after_that_the_run_is_resumed_with_the_heralds_of_the_public_log(open_twin, tmp_path, mocker, purpose, how):
    mocker.patch("eventready.stations.engine.GROUP_COMMIT_S", 1000.0)
    link = open_twin("oxford")
    folder = RunFolder(tmp_path / "run")
    make = link._make_nodes

    def make_nodes(plan):
        make(plan)
        alter(link, "bob", 5, pattern=0b1100)
        if how != "at the end":
            hear = link.parties["alice"].on
            link.parties["alice"].on = lambda message: hear(message) if getattr(message, "n", 0) < 9 else 1 // 0

    link._make_nodes = make_nodes
    with pytest.raises(HeraldsDiffer if how == "at the end" else ZeroDivisionError):
        link.run(folder.path, rounds=12, purpose=purpose)
    link.close()
    held = {log: len(load_run(folder.path, log)) for log in ("public", "alice", "bob")}
    assert held["bob"] == 0
    assert "left out of its log" in (folder.path / "engine.log").read_text(encoding="utf-8")
    with resume_link(folder) as again:
        assert again.resume(folder).rounds == 12
    folder.verify()
    logs = {log: load_run(folder.path, log) for log in ("public", "alice", "bob")}
    for party in ("alice", "bob"):
        for field in ("index", "pattern", "herald_ps"):
            assert (logs[party][field] == logs["public"][field]).all()
    assert ((logs["bob"]["flags"] & 2) != 0).sum() == held["public"]


def test_a_log_with_another_herald_is_not_gone_on_with(open_twin, tmp_path, mocker):
    """Were the comparison ever left out, a resumed run would still see it."""
    mocker.patch("eventready.stations.party.Party._confirm_heralds")
    mocker.patch("eventready.stations.party.Party.agrees_with", return_value=True)
    link = open_twin("oxford")
    make = link._make_nodes

    def make_nodes(plan):
        make(plan)
        alter(link, "bob", 5, pattern=0b1100)
        link.parties["bob"].end = lambda: 1 // 0

    link._make_nodes = make_nodes
    with pytest.raises(ZeroDivisionError):
        link.run(tmp_path / "run", rounds=9)
    link.close()
    folder = RunFolder(tmp_path / "run")
    with resume_link(folder) as again, pytest.raises(LogCorrupt, match="round 5 of bob has another herald than the public log"):
        again.resume(folder)


def test_the_digest_goes_with_every_word_of_what_is_durable(loop_of):
    loop = loop_of("oxford", rounds=6).run()
    told = {message.n: message.digest for message in loop.heard("bob") if isinstance(message, Durable)}
    assert sorted(told) == [*range(6)]
    fresh = HeraldDigest()
    for message in loop.heard("alice"):
        if isinstance(message, Accepted):
            fresh.note(message)
            assert fresh.announce(message.n) == told[message.n]
