"""What Alice and Bob have in common: getting ready, logging, refusing what makes no sense. On both platforms, on the twin."""

import dataclasses
import itertools

import numpy as np
import pytest

from eventready.errors import NotReady, SequenceError
from eventready.protocol.records import RECORD_DTYPE, Flag
from eventready.stations.messages import Accepted, Ready, Recheck, Recorded, Resume, Suspend
from eventready.stations.states import State

LINKS = pytest.mark.parametrize("name", ["munich", "oxford"])


@LINKS
def test_every_index_gives_exactly_one_record_at_each_party(loop_of, name):
    loop = loop_of(name, rounds=20).run()
    for node in ("alice", "bob", "public"):
        assert loop.records(node)["index"].tolist() == list(range(20))
        assert loop.logs[node].pending == []
    for party in ("alice", "bob"):
        for field in ("herald_ps", "pattern", "attempts"):
            assert (loop.records(party)[field] == loop.records("public")[field]).all()


@LINKS
@pytest.mark.parametrize(("commit_interval", "slowness"), [(0.0, 1), (1e-9, 1), (1e-9, 4)])
def test_a_round_is_acknowledged_after_its_party_has_it_on_disk_and_that_after_the_public_log(loop_of, name, commit_interval, slowness):
    loop = loop_of(name, rounds=30, commit_interval=commit_interval)
    for log in loop.logs.values():
        log.slowness = slowness
    loop.run()
    durable = {"alice": -1, "bob": -1, "public": -1}
    acknowledged = {"alice": -1, "bob": -1}
    for what, node, item in loop.journal:
        if what == "commit":
            durable[node] = -1 if item is None else item
            assert durable[node] <= durable["public"], "no party holds a round that the public log does not have"
        elif isinstance(item, Recorded):
            assert item.n <= durable[item.sender]
            acknowledged[item.sender] = item.n
    assert acknowledged == {"alice": 29, "bob": 29}
    assert loop.acknowledged == sorted(set(loop.acknowledged))
    assert loop.acknowledged[-1] == 29


def test_where_every_round_is_committed_it_is_acknowledged_before_the_next_herald(loop_of):
    loop = loop_of("oxford", rounds=10, commit_interval=0.0).run()
    recorded = {"alice": [], "bob": []}
    for what, node, item in loop.journal:
        if what == "hear" and node == "bsm" and isinstance(item, Recorded):
            recorded[item.sender].append(item.n)
        elif what == "hear" and isinstance(item, Accepted) and item.n:
            assert recorded["alice"][-1] == recorded["bob"][-1] == item.n - 1


@LINKS
def test_an_announcement_out_of_turn_is_refused(open_twin, name):
    """A repeated one, a skipped one, or one in the middle of a round: the two logs would not hold the same rounds."""
    party = open_twin(name).parties["bob"]
    with pytest.raises(SequenceError, match="a node that is idle cannot handle Accepted from bsm"):
        party.on(Accepted("bsm", 0, 0, 3, 0, 1))
    party.state = State.ATTEMPTING
    for wrong in (1, 2):
        with pytest.raises(SequenceError, match=f"bob: round {wrong} was announced after round -1"):
            party.on(Accepted("bsm", 0, wrong, 3, 0, 1))
    for state in set(State) - {State.ATTEMPTING}:
        party.state = state
        for message in (Accepted("bsm", 0, 0, 3, 0, 1), Recheck("bsm", 0, "x")):
            with pytest.raises(SequenceError, match=f"a node that is {state} cannot handle"):
                party.on(message)
    for message in (Ready("alice", 0), Recorded("alice", 0, 0), Suspend("alice", 0, ""), Resume("alice", 0)):
        with pytest.raises(SequenceError, match="cannot handle"):
            party.on(message)


@LINKS
def test_a_round_without_a_log_is_refused(open_twin, name):
    party = open_twin(name).parties["bob"]
    with pytest.raises(SequenceError, match="bob: a round without a log"):
        party.step_record()


# -- getting ready -------------------------------------------------------------------------------------------------------------------------


def impatient(party, **settings):
    party._settings = dataclasses.replace(party._settings, **settings)


@LINKS
def test_a_party_that_is_not_ready_suspends_between_rounds_and_says_why(loop_of, name):
    loop = loop_of(name, rounds=4)
    port = loop.link.world.ports["alice.excitation_laser"]
    clock = loop.link.clocks["alice"]

    def unlock():
        port.set(clock.now_ps(), locked=False)
        clock.call_at(clock.now() + 30, lambda: port.set(clock.now_ps(), locked=True))

    impatient(loop.link.parties["alice"], check_interval=0.0)
    loop.before("alice", Accepted, 2, unlock)
    loop.run()
    states = [(line["from"], line["to"], line["cause"]) for line in loop.events["alice"].lines]
    suspended = states.index(("attempting", "suspended", "alice.excitation_laser: not locked"))
    assert states[suspended + 1] == ("suspended", "attempting", "ready again")
    assert "alice suspended: alice.excitation_laser: not locked" in loop.events["public"].causes()
    assert "alice resumed" in loop.events["public"].causes()
    third, fourth = loop.records("alice")["herald_ps"][2:4]
    assert fourth - third > 29e12
    assert (loop.records("alice")["flags"] == 0).all()


@LINKS
def test_patience_ends_the_run_with_a_reason(loop_of, name):
    loop = loop_of(name, rounds=4)
    impatient(loop.link.parties["bob"], check_interval=0.0, patience=20.0)
    port = loop.link.world.ports["bob.excitation_laser"]
    loop.before("bob", Accepted, 2, lambda: setattr(port, "locked", False))
    with pytest.raises(NotReady, match=r"bob: not ready for 20 s: bob\.excitation_laser: not locked"):
        loop.run()
    assert loop.records("bob")["index"].tolist() == [0, 1, 2]


def test_readiness_is_asked_at_least_once_a_second_of_the_experiment(loop_of, mocker):
    loop = loop_of("oxford", rounds=400)
    preparation = loop.link.parties["alice"].preparation
    asked = []
    real = preparation.unready
    mocker.patch.object(preparation, "unready", lambda: (asked.append(loop.link.clocks["alice"].now()), real())[1])
    loop.run()
    start = asked[0]
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked) if earlier > start]
    assert len(asked) > 2
    assert max(gaps) < 2.0, "attempts without a herald may go on for half a second"


@LINKS
def test_a_missing_particle_is_loaded_and_noted(loop_of, name):
    loop = loop_of(name, rounds=5)
    trap, clock = loop.link.world.traps[0], loop.link.clocks["alice"]
    loop.before("bsm", Ready, None, lambda: trap.empty(clock.now_ps()))
    loop.run()
    causes = loop.events["alice"].causes()
    assert "presence check failed" in causes
    assert loop.records("alice")["index"].tolist() == list(range(5))


def test_a_look_at_the_trap_is_not_taken_with_a_detector_in_its_other_window(loop_of, mocker):
    """Munich's Alice looks through a Bell-state detector: her window excludes attempting, also after a presence check failed."""
    loop = loop_of("munich", rounds=30)
    alice = loop.link.parties["alice"]
    window = loop.link.wiring.roles["alice.detector"]
    allowed = set(loop.link.config.link.windows["bsm_spd_ch"]["alice.detector"])
    seen = set()
    real = window.counter
    mocker.patch.object(window, "counter", lambda duration: lambda: (seen.add(str(alice.state)), real(duration)())[1])
    loop.run()
    assert "presence check failed" in loop.events["alice"].causes()
    assert seen == {"loading", "reading"}
    assert seen <= allowed


# -- small things --------------------------------------------------------------------------------------------------------------------------


@LINKS
def test_an_order_with_a_step_that_nobody_knows_is_no_party(open_twin, name):
    party = open_twin(name).parties["bob"]
    settings = dataclasses.replace(party._settings, order=("accepted", "teleport"))
    with pytest.raises(AttributeError, match="step_teleport"):
        type(party)(settings, party.clock, party._do)


@LINKS
def test_a_lost_record_says_that_it_is_one(open_twin, name):
    link = open_twin(name)
    packed, round_type = link.parties["bob"].lost_record(3, 0b1100, 77_000, 12, None)
    record = np.frombuffer(packed, RECORD_DTYPE)[0]
    assert (record["index"], record["pattern"], record["herald_ps"], record["attempts"]) == (3, 0b1100, 77_000, 12)
    assert record["flags"] == Flag.LOST | Flag.FALLBACK
    assert record["outcome"] == link.config.link.fallback.bob
    assert record["round_type"] == round_type
    assert record["counts"] == 0
    assert (record["isolated_ns"], record["input_ns"], record["readout_ns"], record["done_ns"]) == (0, 0, 0, 0)


@LINKS
def test_nothing_secret_in_what_a_round_shows_of_itself(loop_of, name):
    loop = loop_of(name, rounds=2).run()
    round_ = loop.link.parties["alice"]._round
    assert repr(round_) == str(round_) == "<round 1>"
