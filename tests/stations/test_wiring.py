"""From a checked configuration to open instruments."""

import dataclasses
import socket
import threading

import pytest
from qcodes.instrument import Instrument, InstrumentModule

from eventready.clock import SimClock
from eventready.drivers.thorlabs import SC10
from eventready.drivers.toptica import DlcPro
from eventready.errors import ConfigError, DeviceConnectionError
from eventready.instruments import Aom
from eventready.stations import hardware
from eventready.stations import wiring as wiring_module
from eventready.stations.config import load_link
from eventready.stations.slots import NODES
from eventready.stations.windows import DetectorWindow
from eventready.stations.wiring import open_instruments
from eventready.twin.devices import SC10Simulator
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


@pytest.fixture
def with_entry():
    """A link with another entry for one instrument in a Station file."""

    def change(config, site, instrument, **changes):
        station = config.stations[site]
        entry = station.instruments[instrument].model_copy(update=changes)
        changed = station.model_copy(update={"instruments": {**station.instruments, instrument: entry}})
        return dataclasses.replace(config, stations={**config.stations, site: changed})

    return change


def simulator_threads():
    return [thread for thread in threading.enumerate() if "simulator" in thread.name]


@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_every_role_is_filled_with_the_instrument_that_the_link_file_names(open_all, name):
    wiring, _, clocks = open_all(name)
    roles = load_link(name).link.roles
    assert set(wiring.roles) == set(roles)
    for slot, instrument in roles.items():
        role = wiring.roles[slot]
        device = role.source if isinstance(role, Aom) else role
        assert device.name == instrument.replace(".", "_"), "the twin has no submodules"
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


def test_what_is_meant_for_a_driver_means_nothing_to_the_twin(open_all, config_of, with_entry):
    changes = {"type": "acme.AcmeShutter", "address": "TCPIP::1.2.3.4", "init": {"serial": "A1"}}
    wiring, _, _ = open_all(with_entry(config_of("munich"), "lab2", "bob_shutter", **changes))
    assert isinstance(wiring.roles["bob.shutter"], TwinShutter)


def test_every_instrument_is_closed_the_last_one_first(open_all, monkeypatch):
    wiring, _, _ = open_all("munich")
    order, opened = [], list(wiring.station.components.values())
    real = Instrument.close
    monkeypatch.setattr(Instrument, "close", lambda self: (order.append(self), real(self))[1])
    wiring.close()
    # Only ours count: QCoDeS closes an instrument of an earlier test whenever the collector happens to find it.
    ours = {id(instrument) for instrument in opened}
    assert [instrument for instrument in order if id(instrument) in ours] == opened[::-1]
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
    with pytest.raises(
        ConfigError, match=r"--hardware real, but \d+ of \d+ instruments are roles of the twin.*: bsm_sequencer, "
    ) as caught:
        open_all(name, "real")
    assert "dlc" not in str(caught.value), "that one has a driver"


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
    real = hardware.resolve_type
    monkeypatch.setattr(hardware, "resolve_type", lambda dotted: resolve(dotted, real))

    def resolve(dotted, real):
        if dotted == "acme":
            return Instrument
        return MyQrng if dotted == "MyQrng" else real(dotted)

    entry = hardware.station_entry
    monkeypatch.setattr(
        hardware, "station_entry", lambda config, name: {**entry(config, name), "type": path if name == "bob_qrng" else "acme"}
    )
    with pytest.raises(ConfigError, match=r"1 of \d+ instruments are roles of the twin.*: bob_qrng\."):
        open_all("oxford", "real")


@pytest.mark.usefixtures("nothing_may_be_opened")
def test_real_drivers_are_let_through(open_all, monkeypatch):
    monkeypatch.setattr(hardware, "resolve_type", lambda dotted: Instrument)
    with pytest.raises(Opened):
        open_all("oxford", "real")


def test_an_address_where_nothing_answers_leaves_nothing_open(open_all, config_of, with_entry, monkeypatch):
    monkeypatch.setattr(hardware, "_SIMULATED", ("nothing",))  # the twin's roles pass for drivers of all that is not asked here
    config = with_entry(config_of("munich"), "lab2", "bob_shutter", address="socket://127.0.0.1:1")
    lasers = dict.fromkeys(("alice.excitation_laser", "alice.readout"), "alice_trap_laser")
    config = dataclasses.replace(config, link=config.link.model_copy(update={"roles": {**config.link.roles, **lasers}}))
    with pytest.raises(DeviceConnectionError, match=r"bob_shutter: cannot open socket://127\.0\.0\.1:1 \("):
        open_all(config, "real")
    assert not dict(Instrument._all_instruments)


# -- drivers over loopback -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["twin", "wire"])
def test_what_stands_behind_an_instrument_is_said(open_all, mode):
    wiring, _, _ = open_all("munich", mode)
    wired = {entry.instrument: entry for entry in wiring.wired}
    assert list(wired) == list(dict.fromkeys(load_link("munich").link.roles.values()))
    drivers = {name: entry for name, entry in wired.items() if entry.hardware != "twin role"}
    if mode == "twin":
        assert not drivers
        assert wiring.describe() == ["37 twin roles"]
        return
    assert {name: entry.driver for name, entry in drivers.items()} == {
        "alice_dlc.laser1": "DlcPro",
        "alice_dlc.laser2": "DlcPro",
        "bob_shutter": "SC10",
        "bob_dlc.laser1": "DlcPro",
        "bob_dlc.laser2": "DlcPro",
    }
    assert {entry.hardware for entry in drivers.values()} == {"driver over loopback"}
    for name, entry in drivers.items():
        assert entry.address == wiring.simulators[name.partition(".")[0]].address()


def test_the_simulated_device_stands_on_the_world_s_ports_and_on_the_node_s_clock(open_all):
    wiring, world, clocks = open_all("munich", "wire")
    dlc, sc10 = wiring.simulators["bob_dlc"], wiring.simulators["bob_shutter"]
    assert dlc.heads["laser1"].port is world.ports["bob.excitation_laser"]
    assert dlc.heads["laser2"].port is world.ports["bob.readout"]
    assert sc10.port is world.ports["bob.shutter"]
    assert dlc.clock is sc10.clock is clocks["bob"] is wiring.roles["bob.shutter"].clock
    wiring.roles["bob.readout"].set_emission(True)
    assert world.ports["bob.readout"].on
    assert not world.ports["bob.excitation_laser"].on
    wiring.roles["bob.shutter"].open(True)
    assert world.ports["bob.shutter"].is_open(clocks["bob"].now_ps())


def test_a_device_with_two_heads_is_one_instrument(open_all):
    wiring, _, _ = open_all("oxford", "wire")
    one, two = wiring.roles["alice.qubit"], wiring.roles["alice.deshelve"]
    assert one.root_instrument is two.root_instrument is wiring.station.components["alice_dlc"]
    assert (one.full_name, two.full_name) == ("alice_dlc_laser1", "alice_dlc_laser2")


def test_a_driver_s_own_arguments_reach_it_over_loopback_and_do_not_trouble_the_twin(open_all, config_of, with_entry):
    limits = {"laser1": {"setpoint_limits": [0.0, 0.123], "has_lock": False}, "laser2": {"setpoint_limits": [0.0, 0.1]}, "timeout": 7.0}
    config = with_entry(config_of("munich"), "lab2", "bob_dlc", init=limits)
    config = with_entry(config, "lab2", "bob_shutter", init={"travel_time": 0.009})
    wiring, _, _ = open_all(config, "wire")
    laser = wiring.roles["bob.excitation_laser"]
    assert laser.setpoint_limits == (0.0, 0.123)
    assert laser.locked() is None
    assert laser.root_instrument.connection.timeout == 7.0
    assert wiring.roles["bob.shutter"]._travel_ps == 9 * 10**9
    wiring.close()
    wiring, _, _ = open_all(config, "twin")
    assert wiring.roles["bob.excitation_laser"].setpoint_limits != (0.0, 0.123)


def test_where_a_driver_has_no_simulator_the_twin_s_role_stands_in_and_it_is_said(open_all, config_of, with_entry, monkeypatch):
    real = hardware.resolve_type
    monkeypatch.setattr(hardware, "resolve_type", lambda dotted: Instrument if dotted == "acme.FlipMount" else real(dotted))
    config = with_entry(config_of("munich"), "lab2", "bob_filter", type="acme.FlipMount", address="COM9")
    wiring, _, _ = open_all(config, "wire")
    assert isinstance(wiring.roles["bob.filter"], TwinShutter)
    (entry,) = [entry for entry in wiring.wired if entry.instrument == "bob_filter"]
    assert (entry.hardware, entry.address, entry.stands_for) == ("twin role", "", "acme.FlipMount")
    assert "bob_filter: twin role, as there is no simulator for acme.FlipMount" in wiring.describe()


def test_closing_stops_what_was_simulated(open_all):
    wiring, _, _ = open_all("munich", "wire")
    addresses = [simulator.address().removeprefix("socket://").split(":") for simulator in wiring.simulators.values()]
    assert len(simulator_threads()) == len(addresses) == 3
    wiring.close()
    assert not simulator_threads()
    for host, port in addresses:
        with pytest.raises(OSError):
            socket.create_connection((host, int(port)), 1.0)
    wiring.close()


def test_an_instrument_that_does_not_close_does_not_keep_simulators_running(open_all, monkeypatch):
    wiring, _, _ = open_all("munich", "wire")
    real = SC10.close
    monkeypatch.setattr(SC10, "close", lambda self: (real(self), refuse())[1])

    def refuse():
        raise OSError("the cable is out")

    with pytest.raises(OSError, match="the cable is out"):
        wiring.close()
    assert not simulator_threads()
    assert not dict(Instrument._all_instruments)


@pytest.mark.parametrize(
    ("part", "init", "error", "words"),
    [
        ("laser2", {"laser1": {"setpoint_limits": [0.0, 0.1]}}, ConfigError, "bob_dlc has no submodule 'laser2'; did you mean 'laser1'"),
        ("laser2", {}, ConfigError, "a DLC pro needs `laser1` or `laser2`"),
    ],
)
def test_when_a_driver_cannot_be_opened_nothing_stays_half_open(open_all, config_of, with_entry, part, init, error, words):
    config = with_entry(config_of("munich"), "lab2", "bob_dlc", init=init)
    with pytest.raises(error, match=words):
        open_all(config, "wire")
    assert not simulator_threads()
    assert not dict(Instrument._all_instruments)


def test_a_simulated_device_that_does_not_answer_is_a_connection_error_and_nothing_stays_half_open(open_all, monkeypatch):
    monkeypatch.setattr(SC10Simulator, "_answer", lambda self, request: b"")
    with pytest.raises(DeviceConnectionError, match="bob_shutter: no answer within"):
        open_all("munich", "wire")
    assert not simulator_threads()
    assert not dict(Instrument._all_instruments)


def test_a_simulator_that_takes_no_port_is_named(open_all, monkeypatch):
    monkeypatch.setattr(hardware, "_simulator_of", lambda dotted, parts: Portless if dotted.endswith("SC10") else None)
    with pytest.raises(ConfigError, match=r"bob_shutter: Portless cannot be called with port, clock"):
        open_all("munich", "wire")


class Portless(SC10Simulator):
    def __init__(self, clock):
        super().__init__(clock=clock)


def test_something_that_does_not_play_the_role_is_refused(open_all, monkeypatch):
    """A part's class is known only once it is open."""
    plain = Instrument.add_submodule
    monkeypatch.setattr(DlcPro, "add_submodule", lambda self, name, part: plain(self, name, InstrumentModule(self, name)))
    with pytest.raises(ConfigError, match=r"alice\.excitation_laser: .* is not a Laser, but is wired to a role that needs one"):
        open_all("munich", "wire")
    assert not simulator_threads()
    assert not dict(Instrument._all_instruments)
