import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventready.clock import SimClock
from eventready.stations.bus import InProcessBus
from eventready.stations.messages import Accepted, Durable, Isolated, Ready, Recheck, Recorded, Resume, RoundTypeBit, Suspend

FROM_BSM = [Accepted("bsm", 0, 0, 3, 0, 1), Recheck("bsm", 0, ""), Durable("bsm", 0, 0, False, b"")]
TO_BSM = [Ready("alice", 0), Recorded("alice", 0, 0), Suspend("alice", 0, ""), Resume("alice", 0)]
ACROSS = [Isolated("alice", 0, 0, True), RoundTypeBit("bob", 0, 0, True)]


class Node:
    def __init__(self):
        self.clock = SimClock()
        self.heard = []
        self.answers = []

    def on(self, message):
        self.heard.append((message, self.clock.now_ps()))
        return self.answers.pop(0) if self.answers else []


def make(alice=1e-6, bob=3.4e-6):
    nodes = {name: Node() for name in ("alice", "bob", "bsm")}
    return nodes, InProcessBus(nodes, {"alice": alice, "bob": bob})


@pytest.mark.parametrize(
    ("messages", "hearers"), [(FROM_BSM, {"alice", "bob"}), (TO_BSM, {"bsm"}), (ACROSS[:1], {"bob"}), (ACROSS[1:], {"alice"})]
)
def test_a_message_goes_to_those_who_are_to_hear_it_and_to_nobody_else(messages, hearers):
    for message in messages:
        nodes, bus = make()
        bus.send([message])
        bus.deliver_all()
        assert {name for name, node in nodes.items() if node.heard} == hearers


def test_a_message_is_heard_after_the_delay_of_its_line():
    nodes, bus = make()
    bus.send([Accepted("bsm", 100, 0, 3, 100, 1), Isolated("alice", 10_000_000, 0, True)])
    bus.deliver_all()
    assert [at for _, at in nodes["alice"].heard] == [1_000_100]
    assert [at for _, at in nodes["bob"].heard] == [3_400_100, 10_000_000 + 4_400_000], "between the parties both lines count"


def test_a_busy_receiver_hears_late_and_its_clock_never_goes_back():
    nodes, bus = make()
    nodes["bsm"].clock.sleep(1.0)
    bus.send([Ready("alice", 0)])
    bus.deliver_all()
    assert nodes["bsm"].heard[0][1] == 10**12


@given(st.lists(st.sampled_from(FROM_BSM + TO_BSM + ACROSS), max_size=20))
def test_nothing_is_lost_doubled_or_overtaken(messages):
    nodes, bus = make()
    bus.send([Ready("alice", 0)])
    nodes["bsm"].answers = [messages]
    bus.deliver_all()
    for name, hears in {
        "alice": lambda m: m.sender == "bsm" or isinstance(m, RoundTypeBit),
        "bob": lambda m: m.sender == "bsm" or isinstance(m, Isolated),
        "bsm": lambda m: isinstance(m, Ready | Recorded | Suspend | Resume),
    }.items():
        heard = [message for message, _ in nodes[name].heard]
        assert heard == [Ready("alice", 0)] * (name == "bsm") + [message for message in messages if hears(message)]
