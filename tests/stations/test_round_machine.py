"""Random interleavings of messages, heralds, vetoes, empty traps and faults: no round is lost, none is doubled, none gets ahead of the log.

The real nodes with procedures that do nothing. Between two nodes messages keep their order; between different pairs of nodes any order may
happen, which the in-process bus never tries.
"""

import functools
from collections import defaultdict, deque
from types import SimpleNamespace

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from eventready.clock import SimClock
from eventready.errors import DeviceFault
from eventready.instruments import ExitReason, HeraldResult, Played
from eventready.protocol.records import NO_INDEX, RECORD_DTYPE, Flag
from eventready.stations.config import load_link
from eventready.stations.herald_station import HeraldStation, RunGoal
from eventready.stations.messages import BETWEEN_PARTIES, Accepted, Durable, Isolated, Recorded, RoundTypeBit
from eventready.stations.party import PartySettings
from eventready.stations.procedures.inputs import Input
from eventready.stations.rb_party import RbParty, RbProcedures
from eventready.stations.sr_party import SrParty, SrProcedures

PARTIES = ("alice", "bob")
ROUNDS = 6


class Nothing:
    """A procedure that does nothing; ``present`` and faults are set by the machine."""

    def __init__(self, clock):
        self.clock = clock
        self.present_now = True
        self.faults = 0
        self.drawn = []

    def prepare(self):
        pass

    make_safe = reconnect = command = prepare

    def run(self, *args):
        self.clock.sleep(1e-4)

    def look(self):
        return 1

    def present(self):
        return self.present_now

    def unready(self):
        return []

    def load(self, program):
        pass


class Inputs(Nothing):
    def run(self, herald_ps, index):
        self.drawn.append(index)
        return Input(index * 37 % 512, self.clock.now_ps())


class Readout(Nothing):
    def run(self):
        if self.faults:
            self.faults -= 1
            raise DeviceFault("detector", "overloaded")
        return 7, 1


class Cut(Nothing):
    def run(self):
        if self.faults:
            self.faults -= 1
            raise DeviceFault("shutter", "stuck")
        return self.clock.now_ps()

    confirm = run


class Sequencer(Nothing):
    def play(self, section, arm=None):
        return Played(arm or 0, self.clock.now_ps(), self.clock.now_ps(), self.clock.now_ps())

    def player(self, section):
        return functools.partial(self.play, section)


class Detector:
    name = "spd"

    def __init__(self):
        self.blinded = False

    def overload_probe(self):
        return lambda: self.blinded


class Attempts(Nothing):
    def __init__(self, clock):
        super().__init__(clock)
        self.ends = deque()

    def run(self):
        self.clock.sleep(1e-3)
        reason = self.ends.popleft() if self.ends else ExitReason.HERALD
        return HeraldResult(reason, 0b0011, self.clock.now_ps(), 10, veto="references" if reason is ExitReason.VETOED else "")


@functools.cache
def link_of(platform):
    return load_link({"rb87": "munich", "sr88": "oxford"}[platform]).link


def make_party(platform, name, clock):
    link = link_of(platform)
    parts = SimpleNamespace(
        loading=Nothing(clock),
        preparation=Nothing(clock),
        inputs=Inputs(clock),
        readout=Readout(clock),
        reset=Nothing(clock),
        cut=Cut(clock),
    )
    told = PartySettings(name, getattr(link.order, name), getattr(link.fallback, name))
    section = SimpleNamespace(acts_ps=0)
    program = SimpleNamespace(sections={"readout": section, "rotate": section}, input_bits=2)
    shared = {
        "loading": parts.loading,
        "preparation": parts.preparation,
        "inputs": parts.inputs,
        "readout": parts.readout,
        "isolation": parts.cut,
        "sequencer": Sequencer(clock),
        "program": program,
    }
    if platform == "rb87":
        return RbParty(told, clock, RbProcedures(**shared, empty_trap=parts.reset, coherence_ps=10**12)), parts
    arms = {(setting, 0b0011): setting for setting in range(3)}
    by_name = {"alice": {"type_bits": 0, "key_setting": 0}, "bob": {"type_bits": 8, "key_setting": 2}}[name]
    return SrParty(
        told,
        clock,
        SrProcedures(**shared, scramble=parts.reset, arms=arms, test_below=128, slot_ps=48_000_000, coherence_ps=10**12, **by_name),
    ), parts


class Rounds(RuleBasedStateMachine):
    platform: str
    log_class: type
    events_class: type

    def __init__(self):
        super().__init__()
        self.clocks = {name: SimClock() for name in (*PARTIES, "bsm")}
        self.detector = Detector()
        self.attempts = Attempts(self.clocks["bsm"])
        self.bsm = HeraldStation(self.clocks["bsm"], self.attempts, [self.detector])
        made = {name: make_party(self.platform, name, self.clocks[name]) for name in PARTIES}
        self.nodes = {"bsm": self.bsm, **{name: node for name, (node, _) in made.items()}}
        self.parts = {name: parts for name, (_, parts) in made.items()}
        self.journal = []
        self.logs = {name: self.log_class(name, self.journal) for name in (*PARTIES, "public")}
        self.lines = defaultdict(deque)
        self.acknowledged = [-1]
        self.faults = 0
        self.said = []

    @initialize(interval=st.sampled_from([0.0, 1e-9, 1e9]), slowness=st.integers(1, 3), rounds=st.integers(1, ROUNDS))
    def begin(self, interval, slowness, rounds):
        self.rounds = rounds
        for log in self.logs.values():
            log.slowness = slowness
        self.bsm.begin(self.logs["public"], self.events_class(), RunGoal(rounds, interval, acknowledged=self.acknowledged.append), -1)
        for name in PARTIES:
            self.send(self.nodes[name].begin(self.logs[name], self.events_class(), -1))

    def send(self, messages):
        for message in messages:
            self.said.append(message)
            if isinstance(message, BETWEEN_PARTIES):
                receivers = [name for name in PARTIES if name != message.sender]
            else:
                receivers = PARTIES if message.sender == "bsm" else ["bsm"]
            for receiver in receivers:
                self.lines[message.sender, receiver].append(message)

    def busy(self):
        return sorted(line for line, waiting in self.lines.items() if waiting)

    def hear(self, line):
        message = self.lines[line].popleft()
        node = self.nodes[line[1]]
        node.clock.sleep_until_ps(message.time_ps + 1000)
        self.send(node.on(message))

    @precondition(lambda self: self.busy())
    @rule(data=st.data())
    def deliver(self, data):
        self.hear(data.draw(st.sampled_from(self.busy())))

    @rule(ends=st.lists(st.sampled_from([ExitReason.VETOED, ExitReason.LIMIT, ExitReason.NOT_READY]), max_size=3))
    def attempts_will_end(self, ends):
        self.attempts.ends.extend(ends)

    @rule(party=st.sampled_from(PARTIES), part=st.sampled_from(["readout", "cut"]))
    def a_device_will_fail(self, party, part):
        self.parts[party].__dict__[part].faults += 1

    @rule(party=st.sampled_from(PARTIES), present=st.booleans())
    def the_trap_is(self, party, present):
        self.parts[party].loading.present_now = present

    @rule()
    def a_detector_is_overloaded_for_a_while(self):
        self.detector.blinded = True
        clock = self.clocks["bsm"]
        clock.call_at(clock.now() + 3, lambda: setattr(self.detector, "blinded", False))

    @invariant()
    def no_round_is_lost_or_doubled(self):
        public = self.indices("public")
        assert public == list(range(len(public)))
        for party in PARTIES:
            mine = self.indices(party)
            assert mine == list(range(len(mine)))
            assert len(public) - 1 <= len(mine) <= len(public), "at most the round in hand is missing"

    @invariant()
    def nothing_is_drawn_but_for_accepted_rounds_and_once(self):
        for party in PARTIES:
            drawn = self.parts[party].inputs.drawn
            assert drawn == list(range(len(drawn)))
            assert len(drawn) <= len(self.indices("public"))

    @invariant()
    def acknowledged_rounds_are_on_disk_everywhere(self):
        durable = {name: self.disk(name) for name in self.logs}
        assert max(durable[party] for party in PARTIES) <= durable["public"]
        assert self.acknowledged == sorted(set(self.acknowledged))
        assert self.acknowledged[-1] <= min(durable.values())
        for message in self.said:
            if isinstance(message, Recorded):
                assert message.n <= durable[message.sender]
            elif isinstance(message, Durable):
                assert message.n <= durable["public"]

    @invariant()
    def bob_draws_when_both_have_said_that_they_are_isolated(self):
        isolated = {
            party: {message.n for message in self.said if isinstance(message, Isolated) and message.sender == party} for party in PARTIES
        }
        for message in self.said:
            if isinstance(message, RoundTypeBit):
                assert message.sender == "bob"
                assert all(message.n in isolated[party] for party in PARTIES)

    def indices(self, name):
        index = self.logs[name].records()["index"]
        return index[index != NO_INDEX].tolist()

    def disk(self, name):
        index = self.logs[name].durable_index
        return -1 if index is None else index

    def teardown(self):
        if not hasattr(self, "rounds"):
            return
        for _ in range(100_000):  # whatever is under way comes to its end
            if not self.busy():
                break
            self.hear(self.busy()[0])
        assert self.bsm.finished
        for party in PARTIES:
            assert self.indices(party) == list(range(self.rounds))
            records = np.frombuffer(b"".join(self.logs[party].durable), RECORD_DTYPE)
            failed = records["flags"] != 0
            assert ((records["flags"][failed] & Flag.FALLBACK) != 0).all()
            assert (records["outcome"] == np.where(failed, 0, 1)).all()
            self.nodes[party].end()
        accepted = [message.n for message in self.said if isinstance(message, Accepted)]
        assert accepted == list(range(self.rounds))
        assert self.acknowledged[-1] == self.rounds - 1


def run_machine(platform, memory_log, memory_events):
    machine = type(f"{platform}Rounds", (Rounds,), {"platform": platform, "log_class": memory_log, "events_class": memory_events})
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True))


def test_rb_parties(memory_log, memory_events):
    run_machine("rb87", memory_log, memory_events)


def test_sr_parties(memory_log, memory_events):
    run_machine("sr88", memory_log, memory_events)
