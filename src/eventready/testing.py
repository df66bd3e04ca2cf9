"""For tests of drivers, sequences and stations: mocks, conformance classes and fixtures, as a pytest plugin.

pytest loads this module in every session on a machine that has the package, so it imports nothing heavy: the classes come on first use::

    from eventready.testing import ShutterConformance

    class TestMyShutter(ShutterConformance):
        @pytest.fixture
        def device(self): ...
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from .clock import SimClock

if TYPE_CHECKING:
    from pathlib import Path

    from .instruments.conformance import (
        AomConformance,
        CurrentSourceConformance,
        FaultTable,
        HeraldingSequencerConformance,
        LaserConformance,
        PolarimeterConformance,
        PulseGeneratorConformance,
        RandomSourceConformance,
        RfOutputConformance,
        RfSourceConformance,
        RoleConformance,
        RotatorConformance,
        ShutterConformance,
        SinglePhotonDetectorConformance,
        TimeTaggerConformance,
    )
    from .instruments.mock import (
        MockAom,
        MockCurrentSource,
        MockHeraldingSequencer,
        MockLaser,
        MockPolarimeter,
        MockProgram,
        MockPulseGenerator,
        MockRandomSource,
        MockRfOutput,
        MockRfSource,
        MockRotator,
        MockShutter,
        MockSinglePhotonDetector,
        MockTimeTagger,
    )
    from .stations.link import Link

__all__ = [
    "AomConformance",
    "CurrentSourceConformance",
    "FaultTable",
    "HeraldingSequencerConformance",
    "LaserConformance",
    "MockAom",
    "MockCurrentSource",
    "MockHeraldingSequencer",
    "MockLaser",
    "MockPolarimeter",
    "MockProgram",
    "MockPulseGenerator",
    "MockRandomSource",
    "MockRfOutput",
    "MockRfSource",
    "MockRotator",
    "MockShutter",
    "MockSinglePhotonDetector",
    "MockTimeTagger",
    "PolarimeterConformance",
    "PulseGeneratorConformance",
    "RandomSourceConformance",
    "RfOutputConformance",
    "RfSourceConformance",
    "RoleConformance",
    "RotatorConformance",
    "ShutterConformance",
    "SinglePhotonDetectorConformance",
    "TimeTaggerConformance",
]

_FAULT_TABLE = pytest.StashKey["FaultTable"]()
pytest.register_assert_rewrite(f"{__package__}.instruments.conformance")


# There is no __dir__ beside this: pytest looks at every name in dir() of a plugin, and would load them all.
def __getattr__(name: str) -> object:
    if name in __all__:
        folder = "mock" if name.startswith("Mock") else "conformance"
        return getattr(import_module(f"{__package__}.instruments.{folder}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@pytest.fixture(scope="session")
def fault_table(pytestconfig: pytest.Config) -> FaultTable:
    """The table of this test run: what drivers made of faults. It is printed at the end; see :meth:`FaultTable.prove`."""
    from .instruments.conformance import FaultTable

    return pytestconfig.stash.setdefault(_FAULT_TABLE, FaultTable())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the fault table, where there is one: the generic faults first, then all of it."""
    table = config.stash.get(_FAULT_TABLE, None)
    if table is None or not table.rows:
        return
    from .twin.devices.faults import Fault

    terminalreporter.section("faults: a typed error or the true state, never a false success (number of trials)")
    for line in (*table.matrix([fault.value for fault in Fault]), "", *table.lines()):
        terminalreporter.write_line(line)


@pytest.fixture
def sim_clock() -> SimClock:
    """Simulated time that starts at 0 and moves only when something sleeps."""
    return SimClock()


@pytest.fixture
def close_instruments() -> Iterator[None]:
    """Close all QCoDeS instruments after the test, also behind one whose close() raises; the error then fails the test."""
    yield
    if "qcodes" not in sys.modules:
        return
    from qcodes.instrument import Instrument

    with ExitStack() as stack:
        for instrument in list(Instrument._all_instruments.values()):  # noqa: SLF001 - QCoDeS has no public list of them
            stack.callback(Instrument.remove_instance, instrument)
            stack.callback(instrument.close)


@pytest.fixture
def twin_link() -> Iterator[Callable[..., Link]]:
    """Open links on the digital twin: ``twin_link("munich", seed=7)``; all are made safe and closed after the test.

    The argument is a preset's name, a folder or a link file, as for ``open_link``. The seed is fixed unless given, so that a test that
    fails fails again.
    """
    from .stations.link import open_link

    with ExitStack() as stack:

        def open_twin(name_or_path: str | Path, *, seed: int = 1) -> Link:
            return stack.enter_context(open_link(name_or_path, hardware="twin", seed=seed))

        yield open_twin


def _mock(class_name: str) -> Callable[..., Any]:
    """A fixture that gives a mock on simulated time."""
    role = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in class_name).removeprefix("_")

    def make(sim_clock: SimClock, close_instruments: None) -> object:
        return getattr(import_module(f"{__package__}.instruments.mock"), class_name)(role, clock=sim_clock)

    make.__doc__ = f"A {class_name} on the simulated time of `sim_clock`, closed after the test."
    return pytest.fixture(name=role)(make)


mock_aom = _mock("MockAom")
mock_heralding_sequencer = _mock("MockHeraldingSequencer")
mock_laser = _mock("MockLaser")
mock_polarimeter = _mock("MockPolarimeter")
mock_pulse_generator = _mock("MockPulseGenerator")
mock_random_source = _mock("MockRandomSource")
mock_rf_output = _mock("MockRfOutput")
mock_rf_source = _mock("MockRfSource")
mock_rotator = _mock("MockRotator")
mock_current_source = _mock("MockCurrentSource")
mock_shutter = _mock("MockShutter")
mock_single_photon_detector = _mock("MockSinglePhotonDetector")
mock_time_tagger = _mock("MockTimeTagger")
