"""The simulated lab: two particles, their light paths, and the Bell-state measurement between them.

Twin roles and device simulators act on it through :mod:`.ports` only. It has no clock: whoever acts says when. What it knows and nobody may
see (which atom is there, the state behind a herald) stays in here; what comes out are clicks, counts and positions.

The number of attempts until a herald is drawn from its exact distribution (level L1), or found in clicks that are drawn themselves (L2,
:mod:`.click_heralds`); it is never stepped through. Loss is memoryless and independent of heralding, so a run of attempts may be cut at any
loss and drawn afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import numpy as np

from ..clock import Clock
from ..errors import ConfigError
from ..sequences.program import PS_PER_S, Action, Arm, AttemptLoop
from .click_heralds import ClickHeralds
from .disturbances import Disturbances
from .draws import Draws
from .optics import Optics
from .pairs import HeraldSource, HeraldTable, HiddenPair, Reading
from .physics.disturbed import TRAP_LIFETIME
from .physics.durations import trap_lifetime
from .physics.parameters import LinkParameters, Side
from .physics.preset import Preset
from .physics.readout import count_means
from .polarimetry import DARK, Light, PolarimeterPort, through_fibre
from .ports import Actor, Attempted, BeamPort, CurrentPort, DetectorPort, Port, RandomPort, RotatorPort, SequencerPort, ShutterPort, TagPort
from .tallies import Counted, OffGate, nothing_counted, off_gate_of
from .trap import Trap

Level = Literal["rounds", "clicks"]
SIDES: tuple[Side, Side] = ("alice", "bob")
_LOADING_BEAMS = {"rb87": {"trap", "cooling", "repump"}, "sr88": {"cooling", "repump", "photoionisation"}}
_ANALYSIS_BEAMS = {"rb87": {"readout", "ionisation"}, "sr88": {"qubit"}}
_EXCITATION_BEAMS = {"excitation", "excitation_laser"}
_LIGHT = {"cooling", "repump"}
BEAMS = frozenset().union(*_LOADING_BEAMS.values(), *_ANALYSIS_BEAMS.values(), _EXCITATION_BEAMS)
"""Slots of a node whose light does something here."""
_MAX_TABLES = 256
_FOREVER_PS = 2**100
"""Later than any run of attempts ends, however dark the link is."""
CHANNELS = {"bsm.detector_ch": 0, "bsm.detector_cv": 1, "bsm.detector_dh": 2, "bsm.detector_dv": 3}
"""Bit of each detector in a click pattern."""


class World:
    """Both nodes and the heralding station of one link.

    Args:
        preset: the physics.
        seed: of all random streams.
        segment: number of times the run has been resumed; other streams for each, or a resumed run would repeat itself.
        readout_window: length of the fluorescence readout for which the preset gives the mean counts, s.
        level: ``"rounds"`` draws heralds from their closed form (L1); ``"clicks"`` draws photons and darks, and looks for heralds in
            them (L2): slower, and no more can be wrong in it than in the lab's own electronics.
    """

    def __init__(self, preset: Preset, *, seed: int, segment: int = 0, readout_window: float, level: Level = "rounds") -> None:
        self.preset = preset
        self.platform = preset.platform
        # The segment is no part of the entropy: there, (seed + 2**32, 0) and (seed, 1) would be the same words.
        streams = np.random.SeedSequence(seed, spawn_key=(segment,)).spawn(9)
        self._draws = (Draws(streams[0]), Draws(streams[1]))
        self._herald_draws = Draws(streams[2])
        self._random_seeds = (streams[3], streams[4])
        self._dark_draws = Draws(streams[5])
        self._tally_rng = np.random.default_rng(streams[6])
        self._tag_seed = streams[7]
        self._polarimeter_rngs = [np.random.default_rng(stream) for stream in streams[8].spawn(2)]
        self._counting: dict[HeraldSource, None] = {}  # in the order of their use: a set has another one in every process
        self.traps = tuple(self._trap(side) for side in range(2))
        self.connected = [True, True]
        self._shining: tuple[set[str], set[str]] = (set(), set())
        self._lit = [False, False]
        self._analyser_on = [False, False]
        self.ports: dict[str, Port] = {}
        self._optics = Optics(preset, self.ports)
        self.level = level
        self._tables: dict[tuple[LinkParameters, tuple[bool, bool], AttemptLoop, tuple[int, ...]], HeraldSource] = {}
        self._in_force: dict[tuple[tuple[bool, bool], bool, bool, tuple[int, ...]], HeraldSource] = {}
        self._loop: AttemptLoop | None = None
        self._pair: HiddenPair | None = None
        self._unread = [False, False]
        self._taggers: list[TagPort] = []
        self._lifetime_ps = preset["link.photon_lifetime"] * PS_PER_S
        self._readout_window = readout_window
        self._count_rates = [self._rates(side) for side in range(2)]
        self._disturbances: Disturbances | None = None
        self._last_ps = 0
        self._stretch = [1.0, 1.0]
        self._settled_until_ps = _FOREVER_PS

    # -- wiring ------------------------------------------------------------------------------------------------------------------------

    def port(self, role: str, *slots: str) -> Port:
        """The port for an instrument, made on first use.

        Args:
            role: name of the role class that the slots ask for, e.g. ``"Shutter"``.
            slots: where it is wired, e.g. ``"bob.shutter"``; two for a device that two nodes look through.

        Raises:
            ConfigError: the world has nothing to stand behind such a role.
        """
        port = next((self.ports[slot] for slot in slots if slot in self.ports), None)
        if port is None:
            port = self._make_port(role, slots)
            self.optics_changed()
        self.ports.update(dict.fromkeys(slots, port))
        return port

    def _make_port(self, role: str, slots: tuple[str, ...]) -> Port:
        side = next((SIDES.index(slot.partition(".")[0]) for slot in slots if slot.partition(".")[0] in SIDES), None)
        node = SIDES[side or 0]
        if role in ("Laser", "RfSource", "Aom"):
            return BeamPort(slots[0], self, power_w=self._power_as_found(slots[0]))
        if role == "Shutter":
            return ShutterPort(slots[0], self, travel_ps=round(self.preset[f"node.{node}.shutter_travel"] * PS_PER_S))
        if role == "SinglePhotonDetector":
            channel = next((CHANNELS[slot] for slot in slots if slot in CHANNELS), None)
            return DetectorPort(slots[0], self, side=side, dark_rate_hz=self.preset["bsm.dark_rate"], channel=channel)
        if role == "RandomSource":
            return RandomPort(slots[0], self._random_seeds[side or 0])
        if role == "TimeTagger":
            self._taggers.append(TagPort(slots[0], self, self._tag_seed))
            return self._taggers[-1]
        if role == "HeraldingSequencer":
            return SequencerPort(slots[0], self, side=side)
        if role == "Rotator":
            return RotatorPort(slots[0], self)
        if role == "CurrentSource":
            return CurrentPort(slots[0], self)
        if role == "Polarimeter":
            return self._polarimeter_port(slots[0])
        raise ConfigError(f"{slots[0]}: the twin has nothing to stand behind a {role}")

    def _polarimeter_port(self, slot: str) -> Port:
        """At the end of the fibre of the node that the slot names."""
        name = slot.rpartition("_")[2]
        side = next((index for index, side in enumerate(SIDES) if side == name), None)
        if side is None:
            raise ConfigError(f"{slot}: a polarimeter stands at the end of a node's fibre, in a slot such as bsm.polarimeter_bob")
        return PolarimeterPort(slot, self, SIDES[side], self._polarimeter_rngs[side])

    def _power_as_found(self, slot: str) -> float:
        """What the front panel of a beam's source is set to: nothing, but for a dipole trap at its calibrated depth."""
        node, _, name = slot.partition(".")
        return self.preset[f"node.{node}.trap_power"] if self._is_dipole_trap(node, name) else 0.0

    def _is_dipole_trap(self, node: str, name: str) -> bool:
        """Whether a beam holds an atom; an ion's trap is made of electrodes."""
        return self.platform == "rb87" and name == "trap" and node in SIDES

    @property
    def readout_window(self) -> float:
        """Length of the fluorescence readout for which the preset gives the mean counts, s."""
        return self._readout_window

    def random_port(self, side: int) -> RandomPort:
        """The random source whose bits the sequencer of that node latches."""
        port = self.port("RandomSource", f"{SIDES[side]}.qrng")
        if not isinstance(port, RandomPort):  # pragma: no cover - the slot's name fixes its kind
            raise ConfigError(f"{SIDES[side]}.qrng is not a random source")
        return port

    # -- what ports tell ---------------------------------------------------------------------------------------------------------------

    def beam_changed(self, port: BeamPort, now_ps: int) -> None:
        """A beam went on or off, or its power or lock changed."""
        node, _, name = port.slot.partition(".")
        if name in _EXCITATION_BEAMS:
            self.optics_changed()
        if node not in SIDES:
            return
        side = SIDES.index(node)
        if self._is_dipole_trap(node, name):
            self._set_lifetime(side, now_ps)
        shining = self._shining[side]
        if port.shining == (name in shining):
            return
        shining.symmetric_difference_update({name})
        self._lit[side] = shining >= _LIGHT
        self._analyser_on[side] = shining >= _ANALYSIS_BEAMS[self.platform]
        trap = self.traps[side]
        if name == "trap" and name not in shining:
            trap.empty(now_ps)
        trap.set_loading(shining >= _LOADING_BEAMS[self.platform], now_ps)

    def optics_changed(self) -> None:
        """Something between the atoms and the detectors changed: the physics is worked out afresh when it is next needed."""
        self._in_force.clear()

    def actor(self, side: int, action: Action) -> Actor:
        """What a sequencer's section of this kind does to one node."""
        acts: dict[Action, Callable[[int, Arm | None, int], None]] = {
            Action.ANALYSE: self._analyse,
            Action.SCRAMBLE: self._scramble,
            Action.CONNECT: self._connect,
            Action.DISCONNECT: self._disconnect,
            Action.LATCH: self._latch,
        }
        return partial(acts[action], side)

    def can_analyse(self, side: int) -> bool:
        """Whether all the light shines at a node without which an analysis projects nothing."""
        return self._analyser_on[side]

    def _scramble(self, side: int, arm: Arm | None, at_ps: int) -> None:
        self.traps[side].forget()
        self._unread[side] = False

    def _connect(self, side: int, arm: Arm | None, at_ps: int) -> None:
        self.connected[side] = True

    def _disconnect(self, side: int, arm: Arm | None, at_ps: int) -> None:
        self.connected[side] = False

    def _latch(self, side: int, arm: Arm | None, at_ps: int) -> None:
        """Drawing an input does nothing to the particle."""

    # -- what ports ask ----------------------------------------------------------------------------------------------------------------

    def run_attempts(self, start_ps: int, loop: AttemptLoop, accepted: tuple[int, ...], limit: int) -> Attempted:
        """Attempt until a herald, a presence check without particle, or the limit; sampled, never stepped.

        Between two losses the attempts until the next herald are geometric. The burst in which a particle is lost, or the first one, is
        finished blindly, with the probabilities of an empty trap (dark counts and second photons herald then); the presence check ends it.
        """
        self._pair = None
        alice, bob = self.traps
        done, now_ps = 0, start_ps
        while True:
            if now_ps >= self._settled_until_ps:
                self._disturb(now_ps)
            present = (alice.present(now_ps), bob.present(now_ps))
            missing = not (present[0] and present[1])
            stop = min(limit, max(1, -(-done // loop.attempts_per_burst)) * loop.attempts_per_burst) if missing else limit
            # A loss ends what the draws below hold for, and so does a disturbance.
            until_ps = min(alice.lost_ps if present[0] else _FOREVER_PS, bob.lost_ps if present[1] else _FOREVER_PS, self._settled_until_ps)
            table = self._table(present, accepted, loop, start_ps)
            attempt = done + table.attempts_until_herald(self._herald_draws, stop - done)
            begins_ps = start_ps + loop.start_of_attempt_ps(attempt - 1)
            self._counting[table] = None
            if attempt <= stop and begins_ps < until_ps:
                table.passed(attempt - done)
                return self._herald(table, begins_ps + loop.herald_ps, attempt, loop)
            before, done = done, min(stop, loop.attempts_begun_before_ps(until_ps - start_ps))
            table.passed(done - before)
            if done == stop:
                return Attempted(False, missing, 0, start_ps + -(-done // loop.attempts_per_burst) * loop.burst_ps, done)
            now_ps = start_ps + loop.start_of_attempt_ps(done)

    def take_counted(self) -> Counted:
        """What was counted in all attempts since this was last asked."""
        total = nothing_counted()
        for source in self._counting:
            total = total.plus(source.take_counted(self._tally_rng))
        self._counting.clear()
        return total

    def off_gate(self, loop: AttemptLoop) -> OffGate:
        """When in an attempt of ``loop`` clicks count as darks."""
        return off_gate_of(loop, self.preset["link.photon_lifetime"])

    def fluorescence(self, side: int | None, start_ps: int, duration_s: float, dark_rate_hz: float) -> int:
        """Counts of one detector while the cooling light is on."""
        if side is None:
            return self._dark_draws.poisson(dark_rate_hz * duration_s)
        trap = self.traps[side]
        bright_hz, dark_hz = self._count_rates[side]
        seen = self._lit[side] and trap.fluoresces(start_ps, start_ps + round(duration_s * PS_PER_S))
        return self._draws[side].poisson((bright_hz if seen else dark_hz) * duration_s)

    def tag(self, channel: int, start_ps: int, duration_s: float, counts: int) -> None:
        """A detector of the Bell-state measurement counted elsewhere than in an attempt; a tagger behind it has seen that, too."""
        for tagger in self._taggers:
            tagger.counted(channel, start_ps, duration_s, counts)

    def reference_light(self, side: Side, now_ps: int) -> Light:
        """What reaches the end of a node's fibre of the reference light that shines into it, behind shutter and paddle."""
        if now_ps >= self._settled_until_ps:
            self._disturb(now_ps)
        light, plate = (self.ports.get(f"{side}.{slot}") for slot in ("reference_light", "reference_plate"))
        if not isinstance(light, BeamPort) or not light.shining:
            return DARK
        return through_fibre(self._optics.fibre(side), plate.angle if isinstance(plate, RotatorPort) else 0.0, light.power_w)

    # -- disturbances ------------------------------------------------------------------------------------------------------------------

    def disturb(self, disturbances: Disturbances, clocks: Mapping[str, Clock]) -> None:
        """Have instruments and physics disturbed from now on.

        Args:
            disturbances: what, and when.
            clocks: of the nodes; the physics moves on that of ``bsm``.

        Raises:
            ConfigError: a fault that cannot befall this link.
        """
        disturbances.schedule(self.ports, clocks)
        self._disturbances = disturbances
        self._disturb(clocks["bsm"].now_ps())

    def end_disturbance(self) -> None:
        """Back to the calibrated link."""
        if self._disturbances is not None:
            self._disturbances.end()
            self._disturbances = None
            self._settled_until_ps = _FOREVER_PS
            self._move({}, self._last_ps)

    def _disturb(self, now_ps: int) -> None:
        if self._disturbances is None:
            return
        values, self._settled_until_ps = self._disturbances.quantities(now_ps)
        self._move(values, now_ps)

    def _move(self, values: Mapping[str, float], now_ps: int) -> None:
        self._last_ps = now_ps
        self._optics.disturb(values)
        for side, name in enumerate(SIDES):
            self._stretch[side] = values.get(f"{name}.{TRAP_LIFETIME}", 1.0)
            self._set_lifetime(side, now_ps)
        self._count_rates = [self._rates(side) for side in range(2)]
        self.optics_changed()

    def _set_lifetime(self, side: int, now_ps: int) -> None:
        """That of the calibrated trap, as its laser's power and a disturbance have it."""
        beam = self.ports.get(f"{SIDES[side]}.trap")
        calibrated = self.preset[f"node.{SIDES[side]}.trap_lifetime"]
        if isinstance(beam, BeamPort) and self._is_dipole_trap(SIDES[side], "trap"):
            calibrated = trap_lifetime(self.preset, SIDES[side], beam.power_w)
        self.traps[side].set_lifetime(calibrated * self._stretch[side], now_ps)

    # -- physics -----------------------------------------------------------------------------------------------------------------------

    def _herald(self, table: HeraldSource, time_ps: int, attempts: int, loop: AttemptLoop) -> Attempted:
        pattern, state = table.herald(self._herald_draws)
        self._pair = HiddenPair(table.states, state, time_ps)
        self._unread = [True, True]
        for tagger in self._taggers:
            tagger.herald(time_ps, pattern, loop, self._lifetime_ps)
        return tuple.__new__(Attempted, (True, False, pattern, time_ps, attempts))  # Attempted(...) itself goes by way of Python

    def _analyse(self, side: int, arm: Arm | None, at_ps: int) -> None:
        if arm is None:
            raise ConfigError(f"{SIDES[side]}: an analysis needs an arm")
        trap, pair = self.traps[side], self._pair
        uniform = self._draws[side].uniform()
        if not self._analyser_on[side]:
            return  # without light nothing is projected, and every atom stays bright
        unread = self._unread
        if not trap.present(at_ps):
            bright = uniform < self._optics.base.node(SIDES[side]).false_bright
        elif pair is None or not unread[side] or trap.arrives_ps > pair.herald_ps:
            bright = uniform < 0.5  # not (or no longer) part of a pair: the spin is in no particular state
        else:
            reading = tuple.__new__(Reading, (arm, (at_ps - pair.herald_ps) // 1000))  # Reading(...) itself goes by way of Python
            bright = pair.read(side, reading, uniform)
        unread[side] = False
        if not bright and self.platform == "rb87":
            trap.empty(at_ps)  # ionised
        trap.project(bright, at_ps)

    def _table(self, present: tuple[bool, bool], accepted: tuple[int, ...], loop: AttemptLoop, now_ps: int) -> HeraldSource:
        """The physics in force, worked out afresh when something has changed."""
        if loop is not self._loop:  # its hash would cost the round loop more than all else here
            self._in_force.clear()
            self._loop = loop
        key = (present, self.connected[0], self.connected[1], accepted)
        table = self._in_force.get(key)
        if table is None:
            parameters = self._optics.parameters(now_ps, (self.connected[0], self.connected[1]), loop)
            if len(self._tables) > _MAX_TABLES:
                self._tables.clear()
            table = self._tables.get((parameters, present, loop, accepted)) or self._source(parameters, present, accepted, loop)
            self._tables[parameters, present, loop, accepted] = table
            if self._optics.settled(now_ps):
                self._in_force[key] = table
        return table

    def _source(self, parameters: LinkParameters, present: tuple[bool, bool], accepted: tuple[int, ...], loop: AttemptLoop) -> HeraldSource:
        off_gate = self.off_gate(loop)
        if self.level == "rounds":
            return HeraldTable(parameters, present, accepted, off_gate=off_gate.length_ps / loop.gate_ps)
        return ClickHeralds(self._optics.all_photons(parameters, loop), self._optics.click_timings(loop), present, accepted, loop, off_gate)

    def _trap(self, side: int) -> Trap:
        node, preset = f"node.{SIDES[side]}", self.preset
        return Trap(self._draws[side], preset[f"{node}.trap_lifetime"], preset[f"{node}.load_mean"], preset[f"{node}.load_shape"])

    def _rates(self, side: int) -> tuple[float, float]:
        window = self._readout_window
        bright, dark = count_means(self._optics.base, SIDES[side])
        return bright / window, dark / window
