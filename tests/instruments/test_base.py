"""What all roles share."""

import inspect
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from qcodes.instrument import Instrument, InstrumentModule
from qcodes.parameters import DelegateParameter
from qcodes.validators import Numbers

from eventready.clock import SimClock, SystemClock
from eventready.errors import ConfigError, DeviceConnectionError, DeviceFault
from eventready.instruments import Laser, Role, Shutter
from eventready.instruments.base import Tolerance, as_limits
from eventready.instruments.mock import MockLaser, MockShutter

pytestmark = pytest.mark.usefixtures("close_instruments")


class Channel(Laser, InstrumentModule):
    """A driver as a channel of an instrument."""

    def _do_set_emission(self, on): ...
    def _do_emission(self):
        return False

    def _do_set_power(self, value): ...
    def _do_power(self):
        return 0.0

    def _do_locked(self):
        return None

    def _do_interlock_closed(self):
        return True


def test_a_role_joins_an_instrument_or_a_module():
    parent = Instrument("dlc")
    lock = threading.RLock()
    channel = parent.add_submodule("laser1", Channel(parent, "laser1", setpoint_limits=(0, 0.1), lock=lock, clock=SimClock()))
    assert channel.full_name == "dlc_laser1"
    assert channel.lock is lock
    assert channel.locked() is None
    assert MockLaser("single", metadata={"room": "2"}, label="A laser").snapshot()["metadata"] == {"room": "2"}


def test_time_is_real_unless_said_otherwise():
    assert isinstance(MockShutter("s").clock, SystemClock)


def test_an_unfinished_driver_cannot_be_made():
    class Unfinished(Shutter, Instrument):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Unfinished("u")
    assert not Instrument.exist("u")


@pytest.mark.parametrize("name", ["set_open", "wait_for", "make_safe", "readiness", "_read_position"])
def test_a_driver_cannot_bypass_a_check(name):
    with pytest.raises(TypeError, match=rf"Sloppy overrides {name}\(\) of the role"):
        type("Sloppy", (Shutter, Instrument), {name: lambda self: None})


def test_not_even_through_a_mixin():
    class Fast:
        def set_open(self, is_open): ...

    with pytest.raises(TypeError, match="Fast overrides set_open"):
        type("Sloppy", (Fast, Shutter, Instrument), {})


def test_a_call_reads_without_the_ways_of_qcodes(mock_laser):
    """No cache, and the error as it was raised."""
    mock_laser.setpoint(0.05)
    mock_laser.state.power = 0.02
    assert mock_laser.setpoint() == mock_laser.power() == 0.02
    assert mock_laser.setpoint.cache() == 0.05
    assert mock_laser.setpoint.get() == mock_laser.setpoint.cache() == 0.02
    mock_laser.fail_next()
    with pytest.raises(DeviceConnectionError) as caught:
        mock_laser.locked()
    assert len(caught.value.args) == 1


@pytest.mark.parametrize("attribute", ["scale", "offset"])
def test_a_parameter_stays_in_si_units(mock_laser, attribute):
    with pytest.raises(ConfigError, match="mock_laser_setpoint is in SI units"):
        setattr(mock_laser.setpoint, attribute, 1e-3)
    mock_laser.add_parameter("setpoint_mw", DelegateParameter, source=mock_laser.setpoint, scale=1e-3, unit="mW")
    mock_laser.setpoint_mw(20)
    assert mock_laser.state.power == pytest.approx(0.02)


def test_a_measuring_parameter_cannot_be_called_to_set(mock_laser):
    with pytest.raises(NotImplementedError):
        mock_laser.locked(True)


def test_limits_of_a_station_file_bind_methods_too(mock_laser):
    """QCoDeS replaces the validator, which would only be asked by Parameter.set."""
    mock_laser.setpoint.vals = Numbers(0, 0.02)
    mock_laser.set_power(0.02)
    with pytest.raises(ConfigError, match=r"setpoint cannot be 0\.03 W"):
        mock_laser.set_power(0.03)
    mock_laser.setpoint.vals = Numbers(0, 10)  # and never widens the driver's own
    with pytest.raises(ConfigError, match=r"mock_laser: setpoint 0.2 W is outside 0.0 to 0.1 W"):
        mock_laser.set_power(0.2)
    assert [call for call in mock_laser.calls if call.name == "set_power"] == [("set_power", (0.02,))]


@pytest.mark.parametrize("value", ["5 mW", None, 1j])
def test_a_setting_is_a_number(mock_laser, value):
    with pytest.raises(ConfigError, match="setpoint cannot be"):
        mock_laser.set_power(value)


@pytest.mark.parametrize("limits", [(1, 0), (0, 0), (0, float("inf")), (0, float("nan")), (0,), (0, 1, 2)])
def test_limits_are_two_numbers_in_order(limits):
    with pytest.raises(ConfigError, match=r"dlc.setpoint_limits: limits must be two numbers"):
        as_limits("dlc.setpoint_limits", limits)


def test_limits_may_be_the_list_of_a_station_file():
    assert as_limits("x", [0, 1]) == (0.0, 1.0)


def test_a_value_that_is_read_back_may_be_rounded():
    assert Tolerance(relative=0.01).allows(1.0, 1.005)
    assert Tolerance(absolute=1e-3).allows(0.0, 1e-3)
    assert not Tolerance(relative=0.01).allows(1.0, 1.02)
    assert not Tolerance().allows(1.0, 1.0 + 1e-12)


def test_readiness_never_raises_for_the_device(mock_laser):
    mock_laser.set_emission(True)
    assert mock_laser.readiness() == (True, ())
    mock_laser.fail_next()
    found = mock_laser.readiness()
    assert not found.ok
    assert "mock_laser: the connection broke" in found.reasons[0]


def test_the_lock_is_held_around_the_device(mock_shutter, mocker):
    """Another thread cannot take the lock while the device is being asked."""
    taken = []

    def position():
        thread = threading.Thread(target=lambda: taken.append(mock_shutter.lock.acquire(blocking=False)))
        thread.start()
        thread.join()
        return mock_shutter.state.position

    mocker.patch.object(mock_shutter, "_do_position", position)
    mock_shutter.position()
    mock_shutter.readiness()
    assert taken == [False, False]


@pytest.mark.parametrize("timeout", [0.0, 1e-13, 0.1, 0.3])
def test_waiting_ends_on_a_clock_of_picoseconds(mock_shutter, timeout):
    with pytest.raises(DeviceFault, match=r"not open within .* the blade was seen closed"):
        mock_shutter.wait_for("open", timeout)
    assert mock_shutter.clock.now() == pytest.approx(timeout, abs=1e-12)


def test_roles_are_loaded_on_first_use():
    """A configuration can be read without QCoDeS."""
    code = "import sys, eventready.instruments as i; assert 'qcodes' not in sys.modules; i.Laser; assert 'qcodes' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_name_that_does_not_exist():
    with pytest.raises(ImportError, match="cannot import name 'Lasre'"):
        from eventready.instruments import Lasre  # noqa: F401


def test_every_role_has_a_name():
    from eventready import instruments

    roles = [getattr(instruments, name) for name in instruments.__all__]
    names = [role.role for role in roles if isinstance(role, type) and issubclass(role, Role) and role is not Role]
    assert len(names) == len(set(names)) == 13


def test_the_table_of_roles_is_complete():
    """docs/reference/roles.md names in each role's row what a driver has to write and what a station can call."""
    from eventready import instruments

    text = (Path(__file__).parents[2] / "docs" / "reference" / "roles.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    for name, row in rows.items():
        role = getattr(instruments, name)
        own = vars(role)
        known = {*dir(Role), *dir(Instrument), *(member for member in own if member.startswith("_"))}
        to_write = [f"`{member.removeprefix('_do_')}`" for member in own if member in role.__abstractmethods__]
        to_call = [f"`{member}(" for member, value in own.items() if inspect.isfunction(value) and member not in known]
        assert [name for name in [*to_write, *to_call] if name not in row] == []
    assert len(rows) == 13
