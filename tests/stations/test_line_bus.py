"""Lines that fail: what arrives when, who notices what is missing, and what becomes of rounds and logs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventready.clock import SimClock
from eventready.errors import HeraldsDiffer, MessageLost
from eventready.protocol.records import Flag
from eventready.protocol.run_folder import RunFolder, load_run
from eventready.stations import engine
from eventready.stations.assembly import Plan
from eventready.stations.herald_station import RunGoal
from eventready.stations.line_bus import LineBus
from eventready.stations.messages import Accepted, Durable, Isolated, Ready, Recorded, RoundTypeBit
from eventready.stations.resume import resume_link
from eventready.stations.states import State
from eventready.twin.disturbances import Disturbances
from eventready.twin.fault_script import parse_fault_script

S = 10**12
PARTIES = ("alice", "bob")
QUIET = {"alice": "{line: alice, fault: down, at: 1000 h}", "bob": "{line: bob, fault: down, at: 1000 h}"}


def script_of(*faults):
    return parse_fault_script("faults:\n" + "".join(f"  - {fault}\n" for fault in faults), "f")


def lines_of(*faults, seed=1):
    return Disturbances(script_of(*(faults or QUIET.values())), seed).lines(0)


# -- the bus by itself ---------------------------------------------------------------------------------------------------------------------


class Node:
    def __init__(self):
        self.clock = SimClock()
        self.state = State.ATTEMPTING
        self.heard = []
        self.answers = []
        self.waits_for = {}

    def awaited(self):
        return self.waits_for

    def on(self, message):
        self.heard.append((message, self.clock.now_ps()))
        return self.answers.pop(0) if self.answers else []


def make(memory_events, *faults, silence=100.0):
    nodes = {name: Node() for name in ("alice", "bob", "bsm")}
    events = {name: memory_events() for name in nodes}
    return nodes, LineBus(nodes, {"alice": 1e-6, "bob": 3e-6}, lines_of(*faults), events, dict.fromkeys(nodes, silence)), events


def accepted(time_ps, n=0):
    return Accepted("bsm", time_ps, n, 3, time_ps, 1)


def test_on_sound_lines_a_message_takes_the_delay_of_its_line(memory_events):
    nodes, bus, _ = make(memory_events)
    bus.send([accepted(100), Ready("alice", 200), Isolated("bob", 300, 0, True)])
    bus.deliver_all()
    assert [at for _, at in nodes["alice"].heard] == [1_000_100, 4_000_300]
    assert [at for _, at in nodes["bob"].heard] == [3_000_100]
    assert [at for _, at in nodes["bsm"].heard] == [1_000_200]


def test_a_line_that_is_down_gives_messages_out_in_their_order_when_it_is_up(memory_events):
    nodes, bus, events = make(memory_events, "{line: bob, fault: down, at: 1 s, for: 2 s}")
    bus.send([accepted(S - 1, 0), accepted(S, 1), Durable("bsm", 2 * S, 1, False, b""), accepted(3 * S, 2)])
    bus.deliver_all()
    assert [at for _, at in nodes["bob"].heard] == [S - 1 + 3_000_000, 3 * S + 3_000_000, 3 * S + 3_000_000, 3 * S + 3_000_000]
    assert [message.n for message, _ in nodes["bob"].heard] == [0, 1, 1, 2]
    assert [at for _, at in nodes["alice"].heard] == [at + 1_000_000 for at in (S - 1, S, 2 * S, 3 * S)], "on time"
    assert events["bsm"].lines == [
        {"t_s": 1.0, "node": "bsm", "from": "attempting", "to": "attempting", "cause": "line bob suspended: Accepted 1 does not reach bob"}
    ]
    assert events["bob"].causes() == ["line bob resumed: Accepted 1 of bsm came 2 s late"]
    assert events["alice"].lines == []


def test_what_parties_say_to_each_other_waits_for_both_lines(memory_events):
    nodes, bus, events = make(memory_events, "{line: alice, fault: down, at: 1 s, for: 1 s}", "{line: bob, fault: down, at: 2 s, for: 2 s}")
    bus.send([Isolated("alice", S, 0, True)])
    bus.deliver_all()
    assert [at for _, at in nodes["bob"].heard] == [4 * S + 3_000_000], "it left alice's line when bob's was down"
    assert events["alice"].causes() == ["line alice and bob suspended: Isolated 0 does not reach bob"]


def test_nobody_hears_late_because_another_message_is_late(memory_events):
    """The one that comes on time is heard first, though it was sent second."""
    nodes, bus, _ = make(memory_events, "{line: bob, fault: down, at: 0 s, for: 9 s}")
    bus.send([RoundTypeBit("bob", 0, 0, True), accepted(S)])
    bus.deliver_all()
    assert [(type(message), at // S) for message, at in nodes["alice"].heard] == [(Accepted, 1), (RoundTypeBit, 9)]


@pytest.mark.parametrize(("lost", "words"), [(1, "message 2 is missing"), (3, "messages 2 to 4 are missing")])
def test_a_gap_is_noticed_with_the_next_message_before_that_is_heard(memory_events, lost, words):
    nodes, bus, _ = make(memory_events, f'{{line: bob, fault: lossy, probability: 1, at: 2 s, for: "{lost} s"}}')
    bus.send([accepted(S * k, k) for k in range(1, 7)])
    with pytest.raises(MessageLost) as caught:
        bus.deliver_all()
    assert str(caught.value).startswith(f"bob: {words} on the line bob: bsm's message {2 + lost} has come")
    assert [message.n for message, _ in nodes["bob"].heard] == [1]


def test_ways_are_numbered_apart(memory_events):
    """A loss from Bob to Alice is none between Alice and the heralding station."""
    nodes, bus, _ = make(memory_events, "{line: bob, fault: lossy, probability: 1, at: 1 s, for: 1 s}")
    bus.send([RoundTypeBit("bob", S, 0, True), accepted(3 * S), Ready("alice", 4 * S), Ready("bob", 5 * S)])
    bus.deliver_all()
    assert [type(message) for message, _ in nodes["alice"].heard] == [Accepted]
    bus.send([Isolated("bob", 6 * S, 1, True)])
    with pytest.raises(MessageLost, match=r"alice: message 1 is missing on the line alice and bob: bob's message 2 has come"):
        bus.deliver_all()


def test_the_last_message_is_missed_by_the_silence_after_it(memory_events):
    nodes, bus, _ = make(memory_events, "{line: bob, fault: lossy, probability: 1, at: 2 s, for: 1 s}")
    nodes["bsm"].waits_for = {"bob": Ready}
    bus.send([Ready("bob", S), Ready("bob", 2 * S)])
    with pytest.raises(MessageLost) as caught:
        bus.deliver_all()
    assert str(caught.value).startswith("bsm: nothing heard for 100 s; missing is Ready of bob (message 2 on the line bob)")
    assert nodes["bsm"].clock.now_ps() == 101 * S + 3_000_000


def test_whoever_gives_up_does_so_before_what_comes_later_anywhere(memory_events):
    """Bob would be heard again after 200 s, but by then the heralding station has not waited so long."""
    nodes, bus, _ = make(memory_events, "{line: bob, fault: down, at: 0 s, for: 200 s}")
    nodes["bsm"].waits_for = {"bob": Ready}
    bus.send([accepted(0)])
    with pytest.raises(MessageLost, match="bsm: nothing heard for 100 s"):
        bus.deliver_all()
    assert nodes["bob"].heard == []


def test_a_node_that_waits_for_nothing_may_hear_nothing_for_ever(memory_events):
    nodes, bus, _ = make(memory_events)
    bus.send([accepted(10_000 * S)])
    bus.deliver_all()
    assert nodes["bob"].heard


def test_only_a_pattern_is_garbled(memory_events):
    nodes, bus, _ = make(memory_events, "{line: bob, fault: garbled, probability: 1, at: 0 s}")
    bus.send([accepted(0), Durable("bsm", 1, 0, False, b"d"), Recorded("bob", 2, 0)])
    bus.deliver_all()
    heard = nodes["bob"].heard[0][0]
    assert heard.pattern != 3
    assert heard._replace(pattern=3) == accepted(0)
    assert nodes["alice"].heard[0][0] == accepted(0)
    assert nodes["bob"].heard[1][0] == Durable("bsm", 1, 0, False, b"d")
    assert nodes["bsm"].heard[0][0] == Recorded("bob", 2, 0)


# -- stations over it ----------------------------------------------------------------------------------------------------------------------


def loop_over(link, memory_log, memory_events, lines, rounds, commit_interval=0.0):
    """One run in memory; returns logs, events, and the error that ended it."""
    link._make_nodes(Plan("characterise", rounds))
    logs = {name: memory_log(name) for name in engine.LOGS}
    events = {name: memory_events() for name in engine.LOGS}
    nodes = engine.Nodes(link.bsm_node, link.parties, link.wiring.roles)
    goal = RunGoal(rounds, commit_interval, patience=link.config.link.timings.patience)
    try:
        engine._loop(link.config, nodes, logs, events, goal, -1, lines)
    except (MessageLost, HeraldsDiffer) as error:
        engine._break_off(nodes, logs, error)
        return logs, events, error
    return logs, events, None


def test_lines_that_do_not_fail_change_no_round(open_twin, memory_log, memory_events):
    for name, rounds in (("oxford", 60), ("munich", 12)):
        found = []
        for lines in ({}, lines_of()):
            link = open_twin(name)
            logs, _, error = loop_over(link, memory_log, memory_events, lines, rounds)
            assert error is None
            found.append({log: logs[log].records().tobytes() for log in engine.LOGS})
            link.close()
        assert found[0] == found[1]


@pytest.fixture
def first_heralds_s(open_twin, memory_log, memory_events):
    """When heralds come in a calm run of a link; another one of the same seed has the same until something befalls it."""

    def find(name, rounds):
        link = open_twin(name)
        logs, _, _ = loop_over(link, memory_log, memory_events, {}, rounds)
        link.close()
        return logs["public"].records()["herald_ps"] / S

    return find


@pytest.mark.parametrize(("name", "line", "late"), [("oxford", "bob", PARTIES), ("oxford", "alice", PARTIES), ("munich", "bob", ("bob",))])
def test_a_herald_that_comes_after_the_coherence_time_costs_the_readout_and_not_the_record(
    open_twin, memory_log, memory_events, first_heralds_s, name, line, late
):
    """In Oxford both parties wait for each other, in Munich only one is late. Nothing is retried, and the next rounds are sound."""
    heralds_s = first_heralds_s(name, 8)
    at_s = heralds_s[5] - 1e-6
    link = open_twin(name)
    lines = lines_of(f'{{line: {line}, fault: down, at: "{at_s:.9f} s", for: "3 min"}}')
    logs, events, error = loop_over(link, memory_log, memory_events, lines, 12)
    assert error is None
    for party in PARTIES:
        records = logs[party].records()
        assert records["index"].tolist() == list(range(12))
        flagged = {5: int(Flag.DEVICE_FAULT | Flag.FALLBACK)} if party in late else {}
        assert dict(enumerate(records["flags"].tolist())) == {n: flagged.get(n, 0) for n in range(12)}
        for field in ("pattern", "herald_ps"):
            assert (records[field] == logs["public"].records()[field]).all()
    assert logs["public"].records()["herald_ps"][6] / S > at_s + 180
    assert f"line {line} suspended: Durable 5 does not reach {line}" in events["public"].causes()
    assert any(cause.startswith(f"line {line} resumed") and cause.endswith("180 s late") for cause in events[line].causes())
    assert any("after the coherence time" in cause for cause in events[line].causes())


def test_an_outage_within_the_coherence_time_costs_nothing(open_twin, memory_log, memory_events, first_heralds_s):
    at_s = first_heralds_s("oxford", 8)[5] - 1e-6
    link = open_twin("oxford")
    logs, events, error = loop_over(
        link, memory_log, memory_events, lines_of(f'{{line: bob, fault: down, at: "{at_s:.9f} s", for: "100 us"}}'), 8
    )
    assert error is None
    assert not logs["bob"].records()["flags"].any()
    assert any("resumed" in cause for cause in events["bob"].causes())


@pytest.mark.parametrize(
    ("name", "message", "words"),
    [
        ("munich", "Accepted 5 from bsm to bob", "bsm: nothing heard for 3660 s; missing is Ready of bob"),
        ("munich", "Ready from bob to bsm", "bsm: nothing heard for 3660 s; missing is Ready of bob"),
        ("oxford", "Accepted 5 from bsm to alice", "bob: nothing heard for 21600 s; missing is Isolated of alice"),
        ("oxford", "Isolated 5 from alice to bob", "bob: nothing heard for 21600 s; missing is Isolated of alice"),
        ("oxford", "Isolated 5 from bob to alice", "alice: message 11 is missing on the line alice and bob: bob's message 12 has come"),
        ("oxford", "RoundTypeBit 5 from bob to alice", "alice: nothing heard for 21600 s; missing is RoundTypeBit of bob"),
        ("oxford", "Durable 5 from bsm to bob", "is missing on the line bob: bsm's message"),
        ("oxford", "Recorded 5 from alice to bsm", "is missing on the line alice: alice's message"),
        ("oxford", "Ready from alice to bsm", "bsm: nothing heard for 28800 s; missing is Ready of alice"),
        ("oxford", "Durable 8 from bsm to alice", "bsm: nothing heard for 28800 s; missing is Recorded of alice"),
    ],
)
def test_a_lost_message_ends_the_run_with_a_word_of_whoever_misses_it(
    open_twin, memory_log, memory_events, first_heralds_s, mocker, name, message, words
):
    """Exactly one message is lost: the first of those words after the herald of round 5."""
    herald_ps = first_heralds_s(name, 6)[5] * S
    lines = lines_of(*(f"{{line: {party}, fault: lossy, probability: 0.5, at: 0 s}}" for party in PARTIES))
    told = []

    def chance(key, now_ps, what):
        hit = not told and what == message and now_ps >= herald_ps
        told.extend([what] if hit else [])
        return 0.0 if hit else 1.0

    mocker.patch("eventready.twin.lines._chance", chance)
    logs, _, error = loop_over(open_twin(name), memory_log, memory_events, lines, 9, 1000.0 if "8" in message else 0.0)
    assert isinstance(error, MessageLost)
    assert words in str(error)
    ends = {log: logs[log].durable_index for log in engine.LOGS}
    assert 5 <= ends["public"] <= (8 if "8" in message else 6)
    assert ends["public"] - 1 <= min(ends.values()) <= max(ends.values()) == ends["public"]


FAULTS = st.lists(
    st.tuples(
        st.sampled_from(PARTIES),
        st.sampled_from(["down", "down", "lossy", "garbled"]),
        st.floats(0, 0.3),
        st.sampled_from([1e-4, 2e-3, 0.1, 10.0, 5e4]),
        st.sampled_from([0.02, 0.3]),
    ),
    min_size=1,
    max_size=4,
)


def written(faults, now_s):
    return [
        f'{{line: {line}, fault: {fault}, at: "{now_s + at_s:.9f} s", for: "{lasting} s"'
        + (f", probability: {probability}}}" if fault != "down" else "}")
        for line, fault, at_s, lasting, probability in faults
    ]


def test_whatever_befalls_the_lines_the_logs_agree_or_the_run_says_why_it_ended(open_twin, memory_log, memory_events):
    link = open_twin("oxford")
    loop_over(link, memory_log, memory_events, {}, 1)  # the ions are loaded from here on
    ended = []

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(FAULTS, st.integers(0, 2**32), st.sampled_from([0.0, 1000.0]))
    def check(faults, seed, commit_interval):
        now_ps = max(clock.now_ps() for clock in link.clocks.values())
        for clock in link.clocks.values():
            clock.sleep_until_ps(now_ps)
        logs, _, error = loop_over(link, memory_log, memory_events, lines_of(*written(faults, now_ps / S), seed=seed), 24, commit_interval)
        ended.append(type(error))
        public = logs["public"].records()
        for party in PARTIES:
            durable = np.frombuffer(b"".join(logs[party].durable), public.dtype)
            assert len(durable) <= len(logs["public"].durable)
            assert error is not None or len(durable) == 24
            assert durable["index"].tolist() == list(range(len(durable)))
            for field in ("pattern", "herald_ps"):
                assert (durable[field] == public[field][: len(durable)]).all(), "no altered herald reaches the disk"

    check()
    assert set(ended) == {type(None), MessageLost, HeraldsDiffer}


@pytest.mark.parametrize("name", ["oxford", "munich"])
def test_after_every_end_the_run_goes_on_with_both_logs_at_the_same_round(open_twin, tmp_path, first_heralds_s, name):
    folder = RunFolder(tmp_path / "run")
    at_s = first_heralds_s(name, 4)[3]
    lasting, every = {"oxford": ("400 ms", "0.5 h"), "munich": ("10 min", "2 h")}[name]
    faults = [
        f'{{line: bob, fault: lossy, probability: 0.02, at: "{at_s:.6f} s", for: "{lasting}"}}',
        f'{{line: alice, fault: lossy, probability: 0.02, every: "{every}", for: "{lasting}"}}',
        f'{{line: alice, fault: garbled, probability: 0.1, at: "{at_s:.6f} s", for: "1 d"}}',
        f'{{line: bob, fault: down, every: "{every}", for: "{lasting}"}}',
    ]
    rounds, ends, link = {"oxford": 80, "munich": 24}[name], [], open_twin(name)
    while not folder.is_finished:
        assert len(ends) < 40
        try:
            link.resume(folder) if ends else link.run(folder.path, rounds=rounds, faults=script_of(*faults))
        except (MessageLost, HeraldsDiffer) as error:
            ends.append(type(error))
            link.close()
            link = resume_link(folder)
    link.close()
    assert ends
    folder.verify()
    logs = {log: load_run(folder.path, log) for log in engine.LOGS}
    for party in PARTIES:
        assert logs[party]["index"].tolist() == list(range(rounds))
        for field in ("pattern", "herald_ps"):
            assert (logs[party][field] == logs["public"][field]).all()
        failed = logs[party]["flags"] != 0
        assert (logs[party]["outcome"][failed] == 0).all()
    assert (logs["alice"]["round_type"] == logs["bob"]["round_type"]).all()


def test_a_run_gives_up_on_a_long_outage_and_each_resumed_one_begins_when_that_was(open_twin, tmp_path, first_heralds_s):
    """Twenty hours: Bob waits for six in a round, the heralding station for eight. Were time to go back, no run would see the end."""
    folder = RunFolder(tmp_path / "run")
    at_s = first_heralds_s("oxford", 4)[3] - 1e-6
    link = open_twin("oxford")
    with pytest.raises(MessageLost, match="bob: nothing heard for 21600 s; missing is Isolated of alice"):
        link.run(folder.path, rounds=9, faults=script_of(f'{{line: alice, fault: down, at: "{at_s:.9f} s", for: "20 h"}}'))
    link.close()
    with resume_link(folder) as again:
        begun_s = again.clocks["bsm"].now()
        with pytest.raises(MessageLost, match="bsm: nothing heard for 28800 s; missing is Ready of alice"):
            again.resume(folder)
    assert begun_s == pytest.approx(at_s + 21600, abs=0.1)
    assert [len(load_run(folder.path, log)) for log in engine.LOGS] == [4, 4, 4]
    with resume_link(folder) as again:
        assert again.resume(folder).rounds == 9
    folder.verify()
    later_s = np.diff(load_run(folder.path, "public")["herald_ps"] / S)
    assert later_s.argmax() == 3
    assert later_s[3] > 20 * 3600
