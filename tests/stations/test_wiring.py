"""From a checked configuration to open instruments."""

import pytest
from qcodes.instrument import Instrument

from eventready.clock import SimClock
from eventready.errors import ConfigError, DeviceConnectionError
from eventready.instruments import Aom
from eventready.stations import wiring as wiring_module
from eventready.stations.config import load_link
from eventready.stations.slots import NODES
from eventready.stations.windows import DetectorWindow
from eventready.stations.wiring import open_instruments
from eventready.twin.physics.preset import load_preset
from eventready.twin.roles import TwinLaser, TwinRandomSource, TwinShutter
from eventready.twin.world import World


@pytest.fixture
def open_all(config_of, close_instruments):
    opened = []

    def make(config, hardware="twin"):
        config = config_of(config) if isinstance(config, str) else config
        clocks = {node: SimClock() for node in NODES}
        world = None
        if hardware != "real":
            world = World(load_preset(config.link.preset), seed=1, readout_window=config.link.timings.fluorescence)
        opened.append((open_instruments(config, hardware, world, clocks), world, clocks))
        return opened[-1]

    yield make
    for wiring, _, _ in opened:
        wiring.close()


@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_every_role_is_filled_with_the_instrument_that_the_link_file_names(open_all, name):
    wiring, _, clocks = open_all(name)
    roles = load_link(name).link.roles
    assert set(wiring.roles) == set(roles)
    for slot, instrument in roles.items():
        role = wiring.roles[slot]
        device = role.source if isinstance(role, Aom) else role
        assert device.name == instrument
        if not isinstance(role, DetectorWindow):
            assert device.clock is clocks[slot.partition(".")[0]]
    assert [entry.instrument for entry in wiring.wired] == list(dict.fromkeys(roles.values())), "opened once, in the link file's order"
    assert {entry.hardware for entry in wiring.wired} == {"twin role"}


def test_a_device_of_two_nodes_is_opened_once_and_seen_through_a_window(open_all):
    wiring, world, clocks = open_all("munich")
    window, device = wiring.roles["alice.detector"], wiring.roles["bsm.detector_ch"]
    assert isinstance(window, DetectorWindow)
    assert window._detector is device
    assert window._clock is clocks["alice"]
    assert device.clock is clocks["bsm"]
    assert world.ports["alice.detector"] is world.ports["bsm.detector_ch"]
    (wired,) = [entry for entry in wiring.wired if entry.instrument == "bsm_spd_ch"]
    assert wired.slots == ("bsm.detector_ch", "alice.detector")


def test_an_aom_is_its_source_with_the_link_file_s_calibration(open_all):
    wiring, world, _ = open_all("oxford")
    aom = wiring.roles["bob.cooling"]
    assert (aom.name, aom.source.name) == ("bob_cooling_aom", "bob_cooling_rf")
    assert aom.calibration.saturation_power_w == 0.5
    aom.set_transmission(1.0)
    aom.set_enabled(True)
    assert world.ports["bob.cooling"].power_w == pytest.approx(0.5)
    assert world.ports["bob.cooling"].on


def test_limits_of_a_station_file_reach_the_role(open_all):
    wiring, _, _ = open_all("munich")
    trap = wiring.roles["alice.trap"]
    assert trap.setpoint_limits == (0.0, 0.1)
    with pytest.raises(ConfigError, match=r"outside 0\.0 to 0\.1 W|0\.2"):
        trap.set_power(0.2)


def test_what_is_meant_for_a_driver_means_nothing_to_the_twin(open_all):
    config = load_link("munich")
    entry = config.stations["lab2"].instruments["bob_shutter"]
    stations = dict(config.stations)
    other = entry.model_copy(update={"type": "acme.AcmeShutter", "address": "TCPIP::1.2.3.4", "init": {"serial": "A1"}})
    stations["lab2"] = config.stations["lab2"].model_copy(
        update={"instruments": {**config.stations["lab2"].instruments, "bob_shutter": other}}
    )
    object.__setattr__(config, "stations", stations)
    wiring, _, _ = open_all(config)
    assert isinstance(wiring.roles["bob.shutter"], TwinShutter)


def test_every_instrument_is_closed_the_last_one_first(open_all, monkeypatch):
    wiring, _, _ = open_all("munich")
    order, opened = [], list(wiring.station.components)
    real = Instrument.close
    monkeypatch.setattr(Instrument, "close", lambda self: (order.append(self.name), real(self))[1])
    wiring.close()
    assert order == opened[::-1]
    assert not wiring.station.components
    assert not dict(Instrument._all_instruments)
    wiring.close()  # harmless when repeated


def test_an_instrument_that_does_not_close_does_not_keep_the_others_open(open_all, monkeypatch):
    wiring, _, _ = open_all("munich")

    def broken(self):
        raise OSError("the cable is out")

    monkeypatch.setattr(TwinLaser, "close", broken)
    with pytest.raises(OSError, match="the cable is out"):
        wiring.close()
    assert not dict(Instrument._all_instruments), "its name is free again, so that the link can be opened anew"
    assert not wiring.station.components


def test_when_one_cannot_be_opened_those_opened_before_are_closed(open_all, monkeypatch):
    def gone(self, *args, **kwargs):
        raise DeviceConnectionError("bob_filter", "nothing answers")

    opened = []
    real = TwinShutter.__init__

    def second_one_fails(self, name, *args, **kwargs):
        opened.append(name)
        (gone if len(opened) == 2 else real)(self, name, *args, **kwargs)

    monkeypatch.setattr(TwinShutter, "__init__", second_one_fails)
    with pytest.raises(DeviceConnectionError, match="bob_filter: nothing answers"):
        open_all("munich")
    assert opened == ["bob_shutter", "bob_filter"]
    assert not dict(Instrument._all_instruments)


def test_names_that_are_taken_are_refused_before_anything_is_opened(open_all):
    taken = TwinLaser("alice_trap_laser")
    with pytest.raises(ConfigError, match=r"link 'munich' have names that are taken: alice_trap_laser\."):
        open_all("munich")
    assert list(Instrument._all_instruments) == ["alice_trap_laser"]
    taken.close()
    other = TwinLaser("bob_cooling_aom")
    with pytest.raises(ConfigError, match="bob_cooling_aom"):
        open_all("munich")
    other.close()


def test_two_links_whose_instruments_have_the_same_names_cannot_be_open_at_once(open_all):
    open_all("oxford")
    with pytest.raises(ConfigError, match=r"names that are taken: bsm_sequencer, .*its close\(\)"):
        open_all("munich")


# -- real hardware -------------------------------------------------------------------------------------------------------------------------


class Opened(Exception):
    """An instrument was touched."""


@pytest.fixture
def nothing_may_be_opened(monkeypatch):
    def touched(*args, **kwargs):
        raise Opened

    monkeypatch.setattr(wiring_module, "_open", touched)


@pytest.mark.usefixtures("nothing_may_be_opened")
@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_the_twin_is_no_real_hardware(open_all, name):
    with pytest.raises(ConfigError, match=r"--hardware real, but \d+ of \d+ instruments are roles of the twin"):
        open_all(name, "real")


class MyQrng(TwinRandomSource):
    """Somebody's subclass of the twin's source."""


@pytest.mark.usefixtures("nothing_may_be_opened")
@pytest.mark.parametrize(
    "path",
    [
        "eventready.twin.roles.TwinRandomSource",
        "eventready.twin.roles.random_source.TwinRandomSource",
        "eventready.instruments.mock.MockRandomSource",
        "eventready.testing.MockRandomSource",
        "MyQrng",
    ],
)
def test_a_simulated_source_is_found_out_under_whatever_name(open_all, config_of, monkeypatch, path):
    """One seeded QRNG in a run that says `real` would give the whole key away."""
    real = wiring_module.resolve_type
    monkeypatch.setattr(wiring_module, "resolve_type", lambda dotted: resolve(dotted, real))

    def resolve(dotted, real):
        if dotted == "acme":
            return Instrument
        return MyQrng if dotted == "MyQrng" else real(dotted)

    entry = wiring_module._entry
    monkeypatch.setattr(
        wiring_module, "_entry", lambda config, name: {**entry(config, name), "type": path if name == "bob_qrng" else "acme"}
    )
    with pytest.raises(ConfigError, match=r"1 of \d+ instruments are roles of the twin.*: bob_qrng\."):
        open_all("oxford", "real")


@pytest.mark.usefixtures("nothing_may_be_opened")
def test_real_drivers_are_let_through(open_all, monkeypatch):
    monkeypatch.setattr(wiring_module, "resolve_type", lambda dotted: Instrument)
    with pytest.raises(Opened):
        open_all("oxford", "real")


@pytest.mark.parametrize("hardware", ["twin", "wire"])
def test_what_stands_behind_an_instrument_is_said(open_all, hardware):
    wiring, _, _ = open_all("oxford", hardware)
    assert {entry.hardware for entry in wiring.wired} == {"twin role"}, "no device has a simulator yet"
