"""A link: three nodes and their instruments under one name, for scripts, notebooks and QCoDeS loops."""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from qcodes.instrument import Instrument
from qcodes.validators import Numbers

from ..errors import ConfigError
from ..protocol.round_log import RoundLogWriter
from ..protocol.run_folder import RunFolder
from ..twin.fault_script import FaultScript
from ..twin.lines import Line
from ..twin.physics.preset import load_preset
from ..twin.world import Level, World
from . import engine
from .assembly import Plan, herald_station, party
from .blocks import BlockTable
from .config import LinkConfig, load_link
from .herald_rate import measure_herald_rate
from .monitor import Progress
from .node_singles import measure_node_singles
from .party import Party
from .safety import make_all_safe, safe_actions
from .slots import PARTIES
from .truth import disturbed, write_truth
from .views import NodeStation, PartyStation
from .wiring import Wiring, open_instruments

_logger = logging.getLogger(__name__)

HARDWARE = ("twin", "wire", "real")


def open_link(
    name_or_path: str | Path,
    *,
    hardware: str = "twin",
    seed: int | None = None,
    segment: int = 0,
    start_ps: int = 0,
    level: Level = "rounds",
) -> Link:
    """Check a link's files, open its instruments, and hand out the link.

    A link of the same name that is still open, say from the last time that a notebook's cell was run, is made safe and closed first.

    Args:
        name_or_path: a preset's name, a folder, or the path of a link file.
        hardware: ``twin``, ``wire`` or ``real``.
        seed: of the twin; a fresh one by default.
        segment: how often the run to come has been resumed.
        start_ps: where the nodes' simulated clocks start, ps.
        level: of the twin: ``rounds`` draws heralds from their closed form, ``clicks`` finds them in clicks (slower).

    Raises:
        ConfigError: something is wrong with the files or the arguments; no instrument has been touched.
        DeviceError: an instrument could not be opened; those opened before have been closed.
    """
    if hardware not in HARDWARE:
        raise ConfigError(f"there is no hardware {hardware!r}; it is one of {', '.join(HARDWARE)}")
    if seed is not None and seed < 0:
        raise ConfigError(f"the seed must be a whole number from 0 on, not {seed}")
    config = load_link(name_or_path)
    for warning in config.warnings:
        _logger.warning("%s", warning)
    close_open_link(config.link.name)
    seed = secrets.randbits(64) if seed is None else seed
    return Link(config, hardware=hardware, seed=seed, segment=segment, start_ps=start_ps, level=level)


def close_open_link(name: str) -> None:
    """Make the open link ``name`` safe and close it; nothing happens if there is none.

    Raises:
        ConfigError: an instrument that is no link has that name.
    """
    if not Instrument.exist(name):
        return
    earlier = Instrument.find_instrument(name)
    if not isinstance(earlier, Link):
        raise ConfigError(f"{name!r} is the name of an open {type(earlier).__name__}; close it, or give the link another name")
    try:
        earlier.make_safe()
    finally:
        earlier.close()


class Link(Instrument):
    """The stations of one link. Use it as a context manager: whatever happens, everything is safe and closed afterwards.

    ``link.bob.shutter`` is the instrument in Bob's slot ``shutter``; ``link.alice.atom_present()`` looks; ``link.run()`` runs rounds.

    Args:
        config: of the link.
        hardware: ``twin``, ``wire`` or ``real``.
        seed: of the twin.
        segment: how often the run to come has been resumed.
        start_ps: where the simulated clocks start, ps.
        level: of the twin, ``rounds`` or ``clicks``.
    """

    def __init__(
        self, config: LinkConfig, *, hardware: str, seed: int, segment: int = 0, start_ps: int = 0, level: Level = "rounds"
    ) -> None:
        super().__init__(config.link.name, label=f"link {config.link.name}")
        self.config = config
        self.hardware = hardware
        self._seed = seed
        self._segment = segment
        self.clocks = engine.clocks_for(hardware, start_ps)
        self.world: World | None = None
        self.wiring: Wiring | None = None
        self.parties: dict[str, Party] = {}
        self.plan = Plan("characterise", config.link.purposes.characterise.rounds)
        try:
            if hardware != "real":
                preset = load_preset(config.link.preset)
                self.world = World(preset, seed=seed, segment=segment, readout_window=config.link.timings.fluorescence, level=level)
            self.wiring = open_instruments(config, hardware, self.world, self.clocks)
            self._make_nodes(self.plan)
        except BaseException:
            self.close()
            raise
        for name in PARTIES:
            self.add_submodule(name, PartyStation(self, name, self.wiring.roles, partial(self._party, name)))
        self.add_submodule("bsm", NodeStation(self, "bsm", self.wiring.roles))
        self.integration_time = self.add_parameter(
            "integration_time",
            unit="s",
            set_cmd=None,
            initial_value=3600.0 if config.link.platform == "rb87" else 10.0,
            vals=Numbers(1e-3, 1e7),
            docstring="Control for how long herald_rate attempts (s of the experiment's time).",
        )
        self.herald_rate = self.add_parameter(
            "herald_rate",
            unit="1/s",
            get_cmd=lambda: measure_herald_rate(self.bsm_node, self.parties.values(), self.integration_time()),
            set_cmd=False,
            snapshot_get=False,
            docstring="Measure heralds a second of the experiment's time, loading included; they are counted and make no rounds (1/s).",
        )

    # -- runs --------------------------------------------------------------------------------------------------------------------------

    def run(
        self,
        out: Path | str,
        *,
        rounds: int | None = None,
        purpose: str = "characterise",
        faults: FaultScript | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> engine.RunResult:
        """Run rounds into a new run folder.

        Args:
            out: the folder; must not exist, or be empty.
            rounds: how many; by default as the link file says for the purpose.
            purpose: ``characterise`` or ``key``.
            faults: what goes wrong meanwhile, on the twin.
            on_progress: called about twice a second.

        Raises:
            ConfigError: an argument is wrong, or the folder is taken; nothing has been written.
            EventreadyError: a fault ended the run; everything is safe, and the run can be resumed.
        """
        self._require_open()
        if faults is not None and self.world is None:
            raise ConfigError("a fault script is for the twin; on real hardware faults come by themselves")
        plan = Plan(purpose, self._rounds(purpose, rounds))
        self._make_nodes(plan)
        folder = RunFolder.create(out, self.config.source_text)
        with ExitStack() as stack:
            with ExitStack() as on_failure:
                on_failure.callback(shutil.rmtree, folder.path, ignore_errors=True)  # what never began must not look like a run
                on_failure.callback(stack.close)  # first: Windows does not remove open files
                if self.world is not None:
                    write_truth(folder, self.world, self._seed, faults)
                lines = self._disturbed(stack, folder)
                writers = engine.begin_logs(folder, self.config, self.hardware, plan)
                for writer in writers.values():
                    stack.callback(writer.abandon)
                blocks = self._open_records(stack, folder, writers, plan)
                on_failure.pop_all()
            return self._run(folder, writers, plan, blocks, lines, on_progress)

    def resume(self, folder: RunFolder, on_progress: Callable[[Progress], None] = lambda progress: None) -> engine.RunResult:
        """Go on with an interrupted run; :func:`resume_link` opens the link that fits it.

        Raises:
            ConfigError: the run is finished, still running, or of another configuration or hardware; or this link's random streams are
                those of an earlier segment.
            LogCorrupt: a log is damaged.
        """
        self._require_open()
        contents = folder.read_log("public")
        header = contents.header
        if header.config_digest != self.config.digest:
            raise ConfigError(f"{folder.path}: this run was begun with another configuration than the link {self.name!r} has now")
        if header.hardware != self.hardware:
            raise ConfigError(f"{folder.path}: this run was begun with hardware {header.hardware!r}, the link has {self.hardware!r}")
        if self.world is not None and self._segment != len(contents.segments) + 1:
            raise ConfigError(f"{folder.path}: this link would draw the bits of an earlier segment again; open it with resume_link()")
        with ExitStack() as stack:
            writers = engine.reopen_logs(folder)
            for writer in writers.values():
                stack.callback(writer.abandon)
            first = {name: 0 if writers[name].durable_index is None else int(writers[name].durable_index or 0) + 1 for name in PARTIES}
            plan = Plan(header.purpose, int(header.facts["rounds"]), first)
            self._make_nodes(plan)
            lines = self._disturbed(stack, folder)
            lost = engine.heal(folder, self._nodes(), writers)
            _logger.info("%s: resumed, %d records written for rounds that were lost", folder.path, lost)
            return self._run(folder, writers, plan, self._open_records(stack, folder, writers, plan), lines, on_progress)

    def _disturbed(self, stack: ExitStack, folder: RunFolder) -> Mapping[str, Line]:
        """Have the faults of the run's script happen, on the twin; returns the lines between the nodes if it has faults for them."""
        if self.world is None:
            return {}
        return stack.enter_context(disturbed(folder, self.world, self._seed, self._segment, self.clocks))

    def _open_records(self, stack: ExitStack, folder: RunFolder, writers: Mapping[str, RoundLogWriter], plan: Plan) -> BlockTable:
        """What is written beside the round logs: ``engine.log`` and ``blocks.db``."""
        stack.enter_context(_engine_log(folder.engine_log))
        run_id, joint = writers["public"].header.run_id, plan.purpose == "characterise"
        return stack.enter_context(BlockTable(folder.blocks_db, self.name, run_id, self._require_open().station, joint=joint))

    def _run(
        self,
        folder: RunFolder,
        writers: Mapping[str, RoundLogWriter],
        plan: Plan,
        blocks: BlockTable,
        lines: Mapping[str, Line],
        on_progress: Callable[[Progress], None],
    ) -> engine.RunResult:
        self.plan = plan
        _logger.info("%s: run to %d rounds, purpose %s, hardware %s", folder.path, plan.rounds, plan.purpose, self.hardware)
        for line in self.describe_hardware():
            _logger.info("%s", line)
        try:
            result = engine.run(self.config, self._nodes(), folder, writers, plan, blocks, on_progress, lines)
            _logger.info(
                "%d rounds, %d vetoes, %.1f s%s",
                result.rounds,
                result.vetoes,
                result.elapsed_s,
                result.stopped and ", stopped: " + result.stopped,
            )
            return result
        finally:
            self.make_safe()

    def describe_hardware(self) -> list[str]:
        """Say what stands behind the roles: a summary, then, unless all are the twin's, each driver with its address."""
        return self._require_open().describe()

    def request_stop(self, cause: str = "asked to stop") -> None:
        """Finish the round in hand, then stop; the run can be resumed."""
        self.bsm_node.request_stop(cause)

    def node_singles(self, attempts: int = 100_000) -> dict[str, float]:
        """Measure each node's clicks an attempt with the other one's excitation off; darks are in both.

        Args:
            attempts: with each node.

        Raises:
            ConfigError: fewer than one attempt, or the link is closed.
            NotReady: a trap does not load.
            DeviceError: an instrument failed.
        """
        if attempts < 1:
            raise ConfigError(f"clicks an attempt need at least 1 attempt, not {attempts}")
        roles: Mapping[str, Any] = self._require_open().roles
        return measure_node_singles(self.bsm_node, self.parties, {name: roles[f"{name}.excitation"] for name in PARTIES}, attempts)

    # -- state -------------------------------------------------------------------------------------------------------------------------

    def make_safe(self) -> None:
        """Bring every instrument into its safe state, in a fixed order, one failure not stopping the next.

        Raises:
            EventreadyError: something is not safe; says what.
        """
        if self.wiring is not None:
            disconnect = [(f"{name}: disconnect", node.disconnect) for name, node in self.parties.items()]
            make_all_safe([*disconnect, *safe_actions(self.config.link.platform, self.wiring.roles)])

    def close(self) -> None:
        """Close the link and all its instruments. This does not make them safe: :meth:`make_safe` does."""
        wiring = self.wiring
        try:
            if wiring is not None:
                wiring.close()
        finally:
            super().close()
            self.wiring = None  # QCoDeS has taken every attribute away

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.make_safe()
        finally:
            self.close()

    def get_idn(self) -> dict[str, str | None]:
        """Say what it is, in QCoDeS' four words."""
        return {"vendor": "eventready", "model": self.name, "serial": None, "firmware": self.hardware}

    # -- inside ------------------------------------------------------------------------------------------------------------------------

    def _party(self, name: str) -> Party:
        """Alice's or Bob's node of the moment; every run has fresh ones."""
        return self.parties[name]

    def _require_open(self) -> Wiring:
        if self.wiring is None:
            raise ConfigError(f"the link {self.name!r} has been closed; open it again")
        return self.wiring

    def _nodes(self) -> engine.Nodes:
        return engine.Nodes(self.bsm_node, self.parties, self._require_open().roles)

    def _make_nodes(self, plan: Plan) -> None:
        """Fresh nodes: what an earlier run left in theirs is of no concern."""
        roles = self._require_open().roles
        self.bsm_node = herald_station(self.config, roles, self.clocks["bsm"])
        self.parties = {name: party(self.config, name, roles, self.clocks[name], plan) for name in PARTIES}

    def _rounds(self, purpose: str, rounds: int | None) -> int:
        plans = {"characterise": self.config.link.purposes.characterise, "key": self.config.link.purposes.key}
        if purpose not in plans:
            raise ConfigError(f"there is no purpose {purpose!r}; it is one of {', '.join(plans)}")
        if rounds is None:
            return plans[purpose].rounds
        if rounds < 1:
            raise ConfigError(f"a run needs at least 1 round, not {rounds}")
        return rounds


@contextmanager
def _engine_log(path: Path) -> Iterator[None]:
    """Have Python's logging of the package, and that of QCoDeS and its instruments, written to the run's ``engine.log``."""
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    ours, theirs = (logging.getLogger(name) for name in (__name__.partition(".")[0], "qcodes"))
    level = ours.level
    if level == logging.NOTSET:
        ours.setLevel(logging.INFO)
    for logger in (ours, theirs):
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in (ours, theirs):
            logger.removeHandler(handler)
        ours.setLevel(level)
        handler.close()
