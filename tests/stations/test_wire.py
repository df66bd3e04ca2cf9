"""``--hardware wire``: whole runs through real drivers, sockets and simulated devices, and what happens to a run when a device changes."""

import socket
import threading
from contextlib import nullcontext

import numpy as np
import pytest
from qcodes.instrument import Instrument

from eventready.errors import DeviceConnectionError, DeviceFault
from eventready.instruments import Position
from eventready.protocol.records import Flag
from eventready.stations.assembly import programs
from eventready.stations.engine import LOGS
from eventready.stations.link import Link
from eventready.stations.messages import Accepted
from eventready.stations.resume import resume_link
from eventready.stations.states import State

PS = 10**12


@pytest.fixture
def open_wire(config_of):
    """Open a link with drivers against simulated devices; nothing of it is left after the test."""
    links = []

    def open_it(name, seed=1):
        links.append(Link(config_of(name), hardware="wire", seed=seed))
        return links[-1]

    yield open_it
    for link in links:
        link.close()
    assert not dict(Instrument._all_instruments)
    assert not [thread for thread in threading.enumerate() if "simulator" in thread.name]


def say(simulator, channel, command):
    """One command by a client of the device's own, beside the driver; returns the answer."""
    host, port = simulator.address(channel).removeprefix("socket://").split(":")
    with socket.create_connection((host, int(port)), 10.0) as client:
        received = b""
        for data in (b"", f"{command}\n".encode()):
            client.sendall(data)
            received = client.recv(4096)
            while not received.endswith(b"\n> "):
                received += client.recv(4096)
    return received.removesuffix(b"\n> ").decode()


def records_of(folder):
    return {name: folder.read_log(name).records for name in LOGS}


def heralds_between(folder, start_s, end_s):
    times = folder.read_log("public").records["herald_ps"] / PS
    return times[(times > start_s) & (times < end_s)]


# -- undisturbed ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "rounds"), [("munich", 40), ("oxford", 300)])
def test_a_link_runs_over_the_wire(open_wire, tmp_path, name, rounds):
    link = open_wire(name)
    result = link.run(tmp_path / "run", rounds=rounds)
    assert (result.rounds, result.stopped, result.vetoes) == (rounds, "", 0)
    records = records_of(result.folder)
    for party in ("alice", "bob"):
        assert list(records[party]["index"]) == list(range(rounds))
        assert not records[party]["flags"].any()
        assert set(records[party]["outcome"]) == {0, 1}
    assert result.folder.read_log("public").header.hardware == "wire"
    for dlc in (link.wiring.simulators[f"{party}_dlc"] for party in ("alice", "bob")):
        assert not any(dlc.value(f"{head}:emission") for head in dlc.heads), "the safe state was reached in the device"


def test_the_shutter_moves_twice_a_round_and_was_closed_when_it_was_called_closed(open_wire, tmp_path):
    link = open_wire("munich")
    sc10 = link.wiring.simulators["bob_shutter"]
    result = link.run(tmp_path / "run", rounds=10)
    toggled = [said.time_ps for said in sc10.transcript if said.data == b"ens\r"]
    assert len(toggled) == 2 * 10 + 2, "open for the run, closed and opened in each round, closed at the end"
    bob = records_of(result.folder)["bob"]
    for record, closing_ps in zip(bob, toggled[1::2], strict=False):
        took_ps = int(record["herald_ps"]) + int(record["isolated_ns"]) * 1000 - closing_ps
        assert 5 * 10**9 <= took_ps <= 20 * 10**9, "the blade takes 5 ms, and is waited for 20 ms"


def test_an_interrupted_run_is_resumed_over_the_wire(open_wire, tmp_path):
    link = open_wire("munich")
    link.clocks["bsm"].call_at(300.0, lambda: link.request_stop("enough for today"))
    result = link.run(tmp_path / "run", rounds=12)
    assert result.stopped == "enough for today"
    assert 0 < result.rounds < 12
    link.make_safe()
    link.close()
    with resume_link(result.folder) as resumed:
        assert resumed.hardware == "wire"
        finished = resumed.resume(result.folder)
    assert (finished.rounds, finished.stopped) == (12, "")


# -- something changes at a device, and is mended ------------------------------------------------------------------------------------------

BROKEN_S, MENDED_S = 400.0, 1600.0
"""Munich: some 14 heralds would come in between, and all seeds are fixed."""


def while_attempting(link, party, start_s, action):
    """Have ``action`` taken at the first second from ``start_s`` on at which the party attempts; gives a list that then holds the time."""
    clock, when = link.clocks[party], []

    def look():
        if link.parties[party].state is State.ATTEMPTING and link.bsm_node.index > 0:  # nobody waits for the first load
            when.append(clock.now())
            action()
        else:
            clock.call_at(clock.now() + 1.0, look)

    clock.call_at(start_s, look)
    return when


def require_suspended(result, events_of, party, cause):
    """The run says why it stood still, in the party's events and in the public ones, and went on."""
    suspended = [line["cause"] for line in events_of(result.folder, party) if line["to"] == "suspended"]
    assert suspended
    assert all(cause in line for line in suspended)
    public = [line["cause"] for line in events_of(result.folder, "public")]
    assert any(line.startswith(f"{party} suspended: ") and cause in line for line in public)
    assert f"{party} resumed" in public


def test_a_shutter_closed_at_its_front_panel_stops_the_heralds_until_it_is_opened_again(open_wire, tmp_path, events_of):
    link = open_wire("munich")
    sc10 = link.wiring.simulators["bob_shutter"]
    closed = while_attempting(link, "bob", BROKEN_S, sc10.press_enable)
    link.clocks["bob"].call_at(MENDED_S, sc10.press_enable)  # by then it has been closed for long
    result = link.run(tmp_path / "run", rounds=25)
    assert (result.rounds, result.stopped) == (25, "")
    require_suspended(result, events_of, "bob", "bob_shutter: the way to the fibre is not confirmed open: the blade is seen closed")
    # Attempts are drawn in runs of 10 s: a herald that was on its way when the shutter closed is the last one.
    assert not len(heralds_between(result.folder, closed[0] + 10.0, MENDED_S))
    assert len(heralds_between(result.folder, MENDED_S, np.inf)) > 5
    assert not records_of(result.folder)["bob"]["flags"].any(), "in the last round before, too, the blade was seen closed"


def test_a_closed_shutter_darkens_bob_s_fibre(open_wire):
    link = open_wire("munich")
    world, clock = link.world, link.clocks["bob"]
    link.bob.load()

    def transmission():
        clock.sleep(0.1)
        loop = programs(link.config)["bsm"].loop
        return world._optics.parameters(clock.now_ps(), (True, True), loop).bob.channel_transmission

    before = transmission()
    link.wiring.simulators["bob_shutter"].press_enable()
    assert transmission() == before * world.preset["node.bob.shutter_transmission"] < before
    assert link.bob.shutter.position() is Position.CLOSED


@pytest.mark.parametrize(("name", "party"), [("munich", "alice"), ("munich", "bob"), ("oxford", "bob")])
def test_a_laser_unlocked_by_another_client_stops_the_heralds_until_it_is_locked_again(open_wire, tmp_path, events_of, name, party):
    link = open_wire(name)
    dlc, clock = link.wiring.simulators[f"{party}_dlc"], link.clocks[party]
    lasts_s, rounds = (1200.0, 25) if name == "munich" else (60.0, 3000)

    def unlock():
        assert say(dlc, "command", "(exec 'laser1:dl:lock:open)") == "()"
        clock.call_at(clock.now() + lasts_s, lock)

    def lock():
        assert say(dlc, "command", "(exec 'laser1:dl:lock:close)") == "()"

    unlocked = while_attempting(link, party, BROKEN_S, unlock)
    unlocked = while_attempting(link, party, BROKEN_S, unlock)
    result = link.run(tmp_path / "run", rounds=rounds)
    assert (result.rounds, result.stopped) == (rounds, "")
    slot = "excitation_laser" if name == "munich" else "qubit"
    require_suspended(result, events_of, party, f"{party}.{slot}: not locked")
    # Oxford: the heralds do not depend on this laser, but all instruments are asked once a second.
    assert not len(heralds_between(result.folder, unlocked[0] + (10.0 if name == "munich" else 1.1), unlocked[0] + lasts_s))
    assert len(heralds_between(result.folder, unlocked[0] + lasts_s, np.inf)) > 5


# -- a shutter of which nobody knows where it is -------------------------------------------------------------------------------------------


def sensor_sticks(sc10):
    sc10.faults.freeze("closed", 1)


def line_breaks(sc10):
    sc10.stop()


def blade_sticks(sc10):
    sc10.port.stuck = True


def key_is_pressed_as_it_closes(sc10):
    """The driver has seen it open; its toggle comes after the one at the front panel, and opens it again."""
    real = sc10.press_enable

    def pressed_twice():
        sc10.press_enable = real
        real()
        real()

    sc10.press_enable = pressed_twice


@pytest.mark.parametrize(
    ("fault", "error"),
    [(sensor_sticks, DeviceFault), (line_breaks, DeviceConnectionError), (blade_sticks, None), (key_is_pressed_as_it_closes, None)],
)
def test_a_herald_on_its_way_to_a_broken_shutter_is_never_read_out(loop_of, fault, error):
    """It is accepted before Bob can look. Its record is the flagged fallback output; where the shutter does not open, it is the last."""
    loop = loop_of("munich", rounds=6, hardware="wire")
    sc10 = loop.link.wiring.simulators["bob_shutter"]
    loop.before("bob", Accepted, 3, lambda: fault(sc10))
    with pytest.raises(error, match="bob_shutter") if error else nullcontext():
        loop.run()
    records = loop.records("bob")
    assert len(records) == (4 if error else 6)
    assert not records["flags"][:3].any()
    assert records["flags"][3] & Flag.NOT_ISOLATED
    assert (records["counts"][3], records["outcome"][3]) == (0, loop.link.config.link.fallback.bob)
    assert any(cause.startswith("round 3: bob_shutter: ") for cause in loop.events["bob"].causes())
    still_broken = fault is blade_sticks
    assert all(bool(flags & Flag.NOT_ISOLATED) is still_broken for flags in records["flags"][4:])


def test_a_shutter_of_which_nobody_knows_where_it_is_stops_the_heralds(open_wire, tmp_path, events_of):
    link = open_wire("munich")
    sc10 = link.wiring.simulators["bob_shutter"]
    stuck = while_attempting(link, "bob", BROKEN_S, lambda: sc10.faults.freeze("closed", 1))
    link.clocks["bob"].call_at(MENDED_S, sc10.faults.clear)
    result = link.run(tmp_path / "run", rounds=25)
    require_suspended(result, events_of, "bob", "bob_shutter: the way to the fibre is not confirmed open: the blade is seen unknown")
    assert not len(heralds_between(result.folder, stuck[0] + 10.0, MENDED_S))
