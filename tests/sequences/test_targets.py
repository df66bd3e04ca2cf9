"""Golden vectors of the devices, and what they cannot do."""

import dataclasses
import math

import numpy as np
import pytest

from eventready.errors import SequenceError
from eventready.sequences.compile import compile
from eventready.sequences.language import (
    INPUT,
    OFF,
    ON,
    Block,
    Choose,
    Gate,
    Herald,
    Level,
    Pulse,
    Repeat,
    Seq,
    Tone,
    Until,
    Wait,
    ms,
    ns,
    us,
)
from eventready.sequences.rewire import moved_to
from eventready.sequences.targets import ARTIQ, MOGLABS, PULSE_STREAMER, TARGETS
from eventready.sequences.targets.artiq import gate_word, herald_word, timing_word
from eventready.sequences.targets.moglabs import Entry, entry_words
from eventready.sequences.targets.pulse_streamer import stream_message, upload_message
from eventready.sequences.wiring import Line, wire
from eventready.stations.config import load_link
from eventready.stations.link_sequence import link_round, link_wiring

# -- ARTIQ entangler: words of the public gateware's driver ------------------------------------------------------------------------------


def test_entangler_golden_words():
    assert gate_word(10 * ns, 40 * ns) == 0x0029000B
    assert timing_word(0, 800 * ns) == 0x00650001
    assert herald_word([0b0011, 0b1100, 0b0101, 0b1010]) == 0x000FA5C3


def entangled(length=us, **changes):
    lines = [
        Line("b.x", "d.out1", delay_ps=80 * ns),
        Line("b.ref", "d.ref", 5 * ns),
        Line("b.d0", "d.apd0", 12 * ns),
        Line("b.d1", "d.apd1", 12 * ns),
    ]
    gates = [Gate(f"b.d{k}", 203 * ns, 30 * ns, "b.ref") for k in (0, 1)]
    block = Block("try", length, [Pulse("b.x", 80 * ns, 800 * ns), Pulse("b.ref", 200 * ns, 8 * ns)], gates)
    tree = Until(Repeat(block, 50), [Herald("x", {"b.d0", "b.d1"})], 1000)
    return compile(dataclasses.replace(tree, **changes), wire(lines), ARTIQ)


def test_entangler_registers_of_a_sequence():
    """The golden words again, out of a description: cycle of 1 us, output 0 to 800 ns at the port, gates 10 to 40 ns after the pulse."""
    (cycle,) = entangled().cycles
    words = {register.address: register.word for register in cycle.registers}
    assert words == {2: 125, 9: 0x00650001, 12: 0x0029000B, 13: 0x0029000B, 3: 0x00010003}
    assert (cycle.repeats, cycle.run_word, cycle.described_ps, cycle.period_ps) == (50, 50 * 129, us, 1032 * ns)


def test_entangler_cycle_is_rounded_up():
    (cycle,) = entangled(1050 * ns).cycles
    assert {register.address: register.word for register in cycle.registers}[2] == 132
    (longest,) = entangled(8184 * ns).cycles
    assert {register.address: register.word for register in longest.registers}[2] == 1023
    with pytest.raises(SequenceError, match=r"lasts 8\.192 us, longer than the 8\.184 us.*pulse-streamer"):
        entangled(8192 * ns)


def test_events_after_a_herald_and_the_gap():
    lines = [Line("a.x", "d.ttl0", 20 * ns), Line("a.y", "d.dds1"), Line("a.z", "d.dac2", gap_state=Level(0.5), idle=Level(0.0))]
    tone = Tone(80e6, 10.0, 0.5)
    block = Block("b", us, [Pulse("a.x", 100 * ns, 50 * ns), Pulse("a.y", 90 * ns, 90 * ns, tone), Pulse("a.z", 0, us, Level(0.25))])
    made = compile(Seq([block, Wait("w", us), block]), wire(lines), ARTIQ)
    assert [(table.trigger, table.length_mu) for table in made.lists] == [("start", 1000), ("w", 1000)]
    assert [(event.at_mu, event.channel, event.drive) for event in made.lists[0].events] == [
        (0, "dac2", Level(0.25)),
        (80, "ttl0", ON),
        (90, "dds1", tone),
        (130, "ttl0", OFF),
        (180, "dds1", OFF),
        (1000, "dac2", Level(0.0)),
    ]
    assert made.gap == {"ttl0": OFF, "dds1": OFF, "dac2": Level(0.5)}


# -- Pulse Streamer: captured from the vendor's client ------------------------------------------------------------------------------------

HEADER = "534950531dc7778c000000000000000040000000000000000000000000000000"
PAYLOAD = "0500000000000000020000000000000000200180020000000000000000000000640000000100400000c80000000000400000" + "00" * 14


def captured():
    """ch0 high for 100 ns, low for 200 ns; AO0 at 0.5 V for both; afterwards ch1 and 0.25 and -1 V. Five times."""
    lines = [
        Line("a.x", "d.ch0"),
        Line("a.y", "d.ch1", gap_state=ON),
        Line("a.u", "d.ao0", idle=Level(0.0), gap_state=Level(0.25)),
        Line("a.v", "d.ao1", idle=Level(0.0), gap_state=Level(-1.0)),
    ]
    block = Block("b", 300 * ns, [Pulse("a.x", 0, 100 * ns), Pulse("a.u", 0, 300 * ns, Level(0.5))], [Gate("a.x", 0, 0)][:0])
    gated = dataclasses.replace(block, gates=[Gate("b.d", 0, 300 * ns)])
    (table,) = compile(Until(gated, [Herald("h", {"b.d"})], 5), wire(lines), PULSE_STREAMER)
    return table


def test_streamer_golden_message():
    message = stream_message(captured(), 0x8C77C71D)
    assert message[:32].hex() == HEADER
    assert message[32:].hex() == PAYLOAD


def test_streamer_upload_and_padding():
    message = upload_message(captured(), 1, next_action=1, when=2, on_no_data=3)
    assert message[8:12] == bytes([0, 1, 0, 0])
    assert message[32 + 20 : 32 + 32].hex() == "020000000001020300000000"
    lines, block = [Line("a.x", "d.ch0")], Block("b", 64 * us, [Pulse("a.x", k * 4 * us, us) for k in range(16)])
    (table,) = compile(block, wire(lines), PULSE_STREAMER)
    assert len(table.digital) == 32
    assert len(stream_message(table, 0)) == 32 + 32 + 32 * 9 + 32  # a full 32 zeros where nothing is left over


def test_streamer_tables_of_munich():
    """200 attempts and their cooling in one table that is played again and again; after the herald, one table for all inputs."""
    config = load_link("munich")
    wiring = link_wiring(config)
    tables = compile(link_round(config), wiring.of_device("bob_streamer"), PULSE_STREAMER)
    assert [table.trigger for table in tables] == ["start", "input", "shutter_closed"]
    assert [table.slot for table in tables] == [0, 1, 1]
    assert [table.gated for table in tables] == [("ch1",), (), ()]
    assert tables[0].n_runs == 2500
    assert tables[0].length_ps == 200 * 19_200 * ns + 200 * us
    assert tables[0].final == (1 << 5, 0, 0)  # the trap stays on
    assert len(tables[1].paths) == 2  # both inputs are the same at the ports; the switch behind them is the QRNG's


def test_streamer_splits_steps_that_are_too_long():
    lines = [Line("a.x", "d.ch0")]
    (table,) = compile(Block("b", 10**13, [Pulse("a.x", 0, us)]), wire(lines), PULSE_STREAMER)
    assert table.length_ps == 10**13
    assert len(table.digital) == 4
    assert table.durations_ns.dtype == np.uint32


def test_streamer_volts():
    with pytest.raises(SequenceError, match=r"1\.5 V cannot be played by d\.ao0"):
        compile(Block("b", us, [Pulse("a.x", 0, us, Level(1.5))]), wire([Line("a.x", "d.ao0", idle=Level(0))]), PULSE_STREAMER)


# -- MOGLabs ------------------------------------------------------------------------------------------------------------------------------


def test_moglabs_golden_entries():
    assert entry_words(Entry(80e6, 0.0, 90.0, 8), 0x2000, is_last=False).hex() == "000000000000000820004000147ae148"
    assert entry_words(Entry(80e6, 0.0, 0.0, 10), 0, is_last=True).hex() == "800000000000000a00000000147ae148"


def test_moglabs_table():
    tone = Tone(80e6, 29.1, math.pi / 2)
    block = Block("b", 20 * us, [Pulse("a.x", 5 * us, 8 * us, tone)])
    (table,) = compile(block, wire([Line("a.x", "d.rf2")]), MOGLABS)
    assert table.commands() == (
        "TABLE,CLEAR,2",
        "TABLE,ENTRY,2,1,80.000000MHz,-50.00dBm,0.000000deg,3",  # lasts 5 us
        "TABLE,ENTRY,2,2,80.000000MHz,29.10dBm,90.000000deg,8",
        "TABLE,ENTRY,2,3,80.000000MHz,-50.00dBm,0.000000deg,1",
        "TABLE,ENTRIES,2,3",
    )
    binary = table.binary(lambda dbm: 0x2000 if dbm > -50 else 0)
    assert binary[:16].hex() == "03000100" + "00" * 12
    assert binary[32:48].hex() == "000000000000000820004000147ae148"
    assert binary[48:].hex() == "800000000000000100000000147ae148"


def test_moglabs_header_of_two_entries():
    (table,) = compile(Block("b", 20 * us, [Pulse("a.x", 0, 8 * us, Tone(80e6, 0))]), wire([Line("a.x", "d.rf1")]), MOGLABS)
    assert table.binary(lambda dbm: 0)[:16].hex() == "02000100" + "00" * 12


# -- what a target cannot do -----------------------------------------------------------------------------------------------------------


def test_munich_needs_the_pulse_streamer():
    config = load_link("munich")
    tree, wiring = link_round(config), link_wiring(config)
    moved = moved_to(wiring, ARTIQ, tree)
    with pytest.raises(SequenceError, match=r"alice_streamer, a ARTIQ.*\n(.*\n)*.*19\.2 us, longer than the 8\.184 us.*use pulse-streamer"):
        compile(tree, moved.of_device("alice_streamer"), ARTIQ)
    assert compile(tree, wiring.of_device("alice_streamer"), PULSE_STREAMER)


def test_arms_that_differ_need_artiq():
    arms = {0: Block("a", us, [Pulse("a.x", 0, 100 * ns)]), 1: Block("a", us, [Pulse("a.x", 0, 200 * ns)])}
    with pytest.raises(SequenceError, match=r"cannot choose.*use artiq"):
        compile(Choose(INPUT, arms), wire([Line("a.x", "d.ch0")]), PULSE_STREAMER)
    assert len(compile(Choose(INPUT, arms), wire([Line("a.x", "d.ttl0")]), ARTIQ).lists) == 2


def test_one_device_at_a_time():
    with pytest.raises(SequenceError, match=r"one device at a time.*d, e"):
        compile(Block("b", us), wire([Line("a.x", "d.ch0"), Line("a.y", "e.ch0")]), PULSE_STREAMER)
    with pytest.raises(SequenceError, match="has none"):
        compile(Block("b", us), wire([]), PULSE_STREAMER)


@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_every_device_of_the_links_is_compiled(name):
    config = load_link(name)
    tree, wiring = link_round(config), link_wiring(config)
    for device, kind in wiring.devices.items():
        assert compile(tree, wiring.of_device(device), TARGETS[kind])


def test_a_fluorescence_of_20_ms_is_three_entries():
    config = load_link("munich")
    tables = compile(link_round(config), link_wiring(config).of_device("bob_rf"), MOGLABS)
    assert [len(table.entries) for table in tables] == [3, 3]
    assert tables[1].entries[1].duration_us == 20 * ms // us
