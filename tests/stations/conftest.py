"""Links, loops and runs to test stations with."""

import json
from collections import defaultdict

import numpy as np
import pytest
from qcodes.instrument import Instrument

from eventready.protocol.records import NO_INDEX, RECORD_DTYPE
from eventready.stations import engine
from eventready.stations.assembly import Plan
from eventready.stations.config import copy_link, load_link
from eventready.stations.events import EventLog
from eventready.stations.herald_station import RunGoal
from eventready.stations.link import Link

PARTIES = ("alice", "bob")


@pytest.fixture(scope="session")
def config_of():
    """The checked files of a link that comes with the package; reading them takes a third of a second, so once is enough."""
    known = {}

    def load(name):
        if name not in known:
            known[name] = load_link(name)
        return known[name]

    return load


@pytest.fixture(scope="session")
def edited_link(tmp_path_factory):
    """A link that comes with the package, with some words of its link file replaced; each must stand there once, or the edit is stale."""

    def edit(name, *edits):
        folder = tmp_path_factory.mktemp(name)
        copy_link(name, folder)
        text = (folder / "link.yaml").read_text(encoding="utf-8")
        for old, new in edits:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the link file of {name}"
            text = text.replace(old, new)
        (folder / "link.yaml").write_text(text, encoding="utf-8")
        return load_link(folder)

    return edit


@pytest.fixture
def open_twin(config_of):
    """Open a link on the twin, or on other simulated hardware; it is closed after the test."""
    links = []

    def open_it(name, seed=1, hardware="twin", **kwargs):
        links.append(Link(config_of(name), hardware=hardware, seed=seed, **kwargs))
        return links[-1]

    yield open_it
    for link in links:
        link.close()
    assert not dict(Instrument._all_instruments)


class MemoryLog:
    """A :class:`~eventready.protocol.round_log.GroupCommit` on no disk, with a journal of what happened in which order.

    A commit in the background has ended when it has been asked for ``slowness`` times.
    """

    slowness = 1

    def __init__(self, name, journal=None):
        self.name = name
        self.durable_index = None
        self.durable = []
        self.pending = []
        self._in_flight = self._asked = 0
        self._journal = [] if journal is None else journal

    def append(self, record):
        self.pending.append(record)
        self._journal.append(("append", self.name, self._index(record)))

    def start(self, leave=0):
        assert 0 <= leave <= len(self.pending)
        self._in_flight = self._in_flight or len(self.pending) - leave

    def poll(self):
        self._asked += bool(self._in_flight)
        return self._sync(self._in_flight) if self._asked >= self.slowness else None

    def commit(self):
        return self._sync(len(self.pending))

    def _sync(self, count):
        synced, self.pending = self.pending[:count], self.pending[count:]
        self._in_flight = self._asked = 0
        self.durable += synced
        self.durable_index = max((index for index in map(self._index, synced) if index is not None), default=self.durable_index)
        self._journal.append(("commit", self.name, self.durable_index))
        return self.durable_index

    @staticmethod
    def _index(record):
        index = int.from_bytes(record[:8], "little")
        return None if index == NO_INDEX else index

    def records(self):
        return np.frombuffer(b"".join(self.durable + self.pending), RECORD_DTYPE)


class MemoryEvents(EventLog):
    def __init__(self):
        super().__init__()
        self.lines = []

    def note(self, node, seconds, before, after, cause):
        self.lines.append({"t_s": seconds, "node": node, "from": str(before), "to": str(after), "cause": cause})

    def causes(self):
        return [line["cause"] for line in self.lines]


class Loop:
    """The engine's own loop over a link's nodes, with logs in memory. Every append, commit and message stands in ``journal``, in order.

    ``before(node, Message, n)`` calls a function just before the node hears that message; ``n`` is None for messages without one.
    ``on_play[party]`` are functions that are called, with section and arm, just before that party's sequencer plays.
    """

    def __init__(self, link, *, rounds, purpose="characterise", commit_interval=0.0, **goal):
        self.link = link
        self.rounds = rounds
        link._make_nodes(Plan(purpose, rounds))
        self.journal = []
        self.logs = {name: MemoryLog(name, self.journal) for name in engine.LOGS}
        self.events = {name: MemoryEvents() for name in engine.LOGS}
        self.nodes = {"bsm": link.bsm_node, **link.parties}
        self.acknowledged = []
        timings = link.config.link.timings
        defaults = {"retry_interval": timings.retry_interval, "patience": timings.patience, "acknowledged": self.acknowledged.append}
        self._goal = RunGoal(rounds, commit_interval, **(defaults | goal))
        self._hooks = defaultdict(list)
        for name, node in self.nodes.items():
            node.on = self._tap(name, node.on)
        self.on_play = defaultdict(list)
        for party in PARTIES:
            sequencer = link.wiring.roles[f"{party}.sequencer"]
            sequencer._do_player = self._tap_player(party, sequencer._do_player)

    def _tap_player(self, party, look_up):
        def do_player(section):
            play = look_up(section)

            def tapped(arm):
                for hook in list(self.on_play[party]):
                    hook(section, arm)
                return play(arm)

            return tapped

        return do_player

    def _tap(self, name, handle):
        def on(message):
            self.journal.append(("hear", name, message))
            for hook in self._hooks.pop((name, type(message), getattr(message, "n", None)), ()):
                hook()
            return handle(message)

        return on

    def before(self, node, kind, n, hook):
        self._hooks[node, kind, n].append(hook)

    def run(self):
        nodes = engine.Nodes(self.link.bsm_node, self.link.parties, self.link.wiring.roles)
        engine._loop(self.link.config, nodes, self.logs, self.events, self._goal, -1)
        assert not self._hooks, "a message that the test waited for never came"
        return self

    def records(self, name):
        return self.logs[name].records()

    def heard(self, node):
        return [message for what, name, message in self.journal if what == "hear" and name == node]


@pytest.fixture
def memory_log():
    return MemoryLog


@pytest.fixture
def memory_events():
    return MemoryEvents


@pytest.fixture
def loop_of(open_twin):
    """Open a link and hand out a :class:`Loop` for it."""

    def make(name, *, seed=1, hardware="twin", **kwargs):
        return Loop(open_twin(name, seed, hardware), **kwargs)

    return make


@pytest.fixture(scope="session")
def finished_run(config_of, tmp_path_factory):
    """A finished run of a link, made once: ``finished_run("oxford", 5000, purpose="key")`` gives its folder."""
    known = {}

    def make(name, rounds, purpose="characterise", seed=1):
        key = (name, rounds, purpose, seed)
        if key not in known:
            path = tmp_path_factory.mktemp("runs") / name
            link = Link(config_of(name), hardware="twin", seed=seed)
            try:
                known[key] = link.run(path, rounds=rounds, purpose=purpose).folder
            finally:
                link.make_safe()
                link.close()
        return known[key]

    return make


@pytest.fixture
def events_of():
    """The lines of a node's ``events.jsonl``; every one must parse."""

    def read(folder, name):
        return [json.loads(line) for line in folder.events(name).read_text(encoding="utf-8").splitlines()]

    return read
