"""Every role of the twin keeps what its role promises, alone and on a world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from eventready.clock import SimClock
from eventready.errors import ConfigError
from eventready.instruments import Aom, AomCalibration, Polarisation, Position
from eventready.sequences.program import Action, Arm, AttemptLoop, Program, Section, sections_by_name
from eventready.testing import (
    AomConformance,
    CurrentSourceConformance,
    HeraldingSequencerConformance,
    LaserConformance,
    PolarimeterConformance,
    RandomSourceConformance,
    RfSourceConformance,
    RotatorConformance,
    ShutterConformance,
    SinglePhotonDetectorConformance,
    TimeTaggerConformance,
)
from eventready.twin import roles
from eventready.twin.physics.preset import load_preset
from eventready.twin.polarimetry import Light
from eventready.twin.ports import (
    Attempted,
    BeamPort,
    CurrentPort,
    DetectorPort,
    Latched,
    PolarimeterPort,
    RandomPort,
    RotatorPort,
    SequencerPort,
    ShutterPort,
    TagPort,
)
from eventready.twin.tallies import Counted, nothing_counted
from eventready.twin.world import World

TRAVEL_PS = 5 * 10**9


@pytest.fixture(params=["alone", "on a world"])
def world(request: pytest.FixtureRequest) -> World | None:
    return World(load_preset("munich-physics"), seed=1, readout_window=20e-3) if request.param == "on a world" else None


class DeafPort:
    """A fault line for what a port keeps: it takes commands and does nothing."""

    def __init__(self, port: Any, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ignore = lambda: monkeypatch.setattr(port, method, lambda *args, **kwargs: None)

    def fail_next(self) -> None:
        pytest.skip("in memory there is no exchange that could fail")

    def ignore_commands(self) -> None:
        self._ignore()


class BeamTruth:
    """What comes out of a beam port."""

    def __init__(self, port: BeamPort, role: Any) -> None:
        self._port = port
        self._role = role

    def emission(self) -> bool:
        return self._port.shining

    enabled = emission

    def setpoint(self) -> float:
        return self._port.power_w

    power = setpoint

    def frequency(self) -> float:
        return float(self._role.frequency())

    def open_interlock(self) -> None:
        self._port.set(0, interlock_closed=False)


class TestLaser(LaserConformance):
    @pytest.fixture
    def port(self, world: World | None) -> Any:
        return BeamPort() if world is None else world.port("Laser", "alice.trap")

    @pytest.fixture
    def device(self, port: BeamPort, sim_clock: SimClock, close_instruments: None) -> roles.TwinLaser:
        return roles.TwinLaser("laser", port, sim_clock)

    @pytest.fixture
    def fault_line(self, port: BeamPort, monkeypatch: pytest.MonkeyPatch) -> DeafPort:
        return DeafPort(port, "set", monkeypatch)

    @pytest.fixture
    def truth(self, port: BeamPort, device: roles.TwinLaser) -> BeamTruth:
        return BeamTruth(port, device)

    def test_a_lost_lock_is_told(self, device: roles.TwinLaser, port: BeamPort) -> None:
        device.set_emission(True)
        assert (device.locked(), device.readiness().ok) == (True, True)
        port.set(0, locked=False)
        assert (device.locked(), device.readiness().reasons) == (False, ("not locked",))

    def test_an_interlock_that_opens_puts_the_light_out(self, device: roles.TwinLaser, truth: BeamTruth) -> None:
        device.set_emission(True)
        truth.open_interlock()
        assert not device.emission()


class TestRfSource(RfSourceConformance):
    @pytest.fixture
    def port(self, world: World | None) -> Any:
        return BeamPort() if world is None else world.port("RfSource", "alice.excitation")

    @pytest.fixture
    def device(self, port: BeamPort, sim_clock: SimClock, close_instruments: None) -> roles.TwinRfSource:
        return roles.TwinRfSource("rf", port, sim_clock)

    @pytest.fixture
    def truth(self, port: BeamPort, device: roles.TwinRfSource) -> BeamTruth:
        return BeamTruth(port, device)


class TestAom(AomConformance):
    @pytest.fixture
    def device(self, world: World | None, sim_clock: SimClock, close_instruments: None) -> Aom:
        port: Any = BeamPort() if world is None else world.port("RfSource", "alice.excitation")
        return Aom("aom", roles.TwinRfSource("rf", port, sim_clock), AomCalibration(0.5))


class ShutterTruth:
    def __init__(self, port: ShutterPort, clock: SimClock) -> None:
        self._port, self._clock = port, clock

    def position(self) -> Position:
        now_ps = self._clock.now_ps()
        return Position.OPEN if self._port.is_open(now_ps) else Position.CLOSED if self._port.is_closed(now_ps) else Position.MOVING

    def move_by_hand(self, is_open: bool) -> None:
        self._port.command(is_open, self._clock.now_ps())


class TestShutter(ShutterConformance):
    @pytest.fixture
    def port(self, world: World | None) -> Any:
        return ShutterPort(travel_ps=TRAVEL_PS) if world is None else world.port("Shutter", "bob.shutter")

    @pytest.fixture
    def device(self, port: ShutterPort, sim_clock: SimClock, close_instruments: None) -> roles.TwinShutter:
        return roles.TwinShutter("shutter", port, sim_clock)

    @pytest.fixture
    def fault_line(self, port: ShutterPort, monkeypatch: pytest.MonkeyPatch) -> DeafPort:
        return DeafPort(port, "command", monkeypatch)

    @pytest.fixture
    def truth(self, port: ShutterPort, sim_clock: SimClock) -> ShutterTruth:
        return ShutterTruth(port, sim_clock)


class DetectorTruth:
    def __init__(self, port: DetectorPort) -> None:
        self._port = port

    def enabled(self) -> bool:
        return self._port.on

    def shine(self, rate: float) -> None:
        if self._port.world is None:
            pytest.skip("alone in the dark")
        self._port.dark_rate_hz = rate

    def overload(self) -> None:
        self._port.set_overloaded(True)


class TestDetector(SinglePhotonDetectorConformance):
    @pytest.fixture
    def port(self, world: World | None) -> Any:
        return DetectorPort() if world is None else world.port("SinglePhotonDetector", "bsm.detector_cv")

    @pytest.fixture
    def device(self, port: DetectorPort, sim_clock: SimClock, close_instruments: None) -> roles.TwinDetector:
        return roles.TwinDetector("detector", port, sim_clock)

    @pytest.fixture
    def truth(self, port: DetectorPort) -> DetectorTruth:
        return DetectorTruth(port)


class RandomTruth:
    def __init__(self, port: RandomPort) -> None:
        self._port = port

    def stick(self) -> None:
        self._port.stuck_at = 0xFF

    def latch(self, bits: int, time_ps: int) -> None:
        self._port.latched.append(Latched(bits, time_ps))


class TestRandomSource(RandomSourceConformance):
    @pytest.fixture
    def port(self, world: World | None) -> Any:
        return RandomPort() if world is None else world.port("RandomSource", "alice.qrng")

    @pytest.fixture
    def device(self, port: RandomPort, sim_clock: SimClock, close_instruments: None) -> roles.TwinRandomSource:
        return roles.TwinRandomSource("qrng", port, sim_clock)

    @pytest.fixture
    def truth(self, port: RandomPort) -> RandomTruth:
        return RandomTruth(port)


class TaggerTruth:
    """A click pattern of one bit is a single click."""

    def __init__(self, port: TagPort) -> None:
        self._port = port

    def click(self, times_ps: Sequence[int], channels: Sequence[int]) -> None:
        for time_ps, channel in zip(times_ps, channels, strict=True):
            self._port.click(time_ps, 1 << channel - 1)

    def lose(self, start_ps: int, end_ps: int) -> None:
        self._port.overflow(True, start_ps)
        self._port.overflow(False, end_ps)


class TestTagger(TimeTaggerConformance):
    @pytest.fixture
    def port(self, world: World | None) -> Any:
        return TagPort() if world is None else world.port("TimeTagger", "bsm.tagger")

    @pytest.fixture
    def device(self, port: TagPort, sim_clock: SimClock, close_instruments: None) -> roles.TwinTagger:
        return roles.TwinTagger("tagger", port, sim_clock)

    @pytest.fixture
    def truth(self, port: TagPort) -> TaggerTruth:
        return TaggerTruth(port)

    def test_only_the_channels_asked_for_come(self, device: roles.TwinTagger, port: TagPort) -> None:
        device.start((2, 4))
        port.click(5, 0b1111)
        assert device.read().channels.tolist() == [2, 4]

    def test_inputs_have_the_numbers_that_the_lab_gives_them(self, port: TagPort, sim_clock: SimClock, close_instruments: None) -> None:
        device = roles.TwinTagger("tagger", port, sim_clock, (7, 10, 20, 30, -4))
        device.start((7, 10, 20, 30, -4))
        port.click(5, 0b1111)
        assert device.read().channels.tolist() == [10, 20, 30, -4]

    def test_times_count_from_the_start(self, device: roles.TwinTagger, port: TagPort, sim_clock: SimClock) -> None:
        sim_clock.sleep_until_ps(1000)
        device.start((1,))
        port.click(1007, 0b0001)
        port.overflow(True, 1010)
        sim_clock.sleep_until_ps(1020)
        block = device.read()
        assert (block.times_ps.tolist(), [tuple(loss) for loss in block.losses]) == ([7], [(10, 20)])

    def test_there_are_five_inputs(self, port: TagPort, sim_clock: SimClock, close_instruments: None) -> None:
        with pytest.raises(ConfigError, match="a reference and four detectors"):
            roles.TwinTagger("tagger", port, sim_clock, (0, 1, 2, 3))


class TestCurrentSource(CurrentSourceConformance):
    @pytest.fixture
    def port(self, world: World | None) -> Any:
        return CurrentPort() if world is None else world.port("CurrentSource", "bob.coil")

    @pytest.fixture
    def device(self, port: CurrentPort, sim_clock: SimClock, close_instruments: None) -> roles.TwinCurrentSource:
        return roles.TwinCurrentSource("coil", port, sim_clock)

    @pytest.fixture
    def fault_line(self, port: CurrentPort, monkeypatch: pytest.MonkeyPatch) -> DeafPort:
        return DeafPort(port, "set", monkeypatch)

    @pytest.fixture
    def truth(self, port: CurrentPort) -> Any:
        class Truth:
            def flows(self) -> float:
                return port.flows

        return Truth()


class TestPolarimeter(PolarimeterConformance):
    @pytest.fixture
    def port(self, world: World | None) -> Any:
        if world is None:
            return PolarimeterPort()
        light = world.port("Laser", "bob.reference_light")
        assert isinstance(light, BeamPort)
        light.set(0, on=True, power_w=1e-4)
        return world.port("Polarimeter", "bsm.polarimeter_bob")

    @pytest.fixture
    def device(self, port: PolarimeterPort, sim_clock: SimClock, close_instruments: None) -> roles.TwinPolarimeter:
        return roles.TwinPolarimeter("polarimeter", port, sim_clock)

    @pytest.fixture
    def fault_line(self, port: PolarimeterPort, monkeypatch: pytest.MonkeyPatch) -> DeafPort:
        return DeafPort(port, "set_wavelength", monkeypatch)

    @pytest.fixture
    def truth(self, port: PolarimeterPort) -> Any:
        class Truth:
            def shine(self, light: Polarisation) -> None:
                port.light = Light(*light)

            def wavelength(self) -> float:
                return port.wavelength

        return Truth()


class TestRotator(RotatorConformance):
    @pytest.fixture
    def port(self, world: World | None) -> Any:
        return RotatorPort() if world is None else world.port("Rotator", "bob.paddle")

    @pytest.fixture
    def device(self, port: RotatorPort, sim_clock: SimClock, close_instruments: None) -> roles.TwinRotator:
        return roles.TwinRotator("rotator", port, sim_clock)

    @pytest.fixture
    def fault_line(self, port: RotatorPort, monkeypatch: pytest.MonkeyPatch) -> DeafPort:
        return DeafPort(port, "set", monkeypatch)

    @pytest.fixture
    def truth(self, port: RotatorPort) -> Any:
        class Truth:
            def angle(self) -> float:
                return port.angle

        return Truth()

    def test_the_angle_is_where_the_mount_is_not_where_it_was_sent(self, device: roles.TwinRotator) -> None:
        device.angle(1.0)
        device.set_angle(0.5)
        assert (device.angle(), device.moving()) == (pytest.approx(1.0), True)
        device.clock.sleep(0.25)
        assert device.angle() == pytest.approx(0.75)
        device.set_angle(1.0)  # back again, from there
        device.clock.sleep(0.2)
        assert device.angle() == pytest.approx(0.95)
        device.make_safe()
        assert device.angle() == 1.0


LOOP = AttemptLoop(
    attempt_ps=10**6, attempts_per_burst=10, gap_ps=10**7, herald_ps=10**5, limit_attempts=100, gate_start_ps=18_200, gate_ps=60_000
)
PROGRAM = Program(
    "bsm",
    loop=LOOP,
    accepted_patterns=(3, 12),
    sections=sections_by_name(Section("readout", Action.ANALYSE, 10**6, 10**5, (Arm("0", 0.0), Arm("1", 1.0)))),
)


class SequencerTruth:
    """Clicks by hand: the port shows the patterns that it is told, and matches exactly."""

    def __init__(self, port: SequencerPort, monkeypatch: pytest.MonkeyPatch) -> None:
        self._port = port
        self._patterns: list[int] = []
        self._counted = nothing_counted()
        monkeypatch.setattr(port, "run", self._run)
        monkeypatch.setattr(port, "take_counted", self._take_counted)

    def _run(self, start_ps: int, loop: AttemptLoop, accepted: tuple[int, ...], limit: int) -> Attempted:
        pattern = self._patterns.pop(0) if self._patterns else 0
        heralded = pattern in accepted
        self._counted.patterns[pattern] += 1
        return Attempted(heralded, False, pattern * heralded, start_ps + loop.start_of_attempt_ps(5), 5 if heralded else limit)

    def _take_counted(self) -> Counted:
        counted, self._counted = self._counted, nothing_counted()
        return counted

    def herald(self, pattern: int) -> None:
        self._patterns.append(pattern)

    def miss_reference(self) -> None:
        self._port.missed_references = 1


class TestSequencer(HeraldingSequencerConformance):
    @pytest.fixture
    def program(self) -> Program:
        return PROGRAM

    @pytest.fixture
    def port(self, world: World | None) -> Any:
        return SequencerPort() if world is None else world.port("HeraldingSequencer", "bsm.sequencer")

    @pytest.fixture
    def device(self, port: SequencerPort, sim_clock: SimClock, close_instruments: None) -> roles.TwinSequencer:
        return roles.TwinSequencer("sequencer", port, sim_clock)

    @pytest.fixture
    def truth(self, port: SequencerPort, monkeypatch: pytest.MonkeyPatch) -> SequencerTruth:
        return SequencerTruth(port, monkeypatch)
