"""A round at a Sr node, on the twin: what happens in which order, and what becomes of a round in which something fails."""

import numpy as np
import pytest

from eventready.errors import DeviceConnectionError, DeviceFault, KeyPoolError, SequenceError
from eventready.protocol.records import Flag, RoundType
from eventready.stations.herald_digest import HeraldDigest
from eventready.stations.messages import Accepted, Durable, Isolated, RoundTypeBit
from eventready.stations.procedures.inputs import PoolInput
from eventready.stations.states import State

FAULT = Flag.FALLBACK | Flag.DEVICE_FAULT
OPEN = Flag.FALLBACK | Flag.NOT_ISOLATED


@pytest.fixture
def loop(loop_of):
    return loop_of("oxford", rounds=12)


def noting(look_up, note):
    """As the role's own, but what it hands out calls ``note`` first."""

    def looked_up(*args):
        real = look_up(*args)
        return lambda *args: (note(), real(*args))[1]

    return looked_up


@pytest.fixture
def story(loop, mocker):
    """What happens at both parties, in order: ``("alice", "play shuttle")``."""
    seen = []
    for party in ("alice", "bob"):
        roles = loop.link.wiring.roles
        for slot, method, label in (
            ("qrng", "taker", "take bits"),
            ("detector", "counter", "count"),
        ):
            role = roles[f"{party}.{slot}"]
            noted = noting(getattr(role, method), lambda party=party, label=label: seen.append((party, label)))
            mocker.patch.object(role, method, noted)
        loop.on_play[party].append(lambda section, arm, party=party: seen.append((party, f"play {section}")))
        log, node = loop.logs[party], loop.nodes[party]
        mocker.patch.object(log, "append", lambda record, real=log.append, party=party: (seen.append((party, "record")), real(record))[1])
        node.on = lambda message, real=node.on, party=party: (seen.append((party, type(message).__name__)), real(message))[1]
    return seen


def test_the_order_of_a_round(loop, story):
    loop.run()
    start, end = [i for i, item in enumerate(story) if item == ("alice", "Accepted")][3:5]
    steps = [item for item in story[start:end] if item[1] not in ("Durable", "Recheck")]
    after_herald = ["play shuttle", "Isolated", "play rotate", "count", "record", "play scramble", "play reconnect"]
    alice = [what for party, what in steps if party == "alice"]
    bob = [what for party, what in steps if party == "bob"]
    assert alice == ["Accepted", *after_herald[:2], "RoundTypeBit", "take bits", *after_herald[2:]]
    assert bob == ["Accepted", *after_herald[:2], "take bits", *after_herald[2:]]
    # Bob draws only when both are isolated, and Alice only when she knows the type.
    drawn = steps.index(("bob", "take bits"))
    assert {("alice", "play shuttle"), ("bob", "play shuttle"), ("bob", "Isolated")} <= set(steps[:drawn])
    assert steps.index(("alice", "take bits")) > steps.index(("alice", "RoundTypeBit")) > drawn


def test_nothing_is_drawn_before_the_herald_and_one_input_a_round_after_it(loop, story):
    port = loop.link.world.ports["bsm.sequencer"]
    for n in (2, 5):
        loop.before("alice", Accepted, n, lambda: setattr(port, "missed_references", 1))
    loop.run()
    assert loop.nodes["bsm"].vetoes == 2
    for party in ("alice", "bob"):
        drawn = [what for who, what in story if who == party and what in ("Accepted", "take bits", "record")]
        assert drawn == ["Accepted", "take bits", "record"] * 12


def test_the_pool_is_read_before_the_run_and_never_in_it(loop, mocker):
    port = loop.link.world.ports["bob.qrng"]
    read = mocker.spy(port, "read")
    reads = []
    for n in (0, 11):
        loop.before("bob", Accepted, n, lambda: reads.append(read.call_count))
    loop.run()
    assert reads[0] == reads[1] == read.call_count


def test_the_slot_between_isolation_and_input_is_fixed(loop_of):
    loop = loop_of("oxford", rounds=200).run()
    for party in ("alice", "bob"):
        records = loop.records(party)
        delay_ns = loop.link.config.delay("bsm", party) * 1e9
        assert np.abs(records["isolated_ns"] - (200_000 + delay_ns)).max() <= 1
        assert set((records["input_ns"] - records["isolated_ns"]).tolist()) == {48_000}
        assert set((records["readout_ns"] - records["input_ns"]).tolist()) == {52_000}
        assert len(set(records["done_ns"].tolist())) == 1


def test_x_0_is_the_same_arm_in_test_and_key_rounds(loop_of):
    loop = loop_of("oxford", rounds=200)
    played = []
    loop.on_play["alice"].append(lambda section, arm: played.append(arm) if section == "rotate" else None)
    loop.run()
    records = loop.records("alice")
    arms = np.array(played)
    zero = records["setting"] == 0
    assert set(records["round_type"][zero].tolist()) == {RoundType.KEY, RoundType.TEST}
    assert set(arms[zero].tolist()) == {0}
    assert set(arms[~zero].tolist()) == {1}
    assert (records["setting"][records["round_type"] == RoundType.KEY] == 0).all()


def test_the_herald_pattern_selects_bob_s_frame(loop_of):
    loop = loop_of("oxford", rounds=200)
    played = []
    loop.on_play["bob"].append(lambda section, arm: played.append(arm) if section == "rotate" else None)
    loop.run()
    records = loop.records("bob")
    states = {0b0011: 0, 0b1100: 0, 0b1001: 1, 0b0110: 1}  # psi+ in the first two, psi- in the others
    expected = [3 * states[int(pattern)] + int(setting) for pattern, setting in zip(records["pattern"], records["setting"], strict=True)]
    assert played == expected
    assert set(records["pattern"].tolist()) == set(states)
    assert (records["setting"][records["round_type"] == RoundType.KEY] == 2).all()
    assert set(records["setting"][records["round_type"] == RoundType.TEST].tolist()) == {0, 1}


def test_both_parties_record_the_type_that_bob_drew(loop_of):
    loop = loop_of("oxford", rounds=100).run()
    types = loop.records("bob")["round_type"]
    assert set(types.tolist()) == {RoundType.KEY, RoundType.TEST}
    assert (loop.records("alice")["round_type"] == types).all()
    sent = [message for message in loop.heard("alice") if isinstance(message, RoundTypeBit)]
    assert [message.is_test for message in sent] == (types == RoundType.TEST).tolist()


def test_the_input_does_not_reuse_the_bits_of_the_round_type(loop_of, mocker):
    """Bob's setting in a test round is the bit above the eight that made it a test."""
    loop = loop_of("oxford", rounds=64, purpose="key")
    drawn = {}
    real = PoolInput.run

    def keep(self, herald_ps, index):
        result = real(self, herald_ps, index)
        drawn[self._source.name, index] = result.bits
        return result

    mocker.patch.object(PoolInput, "run", keep)
    loop.run()
    for record in loop.records("bob"):
        bits = drawn["bob_qrng", int(record["index"])]
        is_test = bits & 0xFF < 13
        assert record["round_type"] == (RoundType.TEST if is_test else RoundType.KEY)
        assert record["setting"] == (bits >> 8 & 1 if is_test else 2)
    for record in loop.records("alice"):
        bits = drawn["alice_qrng", int(record["index"])]
        assert record["setting"] == (bits & 1 if record["round_type"] == RoundType.TEST else 0)


# -- faults after the herald ---------------------------------------------------------------------------------------------------------------


def sequencer_breaks(loop, party, section):
    def broken(name, arm):
        if name == section:
            loop.on_play[party].remove(broken)
            raise DeviceConnectionError(f"{party}_sequencer", "the connection broke")

    loop.on_play[party].append(broken)


def detector_overloads(loop, party):
    role = loop.link.wiring.roles[f"{party}.detector"]
    loop.link.world.ports[f"{party}.detector"].overloaded = True
    role.clock.call_at(role.clock.now() + 1.5e-3, role.reset_overload)  # the readout ends after 0.8 ms, the round after 2.9 ms


FAULTS = [
    ("shuttle does not answer", lambda loop, party: sequencer_breaks(loop, party, "shuttle"), OPEN),
    ("rotation does not answer", lambda loop, party: sequencer_breaks(loop, party, "rotate"), FAULT),
    ("detector overloaded", detector_overloads, FAULT),
]


@pytest.mark.parametrize(("party", "fault", "flags"), [(party, *fault[1:]) for party in ("alice", "bob") for fault in FAULTS])
def test_a_fault_after_the_herald_costs_that_party_its_outcome_and_nobody_a_record(loop, party, fault, flags):
    loop.before(party, Accepted, 5, lambda: fault(loop, party))
    loop.run()
    other = "bob" if party == "alice" else "alice"
    assert loop.records(party)["index"].tolist() == loop.records(other)["index"].tolist() == list(range(12))
    assert loop.records(party)["flags"].tolist() == [flags if n == 5 else 0 for n in range(12)]
    assert (loop.records(other)["flags"] == 0).all()
    record = loop.records(party)[5]
    assert record["outcome"] == getattr(loop.link.config.link.fallback, party)
    assert record["counts"] == 0
    assert record["input_ns"] > 0, "the input is drawn and recorded all the same"
    assert record["round_type"] == loop.records(other)["round_type"][5]
    assert loop.records(other)["readout_ns"][5] > 0
    assert any(cause.startswith("round 5: ") for cause in loop.events[party].causes())


def test_an_ion_that_was_not_isolated_says_so_and_is_never_rotated(loop, story):
    loop.before("bob", Accepted, 5, lambda: sequencer_breaks(loop, "bob", "shuttle"))
    loop.run()
    isolated = [message for message in loop.heard("alice") if isinstance(message, Isolated)]
    assert [message.reached for message in isolated] == [n != 5 for n in range(12)]
    rounds = "".join(
        {"Accepted": "|", "play rotate": "r", "count": "c", "take bits": "i"}.get(what, "") for who, what in story if who == "bob"
    )
    assert rounds.split("|")[6] == "i", "the input is drawn but never applied"
    assert all(steps == "irc" for n, steps in enumerate(rounds.split("|")[1:]) if n != 5)


def test_the_fallback_output_is_the_declared_one(loop):
    loop.nodes["alice"]._round.fallback = 1
    loop.before("alice", Accepted, 5, lambda: sequencer_breaks(loop, "alice", "rotate"))
    loop.run()
    assert loop.records("alice")["outcome"][5] == 1


# -- faults that end the run ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("party", ["alice", "bob"])
def test_a_source_that_is_no_longer_healthy_ends_the_run_without_a_default_input(loop, party):
    source = loop.link.wiring.roles[f"{party}.qrng"]

    def alarm():
        loop.link.world.ports[f"{party}.qrng"].stuck_at = 0
        with pytest.raises(DeviceFault):
            source.draw(1000)

    loop.before(party, Accepted, 5, alarm)
    with pytest.raises(DeviceFault, match="SP 800-90B"):
        loop.run()
    assert loop.records(party)["index"].tolist() == list(range(5))
    assert loop.records("public")["index"].tolist() == list(range(6))
    assert source.pool_bytes() == 0


def test_a_pool_that_runs_dry_ends_the_run_without_a_default_input(loop_of):
    loop = loop_of("oxford", rounds=12)
    loop.link.parties["bob"]._do.inputs._rounds = 5
    with pytest.raises(KeyPoolError, match="used up"):
        loop.run()
    assert loop.records("bob")["index"].tolist() == list(range(5))


# -- wrong messages ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Isolated, RoundTypeBit])
@pytest.mark.parametrize("n", [4, 6, 10**6])
def test_the_other_party_speaks_of_the_round_in_hand_only(loop, kind, n):
    """A report for a round to come would let Bob draw while Alice's ion can still be seen from outside."""
    receiver = {Isolated: "bob", RoundTypeBit: "alice"}[kind]
    sender = {"bob": "alice", "alice": "bob"}[receiver]
    failed = []

    def inject():
        with pytest.raises(
            SequenceError, match=f"{receiver}: {sender} sent {kind.__name__} of round {n}, but round 5 is to come"
        ) as caught:
            loop.nodes[receiver].on(kind(sender, 0, n, True))
        failed.append(caught)

    loop.before(receiver, Accepted, 5, inject)
    loop.run()
    assert failed
    assert len(loop.records(receiver)) == 12


def test_a_party_says_things_once_a_round(loop):
    def say_it_twice(kind, receiver, sender):
        with pytest.raises(SequenceError, match="has been heard of"):
            for _ in range(2):
                loop.link.parties[receiver].on(kind(sender, 0, 5, True))
        raise StopIteration

    loop.before("bob", Accepted, 5, lambda: say_it_twice(Isolated, "bob", "alice"))
    with pytest.raises(StopIteration):
        loop.run()


def test_bob_takes_no_round_type_from_anybody(loop):
    with pytest.raises(SequenceError, match="cannot handle RoundTypeBit"):
        loop.link.parties["bob"].on(RoundTypeBit("alice", 0, 0, True))


def test_bob_waits_for_alice_before_he_draws(open_twin, mocker):
    """Whatever else he hears in between."""
    link = open_twin("oxford")
    bob, drawn = link.parties["bob"], mocker.spy(PoolInput, "run")
    log = mocker.Mock()
    log.poll.return_value = None
    bob.begin(log, mocker.Mock(), -1)
    answers = bob.on(Accepted("bsm", 10, 0, 0b0011, 10, 1))
    assert [type(answer) for answer in answers] == [Isolated]
    assert bob.state is State.ISOLATED
    bob.on(Durable("bsm", 10, -1, False, HeraldDigest().announce(-1)))
    assert drawn.call_count == 0
    assert RoundTypeBit in [type(answer) for answer in bob.on(Isolated("alice", 20, 0, True))]
    assert drawn.call_count == 1


def test_a_lost_round_keeps_a_type_that_is_known_and_else_draws_one(open_twin):
    link = open_twin("oxford")
    for party in ("alice", "bob"):
        for known in (RoundType.KEY, RoundType.TEST):
            round_type, setting = link.parties[party].draw_lost(0 if known is RoundType.KEY else 1, int(known))
            assert round_type == known
            assert setting in ({0, 1} if known is RoundType.TEST else {{"alice": 0, "bob": 2}[party]})
    types = {link.parties["bob"].draw_lost(n, None)[0] for n in range(2, 66)}
    assert types == {RoundType.KEY, RoundType.TEST}, "one of the two never comes in 64 fair draws: p = 2^-63"
