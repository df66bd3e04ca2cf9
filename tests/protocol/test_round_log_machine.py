"""Writer, readers and crashes in any order (hypothesis): nothing acknowledged is lost, nothing invented."""

import logging
import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from eventready.protocol.records import RECORD_DTYPE
from eventready.protocol.round_log import LogHeader, LogTail, RoundLogWriter, read_log

KEY = bytes(range(32))


def no_fsync(handle):
    pass


class RoundLogMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        logging.getLogger("eventready.protocol.log_writer").setLevel(logging.ERROR)
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "rounds.log"
        self.writer = RoundLogWriter.create(self.path, LogHeader("r", "alice", "c", "s", "twin", "key"), KEY, fsync=no_fsync)
        self.tail = LogTail(self.path, KEY)
        self.tailed = np.zeros(0, RECORD_DTYPE)
        self.durable = np.zeros(0, RECORD_DTYPE)
        self.pending = np.zeros(0, RECORD_DTYPE)
        self.segments = []
        self.closed = False

    def teardown(self):
        self.writer.abandon()
        shutil.rmtree(self.folder)

    @precondition(lambda self: not self.closed)
    @rule(count=st.integers(1, 5), gap=st.integers(1, 3), seed=st.integers(0, 2**32))
    def append(self, count, gap, seed):
        records = np.zeros(count, RECORD_DTYPE)
        known = np.concatenate([self.durable, self.pending])
        records["index"] = (int(known["index"][-1]) if len(known) else -1) + gap + np.arange(count)
        records["setting"], records["outcome"] = np.random.default_rng(seed).integers(0, 2, (2, count))
        for record in records:
            self.writer.append(record.tobytes())
        self.pending = np.concatenate([self.pending, records])

    def _committed(self):
        self.durable = np.concatenate([self.durable, self.pending])
        self.pending = self.pending[:0]

    @precondition(lambda self: not self.closed)
    @rule()
    def commit(self):
        index = self.writer.commit()
        self._committed()
        assert index == (int(self.durable["index"][-1]) if len(self.durable) else None)

    @precondition(lambda self: not self.closed)
    @rule()
    def begin_segment(self):
        number = self.writer.begin_segment({"reason": "test"})
        self._committed()
        self.segments.append(len(self.durable))
        assert number == len(self.segments)

    @precondition(lambda self: not self.closed)
    @rule(rubbish=st.binary(max_size=150), begun=st.booleans())
    def crash(self, rubbish, begun):
        """The process dies; behind the last frame stands nothing, rubbish, or the beginning of the frame that was being written."""
        self.writer.abandon()
        if begun:
            whole = self.path.read_bytes()
            lost = RoundLogWriter.reopen(self.path, KEY, fsync=no_fsync)
            lost.begin_segment({"never": "acknowledged"})
            lost.abandon()
            rubbish = self.path.read_bytes()[len(whole) :][: len(rubbish) % 40]
            self.path.write_bytes(whole)
        with self.path.open("ab") as file:
            file.write(rubbish)
        self.pending = self.pending[:0]
        assert read_log(self.path, KEY).torn_bytes == len(rubbish)
        self.writer = RoundLogWriter.reopen(self.path, KEY, fsync=no_fsync)
        assert self.writer.torn_bytes == len(rubbish)

    @precondition(lambda self: not self.closed)
    @rule()
    def close(self):
        head = self.writer.close()
        self._committed()
        self.closed = True
        assert read_log(self.path, KEY).head == head

    @rule()
    def follow(self):
        self.tailed = np.concatenate([self.tailed, self.tail.read_new()])
        assert self.tailed.tobytes() == self.durable.tobytes()
        assert self.tail.closed == self.closed

    @invariant()
    def everything_acknowledged_is_there_and_nothing_else(self):
        contents = read_log(self.path, KEY)
        assert contents.records.tobytes() == self.durable.tobytes()
        assert [segment.first_record for segment in contents.segments] == self.segments
        assert contents.closed == self.closed


TestRoundLog = RoundLogMachine.TestCase
TestRoundLog.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True)
