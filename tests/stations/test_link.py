"""A link in a script, a notebook or a QCoDeS loop: always safe afterwards, however it is left."""

import dataclasses
import logging
import math

import pytest
from qcodes.instrument import Instrument
from qcodes.station import Station

from eventready.errors import ConfigError, DeviceConnectionError, DeviceFault, EventreadyError
from eventready.protocol.run_folder import load_run
from eventready.stations import link as link_module
from eventready.stations.config import load_link
from eventready.stations.link import close_open_link, open_link
from eventready.stations.procedures.beams import beam_on
from eventready.twin.physics import herald_distribution
from eventready.twin.ports import BeamPort, DetectorPort, ShutterPort
from eventready.twin.roles import TwinDetector, TwinLaser

LINKS = pytest.mark.parametrize("name", ["munich", "oxford"])


@pytest.fixture(autouse=True)
def nothing_is_left_open(close_instruments):
    yield
    assert not dict(Instrument._all_instruments)


@pytest.fixture
def fast_open(monkeypatch, config_of):
    """``open_link`` without reading the files anew."""
    monkeypatch.setattr(link_module, "load_link", config_of)


def switch_everything_on(link):
    for slot, role in link.wiring.roles.items():
        name = slot.partition(".")[2]
        if name in ("cooling", "repump", "excitation", "trap", "readout", "ionisation", "qubit", "deshelve", "photoionisation"):
            beam_on(role)
        elif "detector" in name:
            role.set_enabled(True)
        elif name == "shutter":
            role.set_open(True)


def is_safe(link, ports, clocks):
    stays_on = {"oxford": {"cooling", "repump"}, "munich": set()}[link]
    for slot, port in ports.items():
        node, _, name = slot.partition(".")
        if isinstance(port, BeamPort) and port.on is not (name in stays_on):
            return False
        if isinstance(port, DetectorPort) and port.on:
            return False
        if isinstance(port, ShutterPort) and not port.is_closed(clocks[node].now_ps()):
            return False
    return True


# -- leaving -------------------------------------------------------------------------------------------------------------------------------


@LINKS
@pytest.mark.parametrize("error", [None, ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.usefixtures("fast_open")
def test_whatever_happens_everything_is_safe_and_closed_afterwards(name, error):
    try:
        with open_link(name, seed=1) as link:
            ports, clocks = dict(link.world.ports), dict(link.clocks)
            switch_everything_on(link)
            assert not is_safe(name, ports, clocks)
            if error:
                raise error
    except (ZeroDivisionError, KeyboardInterrupt) as caught:
        assert type(caught) is error
    assert is_safe(name, ports, clocks)
    assert not dict(Instrument._all_instruments)


@pytest.mark.usefixtures("fast_open")
def test_what_cannot_be_made_safe_is_told_and_everything_else_is_safe_and_closed():
    with (
        pytest.raises(EventreadyError, match=r"not everything is safe; .*bob\.trap: bob_trap_laser: emission"),
        open_link("munich") as link,
    ):
        ports, clocks = dict(link.world.ports), dict(link.clocks)
        switch_everything_on(link)
        trap = link.bob.trap
        trap._do_set_emission = lambda on: None
    ports["bob.trap"].on = False
    assert is_safe("munich", ports, clocks)
    assert not dict(Instrument._all_instruments)


@pytest.mark.usefixtures("fast_open")
def test_an_instrument_that_does_not_close_does_not_keep_the_link_open(monkeypatch):
    monkeypatch.setattr(TwinLaser, "close", lambda self: (_ for _ in ()).throw(OSError("the cable is out")))
    with pytest.raises(OSError, match="cable"), open_link("munich"):
        pass
    monkeypatch.undo()
    assert not dict(Instrument._all_instruments)
    with open_link("munich") as link:
        assert link.name == "munich"


@LINKS
@pytest.mark.usefixtures("fast_open")
def test_closing_is_harmless_when_repeated_and_leaves_a_link_that_says_so(name, tmp_path):
    with open_link(name) as link:
        link.close()
        link.close()
        link.make_safe()
        for use in (lambda: link.run(tmp_path / "run", rounds=3), lambda: link.resume(None)):
            with pytest.raises(ConfigError, match=f"the link '{name}' has been closed; open it again"):
                use()
    assert not (tmp_path / "run").exists()


@LINKS
@pytest.mark.usefixtures("fast_open")
def test_qcodes_closes_it_too(name, caplog):
    caplog.set_level(logging.WARNING)
    open_link(name)
    Instrument.close_all()
    assert not dict(Instrument._all_instruments)
    assert not [record for record in caplog.records if "ailed" in record.getMessage()]


# -- opening -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fast_open")
def test_a_cell_that_is_run_again_makes_the_earlier_link_safe_and_replaces_it():
    first = open_link("munich", seed=1)
    ports, clocks = dict(first.world.ports), dict(first.clocks)
    switch_everything_on(first)
    with open_link("munich", seed=2) as second:
        assert is_safe("munich", ports, clocks)
        assert second.world is not None
        assert second.bob.trap is not None
        with pytest.raises(ConfigError, match="has been closed"):
            first.run("nowhere")
        assert Instrument.find_instrument("munich") is second


@pytest.mark.usefixtures("fast_open")
def test_an_earlier_link_that_cannot_be_made_safe_is_not_replaced_in_silence():
    first = open_link("munich")
    first.bob.trap._do_emission = lambda: True
    with pytest.raises(EventreadyError, match="not everything is safe"):
        open_link("munich")
    with open_link("munich"):
        pass


@pytest.mark.usefixtures("fast_open")
def test_another_instrument_of_that_name_is_left_alone():
    laser = TwinLaser("munich")
    with pytest.raises(ConfigError, match="'munich' is the name of an open TwinLaser; close it"):
        open_link("munich")
    assert Instrument.find_instrument("munich") is laser
    laser.close()
    close_open_link("munich")


@pytest.mark.usefixtures("fast_open")
def test_another_link_with_the_same_instruments_must_be_closed_first():
    with open_link("munich") as munich, pytest.raises(ConfigError, match="names that are taken"):
        munich.alice.trap.set_emission(True)
        open_link("oxford")
    with open_link("oxford"):
        pass


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("munch",), "there is no link 'munch'; did you mean 'munich'"),
        (("munich", {"hardware": "reel"}), "there is no hardware 'reel'; it is one of twin, wire, real"),
        (("munich", {"seed": -1}), "the seed must be a whole number from 0 on, not -1"),
        (("munich", {"hardware": "real"}), "--hardware real, but"),
    ],
)
def test_a_wrong_argument_touches_no_instrument(arguments, words, monkeypatch):
    earlier = open_link("oxford", seed=1)
    monkeypatch.setattr(TwinDetector, "__init__", lambda *args, **kwargs: pytest.fail("an instrument was opened"))
    with pytest.raises(ConfigError) as caught:
        open_link(arguments[0], **(arguments[1] if len(arguments) > 1 else {}))
    assert words.partition(";")[0] in str(caught.value)
    assert Instrument.find_instrument("oxford") is earlier
    earlier.make_safe()
    earlier.close()


@pytest.mark.usefixtures("fast_open")
def test_an_instrument_that_fails_to_open_leaves_no_half_link(monkeypatch):
    def gone(self, *args, **kwargs):
        raise DeviceConnectionError("alice_trap_laser", "nothing answers")

    monkeypatch.setattr(TwinLaser, "__init__", gone)
    with pytest.raises(DeviceConnectionError, match="nothing answers"):
        open_link("munich")
    assert not dict(Instrument._all_instruments)


@pytest.mark.usefixtures("fast_open")
def test_wire_says_what_stands_in():
    with open_link("oxford", hardware="wire", seed=1) as link:
        assert link.hardware == "wire"
        assert {entry.hardware for entry in link.wiring.wired} == {"twin role", "driver over loopback"}
        summary, alice, bob, twins = link.describe_hardware()
        assert summary == "24 twin roles, 4 drivers over loopback"
        assert alice == f"alice_dlc.laser1, alice_dlc.laser2: DlcPro at {link.wiring.simulators['alice_dlc'].address()}, a simulated device"
        assert bob.startswith("bob_dlc.laser1, bob_dlc.laser2: DlcPro at socket://127.0.0.1:")
        assert twins.endswith("bob_photoionisation_laser, bob_coil: twin role")
        assert link.get_idn()["firmware"] == "wire"
    with pytest.raises(ConfigError, match="has been closed"):
        link.describe_hardware()


@pytest.mark.usefixtures("fast_open")
def test_the_same_seed_gives_the_same_rounds_and_no_seed_others(tmp_path):
    rounds = {}
    for label, seed in (("a", 7), ("b", 7), ("c", None), ("d", None)):
        with open_link("oxford", seed=seed) as link:
            link.run(tmp_path / label, rounds=40)
        rounds[label] = load_run(tmp_path / label, "alice").tobytes()
    assert rounds["a"] == rounds["b"]
    assert len(set(rounds.values())) == 3


# -- runs ----------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rounds": 0}, "at least 1 round, not 0"),
        ({"rounds": -3}, "at least 1 round, not -3"),
        ({"purpose": "fun"}, "there is no purpose 'fun'; it is one of characterise, key"),
    ],
)
def test_a_wrong_run_writes_nothing(open_twin, tmp_path, arguments, words):
    with pytest.raises(ConfigError, match=words):
        open_twin("oxford").run(tmp_path / "run", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_exists_is_left_alone(open_twin, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("precious", encoding="utf-8")
    with pytest.raises(ConfigError, match="exists and is not an empty folder"):
        open_twin("oxford").run(tmp_path / "run", rounds=3)
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "thesis.tex"]


@pytest.mark.parametrize("broken", ["begin_logs", "BlockTable", "write_truth"])
def test_a_run_that_never_began_leaves_nothing_to_mistake_for_one(open_twin, tmp_path, monkeypatch, broken):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    link = open_twin("oxford")
    monkeypatch.setattr({"begin_logs": link_module.engine}.get(broken, link_module), broken, full)
    with pytest.raises(OSError, match="No space left"):
        link.run(tmp_path / "run", rounds=3)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert link.run(tmp_path / "run", rounds=3).rounds == 3, "and the link can still be used"


def test_by_default_as_many_rounds_as_the_link_file_plans(open_twin):
    link = open_twin("oxford")
    assert link._rounds("characterise", None) == 1_920_000
    assert link._rounds("key", None) == 1_500_000


def test_a_run_keeps_what_was_run(open_twin, tmp_path):
    link = open_twin("munich")
    folder = link.run(tmp_path / "run", rounds=2).folder
    assert load_link(folder.link_yaml).digest == link.config.digest
    assert folder.truth.is_dir()


# -- as an instrument ----------------------------------------------------------------------------------------------------------------------


@LINKS
def test_instruments_are_reached_by_node_and_slot(open_twin, name):
    link = open_twin(name)
    for slot, role in link.wiring.roles.items():
        node, _, name_ = slot.partition(".")
        assert getattr(getattr(link, node), name_) is role
    with pytest.raises(AttributeError):
        link.alice.no_such_slot  # noqa: B018


@LINKS
def test_a_snapshot_has_no_side_effects(open_twin, name, mocker):
    link = open_twin(name)
    ports = {slot: repr(port) for slot, port in link.world.ports.items()}
    clocks = {node: clock.now_ps() for node, clock in link.clocks.items()}
    fluorescence = mocker.spy(link.world, "fluorescence")
    attempts = mocker.spy(link.world, "run_attempts")
    for update in (False, True):
        snapshot = Station(link, default=False).snapshot(update=update)
        assert snapshot["instruments"][name]["submodules"].keys() == {"alice", "bob", "bsm"}
        link.wiring.station.snapshot(update=update)
    assert fluorescence.call_count == attempts.call_count == 0
    assert {slot: repr(port) for slot, port in link.world.ports.items()} == ports
    assert {node: clock.now_ps() for node, clock in link.clocks.items()} == clocks


@LINKS
def test_a_station_loads_its_trap_and_sees_the_particle(open_twin, name):
    link = open_twin(name)
    assert not link.bob.atom_present()
    seconds = link.bob.load()
    assert seconds > 0
    assert link.bob.atom_present()
    assert link.bob.bright_counts() >= link.parties["bob"].loading.threshold
    link.world.traps[1].empty(link.clocks["bob"].now_ps())
    assert not link.bob.atom_present()


def test_the_herald_rate_is_the_one_of_the_preset(open_twin):
    """Within 5 sigma of counting, false alarm 6e-7; a minute is about 11 000 heralds, so that is 5 %."""
    link = open_twin("oxford")
    link.integration_time(60.0)
    heralds = link.herald_rate()
    loop = link.bsm_node.excitation._program.loop
    table = link.world._table((True, True), link.bsm_node.excitation._program.accepted_patterns, loop, link.clocks["bsm"].now_ps())
    rate = table.herald_probability * loop.attempts_per_burst / (loop.burst_ps * 1e-12)
    sigma = math.sqrt(rate * link.integration_time()) / link.integration_time()
    assert abs(heralds - rate) < 5 * sigma


def test_counted_heralds_make_no_rounds_and_draw_nothing(open_twin, mocker):
    link = open_twin("munich")
    link.integration_time(600.0)
    latch = mocker.spy(link.world.ports["alice.qrng"], "latch")
    read = mocker.spy(link.world.ports["alice.qrng"], "read")
    assert link.herald_rate() > 0
    assert latch.call_count == read.call_count == 0
    assert link.bsm_node.index == -1


def test_less_light_heralds_less_often(open_twin):
    """Half the transmission at one node, half the heralds: 10 s are 1700 and 850 heralds, so a factor below 1.6 is off by 5 sigma."""
    link = open_twin("oxford")
    full = link.herald_rate()
    link.alice.excitation.set_transmission(0.5)
    assert 1.6 < full / link.herald_rate() < 2.5


def test_a_measurement_fails_in_words(open_twin):
    link = open_twin("munich")
    link.world.ports["alice.trap"].interlock_closed = False
    with pytest.raises(DeviceFault, match="interlock is open"):
        link.herald_rate()


# -- whose light it is -----------------------------------------------------------------------------------------------------------------


@LINKS
def test_each_nodes_light_is_measured_with_the_other_blocked(open_twin, name):
    """Against the closed form with one node's excitation off; 5 sigma, seed fixed."""
    link = open_twin(name, seed=31)
    attempts = 100_000
    measured = link.node_singles(attempts)
    assert link.world is not None
    for node, other in (("alice", "bob"), ("bob", "alice")):
        dark = link.world.preset.link_parameters()
        dark = dataclasses.replace(dark, **{other: dataclasses.replace(dark.node(other), excitation=0.0)})
        expected = sum(p * k.bit_count() for k, p in enumerate(herald_distribution(dark).probability))
        assert measured[node] == pytest.approx(expected, abs=5 * math.sqrt(expected / attempts))
    if name == "munich":
        assert measured["alice"] > 1.5 * measured["bob"]
    assert all(link.wiring.roles[f"{node}.excitation"].source.enabled() for node in ("alice", "bob"))


def test_nothing_is_no_measurement(open_twin):
    with pytest.raises(ConfigError, match="at least 1"):
        open_twin("munich").node_singles(0)
