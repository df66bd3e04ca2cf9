"""One run: folder, logs, the loop over messages, an orderly end. Nothing else loops over rounds."""

from __future__ import annotations

import datetime
import logging
import math
import platform as host
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..clock import Clock, SimClock, SystemClock
from ..errors import ConfigError, EventreadyError, LogCorrupt, SequenceError
from ..protocol.bell import GAMES
from ..protocol.records import NO_INDEX
from ..protocol.round_log import GroupCommit, LogClosed, LogHeader, LogStopped, RoundLogWriter, read_log
from ..protocol.run_folder import RunFolder
from ..twin.lines import Line
from .assembly import Plan, programs
from .blocks import BlockTable
from .bus import InProcessBus
from .config import LinkConfig
from .config_timings import Sr88Timings
from .events import EventLog
from .herald_station import HeraldStation, RunGoal
from .line_bus import LineBus
from .monitor import Progress, RunMonitor
from .monitors.alarm import Alarm
from .party import Party
from .scheduled import measurements
from .slots import NODES, PARTIES
from .watch import watch_run

_logger = logging.getLogger(__name__)

GROUP_COMMIT_S = 0.01
"""Simulated runs commit in groups of this length of real time; real ones commit every round."""
LOGS = (*PARTIES, "public")


@dataclass(frozen=True)
class Nodes:
    """The three nodes of a link, ready to run.

    Args:
        bsm: the heralding station.
        parties: Alice and Bob.
        roles: what fills each slot, for what is measured between rounds.
    """

    bsm: HeraldStation
    parties: Mapping[str, Party]
    roles: Mapping[str, Any]


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Args:
        folder: the run's folder.
        rounds: rounds in it, of all segments.
        goal: rounds that were asked for.
        vetoes: heralds that were vetoed, in this segment.
        simulated_s: experiment time of the last herald, s.
        elapsed_s: real time of this segment's loop, start-up excluded, s.
        rounds_per_s: rounds a second of real time in this segment's loop.
        stopped: why it ended early; empty if it reached its goal.
        alarms: of the monitors in this segment, as far as anybody may see them.
    """

    folder: RunFolder
    rounds: int
    goal: int
    vetoes: int
    simulated_s: float
    elapsed_s: float
    rounds_per_s: float
    stopped: str
    alarms: tuple[Alarm, ...] = ()


def begin_logs(folder: RunFolder, config: LinkConfig, hardware: str, plan: Plan) -> dict[str, RoundLogWriter]:
    """Create the three logs of a new run."""
    run_id = secrets.token_hex(8)
    digests = {node: program.digest for node, program in programs(config).items()}
    facts: dict[str, str | int | float] = {
        "rounds": plan.rounds,
        "link": config.link.name,
        "preset": config.link.preset,
        "begun": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "eventready": version("eventready"),
        "python": host.python_version(),
    }
    writers = {}
    with ExitStack() as on_failure:
        for name in LOGS:
            sequence = digests["bsm" if name == "public" else name]
            header = LogHeader(run_id, name, config.digest, sequence, hardware, plan.purpose, facts)
            writers[name] = RoundLogWriter.create(folder.log(name), header, folder.key(name))
            on_failure.callback(writers[name].abandon)
        on_failure.pop_all()
    return writers


def reopen_logs(folder: RunFolder) -> dict[str, RoundLogWriter]:
    """Open the logs of an interrupted run, cut off torn tails, and note the new segment.

    Raises:
        ConfigError: the run is finished or still being written.
        LogCorrupt: a log is damaged, or a party holds a round that the public log does not have.
    """
    facts: dict[str, str | int | float] = {"resumed": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
    writers: dict[str, RoundLogWriter] = {}
    with ExitStack() as on_failure:
        for name in LOGS:
            try:
                writers[name] = RoundLogWriter.reopen(folder.log(name), folder.key(name))
            except LogClosed as closed:
                on_failure.close()
                folder.finish()
                raise ConfigError(
                    f"{folder.path}: all rounds of this run were recorded and only its manifest was missing; it has been written, "
                    "there is nothing to resume"
                ) from closed
            on_failure.callback(writers[name].abandon)
        for writer in writers.values():
            writer.begin_segment(facts)
        on_failure.pop_all()
    return writers


def heal(folder: RunFolder, nodes: Nodes, writers: Mapping[str, RoundLogWriter]) -> int:
    """Bring both parties to the last herald of the public log.

    A round that a crash swallowed gets its fallback output and the flag ``lost``. A party tells the other nothing but round types,
    which are public.

    Returns:
        How many records were written.

    Raises:
        LogCorrupt: a party holds rounds, or heralds, that the public log does not have.
    """
    public = read_log(folder.log("public"), folder.key("public")).records
    heralds = public[public["index"] != NO_INDEX]
    durable = {party: _last(writers[party]) for party in PARTIES}
    for party in PARTIES:
        if durable[party] >= len(heralds):
            raise LogCorrupt(
                f"{folder.path}: {party} holds round {durable[party]}, but the public log ends before it; these are not the logs of one run"
            )
    start = min(durable.values()) + 1
    held = {party: read_log(folder.log(party), folder.key(party)).records for party in PARTIES}
    for party, records in held.items():
        _require_same_heralds(folder, party, records, heralds[: len(records)])
    types = {party: held[party]["round_type"][start:] for party in PARTIES}
    written = 0
    for herald in heralds[start:]:
        index = int(herald["index"])
        known = next((int(types[party][index - start]) for party in PARTIES if index <= durable[party]), None)
        for party in reversed(PARTIES):  # Bob first: he decides a type that nobody has on record
            if index > durable[party]:
                record, known = nodes.parties[party].lost_record(
                    index, int(herald["pattern"]), int(herald["herald_ps"]), int(herald["attempts"]), known
                )
                writers[party].append(record)
                written += 1
    for party in PARTIES:
        writers[party].commit()
    return written


def _require_same_heralds(folder: RunFolder, party: str, records: NDArray[np.void], heralds: NDArray[np.void]) -> None:
    same = np.logical_and.reduce([records[field] == heralds[field] for field in ("index", "pattern", "herald_ps")])
    if not same.all():
        raise LogCorrupt(
            f"{folder.path}: round {int(np.argmin(same))} of {party} has another herald than the public log; "
            "these are not the logs of one run"
        )


def run(
    config: LinkConfig,
    nodes: Nodes,
    folder: RunFolder,
    writers: Mapping[str, RoundLogWriter],
    plan: Plan,
    blocks: BlockTable,
    on_progress: Callable[[Progress], None],
    lines: Mapping[str, Line] = MappingProxyType({}),
) -> RunResult:
    """Run rounds until the goal, a request to stop, or a fault; then close or let go of the logs.

    ``lines`` are those between the nodes, by party, where they can fail.

    Raises:
        EventreadyError: a fault ended the run; what was recorded is kept, and the run can be resumed.
    """
    first = _last(writers["public"]) + 1
    hardware = writers["public"].header.hardware
    started = time.perf_counter()
    with ExitStack() as stack:
        events = {name: stack.enter_context(EventLog(folder.events(name))) for name in LOGS}
        watch = watch_run(config, folder, events, secret=plan.purpose == "key", first=first)
        monitor = RunMonitor(
            folder,
            GAMES[config.link.game],
            goal=plan.rounds,
            block_rounds=config.link.report.block,
            joint=plan.purpose == "characterise",
            first=first,
            on_progress=on_progress,
            on_block=blocks.add,
            watch=watch,
        )
        goal = RunGoal(
            plan.rounds,
            0.0 if hardware == "real" else GROUP_COMMIT_S,
            *_recalibration(config),
            config.link.timings.retry_interval,
            config.link.timings.patience,
            monitor.acknowledged,
            watch.heralds,
            measurements(config, nodes.bsm, nodes.parties, nodes.roles, watch.heralds),
        )
        # One thread for the three logs: each thread more takes the interpreter from the round loop at every sync, and gains nothing,
        # since the public log goes to disk before the parties' in any case.
        disk = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="fsync"))
        logs = {name: GroupCommit(writer, disk) for name, writer in writers.items()}
        try:
            _loop(config, nodes, logs, events, goal, first - 1, lines)
        except BaseException as error:
            _break_off(nodes, logs, error)
            raise
        elapsed = time.perf_counter() - started
        progress = monitor.refresh()
    stopped = nodes.bsm.stopped_early
    if not stopped:
        for writer in writers.values():  # everything in them is durable: no log is closed, which ends a run, before all are complete
            writer.close()
        folder.write_manifest()
    rounds = nodes.bsm.index + 1
    rate = (rounds - first) / elapsed
    return RunResult(folder, rounds, plan.rounds, nodes.bsm.vetoes, progress.simulated_s, elapsed, rate, stopped, progress.alarms)


def _loop(
    config: LinkConfig,
    nodes: Nodes,
    logs: Mapping[str, GroupCommit],
    events: Mapping[str, EventLog],
    goal: RunGoal,
    last_index: int,
    lines: Mapping[str, Line] = MappingProxyType({}),
) -> None:
    bus = _bus(config, nodes, events, lines)
    nodes.bsm.begin(logs["public"], events["public"], goal, last_index)
    for name, party in nodes.parties.items():
        bus.send(party.begin(logs[name], events[name], last_index))
    bus.deliver_all()
    if not nodes.bsm.finished:
        raise SequenceError("no node has anything left to say, but the run is not finished; the order of the round blocks itself")
    for party in nodes.parties.values():
        party.end()


def _bus(config: LinkConfig, nodes: Nodes, events: Mapping[str, EventLog], lines: Mapping[str, Line]) -> InProcessBus | LineBus:
    """The bus of a run; lines that cannot fail cost no numbers."""
    delays = {party: config.delay("bsm", party) for party in PARTIES}
    if not lines:
        return InProcessBus({"bsm": nodes.bsm, **nodes.parties}, delays)
    timings = config.link.timings
    # A party that is not ready says so, and gives up after its patience; one that loads says nothing for as long as that may take. In a
    # round there is neither, so whoever misses the other party's word in it says so before the heralding station does.
    return LineBus(
        {"bsm": nodes.bsm, **nodes.parties},
        delays,
        lines,
        {"bsm": events["public"], **{party: events[party] for party in PARTIES}},
        silence={"bsm": timings.patience + timings.load_timeout, **dict.fromkeys(PARTIES, timings.patience)},
    )


def _break_off(nodes: Nodes, logs: Mapping[str, GroupCommit], error: BaseException) -> None:
    """A fault: keep what has been recorded, and note the cause."""
    cause = f"{type(error).__name__}: {error}" if isinstance(error, EventreadyError) else type(error).__name__
    nodes.bsm.fail(cause)
    for party in nodes.parties.values():
        party.fail(cause)
    for name in ("public", *PARTIES):  # the public log first, as always: no party may hold a round that it does not have
        if name != "public" and not nodes.parties[name].agrees_with(nodes.bsm.heralds):
            _logger.warning("%s: rounds whose heralds differ from the public log are left out of its log; resuming has them as lost", name)
            continue
        try:
            logs[name].commit()
        except (LogStopped, ValueError) as stopped:
            _logger.warning("%s: %s", name, stopped)
            if name == "public":
                break


def _recalibration(config: LinkConfig) -> tuple[float, float]:
    """Interval and length, s; never for a link that is not recalibrated."""
    timings = config.link.timings
    if isinstance(timings, Sr88Timings):
        return timings.recalibration_interval, timings.recalibration
    return math.inf, 0.0


def _last(writer: RoundLogWriter) -> int:
    return -1 if writer.durable_index is None else writer.durable_index


def last_herald_ps(folder: RunFolder) -> int:
    """Time of the last herald in a run's public log, ps; 0 if there is none."""
    records = read_log(folder.log("public"), folder.key("public")).records
    return int(records["herald_ps"][-1]) if len(records) else 0


def clocks_for(hardware: str, start_ps: int) -> dict[str, Clock]:
    """A cursor for each node, all at the same point of one simulated time line; on real hardware one real clock for all."""
    if hardware == "real":
        return dict.fromkeys(NODES, SystemClock())
    return {name: SimClock(start_ps) for name in NODES}
