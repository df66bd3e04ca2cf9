"""Mocks that are wrong in ways in which drivers have been wrong. ``must_fail`` names the conformance tests that have to notice.

Here: what any driver can get wrong, shown on a laser. Run by
test_conformance_catches.py, which copies this file to where pytest collects it.
"""

import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from qcodes.validators import Numbers

from eventready.clock import SimClock
from eventready.errors import DeviceConnectionError, DeviceError
from eventready.instruments.mock import truths
from eventready.testing import LaserConformance, MockLaser, MockShutter


class Broken:
    Device: Callable[..., Any]
    truth_of: ClassVar[Callable[..., Any] | None] = None
    must_fail: ClassVar[set[str]]

    @pytest.fixture
    def device(self, close_instruments):
        return type(self).Device("broken", clock=SimClock())

    @pytest.fixture
    def fault_line(self, device):
        return getattr(device, "source", device)

    @pytest.fixture
    def truth(self, device):
        return type(self).truth_of(device) if self.truth_of else None


class LaserBroken(Broken, LaserConformance):
    __test__ = False
    truth_of = truths.LaserTruth

    def __init_subclass__(cls):
        cls.__test__ = True


class TestAnotherRole(LaserBroken):
    Device = MockShutter
    truth_of = None
    must_fail = {"test_it_is_the_role"}


class TestReasonsAreCodes(LaserBroken):
    class Device(MockLaser):
        def _do_reasons(self):
            return ("17",)

    must_fail = {"test_readiness_is_in_words"}


class TestMakeSafeDoesNothing(LaserBroken):
    class Device(MockLaser):
        def _do_make_safe(self):
            self._told("make_safe")

    must_fail = {"test_safe_state_is_reached_and_kept"}


class TestMakeSafeLiesTogetherWithEmission(LaserBroken):
    class Device(MockLaser):
        told = False

        def _do_make_safe(self):
            self.told = False

        def _do_set_emission(self, on):
            self._told("set_emission", on, emission=True)
            self.told = on

        def _do_emission(self):
            return self._asked("emission", self.told)

    must_fail = {"test_safe_state_is_reached_and_kept", "test_emission_is_true"}


class TestEmissionIsWhatWasCommanded(LaserBroken):
    class Device(MockLaser):
        told = False

        def _do_set_emission(self, on):
            super()._do_set_emission(on)
            self.told = on

        def _do_emission(self):
            return self._asked("emission", self.told)

    must_fail = {"test_no_success_without_effect"}


class TestPowerSwitchesOnReading(LaserBroken):
    class Device(MockLaser):
        def _do_power(self):
            self._do_set_emission(True)
            return super()._do_power()

    must_fail = {"test_snapshot_only_asks"}


class TestParameterWithoutUnit(LaserBroken):
    class Device(MockLaser):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.add_parameter("temperature", get_cmd=lambda: 21.0, vals=Numbers(), docstring="Get the temperature of the diode.")

    must_fail = {"test_parameters_are_documented"}


class TestParameterWithoutDocstring(LaserBroken):
    class Device(MockLaser):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.add_parameter("hours", get_cmd=lambda: 21, unit="h", docstring="")
            self.hours.__doc__ = ""

    must_fail = {"test_parameters_are_documented"}


class TestLimitsBypassed(LaserBroken):
    class Device(MockLaser):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.set_power = self._do_set_power

    must_fail = {"test_limits_are_refused_before_the_device_is_touched"}


class TestMilliwattsBothWays(LaserBroken):
    class Device(MockLaser):
        def _do_set_power(self, value):
            self._told("set_power", value, power=1e3 * value)

        def _do_power(self):
            return self._asked("power", 1e-3 * self.state.power)

    must_fail = {"test_values_within_limits_arrive"}


class TestSilentClip(LaserBroken):
    class Device(MockLaser):
        def _do_set_power(self, value):
            self._told("set_power", value, power=min(value, 0.01))

    must_fail = {"test_values_within_limits_arrive", "test_commands_are_idempotent"}


class TestErrorsSwallowed(LaserBroken):
    class Device(MockLaser):
        def _do_emission(self):
            try:
                return super()._do_emission()
            except DeviceError:
                return False

    must_fail = {"test_a_failing_exchange_is_an_error"}


class TestErrorsOfItsOwn(LaserBroken):
    class Device(MockLaser):
        def _do_interlock_closed(self):
            try:
                return super()._do_interlock_closed()
            except DeviceConnectionError as error:
                raise RuntimeError("no answer") from error

    must_fail = {"test_readiness_survives_a_failing_exchange", "test_a_failing_exchange_is_an_error"}


class TestSimpleLock(LaserBroken):
    class Device(MockLaser):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, lock=threading.Lock(), **kwargs)

    must_fail = {"test_the_lock_can_be_taken_twice"}


class TestClosesOnce(LaserBroken):
    class Device(MockLaser):
        def close(self):
            del self.calls
            super().close()

    must_fail = {"test_it_can_be_closed_twice"}


class TestLitOnConnection(LaserBroken):
    class Device(MockLaser):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.state.emission = True

    must_fail = {"test_dark_after_construction"}


class TestInterlockNotRead(LaserBroken):
    class Device(MockLaser):
        def _do_interlock_closed(self):
            return self._asked("interlock_closed", True)

    must_fail = {"test_no_emission_with_open_interlock"}
