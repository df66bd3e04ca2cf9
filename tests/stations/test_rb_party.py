"""A round at a Rb node, on the twin: what happens in which order, and what becomes of a round in which something fails."""

import numpy as np
import pytest

from eventready.errors import ConfigError, DeviceConnectionError, DeviceFault, NotReady, SequenceError
from eventready.instruments import Position, RandomSource
from eventready.protocol.records import Flag
from eventready.stations.messages import Accepted, Isolated, Ready, Resume, RoundTypeBit, Suspend
from eventready.stations.states import State
from eventready.twin.ports import Latched
from eventready.twin.roles import TwinShutter

FAULT = Flag.FALLBACK | Flag.DEVICE_FAULT
OPEN = Flag.FALLBACK | Flag.NOT_ISOLATED


@pytest.fixture
def loop(loop_of):
    return loop_of("munich", rounds=6)


@pytest.fixture
def calls(loop, mocker):
    """What happens at Bob, in order."""
    seen = []
    link = loop.link
    bob = link.wiring.roles

    def watch(target, method, label):
        real = getattr(target, method)

        def spy(*args, **kwargs):
            seen.append(label(*args))
            return real(*args, **kwargs)

        mocker.patch.object(target, method, spy)

    watch(bob["bob.shutter"], "set_open", lambda is_open: "shutter opens" if is_open else "shutter closes")
    watch(bob["bob.shutter"], "wait_for", lambda position, timeout: f"shutter is {position}")
    loop.on_play["bob"].append(lambda section, arm: seen.append(f"play {section}"))
    watch(bob["bob.qrng"], "read_latched", lambda: "input read back")
    counter = bob["bob.detector"].counter
    mocker.patch.object(bob["bob.detector"], "counter", lambda duration, real=counter: lambda: (seen.append("count"), real(duration)())[1])
    watch(bob["bob.trap"], "set_emission", lambda on: f"trap {'on' if on else 'off'}")
    watch(bob["bob.cooling"], "set_enabled", lambda on: f"light {'on' if on else 'off'}")
    watch(loop.logs["bob"], "append", lambda record: "record")
    watch(loop.nodes["bob"], "on", lambda message: type(message).__name__)
    return seen


def test_the_order_of_a_round(loop, calls):
    loop.run()
    start = calls.index("Accepted")
    reload = calls.index("light on", calls.index("trap on", start))
    assert [call for call in calls[start:reload] if call != "Durable"] == [
        "Accepted",
        "shutter closes",
        "play input",
        "input read back",
        "play readout",
        "shutter is closed",
        "light on",
        "count",
        "light off",
        "record",
        "trap off",
        "trap on",
        "shutter opens",
        "shutter is open",
    ]


def test_nothing_is_drawn_before_the_herald_and_one_input_a_round_after_it(loop, mocker):
    for port in (loop.link.world.ports["alice.qrng"], loop.link.world.ports["bob.qrng"]):
        for method in ("read", "latch"):
            real = getattr(port, method)
            mocker.patch.object(
                port, method, lambda *args, real=real, port=port: (loop.journal.append(("draw", port.slot, None)), real(*args))[1]
            )
    sequencer = loop.link.world.ports["bsm.sequencer"]
    attempt = sequencer.run

    def miss_a_reference_pulse(*args):
        attempted = attempt(*args)
        if attempted.heralded:
            sequencer.missed_references, sequencer.run = 1, attempt
        return attempted

    sequencer.run = miss_a_reference_pulse
    loop.run()
    assert loop.nodes["bsm"].vetoes == 1
    for party in ("alice", "bob"):
        story = []
        for what, name, item in loop.journal:
            if (what, name) == ("hear", party) and isinstance(item, Accepted):
                story.append("accepted")
            elif (what, name) in (("draw", f"{party}.qrng"), ("append", party)):
                story.append(what)
        # The latch of the twin reads its own stream: one "latch" and one "read" a round, nothing else.
        assert story == ["accepted", "draw", "draw", "append"] * 6


def test_the_filter_is_confirmed_before_attempting(loop):
    port = loop.link.world.ports["bob.filter"]
    port.command(True, 0)
    port.stuck = True
    with pytest.raises(DeviceFault, match="bob_filter: not closed"):
        loop.run()
    assert loop.journal == []


@pytest.mark.parametrize("blind", ["bob_shutter", "bob_filter"])
def test_isolation_that_nobody_can_confirm_begins_no_run(loop, mocker, blind):
    mocker.patch.object(TwinShutter, "confirmed", property(lambda shutter: shutter.name != blind))
    with pytest.raises(ConfigError, match=f"{blind}: its position is not measured"):
        loop.run()
    assert loop.journal == []


def test_a_filter_that_leaves_the_beam_suspends_the_party(loop):
    filter_, port = loop.link.wiring.roles["bob.filter"], loop.link.world.ports["bob.filter"]
    loop.before("bob", Accepted, 1, lambda: filter_.set_open(True))
    clock = loop.link.clocks["bob"]
    loop.before("bob", Accepted, 1, lambda: clock.call_at(clock.now() + 30, lambda: port.command(False, clock.now_ps())))
    loop.run()
    assert any("spectral filter is not confirmed" in cause for cause in loop.events["bob"].causes())
    assert any("bob suspended: bob_filter" in cause for cause in loop.events["public"].causes())
    assert (loop.records("bob")["flags"] == 0).all()


def test_the_readout_pulse_acts_within_the_coherence_time_and_after_the_input(loop):
    loop.run()
    for party in ("alice", "bob"):
        records = loop.records(party)
        delay = loop.link.config.delay("bsm", party) * 1e9
        assert np.allclose(records["input_ns"], 1000 + delay, atol=1)
        assert np.allclose(records["readout_ns"], 21000 + delay, atol=1)
    assert (loop.records("bob")["isolated_ns"] > 5_000_000).all()


# -- faults after the herald ---------------------------------------------------------------------------------------------------------------


def sequencer_breaks(loop, party, section):
    def broken(name, arm):
        if name == section:
            loop.on_play[party].remove(broken)
            raise DeviceConnectionError(f"{party}_sequencer", "the connection broke")

    loop.on_play[party].append(broken)


def readout_late(loop, party):
    def late(name, arm):
        if name == "readout":
            loop.on_play[party].remove(late)
            loop.link.clocks[party].sleep(320e-6)

    loop.on_play[party].append(late)


def shutter_sticks(loop, party):
    port, role = loop.link.world.ports["bob.shutter"], loop.link.wiring.roles["bob.shutter"]
    port.stuck = True
    real = role.set_open

    def reopened(is_open):
        if is_open:
            port.stuck = False
            role.set_open = real
        real(is_open)

    role.set_open = reopened


def shutter_breaks(loop, party):
    role = loop.link.wiring.roles["bob.shutter"]
    real = role._do_set_open

    def broken(is_open):
        role._do_set_open = real
        raise DeviceConnectionError(role.name, "the connection broke")

    role._do_set_open = broken


def detector_overloads(loop, party):
    role, port = loop.link.wiring.roles[f"{party}.detector"], loop.link.world.ports[f"{party}.detector"]
    port.overloaded = True
    device = loop.link.wiring.roles["bsm.detector_ch"] if party == "alice" else role
    readout_s = 0.0 if party == "alice" else 5e-3  # Bob waits for his shutter
    device.clock.call_at(device.clock.now() + readout_s + 20.5e-3, device.reset_overload)  # behind the readout of 20 ms


FAULTS = [
    pytest.param("alice", lambda loop, party: sequencer_breaks(loop, party, "readout"), FAULT, id="alice's sequencer"),
    pytest.param("bob", lambda loop, party: sequencer_breaks(loop, party, "readout"), FAULT, id="bob's sequencer"),
    pytest.param("alice", readout_late, FAULT, id="alice's readout late"),
    pytest.param("bob", readout_late, FAULT, id="bob's readout late"),
    pytest.param("bob", shutter_sticks, OPEN, id="shutter stuck"),
    pytest.param("bob", shutter_breaks, OPEN, id="shutter does not answer"),
    pytest.param("alice", detector_overloads, FAULT, id="alice's detector"),
    pytest.param("bob", detector_overloads, FAULT, id="bob's detector"),
]


@pytest.mark.parametrize(("party", "fault", "flags"), FAULTS)
def test_a_fault_after_the_herald_costs_that_party_its_outcome_and_nobody_a_record(loop, party, fault, flags):
    loop.before(party, Accepted, 2, lambda: fault(loop, party))
    loop.run()
    other = "bob" if party == "alice" else "alice"
    assert loop.records(party)["index"].tolist() == loop.records(other)["index"].tolist() == list(range(6))
    assert loop.records(party)["flags"].tolist() == [0, 0, flags, 0, 0, 0]
    assert (loop.records(other)["flags"] == 0).all()
    record = loop.records(party)[2]
    assert record["outcome"] == getattr(loop.link.config.link.fallback, party)
    assert record["counts"] == 0
    assert record["input_ns"] > 0, "the input is drawn and recorded all the same"
    assert loop.records(other)["readout_ns"][2] > 0
    assert any(cause.startswith("round 2: ") for cause in loop.events[party].causes())
    assert loop.nodes["bsm"].vetoes == 0


def test_a_fallback_output_is_the_declared_one(loop_of, config_of):
    loop = loop_of("munich", rounds=3)
    loop.nodes["bob"]._round.fallback = 1
    loop.before("bob", Accepted, 1, lambda: shutter_sticks(loop, "bob"))
    loop.run()
    assert loop.records("bob")["outcome"][1] == 1


def test_the_fluorescence_is_never_looked_at_through_an_open_shutter(loop, mocker):
    loop.before("bob", Accepted, 2, lambda: shutter_sticks(loop, "bob"))
    shutter, detector, bob = loop.link.wiring.roles["bob.shutter"], loop.link.wiring.roles["bob.detector"], loop.nodes["bob"]
    seen = []
    real = detector.counter

    def counter(duration):
        def count():
            if bob.state is State.READING:
                seen.append(shutter.position())
            return real(duration)()

        return count

    mocker.patch.object(detector, "counter", counter)
    loop.run()
    assert seen == [Position.CLOSED] * 5


def test_the_light_of_a_readout_that_failed_goes_off(loop, mocker):
    states = []
    cooling, bob = loop.link.wiring.roles["bob.cooling"], loop.nodes["bob"]
    loop.before("bob", Accepted, 2, lambda: detector_overloads(loop, "bob"))
    real = loop.logs["bob"].append
    mocker.patch.object(loop.logs["bob"], "append", lambda record: (states.append(cooling.enabled()), real(record)))
    loop.run()
    assert bob.state is State.IDLE
    assert states == [False] * 6


def test_every_atom_is_thrown_out_whatever_the_outcome(loop, mocker):
    """The reload is unconditional: an atom that survived must not be used again, nor save its node the time of loading."""
    trap = loop.link.world.traps[1]
    emptied = mocker.spy(trap, "empty")
    loop.run()
    outcomes = loop.records("bob")["outcome"].tolist()
    assert set(outcomes) == {0, 1}, "the seed has been chosen so that both occur"
    reloads = [line for line in loop.events["bob"].lines if line["from"] == "resetting"]
    assert reloads == []  # part of an undisturbed round
    assert emptied.call_count >= 6
    ready = [message.time_ps for message in loop.heard("bsm") if isinstance(message, Ready) and message.sender == "bob"]
    done = loop.records("bob")["herald_ps"] + loop.records("bob")["done_ns"].astype(np.int64) * 1000
    after = [min(time for time in ready if time > end) - end for end in done]
    assert min(after) > 10e-3 * 1e12, "nobody is ready at once: every trap was empty"


# -- a detector that latches ---------------------------------------------------------------------------------------------------------------


def latches_at_the(loop, party, count):
    """Its detector latches at the ``count``-th look from now on: 1 is the readout of a round, 2 the first look for the next atom."""
    port = loop.link.world.ports[f"{party}.detector"]
    real, looks = port.count, []

    def counts(start_ps, duration_s):
        looks.append(duration_s)
        if len(looks) == count:
            port.set_overloaded(True)
        return real(start_ps, duration_s)

    port.count = counts


@pytest.mark.parametrize("party", ["alice", "bob"])
@pytest.mark.parametrize("look", [1, 2], ids=["reading", "loading"])
def test_a_party_frees_its_latched_detector_before_it_says_ready(loop, party, look):
    """Alice frees one of the Bell-state measurement, through her window, while its owner waits for her."""
    loop.before(party, Accepted, 2, lambda: latches_at_the(loop, party, look))
    loop.run()
    assert loop.records(party)["index"].tolist() == list(range(6))
    assert loop.records(party)["flags"].tolist() == [0, 0, FAULT if look == 1 else 0, 0, 0, 0]
    lines = loop.events[party].lines
    (first,) = [n for n, line in enumerate(lines) if (line["from"], line["to"]) == ("attempting", "suspended")]
    told = [(line["from"], line["to"], line["cause"].partition(";")[2]) for line in lines[first:]]
    assert told[:4] == [
        ("attempting", "suspended", ""),
        ("suspended", "suspended", " reset 1 of 12: in order again"),
        ("suspended", "attempting", ""),
        ("attempting", "loading", ""),
    ]
    heard = [message for message in loop.heard("bsm") if message.sender == party]
    (at,) = [n for n, message in enumerate(heard) if isinstance(message, Suspend)]
    assert [type(message) for message in heard[at : at + 3]] == [Suspend, Resume, Ready]
    assert loop.nodes["bsm"].vetoes == 0


def test_a_detector_that_latches_in_every_look_for_an_atom_ends_the_run(loop):
    port = loop.link.world.ports["bob.detector"]
    loop.before("bob", Accepted, 2, lambda: port.set_dazzled(True))
    with pytest.raises(NotReady, match=r"bob: not ready for 3600 s: bob\.detector: overloaded or latched"):
        loop.run()
    tries = [line for line in loop.events["bob"].lines if "; reset " in line["cause"]]
    assert [line["cause"].partition("; ")[2] for line in tries] == [f"reset {n} of 12: latched again" for n in range(1, 13)]
    pauses = np.diff([line["t_s"] for line in tries])
    assert (pauses[1:] > 1.5 * pauses[:-1]).all()
    assert loop.records("bob")["index"].tolist() == loop.records("alice")["index"].tolist() == [0, 1, 2]


def test_without_tries_a_latched_detector_ends_the_run_after_patience(loop):
    loop.nodes["bob"].preparation.detector_reset._tries = 0
    port = loop.link.world.ports["bob.detector"]
    loop.before("bob", Accepted, 2, lambda: port.set_overloaded(True))
    with pytest.raises(NotReady, match="bob: not ready for 3600 s"):
        loop.run()
    assert not [line for line in loop.events["bob"].lines if "; reset " in line["cause"]]


def test_a_detector_fault_that_is_no_latch_ends_the_run_as_before(loop):
    device, port = loop.link.wiring.roles["bob.detector"], loop.link.world.ports["bob.detector"]

    def broken(start_ps, duration_s):
        raise DeviceFault(device.name, "the counter card reports an error")

    loop.before("bob", Accepted, 2, lambda: setattr(port, "count", broken))
    with pytest.raises(DeviceFault, match="counter card"):
        loop.run()


# -- faults that end the run ---------------------------------------------------------------------------------------------------------------


def test_an_input_that_cannot_be_read_back_ends_the_run_and_has_no_default(loop):
    port = loop.link.world.ports["alice.qrng"]
    loop.before("alice", Accepted, 3, lambda: setattr(port, "latch", lambda n_bits, time_ps: 0))
    with pytest.raises(NotReady, match="nothing has been latched"):
        loop.run()
    assert loop.records("alice")["index"].tolist() == [0, 1, 2]
    assert loop.records("public")["index"].tolist() == [0, 1, 2, 3]


def test_an_input_that_differs_from_what_was_applied_ends_the_run(loop):
    port = loop.link.world.ports["bob.qrng"]
    real = port.latch
    loop.before("bob", Accepted, 3, lambda: setattr(port, "latch", lambda n_bits, time_ps: real(n_bits, time_ps) ^ 1))
    with pytest.raises(DeviceFault, match="not the one that the sequencer applied") as caught:
        loop.run()
    assert loop.records("bob")["index"].tolist() == [0, 1, 2]
    assert "0" not in str(caught.value).partition("round 3")[2] and "1" not in str(caught.value).partition("round 3")[2]


def test_an_input_older_than_its_herald_ends_the_run(loop):
    port = loop.link.world.ports["alice.qrng"]

    def stale(n_bits, time_ps):
        port.latched.append(Latched(2, loop.logs["public"].records()["herald_ps"][-1]))
        return 2

    loop.before("alice", Accepted, 3, lambda: setattr(port, "latch", stale))
    with pytest.raises(DeviceFault, match="drawn before its herald"):
        loop.run()
    assert loop.records("alice")["index"].tolist() == [0, 1, 2]


def test_a_source_that_sticks_ends_the_run_and_draws_no_more(loop_of):
    """A stuck bit is bits of the same value: the repetition count test stops it after 41 of them (false alarm 2^-40 a bit)."""
    loop = loop_of("munich", rounds=60)
    loop.before("bob", Accepted, 1, lambda: setattr(loop.link.world.ports["bob.qrng"], "stuck_at", 0))
    with pytest.raises(DeviceFault, match="SP 800-90B"):
        loop.run()
    assert len(loop.records("bob")) < 50
    with pytest.raises(DeviceFault, match="SP 800-90B"):
        loop.link.wiring.roles["bob.qrng"].draw(1)


def test_messages_of_the_other_platform_are_refused(loop):
    for message in (Isolated("alice", 0, 0, True), RoundTypeBit("alice", 0, 0, True)):
        with pytest.raises(SequenceError, match="cannot handle"):
            loop.link.parties["bob"].on(message)


def test_a_lost_round_gets_fresh_bits_of_its_own_width(open_twin, mocker):
    link = open_twin("munich")
    drawn = mocker.spy(RandomSource, "draw")
    for party, width in (("alice", 2), ("bob", 1)):
        settings = [link.parties[party].draw_lost(n, None)[1] for n in range(64)]
        assert set(settings) == set(range(2**width)), "a value that never comes in 64 draws: p < 4 (3/4)^64 = 4e-8"
        assert {call.args[1] for call in drawn.call_args_list[-64:]} == {width}
