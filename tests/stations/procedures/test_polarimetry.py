"""Reference light through a fibre: what is on when, what is measured, and what is left behind."""

import math

import pytest

from eventready.clock import SimClock
from eventready.errors import DeviceFault, NotReady
from eventready.instruments import Polarisation
from eventready.stations.monitors.polarimetry import FibreReading
from eventready.stations.procedures.polarimetry import FibrePolarimetry, ReferencePath
from eventready.testing import MockLaser, MockPolarimeter, MockRotator, MockSinglePhotonDetector


class Bench:
    """Light and plate at Bob, polarimeter and a detector at the heralding station, each node with a clock of its own."""

    def __init__(self, **answers):
        self.here, self.there = SimClock(), SimClock()
        self.light = MockLaser("light", clock=self.here, setpoint_limits=(0.0, 1e-3))
        self.plate = MockRotator("plate", clock=self.here)
        self.detector = MockSinglePhotonDetector("detector", clock=self.there)
        self.seen = []
        self.polarimeter = MockPolarimeter("polarimeter", clock=self.there, script=answers)
        self.detector.set_enabled(True)
        path = ReferencePath(self.light, self.plate, self.polarimeter, (self.here, self.there))
        self.procedure = FibrePolarimetry(path, [self.detector], 2e-4)

    def watch(self, mocker):
        measure = self.polarimeter.measure

        def seen():
            self.seen.append((self.light.emission(), self.light.power(), self.detector.enabled(), self.plate.angle()))
            return measure()

        mocker.patch.object(self.polarimeter, "measure", side_effect=seen)
        return self


@pytest.fixture
def bench(close_instruments):
    return Bench


def test_both_inputs_are_sent_with_the_detectors_off(bench, mocker):
    lights = [Polarisation(1.0, 0.0, 0.0, 1.0, 1e-4), Polarisation(0.0, 0.6, 0.8, 1.0, 1e-4)]
    found = bench(measure=lights).watch(mocker)
    assert found.procedure.run() == FibreReading((1.0, 0.0, 0.0), (0.0, 0.6, 0.8))
    assert found.seen == [(True, 2e-4, False, 0.0), (True, 2e-4, False, pytest.approx(math.pi / 4))]
    assert (found.light.emission(), found.detector.enabled()) == (False, True)


@pytest.mark.parametrize(
    ("answer", "error"), [(Polarisation(1.0, 0.0, 0.0, 1.0, 0.0), NotReady), (DeviceFault("polarimeter", "no answer"), DeviceFault)]
)
def test_whatever_happens_the_light_goes_out_and_the_detectors_on(bench, answer, error):
    found = bench(measure=[answer])
    with pytest.raises(error):
        found.procedure.run()
    assert (found.light.emission(), found.detector.enabled()) == (False, True)


def test_detectors_stay_off_while_the_light_cannot_be_put_out(bench, mocker):
    found = bench()
    mocker.patch.object(found.light, "_do_set_emission", side_effect=[None, DeviceFault("light", "stays on")])
    mocker.patch.object(found.light, "_do_emission", return_value=True)
    with pytest.raises(DeviceFault, match="stays on"):
        found.procedure.run()
    assert found.detector.enabled() is False


def test_the_polarimeter_waits_for_the_plate_and_the_node_for_the_polarimeter(bench, mocker):
    found = bench()
    found.here.sleep(5.0)
    mocker.patch.object(found.polarimeter, "_do_measure", side_effect=lambda: (found.there.sleep(1.0), Polarisation(1, 0, 0, 1, 1e-4))[1])
    found.procedure.run()
    assert found.here.now() == found.there.now() == pytest.approx(7.0)
